/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rig.h"

#define CHAT(more) "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]" more "}"
#define STREAM CHAT(",\"stream\":true")

static const char catalog[] =
    "engines:\n"
    "  - name: fast\n"
    "    sim: { seed: 1, first_token_ms: 0, tokens_per_second: 0, answer_tokens: 20 }\n"
    "  - name: slow\n"
    "    sim: { seed: 1, first_token_ms: 40, tokens_per_second: 200, answer_tokens: 20 }\n"
    "  - name: endless\n"
    "    sim: { seed: 1, first_token_ms: 0, tokens_per_second: 1000, answer_tokens: 30000 }\n"
    "  - name: half\n"
    "    sim: { seed: 1, first_token_ms: 0, tokens_per_second: 0,\n"
    "           fault: { kind: status, status: 429, retry_after_ms: 1500, rate: 0.5 } }\n";

static struct rig rig;

static int set_up(void **state)
{
    const struct engines_options options = { 0 };

    (void)state;
    rig = (struct rig){ 0 };
    rig_start(&rig, catalog, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig, NULL, NULL);
    return 0;
}

static void answers_whole(void **state)
{
    struct rig_call c = { .request.created_s = 1234567890 }, again = { 0 };

    (void)state;
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, CHAT(""));
    assert_true(c.has_ended);
    assert_int_equal(c.status, 200);
    assert_string_equal(c.content_type, "application/json");
    assert_non_null(strstr(rig_call_text(&c), "\"completion_tokens\":20"));
    assert_non_null(strstr(rig_call_text(&c), "\"created\":1234567890,"));
    rig_call_run(&rig, &again, "fast", ENGINE_CHAT, CHAT(""));
    assert_memory_equal(strstr(rig_call_text(&c), "\"choices\""),
                        strstr(rig_call_text(&again), "\"choices\""), 100);
    assert_int_equal(rig_status(&rig, "fast").in_flight, 0);
    rig_call_done(&c);
    rig_call_done(&again);
}

static void streams_in_time(void **state)
{
    struct rig_call c = { 0 };
    uint64_t started;

    (void)state;
    uv_update_time(loop_uv(rig.worker));
    started = loop_now_ms(rig.worker);
    rig_call_run(&rig, &c, "slow", ENGINE_CHAT, STREAM);
    assert_true(c.has_ended);
    assert_string_equal(c.content_type, "text/event-stream; charset=utf-8");
    assert_true(c.bodies > 1);
    assert_non_null(strstr(rig_call_text(&c), "data: [DONE]\n\n"));
    /* 40 ms, then 19 gaps of 5 ms: never sooner, whatever the machine does. */
    assert_true(loop_now_ms(rig.worker) - started >= 134);
    rig_call_done(&c);
}

static unsigned turns;

static void on_turn_over(uv_check_t *check)
{
    (void)check;
    turns++;
}

/* However much there is to say at once, the loop comes round in between. */
static void leaves_others_their_turns(void **state)
{
    static uv_check_t check; /* closed by the tear-down's turns of the loop */
    struct rig_call c = { 0 };
    struct buf inputs;

    (void)state;
    buf_init(&inputs, 4096);
    assert_true(buf_append(&inputs, STR("{\"input\":[\"a\"")));
    for (int i = 0; i < 200; i++)
        assert_true(buf_append(&inputs, STR(",\"a\"")));
    assert_true(buf_append(&inputs, str_of("]}", sizeof("]}"))));
    turns = 0;
    uv_check_init(loop_uv(rig.worker), &check);
    uv_check_start(&check, on_turn_over);
    rig_call_run(&rig, &c, "fast", ENGINE_EMBEDDINGS, buf_str(&inputs).data);
    uv_close((uv_handle_t *)&check, NULL);
    assert_int_equal(c.status, 200);
    assert_true(c.bodies > 5);
    assert_true(2 * turns >= c.bodies); /* uv_run looks at timers twice */
    rig_call_done(&c);
    buf_done(&inputs);
}

static void refuses_a_bad_request(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, "{\"n\":1}");
    assert_true(c.has_ended);
    assert_int_equal(c.status, 400);
    assert_string_equal(rig_call_text(&c),
                        "{\"error\":{\"message\":\"Missing required parameter: 'messages'.\","
                        "\"type\":\"invalid_request_error\",\"param\":\"messages\","
                        "\"code\":\"missing_required_parameter\"}}");
    rig_call_done(&c);
}

static void run_another(void)
{
    struct rig_call other = { 0 };

    rig_call_run(&rig, &other, "slow", ENGINE_CHAT, STREAM);
    assert_true(other.has_ended);
    rig_call_done(&other);
}

static void pauses_and_resumes(void **state)
{
    struct rig_call c = { .pauses_after = 1 };
    unsigned bodies;

    (void)state;
    rig_call_start(&rig, &c, "endless", ENGINE_CHAT, CHAT(",\"stream\":true,\"max_tokens\":500"));
    rig_wait(&rig, rig_call_has_body, &c);
    bodies = c.bodies;
    run_another(); /* long enough to hear more, if there were more */
    assert_int_equal(c.bodies, bodies);
    engine_call_resume(c.call);
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_non_null(strstr(rig_call_text(&c), "[DONE]"));
    rig_call_done(&c);
}

static void is_cancelled_anywhere(void **state)
{
    struct rig_call at_once = { 0 }, on_head = { .cancels = RIG_ON_HEAD };
    struct rig_call on_body = { .cancels = RIG_ON_BODY }, later = { 0 };

    (void)state;
    rig_call_start(&rig, &at_once, "endless", ENGINE_CHAT, STREAM);
    engine_call_cancel(at_once.call);
    at_once.call = NULL;
    rig_call_run(&rig, &on_head, "endless", ENGINE_CHAT, STREAM);
    assert_int_equal(on_head.bodies, 0);
    rig_call_run(&rig, &on_body, "endless", ENGINE_CHAT, STREAM);
    assert_int_equal(on_body.bodies, 1);
    rig_call_start(&rig, &later, "endless", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &later);
    engine_call_cancel(later.call);
    later.call = NULL;
    assert_false(later.has_ended || later.has_failed);
    assert_int_equal(rig_status(&rig, "endless").in_flight, 0);
    rig_call_done(&at_once);
    rig_call_done(&on_head);
    rig_call_done(&on_body);
    rig_call_done(&later);
}

static unsigned count_tokens(struct rig_call *c)
{
    unsigned count = 0;

    for (const char *at = rig_call_text(c); (at = strstr(at, "\"content\":\"")); at++)
        count += at[strlen("\"content\":\"")] != '"';
    return count;
}

static void makes_faults(void **state)
{
    const struct sim_fault status = { SIM_FAULT_STATUS, 429, 800, 0, 1 };
    const struct sim_fault cut = { SIM_FAULT_CUT, 0, 0, 5, 1 };
    const struct sim_fault malformed = { SIM_FAULT_MALFORMED, 0, 0, 3, 1 };
    const struct sim_fault stall = { SIM_FAULT_STALL, 0, 0, 4, 1 };
    struct rig_call c = { .request.fault = &status };

    (void)state;
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, STREAM);
    assert_int_equal(c.status, 429);
    assert_string_equal(c.retry_after_ms, "800");
    assert_true(c.has_ended && !c.has_fault); /* an answer of its own, as it stands */
    rig_call_done(&c);
    c = (struct rig_call){ .request.fault = &cut };
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, STREAM);
    assert_true(c.has_failed && c.has_fault);
    assert_int_equal(c.err.code, ERROR_BACKEND);
    assert_int_equal(count_tokens(&c), 5);
    rig_call_done(&c);
    c = (struct rig_call){ .request.fault = &malformed };
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, STREAM);
    assert_true(c.has_ended && c.has_fault);
    assert_non_null(strstr(rig_call_text(&c), "<<garbage>>"));
    assert_null(strstr(rig_call_text(&c), "[DONE]"));
    rig_call_done(&c);
    c = (struct rig_call){ .request.fault = &cut };
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, CHAT(""));
    assert_true(c.has_failed);
    assert_int_equal(c.status, 200);
    assert_null(strstr(rig_call_text(&c), "usage"));
    rig_call_done(&c);
    c = (struct rig_call){ .request.fault = &stall };
    rig_call_start(&rig, &c, "fast", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &c);
    run_another();
    assert_false(c.has_ended || c.has_failed);
    assert_int_equal(count_tokens(&c), 4);
    engine_call_cancel(c.call);
    c.call = NULL;
    rig_call_done(&c);
}

static void hits_a_share_of_the_calls(void **state)
{
    char first[200], again[200];
    unsigned hits = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(first); i++) {
        struct rig_call c = { 0 };

        rig_call_run(&rig, &c, "half", ENGINE_CHAT, CHAT(""));
        first[i] = c.status == 429;
        hits += c.status == 429;
        rig_call_done(&c);
    }
    assert_in_range(hits, 70, 130);
    /* Another run of the same settings hits the same calls. */
    tear_down(NULL);
    set_up(NULL);
    for (size_t i = 0; i < sizeof(again); i++) {
        struct rig_call c = { 0 };

        rig_call_run(&rig, &c, "half", ENGINE_CHAT, CHAT(""));
        again[i] = c.status == 429;
        rig_call_done(&c);
    }
    assert_memory_equal(first, again, sizeof(first));
}

static void joins_the_parts_of_a_body(void **state)
{
    const struct str parts[] = { STR("{\"messages\":[{\"role\":"), STR_NONE,
                                 STR("\"user\",\"content\":\"hello\"}]}") };
    struct rig_call c = { .request = { .body_parts = parts, .body_part_count = 3 } };
    struct rig_call whole = { 0 };

    (void)state;
    rig_call_run(&rig, &c, "fast", ENGINE_CHAT, CHAT(""));
    rig_call_run(&rig, &whole, "fast", ENGINE_CHAT, CHAT(""));
    assert_int_equal(c.status, 200);
    assert_string_equal(strstr(rig_call_text(&c), "\"choices\""),
                        strstr(rig_call_text(&whole), "\"choices\""));
    rig_call_done(&c);
    rig_call_done(&whole);
}

/* -- Reload -------------------------------------------------------------------------------- */

static void reload_keeps_running_calls(void **state)
{
    struct rig_call c = { 0 }, other = { 0 };

    (void)state;
    rig_call_start(&rig, &c, "endless", ENGINE_CHAT, CHAT(",\"stream\":true,\"max_tokens\":300"));
    rig_wait(&rig, rig_call_has_body, &c);
    rig_reload(&rig, "engines:\n"
                     "  - name: fast\n"
                     "    sim: { seed: 2, first_token_ms: 0, tokens_per_second: 0,\n"
                     "           answer_tokens: 3 }\n");
    rig_call_run(&rig, &other, "fast", ENGINE_CHAT, CHAT(""));
    assert_non_null(strstr(rig_call_text(&other), "\"completion_tokens\":3"));
    rig_wait(&rig, rig_call_is_over, &c);
    assert_true(c.has_ended);
    assert_non_null(strstr(rig_call_text(&c), "[DONE]"));
    rig_call_done(&c);
    rig_call_done(&other);
}

static void a_call_to_a_removed_engine_fails(void **state)
{
    struct rig_call c = { 0 };
    struct catalog *old = catalog_ref(rig.catalog);
    struct catalog *current;

    (void)state;
    rig_reload(&rig, "engines:\n  - name: fast\n    sim: { seed: 2 }\n");
    current = rig.catalog;
    rig.catalog = old; /* a request that began before the reload */
    rig_call_run(&rig, &c, "slow", ENGINE_CHAT, CHAT(""));
    rig.catalog = current;
    catalog_unref(old);
    assert_true(c.has_failed);
    assert_int_equal(c.err.code, ERROR_UNAVAILABLE);
    rig_call_done(&c);
}

static void closing_the_client_cancels(void **state)
{
    struct rig_call c = { 0 };

    (void)state;
    rig_call_start(&rig, &c, "endless", ENGINE_CHAT, STREAM);
    rig_wait(&rig, rig_call_has_body, &c);
    rig_stop(&rig, NULL, NULL);
    assert_false(c.has_ended || c.has_failed);
    buf_done(&c.body);
    set_up(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_whole),
        TEST(streams_in_time),
        TEST(leaves_others_their_turns),
        TEST(refuses_a_bad_request),
        TEST(pauses_and_resumes),
        TEST(is_cancelled_anywhere),
        TEST(makes_faults),
        TEST(hits_a_share_of_the_calls),
        TEST(joins_the_parts_of_a_body),
        TEST(reload_keeps_running_calls),
        TEST(a_call_to_a_removed_engine_fails),
        TEST(closing_the_client_cancels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
