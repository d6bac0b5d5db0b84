/*
 * What came together in each minute of the clock: what Azure Monitor's metrics show in one-minute
 * increments. Two atomic words, no lock, any thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_MINUTE_METER_H
#define MODEL_MINUTE_METER_H

#include "model/rate_window.h"

struct minute_meter {
    struct rate_window minute; /* that goes on */
    struct rate_window before; /* the last one in which something came, when another had begun */
};

void minute_meter_add(struct minute_meter *m, int64_t now_ms, uint64_t amount);
/* The sum of the last whole minute. */
uint64_t minute_meter_last(const struct minute_meter *m, int64_t now_ms);

#endif
