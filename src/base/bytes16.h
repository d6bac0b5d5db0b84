/*
 * Sixteen bytes looked at together: how text is scanned for the few bytes that need care. A vector
 * of the compiler's own kind, which each processor has instructions for; for processors that put the
 * lowest byte of a number first, which Debian's x86-64 and arm64 do.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_BYTES16_H
#define BASE_BYTES16_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "see above");

/* Signed, so that `v < ' '` is true of control characters and of all that is not ASCII. */
typedef signed char bytes16 __attribute__((vector_size(16)));
typedef uint64_t bytes16_halves __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const char *at)
{
    bytes16 v;

    memcpy(&v, at, sizeof(v));
    return v;
}

/* Up to eight, as a number whose lowest byte is the first of them. `len` is a constant where it is
 * called, so that this is a load. */
static inline uint64_t bytes16_word(const char *at, size_t len)
{
    uint64_t word = 0;

    memcpy(&word, at, len);
    return word;
}

/* The same of fewer than eight, however many: both ends of what is there are read, and meet or
 * overlap in the middle. */
static inline uint64_t bytes16_some_of_word(const char *at, size_t len)
{
    if (len >= 4)
        return bytes16_word(at, 4) | bytes16_word(at + len - 4, 4) << 8 * (len - 4);
    if (len >= 2)
        return bytes16_word(at, 2) | bytes16_word(at + len - 2, 2) << 8 * (len - 2);
    return len ? (unsigned char)*at : 0;
}

/* Fewer than sixteen, filled up with blanks. (A copy of so few bytes would be a call, and to read as
 * one what was written in parts makes the processor wait.) */
static inline bytes16 bytes16_load_some(const char *at, size_t len)
{
    const uint64_t blanks = 0x2020202020202020u;
    size_t left = len & 7;
    bytes16_halves v;

    if (len & 8)
        v = (bytes16_halves){ bytes16_word(at, 8),
                              bytes16_some_of_word(at + 8, left) | blanks << 8 * left };
    else
        v = (bytes16_halves){ bytes16_some_of_word(at, left) | blanks << 8 * left, blanks };
    return (bytes16)v;
}

/* The first eight, filled up with NULs, as a number that is ordered as they are. */
static inline uint64_t bytes16_rank(const char *at, size_t len)
{
    return __builtin_bswap64(len >= 8 ? bytes16_word(at, 8) : bytes16_some_of_word(at, len));
}

/* As memcpy. Few bytes, without a call: by both ends, which meet or overlap in the middle. */
static inline void bytes16_copy(char *to, const char *from, size_t len)
{
    if (len > 2 * sizeof(bytes16)) {
        memcpy(to, from, len);
    } else if (len >= sizeof(bytes16)) {
        bytes16 first = bytes16_load(from), last = bytes16_load(from + len - sizeof(last));

        memcpy(to, &first, sizeof(first));
        memcpy(to + len - sizeof(last), &last, sizeof(last));
    } else if (len >= 8) {
        uint64_t first = bytes16_word(from, 8), last = bytes16_word(from + len - 8, 8);

        memcpy(to, &first, 8);
        memcpy(to + len - 8, &last, 8);
    } else if (len >= 4) {
        uint64_t first = bytes16_word(from, 4), last = bytes16_word(from + len - 4, 4);

        memcpy(to, &first, 4);
        memcpy(to + len - 4, &last, 4);
    } else if (len) {
        char first = from[0], middle = from[len / 2], last = from[len - 1];

        to[0] = first;
        to[len / 2] = middle;
        to[len - 1] = last;
    }
}

static inline void bytes16_store(char *at, bytes16 v)
{
    memcpy(at, &v, sizeof(v));
}

/* The sum of sixteen numbers, each without a sign. */
static inline unsigned bytes16_sum(bytes16 v)
{
    const uint64_t odd = 0x00FF00FF00FF00FFu;
    uint64_t halves[2], pairs;

    /* the highest part of the product is the sum of all */
    memcpy(halves, &v, sizeof(halves));
    pairs = (halves[0] & odd) + (halves[0] >> 8 & odd) + (halves[1] & odd) + (halves[1] >> 8 & odd);
    return (unsigned)(pairs * 0x0001000100010001u >> 48);
}

/* For the functions below, `v` is the outcome of a comparison: each byte -1 where it is true, else 0. */

/* Is it true of any byte? */
static inline bool bytes16_any(bytes16 v)
{
    uint64_t halves[2];

    memcpy(halves, &v, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

/* The first byte of which it is true; there is one. */
static inline unsigned bytes16_first(bytes16 v)
{
    uint64_t halves[2];

    memcpy(halves, &v, sizeof(halves));
    return (unsigned)(halves[0] ? __builtin_ctzll(halves[0]) : 64 + __builtin_ctzll(halves[1])) / 8;
}

/* How many bytes are before the first of which `stops`, a comparison, is true; all if there is none. */
static inline size_t bytes16_until(const char *at, size_t len, bytes16 (*stops)(bytes16))
{
    bytes16 v;
    size_t begin = 0;

    for (; len - begin >= sizeof(v); begin += sizeof(v)) {
        v = stops(bytes16_load(at + begin));
        if (bytes16_any(v))
            return begin + bytes16_first(v);
    }
    v = stops(bytes16_load_some(at + begin, len - begin));
    return bytes16_any(v) ? begin + bytes16_first(v) : len;
}

/* Of how many bytes is it true? */
static inline unsigned bytes16_count(bytes16 v)
{
    return bytes16_sum(-v);
}

#endif
