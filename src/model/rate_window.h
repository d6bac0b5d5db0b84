/*
 * What was used of a limit in the current period of it: one atomic word, no lock, any thread. A
 * period starts at a multiple of its length of the clock that is passed in (for a minute: at each
 * full one), and the count is 0 again at the next.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_RATE_WINDOW_H
#define MODEL_RATE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RATE_MINUTE_MS 60000

/* High 24 bits: number of the period; low 40 bits: amount used, which stops at its maximum. */
struct rate_window {
    _Atomic uint64_t state;
};

struct rate_use {
    uint64_t used;   /* in the period */
    int64_t ends_ms; /* when the next one begins, and `used` is 0 again */
};

/* Adds `amount`; what is used in this period, `amount` included. One window has one period. */
struct rate_use rate_window_add(struct rate_window *w, int64_t period_ms, int64_t now_ms,
                                uint64_t amount);
/* The same unless it came to more than `limit`; false then, and *use is what is used as it is. */
bool rate_window_add_within(struct rate_window *w, int64_t period_ms, int64_t now_ms,
                            uint64_t amount, uint64_t limit, struct rate_use *use);
struct rate_use rate_window_look(const struct rate_window *w, int64_t period_ms, int64_t now_ms);
/* The period that goes on was counted in. */
bool rate_window_is_current(const struct rate_window *w, int64_t period_ms, int64_t now_ms);
/* What was used in the very period that `then_ms` lies in; 0 unless that is the one counted last. */
uint64_t rate_window_of(const struct rate_window *w, int64_t period_ms, int64_t then_ms);
/* The period counted last, by the low 24 bits of its number (the clock's time divided by its length),
 * and what was used in it: for who keeps it when the process ends. */
struct rate_count {
    uint64_t number, used;
};
struct rate_count rate_window_save(const struct rate_window *w);
/* Before anybody counts: goes on from there, if that period still goes on. */
void rate_window_resume(struct rate_window *w, struct rate_count count);
/* Corrects by `difference` what was counted in the period that ended, or ends, at `ends_ms`: nothing
 * happens, and it is false, once another one has begun. Below 0 it does not go. */
bool rate_window_correct(struct rate_window *w, int64_t period_ms, int64_t ends_ms,
                         int64_t difference);

#endif
