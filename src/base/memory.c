/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From this size on, a block is a mapping of its own. Below, it lies in the heap of its thread, which
 * has no need to ask the system and may keep it for the next one: most bodies are smaller. */
#define MAPPED_BYTES (1024 * 1024)
/* What may be free at the end of a heap. */
#define HEAP_SPARE_BYTES (2 * MAPPED_BYTES)

/* Left to itself, glibc takes the largest block that was ever freed, up to 32 MB, for the size from
 * which a mapping is worth its while, and keeps twice as much of each heap. Large bodies then lie in
 * the heaps, one behind a small block that stays, and once many came at a time, hundreds of MB are
 * never given back. A limit that is set does not move. */
void memory_return_freed(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, HEAP_SPARE_BYTES);
}

/* Free bytes of the heaps that have come up again since they were given back, from which on they are. */
#define SCATTERED_BYTES ((size_t)16 * 1024 * 1024)

void memory_return_scattered(void)
{
    static size_t returned; /* of what is free: it takes no memory, as long as it stays free */
    size_t is_free = mallinfo2().fordblks;

    if (is_free < returned)
        returned = is_free;
    if (is_free - returned < SCATTERED_BYTES)
        return;
    malloc_trim(HEAP_SPARE_BYTES);
    returned = is_free;
}

void memory_return_all(void)
{
    malloc_trim(0);
}

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

void *memory_alloc_at_line(size_t size)
{
    size_t whole = size + MEMORY_BLOCK_HEAD_BYTES + MEMORY_LINE_BYTES - 1;
    void *p = NULL;

    size = whole - whole % MEMORY_LINE_BYTES - MEMORY_BLOCK_HEAD_BYTES;
    if (posix_memalign(&p, MEMORY_LINE_BYTES, size))
        p = NULL;
    return memset(or_die(p), 0, size);
}

void *memory_realloc(void *old, size_t size)
{
    return or_die(realloc(old, size ? size : 1));
}

void memory_free_secret(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

void *memory_realloc_secret(void *old, size_t size)
{
    size_t old_size = old ? malloc_usable_size(old) : 0;
    void *p = memory_realloc(NULL, size);

    if (old)
        memcpy(p, old, old_size < size ? old_size : size);
    memory_free_secret(old);
    return p;
}

char *memory_dup_text(const char *text)
{
    return text ? or_die(strdup(text)) : NULL;
}

char *memory_dup(const void *bytes, size_t len)
{
    char *copy = memory_alloc(len + 1);

    if (len)
        memcpy(copy, bytes, len);
    return copy;
}
