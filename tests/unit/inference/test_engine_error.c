/* SPDX-License-Identifier: MIT */
#include "inference/engine_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "reply_events.h"

static void an_error_event_of_the_engine_is_put_in_azures_words(void **state)
{
    (void)state;
    open_stream("llama", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_body(STR("data: {\"error\":{\"code\":500,\"message\":\"slot broke\"}}\n\n" DONE));
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event("server_error");
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("slot")), SIZE_MAX);
}

#define OVERLOADED "That model is currently overloaded with other requests. You can retry"

/* However the engine says that it has no room, and whether it has begun to answer or not. */
static void an_overload_amid_the_stream_is_said_as_azure_does(void **state)
{
    static const char *const errors[] = {
        "{\"code\":429,\"message\":\"slow\"}",
        "{\"code\":503,\"type\":\"ServiceUnavailableError\",\"message\":\"busy\"}",
        "{\"code\":\"429\",\"message\":\"Your requests have exceeded token rate limit.\"}",
        "{\"type\":\"too_many_requests\",\"code\":\"rate_limit_exceeded\",\"message\":\"no\"}",
        "{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}",
        "{\"type\":\"server_error\",\"message\":\"It is overloaded\",\"code\":null}",
    };
    char event[256];
    yyjson_val *error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        snprintf(event, sizeof(event), "data: {\"error\":%s}\n\n" DONE, errors[i]);
        open_stream("up", STREAM);
        fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
        fake_engine_body(str_from(event));
        read_events();
        expect_first();
        expect_content("one");
        error = yyjson_obj_get(next_json(), "error");
        assert_true(str_starts_with(json_str(yyjson_obj_get(error, "message")), STR(OVERLOADED)));
        expect_str(error, "type", "server_error");
        assert_true(yyjson_is_null(yyjson_obj_get(error, "code")));
        assert_int_equal(events_left.len, 0);

        open_stream("up", STREAM);
        fake_engine_body(str_from(event));
        expect_error(503, NULL);
        assert_int_not_equal(str_find(buf_str(&fake_reply.body), STR(OVERLOADED)), SIZE_MAX);
    }
}

static void refuse_until(const char *deployment, const char *request, int status, const char *body,
                         const char *after, const char *after_ms)
{
    struct http_header list[] = {
        { STR("content-type"), STR("application/json") },
        { STR("retry-after"), str_from(after) },
        { STR("retry-after-ms"), str_from(after_ms) },
    };
    struct http_headers headers = { .items = list, .count = ARRAY_LEN(list) };

    rig_chat(deployment, request);
    fake_engine_head_with(status, &headers);
    fake_engine_body(str_from(body));
    fake_engine_end();
}

static void refuse(const char *deployment, const char *request, int status, const char *body)
{
    refuse_until(deployment, request, status, body, "7", "6800");
}

static void a_context_that_is_too_long_is_said_in_azures_words(void **state)
{
    yyjson_val *error;

    (void)state;
    refuse("llama", STREAM, 400,
           "{\"error\":{\"code\":400,\"message\":\"the request exceeds\",\"type\":"
           "\"exceed_context_size_error\",\"n_prompt_tokens\":9000,\"n_ctx\":8192}}");
    expect_error(400, "context_length_exceeded");
    error = yyjson_obj_get(rig_reply_json(), "error");
    expect_str(error, "param", "messages");
    expect_str(error, "message",
               "This model's maximum context length is 8192 tokens. However, your messages "
               "resulted in 9000 tokens. Please reduce the length of the messages.");
    assert_string_equal(fake_reply.phrase, "model_error");
}

static void an_input_that_is_too_long_is_said_in_azures_words(void **state)
{
    yyjson_val *error;

    (void)state;
    rig_post("llama-ada", "embeddings", "{\"input\":\"a\"}");
    fake_engine_head(400, "application/json");
    fake_engine_body(STR("{\"error\":{\"code\":400,\"message\":\"the request exceeds\",\"type\":"
                         "\"exceed_context_size_error\",\"n_prompt_tokens\":602,\"n_ctx\":512}}"));
    fake_engine_end();
    expect_error(400, "context_length_exceeded");
    error = yyjson_obj_get(rig_reply_json(), "error");
    expect_str(error, "param", "input");
    expect_str(
        error, "message",
        "This model's maximum context length is 512 tokens, however you requested 602 tokens "
        "(602 in your prompt; 0 for the completion). Please reduce your prompt; or "
        "completion length.");
}

static void a_refused_request_stays_refused(void **state)
{
    (void)state;
    refuse("llama", WHOLE, 400, "{\"error\":{\"code\":400,\"message\":\"no such grammar\"}}");
    expect_error(400, NULL);
    expect_str(rig_reply_json(), "error.message", "no such grammar");
}

/* Its credential is lazuli's, not the caller's. */
static void an_upstreams_401_is_not_the_callers(void **state)
{
    (void)state;
    refuse("up", WHOLE, 401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-x\"}}");
    expect_error(500, "InternalServerError");
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("sk-x")), SIZE_MAX);
    refuse("up", WHOLE, 404, "{\"error\":{\"message\":\"no such model\"}}");
    expect_error(500, "InternalServerError");
}

static void an_upstreams_429_passes_with_its_headers(void **state)
{
    const char *body = "{\"error\":{\"code\":\"429\",\"message\":\"slow down\"}}";

    (void)state;
    refuse("up", WHOLE, 429, body);
    assert_int_equal(fake_reply.status, 429);
    assert_true(str_equal(buf_str(&fake_reply.body), str_from(body)));
    assert_true(str_equal(rig_header("retry-after"), STR("7")));
    assert_true(str_equal(rig_header("retry-after-ms"), STR("6800")));
}

static void no_client_is_told_to_wait_for_ever(void **state)
{
    static const char *const absurd[] = { "-3",
                                          "86401000",
                                          "1000000000000",
                                          "soon",
                                          "",
                                          "Sun, 06 Nov 1994 08:49:37 GMT",
                                          "Sun, 06 Nov 2994 08:49:37 GMT" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
        refuse_until("up", WHOLE, 429, "{\"error\":{}}", absurd[i], absurd[i]);
        assert_int_equal(fake_reply.status, 429);
        if (rig_header("retry-after").data || rig_header("retry-after-ms").data)
            fail_msg("%s", absurd[i]);
    }
    refuse_until("up", WHOLE, 503, "{\"error\":{}}", "86400", "-1");
    assert_true(str_equal(rig_header("retry-after"), STR("86400")));
    assert_true(str_equal(rig_header("retry-after-ms"), STR("86400000")));
}

static void a_client_is_told_both_of_what_an_engine_says_once(void **state)
{
    (void)state;
    refuse_until("up", WHOLE, 429, "{\"error\":{}}", "7", "");
    assert_true(str_equal(rig_header("retry-after"), STR("7")));
    assert_true(str_equal(rig_header("retry-after-ms"), STR("7000")));
    refuse_until("up", WHOLE, 429, "{\"error\":{}}", "", "6001");
    assert_true(str_equal(rig_header("retry-after"), STR("7")));
    assert_true(str_equal(rig_header("retry-after-ms"), STR("6001")));
}

static void a_refusal_that_is_no_json_is_not_passed_on(void **state)
{
    (void)state;
    refuse("up", WHOLE, 503, "<html>internal.example</html>");
    expect_error(503, "ServiceUnavailable");
    refuse("up", WHOLE, 500, "oops");
    expect_error(500, NULL);
    refuse("llama", WHOLE, 503, "{\"error\":{\"message\":\"Loading model\",\"code\":503}}");
    expect_error(503, "ServiceUnavailable");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_error_event_of_the_engine_is_put_in_azures_words),
        TEST(an_overload_amid_the_stream_is_said_as_azure_does),
        TEST(a_context_that_is_too_long_is_said_in_azures_words),
        TEST(an_input_that_is_too_long_is_said_in_azures_words),
        TEST(a_refused_request_stays_refused),
        TEST(an_upstreams_401_is_not_the_callers),
        TEST(an_upstreams_429_passes_with_its_headers),
        TEST(no_client_is_told_to_wait_for_ever),
        TEST(a_client_is_told_both_of_what_an_engine_says_once),
        TEST(a_refusal_that_is_no_json_is_not_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
