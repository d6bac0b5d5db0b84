/* SPDX-License-Identifier: MIT */
#include "load/series.h"

#include <stdlib.h>

#include "base/memory.h"

#define INTERVAL_FIRST_US 1000000

void load_series_init(struct load_series *s, uint64_t start_us)
{
    *s = (struct load_series){ .start_us = start_us, .interval_us = INTERVAL_FIRST_US };
}

void load_series_done(struct load_series *s)
{
    while (s->count)
        free(s->points[--s->count]);
}

static void merge(struct series_point *p, const struct series_point *other)
{
    p->done += other->done;
    p->failed += other->failed;
    p->throttled += other->throttled;
    p->throttled_tries += other->throttled_tries;
    p->context_tokens += other->context_tokens;
    p->generated_tokens += other->generated_tokens;
    p->utilization_count += other->utilization_count;
    p->utilization_sum += other->utilization_sum;
    histogram_merge(&p->e2e, &other->e2e);
    histogram_merge(&p->corrected, &other->corrected);
    histogram_merge(&p->ttft, &other->ttft);
}

static void halve(struct load_series *s)
{
    unsigned count = s->count;

    for (unsigned i = 0; i < count; i++) {
        if (i % 2 == 0) {
            s->points[i / 2] = s->points[i];
        } else {
            merge(s->points[i / 2], s->points[i]);
            free(s->points[i]);
        }
    }
    s->count = (count + 1) / 2;
    s->interval_us *= 2;
}

static struct series_point *point_at(struct load_series *s, uint64_t now_us)
{
    uint64_t elapsed_us = now_us - s->start_us;

    while (elapsed_us / s->interval_us >= SERIES_POINTS_MAX)
        halve(s);
    while (s->count <= elapsed_us / s->interval_us)
        s->points[s->count++] = memory_alloc(sizeof(struct series_point));
    return s->points[elapsed_us / s->interval_us];
}

void load_series_add(struct load_series *s, const struct load_outcome *o, uint64_t now_us)
{
    struct series_point *p = point_at(s, now_us);

    p->throttled_tries += o->throttled_tries;
    if (o->utilization >= 0) {
        p->utilization_count++;
        p->utilization_sum += o->utilization;
    }
    if (o->result == LOAD_THROTTLED)
        p->throttled++;
    else if (o->result == LOAD_FAILED)
        p->failed++;
    if (o->result != LOAD_DONE)
        return;
    p->done++;
    p->context_tokens += o->context_tokens;
    p->generated_tokens += o->generated_tokens;
    histogram_add(&p->e2e, o->end_us - o->start_us);
    histogram_add(&p->corrected, o->end_us - o->planned_us);
    if (o->first_us)
        histogram_add(&p->ttft, o->first_us - o->start_us);
}
