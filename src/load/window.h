/*
 * The last so many seconds: requests that have ended in them. The window slides by a sixtieth of its
 * length, so that its memory is bounded whatever its length and the rate. Pure: time is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_WINDOW_H
#define LOAD_WINDOW_H

#include "load/sums.h"

#define WINDOW_SLOTS 60

struct load_window {
    uint64_t start_us;
    uint64_t slot_us;
    uint64_t slot; /* the current one, counted from the start */
    struct load_sums *slots;
};

void load_window_init(struct load_window *w, double seconds, uint64_t start_us);
void load_window_done(struct load_window *w);
/* `now_us` never goes back. */
void load_window_add(struct load_window *w, const struct load_outcome *o, uint64_t now_us);
/* What is in it now; *seconds: how long it is so far. */
void load_window_sum(struct load_window *w, uint64_t now_us, struct load_sums *sums,
                     double *seconds);

#endif
