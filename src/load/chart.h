/*
 * A chart of lines as SVG, and text as HTML takes it.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_CHART_H
#define LOAD_CHART_H

#include <stdio.h>

#define CHART_LINES_MAX 4

struct chart {
    const char *title;
    const char *unit; /* of the values: "s", "/min" */
    unsigned count;   /* of points */
    double x_step;    /* seconds from a point to the next; 0: by x_names */
    const char *const *x_names;
    unsigned line_count;
    const char *names[CHART_LINES_MAX];
    const double *values[CHART_LINES_MAX]; /* NAN: none there */
};

void chart_write(FILE *out, const struct chart *c);
/* With what has a meaning in HTML replaced, and control characters by '?'. */
void html_write(FILE *out, const char *text);

#endif
