/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "serving.h"

/* -- Requests that are answered ---------------------------------------------------------------- */

static void answers(void **state)
{
    struct stream *s = client();

    (void)state;
    feed(s, POST("Content-Length: 5\r\n", "hello"), 0);
    assert_int_equal(s->writes, 1); /* head and body in one, before the turn has ended */
    expect_written(s, OK_HEAD("5") "\r\nhello");
    expect(buf_str(&seen), "POST /p hello;");
    assert_false(s->is_closed);
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "\r\n");
    assert_int_equal(heads, 2);
    assert_int_equal(http_server_stats(server).connections_open, 1);
    assert_int_equal(http_server_stats(server).connections_accepted, 1);
}

static void check_fields(struct http_request *r)
{
    assert_int_equal(r->method, HTTP_GET);
    expect(r->target, "/a%20b?api-version=1&x=?");
    expect(r->path, "/a%20b");
    expect(r->query, "api-version=1&x=?");
    expect(r->host, "example.com:8080");
    expect(r->peer, "192.0.2.7");
    assert_false(r->is_tls);
    assert_true(r->started_us > 0);
    assert_ptr_equal(r->loop, l);
    assert_int_equal(r->headers.count, 4);
    expect(http_headers_get(&r->headers, STR("x-trimmed")), "a  b");
    expect(http_headers_get(&r->headers, STR("X-EMPTY")), "");
    expect(http_headers_get(&r->headers, STR("X-Obs")), "\xe9");
}

static void fills_the_request_in(void **state)
{
    static const char request[] =
        "GET /a%20b?api-version=1&x=? HTTP/1.1\r\nHost: example.com:8080\r\n"
        "X-Trimmed: \t a  b \t\r\nX-Empty:\r\nX-Obs: \xe9\r\n\r\n";

    (void)state;
    do_on_head = check_fields;
    for (size_t step = 0; step < sizeof(request); step++) {
        struct stream *s = client();

        feed(s, str_from(request), step);
        expect_written(s, OK_HEAD("0") "\r\n");
    }
}

static const struct {
    struct str request;
    const char *seen;
    const char *reply;
} good[] = {
    { POST("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2;ext=1;q=\"x y\"\r\nde\r\n0\r\n\r\n"),
      "POST /p abcde;", OK_HEAD("5") "\r\nabcde" },
    { POST("transfer-encoding: Chunked\r\n", "A\r\n0123456789\r\n0\r\nTrailer: x\r\nB: y\r\n\r\n"),
      "POST /p 0123456789;", OK_HEAD("10") "\r\n0123456789" },
    { POST("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), "POST /p ;", OK_HEAD("0") "\r\n" },
    { POST("Content-Length: 0\r\n", ""), "POST /p ;", OK_HEAD("0") "\r\n" },
    { POST("", ""), "POST /p ;", OK_HEAD("0") "\r\n" },
    { POST("Content-Encoding: gzip\r\n", ""), "POST /p ;", OK_HEAD("0") "\r\n" },
    { POST("Content-Encoding: Identity\r\nContent-Length: 1\r\n", "a"), "POST /p a;",
      OK_HEAD("1") "\r\na" },
    { STR("\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / ;", OK_HEAD("0") "\r\n" },
    { STR("GET http://other:1/x?y HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /x?y ;",
      OK_HEAD("0") "\r\n" },
    { STR("GET https://other?y HTTP/1.1\r\nHost: h\r\n\r\n"), "GET /?y ;", OK_HEAD("0") "\r\n" },
    { STR("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "OPTIONS * ;", OK_HEAD("0") "\r\n" },
    { STR("PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n"), "OTHER / ;", OK_HEAD("0") "\r\n" },
    { STR("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"), "HEAD / ab;",
      OK_HEAD("2") "\r\n" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), "GET / ;",
      OK_HEAD("0") "Connection: close\r\n\r\n" },
    { STR("GET / HTTP/1.0\r\n\r\n"), "GET / ;", OK_HEAD("0") "Connection: close\r\n\r\n" },
    { STR("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), "GET / ;",
      OK_HEAD("0") "Connection: keep-alive\r\n\r\n" },
    { STR("GET / HTTP/1.0\r\nExpect: anything\r\n\r\n"), "GET / ;",
      OK_HEAD("0") "Connection: close\r\n\r\n" },
    /* An upgrade that nobody wants is no reason not to answer (Java's client asks for h2c). */
    { STR("POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Length: "
          "2\r\n\r\nab"),
      "POST / ab;", OK_HEAD("2") "\r\nab" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
      "GET / ;", OK_HEAD("0") "\r\n" },
};

/* Each alone and then twice in a row, as pipelined requests; in reads of every size. */
static void takes_what_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        bool is_last = str_find(str_from(good[i].reply), STR("close")) != SIZE_MAX;

        for (size_t step = 0; step <= good[i].request.len; step++) {
            struct stream *s = client();

            buf_clear(&seen);
            feed(s, good[i].request, step);
            expect_written(s, good[i].reply);
            expect(buf_str(&seen), good[i].seen);
            assert_int_equal(s->is_closed, is_last);
            if (is_last)
                continue;
            feed(s, good[i].request, step);
            expect_written(s, good[i].reply);
            assert_false(s->is_closed);
        }
    }
    assert_int_equal(errors, 0);
}

static void takes_the_host_of_an_absolute_target(struct http_request *r)
{
    expect(r->host, "other:1");
}

static void prefers_the_target_to_the_host_header(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_head = takes_the_host_of_an_absolute_target;
    feed(s, STR("GET http://other:1/x HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_int_equal(heads, 1);
}

static void answers_pipelined_requests_in_order(void **state)
{
    static const char requests[] =
        "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nA"
        "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\nB\r\n1\r\nC\r\n0\r\n\r\n"
        "POST /4 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nDE";

    (void)state;
    for (size_t step = 0; step < sizeof(requests); step++) {
        struct stream *s = client();

        buf_clear(&seen);
        feed(s, str_from(requests), step);
        expect_written(s, OK_HEAD("1") "\r\nA" OK_HEAD("0") "\r\n" OK_HEAD("2") "\r\nBC" OK_HEAD(
                              "2") "\r\nDE");
        expect(buf_str(&seen), "POST /1 A;GET /2 ;POST /3 BC;POST /4 DE;");
    }
}

static void keeps_pipelined_requests_waiting(void **state)
{
    struct stream *s = client();
    struct str many = GET;
    size_t fed = 0;

    (void)state;
    do_on_body = keep;
    while (feed(s, many, 0) == many.len && fed < (1 << 20))
        fed += many.len;
    turn();
    assert_int_equal(heads, 1);
    assert_true(fed < 64 * 1024); /* reading stops when a buffer's worth waits */
    assert_false(s->is_reading);
    do_on_body = reply_body;
    reply_body(kept);
    turn();
    assert_true(s->is_reading);
    assert_int_equal(heads, fed / many.len);
}

/* A body of each length around the sizes of the read buffer, with a request behind it, comes out
 * whole, whatever the size of the reads. */
static void gathers_bodies_of_any_length(void **state)
{
    static const size_t lengths[] = { 1,     1000,  15000, 15200, 15250, 15300, 16200,
                                      16384, 17000, 65535, 65536, 70000, 300000 };
    static const size_t steps[] = { 0, 1, 1000, 16384 };
    size_t max = lengths[ARRAY_LEN(lengths) - 1];
    char *request = malloc(2 * max + 1000), *body = malloc(max);

    (void)state;
    for (size_t i = 0; i < max; i++)
        body[i] = (char)('a' + i % 26);
    for (size_t i = 0; i < ARRAY_LEN(lengths) * ARRAY_LEN(steps) * 2; i++) {
        size_t len = lengths[i % ARRAY_LEN(lengths)];
        size_t step = steps[i / ARRAY_LEN(lengths) % ARRAY_LEN(steps)];
        bool is_chunked = i >= ARRAY_LEN(lengths) * ARRAY_LEN(steps);
        struct stream *s = client();
        int at;

        if (is_chunked) {
            at = sprintf(request,
                         "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (size_t from = 0; from < len; from += 777) {
                size_t chunk = len - from < 777 ? len - from : 777;

                at += sprintf(request + at, "%zx\r\n", chunk);
                memcpy(request + at, body + from, chunk);
                at += (int)chunk;
                at += sprintf(request + at, "\r\n");
            }
            at += sprintf(request + at, "0\r\n\r\n");
        } else {
            at = sprintf(request, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", len);
            memcpy(request + at, body, len);
            at += (int)len;
        }
        at += sprintf(request + at, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        buf_clear(&seen);
        assert_int_equal(feed(s, str_of(request, (size_t)at), step), at);
        turn();
        assert_int_equal(buf_len(&seen), 7 + len + 1 + strlen("GET /next ;"));
        assert_memory_equal(buf_str(&seen).data + 7, body, len);
        fake_end(s, STREAM_END_EOF);
        turn();
        assert_true(s->is_closed);
    }
    free(request);
    free(body);
}

/* -- Requests that are refused ----------------------------------------------------------------- */

static const struct {
    struct str request;
    const char *name; /* of the error */
} bad[] = {
    { STR("nonsense\r\n\r\n"), "BAD_REQUEST" },
    { STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "BAD_REQUEST" },
    { STR("GET /\r\n\r\n"), "HTTP_VERSION" },
    { STR("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET /  HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("get / HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\nHost: h\n\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\n\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nA(: x\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nA: x\0y\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nA: x\ry\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: h\r\nA: x\x01y\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET http://u@h/x HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET ftp://h/x HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET x HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET /x#y HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), "HTTP_VERSION" },
    { STR("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), "HTTP_VERSION" },
    { STR("GET / HTTP/3.7\r\nHost: h\r\n\r\n"), "BAD_REQUEST" },
    { STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP_VERSION" },
    { STR("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"), "NOT_IMPLEMENTED" },
    { STR("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"), "NOT_IMPLEMENTED" },
    { STR("DESCRIBE rtsp://h/x RTSP/1.0\r\n\r\n"), "NOT_IMPLEMENTED" },
    { POST("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), "BAD_REQUEST" },
    { POST("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length: 1, 1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length: -1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length: +1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length: 0x1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length: 1 1\r\n", "a"), "BAD_REQUEST" },
    { POST("Content-Length:\r\n", ""), "BAD_REQUEST" },
    { POST("Content-Length: 99999999999999999999\r\n", ""), "BAD_REQUEST" },
    { POST("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "BAD_REQUEST" },
    { POST("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), "BAD_REQUEST" },
    { POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "BAD_REQUEST" },
    { POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), "NOT_IMPLEMENTED" },
    { POST("Transfer-Encoding: gzip\r\n", ""), "NOT_IMPLEMENTED" },
    { POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      "BAD_REQUEST" },
    { POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
      "BAD_REQUEST" },
    { POST("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "NOT_IMPLEMENTED" },
    { STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "BAD_REQUEST" },
    { POST("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), "EXPECTATION" },
    { POST("Expect: 100-continue\r\nExpect: 200-ok\r\nContent-Length: 1\r\n", "a"), "EXPECTATION" },
    { POST("Content-Length: 33554433\r\n", ""), "TOO_LARGE" },
    { POST("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "a"), "MEDIA_TYPE" },
    { POST("Transfer-Encoding: chunked\r\nContent-Encoding: identity, br\r\n", ""), "MEDIA_TYPE" },
    { POST("Content-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 1\r\n", "a"),
      "MEDIA_TYPE" },
};

static void refuses_what_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        for (size_t step = 0; step < 2; step++) {
            struct stream *s = client();

            errors = 0;
            feed(s, bad[i].request, step);
            if (errors != 1)
                fail_msg("%.*s gave %u errors", STR_ARGS(bad[i].request), errors);
            expect_refused(s, bad[i].name);
            /* what still comes is read, so that the client sees the answer; then it closes */
            assert_false(s->is_closed);
            assert_int_equal(feed(s, GET, 0), GET.len);
            fake_end(s, STREAM_END_EOF);
            turn();
            assert_true(s->is_closed);
            assert_int_equal(fake_written(s).len, 0);
        }
    }
    assert_int_equal(heads, 0);
}

static void puts_the_status_to_the_error(void **state)
{
    struct stream *s = client();
    struct str reply;

    (void)state;
    feed(s, STR("HEAD / HTTP/1.1\r\nno colon\r\n\r\n"), 0);
    reply = without_date(fake_written(s));
    expect(reply, "HTTP/1.1 400 Bad Request\r\nDate: *\r\nX-Error: yes\r\nContent-Length: 13\r\n"
                  "Connection: close\r\n\r\n");
}

/* Chunks that are wrong: the handler knows the request, is told that it is gone, and may have
 * begun to reply. */
static const char *const bad_chunks[] = {
    "x\r\n",
    "1\r\nab\r\n",
    "1\nab",
    "-1\r\n",
    "1 \r\na\r\n",
    "11111111111111111\r\n",
    "0\r\n bad: x\r\n\r\n",
    "1\r\na\r\n0\r\nT: x\n\r\n",
    "0\r\n\nx",
};

static void refuses_chunks_that_are_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_chunks); i++) {
        struct stream *s = client();

        errors = gones = 0;
        feed(s, POST("Transfer-Encoding: chunked\r\n", ""), 0);
        assert_int_equal(fake_written(s).len, 0);
        feed(s, str_from(bad_chunks[i]), 1);
        if (errors != 1)
            fail_msg("%s is taken", bad_chunks[i]);
        expect_refused(s, "BAD_REQUEST");
        assert_int_equal(gones, 1);
        assert_false(s->is_closed);
        fake_end(s, STREAM_END_RESET);
        turn();
        assert_true(s->is_closed);
    }
    assert_int_equal(bodies, 0);
}

static void tells_only_once_that_it_is_gone(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_gone = keep;
    feed(s, POST("Transfer-Encoding: chunked\r\n", "x\r\n"), 0);
    expect_refused(s, "BAD_REQUEST");
    fake_end(s, STREAM_END_EOF);
    turn();
    assert_int_equal(gones, 1);
    assert_true(s->is_closed);
    http_reply(kept, 200, NULL, STR("unheard"));
    turn();
    assert_int_equal(s->writes, 1);
}

static void start_reply(struct http_request *r)
{
    http_reply_start(r, 200, NULL, STR_NONE);
    http_reply_chunk(r, STR("early"));
}

static void cuts_a_reply_that_was_begun(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_head = start_reply;
    feed(s, POST("Transfer-Encoding: chunked\r\n", ""), 0);
    feed(s, STR("nonsense"), 0);
    assert_int_equal(errors, 0);
    assert_int_equal(gones, 1);
    assert_true(s->is_closed && !s->is_flushed);
}

/* What is within a limit is answered so; what is one over it is refused so. */
static void try_limit(struct str within, const char *answer, struct str over, const char *refusal)
{
    for (size_t step = 0; step < 2; step++) {
        struct stream *s = client();

        feed(s, within, step);
        expect_written(s, answer);
        s = client();
        feed(s, over, step);
        expect_refused(s, refusal);
    }
}

static void keeps_its_limits(void **state)
{
    char within[400], over[400];

    (void)state;
    limits.head_bytes_max = 300;
    limits.url_bytes_max = 100;
    limits.header_count_max = 5;
    limits.body_bytes_max = 10;
    snprintf(within, sizeof(within), "GET /%099d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    snprintf(over, sizeof(over), "GET /%0100d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    try_limit(str_from(within), OK_HEAD("0") "\r\n", str_from(over), "URI_TOO_LONG");
    snprintf(within, sizeof(within), "GET / HTTP/1.1\r\nHost: h\r\nA: %0268d\r\n\r\n", 0);
    snprintf(over, sizeof(over), "GET / HTTP/1.1\r\nHost: h\r\nA: %0269d\r\n\r\n", 0);
    assert_int_equal(strlen(within), 300);
    try_limit(str_from(within), OK_HEAD("0") "\r\n", str_from(over), "HEADERS_TOO_LARGE");
    try_limit(STR("GET / HTTP/1.1\r\nHost: h\r\nA:1\r\nA:2\r\nA:3\r\nA:4\r\n\r\n"),
              OK_HEAD("0") "\r\n",
              STR("GET / HTTP/1.1\r\nHost: h\r\nA:1\r\nA:2\r\nA:3\r\nA:4\r\nA:5\r\n\r\n"),
              "HEADERS_TOO_LARGE");
    try_limit(POST("Content-Length: 10\r\n", "1234567890"), OK_HEAD("10") "\r\n1234567890",
              POST("Content-Length: 11\r\n", "12345678901"), "TOO_LARGE");
    try_limit(POST("Transfer-Encoding: chunked\r\n", "8\r\n12345678\r\n2\r\n90\r\n0\r\n\r\n"),
              OK_HEAD("10") "\r\n1234567890",
              POST("Transfer-Encoding: chunked\r\n", "8\r\n12345678\r\n3\r\n"), "TOO_LARGE");
    try_limit(POST("Transfer-Encoding: chunked\r\n", "a\r\n1234567890\r\n0\r\n\r\n"),
              OK_HEAD("10") "\r\n1234567890",
              POST("Transfer-Encoding: chunked\r\n", "fffffffffffffff\r\n"), "TOO_LARGE");
}

static void bounds_what_is_around_chunks(void **state)
{
    static const char *const endless[] = { "e", "T: x\r\n", "1;" };
    static const char *const first[] = { "1;", "0\r\n", "" };

    (void)state;
    limits.head_bytes_max = 2000;
    for (size_t i = 0; i < ARRAY_LEN(endless); i++) {
        struct stream *s = client();
        size_t fed = 0;

        errors = 0;
        feed(s, POST("Transfer-Encoding: chunked\r\n", ""), 0);
        feed(s, str_from(first[i]), 0);
        while (!errors && fed < 100000) {
            feed(s, str_from(endless[i]), 0);
            fed += strlen(endless[i]);
        }
        if (i < 2)
            expect_refused(s, "HEADERS_TOO_LARGE");
        assert_true(fed <= 2100);
    }
}

static void bounds_heads_that_never_end(void **state)
{
    struct stream *s = client();
    size_t fed = 0;

    (void)state;
    feed(s, STR("GET / HTTP/1.1\r\nHost: h\r\nA: "), 0);
    while (!errors && fed < (1 << 20)) {
        feed(s, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 0);
        fed += 59;
    }
    expect_refused(s, "HEADERS_TOO_LARGE");
    assert_true(fed <= limits.head_bytes_max + 59);
}

/* A head larger than a read buffer is moved while it comes in, and all its strings with it. */
static void check_large_head(struct http_request *r)
{
    assert_int_equal(r->headers.count, 61);
    for (size_t i = 1; i < r->headers.count; i++) {
        assert_int_equal(r->headers.items[i].value.len, 900);
        assert_int_equal(r->headers.items[i].value.data[0], (int)('a' + i % 26));
        assert_int_equal(r->headers.items[i].value.data[899], (int)('a' + i % 26));
    }
    expect(r->host, "h");
    expect(r->path, "/large");
}

static void takes_large_heads(void **state)
{
    static const size_t steps[] = { 0, 1, 1000, 16000 };
    char *request = malloc(100000);
    int len;

    (void)state;
    do_on_head = check_large_head;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct stream *s = client();

        len = sprintf(request, "GET /first HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /large HTTP/1.1\r\nHost: h\r\n");
        for (int header = 1; header < 60; header++) {
            len += sprintf(request + len, "X-%d: ", header);
            memset(request + len, 'a' + header % 26, 900);
            len += 900;
            len += sprintf(request + len, "\r\n");
        }
        len += sprintf(request + len, "X-60: ");
        memset(request + len, 'a' + 60 % 26, 900);
        len += 900;
        len += sprintf(request + len, "\r\nContent-Length: 2\r\n\r\nok");
        do_on_head = NULL;
        feed(s, str_of(request, STR("GET /first HTTP/1.1\r\nHost: h\r\n\r\nPOST").len), 0);
        turn();
        fake_written(s);
        feed(s,
             str_slice(str_of(request, (size_t)len),
                       STR("GET /first HTTP/1.1\r\nHost: h\r\n\r\nPOST").len, SIZE_MAX),
             steps[i]);
        expect_written(s, OK_HEAD("2") "\r\nok");
    }
    assert_int_equal(errors, 0);
    free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(answers),
        TEST(fills_the_request_in),
        TEST(takes_what_is_well_formed),
        TEST(prefers_the_target_to_the_host_header),
        TEST(answers_pipelined_requests_in_order),
        TEST(keeps_pipelined_requests_waiting),
        TEST(gathers_bodies_of_any_length),
        TEST(refuses_what_is_not),
        TEST(puts_the_status_to_the_error),
        TEST(refuses_chunks_that_are_not),
        TEST(tells_only_once_that_it_is_gone),
        TEST(cuts_a_reply_that_was_begun),
        TEST(keeps_its_limits),
        TEST(bounds_what_is_around_chunks),
        TEST(bounds_heads_that_never_end),
        TEST(takes_large_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
