/*
 * Memory that will soon be looked at and is not in the processor's cache, as with thousands of
 * streams: where one struct leads to the next, each of them would be waited for. Asked for together,
 * before a system call or other work, they come meanwhile. Only a hint: what is no longer there may be named.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <assert.h>
#include <stdint.h>

#include "base/memory.h"

#define PREFETCH_LINES(bytes) (((bytes) + MEMORY_LINE_BYTES - 1) / MEMORY_LINE_BYTES)
/* So that all of it is in one line. */
#define PREFETCH_PLACES_MAX 7

/* Places, and how many lines from each on. All zero: none. */
struct prefetch {
    const void *at[PREFETCH_PLACES_MAX];
    uint8_t lines[PREFETCH_PLACES_MAX];
    uint8_t count;
};

static_assert(sizeof(struct prefetch) == MEMORY_LINE_BYTES, "one line");

/* `at` is never read: what is there may go. */
static inline void prefetch_add(struct prefetch *p, const void *at, unsigned lines)
{
    assert(p->count < PREFETCH_PLACES_MAX && lines <= UINT8_MAX);
    p->at[p->count] = at;
    p->lines[p->count++] = (uint8_t)lines;
}

/* Inlined in any case: GCC takes a function that does nothing else for one without effect, and leaves
 * out its calls. */
#define PREFETCH_INLINE static inline __attribute__((always_inline))

PREFETCH_INLINE void prefetch_lines(const void *at, unsigned lines)
{
    for (unsigned i = 0; i < lines; i++)
        __builtin_prefetch((const void *)((uintptr_t)at + (uintptr_t)i * MEMORY_LINE_BYTES));
}

PREFETCH_INLINE void prefetch_all(const struct prefetch *p)
{
    for (unsigned i = 0; i < p->count; i++)
        prefetch_lines(p->at[i], p->lines[i]);
}

#endif
