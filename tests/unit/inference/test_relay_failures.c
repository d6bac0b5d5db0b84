/*
 * Answers that go wrong on the way: the engine breaks, stops early, or talks rubbish.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

static void a_stream_that_stops_early_ends_in_an_error(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_end();
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event("server_error");
}

static void each_choice_must_finish(void **state)
{
    (void)state;
    open_stream("sim", "{\"n\":2,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
                       "\"hi\"}]}");
    fake_engine_body(STR(STOP));
    fake_engine_end();
    read_events();
    expect_first();
    next_json();
    expect_error_event("server_error");
}

static void half_an_event_at_the_end_is_an_error(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(STOP "data: {\"id\""));
    fake_engine_end();
    read_events();
    expect_first();
    next_json();
    expect_error_event("server_error");
}

static void a_failure_amid_the_stream_is_an_event(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_fail(ERROR_BACKEND);
    assert_int_equal(fake_reply.status, 200);
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event("server_error");
}

/* Nothing went out yet: the error gets its own status. */
static void a_failure_before_the_first_event_is_a_status(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");

    open_stream("sim", STREAM);
    fake_engine_end();
    expect_error(500, NULL);

    open_stream("sim", STREAM);
    fake_engine_body(
        STR("data: {\"error\":{\"code\":500,\"message\":\"out of memory at 0x\"}}\n\n"));
    expect_error(500, NULL);
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("0x")), SIZE_MAX);

    open_stream("sim", STREAM);
    fake_engine_body(STR("data: rubbish\n\n"));
    expect_error(500, "InternalServerError");
}

static void rubbish_amid_the_stream_is_an_error(void **state)
{
    static const char *const rubbish[] = {
        "data: no json\n\n",
        "data: {\"choices\":5}\n\n",
        "data: []\n\n",
        "data: {\"choices\":[5]}\n\n",
        "data: {\"choices\":[{\"delta\":5,\"index\":0},null]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":5},\"index\":0}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":[\"a\"]},\"index\":0}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":{}},\"index\":0}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"index\":1}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"index\":-1}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"index\":\"0\"}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":7}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":{}}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[5]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":5}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":5}}]}}]}\n\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        open_stream("sim", STREAM);
        fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
        fake_engine_body(str_from(rubbish[i]));
        assert_int_equal(fake_engine.cancelled, i + 1);
        read_events();
        expect_first();
        expect_content("one");
        expect_error_event(NULL);
    }
}

static void an_event_above_the_limit_is_an_error(void **state)
{
    static char huge[1200 * 1024];

    (void)state;
    memset(huge, 'a', sizeof(huge));
    memcpy(huge, "data: ", 6);
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_body(str_of(huge, sizeof(huge)));
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event(NULL);
}

static void rubbish_as_an_answer_is_an_error(void **state)
{
    static const char *const rubbish[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"choices\":{}}",
        "{\"choices\":[7]}",
        "{\"choices\":[{\"message\":7}]}",
        "{\"choices\":[{\"message\":{\"content\":7}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"},\"index\":1}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":1}]}}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        rig_chat("sim", WHOLE);
        fake_engine_head(200, "application/json");
        fake_engine_body(str_from(rubbish[i]));
        fake_engine_end();
        expect_error(500, "InternalServerError");
    }
}

static void a_failure_before_the_head_is_a_status(void **state)
{
    (void)state;
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_TIMEOUT);
    expect_error(408, "Timeout");
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_BACKEND);
    expect_error(500, "InternalServerError");
    rig_chat("sim", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_slice(STR(ANSWER), 0, 50));
    fake_engine_fail(ERROR_BACKEND);
    expect_error(500, "InternalServerError");
}

/* Of an answer whose status says what is wrong, the rest is not missed. */
static void an_error_that_breaks_is_known_by_its_status(void **state)
{
    (void)state;
    rig_chat("up", WHOLE);
    fake_engine_head(429, "application/json");
    fake_engine_body(STR("{\"error\":{\"mess"));
    fake_engine_fail(ERROR_TIMEOUT);
    expect_error(503, "ServiceUnavailable");
    rig_chat("up", STREAM);
    fake_engine_head(500, "application/json");
    fake_engine_fail(ERROR_BACKEND);
    expect_error(500, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_that_stops_early_ends_in_an_error),
        TEST(each_choice_must_finish),
        TEST(half_an_event_at_the_end_is_an_error),
        TEST(a_failure_amid_the_stream_is_an_event),
        TEST(a_failure_before_the_first_event_is_a_status),
        TEST(rubbish_amid_the_stream_is_an_error),
        TEST(an_event_above_the_limit_is_an_error),
        TEST(rubbish_as_an_answer_is_an_error),
        TEST(a_failure_before_the_head_is_a_status),
        TEST(an_error_that_breaks_is_known_by_its_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
