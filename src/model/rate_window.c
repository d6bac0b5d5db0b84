/* SPDX-License-Identifier: MIT */
#include "model/rate_window.h"

#include <stdbool.h>

#define AMOUNT_MAX UINT32_MAX

static uint64_t minute_of(int64_t now_ms)
{
    return (uint64_t)(now_ms / RATE_WINDOW_MS) & UINT32_MAX;
}

/* Threads read the clock one by one, so that one may come just before a full minute and find the
 * next one begun: it counts there. A window farther ahead is left from before a dev server's clock
 * was moved back: it is over. */
static bool is_current(uint64_t state, uint64_t minute)
{
    uint64_t ahead = ((state >> 32) - minute) & UINT32_MAX;

    return ahead <= 1;
}

uint64_t rate_window_add(struct rate_window *w, int64_t now_ms, uint64_t amount)
{
    uint64_t minute = minute_of(now_ms);
    uint64_t old = atomic_load_explicit(&w->state, memory_order_relaxed);
    uint64_t begun, used;

    do {
        begun = is_current(old, minute) ? old >> 32 : minute;
        used = is_current(old, minute) ? old & AMOUNT_MAX : 0;
        used = amount > AMOUNT_MAX - used ? AMOUNT_MAX : used + amount;
    } while (!atomic_compare_exchange_weak_explicit(&w->state, &old, begun << 32 | used,
                                                    memory_order_relaxed, memory_order_relaxed));
    return used;
}

uint64_t rate_window_used(const struct rate_window *w, int64_t now_ms)
{
    uint64_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

    return is_current(state, minute_of(now_ms)) ? state & AMOUNT_MAX : 0;
}

unsigned rate_window_reset_s(int64_t now_ms)
{
    int64_t left_ms = RATE_WINDOW_MS - now_ms % RATE_WINDOW_MS;

    return (unsigned)((left_ms + 999) / 1000);
}
