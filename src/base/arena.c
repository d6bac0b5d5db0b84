/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <assert.h>
#include <ctype.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* An arena begins with a small chunk, which is all that a stream under way needs, and goes on with
 * large ones: a chat request's parsed body with its reply takes about 10 kB. */
#define FIRST_BYTES ((size_t)2 * 1024 - CHUNK_HEADS_BYTES)
#define CHUNK_BYTES ((size_t)16 * 1024 - CHUNK_HEADS_BYTES)
/* The chunk's own and the block's: see MEMORY_BLOCK_HEAD_BYTES. */
#define CHUNK_HEADS_BYTES ((size_t)32)

struct chunk {
    struct chunk *next;
    size_t size; /* of data */
    alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *data);
    void *data;
};

/* Free chunks of one size. */
struct shelf {
    struct chunk *free;
    size_t count;
};

struct arena_pool {
    struct shelf first, more;
    size_t keep; /* on each shelf */
    size_t in_use;
};

struct arena {
    struct arena_pool *pool;
    struct chunk *chunks; /* newest first; allocations come from the first */
    char *at, *end;       /* of its free room: aligned, both */
    struct deferred *deferred;
    bool is_secret;
};

struct arena_pool *arena_pool_new(size_t keep_chunks)
{
    struct arena_pool *p = memory_alloc(sizeof(*p));

    p->keep = keep_chunks;
    return p;
}

static void empty(struct shelf *s)
{
    while (s->free) {
        struct chunk *c = s->free;

        s->free = c->next;
        free(c);
    }
}

void arena_pool_free(struct arena_pool *p)
{
    if (!p)
        return;
    assert(p->in_use == 0);
    empty(&p->first);
    empty(&p->more);
    free(p);
}

/* Where chunks of that size are kept; NULL: nowhere. */
static struct shelf *shelf_of(struct arena_pool *p, size_t size)
{
    if (p && size == FIRST_BYTES)
        return &p->first;
    return p && size == CHUNK_BYTES ? &p->more : NULL;
}

static struct chunk *chunk_take(struct arena_pool *p, size_t size)
{
    struct shelf *s = shelf_of(p, size);
    struct chunk *c;

    if (p)
        p->in_use++;
    if (s && s->free) {
        c = s->free;
        s->free = c->next;
        s->count--;
        return c;
    }
    c = memory_realloc(NULL, sizeof(*c) + size);
    c->size = size;
    return c;
}

static void chunk_return(struct arena_pool *p, struct chunk *c)
{
    struct shelf *s = shelf_of(p, c->size);

    if (p)
        p->in_use--;
    if (s && s->count < p->keep) {
        c->next = s->free;
        s->free = c;
        s->count++;
        return;
    }
    free(c);
}

#ifdef ARENA_ONE_CHUNK_EACH

struct arena *arena_new(struct arena_pool *pool)
{
    struct arena *a = memory_alloc(sizeof(*a));

    a->pool = pool;
    return a;
}

static void arena_release(struct arena *a)
{
    free(a);
}

void *arena_alloc_bytes(struct arena *a, size_t size)
{
    struct chunk *c = chunk_take(a->pool, size);

    c->next = a->chunks;
    a->chunks = c;
    return c->data;
}

static void skip_to_line(struct arena *a)
{
    (void)a;
}

#else

static size_t round_up(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static_assert(FIRST_BYTES % alignof(max_align_t) == 0 && CHUNK_BYTES % alignof(max_align_t) == 0,
              "what fits into a chunk also fits rounded up");

/* Allocations come from it, but for its first bytes. */
static void use_chunk(struct arena *a, struct chunk *c, size_t used)
{
    a->at = c->data + round_up(used);
    a->end = c->data + c->size;
}

/* The arena itself lives at the start of its first chunk: one take from the pool makes both. */
struct arena *arena_new(struct arena_pool *pool)
{
    struct chunk *c = chunk_take(pool, FIRST_BYTES);
    struct arena *a = (struct arena *)(void *)c->data;

    c->next = NULL;
    *a = (struct arena){ .pool = pool, .chunks = c };
    use_chunk(a, c, sizeof(*a));
    return a;
}

static void arena_release(struct arena *a)
{
    (void)a;
}

/* Apart, so that the way past it is short. */
static __attribute__((noinline)) void *alloc_from_new(struct arena *a, size_t size)
{
    struct chunk *c = chunk_take(a->pool, size > CHUNK_BYTES / 4 ? size : CHUNK_BYTES);

    if (size > CHUNK_BYTES / 4) {
        /* A large piece goes behind the first chunk, whose free room stays in use. */
        c->next = a->chunks->next;
        a->chunks->next = c;
        return c->data;
    }
    c->next = a->chunks;
    a->chunks = c;
    use_chunk(a, c, size);
    return c->data;
}

void *arena_alloc_bytes(struct arena *a, size_t size)
{
    char *at = a->at;

    if (size > (size_t)(a->end - at))
        return alloc_from_new(a, size);
    a->at = at + round_up(size);
    return at;
}

static void skip_to_line(struct arena *a)
{
    size_t before = -(uintptr_t)a->at % MEMORY_LINE_BYTES;

    if (before <= (size_t)(a->end - a->at))
        a->at += before;
}

#endif

void arena_keep_secret(struct arena *a)
{
    a->is_secret = true;
}

void arena_free(struct arena *a)
{
    struct arena_pool *pool;
    struct chunk *c;
    bool is_secret;

    if (!a)
        return;
    while (a->deferred) {
        struct deferred *d = a->deferred;

        a->deferred = d->next;
        d->fn(d->data);
    }
    pool = a->pool;
    c = a->chunks;
    is_secret = a->is_secret;
    arena_release(a);
    while (c) {
        struct chunk *next = c->next;

        if (is_secret)
            explicit_bzero(c->data, c->size);
        chunk_return(pool, c);
        c = next;
    }
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(arena_alloc_bytes(a, size), 0, size);
}

void *arena_alloc_at_line(struct arena *a, size_t size)
{
    skip_to_line(a);
    return arena_alloc(a, size);
}

void arena_defer(struct arena *a, void (*fn)(void *data), void *data)
{
    struct deferred *d = arena_alloc(a, sizeof(*d));

    d->fn = fn;
    d->data = data;
    d->next = a->deferred;
    a->deferred = d;
}

char *arena_text(struct arena *a, struct str s)
{
    char *copy = arena_alloc_bytes(a, s.len + 1);

    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_copy(struct arena *a, struct str s)
{
    return str_of(arena_text(a, s), s.len);
}

struct str arena_join(struct arena *a, const struct str *parts, unsigned count)
{
    size_t len = 0;
    char *text, *at;

    for (unsigned i = 0; i < count; i++)
        len += parts[i].len;
    text = at = arena_alloc_bytes(a, len + 1);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return str_of(text, len);
}

struct str arena_lower(struct arena *a, struct str s)
{
    char *copy = arena_text(a, s);

    for (size_t i = 0; i < s.len; i++)
        copy[i] = (char)tolower((unsigned char)copy[i]);
    return str_of(copy, s.len);
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    char *text;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    text = arena_alloc_bytes(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return str_of(text, (size_t)len);
}
