/* SPDX-License-Identifier: MIT */
#include "arm/throttle.h"

#include <math.h>

#include "model/directory_table.h"

static const struct {
    double size;
    double per_second;
} limits[THROTTLE_KINDS] = {
    [THROTTLE_READS] = { 15 * 250, 15 * 25 },
    [THROTTLE_WRITES] = { 15 * 200, 15 * 10 },
    [THROTTLE_DELETES] = { 15 * 200, 15 * 10 },
};

void arm_throttle_init(struct arm_throttle *t, uint64_t seed, uint64_t now_us)
{
    t->seed = seed;
    for (size_t i = 0; i < THROTTLE_CALLERS; i++) {
        for (int kind = 0; kind < THROTTLE_KINDS; kind++)
            t->buckets[i][kind] = (struct arm_throttle_bucket){ limits[kind].size, now_us };
    }
}

struct arm_throttle_bucket *arm_throttle_bucket(struct arm_throttle *t, struct str caller,
                                                enum arm_throttle_kind kind)
{
    uint64_t hash = directory_hash_nocase(t->seed, caller);

    return &t->buckets[caller.len ? 1 + hash % (THROTTLE_CALLERS - 1) : 0][kind];
}

enum arm_throttle_kind arm_throttle_kind_of(enum http_method method)
{
    if (method == HTTP_GET || method == HTTP_HEAD)
        return THROTTLE_READS;
    return method == HTTP_DELETE ? THROTTLE_DELETES : THROTTLE_WRITES;
}

struct arm_throttle_state arm_throttle_take(struct arm_throttle *t, struct str caller,
                                            enum arm_throttle_kind kind, uint64_t now_us)
{
    struct arm_throttle_bucket *bucket = arm_throttle_bucket(t, caller, kind);
    double *tokens = &bucket->tokens;
    double passed_s = (double)(now_us - bucket->at_us) / 1e6;

    *tokens = fmin(limits[kind].size, *tokens + passed_s * limits[kind].per_second);
    bucket->at_us = now_us;
    if (*tokens < 1)
        return (struct arm_throttle_state){
            .retry_after_s = (unsigned)ceil((1 - *tokens) / limits[kind].per_second),
        };
    *tokens -= 1;
    return (struct arm_throttle_state){ .remaining = (unsigned)*tokens };
}

void arm_throttle_charge(struct arm_throttle *t, struct str caller, enum arm_throttle_kind kind,
                         double tokens)
{
    arm_throttle_bucket(t, caller, kind)->tokens -= tokens;
}
