"""HTTP by hand, for what client libraries hide: the reason phrase, bytes as they come, requests that are wrong."""

import socket
import struct


class ClosedError(Exception):
    """The service has closed the connection where a reply might have come."""


class Wire:
    """One connection to the service: plain, or TLS where there is a context for it."""

    def __init__(self, service, timeout=30, tls=None):
        self.service = service
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.rest = b""  # read, but behind the reply that was asked for

    def send(self, data):
        self.socket.sendall(data)
        return self

    def without_delay(self):
        """What is sent goes out at once, be it a byte and the one before not acknowledged."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def post(self, path, body, headers=None):
        lines = {"Host": "localhost", "api-key": self.service.key, "Content-Type": "application/json"}
        lines |= {"Content-Length": str(len(body))} | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
        return self.send(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def read(self, limit=65536):
        return self.socket.recv(limit)

    def read_until(self, mark):
        data = bytearray()
        while data.find(mark, max(0, len(data) - 65536 - len(mark))) < 0:
            more = self.read()
            assert more, f"closed after {bytes(data)!r}"
            data += more
        return bytes(data)

    def read_all(self):
        """Until the service closes the connection."""
        data = b""
        try:
            while more := self.read():
                data += more
        except ConnectionResetError:
            pass
        return data

    def reply(self):
        """The next reply that has a length, or is 100: status, reason phrase, headers (in lower case), body."""
        data, self.rest = self.rest, b""
        while b"\r\n\r\n" not in data:
            more = self.read()
            if not more and not data:
                raise ClosedError
            assert more, f"half a reply: {data!r}"
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        line, *rest = head.decode("latin-1").split("\r\n")
        _, status, phrase = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, value in (r.split(":", 1) for r in rest)}
        length = 0 if status == "100" else int(headers["content-length"])
        while len(body) < length:
            more = self.read()
            assert more, f"half a body: {head!r} {body!r}"
            body += more
        self.rest = body[length:]
        return int(status), phrase, headers, body[:length].decode()

    def end(self):
        """Sends nothing more, but reads on."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves without a farewell, as a connection does that breaks."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def narrow(service, tls=None):
    """A connection into which the kernel takes little ahead of its reader."""
    wire = Wire.__new__(Wire)
    wire.service, wire.rest, wire.socket = service, b"", socket.socket()
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    wire.socket.settimeout(60)
    wire.socket.connect(("127.0.0.1", service.port))
    if tls:
        wire.socket = tls.wrap_socket(wire.socket, server_hostname="localhost")
    return wire
