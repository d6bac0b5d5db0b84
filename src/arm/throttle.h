/*
 * How many requests the control plane takes: a bucket each for reads, writes and deletes, with the
 * sizes that Azure Resource Manager has for a whole subscription ("Request limits and throttling":
 * 15 times those of one caller). It keeps a client that runs wild from filling the store's queue.
 * Pure: time is passed in. One thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_THROTTLE_H
#define ARM_THROTTLE_H

#include <stdint.h>

#include "net/http.h"

enum arm_throttle_kind { THROTTLE_READS, THROTTLE_WRITES, THROTTLE_DELETES };
#define THROTTLE_KINDS 3

struct arm_throttle {
    struct {
        double tokens;
        uint64_t at_us; /* when there were so many */
    } buckets[THROTTLE_KINDS];
};

struct arm_throttle_state {
    unsigned remaining;
    unsigned retry_after_s; /* 0: the request was taken */
};

/* All buckets are full. */
void arm_throttle_init(struct arm_throttle *t, uint64_t now_us);
enum arm_throttle_kind arm_throttle_kind_of(enum http_method method);
/* Takes one token, if there is one. */
struct arm_throttle_state arm_throttle_take(struct arm_throttle *t, enum arm_throttle_kind kind,
                                            uint64_t now_us);

#endif
