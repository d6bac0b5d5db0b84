/*
 * The view of a running load in a terminal: drawn over itself every second, instead of the lines.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_VIEW_H
#define LOAD_VIEW_H

#include <stdio.h>

#include "load/options.h"
#include "load/stats.h"

struct load_view {
    FILE *out;
    const struct load_options *options;
    unsigned lines; /* that are drawn */
};

void view_draw(struct load_view *v, const struct load_snapshot *s, const struct load_stats *stats);
/* Takes it off the terminal, so that something else can be written; the next view_draw puts it
 * below that. */
void view_clear(struct load_view *v);

#endif
