/* SPDX-License-Identifier: MIT */
#include "model/minute_meter.h"

/* Who finds the next minute begun keeps what the one before came to. Two may do so, with the same
 * word; what is counted at that very moment by a third, late one, is not seen. */
static void keep_last(struct minute_meter *m, int64_t now_ms)
{
    uint64_t state = atomic_load_explicit(&m->minute.state, memory_order_relaxed);

    if (!rate_window_is_current(&m->minute, RATE_MINUTE_MS, now_ms))
        atomic_store_explicit(&m->before.state, state, memory_order_relaxed);
}

void minute_meter_add(struct minute_meter *m, int64_t now_ms, uint64_t amount)
{
    keep_last(m, now_ms);
    (void)rate_window_add(&m->minute, RATE_MINUTE_MS, now_ms, amount);
}

uint64_t minute_meter_last(const struct minute_meter *m, int64_t now_ms)
{
    int64_t last_ms = now_ms - RATE_MINUTE_MS;
    uint64_t sum = rate_window_of(&m->before, RATE_MINUTE_MS, last_ms);

    return sum ? sum : rate_window_of(&m->minute, RATE_MINUTE_MS, last_ms);
}
