/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

/* The coarse clocks show the kernel's last tick, a few milliseconds ago at most; to read one costs
 * a fifth of what the exact one does, and a request reads several times. */
static int64_t coarse_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
    return coarse_ms(CLOCK_REALTIME_COARSE);
}

int64_t clock_now_ms(const struct clock *c)
{
    return wall_ms() + atomic_load_explicit(&c->offset_ms, memory_order_relaxed);
}

void clock_move_to(struct clock *c, int64_t now_ms)
{
    int64_t offset = now_ms - wall_ms();
    int64_t before = atomic_exchange_explicit(&c->offset_ms, offset, memory_order_relaxed);

    if (offset > before)
        atomic_fetch_add_explicit(&c->advance_ms, offset - before, memory_order_relaxed);
}

int64_t clock_steady_ms(const struct clock *c)
{
    return coarse_ms(CLOCK_MONOTONIC_COARSE) +
           atomic_load_explicit(&c->advance_ms, memory_order_relaxed);
}

uint64_t clock_monotonic_ms(void)
{
    return (uint64_t)coarse_ms(CLOCK_MONOTONIC_COARSE);
}

static uint64_t exact_us(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_wall_us(void)
{
    return exact_us(CLOCK_REALTIME);
}

uint64_t clock_monotonic_us(void)
{
    return exact_us(CLOCK_MONOTONIC);
}

uint64_t clock_thread_us(void)
{
    return exact_us(CLOCK_THREAD_CPUTIME_ID);
}
