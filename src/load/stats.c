/* SPDX-License-Identifier: MIT */
#include "load/stats.h"

#include <stdlib.h>

#include "base/memory.h"

/* Before that, a rate says nothing. */
#define WINDOW_S_MIN 0.001

void load_stats_init(struct load_stats *s, double window_s, uint64_t start_us)
{
    *s = (struct load_stats){ .start_us = start_us };
    load_window_init(&s->window, window_s, start_us);
    load_series_init(&s->series, start_us);
}

void load_stats_done(struct load_stats *s)
{
    load_window_done(&s->window);
    load_series_done(&s->series);
}

void load_stats_start(struct load_stats *s, uint64_t planned_us, uint64_t now_us, bool has_waited)
{
    uint64_t late_us = now_us - planned_us;

    s->started++;
    if (has_waited) {
        s->held_count++;
        if (late_us > s->held_max_us)
            s->held_max_us = late_us;
    } else if (late_us > STATS_LATE_US) {
        s->late_count++;
        if (late_us > s->late_max_us)
            s->late_max_us = late_us;
    }
}

void load_stats_end(struct load_stats *s, const struct load_outcome *o)
{
    load_sums_add(&s->totals, o);
    if (o->result != LOAD_DONE)
        load_failures_add(&s->failures, o);
    load_window_add(&s->window, o, o->end_us);
    load_series_add(&s->series, o, o->end_us);
}

static struct load_latency latency_of(const struct histogram *h, double unit)
{
    return (struct load_latency){
        .count = h->count,
        .average = histogram_average(h) / unit,
        .p50 = histogram_percentile(h, 0.5) / unit,
        .p95 = histogram_percentile(h, 0.95) / unit,
        .p99 = histogram_percentile(h, 0.99) / unit,
    };
}

void load_stats_snapshot(struct load_stats *s, uint64_t now_us, struct load_snapshot *snapshot)
{
    struct load_sums *sums = memory_alloc(sizeof(*sums));
    uint64_t completed = load_sums_ended(&s->totals);
    double seconds;

    load_window_sum(&s->window, now_us, sums, &seconds);
    if (seconds < WINDOW_S_MIN)
        seconds = WINDOW_S_MIN;
    *snapshot = (struct load_snapshot){
        .run_s = (double)(now_us - s->start_us) / 1e6,
        .processing = s->started - completed - s->aborted,
        .completed = completed,
        .failed = s->totals.failed + s->totals.throttled,
        .throttled = s->totals.throttled,
        .done = sums->done,
        .rpm = 60 * (double)sums->done / seconds,
        .context_tpm = 60 * (double)sums->context_tokens / seconds,
        .generated_tpm = 60 * (double)sums->generated_tokens / seconds,
        .e2e = latency_of(&sums->e2e, 1e6),
        .ttft = latency_of(&sums->ttft, 1e6),
        .tbt = latency_of(&sums->tbt, 1e6),
        .utilization = latency_of(&sums->utilization, 10),
    };
    free(sums);
}
