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

void rate_limit_count_invalid(struct rate_counters *c, struct rate_refusals *r,
                              const struct rate_limits *limits, int64_t now_ms)
{
    struct rate_use use = rate_window_add(&c->requests, period_of(limits), now_ms, 1);

    (void)rate_window_add(&r->invalid, period_of(limits), use.ends_ms - 1, 1);
}

bool rate_limit_make_invalid(struct rate_counters *c, struct rate_refusals *r,
                             const struct rate_limits *limits, const struct rate_decision *d,
                             int64_t now_ms, uint64_t tokens)
{
    if (now_ms < d->requests.ends_ms)
        (void)rate_window_add(&r->invalid, period_of(limits), d->requests.ends_ms - 1, 1);
    return rate_window_correct(&c->tokens, RATE_MINUTE_MS, d->tokens.ends_ms, -(int64_t)tokens);
}

/* Of a request that a limit of requests refuses, and of a hopeless one, no tokens are counted. */
static bool counts_tokens(const struct rate_decision *d)
{
    return d->verdict == RATE_TOO_MANY_TOKENS && !d->is_hopeless;
}

static uint64_t less(uint64_t whole, uint64_t part)
{
    return whole > part ? whole - part : 0;
}

struct rate_filling rate_limit_note_refused(struct rate_refusals *r,
                                            const struct rate_limits *limits,
                                            const struct rate_decision *d, uint64_t tokens)
{
    struct rate_filling f = { .tokens_counted = counts_tokens(d) ? tokens : 0 };
    int64_t period_ms = period_of(limits);
    int64_t request_ms = d->requests.ends_ms - 1, token_ms = d->tokens.ends_ms - 1;

    f.requests_refused = rate_window_add(&r->requests, period_ms, request_ms, 1).used - 1;
    f.requests_invalid = rate_window_look(&r->invalid, period_ms, request_ms).used;
    f.requests_admitted = less(d->requests.used - 1, f.requests_refused + f.requests_invalid);
    f.tokens_refused =
        less(rate_window_add(&r->tokens, RATE_MINUTE_MS, token_ms, f.tokens_counted).used,
             f.tokens_counted);
    f.tokens_admitted = less(d->tokens.used, f.tokens_counted + f.tokens_refused);
    return f;
}

int64_t rate_limit_fits_at_ms(const struct rate_limits *limits, const struct rate_decision *d,
                              uint64_t tokens)
{
    uint64_t before = less(d->tokens.used, counts_tokens(d) ? tokens : 0);
    int64_t at_ms = d->retry_at_ms;

    if (is_above(before + tokens, limits->tokens_per_minute) && d->tokens.ends_ms > at_ms)
        at_ms = d->tokens.ends_ms;
    if (is_above(d->requests.used, limits->requests_per_period) && d->requests.ends_ms > at_ms)
        at_ms = d->requests.ends_ms;
    return at_ms;
}

struct rate_decision rate_limit_look(const struct rate_counters *c,
                                     const struct rate_limits *limits, int64_t now_ms)
{
    return (struct rate_decision){
        .requests = rate_window_look(&c->requests, period_of(limits), now_ms),
        .tokens = rate_window_look(&c->tokens, RATE_MINUTE_MS, now_ms),
    };
}
