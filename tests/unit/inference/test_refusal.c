/*
 * What a deployment that is above its limits says: Azure's words, to the letter.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "rig.h"

/* 6.9 seconds before a minute is over, and its last ten seconds: 2027-01-15T08:00:53.1Z. */
#define LATE_IN_A_MINUTE INT64_C(1800000053100)

#define CHAT "{\"model\":\"sim\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define TEXT "{\"model\":\"text\",\"prompt\":\"hi\"}"
#define INPUT "{\"model\":\"ada\",\"input\":\"hi\"}"

#define CHATS "ChatCompletions_Create"
#define TEXTS "Completions_Create"
#define INPUTS "Embeddings_Create"

#define OF_OPENAI                                                                              \
    "OpenAI", "Please go here: https://aka.ms/oai/quotaincrease if you would like to further " \
              "increase the default rate limit."
#define OF_AI_SERVICES                                                                          \
    "AIServices", "Please contact Azure support service if you would like to further increase " \
                  "the default rate limit."

struct call {
    const char *key; /* of the account */
    const char *path;
    const char *version; /* NULL: v1 */
    const char *deployment;
    const char *body;
    const char *operation;
    const char *tier;
    const char *advice;
};

static const struct call calls[] = {
    { RIG_KEY, "chat/completions", "2024-10-21", "sim", CHAT, CHATS, OF_OPENAI },
    { RIG_KEY, "chat/completions", "2024-08-01-preview", "sim", CHAT, CHATS, OF_OPENAI },
    { RIG_KEY, "completions", "2024-10-21", "text", TEXT, TEXTS, OF_OPENAI },
    { RIG_KEY, "embeddings", "2024-10-21", "ada", INPUT, INPUTS, OF_OPENAI },
    { RIG_KEY, "chat/completions", NULL, "sim", CHAT, CHATS, OF_OPENAI },
    { RIG_KEY, "completions", NULL, "text", TEXT, TEXTS, OF_OPENAI },
    { RIG_KEY, "embeddings", NULL, "ada", INPUT, INPUTS, OF_OPENAI },
    { RIG_SERVICES_KEY, "chat/completions", "2024-10-21", "sim", CHAT, CHATS, OF_AI_SERVICES },
    { RIG_SERVICES_KEY, "completions", "2024-10-21", "text", TEXT, TEXTS, OF_AI_SERVICES },
    { RIG_SERVICES_KEY, "embeddings", "2024-10-21", "ada", INPUT, INPUTS, OF_AI_SERVICES },
    { RIG_SERVICES_KEY, "chat/completions", NULL, "sim", CHAT, CHATS, OF_AI_SERVICES },
    { RIG_SERVICES_KEY, "completions", NULL, "text", TEXT, TEXTS, OF_AI_SERVICES },
    { RIG_SERVICES_KEY, "embeddings", NULL, "ada", INPUT, INPUTS, OF_AI_SERVICES },
};

static int set_up(void **state)
{
    rig_set_up(state);
    rig.inference->options.rate_limits = true;
    return 0;
}

static void post(const struct call *c)
{
    char key[64], target[256];
    const char *const headers[] = { key, NULL };

    snprintf(key, sizeof(key), "api-key: %s", c->key);
    if (c->version)
        snprintf(target, sizeof(target), "/openai/deployments/%s/%s?api-version=%s", c->deployment,
                 c->path, c->version);
    else
        snprintf(target, sizeof(target), "/openai/v1/%s", c->path);
    rig_head("POST", target, headers);
    rig_body(str_from(c->body));
}

static void expect_refusal(const struct call *c, const char *limit, const char *seconds)
{
    char wanted[1024];

    snprintf(wanted, sizeof(wanted),
             "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the %s Operation under Azure "
             "OpenAI API version %s have exceeded %s rate limit of your current %s S0 pricing "
             "tier. Please retry after %s %s. %s\"}}",
             c->operation, c->version ? c->version : "v1", limit, c->tier, seconds,
             strcmp(seconds, "1") ? "seconds" : "second", c->advice);
    assert_int_equal(fake_reply.status, 429);
    if (!str_equal(buf_str(&fake_reply.body), str_from(wanted)))
        fail_msg("%.*s\nnot %s", STR_ARGS(buf_str(&fake_reply.body)), wanted);
    assert_true(str_equal(rig_header("retry-after"), str_from(seconds)));
}

/* A minute of its own, in whose rest nothing but this case is counted. */
static int64_t next_minute(void)
{
    static int64_t minutes;
    int64_t now_ms = LATE_IN_A_MINUTE + minutes++ * RATE_MINUTE_MS;

    clock_move_to(&rig.clock, now_ms);
    return now_ms;
}

static struct rate_counters *rates_of(const struct call *c)
{
    const struct directory_account *account = directory_by_name(
        rig.inference->view.current,
        str_equal(str_from(c->key), STR(RIG_KEY)) ? STR("lapis") : STR("azurite"));

    return &directory_deployment(account, str_from(c->deployment))->counters->rates;
}

static void tokens_that_are_used_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        rate_window_add(&rates_of(&calls[i])->tokens, RATE_MINUTE_MS, next_minute(), 10000);
        post(&calls[i]);
        expect_refusal(&calls[i], "token", "7");
    }
}

static void calls_that_are_used_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        rate_window_add(&rates_of(&calls[i])->requests, 10000, next_minute(), 10);
        post(&calls[i]);
        expect_refusal(&calls[i], "call", "7");
    }
}

static void one_second(void **state)
{
    int64_t now_ms = next_minute() + 6000;

    (void)state;
    clock_move_to(&rig.clock, now_ms);
    rate_window_add(&rates_of(&calls[0])->tokens, RATE_MINUTE_MS, now_ms, 10000);
    post(&calls[0]);
    expect_refusal(&calls[0], "token", "1");
}

/* Larger than the whole limit: a day is what Azure says. */
static void what_never_fits(void **state)
{
    struct call c = calls[0];

    (void)state;
    c.body = "{\"n\":3,\"max_tokens\":4000,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    post(&c);
    expect_refusal(&c, "token", "86400");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_that_are_used_up),
        TEST(calls_that_are_used_up),
        TEST(one_second),
        TEST(what_never_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
