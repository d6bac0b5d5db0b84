/*
 * The whole run over time, for its report: points of an interval each. When there are too many, two
 * become one and the interval doubles, so that a run of hours takes no more memory than one of minutes.
 * Pure: time is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include "load/sums.h"

#define SERIES_POINTS_MAX 240

struct load_series {
    uint64_t start_us;
    uint64_t interval_us;
    unsigned count; /* of points that there are, empty ones included */
    struct load_sums *points[SERIES_POINTS_MAX];
};

void load_series_init(struct load_series *s, uint64_t start_us);
void load_series_done(struct load_series *s);
void load_series_add(struct load_series *s, const struct load_outcome *o, uint64_t now_us);

#endif
