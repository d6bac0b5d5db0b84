/*
 * Memory of one exchange: allocate while it lives, give everything back at once.
 *
 * An arena takes chunks from a pool; the pool belongs to one loop and is not locked, so an arena
 * is used on one thread at a time. In the steady state a request allocates nothing from the heap:
 * its chunks come from the pool and return to it. Allocations never fail; what
 * arena_alloc gives is zeroed, what arena_alloc_bytes gives is not.
 * Requests larger than a chunk get a chunk of their own, which goes back to the heap.
 *
 * Built with ARENA_ONE_CHUNK_EACH (sanitizer builds), each allocation is a malloc of exactly its
 * size, so that AddressSanitizer sees an overrun that a chunk would hide.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

struct arena;
struct arena_pool;

/* Keeps at most `keep_chunks` free chunks of each of its two sizes (2 and 16 KiB); more than that go
 * back to the heap. */
struct arena_pool *arena_pool_new(size_t keep_chunks);
/* Every arena of the pool must have been freed. */
void arena_pool_free(struct arena_pool *p);

/* `pool` NULL: chunks come straight from the heap. */
struct arena *arena_new(struct arena_pool *pool);
/* What it holds is overwritten when it is freed: it has to do with keys. */
void arena_keep_secret(struct arena *a);
/* Runs the deferred functions, last one first, then frees. NULL is fine. */
void arena_free(struct arena *a);

/* Aligned for any type, zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc, but not zeroed: for bytes that are written at once. */
void *arena_alloc_bytes(struct arena *a, size_t size);
/* As arena_alloc, at the beginning of a line of the processor's cache where the chunk has one left (see
 * memory_alloc_at_line). */
void *arena_alloc_at_line(struct arena *a, size_t size);
/* Runs fn(data) when the arena is freed: for what is not memory. */
void arena_defer(struct arena *a, void (*fn)(void *data), void *data);

/* Copies end with a NUL that is not part of the length. */
struct str arena_copy(struct arena *a, struct str s);
/* The parts one behind the other, ended by a NUL that is not part of the length. */
struct str arena_join(struct arena *a, const struct str *parts, unsigned count);
char *arena_text(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
/* Lower-cased copy (ASCII). */
struct str arena_lower(struct arena *a, struct str s);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc((a), sizeof(type) * (count)))

#endif
