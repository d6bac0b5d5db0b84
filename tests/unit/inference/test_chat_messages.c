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
    expect_refused(MESSAGES("5"), ERROR_MODEL_TYPE, "messages[0]");
    expect_refused(MESSAGES("{\"content\":\"hi\"}"), ERROR_MODEL_MISSING, "messages[0].role");
    expect_refused(MESSAGES(USER ",{\"role\":\"robot\",\"content\":\"hi\"}"), ERROR_MODEL_VALUE,
                   "messages[1].role");
    expect_refused(MESSAGES("{\"role\":\"user\\u0000and more than any role\",\"content\":\"hi\"}"),
                   ERROR_MODEL_VALUE, "messages[0].role");
    expect_refused(MESSAGES("{\"role\":5,\"content\":\"hi\"}"), ERROR_MODEL_TYPE,
                   "messages[0].role");
    assert_string_equal(err.text,
                        "Invalid type for 'messages[0].role': expected one of 'system', "
                        "'assistant', 'user', 'function', 'tool', or 'developer', but got an "
                        "integer instead.");
    expect_refused(MESSAGES("{\"role\":\"user\"}"), ERROR_MODEL_MISSING, "messages[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":null}"), ERROR_MODEL_REQUEST,
                   "messages.[0].content");
    assert_string_equal(err.text, "Invalid value for 'content': expected a string, got null.");
    expect_refused(MESSAGES("{\"role\":\"assistant\"}"), ERROR_MODEL_MISSING,
                   "messages[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":{}}"), ERROR_MODEL_TYPE,
                   "messages[0].content");
    assert_string_equal(err.text,
                        "Invalid type for 'messages[0].content': expected one of a string or array "
                        "of objects, but got an object instead.");
    assert_true(check(MESSAGES(USER "," CALL "," RESULT)));
}

static void a_message_says_each_thing_once(void **state)
{
    (void)state;
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}"),
                   ERROR_MODEL_REQUEST, "messages[0].content");
    expect_refused(MESSAGES("{\"role\":\"user\",\"role\":\"system\",\"content\":\"a\"}"),
                   ERROR_MODEL_REQUEST, "messages[0].role");
}

#define PART(part) MESSAGES("{\"role\":\"user\",\"content\":[" part "]}")
#define IMAGE "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}"

static void parts_name_what_they_need(void **state)
{
    (void)state;
    assert_true(check(PART("{\"type\":\"text\",\"text\":\"abc\"}," IMAGE)));
    assert_int_equal(facts.prompt_chars, 3);
    assert_int_equal(facts.features, ENGINE_IMAGES);
    assert_true(check(PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"\",\"format\":"
                           "\"wav\"}}")));
    assert_int_equal(facts.features, ENGINE_AUDIO);
    expect_refused(PART("{\"type\":\"text\"}"), ERROR_MODEL_MISSING, "messages[0].content[0].text");
    expect_refused(PART("{\"type\":\"text\",\"text\":5}"), ERROR_MODEL_TYPE,
                   "messages[0].content[0].text");
    expect_refused(PART("{\"type\":\"file\",\"file\":\"a\"}"), ERROR_MODEL_TYPE,
                   "messages[0].content[0].file");
    expect_refused(PART("{\"type\":\"image_url\",\"image_url\":{}}"), ERROR_MODEL_MISSING,
                   "messages[0].content[0].image_url.url");
    expect_refused(PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"\",\"detail\":\"x\"}}"),
                   ERROR_MODEL_VALUE, "messages[0].content[0].image_url.detail");
    expect_refused(PART("5"), ERROR_MODEL_TYPE, "messages[0].content[0]");
    expect_refused(PART("{\"type\":\"smell\"}"), ERROR_MODEL_VALUE, "messages[0].content[0].type");
    expect_refused(PART("{\"text\":\"a\"}"), ERROR_MODEL_MISSING, "messages[0].content[0].type");
}

/* Images are a user's, and a refusal is an assistant's. */
static void parts_have_their_roles(void **state)
{
    (void)state;
#define SAYS(role, part) MESSAGES("{\"role\":\"" role "\",\"content\":[" part "]}")
#define REFUSAL "{\"type\":\"refusal\",\"refusal\":\"no\"}"
    assert_true(check(SAYS("assistant", REFUSAL)));
    assert_int_equal(facts.prompt_chars, 2);
    expect_refused(SAYS("user", REFUSAL), ERROR_MODEL_VALUE, "messages[0].content[0].type");
    expect_refused(SAYS("assistant", IMAGE), ERROR_MODEL_VALUE, "messages[0].content[0].type");
    expect_refused(SAYS("system", IMAGE), ERROR_MODEL_VALUE, "messages[0].content[0].type");
    assert_true(check(SAYS("developer", "{\"type\":\"text\",\"text\":\"a\"}")));
    expect_refused(MESSAGES("{\"role\":\"function\",\"name\":\"f\",\"content\":[]}"),
                   ERROR_MODEL_TYPE, "messages[0].content");
}

static void texts_are_texts(void **state)
{
    (void)state;
    assert_true(check(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"name\":null}")));
    expect_refused(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"name\":5}"), ERROR_MODEL_TYPE,
                   "messages[0].name");
    expect_refused(MESSAGES(CALL ",{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":[]}"),
                   ERROR_MODEL_TYPE, "messages[1].tool_call_id");
}

static void characters_are_counted(void **state)
{
    (void)state;
    assert_true(check(MESSAGES("{\"role\":\"user\",\"content\":\"gr\u00fc\u00df \U0001F600\"},"
                               "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                               "\"\u65e5\u672c\"}]}")));
    assert_int_equal(facts.prompt_chars, 8);
}

/* The model reads what it may call, and what it has called, as it reads the messages. */
static void tools_are_counted(void **state)
{
    (void)state;
    assert_true(check("{\"messages\":[" USER "," CALL "," RESULT "]}"));
    assert_int_equal(facts.prompt_chars, 2 + 2 + 1 + 4 + 8 + 8 + 4 + 1 + 9 + 2 + 1);
    assert_true(check("{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":"
                      "{\"name\":\"f\",\"description\":\"gr\u00fc\u00df\",\"parameters\":{\"a\":"
                      "[\"b\",1,null]}}}]}"));
    assert_int_equal(facts.prompt_chars, 2 + 4 + 8 + 8 + 4 + 1 + 11 + 4 + 10 + 1 + 1);
    assert_true(check("{\"messages\":[" USER "],\"functions\":[{\"name\":\"f\"}]}"));
    assert_int_equal(facts.prompt_chars, 2 + 4 + 1);
    assert_true(check("{\"messages\":[" USER "],\"response_format\":{\"type\":\"json_schema\","
                      "\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}}"));
    assert_int_equal(facts.prompt_chars, 2 + 4 + 1 + 6 + 4 + 6);
}

#define ASSISTANT(calls) MESSAGES("{\"role\":\"assistant\",\"tool_calls\":" calls "}")

static void calls_name_what_they_need(void **state)
{
    (void)state;
    expect_refused(ASSISTANT("5"), ERROR_MODEL_TYPE, "messages[0].tool_calls");
    expect_refused(ASSISTANT("[5]"), ERROR_MODEL_TYPE, "messages[0].tool_calls[0]");
    expect_refused(ASSISTANT("[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                             "\"arguments\":\"\"}}]"),
                   ERROR_MODEL_MISSING, "messages[0].tool_calls[0].id");
    expect_refused(ASSISTANT("[{\"id\":5}]"), ERROR_MODEL_TYPE, "messages[0].tool_calls[0].id");
    expect_refused(ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"function\":5}]"),
                   ERROR_MODEL_TYPE, "messages[0].tool_calls[0].function");
    expect_refused(ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                             "\"arguments\":{}}}]"),
                   ERROR_MODEL_TYPE, "messages[0].tool_calls[0].function.arguments");
    expect_refused(ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f g\","
                             "\"arguments\":\"\"}}]"),
                   ERROR_MODEL_VALUE, "messages[0].tool_calls[0].function.name");
}

static void what_nobody_knows_is_refused(void **state)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        { MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"mood\":\"good\"}"),
          "('mood' was unexpected) - 'messages.0'" },
        { MESSAGES(USER ",{\"role\":\"user\",\"content\":\"a\",\"id\":1,\"date\":2}"),
          "('id', 'date' were unexpected) - 'messages.1'" },
        { MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"tool_call_id\":\"b\"}"),
          "('tool_call_id' was unexpected) - 'messages.0'" },
        { PART("{\"type\":\"text\",\"text\":\"a\",\"cache\":{}}"),
          "('cache' was unexpected) - 'messages.0.content.0'" },
        { PART("{\"type\":\"text\",\"text\":\"a\",\"image_url\":{\"url\":\"\"}}"),
          "('image_url' was unexpected) - 'messages.0.content.0'" },
        { PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"\",\"alt\":\"\"}}"),
          "('alt' was unexpected) - 'messages.0.content.0.image_url'" },
        { ASSISTANT("[{\"id\":\"a\",\"type\":\"function\",\"kind\":1,\"function\":{\"name\":\"f\","
                    "\"arguments\":\"\"}}]"),
          "('kind' was unexpected) - 'messages.0.tool_calls.0'" },
        { "{\"messages\":[" USER
          "],\"tools\":[{\"type\":\"function\",\"x\":1,\"function\":{\"name\":"
          "\"f\"}}]}",
          "('x' was unexpected) - 'tools.0'" },
        { "{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"returns\":{}}}]}",
          "('returns' was unexpected) - 'tools.0.function'" },
        { "{\"messages\":[" USER "],\"tools\":[" TOOL "],\"tool_choice\":{\"type\":\"function\","
          "\"function\":{\"name\":\"f\"},\"x\":1}}",
          "('x' was unexpected) - 'tool_choice'" },
    };
    static const struct str start = STR("Additional properties are not allowed ");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_refused(cases[i].body, ERROR_MODEL_REQUEST, "");
        assert_true(str_starts_with(str_from(err.text), start));
        assert_string_equal(err.text + start.len, cases[i].text);
    }
}

/* The v1 surface names it as today's model layer does. */
static void what_nobody_knows_is_named_on_v1(void **state)
{
    static const char *const v1[] = { "api-key: " RIG_KEY, NULL };

    (void)state;
    rig_head("POST", "/openai/v1/chat/completions", v1);
    rig_body(
        STR("{\"model\":\"sim\",\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"id\":1}]}"));
    assert_int_equal(fake_reply.status, 400);
    assert_true(str_equal(json_str(json_at(rig_reply_json(), "error.message")),
                          STR("Unknown parameter: 'messages[0].id'.")));
    assert_true(
        str_equal(json_str(json_at(rig_reply_json(), "error.param")), STR("messages[0].id")));
    assert_true(
        str_equal(json_str(json_at(rig_reply_json(), "error.code")), STR("unknown_parameter")));
}

/* Answers come back as messages, with all that they and the SDKs hold. */
static void answers_may_come_back(void **state)
{
    (void)state;
    assert_true(check(MESSAGES(
        USER ",{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":null,\"annotations\":[],"
             "\"audio\":null,\"function_call\":null,\"tool_calls\":null,\"parsed\":{\"a\":1},"
             "\"reasoning_content\":\"b\",\"reasoning\":\"c\",\"name\":\"d\"}")));
    assert_true(check(MESSAGES(
        "{\"role\":\"assistant\",\"content\":null,\"parsed\":null,\"tool_calls\":[{\"id\":\"a\","
        "\"type\":\"function\",\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\","
        "\"parsed_arguments\":{}}}]},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"name\":\"f\","
        "\"content\":\"1\"}")));
    assert_int_equal(facts.features, 0);
    assert_true(check(MESSAGES("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"no\"}")));
    assert_true(check(MESSAGES("{\"role\":\"assistant\",\"content\":null,\"function_call\":"
                               "{\"name\":\"f\",\"arguments\":\"{}\"}},"
                               "{\"role\":\"function\",\"name\":\"f\",\"content\":null}")));
    assert_int_equal(facts.features, ENGINE_FUNCTIONS);
    assert_true(check(MESSAGES("{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":null,"
                               "\"tool_call_id\":null,\"refusal\":null,\"function_call\":null}")));
}

static void expect_reply(const char *param, const char *code, const char *message)
{
    yyjson_val *root = rig_reply_json();

    assert_int_equal(fake_reply.status, 400);
    assert_true(str_equal(json_str(json_at(root, "error.param")), str_from(param)));
    assert_true(str_equal(json_str(json_at(root, "error.code")), str_from(code)));
    assert_true(str_equal(json_str(json_at(root, "error.message")), str_from(message)));
}

/* Each is named where it stands. */
static void what_the_engine_cannot_read_is_named(void **state)
{
    (void)state;
    rig_chat("llama", PART("{\"type\":\"text\",\"text\":\"a\"}," IMAGE));
    expect_reply("messages.[0].content.[1].type", NULL,
                 "Invalid content type. image_url is only supported by certain models.");
    rig_chat("llama", MESSAGES(USER ",{\"role\":\"function\",\"name\":\"f\",\"content\":\"1\"}"));
    expect_reply("messages[1].role", "unsupported_parameter",
                 "Unsupported parameter: 'messages[1].role' is not supported with this model.");
    rig_chat("llama", MESSAGES(USER ",{\"role\":\"assistant\",\"audio\":{\"id\":\"a\"}}"));
    expect_reply("messages[1].audio", "unsupported_parameter",
                 "Unsupported parameter: 'messages[1].audio' is not supported with this model.");
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
    expect_refused("{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{"
                   "\"name\":\"a.b\"}}]}",
                   ERROR_MODEL_VALUE, "tools[0].function.name");
    expect_refused("{\"messages\":[" USER "],\"tools\":[{\"type\":\"function\",\"function\":{"
                   "\"name\":\"f\",\"parameters\":[]}}]}",
                   ERROR_MODEL_TYPE, "tools[0].function.parameters");
    expect_refused("{\"messages\":[" USER "],\"tools\":[5]}", ERROR_MODEL_TYPE, "tools[0]");
}

static void a_choice_is_of_a_tool_that_is_there(void **state)
{
    (void)state;
#define CHOOSE(choice) "{\"messages\":[" USER "],\"tools\":[" TOOL "],\"tool_choice\":" choice "}"
    assert_true(check(CHOOSE("\"none\"")));
    assert_true(check(CHOOSE("\"required\"")));
    assert_true(check(CHOOSE("{\"type\":\"function\",\"function\":{\"name\":\"f\"}}")));
    expect_refused(CHOOSE("\"any\""), ERROR_MODEL_VALUE, "tool_choice");
    expect_refused(CHOOSE("{}"), ERROR_MODEL_MISSING, "tool_choice.type");
    expect_refused(CHOOSE("{\"type\":\"function\"}"), ERROR_MODEL_MISSING, "tool_choice.function");
    expect_refused(CHOOSE("{\"type\":\"function\",\"function\":{\"name\":\"g\"}}"),
                   ERROR_MODEL_REQUEST, "tool_choice");
    expect_refused(CHOOSE("5"), ERROR_MODEL_TYPE, "tool_choice");
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
        TEST(parts_have_their_roles),
        TEST(texts_are_texts),
        TEST(characters_are_counted),
        TEST(tools_are_counted),
        TEST(calls_name_what_they_need),
        TEST(what_nobody_knows_is_refused),
        TEST(what_nobody_knows_is_named_on_v1),
        TEST(answers_may_come_back),
        TEST(what_the_engine_cannot_read_is_named),
        TEST(a_result_follows_its_call),
        TEST(tools_are_functions_with_names),
        TEST(a_choice_is_of_a_tool_that_is_there),
        TEST(json_is_looked_for_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
