/* SPDX-License-Identifier: MIT */
#include "serving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    struct str request; /* so far */
    bool is_known;
    bool is_whole;
} leaving[] = {
    { STR(""), false, false },
    { STR("GE"), false, false },
    { STR("GET / HTTP/1.1\r\nHost: h\r\n"), false, false },
    { POST("Content-Length: 2\r\n", "a"), true, false },
    { POST("Transfer-Encoding: chunked\r\n", "1\r\na\r\n"), true, false },
    { POST("Content-Length: 100000\r\n", "a"), true, false },
    { POST("Content-Length: 2\r\n", "ab"), true, true },
    { STR("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\n"), true, true },
    { STR("GET / HTTP/1.0\r\n\r\n"), true, false }, /* whole, but not to be asked */
};

static void tells_when_the_client_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(leaving) * 2; i++) {
        struct stream *s = client();

        gones = heads = 0;
        do_on_body = keep;
        do_on_gone = i % 2 ? abort_request : keep;
        feed(s, leaving[i / 2].request, 0);
        fake_end(s, i % 3 && !leaving[i / 2].is_whole ? STREAM_END_EOF : STREAM_END_RESET);
        turn();
        assert_true(s->is_closed);
        assert_int_equal(gones, leaving[i / 2].is_known);
        assert_int_equal(heads, leaving[i / 2].is_known);
        if (!heads || i % 2)
            continue;
        /* it is there until it is finished, and its reply goes nowhere */
        assert_int_equal(http_server_stats(server).connections_open, 1);
        http_reply_start(kept, 200, NULL, STR_NONE);
        http_reply_chunk(kept, STR("unheard"));
        assert_false(http_reply_is_full(kept));
        http_reply_last_chunk(kept, STR_NONE);
        turn();
        assert_int_equal(s->writes, 0);
        assert_int_equal(http_server_stats(server).connections_open, 0);
    }
}

static void notices_it_while_it_replies(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, GET, 0);
    http_reply_chunk(kept, STR("some"));
    turn();
    assert_true(s->is_reading);
    do_on_gone = abort_request;
    fake_end(s, STREAM_END_RESET);
    turn();
    assert_int_equal(gones, 1);
    assert_true(s->is_closed);
}

static void answers_who_half_closed_in_time(void **state)
{
    struct stream *s = client();

    (void)state;
    s->window = 20;
    for (int i = 0; i < 3; i++)
        feed(s, GET, 0);
    fake_end(s, STREAM_END_EOF);
    turn();
    assert_false(s->is_closed);
    fake_take(s, 1000);
    for (int i = 0; i < 3; i++)
        turn();
    expect_written(s, OK_HEAD("0") "\r\n" OK_HEAD("0") "\r\n" OK_HEAD("0") "\r\n");
    assert_true(s->is_closed && s->is_flushed);
    assert_int_equal(gones, 0);
}

/* Whatever else happens to the connection. */
static void connection_is_asked_once(struct stream *s)
{
    s->events.on_drain(s->data);
    expect_written(s, "");
}

#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"

/* Who only ends its sending side gets its replies; what it is asked by is none of them. */
static void answers_who_only_sends_no_more(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = keep;
    feed(s, GET, 0);
    feed(s, GET, 0);
    fake_end(s, STREAM_END_EOF);
    expect_written(s, INTERIM);
    assert_true(s->is_watched && !s->is_closed);
    connection_is_asked_once(s);
    http_reply(kept, 200, NULL, STR("1"));
    expect_written(s, OK_HEAD("1") "\r\n1" INTERIM);
    http_reply_start(kept, 200, NULL, STR("2"));
    http_reply_last_chunk(kept, STR_NONE);
    turn();
    assert_true(s->is_closed && s->is_flushed);
    assert_int_equal(gones, 0);
}

/* Within a chunked reply, the question is a digit of the next chunk's size. */
static void asks_within_a_chunked_reply(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    feed(s, GET, 0);
    turn();
    fake_written(s);
    fake_end(s, STREAM_END_EOF);
    expect_written(s, "0");
    connection_is_asked_once(s);
    http_reply_chunk(kept, STR("some"));
    expect_written(s, "4\r\nsome\r\n");
    http_reply_last_chunk(kept, STR_NONE);
    expect_written(s, "0\r\n\r\n");
    assert_true(s->is_closed && s->is_flushed);
    assert_int_equal(gones, 0);
}

/* The reset that answers the question. */
static void hears_that_the_client_has_left(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stream *s = client();

        gones = 0;
        do_on_body = i ? start_and_keep : keep;
        feed(s, GET, 0);
        fake_end(s, STREAM_END_EOF);
        turn();
        assert_int_equal(gones, 0);
        fake_end(s, STREAM_END_RESET);
        turn();
        assert_int_equal(gones, 1);
        assert_true(s->is_closed);
    }
}

/* Whom it cannot ask, or not hear, it takes for gone. */
static void takes_who_cannot_be_asked_for_gone(void **state)
{
    static const char *const requests[] = {
        "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        struct stream *s = client();

        gones = 0;
        do_on_body = start_and_keep;
        s->is_unwatchable = i == 2;
        feed(s, str_from(requests[i]), 0);
        fake_end(s, STREAM_END_EOF);
        turn();
        assert_int_equal(gones, 1);
        assert_true(s->is_closed);
    }
}

/* Reading has stopped: the buffer is full of requests that wait. */
static void notices_it_behind_what_is_not_read(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stream *s = client();

        gones = 0;
        do_on_body = keep;
        do_on_gone = abort_request;
        while (s->is_reading) {
            feed(s, GET, 0);
            turn();
        }
        fake_shut(s);
        expect_written(s, INTERIM);
        assert_int_equal(gones, 0);
        if (i)
            fake_end(s, STREAM_END_RESET);
        turn();
        assert_int_equal(gones, i);
        assert_int_equal(s->is_closed, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, serving_set_up, serving_tear_down)
        TEST(tells_when_the_client_leaves),       TEST(notices_it_while_it_replies),
        TEST(answers_who_half_closed_in_time),    TEST(answers_who_only_sends_no_more),
        TEST(asks_within_a_chunked_reply),        TEST(hears_that_the_client_has_left),
        TEST(takes_who_cannot_be_asked_for_gone), TEST(notices_it_behind_what_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
