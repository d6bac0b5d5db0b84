/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reply_events.h"

/* A minute's beginning: 2027-01-15T08:00:00Z. */
#define MORNING INT64_C(1800000000000)
#define ASKED "{\"max_tokens\":800,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static struct deployment_counters *counters(void)
{
    return directory_deployment(directory_by_name(rig.inference->view.current, STR("lapis")),
                                STR("ptu-sim"))
        ->counters;
}

static void answer(int status, const char *text)
{
    fake_engine_head(status, "application/json");
    fake_engine_body(str_from(text));
    fake_engine_end();
    assert_int_equal(fake_reply.status, status);
}

/* In the minutes from MORNING on. */
static void expect_work(unsigned minute, uint64_t work)
{
    assert_int_equal(
        minute_meter_last(&counters()->work, MORNING + (minute + 1) * (int64_t)RATE_MINUTE_MS),
        work);
}

/* Not with what it was taken for before it had begun to do anything. */
static void work_is_of_the_minute_in_which_it_ended(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, MORNING);
    rig_chat("ptu-sim", ASKED);
    assert_non_null(fake_engine.call);
    expect_work(0, 0);
    clock_move_to(&rig.clock, MORNING + RATE_MINUTE_MS);
    answer(200, ANSWER);
    expect_work(1, 19); /* 4 of the prompt, and 5 of the answer, which count for 3 each */
    rig_chat("ptu-sim", ASKED);
    answer(200, ANSWER);
    expect_work(0, 0);
    expect_work(1, 2 * 19);
}

static void what_fails_was_no_work(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, MORNING);
    rig_chat("ptu-sim", ASKED);
    answer(500, "{}");
    expect_work(0, 0);
}

/* Else it would be free to have prompts read, and not to wait for what is said to them. */
static void who_leaves_has_had_the_prompt_read(void **state)
{
    (void)state;
    clock_move_to(&rig.clock, MORNING);
    rig_chat("ptu-sim", ASKED);
    rig_gone();
    assert_null(fake_engine.call);
    expect_work(0, 1);
}

/* An answer that is longer than the model's context would fill the bucket for days. */
static void what_the_model_cannot_answer_fills_nothing(void **state)
{
    struct deployment_counters *c;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig_chat("ptu-sim", i ? "{\"max_tokens\":2147483647,\"messages\":[{\"role\":\"user\","
                                "\"content\":\"hi\"}]}"
                              : "{\"max_tokens\":4097,\"messages\":[{\"role\":\"user\","
                                "\"content\":\"hi\"}]}");
        expect_error(400, "invalid_value");
        assert_null(fake_engine.call);
    }
    c = counters();
    assert_int_equal(ptu_bucket_permille(&c->bucket, &(struct ptu_limit){ 1000, 60000 },
                                         clock_steady_ms(&rig.clock)),
                     0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(work_is_of_the_minute_in_which_it_ended),
        TEST(what_fails_was_no_work),
        TEST(who_leaves_has_had_the_prompt_read),
        TEST(what_the_model_cannot_answer_fills_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
