/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

static void a_stream_goes_on_event_by_event(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    assert_false(fake_reply.is_started); /* what may still fail has no status yet */
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"\"}")));
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(rig_header("content-type"), STR("text/event-stream; charset=utf-8")));
    assert_int_equal(fake_reply.writes, 1);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    assert_int_equal(fake_reply.writes, 2);
    fake_engine_body(STR(DELTA("{\"content\":\" two\"}") STOP DONE));
    assert_true(fake_reply.is_finished);
    read_events();
    expect_first();
    expect_content("");
    expect_content("one");
    expect_content(" two");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(next_json(), "choices")), "finish_reason",
               "stop");
    expect_end();
    assert_int_equal(fake_engine.cancelled, 1);
}

static void says_what_each_event_looks_at(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    /* the exchange's own and the reply's */
    assert_int_equal(fake_engine.prefetch.count, RELAY_PREFETCH_PLACES);
    for (unsigned i = 0; i < fake_engine.prefetch.count; i++)
        assert_true(fake_engine.prefetch.at[i] && fake_engine.prefetch.lines[i]);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP DONE));

    rig_chat("sim", WHOLE); /* has none */
    assert_int_equal(fake_engine.prefetch.count, 0);
    fake_engine_fail(ERROR_BACKEND);
}

static void simulated_faults_reach_the_client(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_fault();
    fake_engine_fail(ERROR_BACKEND);
    assert_true(fake_reply.is_aborted);
    read_events();
    expect_first();
    expect_content("one");
    assert_int_equal(next_event().len, 0);

    open_stream("sim", STREAM); /* before its first byte */
    fake_engine_fault();
    fake_engine_fail(ERROR_BACKEND);
    assert_true(fake_reply.is_aborted && !fake_reply.is_started);

    open_stream("sim", STREAM);
    fake_engine_fault();
    fake_engine_body(STR("data: {<<\n\n"));
    fake_engine_end();
    assert_true(fake_reply.is_finished && !fake_reply.is_aborted);
    read_events();
    expect_first();
    assert_true(str_equal(next_event(), STR("{<<")));
    assert_int_equal(next_event().len, 0);
}

static void simulated_faults_of_whole_answers_too(void **state)
{
    (void)state;
    rig_chat("sim", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_fault();
    fake_engine_body(STR("{\"id\":"));
    fake_engine_fail(ERROR_BACKEND);
    assert_true(fake_reply.is_aborted && !fake_reply.status);

    rig_chat("sim", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_fault();
    fake_engine_body(STR("{\"id\":"));
    fake_engine_body(STR("<<"));
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(buf_str(&fake_reply.body), STR("{\"id\":<<")));
}

static void events_are_in_azures_shape(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"a\"}")));
    read_events();
    expect_first();
    event = next_json();
    expect_str(event, "id", "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1");
    expect_str(event, "model", "gpt-4");
    expect_str(event, "object", "chat.completion.chunk");
    assert_int_equal(yyjson_get_int(yyjson_obj_get(event, "created")), 17);
    assert_non_null(
        json_at(yyjson_arr_get_first(yyjson_obj_get(event, "choices")), "content_filter_results"));
    fake_engine_body(STR(STOP DONE));
}

static void bytes_may_be_cut_anywhere(void **state)
{
    struct str all = STR(DELTA("{\"content\":\"one\"}") STOP DONE);

    (void)state;
    open_stream("sim", STREAM);
    for (size_t i = 0; i < all.len; i++) {
        if (!fake_reply.is_finished)
            fake_engine_body(str_slice(all, i, 1));
    }
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
}

static void a_stream_that_forgets_done_gets_it(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_end();
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
    assert_int_equal(fake_engine.cancelled, 0);
}

static void the_last_event_needs_no_empty_line(void **state)
{
    static const char *const ends[] = { STOP "data: [DONE]", STOP "data: [DONE]\n",
                                        STOP "data:[DONE]\r" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        open_stream("sim", STREAM);
        fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
        fake_engine_body(str_from(ends[i]));
        fake_engine_end();
        read_events();
        expect_first();
        expect_content("one");
        next_json();
        expect_end();
    }
    open_stream("sim", STREAM); /* nor has anything to come before it */
    fake_engine_body(str_slice(STR(STOP), 0, sizeof(STOP) - 3));
    fake_engine_end();
    read_events();
    expect_first();
    next_json();
    expect_end();
}

/* By a server that does not stream. */
static void a_whole_answer_becomes_a_stream(void **state)
{
    yyjson_val *event;

    (void)state;
    rig_chat("up", STREAM_USAGE);
    fake_engine_head(200, "application/json");
    fake_engine_body(STR(ANSWER));
    assert_false(fake_reply.is_started);
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(rig_header("content-type"), STR("text/event-stream; charset=utf-8")));
    read_events();
    expect_first();
    event = next_json();
    expect_str(event, "object", "chat.completion.chunk");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(event, "choices")), "delta.content", "hello");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(event, "choices")), "finish_reason", "stop");
    event = next_json();
    assert_int_equal(yyjson_get_int(json_at(event, "usage.total_tokens")), 9);
    expect_end();
}

static void its_calls_get_their_indices(void **state)
{
    yyjson_val *calls;

    (void)state;
    rig_chat("up", STREAM);
    fake_engine_head(200, "application/json");
    fake_engine_body(
        STR("{\"choices\":[{\"finish_reason\":\"tool_calls\",\"message\":{\"tool_calls\":"
            "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
            "\"arguments\":\"{}\"}},{\"function\":{\"name\":\"g\"}}]}}]}"));
    fake_engine_end();
    read_events();
    expect_first();
    calls =
        json_at(yyjson_arr_get_first(yyjson_obj_get(next_json(), "choices")), "delta.tool_calls");
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(yyjson_get_int(yyjson_obj_get(yyjson_arr_get(calls, i), "index")), i);
    expect_end();
}

static void a_whole_answer_that_is_none_is_an_error(void **state)
{
    static const char *const rubbish[] = { "",
                                           "data: x\n\n",
                                           "null",
                                           "[]",
                                           "{\"choices\":5}",
                                           "{\"choices\":[5]}",
                                           "{\"error\":{\"code\":500}}" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        rig_chat("up", STREAM);
        fake_engine_head(200, "application/json");
        fake_engine_body(str_from(rubbish[i]));
        fake_engine_end();
        expect_error(500, i + 1 < ARRAY_LEN(rubbish) ? "InternalServerError" : NULL);
    }
}

static void a_null_event_is_passed_over(void **state)
{
    (void)state;
    open_stream("llama", STREAM);
    fake_engine_body(STR("data: null\n\n: comment\n\n" DELTA("{\"content\":\"one\"}") STOP DONE));
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
}

static void what_follows_done_is_dropped(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP DONE DELTA("{\"content\":\"x\"}")));
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
}

static void a_slow_client_holds_the_engine_back(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_reply.is_full = true;
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    assert_true(fake_engine.is_paused);
    fake_engine_body(STR(DELTA("{\"content\":\"two\"}"))); /* was on its way */
    assert_true(fake_engine.is_paused);
    fake_reply.is_full = false;
    rig_drain();
    assert_false(fake_engine.is_paused);
    fake_engine_body(STR(STOP DONE));
    read_events();
    expect_first();
    expect_content("one");
    expect_content("two");
    next_json();
    expect_end();
}

static void an_end_while_held_back_ends(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_reply.is_full = true;
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_end();
    assert_true(fake_reply.is_finished);
}

static void who_leaves_stops_the_engine(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    rig_gone();
    assert_int_equal(fake_engine.cancelled, 1);
    assert_true(fake_reply.is_aborted);
}

static void who_leaves_before_the_head_stops_the_engine(void **state)
{
    (void)state;
    rig_chat("sim", STREAM);
    rig_gone();
    assert_int_equal(fake_engine.cancelled, 1);
    assert_true(fake_reply.is_aborted);
}

static void a_whole_answer_is_shaped(void **state)
{
    yyjson_val *answer;

    (void)state;
    rig_chat("llama", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_slice(STR(ANSWER), 0, 50));
    fake_engine_body(str_slice(STR(ANSWER), 50, SIZE_MAX - 50));
    assert_false(fake_reply.is_finished);
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    answer = rig_reply_json();
    expect_str(answer, "model", "gpt-4");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(answer, "choices")), "message.content", "hello");
    assert_null(yyjson_obj_get(answer, "timings"));
    assert_true(str_equal(rig_header("content-type"), STR("application/json")));
    assert_true(str_equal(rig_header("x-ms-deployment-name"), STR("llama")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_goes_on_event_by_event),
        TEST(says_what_each_event_looks_at),
        TEST(simulated_faults_reach_the_client),
        TEST(simulated_faults_of_whole_answers_too),
        TEST(events_are_in_azures_shape),
        TEST(bytes_may_be_cut_anywhere),
        TEST(a_stream_that_forgets_done_gets_it),
        TEST(the_last_event_needs_no_empty_line),
        TEST(a_whole_answer_becomes_a_stream),
        TEST(its_calls_get_their_indices),
        TEST(a_whole_answer_that_is_none_is_an_error),
        TEST(a_null_event_is_passed_over),
        TEST(what_follows_done_is_dropped),
        TEST(a_slow_client_holds_the_engine_back),
        TEST(an_end_while_held_back_ends),
        TEST(who_leaves_stops_the_engine),
        TEST(who_leaves_before_the_head_stops_the_engine),
        TEST(a_whole_answer_is_shaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
