/*
 * The usage that a stream tells, and what an engine that tells none is counted for.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

static void expect_tokens_of(const char *kind, int status, const char *stream, unsigned tokens)
{
    char line[256];
    struct buf out;

    snprintf(line, sizeof(line),
             "lazuli_tokens_total{account=\"lapis\",deployment=\"up\",operation="
             "\"ChatCompletions_Create\",status=\"%d\",stream=\"%s\",is_spillover=\"false\","
             "kind=\"%s\"} %u\n",
             status, stream, kind, tokens);
    buf_init(&out, 1024 * 1024);
    assert_true(metrics_write(rig.metrics, NULL, 0, &out));
    if (str_find(buf_str(&out), str_from(line)) == SIZE_MAX)
        fail_msg("no line %s", line);
    buf_done(&out);
}

/* In the metrics. */
static void expect_tokens(int status, const char *stream, unsigned prompt, unsigned completion)
{
    expect_tokens_of("prompt", status, stream, prompt);
    expect_tokens_of("completion", status, stream, completion);
}

/* Four bytes a token, of the prompt and of the answer. */
static void usage_that_is_not_told_is_estimated(void **state)
{
    (void)state;
    open_stream("up", STREAM_USAGE);
    fake_engine_body(STR(DELTA("{\"content\":\"four bytes\"}") STOP DONE));
    read_events();
    expect_first();
    next_json();
    next_json();
    expect_usage(1, 3);
    expect_end();
    expect_tokens(200, "true", 1, 3);
}

static void who_does_not_ask_is_counted_alike(void **state)
{
    (void)state;
    open_stream("up", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"four bytes\"}") STOP DONE));
    read_events();
    expect_first();
    next_json();
    next_json();
    expect_end();
    expect_tokens(200, "true", 1, 3);
}

static void a_whole_answer_is_counted_alike(void **state)
{
    (void)state;
    rig_chat("up", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_body(STR("{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":"
                         "{\"content\":\"four bytes\"}}]}"));
    fake_engine_end();
    assert_int_equal(yyjson_get_int(json_at(rig_reply_json(), "usage.total_tokens")), 4);
    expect_tokens(200, "false", 1, 3);
}

/* What came whole goes out as a stream, and ends as one. */
static void a_restreamed_answer_has_its_estimate(void **state)
{
    (void)state;
    rig_chat("up", STREAM_USAGE);
    fake_engine_head(200, "application/json");
    fake_engine_body(STR("{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"choices\":[{"
                         "\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":"
                         "\"four bytes\"}}]}"));
    fake_engine_end();
    read_events();
    expect_first();
    expect_content("four bytes");
    expect_usage(1, 3);
    expect_end();
}

/* There is nothing to count of the answer, nor an id to tell it by. */
static void an_empty_stream_tells_no_usage(void **state)
{
    (void)state;
    open_stream("up", STREAM_USAGE);
    fake_engine_body(STR(DONE));
    read_events();
    expect_first();
    expect_end();
    expect_tokens(200, "true", 1, 0);
}

/* Of a stream that ends before its time, the metrics tell what had come. */
static void what_had_come_is_counted(void **state)
{
    (void)state;
    open_stream("up", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"four bytes\"}")));
    rig_gone();
    expect_tokens(200, "true", 1, 3);
    open_stream("up", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"four bytes\"}")));
    fake_engine_fail(ERROR_BACKEND);
    expect_tokens(200, "true", 2, 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(usage_is_shown_to_who_asks),
        TEST(usage_is_kept_from_who_does_not),
        TEST(usage_events_are_merged),
        TEST(llamas_usage_of_each_choice_adds_up),
        TEST(usage_that_is_not_told_is_estimated),
        TEST(who_does_not_ask_is_counted_alike),
        TEST(a_whole_answer_is_counted_alike),
        TEST(a_restreamed_answer_has_its_estimate),
        TEST(an_empty_stream_tells_no_usage),
        TEST(what_had_come_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
