/*
 * Heap memory that is there or the process ends. Running out of memory is not handled case by
 * case: limits on everything a client controls keep it from happening.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Has free memory go back to the system: a large block when it is freed, and what small ones have
 * left at the end of a thread's heap. For the whole process, before there are threads. */
void memory_return_freed(void);
/* What lies free between blocks that are in use goes back too, where that has become much since the last
 * time: many connections at once leave that behind. For every now and then; one thread. */
void memory_return_scattered(void);
/* Gives the system back all that is free: for the end of what needed more than what comes after it. */
void memory_return_all(void);

/* Zeroed; freed with free(). */
void *memory_alloc(size_t size);
void *memory_alloc_array(size_t count, size_t size);
/* Zeroed and aligned to a power of two, of which `size` is a multiple: what has a cache line of
 * its own. Freed with free(). */
void *memory_alloc_aligned(size_t alignment, size_t size);
/* Bytes that come into the processor's cache together. */
#define MEMORY_LINE_BYTES 64
/* Before each block, by which blocks of lines less so much lie one behind another without a gap. */
#define MEMORY_BLOCK_HEAD_BYTES sizeof(size_t)
/* Zeroed, at the beginning of such a line: for what lives long and has what is often looked at side by
 * side. Freed with free(). */
void *memory_alloc_at_line(size_t size);
/* Grown part is not zeroed. */
void *memory_realloc(void *old, size_t size);
/* What free and memory_realloc do, of a block of malloc's that may hold a secret, or NULL: nothing of it
 * stays where it was. The second one always moves it. */
void memory_free_secret(void *p);
void *memory_realloc_secret(void *old, size_t size);
/* NULL of NULL. */
char *memory_dup_text(const char *text);
/* A copy of the bytes, ended by a NUL; freed with free(). */
char *memory_dup(const void *bytes, size_t len);

#endif
