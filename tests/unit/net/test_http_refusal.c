/* Requests that are refused, and the limits of those that are not.
 * SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "net/http_server_private.h"
#include "serving.h"

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

static const struct str head =
    STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 80000\r\n\r\n"); /* of a large body */

/* Not once the turn has ended: others read on in it. */
static void gives_the_room_of_a_refused_body_back_at_once(void **state)
{
    static char body[80000];
    struct stream *s, *other;

    (void)state;
    memset(body, 'x', sizeof(body));
    limits.bodies_bytes_max = 100000;
    s = client();
    other = client();
    fake_feed(s, head, 0);
    fake_feed(s, str_of(body, 60000), 0);
    fake_feed(other, head, 0);
    fake_feed(other, str_of(body, 60000), 0);
    assert_int_equal(errors, 1);
    fake_feed(s, str_of(body, 20000), 0);
    assert_int_equal(errors, 1);
    assert_int_equal(bodies, 1);
    turn();
    expect_refused(other, "UNAVAILABLE");
}

static void say_it_has_secrets(struct http_request *r)
{
    r->has_secrets = true;
}

/* The next one may be given its buffer. */
static void overwrites_the_secrets_of_a_refused_body(void **state)
{
    static char body[60000];
    struct stream_space space;
    struct stream *s;

    (void)state;
    memset(body, 'x', sizeof(body));
    limits.bodies_bytes_max = 50000;
    do_on_head = say_it_has_secrets;
    s = client();
    fake_feed(s, head, 0);
    space = s->events.on_space(s->data);
    fake_feed(s, str_of(body, sizeof(body)), 0);
    assert_int_equal(errors, 1);
    assert_ptr_equal(server->spare_body, space.data);
    for (size_t i = 0; i < sizeof(body); i++)
        assert_int_equal(space.data[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(refuses_what_is_not),
        TEST(puts_the_status_to_the_error),
        TEST(refuses_chunks_that_are_not),
        TEST(tells_only_once_that_it_is_gone),
        TEST(cuts_a_reply_that_was_begun),
        TEST(keeps_its_limits),
        TEST(bounds_what_is_around_chunks),
        TEST(bounds_heads_that_never_end),
        TEST(gives_the_room_of_a_refused_body_back_at_once),
        TEST(overwrites_the_secrets_of_a_refused_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
