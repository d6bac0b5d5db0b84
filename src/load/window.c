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
        w->slots[++w->slot % WINDOW_SLOTS] = (struct load_sums){ 0 };
}

void load_window_add(struct load_window *w, const struct load_outcome *o, uint64_t now_us)
{
    slide(w, now_us);
    load_sums_add(&w->slots[w->slot % WINDOW_SLOTS], o);
}

void load_window_sum(struct load_window *w, uint64_t now_us, struct load_sums *sums,
                     double *seconds)
{
    uint64_t whole_us = w->slot_us * (WINDOW_SLOTS - 1), elapsed_us = now_us - w->start_us;
    uint64_t first_us;

    slide(w, now_us);
    *sums = (struct load_sums){ 0 };
    for (unsigned i = 0; i < WINDOW_SLOTS; i++)
        load_sums_merge(sums, &w->slots[i]);
    /* The current slot has only begun. */
    first_us = w->slot < WINDOW_SLOTS ? 0 : w->slot * w->slot_us - whole_us;
    *seconds = (double)(elapsed_us - first_us) / 1e6;
}
