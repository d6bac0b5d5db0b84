/*
 * What was used of a limit in the current minute: one atomic word, no lock, any thread. A window
 * starts at a full minute of the clock that is passed in and is empty again at the next.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_RATE_WINDOW_H
#define MODEL_RATE_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

#define RATE_WINDOW_MS 60000

/* High 32 bits: number of the minute; low 32 bits: amount used, which stops at its maximum. */
struct rate_window {
    _Atomic uint64_t state;
};

/* Adds `amount` and returns what is used in this minute, `amount` included. */
uint64_t rate_window_add(struct rate_window *w, int64_t now_ms, uint64_t amount);
uint64_t rate_window_used(const struct rate_window *w, int64_t now_ms);
/* Whole seconds until the window is empty again, 1..60. */
unsigned rate_window_reset_s(int64_t now_ms);

#endif
