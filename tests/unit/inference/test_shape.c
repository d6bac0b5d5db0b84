/* SPDX-License-Identifier: MIT */
#include "inference/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rig.h"

#define CHAT_ANSWER                                                                                \
    "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP9\",\"created\":17,\"model\":\"m\","           \
    "\"object\":\"chat.completion\","                                                              \
    "\"system_fingerprint\":\"b1\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","          \
    "\"message\":{\"role\":\"assistant\",\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":4," \
    "\"completion_tokens\":5,\"total_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":3}}}"

static struct exchange *x;

static void open_exchange(const char *version)
{
    x = rig_exchange(&operation_chat, "sim", version, STR("{\"messages\":[]}"));
}

/* The whole answer in that version's shape. */
static struct str shaped(const char *answer)
{
    return rig_shape(x, answer);
}

static yyjson_val *parsed(struct str text)
{
    struct error err;
    yyjson_doc *doc = json_parse(x->arena, text, &err);

    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

static void expect(struct str text, const char *wanted)
{
    if (!str_equal(text, str_from(wanted)))
        fail_msg("%.*s\nnot %s", STR_ARGS(text), wanted);
}

static void the_oldest_version_shows_the_least(void **state)
{
    (void)state;
    open_exchange("2023-05-15");
    expect(shaped(CHAT_ANSWER),
           "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"message\":{\"content\":"
           "\"hello\",\"role\":\"assistant\"}}],\"created\":17,\"id\":\"chatcmpl-"
           "AnhIt2rw8vL8czymkCwEOKKTg7HP9\",\"model\":"
           "\"gpt-4\",\"object\":\"chat.completion\",\"usage\":{\"completion_tokens\":5,"
           "\"prompt_tokens\":4,\"total_tokens\":9}}");
    rig_end_exchange(x);
}

#define NOT_FILTERED                                                                    \
    "{\"error\":{\"code\":\"content_filter_error\",\"message\":\"The contents are not " \
    "filtered\"}}"

static void the_newest_version_shows_all(void **state)
{
    struct str out;

    (void)state;
    open_exchange("2024-10-21");
    out = shaped(CHAT_ANSWER);
    assert_true(str_starts_with(
        out, STR("{\"choices\":[{\"content_filter_results\":" NOT_FILTERED
                 ",\"finish_reason\":\"stop\",\"index\":0,\"logprobs\":null,\"message\":{"
                 "\"content\":\"hello\",\"refusal\":null,\"role\":\"assistant\"}}],\"created\":17,"
                 "\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP9\",\"model\":\"gpt-4\",\"object\":"
                 "\"chat.completion\","
                 "\"prompt_filter_results\":[{\"content_filter_results\":" NOT_FILTERED
                 ",\"prompt_index\":0}],\"system_fingerprint\":\"fp_")));
    assert_true(str_ends_with(
        out, STR("\"usage\":{\"completion_tokens\":5,\"completion_tokens_details\":{"
                 "\"accepted_prediction_tokens\":0,\"audio_tokens\":0,\"reasoning_tokens\":0,"
                 "\"rejected_prediction_tokens\":0},\"prompt_tokens\":4,\"prompt_tokens_details\":"
                 "{\"audio_tokens\":0,\"cached_tokens\":3},\"total_tokens\":9}}")));
    assert_int_equal(x->usage.prompt_tokens, 4);
    assert_int_equal(x->usage.completion_tokens, 5);
    rig_end_exchange(x);
}

static void an_id_of_another_kind_is_replaced(void **state)
{
    struct str id;

    (void)state;
    open_exchange("2024-10-21");
    id = json_str(
        yyjson_obj_get(parsed(shaped("{\"id\":\"gen-1\",\"choices\":[{\"message\":{}}]}")), "id"));
    assert_true(str_starts_with(id, STR("chatcmpl-")));
    assert_int_equal(id.len, 38);
    id = json_str(yyjson_obj_get(
        parsed(shaped("{\"id\":\"chatcmpl-short\",\"choices\":[{\"message\":{}}]}")), "id"));
    assert_int_equal(id.len, 38); /* Azure's form, whatever the engine's is */
    assert_int_equal(id.len, 9 + 29);
    /* the whole stream has one */
    expect(
        json_str(yyjson_obj_get(parsed(shaped("{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP2\","
                                              "\"choices\":[{\"message\":{}}]}")),
                                "id")),
        id.data);
    rig_end_exchange(x);
}

static void the_fingerprint_names_the_engine(void **state)
{
    struct str first, second;

    (void)state;
    open_exchange("2024-10-21");
    first = arena_copy(x->arena,
                       json_str(yyjson_obj_get(parsed(shaped(CHAT_ANSWER)), "system_fingerprint")));
    assert_int_equal(first.len, 13);
    x->deployment = directory_deployment(x->account, STR("up"));
    x->relay.fingerprint = STR_NONE;
    second = json_str(yyjson_obj_get(parsed(shaped(CHAT_ANSWER)), "system_fingerprint"));
    assert_false(str_equal(first, second));
    rig_end_exchange(x);
}

/* `usage` is the member as the engine writes it, "": none. */
static void expect_usage(const char *usage, uint64_t prompt, uint64_t answer)
{
    struct str text;
    yyjson_val *shown;

    open_exchange("2024-10-21");
    x->facts.prompt_chars = 40;
    text = arena_printf(x->arena, "{\"choices\":[{\"message\":{\"content\":\"12345\"}}]%s%s}",
                        *usage ? ",\"usage\":" : "", usage);
    shown = yyjson_obj_get(parsed(shaped(text.data)), "usage");
    assert_int_equal(x->usage.prompt_tokens, prompt);
    assert_int_equal(x->usage.completion_tokens, answer);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(shown, "prompt_tokens")), prompt);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(shown, "completion_tokens")), answer);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(shown, "total_tokens")), prompt + answer);
    assert_int_equal(yyjson_get_uint(json_at(shown, "prompt_tokens_details.cached_tokens")), 0);
    rig_end_exchange(x);
}

static void usage_without_sense_is_estimated(void **state)
{
    static const char *const numbers[] = {
        "-1",    "3.0",  "1e2", "2147483648", "123456789012345678901234567890",
        "\"3\"", "true", "[]",  "{}",         "null",
    };
    char text[160];

    (void)state;
    expect_usage("{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}", 3, 4);
    expect_usage("{}", 10, 2);
    expect_usage("", 10, 2);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        expect_usage(numbers[i], 10, 2);
        snprintf(text, sizeof(text),
                 "{\"prompt_tokens\":%s,\"completion_tokens\":4,\"total_tokens\":7}", numbers[i]);
        expect_usage(text, 10, 2);
        snprintf(text, sizeof(text),
                 "{\"prompt_tokens\":3,\"completion_tokens\":%s,\"total_tokens\":7}", numbers[i]);
        expect_usage(text, 10, 2);
        snprintf(text, sizeof(text),
                 "{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":%s}", numbers[i]);
        expect_usage(text, 10, 2);
        snprintf(text, sizeof(text),
                 "{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":%s}}",
                 numbers[i]);
        expect_usage(text, 3, 4);
    }
}

/* What is checked is what goes out. */
static void a_member_goes_out_once(void **state)
{
    (void)state;
    open_exchange("2023-05-15");
    expect(
        shaped("{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP9\",\"created\":17,\"choices\":[{"
               "\"message\":{\"content\":\"a\",\"content\":5,\"x\":1,\"x\":2}}],\"choices\":7}"),
        "{\"choices\":[{\"message\":{\"content\":\"a\",\"x\":1}}],\"created\":17,\"id\":\"chatcmpl-"
        "AnhIt2rw8vL8czymkCwEOKKTg7HP9\",\"model\":\"gpt-4\",\"object\":\"chat.completion\","
        "\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":0,\"total_tokens\":1}}");
    rig_end_exchange(x);
}

static void tool_calls_have_azures_ids(void **state)
{
    yyjson_val *message, *call;

    (void)state;
    open_exchange("2024-10-21");
    message =
        yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(
                           parsed(shaped("{\"choices\":[{\"index\":0,\"message\":{\"content\":\"\","
                                         "\"tool_calls\":[{\"id\":\"abc\",\"type\":\"function\"},"
                                         "{\"id\":\"call_1\"}]}}]}")),
                           "choices")),
                       "message");
    assert_true(yyjson_is_null(yyjson_obj_get(message, "content")));
    call = yyjson_arr_get_first(yyjson_obj_get(message, "tool_calls"));
    assert_true(str_starts_with(json_str(yyjson_obj_get(call, "id")), STR("call_")));
    assert_int_equal(json_str(yyjson_obj_get(call, "id")).len, 5 + 24);
    call = yyjson_arr_get(yyjson_obj_get(message, "tool_calls"), 1);
    expect(json_str(yyjson_obj_get(call, "id")), "call_1");
    rig_end_exchange(x);
}

static void log_probabilities_are_as_many_as_asked(void **state)
{
    yyjson_val *token;

    (void)state;
    open_exchange("2024-10-21");
    x->facts.logprobs = true;
    x->facts.top_logprobs = 1;
    token = yyjson_arr_get_first(json_at(
        yyjson_arr_get_first(yyjson_obj_get(
            parsed(shaped("{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"logprobs\":"
                          "{\"content\":[{\"id\":5,\"token\":\"a\",\"logprob\":-1,\"top_logprobs\":"
                          "[{\"id\":5,\"token\":\"a\"},{\"id\":6,\"token\":\"b\"}]}]}}]}")),
            "choices")),
        "logprobs.content"));
    assert_null(yyjson_obj_get(token, "id"));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(token, "top_logprobs")), 1);
    assert_null(yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(token, "top_logprobs")), "id"));
    rig_end_exchange(x);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_version_shows_the_least), TEST(the_newest_version_shows_all),
        TEST(an_id_of_another_kind_is_replaced),  TEST(the_fingerprint_names_the_engine),
        TEST(usage_without_sense_is_estimated),   TEST(a_member_goes_out_once),
        TEST(tool_calls_have_azures_ids),         TEST(log_probabilities_are_as_many_as_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
