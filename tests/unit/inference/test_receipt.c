/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

#define TARGET "/openai/deployments/sim/chat/completions" RIG_VERSION
#define USAGE                                                                            \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":" \
    "\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,"       \
    "\"total_tokens\":9}}\n\n"

static void post(const char *header, const char *body)
{
    const char *headers[] = { header, NULL };

    rig_head("POST", TARGET, headers);
    rig_body(str_from(body));
}

static void answer(int status, const char *body)
{
    fake_engine_head(status, "application/json");
    fake_engine_body(str_from(body));
    fake_engine_end();
    assert_int_equal(fake_reply.status, status);
}

static void expect_receipt(const char *wanted)
{
    struct str receipt = rig_header("x-lazuli-receipt");

    if (!str_equal(receipt, str_from(wanted)))
        fail_msg("%.*s", STR_ARGS(receipt));
}

static void whole_replies_have_them_in_a_header(void **state)
{
    (void)state;
    post("x-lazuli-receipt: true", WHOLE);
    answer(200, ANSWER);
    expect_receipt("unit=tokens, estimate=17, actual=9, correction=0");
    post("X-Lazuli-Receipt: TRUE", WHOLE);
    answer(200, ANSWER);
    expect_receipt("unit=tokens, estimate=17, actual=9, correction=0");
}

static void charged_usage_corrects(void **state)
{
    (void)state;
    rig.inference->options.charge_usage = true;
    post("x-lazuli-receipt: true", WHOLE);
    answer(200, ANSWER);
    expect_receipt("unit=tokens, estimate=17, actual=9, correction=-8");
    /* another minute has begun: what was counted then counts no more */
    clock_move_to(&rig.clock, INT64_C(1800000000000));
    post("x-lazuli-receipt: true", WHOLE);
    clock_move_to(&rig.clock, INT64_C(1800000120000));
    rate_window_add(&directory_deployment(
                         directory_by_name(rig.inference->view.current, STR("lapis")), STR("sim"))
                         ->counters->rates.tokens,
                    RATE_MINUTE_MS, INT64_C(1800000120000), 1);
    answer(200, ANSWER);
    expect_receipt("unit=tokens, estimate=17, actual=9, correction=0");
}

/* As it may be asked for by who wants to hear the prompt again, or what it was worth. */
static void no_answer_counts_none(void **state)
{
    static const char *const headers[] = { "x-lazuli-receipt: true", NULL };
    static const char text[] =
        "{\"choices\":[{\"index\":0,\"finish_reason\":\"length\",\"text\":\"\"}],"
        "\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":0,\"total_tokens\":4}}";

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig_head("POST", "/openai/deployments/text/completions" RIG_VERSION, headers);
        rig_body(i ? STR("{\"prompt\":\"hi\"}") : STR("{\"prompt\":\"hi\",\"max_tokens\":0}"));
        answer(200, text);
        expect_receipt(i ? "unit=tokens, estimate=17, actual=4, correction=0"
                         : "unit=tokens, estimate=1, actual=4, correction=0");
    }
}

/* Of 100 tokens of the prompt the engine had 60 in its cache, which cost nothing; each of the seven of
 * the answer counts for three. */
static void work_leaves_out_what_was_cached(void **state)
{
    static const char *const headers[] = { "x-lazuli-receipt: true", NULL };

    (void)state;
    rig_head("POST", "/openai/deployments/ptu-sim/chat/completions" RIG_VERSION, headers);
    rig_body(STR("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":50}"));
    answer(
        200,
        "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"a\"}}],"
        "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":7,\"total_tokens\":107,"
        "\"prompt_tokens_details\":{\"cached_tokens\":60}}}");
    assert_true(
        str_starts_with(rig_header("x-lazuli-receipt"),
                        STR("unit=input-tokens, estimate=151, actual=61, correction=-90, ")));
}

static void nobody_else_gets_one(void **state)
{
    static const char *const headers[] = { NULL, "x-lazuli-receipt:", "x-lazuli-receipt: false",
                                           "x-lazuli-receipt: 1", "x-lazuli-receipts: true" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        post(headers[i], WHOLE);
        answer(200, ANSWER);
        expect_receipt("");
    }
    post("x-lazuli-receipt: true", "{}"); /* 400: it came to no estimate */
    assert_int_equal(fake_reply.status, 400);
    expect_receipt("");
}

static void what_fails_took_nothing(void **state)
{
    (void)state;
    post("x-lazuli-receipt: true", WHOLE);
    answer(500, "{\"error\":{\"message\":\"m\"}}");
    expect_receipt("unit=tokens, estimate=17, actual=0, correction=0");
}

/* A stream's head leaves before it is known what came of it. */
static void streams_have_the_rest_before_done(void **state)
{
    struct str body;
    size_t at;

    (void)state;
    post("x-lazuli-receipt: true", STREAM);
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"hello\"}")));
    expect_receipt("unit=tokens, estimate=17");
    fake_engine_body(STR(STOP USAGE DONE));
    assert_true(fake_reply.is_finished);
    body = buf_str(&fake_reply.body);
    at = str_find(body, STR("\n\n: lazuli-receipt unit=tokens, estimate=17, actual=9, correction=0"
                            "\n\ndata: [DONE]\n\n"));
    assert_int_not_equal(at, SIZE_MAX);
}

/* All of it comes at once: the head knows everything. */
static void a_stream_in_one_turn_has_it_in_both(void **state)
{
    (void)state;
    post("x-lazuli-receipt: true", STREAM);
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR(DELTA("{\"content\":\"hello\"}") STOP USAGE DONE));
    assert_int_equal(fake_reply.status, 200);
    expect_receipt("unit=tokens, estimate=17, actual=9, correction=0");
    assert_int_not_equal(str_find(buf_str(&fake_reply.body), STR("\n\n: lazuli-receipt ")),
                         SIZE_MAX);
}

static void a_stream_that_breaks_has_none(void **state)
{
    (void)state;
    post("x-lazuli-receipt: true", STREAM);
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR(DELTA("{\"role\":\"assistant\",\"content\":\"hello\"}")));
    fake_engine_fail(ERROR_BACKEND);
    assert_true(fake_reply.is_finished);
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("lazuli-receipt")), SIZE_MAX);
}

static void a_stream_without_the_header_has_none(void **state)
{
    (void)state;
    post(NULL, STREAM);
    fake_engine_head(200, "text/event-stream");
    fake_engine_body(STR(DELTA("{\"content\":\"hello\"}") STOP USAGE DONE));
    expect_receipt("");
    assert_int_equal(str_find(buf_str(&fake_reply.body), STR("lazuli-receipt")), SIZE_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_replies_have_them_in_a_header),
        TEST(charged_usage_corrects),
        TEST(no_answer_counts_none),
        TEST(work_leaves_out_what_was_cached),
        TEST(nobody_else_gets_one),
        TEST(what_fails_took_nothing),
        TEST(streams_have_the_rest_before_done),
        TEST(a_stream_in_one_turn_has_it_in_both),
        TEST(a_stream_that_breaks_has_none),
        TEST(a_stream_without_the_header_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
