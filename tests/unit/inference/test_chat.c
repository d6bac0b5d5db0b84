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
    return request_check(&operation_chat, deployment, body, &facts, &err);
}

static bool check(const char *body)
{
    return check_on("sim", body);
}

static void expect_refused(const char *body, enum error_code code, const char *target)
{
    request_assert_refused(check(body), body, &err, code, target);
}

#define WITH(members) "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]," members "}"

static void facts_are_taken(void **state)
{
    (void)state;
    assert_true(check(WITH("\"n\":3,\"max_tokens\":7,\"stream\":true,\"logprobs\":true,"
                           "\"top_logprobs\":2,\"seed\":1")));
    assert_int_equal(facts.n, 3);
    assert_int_equal(facts.choices, 3);
    assert_int_equal(facts.max_tokens, 7);
    assert_true(facts.uses_legacy_max_tokens && facts.stream && facts.logprobs);
    assert_false(facts.include_usage);
    assert_int_equal(facts.top_logprobs, 2);
    assert_int_equal(facts.features, ENGINE_N | ENGINE_LOGPROBS | ENGINE_SEED);
}

static void the_newer_limit_counts(void **state)
{
    (void)state;
    assert_true(check(WITH("\"max_tokens\":7,\"max_completion_tokens\":9")));
    assert_int_equal(facts.max_tokens, 9);
    assert_false(facts.uses_legacy_max_tokens);
}

static void ranges_are_those_of_azure(void **state)
{
    (void)state;
    expect_refused(WITH("\"n\":129"), ERROR_MODEL_INTEGER_ABOVE, "n");
    expect_refused(WITH("\"n\":0"), ERROR_MODEL_INTEGER_BELOW, "n");
    expect_refused(WITH("\"n\":1e999"), ERROR_MODEL_TYPE, "n");
    expect_refused(WITH("\"temperature\":2.1"), ERROR_MODEL_DECIMAL_ABOVE, "temperature");
    expect_refused(WITH("\"max_tokens\":0"), ERROR_MODEL_INTEGER_BELOW, "max_tokens");
    expect_refused(WITH("\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), ERROR_MODEL_ARRAY_LONG,
                   "stop");
    expect_refused(WITH("\"stop\":\"\""), ERROR_MODEL_STRING_EMPTY, "stop");
    expect_refused(WITH("\"logit_bias\":{\"AI\":5}"), ERROR_MODEL_REQUEST, "logit_bias");
    expect_refused(WITH("\"modalities\":[\"video\"]"), ERROR_MODEL_VALUE, "modalities[0]");
    expect_refused(WITH("\"model\":5"), ERROR_MODEL_TYPE, "model");
    expect_refused(WITH("\"top_logprobs\":1"), ERROR_MODEL_REQUEST, "top_logprobs");
}

static void stream_options_go_with_stream(void **state)
{
    (void)state;
    assert_true(check(WITH("\"stream\":true,\"stream_options\":{\"include_usage\":true}")));
    assert_true(facts.include_usage);
    expect_refused(WITH("\"stream_options\":{}"), ERROR_MODEL_REQUEST, "stream_options");
    expect_refused(WITH("\"stream\":true,\"stream_options\":{\"include_usage\":1}"),
                   ERROR_MODEL_TYPE, "stream_options.include_usage");
    expect_refused(WITH("\"stream\":true,\"stream_options\":{\"usage\":true}"), ERROR_MODEL_REQUEST,
                   "");
    expect_refused(WITH("\"stream\":true,\"stream_options\":1e999"), ERROR_MODEL_TYPE,
                   "stream_options");
}

#define SCHEMA(members) \
    WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{" members "}}")

static void formats_are_three(void **state)
{
    (void)state;
    assert_true(check(WITH("\"response_format\":{\"type\":\"text\"}")));
    assert_true(
        check(SCHEMA("\"name\":\"s\",\"schema\":{},\"strict\":true,\"description\":\"d\"")));
    assert_int_equal(facts.features, ENGINE_JSON_SCHEMA);
    expect_refused(WITH("\"response_format\":{\"type\":\"json_schema\"}"), ERROR_MODEL_MISSING,
                   "response_format.json_schema");
    expect_refused(WITH("\"response_format\":{\"type\":\"xml\"}"), ERROR_MODEL_VALUE,
                   "response_format.type");
    expect_refused(WITH("\"response_format\":{}"), ERROR_MODEL_MISSING, "response_format.type");
    expect_refused(WITH("\"response_format\":{\"type\":\"text\",\"schema\":{}}"),
                   ERROR_MODEL_REQUEST, "");
    assert_string_equal(err.text, "Additional properties are not allowed ('schema' was "
                                  "unexpected) - 'response_format'");
}

static void schemas_have_a_name_and_a_form(void **state)
{
    (void)state;
    expect_refused(SCHEMA(""), ERROR_MODEL_MISSING, "response_format.json_schema.name");
    expect_refused(SCHEMA("\"name\":5"), ERROR_MODEL_TYPE, "response_format.json_schema.name");
    expect_refused(SCHEMA("\"name\":\"a b\""), ERROR_MODEL_VALUE,
                   "response_format.json_schema.name");
    expect_refused(SCHEMA("\"name\":\"a\",\"schema\":5"), ERROR_MODEL_TYPE,
                   "response_format.json_schema.schema");
    assert_string_equal(err.text, "Invalid type for 'response_format.json_schema.schema': expected "
                                  "an object, but got an integer instead.");
    expect_refused(SCHEMA("\"name\":\"a\",\"strict\":\"yes\""), ERROR_MODEL_TYPE,
                   "response_format.json_schema.strict");
    expect_refused(SCHEMA("\"name\":\"a\",\"shape\":{}"), ERROR_MODEL_REQUEST, "");
}

/* Which field of the request it is that cannot be had. */
static void wishes_are_refused_by_their_names(void **state)
{
    static const struct {
        const char *body, *param;
    } cases[] = {
        { WITH("\"metadata\":{}"), "metadata" },
        { WITH("\"store\":true"), "store" },
        { WITH("\"modalities\":[\"text\",\"audio\"]"), "modalities" },
        { WITH("\"audio\":{}"), "audio" },
        { WITH("\"prediction\":{}"), "prediction" },
        { WITH("\"functions\":[{\"name\":\"f\"}]"), "functions" },
        { WITH("\"function_call\":\"none\""), "function_call" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig_chat("llama", cases[i].body);
        assert_int_equal(fake_reply.status, 400);
        assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.param")),
                              str_from(cases[i].param)));
        assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.code")),
                              STR("unsupported_parameter")));
        rig_chat("up", cases[i].body); /* answers for itself */
        assert_non_null(fake_engine.call);
        rig_gone();
    }
    rig_chat("llama", WITH("\"store\":false,\"modalities\":[\"text\"]"));
    assert_non_null(fake_engine.call);
    rig_gone();
}

static void what_the_model_cannot_do_is_refused(void **state)
{
    (void)state;
    rig_chat("sim", WITH("\"max_tokens\":5000"));
    assert_int_equal(fake_reply.status, 400);
    assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.message")),
                          STR("max_tokens is too large: 5000. This model supports at most 4096 "
                              "completion tokens, whereas you provided 5000.")));
    rig_chat("think", WITH("\"max_tokens\":5"));
    assert_int_equal(fake_reply.status, 400);
    assert_true(
        str_equal(json_str(json_at(rig_reply_json(), "error.code")), STR("unsupported_parameter")));
    rig_chat("think", WITH("\"max_completion_tokens\":5"));
    assert_non_null(fake_engine.call);
    rig_gone();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(facts_are_taken),
        TEST(the_newer_limit_counts),
        TEST(ranges_are_those_of_azure),
        TEST(stream_options_go_with_stream),
        TEST(formats_are_three),
        TEST(schemas_have_a_name_and_a_form),
        TEST(wishes_are_refused_by_their_names),
        TEST(what_the_model_cannot_do_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
