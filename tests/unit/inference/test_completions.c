/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "request_check.h"

static struct request_facts facts;
static struct error err;

static bool check_on(const char *deployment, const char *body)
{
    return request_check(&operation_completions, deployment, body, &facts, &err);
}

static bool check(const char *body)
{
    return check_on("text", body);
}

static void expect_refused(const char *body, enum error_code code, const char *target)
{
    request_assert_refused(check(body), body, &err, code, target);
}

static char *many_prompts(const char *item, unsigned count)
{
    static char text[64 * 1024];
    size_t len = (size_t)sprintf(text, "{\"prompt\":[");

    for (unsigned i = 0; i < count; i++)
        len += (size_t)sprintf(text + len, "%s%s", i ? "," : "", item);
    sprintf(text + len, "]}");
    return text;
}

static void a_prompt_may_be_text_or_tokens(void **state)
{
    (void)state;
    assert_true(check("{\"prompt\":\"abcd\"}"));
    assert_int_equal(facts.prompt_chars, 4);
    assert_int_equal(facts.max_tokens, 16);
    assert_true(check("{\"prompt\":[\"gr\u00fc\u00df\",\"\u65e5\"]}"));
    assert_int_equal(facts.prompt_chars, 5);
    assert_true(check("{}"));
    assert_true(check("{\"prompt\":[1,2,3]}"));
    assert_int_equal(facts.prompt_tokens, 3);
    assert_int_equal(facts.choices, 1);
    assert_int_equal(facts.features, ENGINE_PROMPT_TOKENS);
    assert_true(check("{\"prompt\":[\"a\",[1,2]]}"));
    assert_int_equal(facts.choices, 2);
    assert_int_equal(facts.features, ENGINE_PROMPT_TOKENS | ENGINE_PROMPT_ARRAY);
}

static void prompts_of_other_kinds_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"prompt\":\"a\",\"stream_options\":{}}", ERROR_MODEL_REQUEST,
                   "stream_options");
    expect_refused("{\"prompt\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":1}}",
                   ERROR_MODEL_TYPE, "stream_options.include_usage");
    expect_refused("{\"prompt\":5}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[]}", ERROR_MODEL_ARRAY_EMPTY, "prompt");
    expect_refused("{\"prompt\":[1,\"a\"]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[\"a\",1]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[{}]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[[\"a\"]]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[1e999]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[[1,\"a\"]]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"prompt\":[1,-3]}", ERROR_MODEL_INTEGER_BELOW, "prompt[1]");
    expect_refused("{\"prompt\":[\"a\",[1,2147483648]]}", ERROR_MODEL_INTEGER_ABOVE,
                   "prompt[1][1]");
    expect_refused("{\"prompt\":[99999999999999999999]}", ERROR_MODEL_INTEGER_ABOVE, "prompt[0]");
    expect_refused("{\"prompt\":[[]]}", ERROR_MODEL_TYPE, "prompt");
    expect_refused("{\"stop\":[\"\"]}", ERROR_MODEL_STRING_EMPTY, "stop[0]");
    expect_refused("{\"best_of\":21}", ERROR_MODEL_INTEGER_ABOVE, "best_of");
}

/* 2,048 prompts at most; one prompt may have more tokens than that. */
static void prompts_are_bounded_and_tokens_are_not(void **state)
{
    (void)state;
    assert_true(check(many_prompts("\"a\"", 2048)));
    expect_refused(many_prompts("\"a\"", 2049), ERROR_MODEL_ARRAY_LONG, "prompt");
    assert_true(check(many_prompts("1", 3000)));
    assert_int_equal(facts.prompt_tokens, 3000);
}

static void answers_are_counted(void **state)
{
    (void)state;
    assert_true(check("{\"prompt\":[\"a\",\"b\"],\"n\":2,\"best_of\":3}"));
    assert_int_equal(facts.choices, 4);
    assert_int_equal(facts.n, 6);
    assert_true(facts.features & ENGINE_BEST_OF && facts.features & ENGINE_N);
    expect_refused("{\"n\":3,\"best_of\":2}", ERROR_MODEL_VALUE, "best_of");
    expect_refused("{\"best_of\":2,\"stream\":true}", ERROR_MODEL_REQUEST, "best_of");
    expect_refused("{\"logprobs\":6}", ERROR_MODEL_INTEGER_ABOVE, "logprobs");
}

static yyjson_val *answer(const char *request, const char *text)
{
    rig_post("text", "completions", request);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    return rig_reply_json();
}

static void log_probabilities_take_the_older_form(void **state)
{
    yyjson_val *choice, *logprobs;

    (void)state;
    choice = yyjson_arr_get_first(yyjson_obj_get(
        answer("{\"prompt\":\"a\",\"logprobs\":1}",
               "{\"choices\":[{\"text\":\"ab\",\"index\":0,\"finish_reason\":\"stop\","
               "\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-1,\"top_logprobs\":"
               "[{\"token\":\"a\",\"logprob\":-1},{\"token\":\"x\",\"logprob\":-2}]},"
               "{\"token\":\"b\",\"logprob\":-3}]}}]}"),
        "choices"));
    logprobs = yyjson_obj_get(choice, "logprobs");
    assert_true(
        str_equal(json_str(yyjson_arr_get(yyjson_obj_get(logprobs, "tokens"), 1)), STR("b")));
    assert_int_equal(yyjson_get_int(yyjson_arr_get(yyjson_obj_get(logprobs, "text_offset"), 1)), 1);
    assert_int_equal(yyjson_obj_size(yyjson_arr_get(yyjson_obj_get(logprobs, "top_logprobs"), 0)),
                     1);
}

static yyjson_val *first_choice(yyjson_val *root)
{
    return yyjson_arr_get_first(yyjson_obj_get(root, "choices"));
}

#define SAID(finish) \
    "{\"text\":\".\",\"index\":0,\"finish_reason\":" finish ",\"logprobs\":{\"content\":[{}]}}"
#define COUNTED "\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1,\"total_tokens\":3}"

/* llama-server makes a token whatever max_tokens is. */
static void no_answer_is_none(void **state)
{
    yyjson_val *root;

    (void)state;
    rig_post("llama-text", "completions", "{\"prompt\":\"a b\",\"max_tokens\":0,\"logprobs\":1}");
    fake_engine_head(200, "application/json");
    fake_engine_body(STR("{\"choices\":[" SAID("\"stop\"") "]," COUNTED "}"));
    fake_engine_end();
    root = rig_reply_json();
    assert_true(str_equal(json_str(yyjson_obj_get(first_choice(root), "text")), STR("")));
    assert_true(
        str_equal(json_str(yyjson_obj_get(first_choice(root), "finish_reason")), STR("length")));
    assert_int_equal(yyjson_arr_size(json_at(first_choice(root), "logprobs.tokens")), 0);
    assert_int_equal(yyjson_obj_size(yyjson_obj_get(first_choice(root), "content_filter_results")),
                     0);
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 0);
    assert_int_equal(yyjson_get_int(json_at(root, "usage.total_tokens")), 2);
}

static void no_answer_is_streamed(void **state)
{
    (void)state;
    rig_post("llama-text", "completions",
             "{\"prompt\":\"a b\",\"max_tokens\":0,\"stream\":true,\"stream_options\":{"
             "\"include_usage\":true}}");
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR("data: {\"choices\":[" SAID("null") "]}\n\ndata: {\"choices\":[" SAID(
        "\"stop\"") "]," COUNTED "}\n\ndata: [DONE]\n\n"));
    assert_true(fake_reply.is_finished);
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("\"text\":\".\"")), SIZE_MAX);
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("\"stop\"")), SIZE_MAX);
    assert_int_not_equal(str_find(buf_str(&fake_reply.body), STR("\"finish_reason\":\"length\"")),
                         SIZE_MAX);
    assert_int_not_equal(str_find(buf_str(&fake_reply.body), STR("\"completion_tokens\":0,")),
                         SIZE_MAX);
}

/* Whose engine takes max_tokens at its word. */
static void no_answer_of_others_is_theirs(void **state)
{
    yyjson_val *root = answer("{\"prompt\":\"a\",\"max_tokens\":0}",
                              "{\"choices\":[" SAID("\"stop\"") "]," COUNTED "}");

    (void)state;
    assert_true(str_equal(json_str(yyjson_obj_get(first_choice(root), "text")), STR(".")));
    assert_int_equal(yyjson_get_int(json_at(root, "usage.completion_tokens")), 1);
}

static void each_prompt_is_annotated(void **state)
{
    yyjson_val *root;

    (void)state;
    root = answer("{\"prompt\":[\"a\",\"b\"]}",
                  "{\"choices\":[{\"text\":\"x\",\"index\":0,\"finish_reason\":\"stop\"},"
                  "{\"text\":\"\",\"index\":1}],\"usage\":{\"prompt_tokens\":1}}");
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "prompt_filter_results")), 2);
    assert_true(str_starts_with(json_str(yyjson_obj_get(root, "id")), STR("cmpl-")));
    assert_true(yyjson_is_null(
        yyjson_obj_get(yyjson_arr_get(yyjson_obj_get(root, "choices"), 1), "finish_reason")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_prompt_may_be_text_or_tokens),
        TEST(prompts_of_other_kinds_are_refused),
        TEST(prompts_are_bounded_and_tokens_are_not),
        TEST(answers_are_counted),
        TEST(log_probabilities_take_the_older_form),
        TEST(each_prompt_is_annotated),
        TEST(no_answer_is_none),
        TEST(no_answer_is_streamed),
        TEST(no_answer_of_others_is_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
