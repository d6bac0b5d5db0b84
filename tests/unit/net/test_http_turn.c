/*
 * What the HTTP server does at the end of a loop's turn, for all its connections.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "serving.h"

static void tells_of_a_body_at_the_turns_end(void **state)
{
    struct stream *s = client(), *other = client();

    (void)state;
    fake_feed(s, GET, 0);
    fake_feed(other, GET, 0);
    assert_int_equal(heads, 2);
    assert_int_equal(bodies, 0);
    turn();
    assert_int_equal(bodies, 2);
    /* not of one whose client is gone */
    fake_feed(s, GET, 0);
    fake_end(s, STREAM_END_RESET);
    turn();
    assert_int_equal(bodies, 2);
    assert_int_equal(gones, 1);
}

/* While it is in the processor's cache. */
static void tells_of_a_large_body_at_once(void **state)
{
    static char body[20000];
    struct stream *s = client();

    (void)state;
    memset(body, 'x', sizeof(body));
    fake_feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n"), 0);
    fake_feed(s, str_of(body, sizeof(body) - 1), 0);
    assert_int_equal(bodies, 0);
    fake_feed(s, STR("x"), 0);
    assert_int_equal(bodies, 1);
    turn();
    assert_int_equal(bodies, 1);
}

static struct str come; /* of a body, by the last on_body_part */
static unsigned parts;

static void keep_part(struct http_request *r, struct str body, size_t content_length)
{
    assert_int_equal(content_length, 100000);
    assert_null(r->body.data);
    assert_true(body.len > come.len);
    for (size_t i = come.len; i < body.len; i++)
        assert_int_equal(body.data[i], (char)('a' + i % 26));
    come = body;
    parts++;
}

static void tells_of_a_large_body_as_it_comes(void **state)
{
    static char body[100000];
    struct stream *s = client();

    (void)state;
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('a' + i % 26);
    come = STR_NONE;
    parts = 0;
    do_on_body_part = keep_part;
    fake_feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"), 0);
    assert_int_equal(parts, 0);
    assert_int_equal(s->events.on_space(s->data).len, sizeof(body)); /* has room at once */
    fake_feed(s, str_of(body, 10), 0);
    assert_int_equal(parts, 1);
    assert_int_equal(come.len, 10);
    fake_feed(s, str_of(body + 10, sizeof(body) - 10), 0);
    assert_int_equal(come.len, sizeof(body));
    turn();
    assert_int_equal(bodies, 1);
    /* small ones are there at once, and chunks may end anywhere */
    parts = 0;
    feed(s, POST("Content-Length: 2\r\n", "ok"), 0);
    feed(s, POST("Transfer-Encoding: chunked\r\n", "2\r\nok\r\n0\r\n\r\n"), 0);
    assert_int_equal(bodies, 3);
    assert_int_equal(parts, 0);
}

/* Nor is it put into what a smaller one has left behind, and grown there. */
static void has_room_for_a_large_body_behind_a_smaller_one(void **state)
{
    static char body[20000];
    struct stream *s = client();

    (void)state;
    memset(body, 'x', sizeof(body));
    for (unsigned i = 0; i < 3; i++) {
        feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n"), 0);
        feed(s, str_of(body, sizeof(body)), 0);
        feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"), 0);
        assert_int_equal(s->events.on_space(s->data).len, 100000);
        for (unsigned part = 0; part < 5; part++)
            feed(s, str_of(body, sizeof(body)), 0);
        assert_int_equal(bodies, 2 * (i + 1));
    }
}

/* Nobody is left who would want it. */
static void tells_of_no_body_once_it_is_answered(void **state)
{
    static char body[50000];
    struct stream *s = client();

    (void)state;
    parts = 0;
    do_on_body_part = keep_part;
    do_on_head = reply_body;
    fake_feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"), 0);
    fake_feed(s, str_of(body, sizeof(body)), 0);
    turn();
    assert_int_equal(parts, 0);
    assert_int_equal(bodies, 0);
}

/* What is read together with it would have to be copied to the rest of a large body. */
static void reads_little_with_a_head_where_bodies_are_large(void **state)
{
    static char body[20000];
    struct stream *s = client();

    (void)state;
    memset(body, 'x', sizeof(body));
    assert_true(s->events.on_space(s->data).len > 10000);
    for (unsigned i = 0; i < 2; i++) {
        feed(s, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n"), 0);
        feed(s, str_of(body, sizeof(body)), 0);
        assert_int_equal(s->events.on_space(s->data).len, 2048);
    }
    fake_feed(s, STR("GET / HTTP/1.1\r\n"), 0); /* of one that is longer, the rest comes at once */
    assert_true(s->events.on_space(s->data).len > 10000);
    feed(s, STR("Host: h\r\n\r\n"), 0);
    assert_true(s->events.on_space(s->data).len > 10000);
    assert_int_equal(bodies, 3);
}

static void wakes_a_handler_once(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = keep;
    do_on_wake = reply_body;
    feed(s, GET, 0);
    http_request_wake(kept);
    http_request_wake(kept);
    assert_int_equal(s->writes, 0);
    expect_written(s, OK_HEAD("0") "\r\n");
    /* nor one that has finished meanwhile */
    feed(s, GET, 0);
    http_request_wake(kept);
    http_reply(kept, 200, NULL, STR("now"));
    expect_written(s, OK_HEAD("3") "\r\nnow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(tells_of_a_body_at_the_turns_end),
        TEST(tells_of_a_large_body_at_once),
        TEST(tells_of_a_large_body_as_it_comes),
        TEST(has_room_for_a_large_body_behind_a_smaller_one),
        TEST(tells_of_no_body_once_it_is_answered),
        TEST(reads_little_with_a_head_where_bodies_are_large),
        TEST(wakes_a_handler_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
