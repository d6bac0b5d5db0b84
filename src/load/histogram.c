/* SPDX-License-Identifier: MIT */
#include "load/histogram.h"

#include <string.h>

static unsigned bucket_of(uint64_t value)
{
    unsigned bits, shift;

    if (value < HISTOGRAM_EXACT)
        return (unsigned)value;
    if (value >> HISTOGRAM_BITS)
        return HISTOGRAM_BUCKETS - 1;
    bits = 63 - (unsigned)__builtin_clzll(value); /* 8 at least */
    shift = bits - 7;
    return HISTOGRAM_EXACT + (bits - 8) * HISTOGRAM_STEPS + (unsigned)(value >> shift) -
           HISTOGRAM_STEPS;
}

/* The middle of the values that fall into it. */
static double value_of(const struct histogram *h, unsigned bucket)
{
    double value = bucket;

    if (bucket >= HISTOGRAM_EXACT) {
        unsigned shift = (bucket - HISTOGRAM_EXACT) / HISTOGRAM_STEPS + 1;
        uint64_t step = (bucket - HISTOGRAM_EXACT) % HISTOGRAM_STEPS + HISTOGRAM_STEPS;

        value = (double)(step << shift) + (double)((UINT64_C(1) << shift) - 1) / 2;
    }
    if (value < (double)h->min)
        return (double)h->min;
    return value > (double)h->max ? (double)h->max : value;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    uint32_t *bucket = &h->buckets[bucket_of(value)];

    if (!h->count || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += (double)value;
    if (*bucket < UINT32_MAX)
        ++*bucket;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    if (!other->count)
        return;
    if (!h->count || other->min < h->min)
        h->min = other->min;
    if (other->max > h->max)
        h->max = other->max;
    h->count += other->count;
    h->sum += other->sum;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint32_t left = UINT32_MAX - h->buckets[i];

        h->buckets[i] += other->buckets[i] < left ? other->buckets[i] : left;
    }
}

double histogram_average(const struct histogram *h)
{
    return h->count ? h->sum / (double)h->count : 0;
}

/* Of the values in order, the one at this place; the first is 0. */
static double value_at(const struct histogram *h, uint64_t place)
{
    uint64_t seen = 0;

    if (place == 0)
        return (double)h->min;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && place < h->count - 1; i++) {
        seen += h->buckets[i];
        if (seen > place)
            return value_of(h, i);
    }
    return (double)h->max;
}

double histogram_percentile(const struct histogram *h, double part)
{
    double place, low, between;

    if (!h->count)
        return 0;
    place = part * (double)(h->count - 1);
    between = place - (double)(uint64_t)place;
    low = value_at(h, (uint64_t)place);
    if (between <= 0)
        return low;
    return low + between * (value_at(h, (uint64_t)place + 1) - low);
}
