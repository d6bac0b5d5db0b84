"""The attacks of the tables as a network may deliver them: in pieces, each read before the next one comes; and within TLS.
Whoever sends may choose the pieces, and no answer may depend on them. docs/security.md names these tests."""

import itertools
import re
import ssl

import pytest

from hostile import BODY, SMUGGLED, chat
from hostile_tables import CHUNKS, CONNECTION, HOSTS, LINES, SMUGGLING, TARGETS, TRAILERS
from wire import ClosedError, Wire

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
TABLES = {
    "where a body ends": SMUGGLING,
    "lines": LINES,
    "chunks": CHUNKS,
    "trailers": TRAILERS,
    "hosts": HOSTS,
    "request lines": TARGETS,
    "connections": CONNECTION,
}
PIECES_MAX = 700  # of an attack that has more, the rest comes at once


def in_pieces(pieces):
    return [*pieces[:PIECES_MAX], b"".join(pieces[PIECES_MAX:])]


def head_first(data):
    """The first head is whole, and nothing is behind it."""
    end = data.find(b"\r\n\r\n") + 4
    return [data[:end], data[end:]]


# The answers to what comes whole are those that the others are held to. Where a line is cut tells the ways of the parser apart:
# a head that comes whole may be read the short way.
DELIVERIES = {
    "whole": lambda data: [data],
    "a byte at a time": lambda data: in_pieces([data[i : i + 1] for i in range(len(data))]),
    "cut behind each CR": lambda data: in_pieces(re.split(rb"(?<=\r)", data)),
    "cut behind each LF": lambda data: in_pieces(re.split(rb"(?<=\n)", data)),
    "the head, then the rest": head_first,
}
# Within TLS each piece is a record.
WITHIN_TLS = ["whole", "cut behind each CR", "the head, then the rest"]


class Attack:
    """A row of a table, delivered in one way on a connection of its own."""

    def __init__(self, service, tls, row, delivery):
        self.name = f"{row[0]}, {delivery}"
        make, self.statuses, self.closed, self.calls = row[1]
        self.pieces = DELIVERIES[delivery](make(service))
        self.wire = Wire(service, timeout=20, tls=tls).without_delay()

    def send(self, piece):
        try:
            self.wire.send(piece)
        except ConnectionError:  # it had seen enough; what it said can still be read
            assert self.closed, self.name

    def reply(self, status):
        """The next one; who sends a body late may be told to go on, where the body is expected."""
        reply = self.wire.reply()
        while reply[0] == 100 != status:
            reply = self.wire.reply()
        assert reply[0] == status, (self.name, reply)
        return reply

    def end(self):
        """What there is to see of it: of each answer the status, the names of its headers, and the body."""
        replies = [self.reply(status) for status in self.statuses]
        if self.closed:
            assert replies[-1][2].get("connection") == "close", (self.name, replies[-1])
            with pytest.raises((ClosedError, ConnectionError)):
                pytest.fail(f"{self.name}: one more answer: {self.wire.reply()}")
        else:
            status, _, _, body = self.wire.send(HEALTH).reply()
            assert (status, body) == (200, "ok\n"), self.name
        self.wire.close()
        return [(status, sorted(headers), body) for status, _, headers, body in replies]


def send_in_turn(service, attacks):
    """The first piece of each, the second of each, and so on. The service has one event loop, which has read all that came
    before a request on another connection once it has answered that."""
    with Wire(service) as other:
        for pieces in itertools.zip_longest(*(attack.pieces for attack in attacks), fillvalue=b""):
            for attack, piece in zip(attacks, pieces, strict=True):
                if piece:
                    attack.send(piece)
            assert other.send(HEALTH).reply()[0] == 200


def rows_of(table, is_tls):
    for row in table.items():
        _, statuses, _, _ = row[1]
        if 408 in statuses:
            continue  # what does not come on is waited for as long, however it came: test_client_slow.py, within TLS, too
        if not is_tls and row[0] == "a hello of TLS":
            continue  # it is one here
        yield row


def attack_in_pieces(service, upstream, table, deliveries, tls=None):
    rows = list(rows_of(table, bool(tls)))
    attacks = [Attack(service, tls, row, delivery) for row in rows for delivery in deliveries]
    send_in_turn(service, attacks)
    for of_row in (attacks[i : i + len(deliveries)] for i in range(0, len(attacks), len(deliveries))):
        whole = of_row[0].end()
        for attack in of_row[1:]:
            assert attack.end() == whole, attack.name
    assert len(upstream.calls) == sum(attack.calls for attack in attacks)
    assert not any(SMUGGLED.encode() in call.body or SMUGGLED in call.path for call in upstream.calls)
    assert {call.body for call in upstream.calls} <= {BODY[:-1] + b',"model":"backend"}'}
    with Wire(service) as wire:
        assert wire.send(chat(service)).reply()[0] == 200


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_pieces(tls_gateway, upstream, table):
    attack_in_pieces(tls_gateway, upstream, table, DELIVERIES)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_within_tls(tls_gateway, upstream, table):
    context = ssl.create_default_context(cafile=tls_gateway.certificate / "cert.pem")
    attack_in_pieces(tls_gateway, upstream, table, WITHIN_TLS, context)
