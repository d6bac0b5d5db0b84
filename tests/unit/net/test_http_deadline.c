/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "serving.h"

#define NEVER_MS 3600000

/* Nothing ends of itself but what the test sets. */
static int set_up(void **state)
{
    int rc = serving_set_up(state);

    limits.idle_timeout_ms = limits.head_timeout_ms = limits.body_timeout_ms =
        limits.write_timeout_ms = NEVER_MS;
    return rc;
}

static void wait_for_close(const struct stream *s)
{
    while (!s->is_closed)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void wait_for_errors(unsigned count)
{
    while (errors < count)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void closes_idle_connections(void **state)
{
    struct stream *fresh, *used;

    (void)state;
    limits.idle_timeout_ms = 1;
    fresh = client();
    used = client();
    feed(used, GET, 0);
    turn();
    wait_for_close(used);
    assert_int_equal(used->writes, 1);
    assert_true(used->is_flushed);
    assert_false(fresh->is_closed);
}

/* A handshake would go on within the stream, which has nothing to give as yet. */
static void closes_connections_whose_first_request_does_not_come(void **state)
{
    struct stream *fresh, *used;

    (void)state;
    limits.head_timeout_ms = 1;
    used = client();
    feed(used, GET, 0);
    turn();
    fresh = client();
    wait_for_close(fresh);
    assert_int_equal(fresh->writes, 0);
    assert_true(fresh->is_flushed);
    assert_false(used->is_closed);
}

static void answers_slow_heads(void **state)
{
    struct stream *s;

    (void)state;
    limits.head_timeout_ms = 1;
    s = client();
    feed(s, STR("GET / HTTP/1.1\r\nHos"), 1);
    wait_for_errors(1);
    expect_refused(s, "TIMEOUT");
    assert_int_equal(heads, 0);
    fake_end(s, STREAM_END_EOF);
    turn();
    assert_true(s->is_closed);
}

/* A head that goes on coming is late all the same. */
static void bytes_of_a_head_gain_no_time(void **state)
{
    struct stream *s;

    (void)state;
    limits.head_timeout_ms = 1;
    s = client();
    feed(s, STR("GET / HTTP/1.1\r\nA: "), 0);
    while (!errors) {
        feed(s, STR("a"), 0);
        uv_run(loop_uv(l), UV_RUN_ONCE);
    }
    expect_refused(s, "TIMEOUT");
}

static void answers_slow_bodies(void **state)
{
    struct stream *s;

    (void)state;
    limits.body_timeout_ms = 1;
    s = client();
    feed(s, POST("Content-Length: 10\r\n", "123"), 0);
    wait_for_errors(1);
    expect_refused(s, "TIMEOUT");
    assert_int_equal(gones, 1);
    assert_int_equal(bodies, 0);
}

static void few_bytes_of_a_body_gain_no_time(void **state)
{
    struct stream *s;

    (void)state;
    limits.body_timeout_ms = 1;
    s = client();
    feed(s, POST("Content-Length: 1000000\r\n", ""), 0);
    while (!errors) {
        feed(s, STR("a"), 0);
        uv_run(loop_uv(l), UV_RUN_ONCE);
    }
    expect_refused(s, "TIMEOUT");
}

static void many_bytes_of_a_body_gain_time(void **state)
{
    static const char block[16 * 1024];
    struct stream *s;
    uint64_t until_ms;

    (void)state;
    limits.body_timeout_ms = 300;
    s = client();
    feed(s, POST("Transfer-Encoding: chunked\r\n", ""), 0);
    until_ms = loop_now_ms(l) + 2 * limits.body_timeout_ms + 250;
    while (loop_now_ms(l) < until_ms) {
        feed(s, STR("4000\r\n"), 0);
        feed(s, str_of(block, sizeof(block)), 0);
        feed(s, STR("\r\n"), 0);
        uv_run(loop_uv(l), UV_RUN_ONCE);
    }
    assert_int_equal(errors, 0);
}

static void zero_is_no_timeout(void **state)
{
    struct stream *idle, *late;

    (void)state;
    limits.idle_timeout_ms = 0;
    limits.head_timeout_ms = 1;
    idle = client();
    feed(idle, GET, 0);
    turn();
    late = client();
    feed(late, STR("G"), 0);
    wait_for_errors(1);
    assert_false(idle->is_closed);
}

static void reply_401(struct http_request *r)
{
    http_reply(r, 401, NULL, STR_NONE);
}

static void cuts_a_slow_body_that_nobody_wants(void **state)
{
    struct stream *s;

    (void)state;
    limits.body_timeout_ms = 1;
    do_on_head = reply_401;
    s = client();
    feed(s, POST("Content-Length: 10\r\n", "123"), 0);
    wait_for_close(s);
    assert_int_equal(errors, 0);
    assert_int_equal(gones, 0);
    assert_int_equal(s->writes, 1);
}

static void waits_for_a_handler(void **state)
{
    struct stream *slow, *other;

    (void)state;
    limits.idle_timeout_ms = limits.head_timeout_ms = limits.body_timeout_ms =
        limits.write_timeout_ms = 1;
    do_on_body = keep;
    slow = client();
    feed(slow, GET, 0);
    other = client();
    wait_for_close(other);
    assert_false(slow->is_closed);
    assert_int_equal(gones, 0);
    http_reply(kept, 200, NULL, STR_NONE);
    expect_written(slow, OK_HEAD("0") "\r\n");
}

static void say_ten_and_keep(struct http_request *r)
{
    start_and_keep(r);
    http_reply_chunk(r, STR("0123456789"));
}

static void cuts_who_takes_nothing(void **state)
{
    struct stream *unfinished, *finished;

    (void)state;
    limits.write_timeout_ms = 1;
    unfinished = client();
    finished = client();
    unfinished->window = finished->window = 10;
    do_on_body = say_ten_and_keep;
    feed(unfinished, GET, 0);
    do_on_body = reply_body;
    feed(finished, GET, 0);
    wait_for_close(unfinished);
    wait_for_close(finished);
    assert_int_equal(gones, 1);
    assert_false(unfinished->is_flushed || finished->is_flushed);
}

static void spares_who_takes_a_little(void **state)
{
    struct stream *s, *other;

    (void)state;
    limits.write_timeout_ms = limits.head_timeout_ms = 1;
    s = client();
    s->window = 10;
    do_on_body = say_ten_and_keep;
    feed(s, GET, 0);
    turn();
    for (unsigned i = 0; i < 4; i++) {
        other = client();
        while (!other->is_closed) { /* until a sweep has passed */
            fake_take(s, 1);
            uv_run(loop_uv(l), UV_RUN_ONCE);
        }
    }
    assert_false(s->is_closed);
    fake_take(s, 1000);
    http_reply_last_chunk(kept, STR_NONE);
    turn();
    assert_int_equal(gones, 0);
}

/* -- Drain ------------------------------------------------------------------------------------- */

static void drains_what_is_idle_at_once(void **state)
{
    struct stream *idle = client(), *fresh = client();

    (void)state;
    feed(idle, GET, 0);
    turn();
    drain(NEVER_MS);
    assert_false(is_drained);
    while (!is_drained)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(idle->is_closed && fresh->is_closed);
}

static void drains_when_the_last_request_is_answered(void **state)
{
    struct stream *waiting = client(), *coming = client();

    (void)state;
    do_on_body = keep;
    feed(waiting, GET, 0);
    feed(coming, STR("GET / HTTP/1.1\r\n"), 0);
    drain(NEVER_MS);
    turn();
    turn();
    assert_false(is_drained || waiting->is_closed || coming->is_closed);
    http_reply(kept, 200, NULL, STR_NONE);
    expect_written(waiting, OK_HEAD("0") "Connection: close\r\n\r\n");
    assert_true(waiting->is_closed && waiting->is_flushed);
    do_on_body = reply_body;
    feed(coming, STR("Host: h\r\n\r\n"), 0);
    expect_written(coming, OK_HEAD("0") "Connection: close\r\n\r\n");
    while (!is_drained)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void announces_its_end_before_it_drains(void **state)
{
    struct stream *s = client(), *fresh;

    (void)state;
    feed(s, GET, 0);
    turn();
    fake_written(s);
    http_server_announce_drain(server);
    turn();
    assert_false(s->is_closed); /* it is told before it is left */
    feed(s, GET, 0);
    expect_written(s, OK_HEAD("0") "Connection: close\r\n\r\n");
    assert_true(s->is_closed && s->is_flushed);
    fresh = client();
    feed(fresh, GET, 0);
    expect_written(fresh, OK_HEAD("0") "Connection: close\r\n\r\n");
}

static void cuts_what_outlives_the_grace(void **state)
{
    struct stream *s = client(), *coming = client();

    (void)state;
    do_on_body = keep;
    do_on_gone = keep;
    feed(s, GET, 0);
    feed(coming, STR("GET / HTTP/1.1\r\n"), 0);
    drain(1);
    while (!gones)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    assert_true(s->is_closed && coming->is_closed && !s->is_flushed);
    turn();
    turn();
    assert_false(is_drained); /* the handler has yet to let go */
    http_reply_abort(kept);
    while (!is_drained)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void end_in_time(struct http_request *r)
{
    http_reply_last_chunk(r, STR("sorry"));
}

/* The handler's last word is written, and nobody is told gone. */
static void lets_handlers_end_what_outlives_the_grace(void **state)
{
    struct stream *s = client();

    (void)state;
    do_on_body = start_and_keep;
    do_on_time_up = end_in_time;
    feed(s, GET, 0);
    turn();
    fake_written(s);
    drain(1);
    while (!is_drained)
        uv_run(loop_uv(l), UV_RUN_ONCE);
    expect_written(s, "5\r\nsorry\r\n0\r\n\r\n");
    assert_true(s->is_closed && s->is_flushed);
    assert_int_equal(gones, 0);
}

static void drains_without_connections(void **state)
{
    struct stream *s = client();

    (void)state;
    fake_end(s, STREAM_END_EOF);
    turn();
    drain(NEVER_MS);
    assert_false(is_drained); /* never out of the call */
    while (!is_drained)
        uv_run(loop_uv(l), UV_RUN_ONCE);
}

static void refuses_more_connections_than_it_may_have(void **state)
{
    struct stream *first;

    (void)state;
    limits.connections_max = 2;
    first = client();
    assert_non_null(client());
    assert_null(client());
    assert_int_equal(http_server_stats(server).connections_refused, 1);
    assert_int_equal(http_server_stats(server).connections_accepted, 2);
    assert_int_equal(http_server_stats(server).connections_open, 2);
    fake_end(first, STREAM_END_EOF);
    turn();
    assert_non_null(client());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, serving_tear_down)
        TEST(closes_idle_connections),
        TEST(closes_connections_whose_first_request_does_not_come),
        TEST(answers_slow_heads),
        TEST(bytes_of_a_head_gain_no_time),
        TEST(answers_slow_bodies),
        TEST(few_bytes_of_a_body_gain_no_time),
        TEST(many_bytes_of_a_body_gain_time),
        TEST(zero_is_no_timeout),
        TEST(cuts_a_slow_body_that_nobody_wants),
        TEST(waits_for_a_handler),
        TEST(cuts_who_takes_nothing),
        TEST(spares_who_takes_a_little),
        TEST(drains_what_is_idle_at_once),
        TEST(drains_when_the_last_request_is_answered),
        TEST(announces_its_end_before_it_drains),
        TEST(cuts_what_outlives_the_grace),
        TEST(lets_handlers_end_what_outlives_the_grace),
        TEST(drains_without_connections),
        TEST(refuses_more_connections_than_it_may_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
