/* Requests that are answered.
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "serving.h"

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

static void say_it_has_secrets(struct http_request *r)
{
    r->has_secrets = str_equal(r->path, STR("/p"));
}

static void keeps_the_secrets_of_a_reply(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_head = say_it_has_secrets;
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "\r\n");
    assert_int_equal(s->secrets_kept, 0);
    feed(s, POST("Content-Length: 6\r\n", "secret"), 0);
    expect_written(s, OK_HEAD("6") "\r\nsecret");
    assert_true(s->secrets_kept > 0);
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

/* A head larger than a read buffer is moved while it comes in, and all its strings with it. */
static void check_large_head(struct http_request *r)
{
    assert_int_equal(r->headers.count, 62); /* Host before, Content-Length behind them */
    for (size_t i = 1; i <= 60; i++) {
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
        do_on_head = check_large_head;
        feed(s,
             str_slice(str_of(request, (size_t)len),
                       STR("GET /first HTTP/1.1\r\nHost: h\r\n\r\nPOST").len, SIZE_MAX),
             steps[i]);
        expect_written(s, OK_HEAD("2") "\r\nok");
    }
    assert_int_equal(errors, 0);
    free(request);
}

static void reply_length(struct http_request *r)
{
    http_reply(r, 200, NULL, arena_printf(r->arena, "%zu", r->body.len));
}

/* There is always room to go on in. */
static void takes_heads_of_any_length_before_a_large_body(void **state)
{
    static char body[40000];
    char *request = malloc(40000);

    (void)state;
    memset(body, 'x', sizeof(body));
    for (size_t len = 15000; len < 33000; len += len >= 16370 && len < 16400 ? 1 : 331) {
        struct stream *s = client();
        int at = sprintf(request, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40000\r\n");

        while (len - (size_t)at > 1000)
            at += sprintf(request + at, "X: %0900d\r\n", 0);
        at += sprintf(request + at, "X: %0*d\r\n\r\n", (int)len - at - 7, 0);
        assert_int_equal(at, len);
        do_on_head = NULL;
        do_on_body = reply_length;
        assert_int_equal(feed(s, str_of(request, len), 0), len);
        assert_int_equal(feed(s, str_of(body, sizeof(body)), 0), sizeof(body));
        expect_written(s, OK_HEAD("5") "\r\n40000");
        /* and where the body is of no interest */
        do_on_head = reply_body;
        assert_int_equal(feed(s, str_of(request, len), 0), len);
        assert_true(s->events.on_space(s->data).len >= 1000);
        assert_int_equal(feed(s, str_of(body, sizeof(body)), 0), sizeof(body));
        assert_int_equal(errors, 0);
    }
    free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(answers),
        TEST(fills_the_request_in),
        TEST(keeps_the_secrets_of_a_reply),
        TEST(takes_what_is_well_formed),
        TEST(prefers_the_target_to_the_host_header),
        TEST(answers_pipelined_requests_in_order),
        TEST(keeps_pipelined_requests_waiting),
        TEST(gathers_bodies_of_any_length),
        TEST(takes_large_heads),
        TEST(takes_heads_of_any_length_before_a_large_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
