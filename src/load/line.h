/*
 * The line of each second on standard output, as Azure's benchmark tool writes it: for people, to the
 * width of each column, and as JSON, with the same keys and order. Pure, but for the time zone.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_LINE_H
#define LOAD_LINE_H

#include <stdio.h>
#include <time.h>

#include "load/stats.h"

#define LINE_TIME_BYTES 20
#define LINE_NUMBER_BYTES 32

void line_write_human(FILE *out, const struct load_snapshot *s, time_t now);
/* One JSON object and a line end. */
void line_write_json(FILE *out, const struct load_snapshot *s, time_t now);

/* "2023-10-19 18:21:06", local time. */
void line_time(char out[LINE_TIME_BYTES], time_t now);
/* Rounded, as Python writes a float: "1.0", "0.736", "12.05". */
void line_number(char out[LINE_NUMBER_BYTES], double value, int decimals);

#endif
