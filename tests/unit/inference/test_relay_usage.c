/*
 * The usage that a stream tells.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

#define USAGE(prompt, completion)                                                 \
    "\"usage\":{\"prompt_tokens\":" #prompt ",\"completion_tokens\":" #completion \
    ",\"total_tokens\":9}"

static void expect_usage(uint64_t prompt, uint64_t completion)
{
    yyjson_val *event = next_json(), *usage = yyjson_obj_get(event, "usage");

    assert_int_equal(yyjson_arr_size(yyjson_obj_get(event, "choices")), 0);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(usage, "prompt_tokens")), prompt);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(usage, "completion_tokens")), completion);
    expect_str(event, "id", "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1");
}

static void usage_is_shown_to_who_asks(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM_USAGE);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    event = next_json();
    assert_true(yyjson_is_null(yyjson_obj_get(event, "usage")));
    next_json();
    expect_usage(4, 5);
    expect_end();
}

static void usage_is_kept_from_who_does_not(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(
        "data: "
        "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"choices\":[{\"index\":0,\"delta\":"
        "{\"content\":\"one\"}}]," USAGE(4, 5) "}\n\n" STOP));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    event = next_json();
    assert_null(yyjson_obj_get(event, "usage"));
    next_json();
    expect_end();
}

/* Beside the last text, or twice: it is told once, as the last event. */
static void usage_events_are_merged(void **state)
{
    (void)state;
    open_stream("sim", STREAM_USAGE);
    fake_engine_body(STR(
        "data: "
        "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"choices\":[{\"index\":0,\"delta\":{},"
        "\"finish_reason\":\"stop\"}]," USAGE(4, 3) "}\n\n"));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    assert_true(yyjson_is_null(yyjson_obj_get(next_json(), "usage")));
    expect_usage(4, 5);
    expect_end();
}

static void llamas_usage_of_each_choice_adds_up(void **state)
{
    (void)state;
    open_stream("llama", "{\"n\":2,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                         "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    fake_engine_body(STR(STOP "data: {\"choices\":[]," USAGE(4, 3) "}\n\n"));
    fake_engine_body(
        STR(EVENT("{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}") "data: "
                                                                           "{\"choices\":[]," USAGE(
                                                                               4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    next_json();
    next_json();
    expect_usage(4, 8);
    expect_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(usage_is_shown_to_who_asks),
        TEST(usage_is_kept_from_who_does_not),
        TEST(usage_events_are_merged),
        TEST(llamas_usage_of_each_choice_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
