/* SPDX-License-Identifier: MIT */
#include "model/rate_limit.h"

static int64_t period_of(const struct rate_limits *limits)
{
    return limits->period_ms ? limits->period_ms : RATE_MINUTE_MS;
}

static bool is_above(uint64_t used, uint64_t limit)
{
    return limit && used > limit;
}

struct rate_decision rate_limit_admit(struct rate_counters *c, const struct rate_limits *limits,
                                      int64_t now_ms, uint64_t tokens)
{
    struct rate_decision d = {
        .requests = rate_window_add(&c->requests, period_of(limits), now_ms, 1),
        .is_hopeless = is_above(tokens, limits->tokens_per_minute),
    };
    bool is_request_too_many = is_above(d.requests.used, limits->requests_per_period);

    if (is_request_too_many || d.is_hopeless)
        d.tokens = rate_window_look(&c->tokens, RATE_MINUTE_MS, now_ms);
    else
        d.tokens = rate_window_add(&c->tokens, RATE_MINUTE_MS, now_ms, tokens);
    if (d.is_hopeless ||
        (!is_request_too_many && is_above(d.tokens.used, limits->tokens_per_minute))) {
        d.verdict = RATE_TOO_MANY_TOKENS;
        d.retry_at_ms = d.tokens.ends_ms;
    } else if (is_request_too_many) {
        d.verdict = RATE_TOO_MANY_REQUESTS;
        d.retry_at_ms = d.requests.ends_ms;
    }
    return d;
}

void rate_limit_count_refused(struct rate_counters *c, const struct rate_limits *limits,
                              int64_t now_ms)
{
    (void)rate_window_add(&c->requests, period_of(limits), now_ms, 1);
}

struct rate_decision rate_limit_look(const struct rate_counters *c,
                                     const struct rate_limits *limits, int64_t now_ms)
{
    return (struct rate_decision){
        .requests = rate_window_look(&c->requests, period_of(limits), now_ms),
        .tokens = rate_window_look(&c->tokens, RATE_MINUTE_MS, now_ms),
    };
}
