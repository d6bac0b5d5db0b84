/* SPDX-License-Identifier: MIT */
#include "arm/throttle.h"

#include <math.h>

static const struct {
    double size;
    double per_second;
} limits[THROTTLE_KINDS] = {
    [THROTTLE_READS] = { 15 * 250, 15 * 25 },
    [THROTTLE_WRITES] = { 15 * 200, 15 * 10 },
    [THROTTLE_DELETES] = { 15 * 200, 15 * 10 },
};

void arm_throttle_init(struct arm_throttle *t, uint64_t now_us)
{
    for (int i = 0; i < THROTTLE_KINDS; i++) {
        t->buckets[i].tokens = limits[i].size;
        t->buckets[i].at_us = now_us;
    }
}

enum arm_throttle_kind arm_throttle_kind_of(enum http_method method)
{
    if (method == HTTP_GET || method == HTTP_HEAD)
        return THROTTLE_READS;
    return method == HTTP_DELETE ? THROTTLE_DELETES : THROTTLE_WRITES;
}

struct arm_throttle_state arm_throttle_take(struct arm_throttle *t, enum arm_throttle_kind kind,
                                            uint64_t now_us)
{
    double *tokens = &t->buckets[kind].tokens;
    double passed_s = (double)(now_us - t->buckets[kind].at_us) / 1e6;

    *tokens = fmin(limits[kind].size, *tokens + passed_s * limits[kind].per_second);
    t->buckets[kind].at_us = now_us;
    if (*tokens < 1)
        return (struct arm_throttle_state){
            .retry_after_s = (unsigned)ceil((1 - *tokens) / limits[kind].per_second),
        };
    *tokens -= 1;
    return (struct arm_throttle_state){ .remaining = (unsigned)*tokens };
}
