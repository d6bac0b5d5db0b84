/* SPDX-License-Identifier: MIT */
#include "model/rate_window.h"

#define AMOUNT_BITS 40
#define AMOUNT_MAX ((UINT64_C(1) << AMOUNT_BITS) - 1)
#define NUMBER_MAX ((UINT64_C(1) << (64 - AMOUNT_BITS)) - 1)

static uint64_t number_of(int64_t period_ms, int64_t now_ms)
{
    return (uint64_t)(now_ms / period_ms) & NUMBER_MAX;
}

/* Threads read the clock one by one, so that one may come just before a period's end and find the
 * next one begun: it counts there. A period farther ahead is left from before the clock was moved
 * back: it is over. */
static bool is_current(uint64_t state, uint64_t number)
{
    return (((state >> AMOUNT_BITS) - number) & NUMBER_MAX) <= 1;
}

static struct rate_use use_of(uint64_t state, uint64_t number, int64_t period_ms, int64_t now_ms)
{
    int64_t ahead = is_current(state, number) && state >> AMOUNT_BITS != number;

    return (struct rate_use){
        .used = is_current(state, number) ? state & AMOUNT_MAX : 0,
        .ends_ms = (now_ms / period_ms + ahead + 1) * period_ms,
    };
}

/* False: that came to more than `limit`, and nothing was added. */
static inline bool add(struct rate_window *w, int64_t period_ms, int64_t now_ms, uint64_t amount,
                       uint64_t limit, struct rate_use *use)
{
    uint64_t number = number_of(period_ms, now_ms);
    uint64_t old = atomic_load_explicit(&w->state, memory_order_relaxed);
    uint64_t begun, used, next;

    do {
        begun = is_current(old, number) ? old >> AMOUNT_BITS : number;
        used = is_current(old, number) ? old & AMOUNT_MAX : 0;
        used = amount > AMOUNT_MAX - used ? AMOUNT_MAX : used + amount;
        if (used > limit) {
            *use = use_of(old, number, period_ms, now_ms);
            return false;
        }
        next = begun << AMOUNT_BITS | used;
    } while (!atomic_compare_exchange_weak_explicit(&w->state, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    *use = use_of(next, number, period_ms, now_ms);
    return true;
}

struct rate_use rate_window_add(struct rate_window *w, int64_t period_ms, int64_t now_ms,
                                uint64_t amount)
{
    struct rate_use use;

    (void)add(w, period_ms, now_ms, amount, AMOUNT_MAX, &use);
    return use;
}

bool rate_window_add_within(struct rate_window *w, int64_t period_ms, int64_t now_ms,
                            uint64_t amount, uint64_t limit, struct rate_use *use)
{
    return add(w, period_ms, now_ms, amount, limit, use);
}

struct rate_use rate_window_look(const struct rate_window *w, int64_t period_ms, int64_t now_ms)
{
    uint64_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

    return use_of(state, number_of(period_ms, now_ms), period_ms, now_ms);
}

bool rate_window_is_current(const struct rate_window *w, int64_t period_ms, int64_t now_ms)
{
    return is_current(atomic_load_explicit(&w->state, memory_order_relaxed),
                      number_of(period_ms, now_ms));
}

uint64_t rate_window_of(const struct rate_window *w, int64_t period_ms, int64_t then_ms)
{
    uint64_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

    return state >> AMOUNT_BITS == number_of(period_ms, then_ms) ? state & AMOUNT_MAX : 0;
}

struct rate_count rate_window_save(const struct rate_window *w)
{
    uint64_t state = atomic_load_explicit(&w->state, memory_order_relaxed);

    return (struct rate_count){ state >> AMOUNT_BITS, state & AMOUNT_MAX };
}

void rate_window_resume(struct rate_window *w, struct rate_count count)
{
    uint64_t used = count.used < AMOUNT_MAX ? count.used : AMOUNT_MAX;

    atomic_store_explicit(&w->state, (count.number & NUMBER_MAX) << AMOUNT_BITS | used,
                          memory_order_relaxed);
}

static uint64_t corrected(uint64_t used, int64_t difference)
{
    uint64_t size = difference < 0 ? -(uint64_t)difference : (uint64_t)difference;

    if (difference < 0)
        return size > used ? 0 : used - size;
    return size > AMOUNT_MAX - used ? AMOUNT_MAX : used + size;
}

bool rate_window_correct(struct rate_window *w, int64_t period_ms, int64_t ends_ms,
                         int64_t difference)
{
    uint64_t number = number_of(period_ms, ends_ms - 1);
    uint64_t old = atomic_load_explicit(&w->state, memory_order_relaxed), next;

    do {
        if (old >> AMOUNT_BITS != number)
            return false;
        next = number << AMOUNT_BITS | corrected(old & AMOUNT_MAX, difference);
    } while (!atomic_compare_exchange_weak_explicit(&w->state, &old, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}
