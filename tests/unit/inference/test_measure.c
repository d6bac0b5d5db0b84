/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "reply_events.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT "{" MESSAGES ",\"max_tokens\":4000}"
/* As llama-server gets it. */
#define STREAMED ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"
#define CHAT_SENT "{" MESSAGES ",\"max_tokens\":4000" STREAMED

static void expect_asked(const char *body)
{
    assert_non_null(fake_engine.call);
    assert_true(fake_engine.counts);
    if (!str_equal(buf_str(&fake_engine.request), str_from(body)))
        fail_msg("asked %.*s\nnot   %s", STR_ARGS(buf_str(&fake_engine.request)), body);
}

/* The engine has been asked to answer, and that is all that this test wants to see. */
static void expect_dispatched(const char *body)
{
    assert_non_null(fake_engine.call);
    assert_false(fake_engine.counts);
    if (body)
        assert_true(str_equal(buf_str(&fake_engine.request), str_from(body)));
    rig_gone();
}

static void answer(int status, const char *text)
{
    fake_engine_head(status, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
}

static void expect_refused(const char *param, const char *message)
{
    expect_error(400, "context_length_exceeded");
    expect_str(rig_reply_json(), "error.param", param);
    expect_str(rig_reply_json(), "error.message", message);
    assert_string_equal(fake_reply.phrase, "model_error");
    assert_null(fake_engine.call);
}

static void what_surely_fits_is_not_counted(void **state)
{
    (void)state;
    fake_engine.context_tokens = 8192;
    rig_chat("llama", CHAT);
    expect_dispatched(CHAT_SENT);
    assert_int_equal(fake_engine.started, 1);
    rig_post("llama-text", "completions", "{\"prompt\":\"abc\",\"max_tokens\":4000}");
    expect_dispatched("{\"prompt\":\"abc\",\"max_tokens\":4000" STREAMED);
    assert_int_equal(fake_engine.started, 2);
}

/* As long as it may become, an answer fits; and the other engines answer for themselves. */
static void what_needs_no_room_is_not_counted(void **state)
{
    (void)state;
    fake_engine.context_tokens = 16;
    rig_chat("llama", "{" MESSAGES "}");
    expect_dispatched(NULL);
    rig_chat("sim", CHAT);
    expect_dispatched(NULL);
    rig_chat("up", CHAT);
    expect_dispatched(NULL);
    assert_int_equal(fake_engine.started, 3);
}

/* A chat of so many characters, four of which the simulator takes for a token. */
static const char *long_chat(int chars, const char *more)
{
    static char body[40000];

    snprintf(body, sizeof(body), "{\"messages\":[{\"role\":\"user\",\"content\":\"%0*d\"}]%s}",
             chars, 0, more);
    return body;
}

static void a_simulated_chat_fits_into_its_models_context(void **state)
{
    (void)state;
    rig_chat("sim", long_chat(32000, ",\"max_tokens\":192"));
    expect_dispatched(NULL);
    rig_chat("sim", long_chat(32768, ""));
    expect_dispatched(NULL);
    rig_chat("sim", long_chat(32000, ",\"max_tokens\":193"));
    expect_refused(
        "messages",
        "This model's maximum context length is 8192 tokens. However, you requested 8193 "
        "tokens (8000 in the messages, 193 in the completion). Please reduce the length "
        "of the messages or completion.");
    rig_chat("sim", long_chat(32769, ""));
    expect_refused("messages",
                   "This model's maximum context length is 8192 tokens. However, your messages "
                   "resulted in 8193 tokens. Please reduce the length of the messages.");
    rig_chat("up", long_chat(36000, ""));
    expect_dispatched(NULL);
}

static void a_chat_that_might_not_fit_is_counted(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4096;
    rig_chat("llama", CHAT);
    expect_asked(CHAT_SENT);
    answer(200, "{\"input_tokens\":97,\"object\":\"response.input_tokens\"}");
    expect_refused("messages",
                   "This model's maximum context length is 4096 tokens. However, you requested "
                   "4097 tokens (97 in the messages, 4000 in the completion). Please reduce the "
                   "length of the messages or completion.");
    rig_chat("llama", CHAT);
    answer(200, "{\"input_tokens\":96}");
    expect_dispatched(CHAT_SENT);
    assert_int_equal(fake_engine.started, 3);
}

/* What the engine is asked is what it would get. */
static void the_request_is_counted_as_it_will_be_sent(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4096;
    rig_chat("llama", "{\"stop\":null,\"max_tokens\":4000," MESSAGES "}");
    expect_asked("{\"max_tokens\":4000," MESSAGES STREAMED);
    answer(200, "{\"input_tokens\":5}");
    expect_dispatched("{\"max_tokens\":4000," MESSAGES STREAMED);
}

static void a_stream_is_refused_before_it_begins(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4096;
    rig_chat("llama", "{\"stream\":true,\"max_completion_tokens\":4090," MESSAGES "}");
    assert_true(fake_engine.counts);
    assert_false(fake_engine.stream);
    answer(200, "{\"input_tokens\":7}");
    expect_error(400, "context_length_exceeded");
}

static void each_prompt_must_fit(void **state)
{
    static const char request[] =
        "{\"max_tokens\":30,\"prompt\":[\"a\",\"a \\\"long\\\" prompt\",[1,2,3,4,5,6,7,8],\"b\"]}";

    (void)state;
    fake_engine.context_tokens = 40;
    rig_post("llama-text", "completions", request);
    expect_asked("{\"content\":\"a \\\"long\\\" prompt\",\"add_special\":true}");
    answer(200, "{\"tokens\":[7,7,7,7]}");
    expect_asked("{\"content\":[1,2,3,4,5,6,7,8],\"add_special\":true}");
    answer(200, "{\"tokens\":[1,2,3,4,5,6,7,8,9,9,9]}");
    expect_refused("prompt",
                   "This model's maximum context length is 40 tokens, however you requested 41 "
                   "tokens (11 in your prompt; 30 for the completion). Please reduce your prompt; "
                   "or completion length.");
    rig_post("llama-text", "completions", request);
    answer(200, "{\"tokens\":[7]}");
    answer(200, "{\"tokens\":[7]}");
    expect_dispatched(NULL);
}

static void one_prompt_is_counted_in_any_form(void **state)
{
    static const char *const prompts[] = { "\"a long prompt\"", "[1,2,3]" };
    char request[128], wanted[128];

    (void)state;
    fake_engine.context_tokens = 20;
    for (size_t i = 0; i < ARRAY_LEN(prompts); i++) {
        snprintf(request, sizeof(request), "{\"prompt\":%s,\"max_tokens\":16}", prompts[i]);
        snprintf(wanted, sizeof(wanted), "{\"content\":%s,\"add_special\":true}", prompts[i]);
        rig_post("llama-text", "completions", request);
        expect_asked(wanted);
        answer(200, "{\"tokens\":[1,2,3,4,5]}");
        expect_error(400, "context_length_exceeded");
    }
}

/* A model that is not loaded has told nothing yet: the question waits for it. */
static void the_context_of_a_model_shows_once_it_is_loaded(void **state)
{
    (void)state;
    fake_engine.context_tokens = 0;
    rig_chat("llama", CHAT);
    expect_asked(CHAT_SENT);
    fake_engine.context_tokens = 4096;
    answer(200, "{\"input_tokens\":100}");
    expect_error(400, "context_length_exceeded");

    fake_engine.context_tokens = 0;
    rig_post("llama-text", "completions", "{\"prompt\":[\"a\",\"b\"]}");
    expect_asked("{\"content\":\"a\",\"add_special\":true}");
    answer(200, "{\"tokens\":[1]}"); /* and does not tell it then, either */
    expect_dispatched(NULL);
}

/* What is wrong with it, the engine says when it is to answer. */
static void a_count_that_is_none_is_passed_over(void **state)
{
    static const struct {
        int status;
        const char *text;
    } answers[] = {
        { 400, "{\"error\":{\"code\":400}}" },
        { 404, "" },
        { 500, "{\"input_tokens\":9999}" },
        { 200, "{" },
        { 200, "[]" },
        { 200, "{\"input_tokens\":\"many\"}" },
    };

    (void)state;
    fake_engine.context_tokens = 4096;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        rig_chat("llama", CHAT);
        answer(answers[i].status, answers[i].text);
        expect_dispatched(CHAT_SENT);
    }
}

static void an_engine_that_fails_is_not_asked_again(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4096;
    rig_chat("llama", CHAT);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_error(503, "ServiceUnavailable");
    assert_null(fake_engine.call);
    assert_int_equal(fake_engine.started, 1);
}

static void who_leaves_meanwhile_stops_the_count(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4096;
    rig_chat("llama", CHAT);
    fake_engine_head(200, "application/json");
    fake_engine_body(STR("{\"input_"));
    rig_gone();
    assert_null(fake_engine.call);
    assert_int_equal(fake_engine.cancelled, 1);
    assert_true(fake_reply.is_aborted);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_surely_fits_is_not_counted),
        TEST(what_needs_no_room_is_not_counted),
        TEST(a_simulated_chat_fits_into_its_models_context),
        TEST(a_chat_that_might_not_fit_is_counted),
        TEST(the_request_is_counted_as_it_will_be_sent),
        TEST(a_stream_is_refused_before_it_begins),
        TEST(each_prompt_must_fit),
        TEST(one_prompt_is_counted_in_any_form),
        TEST(the_context_of_a_model_shows_once_it_is_loaded),
        TEST(a_count_that_is_none_is_passed_over),
        TEST(an_engine_that_fails_is_not_asked_again),
        TEST(who_leaves_meanwhile_stops_the_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
