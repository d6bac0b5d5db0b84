/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine_events.h"
#include "rig.h"

#define TOOLS                                                            \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{" \
    "\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"
#define REQUIRED TOOLS ",\"tool_choice\":\"required\""
#define CALL                                                           \
    "\"tool_calls\":[{\"index\":0,\"id\":\"1\",\"type\":\"function\"," \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]"
#define CHOICE(message)                                                              \
    "{\"index\":0,\"finish_reason\":\"length\",\"message\":{\"role\":\"assistant\"," \
    "\"content\":\"So\"" message "}}"
#define CHOICES(choices)                                                                 \
    "{\"id\":\"chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1\",\"object\":\"chat.completion\"," \
    "\"created\":17,\"model\":\"m\","                                                    \
    "\"choices\":[" choices "]}"

/* The reply is an error, a member of which is that. */
static void expect_error(int status, const char *member, const char *value)
{
    yyjson_val *error = yyjson_obj_get(rig_reply_json(), "error");

    assert_int_equal(fake_reply.status, status);
    assert_true(fake_reply.is_finished);
    assert_true(str_equal(json_str(yyjson_obj_get(error, member)), str_from(value)));
}

static void expect_last_event(const char *start)
{
    struct str body = buf_str(&fake_reply.body), event = STR_NONE;
    size_t end;

    assert_true(fake_reply.is_finished);
    while ((end = str_find(body, STR("\n\n"))) != SIZE_MAX) {
        event = str_slice(body, 0, end);
        body = str_slice(body, end + 2, body.len);
    }
    assert_true(str_starts_with(event, STR("data: ")));
    assert_true(str_starts_with(str_slice(event, 6, event.len), str_from(start)));
}

static unsigned count_in_body(const char *text)
{
    struct str body = buf_str(&fake_reply.body);
    unsigned count = 0;
    size_t at;

    while ((at = str_find(body, str_from(text))) != SIZE_MAX) {
        body = str_slice(body, at + 1, body.len);
        count++;
    }
    return count;
}

static void open_stream(const char *deployment, const char *body)
{
    rig_chat(deployment, body);
    assert_non_null(fake_engine.call);
    fake_engine_head(200, "text/event-stream");
}

/* The engine finds out when its model is loaded. */
static void a_model_without_tools_is_said_to_have_none(void **state)
{
    static const char *const bodies[] = { "{" TOOLS "}", "{\"stream\":true," TOOLS "}" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        rig_chat("llama", bodies[i]);
        assert_true(fake_engine.features & ENGINE_TOOLS);
        fake_engine_lacks(ENGINE_TOOLS | ENGINE_PARALLEL_TOOLS);
        expect_error(400, "param", "tools");
        expect_error(400, "message",
                     "Unsupported parameter: 'tools' is not supported with this model.");
        expect_error(400, "code", "unsupported_parameter");
        rig_chat("llama", bodies[i]);
        fake_engine_lacks(ENGINE_IMAGES);
        expect_error(400, "param", "messages");
    }
}

static void answer_whole(const char *deployment, const char *body, struct str answer)
{
    rig_chat(deployment, body);
    fake_engine_head(200, "application/json");
    fake_engine_body(answer);
    fake_engine_end();
}

static void a_llama_that_calls_no_tool_has_failed(void **state)
{
    static const char *const bodies[] = {
        "{" REQUIRED "}",
        "{" TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}",
    };
    static const char of_two[] = "{\"n\":2," REQUIRED "}";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        answer_whole("llama", bodies[i], STR(CHOICES(CHOICE(""))));
        expect_error(500, "type", "server_error");
        answer_whole("llama", bodies[i], STR(CHOICES(CHOICE(",\"tool_calls\":[]"))));
        expect_error(500, "type", "server_error");
        answer_whole("llama", bodies[i], STR(CHOICES(CHOICE("," CALL))));
        assert_int_equal(fake_reply.status, 200);
    }
    answer_whole("llama", of_two, STR(CHOICES(CHOICE("," CALL) "," CHOICE(""))));
    expect_error(500, "type", "server_error");
    answer_whole("llama", "{" TOOLS ",\"tool_choice\":\"auto\"}", STR(CHOICES(CHOICE(""))));
    assert_int_equal(fake_reply.status, 200);
    answer_whole("up", bodies[0], STR(CHOICES(CHOICE("")))); /* answers for itself */
    assert_int_equal(fake_reply.status, 200);
}

static void a_stream_that_calls_no_tool_ends_in_an_error(void **state)
{
    static const char request[] = "{\"stream\":true,\"n\":2," REQUIRED "}";

    (void)state;
    open_stream("llama", request);
    fake_engine_body(STR(DELTA("{\"content\":\"So\"}")));
    fake_engine_body(STR(DELTA("{" CALL "}") STOP));
    fake_engine_body(
        STR(EVENT("{\"index\":1,\"delta\":{\"content\":\"No\"},\"finish_reason\":null}")));
    fake_engine_body(STR(EVENT("{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}") DONE));
    assert_int_equal(fake_reply.status, 200);
    assert_null(fake_engine.call);
    expect_last_event("{\"error\":{");
    assert_int_equal(count_in_body("\"content\":\"No\""), 1);
    assert_int_equal(count_in_body("\"finish_reason\":\"stop\""), 1);
    assert_int_equal(count_in_body("\"finish_reason\":\"length\""), 0);

    /* All at once: nothing has gone out, so that there is still a status to tell it by. */
    open_stream("llama", request);
    fake_engine_body(STR(STOP));
    expect_error(500, "type", "server_error");

    open_stream("llama", "{\"stream\":true," REQUIRED "}");
    fake_engine_body(STR(DELTA("{\"content\":\"So\"}") STOP));
    assert_int_equal(fake_reply.status, 200);
    assert_null(rig_header("ms-azureml-model-error-reason").data);

    open_stream("llama", "{\"stream\":true," REQUIRED "}");
    fake_engine_body(STR(DELTA("{" CALL "}") STOP DONE));
    expect_last_event("[DONE]");
    assert_int_equal(count_in_body("\"name\":\"f\""), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_model_without_tools_is_said_to_have_none),
        TEST(a_llama_that_calls_no_tool_has_failed),
        TEST(a_stream_that_calls_no_tool_ends_in_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
