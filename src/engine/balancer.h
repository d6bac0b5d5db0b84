/*
 * Chooses among the addresses of an upstream: the one with the least outstanding calls for its
 * weight among those that are well. An address is left out
 *   - while active health checks find it down,
 *   - while it is ejected: after BALANCER_FAILURES failures in a row, for a time that doubles with
 *     each ejection in a row; then one live call at a time is let through (half-open), whose
 *     success brings it back and whose failure ejects it again,
 *   - while it is held: it said itself, by Retry-After, when it wants to be asked again.
 * When none is left, calls are tried all the same. Of the ejected ones the one whose time ends
 * first is asked: answers that one caller provokes must not take the engine away from all. Where
 * there is none but such as are down, these are asked, one after the other: one may have come back
 * since its last health check. What they answer does not change that they are down.
 *
 *        IN --failures--> EJECTED --time--> HALF-OPEN --success--> IN
 *                            ^------------------|failure
 *
 * Pure but for its atomics: all loops share one balancer without a lock. Times are given by the
 * caller, in milliseconds of one monotonic clock.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_BALANCER_H
#define ENGINE_BALANCER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BALANCER_FAILURES 3
#define BALANCER_EJECT_FIRST_MS 1000
#define BALANCER_EJECT_MAX_MS 60000

struct balancer_address {
    unsigned weight; /* at least 1 */
    _Atomic unsigned outstanding;
    _Atomic unsigned failures;         /* in a row */
    _Atomic unsigned ejections;        /* in a row */
    _Atomic uint64_t ejected_until_ms; /* 0: it is in */
    _Atomic uint64_t held_until_ms;
    atomic_bool is_probed; /* a half-open address has its one call */
    atomic_bool is_down;   /* by active health checks */
};

struct balancer {
    struct balancer_address *addresses;
    unsigned count;
    _Atomic unsigned turn; /* rotates among equals */
};

/* `addresses` is zeroed but for the weights, and borrowed. */
void balancer_init(struct balancer *b, struct balancer_address *addresses, unsigned count);

struct balancer_pick {
    unsigned index;
    bool is_probe;
};

/* False when no address that is not among `tried` can be asked. When all that are well are held,
 * and none has been tried, the one whose hold ends first is taken: its refusal tells the client
 * more than ours. When none is in rotation, see above: the ejected one is taken only where none has
 * been tried. Counts the call as outstanding. */
bool balancer_pick(struct balancer *b, const unsigned *tried, unsigned tried_count, uint64_t now_ms,
                   struct balancer_pick *pick);

enum balancer_outcome {
    BALANCER_SUCCESS,
    BALANCER_FAILURE,
    BALANCER_UNKNOWN, /* the call was given up: it says nothing about the address */
};

/* Once for each pick. True when it ejected the address. */
bool balancer_done(struct balancer *b, const struct balancer_pick *pick,
                   enum balancer_outcome outcome, uint64_t now_ms);
void balancer_hold(struct balancer *b, unsigned index, uint64_t until_ms);
void balancer_set_down(struct balancer *b, unsigned index, bool is_down);
/* In rotation: neither down, nor ejected or half-open, that is, not known to be well again. */
bool balancer_is_up(const struct balancer *b, unsigned index);

#endif
