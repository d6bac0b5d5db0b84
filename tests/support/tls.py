"""TLS by hand, for what ssl's sockets hide: its records, a handshake that is not ended, an end of one side only."""

import ssl


class Session:
    """A client's side of TLS over a wire (wire.py), which by itself carries what the session has in `coming` and `going`."""

    def __init__(self, context, wire=None):
        self.wire, self.coming, self.going = wire, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.coming, self.going, server_hostname="localhost")

    def hello(self):
        """What a client says first."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return self.going.read()
        raise AssertionError("a handshake without an answer")

    def fed(self, step):
        """That step of the session, with all that it needs of the network; what it says last is left in `going`."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.wire.send(self.going.read())
                more = self.wire.read()
                assert more, "closed within a step of TLS"
                self.coming.write(more)

    def carried(self, step):
        """The same, and what it says last is sent."""
        result = self.fed(step)
        self.wire.send(self.going.read())
        return result
