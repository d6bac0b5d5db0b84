/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *p)
{
    if (!p) {
        fputs("lazuli: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *memory_alloc(size_t size)
{
    return or_die(calloc(1, size ? size : 1));
}

void *memory_alloc_array(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *memory_alloc_aligned(size_t alignment, size_t size)
{
    return memset(or_die(aligned_alloc(alignment, size)), 0, size);
}

void *memory_realloc(void *old, size_t size)
{
    return or_die(realloc(old, size ? size : 1));
}

char *memory_dup_text(const char *text)
{
    return text ? or_die(strdup(text)) : NULL;
}
