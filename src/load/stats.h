/*
 * All that is counted of a run: totals, the sliding window, the series for the report, failures. Pure:
 * time is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include "load/failures.h"
#include "load/series.h"
#include "load/sums.h"
#include "load/window.h"

struct load_stats {
    uint64_t start_us;
    uint64_t started;        /* requests */
    struct load_sums totals; /* of those that have ended */
    /* How long requests waited for a free client, at a rate. */
    uint64_t held_count, held_max_us;
    /* How late requests started though clients were free: this program had no processor. */
    uint64_t late_count, late_max_us;
    uint64_t not_started; /* planned, but the run's time was over */
    uint64_t aborted;     /* under way when it was told to stop at once */
    struct load_failures failures;
    struct load_window window;
    struct load_series series;
};

void load_stats_init(struct load_stats *s, double window_s, uint64_t start_us);
void load_stats_done(struct load_stats *s);

/* From there on it is late. */
#define STATS_LATE_US 10000

/* A request starts at `now_us`. `has_waited`: for a client, since all were at work. */
void load_stats_start(struct load_stats *s, uint64_t planned_us, uint64_t now_us, bool has_waited);
void load_stats_end(struct load_stats *s, const struct load_outcome *o);

/* A latency in the window, in seconds. */
struct load_latency {
    uint64_t count;
    double average, p50, p95, p99;
};

/* What a line of output tells. Rates are per minute, over the window. */
struct load_snapshot {
    double run_s;
    uint64_t processing, completed; /* completed: all that ended */
    uint64_t failed, throttled;     /* failed: throttled ones too, as Azure's tool counts */
    uint64_t done;                  /* in the window */
    double rpm, context_tpm, generated_tpm;
    struct load_latency e2e, ttft, tbt;
    struct load_latency utilization; /* in percent */
};

void load_stats_snapshot(struct load_stats *s, uint64_t now_us, struct load_snapshot *snapshot);

#endif
