/* SPDX-License-Identifier: MIT */
#include "inference/spillover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "model/refusal_log.h"
#include "reply_events.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define HUNGRY                                                                                 \
    "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"a\"}}]," \
    "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":5000,\"total_tokens\":5001}}"

static void answer(int status, const char *text)
{
    fake_engine_head(status, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
}

/* A chat of "ptu-sim" that says where else to go. */
static void chat_with_header(const char *deployment, const char *header, const char *body)
{
    char target[128];
    const char *const headers[] = { header, NULL };

    snprintf(target, sizeof(target), "/openai/deployments/%s/chat/completions" RIG_VERSION,
             deployment);
    rig_head("POST", target, headers);
    rig_body(str_from(body));
}

/* From now on the deployment has no room: it was admitted an answer of five minutes' work. */
static void fill(const char *deployment)
{
    rig.inference->options.rate_limits = true;
    rig_chat(deployment, WHOLE);
    answer(200, HUNGRY);
    assert_int_equal(fake_reply.status, 200);
}

static void expect_header(const char *name, const char *wanted)
{
    struct str found = rig_header(name);

    if (!str_equal(found, wanted ? str_from(wanted) : STR_NONE))
        fail_msg("%s is '%.*s'", name, STR_ARGS(found));
}

static void expect_engine(const char *name)
{
    assert_non_null(fake_engine.call);
    assert_string_equal(fake_engine.name, name);
}

/* The reply is that of `from`; the other one's status was this. */
static void expect_original(int status, const char *code, const char *error)
{
    expect_error(status, code);
    expect_header("x-ms-spillover-error", error);
    expect_header("x-ms-spillover-from-deployment", NULL);
    assert_null(fake_engine.call);
}

static void expect_answer_of(const char *deployment, const char *from)
{
    assert_int_equal(fake_reply.status, 200);
    expect_header("x-ms-deployment-name", deployment);
    expect_header("x-ms-spillover-from-deployment", from);
    expect_header("x-ms-spillover-error", NULL);
    expect_header("retry-after", NULL);
    expect_header("azure-openai-deployment-utilization", NULL);
    assert_true(rig_header("x-ratelimit-remaining-tokens").len > 0);
}

static void expect_metric(const char *deployment, int status, const char *is_spillover)
{
    struct buf out;
    char line[256];

    snprintf(line, sizeof(line),
             "lazuli_requests_total{account=\"lapis\",deployment=\"%s\",operation="
             "\"ChatCompletions_Create\",status=\"%d\",stream=\"false\",is_spillover=\"%s\"} 1\n",
             deployment, status, is_spillover);
    buf_init(&out, 1024 * 1024);
    assert_true(metrics_write(rig.metrics, NULL, 0, &out));
    if (str_find(buf_str(&out), str_from(line)) == SIZE_MAX)
        fail_msg("no line %s", line);
    buf_done(&out);
}

/* What is remembered of the refusal, by the id that the client got, is of that deployment. */
static void expect_explained(const char *deployment)
{
    struct refusal found;

    assert_true(refusal_log_find(rig.refusals, rig_header("apim-request-id"), &found));
    assert_string_equal(found.deployment, deployment);
}

static void expect_nothing_in_flight(void)
{
    static const char *const names[] = { "ptu", "ptu-sim", "up" };
    struct directory *d = directory_box_get(rig.directory);
    const struct directory_account *a = directory_by_name(d, STR("lapis"));

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(
            atomic_load(&directory_deployment(a, str_from(names[i]))->counters->in_flight), 0);
    directory_unref(d);
}

/* -- What spills over -------------------------------------------------------------------------- */

static void what_there_is_no_room_for_goes_to_another(void **state)
{
    (void)state;
    fill("ptu");
    rig_chat("ptu", WHOLE);
    expect_engine("up");
    answer(200, ANSWER);
    expect_answer_of("up", "ptu");
    expect_str(yyjson_arr_get_first(yyjson_obj_get(rig_reply_json(), "choices")), "message.content",
               "hello");
    expect_metric("ptu", 429, "false");
    expect_metric("up", 200, "true");
    expect_nothing_in_flight();
}

/* The client sees what that one streams, from the beginning to the end, and nothing else. */
static void stream_from_the_other(void)
{
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}") STOP DONE));
    expect_answer_of("up", "ptu");
    read_events();
    expect_first();
    expect_content("one");
    expect_content(NULL);
    expect_end();
}

static void a_stream_goes_to_another(void **state)
{
    (void)state;
    fill("ptu");
    rig_chat("ptu", STREAM);
    expect_engine("up");
    assert_true(fake_engine.stream);
    stream_from_the_other();
}

static void what_the_engine_fails_at_goes_to_another(void **state)
{
    static const enum error_code failures[] = { ERROR_UNAVAILABLE, ERROR_BACKEND };
    static const int statuses[] = { 429, 500, 503 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        rig_chat("ptu", WHOLE);
        expect_engine("llama");
        fake_engine_fail(failures[i]);
        expect_engine("up");
        answer(200, ANSWER);
        expect_answer_of("up", "ptu");
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        rig_chat("ptu", WHOLE);
        expect_engine("llama");
        answer(statuses[i], "{\"error\":{\"message\":\"m\"}}");
        expect_engine("up");
        answer(200, ANSWER);
        expect_answer_of("up", "ptu");
    }
    rig_chat("ptu", WHOLE);
    answer(200, "rubbish");
    expect_engine("up");
    answer(200, ANSWER);
    expect_answer_of("up", "ptu");
    expect_nothing_in_flight();
}

/* Nothing of a stream that goes wrong before its first event is left in the other one's. */
static void a_stream_that_has_not_begun_goes_to_another(void **state)
{
    (void)state;
    open_stream("ptu", STREAM);
    fake_engine_body(STR("data: rubbish\n\n"));
    expect_engine("up");
    assert_int_equal(buf_len(&rig.inference->events), 0); /* whoever's turn is next finds it so */
    stream_from_the_other();
}

static void what_is_too_long_goes_to_another(void **state)
{
    (void)state;
    fake_engine.context_tokens = 4000;
    rig_chat("ptu", "{" MESSAGES ",\"max_tokens\":4000}");
    assert_true(fake_engine.counts);
    answer(200, "{\"input_tokens\":10}");
    expect_engine("up");
    assert_false(fake_engine.counts);
    answer(200, ANSWER);
    expect_answer_of("up", "ptu");
    expect_metric("ptu", 400, "false");
}

/* By an upstream's own words: Azure's and OpenAI's have a code, vLLM's has none. */
static void what_is_too_long_for_an_upstream_goes_to_another(void **state)
{
    static const char *const words[] = {
        "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
        "{\"error\":{\"message\":\"This model's maximum context length is 9.\",\"code\":400}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        chat_with_header("ptu-sim", "x-ms-spillover-deployment: up", WHOLE);
        expect_engine("sim");
        answer(400, words[i]);
        expect_engine("up");
        answer(200, ANSWER);
        expect_answer_of("up", "ptu-sim");
    }
}

/* -- Who takes it ------------------------------------------------------------------------------ */

static void the_request_may_say_where_to(void **state)
{
    (void)state;
    rig_chat("ptu-sim", WHOLE);
    answer(503, "{}");
    expect_original(503, "ServiceUnavailable", NULL); /* nobody said so */
    chat_with_header("ptu-sim", "X-Ms-Spillover-Deployment: LLAMA", WHOLE);
    answer(503, "{}");
    expect_engine("llama");
    answer(200, ANSWER);
    expect_answer_of("llama", "ptu-sim");
}

static void the_deployment_knows_better_than_the_request(void **state)
{
    (void)state;
    chat_with_header("ptu", "x-ms-spillover-deployment: sim", WHOLE);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_engine("up");
    rig_gone();
}

static void who_cannot_take_it_is_not_asked(void **state)
{
    static const struct {
        const char *name, *error;
    } rows[] = {
        { "nobody", "404" }, { "retired", "404" },
        { "ptu", "400" },    { "ptu-sim", "400" }, /* itself */
        { "ada", "400" },    { "late", "400" },    /* an api-version that its model has not */
    };
    char header[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(header, sizeof(header), "x-ms-spillover-deployment: %s", rows[i].name);
        chat_with_header("ptu-sim", header, WHOLE);
        answer(503, "{}");
        expect_original(503, "ServiceUnavailable", rows[i].error);
        assert_int_equal(fake_engine.started, i + 1);
    }
}

static void standard_deployments_do_not_spill_over(void **state)
{
    (void)state;
    chat_with_header("llama", "x-ms-spillover-deployment: up", WHOLE);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_original(503, "ServiceUnavailable", NULL);
}

/* -- What stays -------------------------------------------------------------------------------- */

static void what_is_wrong_with_the_request_stays(void **state)
{
    (void)state;
    rig_chat("ptu", "{\"messages\":5}");
    expect_original(400, "invalid_type", NULL);
    rig_chat("ptu", "no json");
    expect_original(400, NULL, NULL);
    rig_chat("ptu", WHOLE);
    answer(400, "{\"error\":{\"message\":\"m\"}}");
    expect_original(400, NULL, NULL);
    rig_chat("ptu", WHOLE);
    fake_engine_fail(ERROR_TIMEOUT);
    expect_original(408, "Timeout", NULL);
}

static void a_stream_that_has_begun_stays(void **state)
{
    (void)state;
    open_stream("ptu", STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"one\"}")));
    fake_engine_fail(ERROR_BACKEND);
    assert_null(fake_engine.call);
    expect_header("x-ms-deployment-name", "ptu");
    read_events();
    expect_first();
    expect_content("one");
    expect_error_event(NULL);
}

/* The answer is the first one's, with the way back that it told, and its own headers. */
static void when_both_fail_the_first_answer_counts(void **state)
{
    (void)state;
    fill("ptu");
    rig_chat("ptu", WHOLE);
    answer(500, "{\"error\":{\"message\":\"m\"}}");
    expect_original(429, "429", "500");
    assert_true(rig_header("retry-after-ms").len > 0);
    assert_true(rig_header("azure-openai-deployment-utilization").len > 0);
    expect_header("x-ratelimit-remaining-tokens", NULL);
    expect_metric("ptu", 429, "false");
    expect_metric("up", 500, "true");
    rig_chat("ptu", STREAM);
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR("data: rubbish\n\n"));
    expect_original(429, "429", "500");
    expect_nothing_in_flight();
}

static void the_other_one_has_limits_too(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, 1800000000000); /* where a period begins */
    fill("ptu");
    for (unsigned i = 0; i < 10; i++) {
        rig_chat("ptu", WHOLE);
        answer(200, ANSWER);
        expect_answer_of("up", "ptu");
    }
    rig_chat("ptu", WHOLE);
    expect_original(429, "429", "429");
    expect_explained("ptu");
}

/* Not twice, though the request was looked at twice: 11 tokens of the prompt, and 16. */
static void it_counts_there_for_what_it_is(void **state)
{
    static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":"
                               "\"forty-four characters are eleven tokens here\"}]}";

    (void)state;
    clock_move_to(&rig.clock, 1800000000000);
    rig_chat("ptu", body);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_engine("up");
    answer(200, ANSWER);
    expect_answer_of("up", "ptu");
    expect_header("x-ratelimit-remaining-tokens", "9973");
    expect_header("x-ratelimit-remaining-requests", "9");
}

/* The other one's engine cannot do all that the first one's can. */
static void the_other_one_looks_at_the_request(void **state)
{
    (void)state;
    chat_with_header("ptu-sim", "x-ms-spillover-deployment: llama",
                     "{" MESSAGES ",\"n\":9}"); /* more than it has slots */
    answer(503, "{}");
    expect_original(503, "ServiceUnavailable", "400");
}

static void who_leaves_meanwhile_is_let_go(void **state)
{
    (void)state;
    rig_chat("ptu", WHOLE);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_engine("up");
    rig_gone();
    assert_true(fake_reply.is_aborted);
    assert_null(fake_engine.call);
    expect_metric("ptu", 503, "false");
    expect_metric("up", 499, "true");
    expect_nothing_in_flight();
}

static void nothing_is_begun_when_the_service_ends(void **state)
{
    (void)state;
    rig_chat("ptu", WHOLE);
    inference_on_time_up(rig.request);
    expect_original(503, "ServiceUnavailable", NULL);
    rig_chat("ptu", WHOLE);
    fake_engine_fail(ERROR_BACKEND);
    expect_engine("up");
    inference_on_time_up(rig.request);
    expect_original(500, "InternalServerError", "503");
}

/* What was ordered for the one that is called. */
static void a_simulated_fault_does_not_go_along(void **state)
{
    static const char *const headers[] = { "x-lazuli-fault: status=503",
                                           "x-ms-spillover-deployment: sim", NULL };

    (void)state;
    rig.inference->options.allow_faults = true;
    rig_head("POST", "/openai/deployments/ptu-sim/chat/completions" RIG_VERSION, headers);
    rig_body(STR(WHOLE));
    assert_true(fake_engine.has_fault);
    answer(503, "{}");
    expect_engine("sim");
    assert_false(fake_engine.has_fault);
    answer(200, ANSWER);
    expect_answer_of("sim", "ptu-sim");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_there_is_no_room_for_goes_to_another),
        TEST(a_stream_goes_to_another),
        TEST(what_the_engine_fails_at_goes_to_another),
        TEST(a_stream_that_has_not_begun_goes_to_another),
        TEST(what_is_too_long_goes_to_another),
        TEST(what_is_too_long_for_an_upstream_goes_to_another),
        TEST(the_request_may_say_where_to),
        TEST(the_deployment_knows_better_than_the_request),
        TEST(who_cannot_take_it_is_not_asked),
        TEST(standard_deployments_do_not_spill_over),
        TEST(what_is_wrong_with_the_request_stays),
        TEST(a_stream_that_has_begun_stays),
        TEST(when_both_fail_the_first_answer_counts),
        TEST(the_other_one_has_limits_too),
        TEST(it_counts_there_for_what_it_is),
        TEST(the_other_one_looks_at_the_request),
        TEST(who_leaves_meanwhile_is_let_go),
        TEST(nothing_is_begun_when_the_service_ends),
        TEST(a_simulated_fault_does_not_go_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
