/*
 * What the HTTP server does at the end of a loop's turn, for all its connections.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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
        TEST(wakes_a_handler_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
