/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "inference/refusal.h"
#include "model/budget.h"
#include "reply_events.h"

/* The prompt is a token by its length, which costs 1,000 millionths; 90 tokens cost 900,000. */
#define DEAR "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":90}"
#define SOME "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":50}"
#define DEAR_STREAM \
    "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":90}"
#define CACHED                                                                                 \
    "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"a\"}}]," \
    "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":7,\"total_tokens\":107,"           \
    "\"prompt_tokens_details\":{\"cached_tokens\":60}}}"

static void answer(int status, const char *text)
{
    fake_engine_head(status, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
}

static void expect_spent(uint64_t millionths)
{
    assert_int_equal(budget_spent(&fake_engine.spending, clock_now_ms(&rig.clock)), millionths);
}

static void expect_refused(void)
{
    expect_error(403, "403");
    assert_null(fake_engine.call);
}

/* Until its answer is there, what it may cost counts; then what it did. */
static void a_request_counts_with_what_it_may_cost(void **state)
{
    (void)state;
    rig_chat("paid", DEAR);
    assert_non_null(fake_engine.call);
    expect_spent(901000);
    answer(200, CACHED);
    assert_int_equal(fake_reply.status, 200);
    expect_spent(40 * 1000 + 60 * 500 + 7 * 10000);
}

static void what_is_not_paid_for_is_not_counted(void **state)
{
    (void)state;
    rig_chat("up", DEAR);
    answer(200, CACHED);
    expect_spent(0);
    rig_chat("paid", DEAR);
    answer(500, "{}");
    expect_spent(0);
    rig_chat("paid", DEAR);
    fake_engine_fail(ERROR_UNAVAILABLE);
    expect_spent(0);
}

/* What had come by then. */
static void who_leaves_has_had_something(void **state)
{
    (void)state;
    open_stream("paid", DEAR_STREAM);
    fake_engine_body(STR(DELTA("{\"content\":\"four bytes\"}")));
    rig_gone();
    expect_spent(1000 + 3 * 10000);
}

/* Nothing had come yet: it may cost all that it was taken for. */
static void who_leaves_at_once_may_have_had_all(void **state)
{
    (void)state;
    rig_chat("paid", SOME);
    rig_gone();
    assert_null(fake_engine.call);
    expect_spent(501000);
    rig_chat("paid", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":4}");
    fake_engine_fail(ERROR_TIMEOUT);
    expect_error(408, "Timeout");
    expect_spent(501000 + 41000);
}

static void what_the_day_has_no_room_for_is_refused(void **state)
{
    struct str seconds;
    uint64_t until;

    (void)state;
    clock_move_to(&rig.clock, INT64_C(20000) * BUDGET_DAY_MS + BUDGET_DAY_MS / 2);
    rig_chat("paid", SOME); /* it will have been 950,000 in all */
    answer(
        200,
        "{\"choices\":[{\"index\":0,\"finish_reason\":\"stop\",\"message\":{\"content\":\"a\"}}],"
        "\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":90,\"total_tokens\":140}}");
    expect_spent(950000);
    rig_chat("paid", SOME);
    expect_refused();
    expect_spent(950000);
    seconds = rig_header("retry-after");
    assert_true(str_to_u64(seconds, 43201, &until) && until > 43000);
    assert_true(rig_header("x-ratelimit-remaining-tokens").len > 0);
    rig_chat("paid", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":4}");
    assert_non_null(fake_engine.call); /* a small one fits */
    answer(200, CACHED);
    clock_move_to(&rig.clock, INT64_C(20001) * BUDGET_DAY_MS);
    rig_chat("paid", SOME);
    assert_non_null(fake_engine.call);
    expect_spent(501000);
    answer(200, CACHED);
}

/* Midnight has come since it was refused. */
static void no_wait_is_negative(void **state)
{
    struct exchange *x = rig_exchange(&operation_chat, "paid", "2024-10-21", STR("{}"));
    struct error err;

    (void)state;
    x->admission.spending_ends_ms = clock_now_ms(&rig.clock) - 5000;
    refusal_set_budget(x, &err);
    assert_true(str_equal(x->retry.seconds, STR("1")));
    assert_non_null(strstr(err.text, "Please retry after 1 second."));
    rig_end_exchange(x);
}

/* By what answers have had: 7 tokens at first, and ever more of the others. */
static void who_says_no_length_is_taken_for_the_usual(void **state)
{
    (void)state;
    rig_chat("paid", WHOLE);
    expect_refused(); /* 256 tokens would be 2,560,000 */
    rig_chat("paid", DEAR);
    answer(200, CACHED);
    rig_chat("paid", WHOLE);
    assert_non_null(fake_engine.call);
    expect_spent(40 * 1000 + 60 * 500 + 7 * 10000 + 1000 + 7 * 10000);
    answer(200, CACHED);
}

/* A provisioned deployment that is full says so, rather than that nobody pays for the other one. */
static void spillover_ends_where_the_money_does(void **state)
{
    static const char *const headers[] = { "x-ms-spillover-deployment: paid", NULL };

    (void)state;
    rig_head("POST", "/openai/deployments/ptu-sim/chat/completions" RIG_VERSION, headers);
    rig_body(STR(WHOLE));
    answer(503, "{}");
    expect_error(503, "ServiceUnavailable");
    assert_true(str_equal(rig_header("x-ms-spillover-error"), STR("403")));
    assert_null(fake_engine.call);
    rig_head("POST", "/openai/deployments/ptu-sim/chat/completions" RIG_VERSION, headers);
    rig_body(STR(SOME));
    answer(503, "{}");
    assert_string_equal(fake_engine.name, "paid");
    expect_spent(501000);
    answer(200, CACHED);
    assert_int_equal(fake_reply.status, 200);
    expect_spent(40 * 1000 + 60 * 500 + 7 * 10000);
}

/* What the first one would have cost does not go along to one that costs nothing. */
static void each_pays_for_itself(void **state)
{
    (void)state;
    rig_chat("ptu-paid", SOME);
    assert_string_equal(fake_engine.name, "paid");
    expect_spent(501000);
    fake_engine_fail(ERROR_UNAVAILABLE);
    assert_string_equal(fake_engine.name, "up");
    expect_spent(0);
    answer(200, CACHED);
    assert_int_equal(fake_reply.status, 200);
    expect_spent(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_counts_with_what_it_may_cost),
        TEST(what_is_not_paid_for_is_not_counted),
        TEST(who_leaves_has_had_something),
        TEST(who_leaves_at_once_may_have_had_all),
        TEST(what_the_day_has_no_room_for_is_refused),
        TEST(no_wait_is_negative),
        TEST(who_says_no_length_is_taken_for_the_usual),
        TEST(spillover_ends_where_the_money_does),
        TEST(each_pays_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
