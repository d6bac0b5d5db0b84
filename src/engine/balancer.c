/* SPDX-License-Identifier: MIT */
#include "engine/balancer.h"

#include <assert.h>

#define NONE UINT32_MAX

void balancer_init(struct balancer *b, struct balancer_address *addresses, unsigned count)
{
    *b = (struct balancer){ .addresses = addresses, .count = count };
    for (unsigned i = 0; i < count; i++)
        assert(addresses[i].weight > 0);
}

static bool was_tried(const unsigned *tried, unsigned tried_count, unsigned index)
{
    for (unsigned i = 0; i < tried_count; i++) {
        if (tried[i] == index)
            return true;
    }
    return false;
}

enum standing { AVAILABLE, HALF_OPEN, HELD, OUT };

static enum standing standing_of(const struct balancer_address *a, uint64_t now_ms)
{
    uint64_t ejected_until_ms = a->ejected_until_ms;

    if (a->is_down || ejected_until_ms > now_ms)
        return OUT;
    if (ejected_until_ms)
        return a->is_probed ? OUT : HALF_OPEN;
    return a->held_until_ms > now_ms ? HELD : AVAILABLE;
}

/* Is `a` less loaded than `b`? Both as if the call were already on them. */
static bool is_lighter(const struct balancer_address *a, const struct balancer_address *b)
{
    return (uint64_t)(a->outstanding + 1) * b->weight < (uint64_t)(b->outstanding + 1) * a->weight;
}

static unsigned find_lightest(struct balancer *b, const unsigned *tried, unsigned tried_count,
                              uint64_t now_ms)
{
    unsigned start = atomic_fetch_add_explicit(&b->turn, 1, memory_order_relaxed);
    unsigned best = NONE;

    for (unsigned i = 0; i < b->count; i++) {
        unsigned index = (start + i) % b->count;
        const struct balancer_address *a = &b->addresses[index];

        if (standing_of(a, now_ms) > HALF_OPEN || was_tried(tried, tried_count, index))
            continue;
        if (best == NONE || is_lighter(a, &b->addresses[best]))
            best = index;
    }
    return best;
}

static unsigned find_first_released(const struct balancer *b, uint64_t now_ms)
{
    unsigned best = NONE;

    for (unsigned i = 0; i < b->count; i++) {
        if (standing_of(&b->addresses[i], now_ms) != HELD)
            continue;
        if (best == NONE || b->addresses[i].held_until_ms < b->addresses[best].held_until_ms)
            best = i;
    }
    return best;
}

/* Of those that are ejected, the one whose time ends first. */
static unsigned find_first_to_return(const struct balancer *b)
{
    unsigned best = NONE;

    for (unsigned i = 0; i < b->count; i++) {
        const struct balancer_address *a = &b->addresses[i];

        if (a->is_down || !a->ejected_until_ms)
            continue;
        if (best == NONE || a->ejected_until_ms < b->addresses[best].ejected_until_ms)
            best = i;
    }
    return best;
}

/* The lightest of those that health checks find down, where no address at all is in rotation: the
 * checks' word may be an interval old. */
static unsigned find_lightest_down(struct balancer *b, const unsigned *tried, unsigned tried_count,
                                   uint64_t now_ms)
{
    unsigned start = atomic_load_explicit(&b->turn, memory_order_relaxed);
    unsigned best = NONE;

    for (unsigned i = 0; i < b->count; i++) {
        unsigned index = (start + i) % b->count;
        const struct balancer_address *a = &b->addresses[index];

        if (standing_of(a, now_ms) != OUT)
            return NONE;
        if (!a->is_down || was_tried(tried, tried_count, index))
            continue;
        if (best == NONE || is_lighter(a, &b->addresses[best]))
            best = index;
    }
    return best;
}

/* A refusal by one that is held or ejected is not asked for twice; of those that are down each may
 * be the one that is back. */
static unsigned find_last_resort(struct balancer *b, const unsigned *tried, unsigned tried_count,
                                 uint64_t now_ms)
{
    unsigned index = NONE;

    if (tried_count == 0)
        index = find_first_released(b, now_ms);
    if (index == NONE && tried_count == 0)
        index = find_first_to_return(b);
    if (index == NONE)
        index = find_lightest_down(b, tried, tried_count, now_ms);
    return index;
}

bool balancer_pick(struct balancer *b, const unsigned *tried, unsigned tried_count, uint64_t now_ms,
                   struct balancer_pick *pick)
{
    /* Another loop may take the half-open one's only place first; then the rest is looked at
     * again, each time with one address fewer. */
    for (unsigned i = 0; i <= b->count; i++) {
        unsigned index = find_lightest(b, tried, tried_count, now_ms);
        struct balancer_address *a;
        bool is_probed = false, is_last_resort = index == NONE;

        if (is_last_resort)
            index = find_last_resort(b, tried, tried_count, now_ms);
        if (index == NONE)
            return false;
        a = &b->addresses[index];
        *pick = (struct balancer_pick){ .index = index, .is_probe = a->ejected_until_ms != 0 };
        if (pick->is_probe && !atomic_compare_exchange_strong(&a->is_probed, &is_probed, true)) {
            if (!is_last_resort)
                continue;
            pick->is_probe = false; /* one more call, whose outcome proves nothing */
        }
        atomic_fetch_add(&a->outstanding, 1);
        return true;
    }
    return false;
}

static void eject(struct balancer_address *a, uint64_t now_ms)
{
    unsigned before = atomic_fetch_add(&a->ejections, 1);
    uint64_t for_ms = BALANCER_EJECT_MAX_MS;

    if (before < 16 && ((uint64_t)BALANCER_EJECT_FIRST_MS << before) < for_ms)
        for_ms = (uint64_t)BALANCER_EJECT_FIRST_MS << before;
    a->ejected_until_ms = now_ms + for_ms;
}

static bool count_outcome(struct balancer_address *a, const struct balancer_pick *pick,
                          enum balancer_outcome outcome, uint64_t now_ms)
{
    /* What ends after its address was ejected began before: only the probe decides then. */
    if (a->ejected_until_ms && !pick->is_probe)
        return false;
    /* It is out already, until a health check says otherwise, and no longer than that. */
    if (a->is_down && outcome == BALANCER_FAILURE)
        return false;
    if (outcome == BALANCER_SUCCESS) {
        a->failures = 0;
        a->ejections = 0;
        a->ejected_until_ms = 0;
    } else if (atomic_fetch_add(&a->failures, 1) + 1 >= BALANCER_FAILURES || pick->is_probe) {
        a->failures = 0;
        eject(a, now_ms);
        return true;
    }
    return false;
}

bool balancer_done(struct balancer *b, const struct balancer_pick *pick,
                   enum balancer_outcome outcome, uint64_t now_ms)
{
    struct balancer_address *a = &b->addresses[pick->index];
    bool was_ejected = false;

    assert(a->outstanding > 0);
    atomic_fetch_sub(&a->outstanding, 1);
    if (outcome != BALANCER_UNKNOWN)
        was_ejected = count_outcome(a, pick, outcome, now_ms);
    if (pick->is_probe)
        a->is_probed = false;
    return was_ejected;
}

void balancer_hold(struct balancer *b, unsigned index, uint64_t until_ms)
{
    b->addresses[index].held_until_ms = until_ms;
}

void balancer_set_down(struct balancer *b, unsigned index, bool is_down)
{
    b->addresses[index].is_down = is_down;
}

bool balancer_is_up(const struct balancer *b, unsigned index)
{
    const struct balancer_address *a = &b->addresses[index];

    return !a->is_down && a->ejected_until_ms == 0;
}
