/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "reply_events.h"

/* A minute's beginning: 2027-01-15T08:00:00Z. */
#define MORNING INT64_C(1800000000000)
#define FOUR_TOKENS "{\"max_tokens\":3,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define MANY_TOKENS "{\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define TOO_MANY \
    "{\"max_tokens\":4000,\"n\":3,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"

static char last_id[GUID_TEXT_LEN + 1];

static int set_up(void **state)
{
    rig_set_up(state);
    rig.inference->options.rate_limits = true;
    clock_move_to(&rig.clock, MORNING);
    return 0;
}

static void keep_id(void)
{
    struct str id = rig_header("apim-request-id");

    assert_int_equal(id.len, GUID_TEXT_LEN);
    memcpy(last_id, id.data, id.len);
}

static void admit(const char *body)
{
    rig_chat("sim", body);
    fake_engine_head(200, "application/json");
    fake_engine_body(STR(ANSWER));
    fake_engine_end();
    assert_int_equal(fake_reply.status, 200);
}

static void refuse(const char *body, int status)
{
    rig_chat("sim", body);
    assert_int_equal(fake_reply.status, status);
    keep_id();
}

/* `header` NULL: the account's key. */
static yyjson_val *ask(const char *prefix, const char *id, const char *header, int status)
{
    const char *headers[] = { header, NULL };
    char target[256];

    snprintf(target, sizeof(target), "%s/lazuli/refusals/%s", prefix, id);
    rig_head("GET", target, headers);
    if (fake_reply.status != status)
        fail_msg("%s: %d, not %d", target, fake_reply.status, status);
    return rig_reply_json();
}

static void expect_number(yyjson_val *root, const char *path, uint64_t wanted)
{
    yyjson_val *value = json_at(root, path);

    if (!yyjson_is_uint(value) || yyjson_get_uint(value) != wanted)
        fail_msg("%s is not %llu", path, (unsigned long long)wanted);
}

/* ---- what is said ---- */

static void requests_that_fill_a_window(void **state)
{
    yyjson_val *r;

    (void)state;
    for (int i = 0; i < 7; i++)
        admit(FOUR_TOKENS);
    for (int i = 0; i < 3; i++)
        refuse("{}", 400);
    refuse(FOUR_TOKENS, 429);
    refuse(FOUR_TOKENS, 429);
    r = ask("", last_id, NULL, 200);
    expect_str(r, "id", last_id);
    expect_str(r, "account", "lapis");
    expect_str(r, "deployment", "sim");
    expect_str(r, "operation", "ChatCompletions_Create");
    expect_str(r, "model", "gpt-4");
    expect_str(r, "model_version", "0613");
    expect_str(r, "sku", "Standard");
    expect_number(r, "capacity", 10);
    expect_str(r, "refused_by", "requests");
    expect_number(r, "requests.limit", 10);
    expect_number(r, "requests.period_s", 10);
    expect_number(r, "requests.per_unit_and_minute", 6);
    expect_str(r, "requests.window.start", "2027-01-15T08:00:00.0000000Z");
    expect_str(r, "requests.window.end", "2027-01-15T08:00:10.0000000Z");
    expect_number(r, "requests.admitted_before", 7);
    expect_number(r, "requests.refused_before", 1);
    expect_number(r, "requests.invalid_before", 3);
    expect_number(r, "requests.counted_for_this", 1);
    expect_number(r, "tokens.admitted_before", 28);
    expect_number(r, "tokens.counted_for_this", 0);
    expect_number(r, "estimate.total", 4);
    expect_number(r, "estimate.prompt.characters", 2);
    expect_number(r, "estimate.prompt.tokens", 1);
    expect_number(r, "estimate.answer.tokens", 3);
    assert_true(yyjson_get_bool(json_at(r, "estimate.answer.is_asked")));
    expect_number(r, "estimate.answer.count", 1);
    expect_str(r, "retry.at", "2027-01-15T08:00:10.0000000Z");
    assert_in_range(yyjson_get_uint(json_at(r, "retry.in_ms")), 1, 10010);
    assert_false(yyjson_get_bool(json_at(r, "retry.has_passed")));
    assert_true(yyjson_is_null(json_at(r, "needed")));
}

/* By MEASURE, or by an engine: after they were admitted. They count as those which are found at once. */
static void what_turns_out_to_be_wrong_was_not_admitted(void **state)
{
    yyjson_val *r;

    (void)state;
    fake_engine.context_tokens = 4096;
    for (int i = 0; i < 6; i++) {
        rig_chat("llama", MANY_TOKENS);
        if (i < 3) {
            assert_true(fake_engine.counts);
            fake_engine_head(200, "application/json");
            fake_engine_body(STR("{\"input_tokens\":97}"));
        } else {
            fake_engine_head(200, "application/json");
            fake_engine_body(STR("{\"input_tokens\":5}"));
            fake_engine_end();
            fake_engine_head(400, "application/json");
            fake_engine_body(STR("{\"error\":{\"message\":\"What is that?\"}}"));
        }
        fake_engine_end();
        assert_int_equal(fake_reply.status, 400);
    }
    for (int i = 0; i < 5; i++)
        rig_chat("llama", "{}");
    rig_chat("llama", FOUR_TOKENS);
    assert_int_equal(fake_reply.status, 429);
    keep_id();
    r = ask("", last_id, NULL, 200);
    expect_str(r, "refused_by", "requests");
    expect_number(r, "requests.admitted_before", 0);
    expect_number(r, "requests.invalid_before", 11);
    expect_number(r, "tokens.admitted_before", 0);
}

static void tokens_that_fill_a_minute(void **state)
{
    yyjson_val *r;

    (void)state;
    admit(MANY_TOKENS);
    admit(MANY_TOKENS);
    refuse(MANY_TOKENS, 429);
    refuse("{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}", 429);
    r = ask("", last_id, NULL, 200);
    expect_str(r, "refused_by", "tokens");
    expect_number(r, "tokens.limit", 10000);
    expect_number(r, "tokens.period_s", 60);
    expect_number(r, "tokens.per_unit_and_minute", 1000);
    expect_str(r, "tokens.window.start", "2027-01-15T08:00:00.0000000Z");
    expect_str(r, "tokens.window.end", "2027-01-15T08:01:00.0000000Z");
    expect_number(r, "tokens.admitted_before", 8002);
    expect_number(r, "tokens.refused_before", 4001);
    expect_number(r, "tokens.counted_for_this", 18);
    expect_number(r, "estimate.total",
                  18); /* five characters are two tokens, and 16 for the answer */
    expect_number(r, "estimate.answer.tokens", 16);
    assert_false(yyjson_get_bool(json_at(r, "estimate.answer.is_asked")));
    expect_str(r, "retry.at", "2027-01-15T08:01:00.0000000Z");
    clock_move_to(&rig.clock, MORNING + 61000);
    r = ask("", last_id, NULL, 200);
    assert_true(yyjson_get_bool(json_at(r, "retry.has_passed")));
    expect_number(r, "retry.in_ms", 0);
}

static void what_never_fits(void **state)
{
    yyjson_val *r;

    (void)state;
    refuse(TOO_MANY, 429);
    r = ask("", last_id, NULL, 200);
    expect_str(r, "refused_by", "tokens");
    expect_number(r, "estimate.total", 12002);
    expect_number(r, "tokens.counted_for_this", 0);
    assert_true(yyjson_is_null(yyjson_obj_get(r, "retry")));
    expect_number(r, "needed.capacity", 13);
    expect_number(r, "needed.max_tokens", 3332);
}

/* Both limits are in its way: what the header says is the nearer one. */
static void a_retry_passes_when_both_limits_let_it(void **state)
{
    yyjson_val *r;

    (void)state;
    for (int i = 0; i < 10; i++)
        admit(FOUR_TOKENS);
    refuse("{\"max_tokens\":3330,\"n\":3,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
           429);
    assert_true(rig_header("retry-after-ms").len <= 5); /* ten seconds at most */
    r = ask("", last_id, NULL, 200);
    expect_str(r, "refused_by", "requests");
    expect_str(r, "retry.at", "2027-01-15T08:01:00.0000000Z");
}

/* ---- to whom ---- */

static void a_key_sees_its_own_accounts_refusals(void **state)
{
    (void)state;
    refuse(TOO_MANY, 429);
    ask("", last_id, NULL, 200);
    ask("/accounts/lapis", last_id, NULL, 200);
    ask("", last_id, "api-key: wrong", 401);
    ask("/accounts/guarded", last_id, NULL, 401);
    ask("/accounts/guarded", last_id, "api-key: " RIG_GUARDED_KEY, 404);
    ask("", last_id, "api-key: " RIG_WALLED_KEY, 403);
    ask("/accounts/nobody", last_id, NULL, 404);
}

static void the_administrator_sees_all(void **state)
{
    (void)state;
    refuse(TOO_MANY, 429);
    ask("", last_id, "Authorization: Bearer " RIG_ADMIN_TOKEN, 200);
    ask("", last_id, "Authorization: Bearer x", 401);
    /* who has no token learns of no id */
    ask("", "00000000-0000-4000-8000-000000000000", "Authorization: Bearer x", 401);
    ask("", "00000000-0000-4000-8000-000000000000", "Authorization: Bearer " RIG_ADMIN_TOKEN, 404);
}

/* ---- hostile ---- */

static void ids_of_any_form(void **state)
{
    static const char *const ids[] = {
        "",
        "x",
        "00000000-0000-4000-8000-000000000000",
        "00000000-0000-4000-8000-00000000000g",
        "../../openai/models",
        "%2e%2e%2f%00",
        "00000000-0000-4000-8000-000000000000/more",
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    };

    (void)state;
    refuse(TOO_MANY, 429);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ask("", ids[i], NULL, 404);
        expect_str(rig_reply_json(), "error.code", "404");
    }
}

static void it_can_only_be_read(void **state)
{
    char target[128];

    (void)state;
    refuse(TOO_MANY, 429);
    snprintf(target, sizeof(target), "/lazuli/refusals/%s", last_id);
    rig_head("DELETE", target, NULL);
    assert_int_equal(fake_reply.status, 405);
    assert_true(str_equal(rig_header("allow"), STR("GET")));
    rig_head("HEAD", target, NULL);
    assert_int_equal(fake_reply.status, 200);
}

static void the_oldest_is_forgotten(void **state)
{
    char first[GUID_TEXT_LEN + 1];

    (void)state;
    refuse(TOO_MANY, 429);
    memcpy(first, last_id, sizeof(first));
    for (int i = 0; i < 3; i++)
        refuse(TOO_MANY, 429);
    ask("", first, NULL, 200);
    refuse(TOO_MANY, 429); /* the fifth; the rig keeps four */
    ask("", first, NULL, 404);
    ask("", last_id, NULL, 200);
}

static void only_refusals_are_kept(void **state)
{
    (void)state;
    admit(FOUR_TOKENS);
    keep_id();
    ask("", last_id, NULL, 404);
    refuse("{}", 400);
    ask("", last_id, NULL, 404);
    rig.inference->options.rate_limits = false;
    admit(TOO_MANY);
    keep_id();
    ask("", last_id, NULL, 404);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, reply_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_that_fill_a_window),
        TEST(what_turns_out_to_be_wrong_was_not_admitted),
        TEST(tokens_that_fill_a_minute),
        TEST(what_never_fits),
        TEST(a_retry_passes_when_both_limits_let_it),
        TEST(a_key_sees_its_own_accounts_refusals),
        TEST(the_administrator_sees_all),
        TEST(ids_of_any_form),
        TEST(it_can_only_be_read),
        TEST(the_oldest_is_forgotten),
        TEST(only_refusals_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
