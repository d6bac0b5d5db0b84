/* SPDX-License-Identifier: MIT */
#include "engine/sim_timing.h"

#include "base/random.h"
#include "engine/sim_text.h"

/* One of the times, longer or shorter by up to the jitter's share of it. */
static double shaken(struct sim_timing *t, double us)
{
    if (!(t->jitter > 0))
        return us;
    return us * (1 + t->jitter * (2 * sim_fraction(random_next(&t->random)) - 1));
}

void sim_timing_init(struct sim_timing *t, const struct catalog_sim *settings,
                     unsigned prompt_tokens, uint64_t seed)
{
    double first_ms = settings->first_token_ms + settings->per_prompt_token_ms * prompt_tokens;

    *t = (struct sim_timing){
        .gap_us = settings->tokens_per_second > 0 ? 1e6 / settings->tokens_per_second : 0,
        .jitter = settings->jitter,
        .random = sim_mix(seed, 1),
        .tokens = 1,
    };
    t->due_us = shaken(t, first_ms > 0 ? first_ms * 1000 : 0);
}

uint64_t sim_timing_due_us(struct sim_timing *t, unsigned tokens)
{
    for (; t->tokens < tokens; t->tokens++)
        t->due_us += shaken(t, t->gap_us);
    return (uint64_t)t->due_us;
}
