/* SPDX-License-Identifier: MIT */
#include "inference/llama_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "reply_events.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define FORMAT                                                                                     \
    "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"who\",\"schema\":{" \
    "}}}"
#define TOOL(name) "{\"type\":\"function\",\"function\":{\"name\":\"" name "\"}}"
#define SCHEMA                                                                               \
    "Unable to generate parser for this template. Automatic parser generation failed: JSON " \
    "schema error at #/properties/a: unrecognized type foo"

/* The engine refuses the request so. */
static void refuse(const char *deployment, const char *operation, const char *request,
                   const char *message)
{
    char body[1024];

    snprintf(body, sizeof(body),
             "{\"error\":{\"code\":400,\"message\":\"%s\",\"type\":\"invalid_request_error\"}}",
             message);
    rig_post(deployment, operation, request);
    fake_engine_head(400, "application/json");
    fake_engine_body(str_from(body));
    fake_engine_end();
}

static void expect(const char *code, const char *param, const char *message)
{
    expect_error(400, code);
    expect_str(rig_reply_json(), "error.param", param);
    expect_str(rig_reply_json(), "error.message", message);
    expect_str(rig_reply_json(), "error.type", "invalid_request_error");
}

static void a_schema_is_named_that_is_none(void **state)
{
    (void)state;
    refuse("llama", "chat/completions", "{" MESSAGES "," FORMAT "}", SCHEMA);
    expect(NULL, "response_format",
           "Invalid schema for response_format 'who': #/properties/a: unrecognized type foo.");
    refuse("llama", "chat/completions", "{" MESSAGES ",\"tools\":[" TOOL("f") "]}", SCHEMA);
    expect("invalid_function_parameters", "tools[0].function.parameters",
           "Invalid schema for function 'f': #/properties/a: unrecognized type foo.");
    refuse("llama", "chat/completions", "{" MESSAGES ",\"tools\":[" TOOL("f") "," TOOL("g") "]}",
           SCHEMA);
    expect("invalid_function_parameters", "tools",
           "Invalid schema: #/properties/a: unrecognized type foo.");
}

static void a_conversation_is_named_that_the_template_does_not_take(void **state)
{
    (void)state;
    refuse("llama", "chat/completions", "{" MESSAGES "}",
           "\\n------------\\nWhile executing CallExpression at line 1, column 119 in source:\\n"
           "....role == 'function' %}{{ raise_exception('no') }}{%...\\n   ^\\nError: Jinja "
           "Exception: Conversation roles must alternate user/assistant");
    expect(NULL, "messages",
           "Invalid 'messages': Conversation roles must alternate user/assistant");
}

static void tokens_are_named_that_the_model_has_not(void **state)
{
    (void)state;
    refuse("llama-text", "completions", "{\"prompt\":[5,99999]}", "Prompt contains invalid tokens");
    expect(NULL, "prompt", "Prompt contains invalid tokens.");
    refuse("llama-small", "embeddings", "{\"input\":[5,99999]}", "Prompt contains invalid tokens");
    expect(NULL, "input", "Prompt contains invalid tokens.");
}

/* What is not known is passed on, and what an upstream says is its own. */
static void the_rest_stays_as_it_is(void **state)
{
    (void)state;
    refuse("llama", "chat/completions", "{" MESSAGES "}", "something else");
    expect_error(400, NULL);
    assert_true(yyjson_is_null(json_at(rig_reply_json(), "error.param")));
    expect_str(rig_reply_json(), "error.message", "something else");
    refuse("up", "chat/completions", "{" MESSAGES "," FORMAT "}", SCHEMA);
    expect_str(rig_reply_json(), "error.message", SCHEMA);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_schema_is_named_that_is_none),
        TEST(a_conversation_is_named_that_the_template_does_not_take),
        TEST(tokens_are_named_that_the_model_has_not),
        TEST(the_rest_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
