/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now_ms(const struct clock *c)
{
    return wall_ms() + atomic_load_explicit(&c->offset_ms, memory_order_relaxed);
}

void clock_move_to(struct clock *c, int64_t now_ms)
{
    atomic_store_explicit(&c->offset_ms, now_ms - wall_ms(), memory_order_relaxed);
}

uint64_t clock_monotonic_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
