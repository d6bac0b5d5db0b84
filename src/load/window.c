/* SPDX-License-Identifier: MIT */
#include "load/window.h"

#include <stdlib.h>

#include "base/memory.h"

void load_window_init(struct load_window *w, double seconds, uint64_t start_us)
{
    *w = (struct load_window){
        .start_us = start_us,
        .slot_us = (uint64_t)(seconds * 1e6 / WINDOW_SLOTS),
        .slots = memory_alloc_array(WINDOW_SLOTS, sizeof(*w->slots)),
    };
}

void load_window_done(struct load_window *w)
{
    free(w->slots);
    w->slots = NULL;
}

/* Empties the slots that have become too old. */
static void slide(struct load_window *w, uint64_t now_us)
{
    uint64_t slot = (now_us - w->start_us) / w->slot_us;

    if (slot >= w->slot + WINDOW_SLOTS)
        w->slot = slot - WINDOW_SLOTS;
    while (w->slot < slot)
        w->slots[++w->slot % WINDOW_SLOTS] = (struct window_sums){ 0 };
}

void load_window_add(struct load_window *w, const struct load_outcome *o, uint64_t now_us)
{
    struct window_sums *s;

    slide(w, now_us);
    s = &w->slots[w->slot % WINDOW_SLOTS];
    if (o->utilization >= 0) {
        s->utilization_count++;
        s->utilization_sum += o->utilization;
        histogram_add(&s->utilization, (uint64_t)(o->utilization * 10 + 0.5));
    }
    if (o->result != LOAD_DONE)
        return;
    s->done++;
    s->context_tokens += o->context_tokens;
    s->generated_tokens += o->generated_tokens;
    histogram_add(&s->e2e, o->end_us - o->start_us);
    if (o->first_us)
        histogram_add(&s->ttft, o->first_us - o->start_us);
    if (o->first_us && o->generated_tokens > 1)
        histogram_add(&s->tbt, (o->last_us - o->first_us) / (o->generated_tokens - 1));
}

static void add_sums(struct window_sums *s, const struct window_sums *other)
{
    s->done += other->done;
    s->context_tokens += other->context_tokens;
    s->generated_tokens += other->generated_tokens;
    s->utilization_count += other->utilization_count;
    s->utilization_sum += other->utilization_sum;
    histogram_merge(&s->e2e, &other->e2e);
    histogram_merge(&s->ttft, &other->ttft);
    histogram_merge(&s->tbt, &other->tbt);
    histogram_merge(&s->utilization, &other->utilization);
}

void load_window_sum(struct load_window *w, uint64_t now_us, struct window_sums *sums,
                     double *seconds)
{
    uint64_t whole_us = w->slot_us * (WINDOW_SLOTS - 1), elapsed_us = now_us - w->start_us;
    uint64_t first_us;

    slide(w, now_us);
    *sums = (struct window_sums){ 0 };
    for (unsigned i = 0; i < WINDOW_SLOTS; i++)
        add_sums(sums, &w->slots[i]);
    /* The current slot has only begun. */
    first_us = w->slot < WINDOW_SLOTS ? 0 : w->slot * w->slot_us - whole_us;
    *seconds = (double)(elapsed_us - first_us) / 1e6;
}
