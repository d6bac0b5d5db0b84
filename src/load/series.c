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

static void halve(struct load_series *s)
{
    unsigned count = s->count;

    for (unsigned i = 0; i < count; i++) {
        if (i % 2 == 0) {
            s->points[i / 2] = s->points[i];
        } else {
            load_sums_merge(s->points[i / 2], s->points[i]);
            free(s->points[i]);
        }
    }
    s->count = (count + 1) / 2;
    s->interval_us *= 2;
}

static struct load_sums *point_at(struct load_series *s, uint64_t now_us)
{
    uint64_t elapsed_us = now_us - s->start_us;

    while (elapsed_us / s->interval_us >= SERIES_POINTS_MAX)
        halve(s);
    while (s->count <= elapsed_us / s->interval_us)
        s->points[s->count++] = memory_alloc(sizeof(struct load_sums));
    return s->points[elapsed_us / s->interval_us];
}

void load_series_add(struct load_series *s, const struct load_outcome *o, uint64_t now_us)
{
    load_sums_add(point_at(s, now_us), o);
}
