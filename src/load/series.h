/*
 * The whole run over time, for its report: points of an interval each. When there are too many, two
 * become one and the interval doubles, so that a run of hours takes no more memory than one of minutes.
 * Pure: time is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include "load/histogram.h"
#include "load/outcome.h"

#define SERIES_POINTS_MAX 240

/* What ended in one interval. Latencies in microseconds, of those that were done. */
struct series_point {
    uint64_t done, failed, throttled; /* throttled: not among the failed ones */
    uint64_t throttled_tries;
    uint64_t context_tokens, generated_tokens;
    uint64_t utilization_count;
    double utilization_sum;
    struct histogram e2e, corrected, ttft;
};

struct load_series {
    uint64_t start_us;
    uint64_t interval_us;
    unsigned count; /* of points that there are, empty ones included */
    struct series_point *points[SERIES_POINTS_MAX];
};

void load_series_init(struct load_series *s, uint64_t start_us);
void load_series_done(struct load_series *s);
void load_series_add(struct load_series *s, const struct load_outcome *o, uint64_t now_us);

#endif
