/*
 * A timer of the loop by the microsecond, for planned times: the loop's own count milliseconds, which
 * at thousands of requests a second would start them in bunches.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_PACER_H
#define LOAD_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/loop.h"

struct pacer {
    uv_poll_t poll;
    int fd;
    uint64_t armed_us;
    void (*on_due)(void *data);
    void *data;
};

/* Calls on_due out of the loop. */
MUST_CHECK bool pacer_open(struct pacer *p, struct loop *l, void (*on_due)(void *data), void *data,
                           struct error *err);
/* At this time of clock_monotonic_us, or at once when it is past; UINT64_MAX: not at all. One time
 * stands, the last that was set. */
void pacer_arm(struct pacer *p, uint64_t at_us);
/* Its memory may go once the loop has run its turn. */
void pacer_close(struct pacer *p);

#endif
