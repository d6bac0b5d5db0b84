"""The attacks by what HTTP is made of, in tables: what is sent, the answers, whether the connection is closed behind them, and
how often the upstream is called. Each is sent whole and in pieces, in the open and within TLS."""

from hostile import (
    BODY,
    CHUNKED,
    CODED,
    LENGTH,
    PATH,
    SIZE,
    bare,
    chat,
    chunked,
    chunks,
    coding,
    hidden,
    length,
    refused,
    taken,
    with_chunks,
    with_headers,
    with_host,
    with_line,
)

# -- Where a message ends ----------------------------------------------------------------------------------------------

SMUGGLING = {
    "length and coding": refused(lambda s: chat(s, f"Content-Length: {LENGTH}\r\n{CHUNKED}", CODED + hidden(s), length=False)),
    "coding and length": refused(lambda s: chat(s, f"{CHUNKED}Content-Length: {LENGTH}\r\n", CODED + hidden(s), length=False)),
    "zero chunk before a hidden request": refused(
        lambda s: chat(s, f"{CHUNKED}Content-Length: {5 + len(hidden(s))}\r\n", b"0\r\n\r\n" + hidden(s), length=False)
    ),
    "two lengths alike": refused(with_headers(f"Content-Length: {LENGTH}\r\n" * 2)),
    "two lengths": refused(
        lambda s: chat(s, f"Content-Length: {LENGTH}\r\nContent-Length: {LENGTH + len(hidden(s))}\r\n", length=False) + hidden(s)
    ),
    "lengths in a list": refused(length(f"{LENGTH}, {LENGTH}")),
    "length with +": refused(length(f"+{LENGTH}")),
    "length with -": refused(length(f"-{LENGTH}")),
    "length with a blank": refused(length("4 5")),
    "length with a tab": refused(length(f"{LENGTH}\t")),
    "length in hex": refused(length(hex(LENGTH))),
    "length empty": refused(length("")),
    "length with a fraction": refused(length(f"{LENGTH}.0")),
    "length with an exponent": refused(length("1e1")),
    "length beyond 64 bits": refused(length(2**64)),
    "length of 64 bits": refused(length(2**64 - 1), 413),
    "length in other digits": refused(length("\xb2")),
    "length with blanks around": taken(length(f"  {LENGTH}  ")),
    "length with zeros": taken(length(f"000{LENGTH}")),
    "chunked, identity": refused(coding("chunked, identity")),
    "identity, chunked": refused(coding("identity, chunked"), 501),
    "identity": refused(coding("identity"), 501),
    "chunked, chunked": refused(coding("chunked, chunked")),
    "gzip, chunked": refused(coding("gzip, chunked"), 501),
    "xchunked": refused(coding("xchunked"), 501),
    "chunkedx": refused(coding("chunkedx"), 501),
    "chunked with a parameter": refused(coding("chunked;a=b"), 501),
    "chunked in quotes": refused(coding('"chunked"'), 501),
    "chunked behind a vertical tab": refused(coding("\x0bchunked")),
    "chunked before a tab": refused(coding("chunked\t")),
    "chunked before a NUL": refused(coding("chunked\0")),
    "coding empty": refused(coding(""), 501),
    "coding behind a comma": refused(coding(",chunked"), 501),
    "coding before a comma": refused(coding("chunked,")),
    "two codings alike": refused(with_headers(CHUNKED * 2, CODED)),
    "chunked and identity": refused(with_headers(CHUNKED + "Transfer-Encoding: identity\r\n", CODED)),
    "identity and chunked": refused(with_headers("Transfer-Encoding: identity\r\n" + CHUNKED, CODED), 501),
    "coding folded": refused(with_headers("Transfer-Encoding:\r\n chunked\r\n", CODED)),
    "coding in a fold": refused(with_headers("X: y\r\n Transfer-Encoding: chunked\r\n", CODED)),
    "coding with a blank before the colon": refused(with_headers("Transfer-Encoding : chunked\r\n", CODED)),
    "coding with a tab before the colon": refused(with_headers("Transfer-Encoding\t: chunked\r\n", CODED)),
    "coding in HTTP/1.0": refused(lambda s: chunked(s, CODED, line=f"POST {PATH} HTTP/1.0\r\n")),
    "coding in HTTP/1.0, kept": refused(
        lambda s: chunked(s, CODED, CHUNKED + "Connection: keep-alive\r\n", line=f"POST {PATH} HTTP/1.0\r\n")
    ),
    "coding behind blanks": taken(coding("  chunked ")),
    "coding behind a tab": taken(with_headers("Transfer-Encoding:\tchunked\r\n", CODED)),
    "coding in capitals": taken(with_headers("TRANSFER-ENCODING: CHUNKED\r\n", CODED)),
}

LINES = {
    "LF everywhere": refused(lambda s: chat(s).replace(b"\r\n", b"\n")),
    "LF behind a header": refused(with_headers(f"X: y\nContent-Length: {LENGTH}\r\n")),
    "LF behind the head": refused(lambda s: chat(s).replace(b"\r\n\r\n", b"\r\n\n")),
    "LF behind the request line": refused(with_line(f"POST {PATH} HTTP/1.1\n")),
    "CR behind a header": refused(with_headers(f"X: y\rContent-Length: {LENGTH}\r\n")),
    "CR behind the request line": refused(with_line(f"POST {PATH} HTTP/1.1\r")),
    "CR CR LF": refused(with_headers(f"X: y\r\r\nContent-Length: {LENGTH}\r\n")),
    "blank before the first header": refused(with_line(f"POST {PATH} HTTP/1.1\r\n ")),
    "NUL in a name": refused(with_headers(f"X\0: y\r\nContent-Length: {LENGTH}\r\n")),
    "NUL in a value": refused(with_headers(f"X: y\0z\r\nContent-Length: {LENGTH}\r\n")),
    "control in a name": refused(with_headers(f"X\x01: y\r\nContent-Length: {LENGTH}\r\n")),
    "control in a value": refused(with_headers(f"X: y\x01z\r\nContent-Length: {LENGTH}\r\n")),
    "DEL in a value": refused(with_headers(f"X: y\x7fz\r\nContent-Length: {LENGTH}\r\n")),
    "letter beyond ASCII in a name": refused(with_headers(f"X\xe9: y\r\nContent-Length: {LENGTH}\r\n")),
    "no name": refused(with_headers(f": y\r\nContent-Length: {LENGTH}\r\n")),
    "no colon": refused(with_headers(f"XYZ\r\nContent-Length: {LENGTH}\r\n")),
    "empty lines before": taken(with_line(f"\r\n\r\nPOST {PATH} HTTP/1.1\r\n")),
    "NUL before": refused(with_line(f"\0POST {PATH} HTTP/1.1\r\n")),
    "blank before": refused(with_line(f" POST {PATH} HTTP/1.1\r\n")),
    "tabs between": refused(with_line(f"POST\t{PATH}\tHTTP/1.1\r\n")),
    "two blanks": refused(with_line(f"POST  {PATH} HTTP/1.1\r\n")),
    "blank behind": refused(with_line(f"POST {PATH} HTTP/1.1 \r\n")),
}

CHUNKS = {
    "extension": taken(with_chunks(SIZE + b';a=b;c="d e"\r\n' + BODY + b"\r\n0;z\r\n\r\n")),
    "extension with CR LF in quotes": refused(with_chunks(SIZE + b';a="\r\n' + BODY + b"\r\n0\r\n\r\n", True)),
    "extension with an escaped CR LF": refused(with_chunks(SIZE + b';a="\\\r\n' + BODY + b"\r\n0\r\n\r\n", True)),
    "extension ended by LF": refused(with_chunks(SIZE + b";a\n" + BODY + b"\r\n0\r\n\r\n", True)),
    "extension with LF": refused(with_chunks(SIZE + b";a=b\nxx\r\n" + BODY + b"\r\n0\r\n\r\n", True)),
    "extension with CR": refused(with_chunks(SIZE + b";a\rb\r\n" + BODY + b"\r\n0\r\n\r\n", True)),
    "extension with NUL": refused(with_chunks(SIZE + b";a\0\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "extension without end": refused(with_chunks(SIZE + b";" + b"a" * 9000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), 431),
    "extensions on each byte": refused(with_chunks(b"".join(b"1;%s\r\nx\r\n" % (b"a" * 40) for _ in range(1000))), 431),
    "size before a blank": refused(with_chunks(SIZE + b" \r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size behind a blank": refused(with_chunks(b" " + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size with -": refused(with_chunks(b"-" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size with +": refused(with_chunks(b"+" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size with 0x": refused(with_chunks(b"0x" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size empty": refused(with_chunks(b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "size of 16 digits": refused(with_chunks(b"f" * 16 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), 413),
    "size of 17 digits": refused(with_chunks(b"1" + b"0" * 14 + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n", True)),
    "size over the limit": refused(with_chunks(b"30d41\r\n" + BODY), 413),
    "size of zeros without end": refused(with_chunks(b"0" * 9000 + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"), 431),
    "size with zeros": taken(with_chunks(SIZE.rjust(17, b"0") + b"\r\n" + BODY + b"\r\n000\r\n\r\n")),
    "size in capitals": taken(with_chunks(SIZE.upper() + b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "LF behind the size": refused(with_chunks(SIZE + b"\n" + BODY + b"\r\n0\r\n\r\n")),
    "CR behind the size": refused(with_chunks(SIZE + b"\r" + BODY + b"\r\n0\r\n\r\n")),
    "no line end behind a chunk": refused(with_chunks(SIZE + b"\r\n" + BODY + b"0\r\n\r\n")),
    "LF behind a chunk": refused(with_chunks(SIZE + b"\r\n" + BODY + b"\n0\r\n\r\n")),
    "other bytes behind a chunk": refused(with_chunks(SIZE + b"\r\n" + BODY + b"xx0\r\n\r\n")),
    "LF behind the last chunk": refused(with_chunks(SIZE + b"\r\n" + BODY + b"\r\n0\r\n\n", True)),
    "chunk longer than its size": refused(with_chunks(b"5\r\n" + BODY + b"\r\n0\r\n\r\n")),
    "chunk shorter than its size": refused(with_chunks(b"%x\r\n%s\r\n0\r\n\r\n" % (LENGTH + 20, BODY)), 408),
    "a byte a chunk": taken(with_chunks(chunks(*(BODY[i : i + 1] for i in range(LENGTH))))),
}


def with_trailer(trailer):
    return with_chunks(CODED[:-2] + trailer + b"\r\n")


TRAILERS = {
    "of its own": taken(with_trailer(b"X: y\r\n")),
    "Content-Length": refused(with_trailer(b"Content-Length: 500\r\n")),
    "Transfer-Encoding": refused(with_trailer(b"Transfer-Encoding: chunked\r\n")),
    "Host": taken(with_trailer(b"Host: evil.example\r\n")),
    "credentials": taken(with_trailer(b"api-key: wrong\r\nAuthorization: Bearer x\r\n")),
    "Connection": taken(with_trailer(b"Connection: close\r\nUpgrade: h2c\r\nExpect: x\r\n")),
    "content": taken(with_trailer(b"Content-Type: text/plain\r\nContent-Encoding: gzip\r\n")),
    "without end": refused(with_trailer(b"X: " + b"y" * 9000 + b"\r\n"), 431),
    "without number": refused(with_trailer(b"X: y\r\n" * 2000), 431),
    "no colon": refused(with_trailer(b"X y\r\n")),
    "folded": refused(with_trailer(b"X: y\r\n z\r\n")),
    "LF": refused(lambda s: chunked(s, CODED[:-2] + b"X: y\n\r\n") + hidden(s)),
}

# -- Whom and what it asks for -----------------------------------------------------------------------------------------

HOSTS = {
    "none": refused(with_host("")),
    "two": refused(with_host("Host: a\r\nHost: b\r\n")),
    "two alike": refused(with_host("Host: a\r\nHost: a\r\n")),
    "user": refused(with_host("Host: a@b\r\n")),
    "blank": refused(with_host("Host: a b\r\n")),
    "path": refused(with_host("Host: a/b\r\n")),
    "list": refused(with_host("Host: a, b\r\n")),
    "quotes": refused(with_host('Host: "><script>\r\n')),
    "beyond ASCII": refused(with_host("Host: \xe9\r\n")),
    "empty": taken(with_host("Host:\r\n")),
    "a stranger": taken(with_host("Host: other.example:1\r\n")),
}


TARGETS = {
    "absolute": taken(with_line(f"POST http://other.example{PATH} HTTP/1.1\r\n")),
    "absolute, https": taken(with_line(f"POST HTTPS://other.example:1{PATH} HTTP/1.1\r\n")),
    "absolute, another scheme": refused(with_line(f"POST ftp://other.example{PATH} HTTP/1.1\r\n")),
    "absolute, with a user": refused(with_line(f"POST http://u:p@h{PATH} HTTP/1.1\r\n")),
    "absolute, no host": refused(with_line(f"POST http://{PATH} HTTP/1.1\r\n")),
    "absolute, backslashes": refused(with_line(f"POST http:\\\\h{PATH} HTTP/1.1\r\n")),
    "authority": refused(bare("POST localhost:80 HTTP/1.1")),
    "CONNECT": refused(bare("CONNECT localhost:80 HTTP/1.1"), 501),
    "CONNECT with a path": refused(bare(f"CONNECT {PATH} HTTP/1.1"), 501),
    "asterisk": refused(bare("GET * HTTP/1.1")),
    "asterisk of OPTIONS": (bare("OPTIONS * HTTP/1.1"), [404], False, 0),
    "OPTIONS": (bare(f"OPTIONS {PATH} HTTP/1.1"), [405], False, 0),
    "TRACE": refused(bare(f"TRACE {PATH} HTTP/1.1"), 501),
    "unknown method": refused(bare(f"FOO {PATH} HTTP/1.1")),
    "another's method": (bare(f"PROPFIND {PATH} HTTP/1.1"), [405], False, 0),
    "method in small letters": refused(with_line(f"post {PATH} HTTP/1.1\r\n")),
    "blank in it": refused(with_line(f"POST /a b{PATH} HTTP/1.1\r\n")),
    "fragment": refused(with_line(f"POST {PATH}#x HTTP/1.1\r\n")),
    "NUL": refused(with_line(f"POST {PATH}\0 HTTP/1.1\r\n")),
    "control": refused(with_line(f"POST {PATH}\x01 HTTP/1.1\r\n")),
    "DEL": refused(with_line(f"POST {PATH}\x7f HTTP/1.1\r\n")),
    "beyond ASCII": refused(with_line(f"POST {PATH}&x=\xc3\xa9 HTTP/1.1\r\n")),
    "long": refused(with_line(f"POST {PATH}&x={'y' * 1000} HTTP/1.1\r\n"), 414),
    "HTTP/0.9": refused(bare(f"GET {PATH} HTTP/0.9"), 505),
    "no version": refused(lambda s: f"GET {PATH}\r\n\r\n".encode(), 505),
    "no version, no end": refused(lambda s: f"GET {PATH}\r\n".encode(), 408),
    "HTTP/1.2": refused(with_line(f"POST {PATH} HTTP/1.2\r\n")),
    "HTTP/1.10": refused(with_line(f"POST {PATH} HTTP/1.10\r\n")),
    "HTTP/01.1": refused(with_line(f"POST {PATH} HTTP/01.1\r\n")),
    "HTTP/2.0": refused(with_line(f"POST {PATH} HTTP/2.0\r\n"), 505),
    "HTTP/2": refused(with_line(f"POST {PATH} HTTP/2\r\n")),
    "http/1.1": refused(with_line(f"POST {PATH} http/1.1\r\n")),
    "the preface of HTTP/2": refused(lambda s: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505),
}


# -- The connection ----------------------------------------------------------------------------------------------------


def closing(headers):
    return lambda s: chat(s, headers), [200], True, 1


CONNECTION = {
    "close, keep-alive": closing("Connection: close, keep-alive\r\n"),
    "keep-alive, close": closing("Connection: keep-alive, close\r\n"),
    "keep-alive and close": closing("Connection: keep-alive\r\nConnection: close\r\n"),
    "names of headers": taken(lambda s: chat(s, "Connection: content-length, host, api-key, te\r\n")),
    "Upgrade to a websocket": taken(lambda s: chat(s, "Connection: Upgrade\r\nUpgrade: websocket\r\n")),
    "Upgrade to HTTP/2": (
        lambda s: chat(s, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n")
        + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        [200, 505], True, 1,
    ),
    "Expect": (lambda s: chat(s, "Expect: 100-continue\r\n"), [200], False, 1),
    "Expect, wrong key": (
        lambda s: chat(s, "Expect: 100-continue\r\n", body=b"", length=False)
        .replace(s.key.encode(), b"x").replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n"),
        [401], True, 0,
    ),
    "Expect, no body follows": (
        lambda s: chat(s, f"Expect: 100-continue\r\nContent-Length: {LENGTH}\r\n", body=b"", length=False),
        [100, 408], True, 0,
    ),
    "Expect of something else": refused(lambda s: chat(s, "Expect: 200-ok\r\n"), 417),
    "Expect of more": refused(lambda s: chat(s, "Expect: 100-continue, 200-ok\r\n"), 417),
    "Expect twice": refused(lambda s: chat(s, "Expect: 100-continue\r\nExpect: 200-ok\r\n"), 417),
    "Content-Encoding twice": refused(lambda s: chat(s, "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"), 415),
    "many headers": refused(lambda s: chat(s, "X: y\r\n" * 120), 431),
    "huge headers": refused(lambda s: chat(s, f"X: {'y' * 9000}\r\n"), 431),
    "huge header that never ends": refused(lambda s: b"GET / HTTP/1.1\r\nX: " + b"y" * 200000, 431),
    "Expect, too large": refused(
        lambda s: chat(s, "Expect: 100-continue\r\nContent-Length: 200001\r\n", body=b"", length=False), 413,
    ),
    "close, good": (lambda s: chat(s, "Connection: close\r\n") + hidden(s), [200], True, 1),
    "good, garbage": (lambda s: chat(s) + b"GARBAGE\0\r\n\r\n", [200, 400], True, 1),
    "good, good, garbage, good": (lambda s: chat(s) * 2 + b"\x16\x03\x01" + hidden(s), [200, 200, 400], True, 2),
    "garbage, good": refused(lambda s: b"GARBAGE\0\r\n\r\n" + hidden(s)),
    "refused by its key, good": (
        lambda s: chat(s).replace(s.key.encode(), b"x") + chat(s), [401, 200], False, 1,
    ),
    "a request in the body of another": (
        lambda s: b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(hidden(s)), hidden(s)),
        [200], False, 0,
    ),
    "an unknown path with a request in its body": (
        lambda s: b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(hidden(s)), hidden(s)),
        [404], False, 0,
    ),
    "a hello of TLS": refused(lambda s: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
}  # fmt: skip
