/*
 * What is told of a run at its end: a summary as text, and reports as files, in JSON and as one HTML
 * page that needs nothing else.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "load/options.h"
#include "load/stats.h"

struct load_facts {
    const struct load_options *options;
    const struct load_stats *stats;
    time_t started; /* wall clock */
    double run_s;
};

/* The latencies of a run, in order. */
#define LOAD_LATENCY_COUNT 5
struct load_latency_row {
    const char *name;  /* "e2e_corrected" */
    const char *title; /* "end to end" */
    const struct histogram *histogram;
    bool is_told; /* to people: there are values, and at a rate, corrected ones that may differ */
};
void load_latency_rows(const struct load_facts *f,
                       struct load_latency_row rows[LOAD_LATENCY_COUNT]);

#define LOAD_PERCENTILE_COUNT 5
extern const double load_percentiles[LOAD_PERCENTILE_COUNT]; /* 0.5, ... */
extern const char *const load_percentile_names[LOAD_PERCENTILE_COUNT];

/* So many in a minute, over the whole run. */
double load_per_minute(const struct load_facts *f, uint64_t count);
/* What there is to know besides the numbers, a sentence each, between `before` and `after`. */
void load_notes_write(FILE *out, const struct load_facts *f, const char *before, const char *after);

void load_summary_write(FILE *out, const struct load_facts *f);
void load_report_write_json(FILE *out, const struct load_facts *f);
void load_report_write_html(FILE *out, const struct load_facts *f);
/* By the name's end: ".json" or ".html". A file of that name is replaced as a whole. */
MUST_CHECK bool load_report_save(const char *path, const struct load_facts *f, struct error *err);
bool load_report_is_name(const char *path);

#endif
