/*
 * How often values came, in buckets that grow with the value (as Gil Tene's HdrHistogram has them):
 * whole numbers below 256 are exact, larger ones within 0.4 percent. The smallest and the largest are
 * exact always. Memory is fixed, whatever comes.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_EXACT 256 /* values below have a bucket each */
#define HISTOGRAM_STEPS 128 /* buckets from a power of two to the next */
#define HISTOGRAM_BITS 36   /* in microseconds: 19 hours; what is larger counts as the largest */
#define HISTOGRAM_BUCKETS (HISTOGRAM_EXACT + (HISTOGRAM_BITS - 8) * HISTOGRAM_STEPS)

/* All zero: empty. */
struct histogram {
    uint64_t count;
    double sum;
    uint64_t min, max; /* when count > 0 */
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);
void histogram_merge(struct histogram *h, const struct histogram *other);
/* 0 when empty. */
double histogram_average(const struct histogram *h);
/* The value below which this part (0..1) of the values is; between two values as numpy.percentile has
 * it. 0 when empty. */
double histogram_percentile(const struct histogram *h, double part);

#endif
