/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "rig.h"

#define STREAM "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define STREAM_USAGE                                                            \
    "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\"" \
    ":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define WHOLE "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define EVENT(choices)                                                                  \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":17," \
    "\"model\":\"m\",\"choices\":[" choices "]}\n\n"
#define DELTA(delta) EVENT("{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}")
#define STOP EVENT("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}")
#define DONE "data: [DONE]\n\n"

/* -- What the client has got ----------------------------------------------------------------- */

static struct str events_left; /* of the reply's body */
static struct arena *parsed;

static void read_events(void)
{
    arena_free(parsed);
    parsed = arena_new(NULL);
    events_left = buf_str(&fake_reply.body);
}

/* The data of the next event; STR_NONE behind the last. */
static struct str next_event(void)
{
    size_t end = str_find(events_left, STR("\n\n"));
    struct str event = str_slice(events_left, 0, end);

    if (end == SIZE_MAX)
        return STR_NONE;
    assert_true(str_starts_with(event, STR("data: ")));
    events_left = str_slice(events_left, end + 2, events_left.len);
    return str_slice(event, 6, event.len);
}

static yyjson_val *next_json(void)
{
    struct error err;
    yyjson_doc *doc = json_parse(parsed, next_event(), &err);

    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

static void expect_str(yyjson_val *object, const char *path, const char *wanted)
{
    struct str value = json_str(json_at(object, path));

    if (!str_equal(value, str_from(wanted)))
        fail_msg("%s is '%.*s', not '%s'", path, STR_ARGS(value), wanted);
}

/* The next event is of a chat's choice with that content. */
static void expect_content(const char *content)
{
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(next_json(), "choices"));

    expect_str(choice, "delta.content", content);
}

/* Annotations of the prompt come before all else. */
static void expect_first(void)
{
    yyjson_val *event = next_json();

    assert_true(yyjson_is_arr(yyjson_obj_get(event, "prompt_filter_results")));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(event, "choices")), 0);
}

static void expect_end(void)
{
    assert_true(str_equal(next_event(), STR("[DONE]")));
    assert_int_equal(events_left.len, 0);
    assert_true(fake_reply.is_finished);
    assert_false(fake_reply.is_aborted);
}

/* An error event is the last, and no [DONE] follows it. */
static void expect_error_event(const char *type)
{
    yyjson_val *error = yyjson_obj_get(next_json(), "error");

    assert_non_null(error);
    if (type)
        expect_str(error, "type", type);
    assert_int_equal(events_left.len, 0);
    assert_true(fake_reply.is_finished);
}

static void expect_error(int status, const char *code)
{
    yyjson_val *error = yyjson_obj_get(rig_reply_json(), "error");

    assert_int_equal(fake_reply.status, status);
    assert_true(fake_reply.is_finished);
    assert_non_null(error);
    if (code)
        expect_str(error, "code", code);
    else
        assert_true(yyjson_is_null(yyjson_obj_get(error, "code")));
}

static void open_stream(const char *deployment, const char *body)
{
    rig_chat(deployment, body);
    assert_non_null(fake_engine.call);
    fake_engine_head(200, "text/event-stream; charset=utf-8");
}

/* -- Streams --------------------------------------------------------------------------------- */

static void a_stream_goes_on_event_by_event(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    assert_false(fake_reply.is_started); /* what may still fail has no status yet */
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"\"}")));
    assert_int_equal(fake_reply.status, 200);
    assert_true(str_equal(rig_header("content-type"), STR("text/event-stream; charset=utf-8")));
    assert_int_equal(fake_reply.writes, 1);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    assert_int_equal(fake_reply.writes, 2);
    fake_engine_body(STR(DELTA("{\"content\":\" two\"}") STOP DONE));
    assert_true(fake_reply.is_finished);
    read_events();
    expect_first();
    expect_content("");
    expect_content("one");
    expect_content(" two");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(next_json(), "choices")), "finish_reason",
               "stop");
    expect_end();
    assert_int_equal(fake_engine.cancelled, 1);
}

static void events_are_in_azures_shape(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"a\"}")));
    read_events();
    expect_first();
    event = next_json();
    expect_str(event, "id", "chatcmpl-1");
    expect_str(event, "model", "gpt-4");
    expect_str(event, "object", "chat.completion.chunk");
    assert_int_equal(yyjson_get_int(yyjson_obj_get(event, "created")), 17);
    assert_non_null(
        json_at(yyjson_arr_get_first(yyjson_obj_get(event, "choices")), "content_filter_results"));
    fake_engine_body(STR(STOP DONE));
}

static void bytes_may_be_cut_anywhere(void **state)
{
    struct str all = STR(DELTA("{\"content\":\"one\"}") STOP DONE);

    (void)state;
    open_stream("sim", STREAM);
    for (size_t i = 0; i < all.len; i++) {
        if (!fake_reply.is_finished)
            fake_engine_body(str_slice(all, i, 1));
    }
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
}

static void a_stream_that_forgets_done_gets_it(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_end();
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
    assert_int_equal(fake_engine.cancelled, 0);
}

static void a_stream_that_stops_early_ends_in_an_error(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_end();
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event("server_error");
}

static void each_choice_must_finish(void **state)
{
    (void)state;
    open_stream("sim", "{\"n\":2,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
                       "\"hi\"}]}");
    fake_engine_body(STR(STOP));
    fake_engine_end();
    read_events();
    expect_first();
    next_json();
    expect_error_event("server_error");
}

static void half_an_event_at_the_end_is_an_error(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(STOP "data: {\"id\""));
    fake_engine_end();
    read_events();
    expect_first();
    next_json();
    expect_error_event("server_error");
}

static void a_failure_amid_the_stream_is_an_event(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_fail(ERROR_BACKEND);
    assert_int_equal(fake_reply.status, 200);
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event("server_error");
}

/* Nothing went out yet: the error gets its own status. */
static void a_failure_before_the_first_event_is_a_status(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");

    open_stream("sim", STREAM);
    fake_engine_end();
    expect_error(500, NULL);

    open_stream("sim", STREAM);
    fake_engine_body(
        STR("data: {\"error\":{\"code\":500,\"message\":\"out of memory at 0x\"}}\n\n"));
    expect_error(500, NULL);
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("0x")), SIZE_MAX);

    open_stream("sim", STREAM);
    fake_engine_body(STR("data: rubbish\n\n"));
    expect_error(500, "InternalServerError");
}

static void rubbish_amid_the_stream_is_an_error(void **state)
{
    static const char *const rubbish[] = {
        "data: no json\n\n",
        "data: {\"choices\":5}\n\n",
        "data: []\n\n",
        "data: {\"choices\":[5]}\n\n",
        "data: {\"choices\":[{\"delta\":5,\"index\":0},null]}\n\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        open_stream("sim", STREAM);
        fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
        fake_engine_body(str_from(rubbish[i]));
        assert_int_equal(fake_engine.cancelled, i + 1);
        read_events();
        expect_first();
        expect_content("one");
        expect_error_event(NULL);
    }
}

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

static void a_null_event_is_passed_over(void **state)
{
    (void)state;
    open_stream("llama", STREAM);
    fake_engine_body(STR("data: null\n\n: comment\n\n" DELTA("{\"content\":\"one\"}") STOP DONE));
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
}

static void what_follows_done_is_dropped(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP DONE DELTA("{\"content\":\"x\"}")));
    read_events();
    expect_first();
    expect_content("one");
    next_json();
    expect_end();
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
        "{\"type\":\"server_error\",\"message\":\"The engine is currently "
        "overloaded\",\"code\":null}",
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

static void an_event_above_the_limit_is_an_error(void **state)
{
    static char huge[1200 * 1024];

    (void)state;
    memset(huge, 'a', sizeof(huge));
    memcpy(huge, "data: ", 6);
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_body(str_of(huge, sizeof(huge)));
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event(NULL);
}

/* -- Usage ----------------------------------------------------------------------------------- */

#define USAGE(prompt, completion)                                                 \
    "\"usage\":{\"prompt_tokens\":" #prompt ",\"completion_tokens\":" #completion \
    ",\"total_tokens\":9}"

static void expect_usage(uint64_t prompt, uint64_t completion)
{
    yyjson_val *event = next_json(), *usage = yyjson_obj_get(event, "usage");

    assert_int_equal(yyjson_arr_size(yyjson_obj_get(event, "choices")), 0);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(usage, "prompt_tokens")), prompt);
    assert_int_equal(yyjson_get_uint(yyjson_obj_get(usage, "completion_tokens")), completion);
    expect_str(event, "id", "chatcmpl-1");
}

static void usage_is_shown_to_who_asks(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM_USAGE);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    event = next_json();
    assert_true(yyjson_is_null(yyjson_obj_get(event, "usage")));
    next_json();
    expect_usage(4, 5);
    expect_end();
}

static void usage_is_kept_from_who_does_not(void **state)
{
    yyjson_val *event;

    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":"
                         "{\"content\":\"one\"}}]," USAGE(4, 5) "}\n\n" STOP));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    event = next_json();
    assert_null(yyjson_obj_get(event, "usage"));
    next_json();
    expect_end();
}

/* Beside the last text, or twice: it is told once, as the last event. */
static void usage_events_are_merged(void **state)
{
    (void)state;
    open_stream("sim", STREAM_USAGE);
    fake_engine_body(STR("data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},"
                         "\"finish_reason\":\"stop\"}]," USAGE(4, 3) "}\n\n"));
    fake_engine_body(STR("data: {\"choices\":[]," USAGE(4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    assert_true(yyjson_is_null(yyjson_obj_get(next_json(), "usage")));
    expect_usage(4, 5);
    expect_end();
}

static void llamas_usage_of_each_choice_adds_up(void **state)
{
    (void)state;
    open_stream("llama", "{\"n\":2,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                         "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    fake_engine_body(STR(STOP "data: {\"choices\":[]," USAGE(4, 3) "}\n\n"));
    fake_engine_body(
        STR(EVENT("{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}") "data: "
                                                                           "{\"choices\":[]," USAGE(
                                                                               4, 5) "}\n\n" DONE));
    read_events();
    expect_first();
    next_json();
    next_json();
    expect_usage(4, 8);
    expect_end();
}

/* -- Backpressure and leaving ------------------------------------------------------------------ */

static void a_slow_client_holds_the_engine_back(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_reply.is_full = true;
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    assert_true(fake_engine.is_paused);
    fake_engine_body(STR(DELTA("{\"content\":\"two\"}"))); /* was on its way */
    assert_true(fake_engine.is_paused);
    fake_reply.is_full = false;
    rig_drain();
    assert_false(fake_engine.is_paused);
    fake_engine_body(STR(STOP DONE));
    read_events();
    expect_first();
    expect_content("one");
    expect_content("two");
    next_json();
    expect_end();
}

static void an_end_while_held_back_ends(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_reply.is_full = true;
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP));
    fake_engine_end();
    assert_true(fake_reply.is_finished);
}

static void who_leaves_stops_the_engine(void **state)
{
    (void)state;
    open_stream("sim", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    rig_gone();
    assert_int_equal(fake_engine.cancelled, 1);
    assert_true(fake_reply.is_aborted);
}

static void who_leaves_before_the_head_stops_the_engine(void **state)
{
    (void)state;
    rig_chat("sim", STREAM);
    rig_gone();
    assert_int_equal(fake_engine.cancelled, 1);
    assert_true(fake_reply.is_aborted);
}

/* -- Whole answers ----------------------------------------------------------------------------- */

#define ANSWER                                                                              \
    "{\"id\":\"chatcmpl-1\",\"created\":17,\"model\":\"m\",\"object\":\"chat.completion\"," \
    "\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"role\":"           \
    "\"assistant\",\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":4,"                \
    "\"completion_tokens\":5,\"total_tokens\":9},\"timings\":{\"secret\":1}}"

static void a_whole_answer_is_shaped(void **state)
{
    yyjson_val *answer;

    (void)state;
    rig_chat("llama", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_slice(STR(ANSWER), 0, 50));
    fake_engine_body(str_slice(STR(ANSWER), 50, SIZE_MAX - 50));
    assert_false(fake_reply.is_finished);
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
    answer = rig_reply_json();
    expect_str(answer, "model", "gpt-4");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(answer, "choices")), "message.content", "hello");
    assert_null(yyjson_obj_get(answer, "timings"));
    assert_true(str_equal(rig_header("content-type"), STR("application/json")));
    assert_true(str_equal(rig_header("x-ms-deployment-name"), STR("llama")));
}

static void rubbish_as_an_answer_is_an_error(void **state)
{
    static const char *const rubbish[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"choices\":{}}",
        "{\"choices\":[7]}",
        "{\"choices\":[{\"message\":7}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
        rig_chat("sim", WHOLE);
        fake_engine_head(200, "application/json");
        fake_engine_body(str_from(rubbish[i]));
        fake_engine_end();
        expect_error(500, "InternalServerError");
    }
}

static void a_failure_before_the_head_is_a_status(void **state)
{
    (void)state;
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_TIMEOUT);
    expect_error(408, "Timeout");
    rig_chat("sim", WHOLE);
    fake_engine_fail(ERROR_BACKEND);
    expect_error(500, "InternalServerError");
    rig_chat("sim", WHOLE);
    fake_engine_head(200, "application/json");
    fake_engine_body(str_slice(STR(ANSWER), 0, 50));
    fake_engine_fail(ERROR_BACKEND);
    expect_error(500, "InternalServerError");
}

/* -- Refusals ---------------------------------------------------------------------------------- */

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
    assert_null(rig_header("retry-after-ms").data);
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

static int tear_down(void **state)
{
    arena_free(parsed);
    parsed = NULL;
    return rig_tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stream_goes_on_event_by_event),
        TEST(events_are_in_azures_shape),
        TEST(bytes_may_be_cut_anywhere),
        TEST(a_stream_that_forgets_done_gets_it),
        TEST(a_stream_that_stops_early_ends_in_an_error),
        TEST(each_choice_must_finish),
        TEST(half_an_event_at_the_end_is_an_error),
        TEST(a_failure_amid_the_stream_is_an_event),
        TEST(a_failure_before_the_first_event_is_a_status),
        TEST(rubbish_amid_the_stream_is_an_error),
        TEST(an_error_event_of_the_engine_is_put_in_azures_words),
        TEST(a_null_event_is_passed_over),
        TEST(what_follows_done_is_dropped),
        TEST(an_overload_amid_the_stream_is_said_as_azure_does),
        TEST(an_event_above_the_limit_is_an_error),
        TEST(usage_is_shown_to_who_asks),
        TEST(usage_is_kept_from_who_does_not),
        TEST(usage_events_are_merged),
        TEST(llamas_usage_of_each_choice_adds_up),
        TEST(a_slow_client_holds_the_engine_back),
        TEST(an_end_while_held_back_ends),
        TEST(who_leaves_stops_the_engine),
        TEST(who_leaves_before_the_head_stops_the_engine),
        TEST(a_whole_answer_is_shaped),
        TEST(rubbish_as_an_answer_is_an_error),
        TEST(a_failure_before_the_head_is_a_status),
        TEST(a_context_that_is_too_long_is_said_in_azures_words),
        TEST(a_refused_request_stays_refused),
        TEST(an_upstreams_401_is_not_the_callers),
        TEST(an_upstreams_429_passes_with_its_headers),
        TEST(no_client_is_told_to_wait_for_ever),
        TEST(a_refusal_that_is_no_json_is_not_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
