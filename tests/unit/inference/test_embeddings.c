/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "request_check.h"

static struct request_facts facts;
static struct error err;

static bool check_on(const char *deployment, const char *body)
{
    return request_check(&operation_embeddings, deployment, body, &facts, &err);
}

static bool check(const char *body)
{
    return check_on("small", body);
}

static void expect_refused(const char *body, enum error_code code, const char *target)
{
    request_assert_refused(check(body), body, &err, code, target);
}

static void an_input_may_be_text_or_tokens(void **state)
{
    (void)state;
    assert_true(check("{\"input\":\"abcd\"}"));
    assert_int_equal(facts.prompt_chars, 4);
    assert_int_equal(facts.n, 0);
    assert_true(check("{\"input\":[\"a\",\"bc\"]}"));
    assert_int_equal(facts.choices, 2);
    assert_int_equal(facts.prompt_chars, 3);
    assert_true(check("{\"input\":[1,2,3]}"));
    assert_int_equal(facts.prompt_tokens, 3);
    assert_int_equal(facts.choices, 1);
    assert_true(check("{\"input\":[[1,2],[3]]}"));
    assert_int_equal(facts.prompt_tokens, 3);
    assert_int_equal(facts.features, ENGINE_PROMPT_TOKENS);
}

static void inputs_of_other_kinds_are_refused(void **state)
{
    (void)state;
    expect_refused("{}", ERROR_MODEL_MISSING, "input");
    expect_refused("{\"input\":\"\"}", ERROR_MODEL_REQUEST, "input");
    expect_refused("{\"input\":[]}", ERROR_MODEL_ARRAY_EMPTY, "input");
    expect_refused("{\"input\":[\"\",\"\"]}", ERROR_MODEL_STRING_EMPTY, "input[0]");
    expect_refused("{\"input\":[\"a\",\"\"]}", ERROR_MODEL_STRING_EMPTY, "input[1]");
    expect_refused("{\"input\":[[1],[]]}", ERROR_MODEL_TYPE, "input");
    expect_refused("{\"input\":[[1],[-1]]}", ERROR_MODEL_INTEGER_BELOW, "input[1][0]");
    expect_refused("{\"input\":5}", ERROR_MODEL_TYPE, "input");
    expect_refused("{\"input\":[\"a\",1]}", ERROR_MODEL_TYPE, "input");
    expect_refused("{\"input\":[{}]}", ERROR_MODEL_TYPE, "input");
    expect_refused("{\"input\":\"a\",\"encoding_format\":\"hex\"}", ERROR_MODEL_VALUE,
                   "encoding_format");
    expect_refused("{\"input\":\"a\",\"dimensions\":0}", ERROR_MODEL_INTEGER_BELOW, "dimensions");
}

static void models_have_limits(void **state)
{
    (void)state;
    assert_false(check_on("ada",
                          "{\"input\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\","
                          "\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}"));
    assert_true(str_starts_with(str_from(err.text),
                                STR("Too many inputs. The max number of inputs is 16.")));
    assert_false(check_on("ada", "{\"input\":\"a\",\"dimensions\":2}"));
    assert_string_equal(err.target, "dimensions");
}

/* An upstream knows what they are; the others would leave them out without a word. */
static void other_members_are_an_upstreams(void **state)
{
    static const char body[] =
        "{\"input\":\"a\",\"truncate\":{\"side\":\"left\"},\"model\":\"up-small\"}";

    (void)state;
    rig_post("up-small", "embeddings", body);
    assert_non_null(fake_engine.call);
    assert_true(str_equal(buf_str(&fake_engine.request), str_from(body)));
    rig_gone();
    expect_refused(body, ERROR_MODEL_REQUEST, "");
    assert_string_equal(err.text, "Unrecognized request argument supplied: truncate");
    assert_false(check_on("llama-small", body));
    assert_string_equal(err.text, "Unrecognized request argument supplied: truncate");
    assert_false(check_on("up-small", "{\"input\":\"\",\"truncate\":1}"));
    assert_false(check_on("up-small", "{\"input\":\"a\",\"user\":1,\"truncate\":1}"));
}

static void answer(const char *request, const char *text)
{
    rig_post("small", "embeddings", request);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
}

static yyjson_val *first_vector(void)
{
    assert_int_equal(fake_reply.status, 200);
    return yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(rig_reply_json(), "data")),
                          "embedding");
}

static void vectors_have_the_form_that_is_asked(void **state)
{
    (void)state;
    answer("{\"input\":\"a\"}", "{\"data\":[{\"embedding\":[0.5,-2]}]}");
    assert_int_equal(yyjson_arr_size(first_vector()), 2);
    answer("{\"input\":\"a\",\"encoding_format\":\"base64\"}",
           "{\"data\":[{\"embedding\":[0.5,-2]}]}");
    assert_true(str_equal(json_str(first_vector()), STR("AAAAPwAAAMA=")));
    answer("{\"input\":\"a\"}", "{\"data\":[{\"embedding\":\"AAAAPwAAAMA=\"}]}");
    assert_true(yyjson_get_real(yyjson_arr_get(first_vector(), 1)) == -2);
}

static void vectors_are_shortened_to_length_one(void **state)
{
    (void)state;
    answer("{\"input\":\"a\",\"dimensions\":2}", "{\"data\":[{\"embedding\":[3,4,12]}]}");
    assert_int_equal(yyjson_arr_size(first_vector()), 2);
    assert_true(yyjson_get_real(yyjson_arr_get(first_vector(), 1)) == 0.8);
    answer("{\"input\":\"a\",\"dimensions\":4}", "{\"data\":[{\"embedding\":[3,4,12]}]}");
    assert_int_equal(fake_reply.status, 400);
    assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.param")), STR("dimensions")));
}

/* Numbers that are passed on are neither read nor written anew. */
static void numbers_keep_their_digits(void **state)
{
    (void)state;
    answer("{\"input\":\"a\"}", "{\"data\":[{\"embedding\":[0.50,-2e0]}],"
                                "\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}");
    assert_true(str_find(buf_str(&fake_reply.body), STR("\"embedding\":[0.50,-2e0]")) != SIZE_MAX);
    assert_true(str_find(buf_str(&fake_reply.body), STR("\"prompt_tokens\":7,")) != SIZE_MAX);
}

/* `inputs` vectors of 1,536 numbers, some of them `number`. */
static struct str many_vectors(struct buf *text, unsigned inputs, const char *number)
{
    buf_init(text, SIZE_MAX / 4);
    assert_true(buf_append(text, STR("{\"data\":[")));
    for (unsigned i = 0; i < inputs; i++) {
        assert_true(buf_printf(text, "%s{\"embedding\":[%s", i ? "," : "", number));
        for (unsigned n = 1; n < 1536; n++)
            assert_true(buf_append(text, STR(",-0.0123456")));
        assert_true(buf_append(text, STR("]}")));
    }
    assert_true(buf_append(text, STR("],\"usage\":{\"prompt_tokens\":9}}")));
    return buf_str(text);
}

#define LARGE 50

/* `more`: of the request's members. */
static void begin_large(const char *more, const char *number)
{
    struct buf text;

    buf_init(&text, 4096);
    assert_true(buf_printf(&text, "{%s\"input\":[\"a\"", more));
    for (unsigned i = 1; i < LARGE; i++)
        assert_true(buf_append(&text, STR(",\"a\"")));
    assert_true(buf_append(&text, STR("]}")) && buf_append(&text, str_of("", 1)));
    rig_post("small", "embeddings", buf_str(&text).data);
    buf_done(&text);
    fake_engine_head(200, "application/json");
    fake_engine_body(many_vectors(&text, LARGE, number));
    fake_engine_end();
    buf_done(&text);
    assert_false(fake_reply.is_finished); /* it is shaped on another thread */
}

static void wait_for_reply(void)
{
    while (!fake_reply.is_finished)
        uv_run(loop_uv(rig.loop), UV_RUN_ONCE);
}

static void large_answers_do_not_keep_the_loop(void **state)
{
    (void)state;
    begin_large("", "1.50");
    wait_for_reply();
    assert_int_equal(yyjson_arr_size(first_vector()), 1536);
    assert_true(str_find(buf_str(&fake_reply.body), STR("[1.50,-0.0123456,")) != SIZE_MAX);
    begin_large("\"dimensions\":2000,", "1");
    wait_for_reply();
    assert_int_equal(fake_reply.status, 400);
    begin_large("", "01");
    wait_for_reply();
    assert_int_equal(fake_reply.status, 500);
}

static void a_client_may_leave_while_its_answer_is_shaped(void **state)
{
    (void)state;
    begin_large("", "1");
    rig_gone();
    assert_false(fake_reply.is_finished);
    wait_for_reply();
    assert_true(fake_reply.is_aborted);
}

static void rubbish_is_an_error(void **state)
{
    static const char *const rubbish[] = {
        "{}",
        "{\"data\":5}",
        "{\"data\":[5]}",
        "{\"data\":[{}]}",
        "{\"data\":[{\"embedding\":{}}]}",
        "{\"data\":[]}",
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1,\"2\"]}]}",
        "{\"data\":[{\"embedding\":[1,null]}]}",
        "{\"data\":[{\"embedding\":[1],\"index\":1}]}",
        "{\"data\":[{\"embedding\":[1],\"index\":-1}]}",
        "{\"data\":[{\"embedding\":[1],\"index\":\"0\"}]}",
        "{\"data\":[{\"embedding\":[1e308]}]}",
        "{\"data\":[{\"embedding\":[1,-3.5E+38]}]}",
        "{\"data\":[{\"embedding\":[1e999]}]}",
        "{\"data\":[{\"embedding\":[400000000000000000000000000000000000000]}]}",
        "{\"data\":[{\"embedding\":\"AAA=\"}]}",
        "{\"data\":[{\"embedding\":\"AAAA\"}]}",
        "{\"data\":[{\"embedding\":\"?\"}]}",
        "{\"data\":[{\"embedding\":\"AACAfw==\"}]}", /* infinity */
        "{\"data\":[{\"embedding\":\"AADAfw==\"}]}", /* NaN */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        answer("{\"input\":\"a\"}", rubbish[i]);
        if (fake_reply.status != 500)
            fail_msg("%s", rubbish[i]);
        answer("{\"input\":\"a\",\"encoding_format\":\"base64\"}", rubbish[i]);
        if (fake_reply.status != 500)
            fail_msg("%s", rubbish[i]);
    }
}

/* Clients put vectors to inputs by their index. */
static void each_input_has_one_vector(void **state)
{
    static const struct {
        const char *indexes[3];
        int status;
    } answers[] = {
        { { "0", "1", "2" }, 200 },  { { "2", "0", "1" }, 200 },  { { NULL, NULL, NULL }, 200 },
        { { "0", NULL, "2" }, 200 }, { { "0", "1", "1" }, 500 },  { { "0", "0", "2" }, 500 },
        { { "2", "2", "2" }, 500 },  { { "1", NULL, "2" }, 500 }, { { "1", "2", "3" }, 500 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        char text[200] = "{\"data\":[";

        for (size_t item = 0; item < 3; item++) {
            const char *index = answers[i].indexes[item];

            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     "%s{%s%s%s\"embedding\":[1]}", item ? "," : "", index ? "\"index\":" : "",
                     index ? index : "", index ? "," : "");
        }
        strcat(text, "]}");
        answer("{\"input\":[\"a\",\"b\",\"c\"]}", text);
        assert_int_equal(fake_reply.status, answers[i].status);
    }
}

/* As float32 has them. */
static void large_and_small_numbers_are_numbers(void **state)
{
    static const char *const numbers[] = {
        "3.4e38", "-3.4028234E+38",
        "1e-308", "0.00000000000000000000000000000000000000000000001",
        "-0",     "340000000000000000000000000000000000000",
    };
    char text[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        snprintf(text, sizeof(text), "{\"data\":[{\"embedding\":[%s]}]}", numbers[i]);
        answer("{\"input\":\"a\"}", text);
        assert_int_equal(fake_reply.status, 200);
        answer("{\"input\":\"a\",\"encoding_format\":\"base64\"}", text);
        assert_int_equal(fake_reply.status, 200);
    }
}

static void expect_estimated_usage(const char *text)
{
    answer("{\"input\":\"abcdefgh\"}", text);
    assert_int_equal(fake_reply.status, 200);
    if (str_find(buf_str(&fake_reply.body),
                 STR("\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}")) == SIZE_MAX)
        fail_msg("%s", text);
}

static void usage_that_is_not_told_is_estimated(void **state)
{
    (void)state;
    expect_estimated_usage("{\"data\":[{\"embedding\":[1]}]}");
    expect_estimated_usage("{\"data\":[{\"embedding\":[1]}],\"usage\":null}");
    expect_estimated_usage("{\"data\":[{\"embedding\":[1]}],\"usage\":7}");
}

static void usage_without_sense_is_estimated(void **state)
{
    static const char *const numbers[] = {
        "-1", "7.5", "2147483648", "1e3", "\"7\"", "null", "[]"
    };
    char text[160];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        snprintf(
            text, sizeof(text),
            "{\"data\":[{\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":%s,\"total_tokens\":7}}",
            numbers[i]);
        expect_estimated_usage(text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_input_may_be_text_or_tokens),
        TEST(inputs_of_other_kinds_are_refused),
        TEST(models_have_limits),
        TEST(other_members_are_an_upstreams),
        TEST(vectors_have_the_form_that_is_asked),
        TEST(vectors_are_shortened_to_length_one),
        TEST(numbers_keep_their_digits),
        TEST(large_answers_do_not_keep_the_loop),
        TEST(a_client_may_leave_while_its_answer_is_shaped),
        TEST(rubbish_is_an_error),
        TEST(each_input_has_one_vector),
        TEST(large_and_small_numbers_are_numbers),
        TEST(usage_that_is_not_told_is_estimated),
        TEST(usage_without_sense_is_estimated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
