/*
 * How many requests the control plane takes of one caller: a bucket each for reads, writes and deletes,
 * with the sizes that Azure Resource Manager has for a whole subscription ("Request limits and
 * throttling": 15 times those of one caller there). It keeps a client that runs wild from filling the
 * store's queue, and, as each has buckets of its own, from using up what others may ask for.
 * Pure: time is passed in. One thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_THROTTLE_H
#define ARM_THROTTLE_H

#include <stdint.h>

#include "net/http.h"

enum arm_throttle_kind { THROTTLE_READS, THROTTLE_WRITES, THROTTLE_DELETES };
#define THROTTLE_KINDS 3

/* Callers find their buckets by a hash of their ids; few share one. */
#define THROTTLE_CALLERS 1024

struct arm_throttle {
    uint64_t seed; /* of the hash: nobody chooses an id to share another one's buckets */
    struct arm_throttle_bucket {
        double tokens;
        uint64_t at_us; /* when there were so many */
    } buckets[THROTTLE_CALLERS][THROTTLE_KINDS];
};

struct arm_throttle_state {
    unsigned remaining;
    unsigned retry_after_s; /* 0: the request was taken */
};

/* All buckets are full. */
void arm_throttle_init(struct arm_throttle *t, uint64_t seed, uint64_t now_us);
/* The caller's. That of the admin token, who has no id, is nobody else's. */
struct arm_throttle_bucket *arm_throttle_bucket(struct arm_throttle *t, struct str caller,
                                                enum arm_throttle_kind kind);
enum arm_throttle_kind arm_throttle_kind_of(enum http_method method);
/* Takes one token of the caller's, if there is one. */
struct arm_throttle_state arm_throttle_take(struct arm_throttle *t, struct str caller,
                                            enum arm_throttle_kind kind, uint64_t now_us);
/* What a request has cost besides: that many tokens more, on credit where there are not so many. */
void arm_throttle_charge(struct arm_throttle *t, struct str caller, enum arm_throttle_kind kind,
                         double tokens);

#endif
