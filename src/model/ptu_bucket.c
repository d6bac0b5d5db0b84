/* SPDX-License-Identifier: MIT */
#include "model/ptu_bucket.h"

#include <assert.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_MINUTE (INT64_C(60000) * NS_PER_MS)
/* More work than any model's context has in one request; its time fits into 63 bits. */
#define WORK_MAX INT64_C(100000000)

static uint64_t at_most(uint64_t work)
{
    return work < (uint64_t)WORK_MAX ? work : (uint64_t)WORK_MAX;
}

uint64_t ptu_work(uint64_t prompt_tokens, uint64_t cached_tokens, uint64_t output_tokens,
                  unsigned output_ratio)
{
    uint64_t input = cached_tokens < prompt_tokens ? prompt_tokens - cached_tokens : 0;

    return at_most(at_most(input) + at_most(output_tokens) * output_ratio);
}

/* How long it takes to drain. */
static int64_t time_of(int64_t work, uint64_t tokens_per_minute)
{
    assert(work <= WORK_MAX && work >= -WORK_MAX);
    return work * NS_PER_MINUTE / (int64_t)tokens_per_minute;
}

#define LEVEL_MAX_NS (INT64_MAX / 4)

/* When a level so high has drained. Beyond decades it is all the same: kept so low, a request's work on
 * top of it fits into 63 bits, whatever the rate. */
static int64_t empty_at(int64_t now_ns, int64_t level_ns)
{
    return now_ns + (level_ns < LEVEL_MAX_NS ? level_ns : LEVEL_MAX_NS);
}

/* Another capacity, or another model: the work that is in the bucket stays, and drains at the new
 * rate. A request that comes in between may be reckoned by either. */
static void take_rate(struct ptu_bucket *b, uint64_t rate, int64_t now_ns)
{
    uint64_t before = atomic_load_explicit(&b->tokens_per_minute, memory_order_relaxed);
    int64_t old, next;
    double level;

    if (before == rate ||
        !atomic_compare_exchange_strong_explicit(&b->tokens_per_minute, &before, rate,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    old = atomic_load_explicit(&b->empty_at_ns, memory_order_relaxed);
    do {
        if (old <= now_ns)
            return;
        level = (double)(old - now_ns) * (double)before / (double)rate;
        next = empty_at(now_ns, level < (double)LEVEL_MAX_NS ? (int64_t)level : LEVEL_MAX_NS);
    } while (!atomic_compare_exchange_weak_explicit(&b->empty_at_ns, &old, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

static int64_t level_at(int64_t empty_at_ns, int64_t now_ns)
{
    return empty_at_ns > now_ns ? empty_at_ns - now_ns : 0;
}

static int64_t full_ns(const struct ptu_limit *limit)
{
    return limit->full_ms * NS_PER_MS;
}

static uint64_t permille_of(int64_t level_ns, const struct ptu_limit *limit)
{
    return (uint64_t)(level_ns / (full_ns(limit) / 1000));
}

struct ptu_decision ptu_bucket_admit(struct ptu_bucket *b, const struct ptu_limit *limit,
                                     int64_t now_ms, uint64_t work)
{
    int64_t now_ns = now_ms * NS_PER_MS, level, old;
    int64_t added = time_of((int64_t)work, limit->tokens_per_minute);

    take_rate(b, limit->tokens_per_minute, now_ns);
    old = atomic_load_explicit(&b->empty_at_ns, memory_order_relaxed);
    do {
        level = level_at(old, now_ns);
        if (level > full_ns(limit))
            return (struct ptu_decision){
                .permille = permille_of(level, limit),
                .retry_after_ms = (uint64_t)((level - full_ns(limit) + NS_PER_MS - 1) / NS_PER_MS),
            };
    } while (!atomic_compare_exchange_weak_explicit(&b->empty_at_ns, &old,
                                                    empty_at(now_ns, level + added),
                                                    memory_order_relaxed, memory_order_relaxed));
    return (struct ptu_decision){ .is_admitted = true,
                                  .permille = permille_of(level + added, limit) };
}

void ptu_bucket_correct(struct ptu_bucket *b, const struct ptu_limit *limit, int64_t now_ms,
                        int64_t difference)
{
    int64_t now_ns = now_ms * NS_PER_MS, old, next;
    int64_t added = time_of(difference, limit->tokens_per_minute);

    take_rate(b, limit->tokens_per_minute, now_ns);
    old = atomic_load_explicit(&b->empty_at_ns, memory_order_relaxed);
    do {
        next = empty_at(now_ns, level_at(old, now_ns) + added);
    } while (!atomic_compare_exchange_weak_explicit(&b->empty_at_ns, &old, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

uint64_t ptu_bucket_permille(struct ptu_bucket *b, const struct ptu_limit *limit, int64_t now_ms)
{
    int64_t now_ns = now_ms * NS_PER_MS;

    take_rate(b, limit->tokens_per_minute, now_ns);
    return permille_of(
        level_at(atomic_load_explicit(&b->empty_at_ns, memory_order_relaxed), now_ns), limit);
}
