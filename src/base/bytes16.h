/*
 * Sixteen bytes looked at together: how text is scanned for the few bytes that need care. A vector
 * of the compiler's own kind, which each processor has instructions for.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_BYTES16_H
#define BASE_BYTES16_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Signed, so that `v < ' '` is true of control characters and of all that is not ASCII. */
typedef signed char bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const char *at)
{
    bytes16 v;

    memcpy(&v, at, sizeof(v));
    return v;
}

/* Fewer than sixteen, with blanks for those that lack. */
static inline bytes16 bytes16_load_some(const char *at, size_t len)
{
    char padded[sizeof(bytes16)];

    memset(padded, ' ', sizeof(padded));
    if (len)
        memcpy(padded, at, len);
    return bytes16_load(padded);
}

/* `v` is what a comparison made: is it true of any byte? */
static inline bool bytes16_any(bytes16 v)
{
    uint64_t halves[2];

    memcpy(halves, &v, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* Of how many? */
static inline unsigned bytes16_count(bytes16 v)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t halves[2];

    /* the product's highest byte is the sum of all */
    memcpy(halves, &v, sizeof(halves));
    return (unsigned)(((halves[0] & ones) * ones >> 56) + ((halves[1] & ones) * ones >> 56));
}

#endif
