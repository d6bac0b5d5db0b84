/*
 * When the simulator's tokens come: time to the first token, time for each token of the prompt,
 * tokens a second, each shaken by a seeded jitter. Pure: times are offsets from the start of the
 * call, so that late timers do not add up.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_TIMING_H
#define ENGINE_SIM_TIMING_H

#include <stdint.h>

#include "model/catalog.h"

struct sim_timing {
    double gap_us; /* between tokens, without jitter */
    double jitter;
    uint64_t random;
    unsigned tokens; /* that `due_us` is about */
    double due_us;
};

void sim_timing_init(struct sim_timing *t, const struct catalog_sim *settings,
                     unsigned prompt_tokens, uint64_t seed);
/* When `tokens` tokens are there, in microseconds from the start. Must not fall from call to
 * call; less than one counts as one. */
uint64_t sim_timing_due_us(struct sim_timing *t, unsigned tokens);

#endif
