/* SPDX-License-Identifier: MIT */
#include "inference/chat_messages.h"

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

#define MESSAGES(list) "{\"messages\":[" list "]}"
#define USER "{\"role\":\"user\",\"content\":\"hi\"}"
#define CALL                                                                                    \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":" \
    "{\"name\":\"f\",\"arguments\":\"{}\"}}]}"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"}"
#define TOOL "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"

static void each_role_may_speak(void **state)
{
    (void)state;
    assert_true(check(MESSAGES("{\"role\":\"system\",\"content\":\"abc\"},"
                               "{\"role\":\"developer\",\"content\":\"de\"}," USER
                               ",{\"role\":\"assistant\",\"content\":\"f\"}")));
    assert_int_equal(facts.prompt_chars, 8);
    assert_int_equal(facts.features, 0);
}

static void messages_must_be_there(void **state)
{
    (void)state;
    expect_refused("{}", ERROR_MODEL_MISSING, "messages");
    expect_refused("{\"messages\":null}", ERROR_MODEL_MISSING, "messages");
    expect_refused("{\"messages\":[]}", ERROR_MODEL_ARRAY_EMPTY, "messages");
    expect_refused("{\"messages\":\"hi\"}", ERROR_MODEL_TYPE, "messages");
}

static void a_message_has_a_role_and_content(void **state)
{
    (void)state;
    expect_refused(MESSAGES("5"), ERROR_MODEL_TYPE, "messages.[0]");
    expect_refused(MESSAGES("{\"content\":\"hi\"}"), ERROR_MODEL_MISSING, "messages.[0].role");
    expect_refused(MESSAGES(USER ",{\"role\":\"robot\",\"content\":\"hi\"}"), ERROR_MODEL_VALUE,
                   "messages.[1].role");
    expect_refused(MESSAGES("{\"role\":5,\"content\":\"hi\"}"), ERROR_MODEL_VALUE,
                   "messages.[0].role");
    expect_refused(MESSAGES("{\"role\":\"user\"}"), ERROR_MODEL_MISSING, "messages.[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":null}"), ERROR_MODEL_MISSING,
                   "messages.[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":{}}"), ERROR_MODEL_TYPE,
                   "messages.[0].content");
    assert_true(check(MESSAGES(USER "," CALL "," RESULT)));
}

static void a_message_says_each_thing_once(void **state)
{
    (void)state;
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}"),
                   ERROR_MODEL_REQUEST, "messages.[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"role\":\"system\",\"content\":\"a\"}"),
                   ERROR_MODEL_REQUEST, "messages.[0].role");
}

static void parts_name_what_they_need(void **state)
{
    (void)state;
    assert_true(
        check(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                       "\"abc\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}")));
    assert_int_equal(facts.prompt_chars, 3);
    assert_int_equal(facts.features, ENGINE_IMAGES);
    assert_true(check(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
                               "\"input_audio\":{}}]}")));
    assert_int_equal(facts.features, ENGINE_AUDIO);
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"),
                   ERROR_MODEL_MISSING, "messages.[0].content.[0].text");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":5}]}"),
                   ERROR_MODEL_TYPE, "messages.[0].content.[0].text");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":\"a\"}]}"),
                   ERROR_MODEL_TYPE, "messages.[0].content.[0].file");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":[5]}"), ERROR_MODEL_VALUE,
                   "messages.[0].content.[0].type");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"smell\"}]}"),
                   ERROR_MODEL_VALUE, "messages.[0].content.[0].type");
}

static void texts_are_texts(void **state)
{
    (void)state;
    assert_true(check(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"name\":null}")));
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"name\":5}"), ERROR_MODEL_TYPE,
                   "messages.[0].name");
    expect_refused(MESSAGES(CALL ",{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":[]}"),
                   ERROR_MODEL_TYPE, "messages.[1].tool_call_id");
}

#define ASSISTANT(calls) MESSAGES("{\"role\":\"assistant\",\"tool_calls\":" calls "}")

static void calls_name_what_they_need(void **state)
{
    (void)state;
    expect_refused(ASSISTANT("5"), ERROR_MODEL_TYPE, "messages.[0].tool_calls");
    expect_refused(ASSISTANT("[5]"), ERROR_MODEL_MISSING, "messages.[0].tool_calls.[0].id");
    expect_refused(ASSISTANT("[{\"id\":5}]"), ERROR_MODEL_TYPE, "messages.[0].tool_calls.[0].id");
    expect_refused(ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"function\":5}]"),
                   ERROR_MODEL_MISSING, "messages.[0].tool_calls.[0].function.name");
    expect_refused(ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                             "\"arguments\":{}}}]"),
                   ERROR_MODEL_TYPE, "messages.[0].tool_calls.[0].function.arguments");
}

static void a_result_follows_its_call(void **state)
{
    (void)state;
    expect_refused(MESSAGES(USER "," RESULT), ERROR_MODEL_REQUEST, "messages.[1].role");
    expect_refused(MESSAGES(RESULT), ERROR_MODEL_REQUEST, "messages.[0].role");
    assert_true(check(MESSAGES(CALL "," RESULT "," RESULT)));
}

static void tools_are_functions_with_names(void **state)
{
    (void)state;
    assert_true(check("{\"messages\":[" USER "],\"tools\":[" TOOL "]}"));
    assert_true(facts.features & ENGINE_TOOLS);
    expect_refused("{\"messages\":[" USER "],\"tools\":[{}]}", ERROR_MODEL_MISSING,
                   "tools[0].type");
    expect_refused("{\"messages\":[" USER "],\"tools\":[{\"type\":\"magic\"}]}", ERROR_MODEL_VALUE,
                   "tools[0].type");
    expect_refused("{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\"}]}",
                   ERROR_MODEL_MISSING, "tools[0].function");
    expect_refused("{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{}}]}",
                   ERROR_MODEL_MISSING, "tools[0].function.name");
}

static void a_choice_is_of_a_tool_that_is_there(void **state)
{
    (void)state;
#define CHOOSE(choice) "{\"messages\":[" USER "],\"tools\":[" TOOL "],\"tool_choice\":" choice "}"
    assert_true(check(CHOOSE("\"none\"")));
    assert_true(check(CHOOSE("\"required\"")));
    assert_true(check(CHOOSE("{\"type\":\"function\",\"function\":{\"name\":\"f\"}}")));
    expect_refused(CHOOSE("\"any\""), ERROR_MODEL_VALUE, "tool_choice");
    expect_refused(CHOOSE("{}"), ERROR_MODEL_MISSING, "tool_choice.function");
    expect_refused(CHOOSE("{\"function\":{\"name\":\"g\"}}"), ERROR_MODEL_REQUEST, "tool_choice");
    expect_refused("{\"messages\":[" USER "],\"tool_choice\":\"auto\"}", ERROR_MODEL_REQUEST,
                   "tool_choice");
}

static void json_is_looked_for_in_any_case(void **state)
{
    (void)state;
#define OBJECT "],\"response_format\":{\"type\":\"json_object\"}}"
    assert_true(check("{\"messages\":[{\"role\":\"user\",\"content\":\"as JsOn\"}" OBJECT));
    assert_true(facts.features & ENGINE_JSON_OBJECT);
    assert_true(check("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                      "\"json\"}]}" OBJECT));
    expect_refused("{\"messages\":[{\"role\":\"user\",\"content\":\"jso n\"}" OBJECT,
                   ERROR_MODEL_REQUEST, "messages");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_role_may_speak),
        TEST(messages_must_be_there),
        TEST(a_message_has_a_role_and_content),
        TEST(a_message_says_each_thing_once),
        TEST(parts_name_what_they_need),
        TEST(texts_are_texts),
        TEST(calls_name_what_they_need),
        TEST(a_result_follows_its_call),
        TEST(tools_are_functions_with_names),
        TEST(a_choice_is_of_a_tool_that_is_there),
        TEST(json_is_looked_for_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
