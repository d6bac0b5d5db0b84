/*
 * What came of the requests that ended in some time, be it the whole run, a slot of the window or a
 * point of the series: counts, and how long it took. Latencies and tokens are those of good answers.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_SUMS_H
#define LOAD_SUMS_H

#include "load/histogram.h"
#include "load/outcome.h"

/* All zero: nothing has ended. */
struct load_sums {
    uint64_t done, failed, throttled; /* throttled: not among the failed ones */
    uint64_t throttled_tries;         /* answers of 429 that were tried again */
    uint64_t context_tokens, generated_tokens;
    /* In microseconds. Corrected: from the moment at which the request was to start. */
    struct histogram e2e, e2e_corrected, ttft, ttft_corrected, tbt;
    struct histogram utilization; /* in tenths of a percent, whatever came of the request */
};

void load_sums_add(struct load_sums *s, const struct load_outcome *o);
void load_sums_merge(struct load_sums *s, const struct load_sums *other);
/* Requests that have ended. */
uint64_t load_sums_ended(const struct load_sums *s);
/* On average, in percent; 0 when it was never said. */
double load_sums_utilization(const struct load_sums *s);

#endif
