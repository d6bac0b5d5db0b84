/* SPDX-License-Identifier: MIT */
#include "model/budget.h"

/* More tokens than a request has; at the highest price that the catalog takes, what they cost fits
 * into 64 bits. */
#define TOKENS_MAX UINT64_C(400000000)
#define MILLION UINT64_C(1000000)

static uint64_t at_most(uint64_t tokens)
{
    return tokens < TOKENS_MAX ? tokens : TOKENS_MAX;
}

uint64_t budget_cost(const struct catalog_cost *c, uint64_t prompt_tokens, uint64_t cached_tokens,
                     uint64_t output_tokens)
{
    uint64_t prompt = at_most(prompt_tokens);
    uint64_t cached = cached_tokens < prompt ? cached_tokens : prompt;
    uint64_t input = (prompt - cached) * c->input_per_million + cached * c->cached_per_million;

    return (input + at_most(output_tokens) * c->output_per_million + MILLION - 1) / MILLION;
}

bool budget_admit(struct rate_window *day, const struct catalog_cost *c, int64_t now_ms,
                  uint64_t cost, int64_t *ends_ms)
{
    struct rate_use use;
    bool is_added = rate_window_add_within(day, BUDGET_DAY_MS, now_ms, cost, c->per_day, &use);

    *ends_ms = use.ends_ms;
    return is_added;
}

void budget_correct(struct rate_window *day, int64_t ends_ms, uint64_t estimate, uint64_t cost)
{
    rate_window_correct(day, BUDGET_DAY_MS, ends_ms, (int64_t)cost - (int64_t)estimate);
}

uint64_t budget_spent(const struct rate_window *day, int64_t now_ms)
{
    return rate_window_look(day, BUDGET_DAY_MS, now_ms).used;
}
