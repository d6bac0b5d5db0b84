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

static void add_latencies(struct load_stats *s, const struct load_outcome *o)
{
    histogram_add(&s->e2e, o->end_us - o->start_us);
    histogram_add(&s->e2e_corrected, o->end_us - o->planned_us);
    if (!o->first_us)
        return;
    histogram_add(&s->ttft, o->first_us - o->start_us);
    histogram_add(&s->ttft_corrected, o->first_us - o->planned_us);
    if (o->generated_tokens > 1)
        histogram_add(&s->tbt, (o->last_us - o->first_us) / (o->generated_tokens - 1));
}

void load_stats_end(struct load_stats *s, const struct load_outcome *o)
{
    s->completed++;
    s->throttled_tries += o->throttled_tries;
    if (o->utilization >= 0) {
        s->utilization_count++;
        s->utilization_sum += o->utilization;
        if (o->utilization > s->utilization_max)
            s->utilization_max = o->utilization;
    }
    if (o->result == LOAD_DONE) {
        s->context_tokens += o->context_tokens;
        s->generated_tokens += o->generated_tokens;
        add_latencies(s, o);
    } else {
        s->failed++;
        s->throttled += o->result == LOAD_THROTTLED;
        load_failures_add(&s->failures, o);
    }
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
    struct window_sums *sums = memory_alloc(sizeof(*sums));
    double seconds;

    load_window_sum(&s->window, now_us, sums, &seconds);
    if (seconds < WINDOW_S_MIN)
        seconds = WINDOW_S_MIN;
    *snapshot = (struct load_snapshot){
        .run_s = (double)(now_us - s->start_us) / 1e6,
        .processing = s->started - s->completed - s->aborted,
        .completed = s->completed,
        .failed = s->failed,
        .throttled = s->throttled,
        .done = sums->done,
        .rpm = 60 * (double)sums->done / seconds,
        .context_tpm = 60 * (double)sums->context_tokens / seconds,
        .generated_tpm = 60 * (double)sums->generated_tokens / seconds,
        .e2e = latency_of(&sums->e2e, 1e6),
        .ttft = latency_of(&sums->ttft, 1e6),
        .tbt = latency_of(&sums->tbt, 1e6),
        .utilization = latency_of(&sums->utilization, 10),
    };
    if (sums->utilization_count)
        snapshot->utilization.average = sums->utilization_sum / (double)sums->utilization_count;
    free(sums);
}
