/*
 * ADMIT: what the request counts for in its deployment's minute. Nothing is refused yet.
 * SPDX-License-Identifier: MIT
 */
#include "inference/operation.h"

/* Tokens that Azure counts for an answer where the request does not say. */
#define DEFAULT_ANSWER_TOKENS 16

/* A token is about four characters of text. */
uint64_t exchange_prompt_tokens(const struct request_facts *f)
{
    return (f->prompt_chars + 3) / 4 + f->prompt_tokens;
}

/* Azure's estimate at arrival: the prompt by its character count, and for each answer asked for
 * the most tokens it may have (Azure's documentation of quota, "Understanding rate limits"). */
static uint64_t estimate_tokens(const struct request_facts *f)
{
    uint64_t answer = f->max_tokens ? f->max_tokens : DEFAULT_ANSWER_TOKENS;

    return exchange_prompt_tokens(f) + answer * f->n;
}

enum phase exchange_admit(struct exchange *x)
{
    struct deployment_counters *counters = x->deployment->counters;
    int64_t now_ms = clock_now_ms(x->inference->options.clock);

    x->used_requests = rate_window_add(&counters->requests, now_ms, 1);
    x->used_tokens = rate_window_add(&counters->tokens, now_ms, estimate_tokens(&x->facts));
    atomic_fetch_add_explicit(&counters->in_flight, 1, memory_order_relaxed);
    x->admitted = true;
    return PHASE_MEASURE;
}
