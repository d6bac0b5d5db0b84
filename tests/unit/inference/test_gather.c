/* SPDX-License-Identifier: MIT */
#include "inference/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT "{\"n\":2," MESSAGES "}"
#define EVENT(choice)                                                                        \
    "data: "                                                                                 \
    "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP7\",\"created\":1700000000,\"choices\":" \
    "[" choice "]}\n\n"
#define DELTA(index, delta) \
    EVENT("{\"index\":" index ",\"delta\":" delta ",\"finish_reason\":null}")
#define END(index, reason) \
    EVENT("{\"index\":" index ",\"delta\":{},\"finish_reason\":\"" reason "\"}")
#define USAGE(prompt, cached, completion)                                       \
    "\"usage\":{\"prompt_tokens\":" prompt ",\"completion_tokens\":" completion \
    ",\"total_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":" cached "}}"
#define CHAT_USAGE(prompt, cached, completion) \
    "data: {\"choices\":[]," USAGE(prompt, cached, completion) "}\n\n"
#define DONE "data: [DONE]\n\n"

static void begin(const char *deployment, const char *path, const char *request)
{
    rig_post(deployment, path, request);
    fake_engine_head(200, "text/event-stream");
}

static yyjson_val *choice_of_reply(unsigned index)
{
    return yyjson_arr_get(yyjson_obj_get(rig_reply_json(), "choices"), index);
}

static void expect_str(yyjson_val *object, const char *path, const char *wanted)
{
    struct str value = json_str(json_at(object, path));

    if (!str_equal(value, str_from(wanted)))
        fail_msg("%s is '%.*s', not '%s'", path, STR_ARGS(value), wanted);
}

static void expect_usage(int prompt, int cached, int completion)
{
    yyjson_val *usage = yyjson_obj_get(rig_reply_json(), "usage");

    assert_int_equal(yyjson_get_int(yyjson_obj_get(usage, "prompt_tokens")), prompt);
    assert_int_equal(yyjson_get_int(json_at(usage, "prompt_tokens_details.cached_tokens")), cached);
    assert_int_equal(yyjson_get_int(yyjson_obj_get(usage, "completion_tokens")), completion);
    assert_int_equal(yyjson_get_int(yyjson_obj_get(usage, "total_tokens")), prompt + completion);
}

static void choices_of_a_chat_are_put_together(void **state)
{
    (void)state;
    begin("llama", "chat/completions", CHAT);
    fake_engine_body(STR(DELTA("0", "{\"role\":\"assistant\",\"content\":null}")));
    fake_engine_body(STR(DELTA("1", "{\"content\":\"B\"}") DELTA("0", "{\"content\":\"A\"}")));
    fake_engine_body(STR(DELTA("0", "{\"reasoning_content\":\"Hm\"}")));
    fake_engine_body(STR(DELTA("0", "{\"content\":\"a\"}") END("0", "length")));
    fake_engine_body(STR(CHAT_USAGE("4", "0", "3") END("1", "stop") CHAT_USAGE("4", "4", "2")));
    assert_false(fake_reply.is_finished);
    fake_engine_body(STR(DONE));
    assert_int_equal(fake_reply.status, 200);
    assert_int_equal(fake_engine.cancelled, 1);
    expect_str(rig_reply_json(), "id", "chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP7");
    expect_str(rig_reply_json(), "object", "chat.completion");
    assert_int_equal(yyjson_get_int(yyjson_obj_get(rig_reply_json(), "created")), 1700000000);
    expect_str(choice_of_reply(0), "message.content", "Aa");
    expect_str(choice_of_reply(0), "message.role", "assistant");
    expect_str(choice_of_reply(0), "message.reasoning_content", "Hm");
    expect_str(choice_of_reply(0), "finish_reason", "length");
    expect_str(choice_of_reply(1), "message.content", "B");
    assert_null(json_at(choice_of_reply(1), "message.reasoning_content"));
    expect_usage(4, 2, 5);
}

/* What a client usually asks for. */
static void one_choice_is_put_together(void **state)
{
    (void)state;
    begin("llama", "chat/completions", "{" MESSAGES "}");
    fake_engine_body(STR(DELTA("0", "{\"role\":\"assistant\",\"content\":null}")));
    fake_engine_body(STR(DELTA("0", "{\"content\":\"A\"}")));
    fake_engine_body(STR(DELTA("0", "{\"content\":\"a\"}") END("0", "stop")));
    fake_engine_body(STR(CHAT_USAGE("7", "1", "2") DONE));
    assert_int_equal(fake_reply.status, 200);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(rig_reply_json(), "choices")), 1);
    expect_str(choice_of_reply(0), "message.content", "Aa");
    expect_str(choice_of_reply(0), "finish_reason", "stop");
    expect_usage(7, 1, 2);
}

/* As it was told: what makes no sense is estimated, a token for each four bytes. */
static void usage_of_one_choice(void **state)
{
    static const struct {
        const char *events;
        int prompt, completion;
    } cases[] = {
        { CHAT_USAGE("-4", "0", "3"), 1, 2 },
        { "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1.5}}\n\n", 1, 2 },
        { "data: {\"choices\":[],\"usage\":7}\n\n", 1, 2 },
        { "", 1, 2 },
        { CHAT_USAGE("5", "0", "4"), 5, 4 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("llama", "chat/completions", "{" MESSAGES "}");
        fake_engine_body(STR(DELTA("0", "{\"content\":\"eight by\"}") END("0", "stop")));
        fake_engine_body(str_from(cases[i].events));
        fake_engine_body(STR(DONE));
        assert_int_equal(fake_reply.status, 200);
        expect_usage(cases[i].prompt, 0, cases[i].completion);
    }
}

/* Its content is null, as when it comes whole. */
static void a_call_of_a_tool_without_words(void **state)
{
    (void)state;
    begin("llama", "chat/completions", "{" MESSAGES "}");
    fake_engine_body(STR(DELTA("0", "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":"
                                    "{\"name\":\"f\",\"arguments\":\"{}\"}}]}")));
    fake_engine_body(STR(END("0", "tool_calls") DONE));
    assert_int_equal(fake_reply.status, 200);
    assert_true(yyjson_is_null(json_at(choice_of_reply(0), "message.content")));
    assert_int_equal(yyjson_arr_size(json_at(choice_of_reply(0), "message.tool_calls")), 1);
}

static void calls_of_tools_are_put_together(void **state)
{
    yyjson_val *calls;

    (void)state;
    begin("llama", "chat/completions", CHAT);
    fake_engine_body(STR(DELTA("1", "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":"
                                    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
                                    "\"\"}}]}")));
    fake_engine_body(STR(DELTA("1", "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                                    "\"{\\\"a\\\"\"}}]}")));
    fake_engine_body(STR(DELTA("1", "{\"tool_calls\":[{\"index\":1,\"id\":\"call_2\",\"function\":"
                                    "{\"name\":\"g\",\"arguments\":\"{}\"}},{\"index\":0,"
                                    "\"function\":{\"arguments\":\":1}\"}}]}")));
    fake_engine_body(STR(END("1", "tool_calls") END("0", "stop") DONE));
    assert_int_equal(fake_reply.status, 200);
    expect_str(choice_of_reply(0), "message.content", "");
    assert_true(yyjson_is_null(json_at(choice_of_reply(1), "message.content")));
    calls = json_at(choice_of_reply(1), "message.tool_calls");
    assert_int_equal(yyjson_arr_size(calls), 2);
    expect_str(yyjson_arr_get(calls, 0), "id", "call_1");
    expect_str(yyjson_arr_get(calls, 0), "type", "function");
    expect_str(yyjson_arr_get(calls, 0), "function.name", "f");
    expect_str(yyjson_arr_get(calls, 0), "function.arguments", "{\"a\":1}");
    expect_str(yyjson_arr_get(calls, 1), "function.name", "g");
    /* the engine told none: 12 bytes of arguments, and a prompt of two characters */
    expect_usage(1, 0, 3);
}

#define TEXT(index, text, end) \
    "{\"index\":" index ",\"text\":\"" text "\",\"finish_reason\":" end "}"
#define TEXT_END(index, prompt, completion) \
    "data: {\"choices\":[" TEXT(index, "", "\"stop\"") "]," USAGE(prompt, "0", completion) "}\n\n"

/* Two prompts of 4 and 7 tokens, two answers to each: either prompt counts once. */
static void every_prompt_of_a_completion_counts_once(void **state)
{
    (void)state;
    begin("llama-text", "completions", "{\"prompt\":[\"a\",\"b\"],\"n\":2}");
    fake_engine_body(STR("data: null\n\n" EVENT(TEXT("3", "D", "null"))));
    fake_engine_body(STR(EVENT(TEXT("0", "A", "null")) TEXT_END("3", "7", "1")));
    fake_engine_body(STR(TEXT_END("0", "4", "1") TEXT_END("1", "4", "2") TEXT_END("2", "7", "3")));
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    expect_str(choice_of_reply(0), "text", "A");
    expect_str(choice_of_reply(1), "text", "");
    expect_str(choice_of_reply(3), "text", "D");
    expect_usage(11, 0, 7);
}

static void log_probabilities_follow_each_other(void **state)
{
    (void)state;
    begin("llama-text", "completions", "{\"prompt\":\"a\",\"n\":2,\"logprobs\":0}");
#define WITH_LOGPROBS(token)                                                                   \
    EVENT("{\"index\":0,\"text\":\"" token "\",\"logprobs\":{\"content\":[{\"token\":\"" token \
          "\",\"logprob\":-1}]},\"finish_reason\":null}")
    fake_engine_body(STR(WITH_LOGPROBS("x") WITH_LOGPROBS("yz")));
    fake_engine_body(STR(TEXT_END("0", "1", "2") TEXT_END("1", "1", "0") DONE));
    expect_str(choice_of_reply(0), "text", "xyz");
    assert_int_equal(yyjson_arr_size(json_at(choice_of_reply(0), "logprobs.tokens")), 2);
    assert_int_equal(
        yyjson_get_int(yyjson_arr_get_last(json_at(choice_of_reply(0), "logprobs.text_offset"))),
        1);
    assert_true(yyjson_is_null(yyjson_obj_get(choice_of_reply(1), "logprobs")));
}

/* Nothing has gone out: whatever goes wrong has a status of its own. */
static void what_is_not_whole_is_an_error(void **state)
{
    static const struct {
        const char *events;
        bool is_cut;
        int status;
    } cases[] = {
        { END("0", "stop") DONE, false, 500 },
        { END("0", "stop"), true, 500 },
        { END("0", "stop") "data: rubbish\n\n", false, 500 },
        { END("2", "stop"), false, 500 },
        { EVENT("1"), false, 500 },
        { "data: {\"choices\":1}\n\n", false, 500 },
        { END("0", "stop") "data: {\"error\":{\"code\":400,\"message\":\"no\"}}\n\n", false, 400 },
        { "data: {\"error\":{\"code\":503,\"message\":\"busy\"}}\n\n", false, 503 },
        { DONE, false, 500 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin("llama", "chat/completions", CHAT);
        fake_engine_body(str_from(cases[i].events));
        if (cases[i].is_cut)
            fake_engine_fail(ERROR_BACKEND);
        if (fake_reply.status != cases[i].status)
            fail_msg("case %zu: %d", i, fake_reply.status);
        assert_true(fake_reply.is_finished);
    }
}

static void who_leaves_stops_the_engine(void **state)
{
    (void)state;
    begin("llama", "chat/completions", CHAT);
    fake_engine_body(STR(DELTA("0", "{\"content\":\"A\"}")));
    rig_gone();
    assert_int_equal(fake_engine.cancelled, 1);
}

/* It is the engine that may refuse, and without a stream. */
static void a_refusal_is_a_refusal(void **state)
{
    (void)state;
    rig_chat("llama", CHAT);
    fake_engine_head(400, "application/json");
    fake_engine_body(STR("{\"error\":{\"code\":400,\"message\":\"too many slots\"}}"));
    fake_engine_end();
    assert_int_equal(fake_reply.status, 400);
    expect_str(rig_reply_json(), "error.message", "too many slots");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(choices_of_a_chat_are_put_together),
        TEST(one_choice_is_put_together),
        TEST(usage_of_one_choice),
        TEST(a_call_of_a_tool_without_words),
        TEST(calls_of_tools_are_put_together),
        TEST(every_prompt_of_a_completion_counts_once),
        TEST(log_probabilities_follow_each_other),
        TEST(what_is_not_whole_is_an_error),
        TEST(who_leaves_stops_the_engine),
        TEST(a_refusal_is_a_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
