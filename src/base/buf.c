/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#define BUF_FIRST_BYTES 512

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ .max = b->max };
}

/* Room for `len` more bytes; NULL when that is beyond the maximum. `grow` is memory_realloc or its like. */
static char *reserve(struct buf *b, size_t len, void *(*grow)(void *old, size_t size))
{
    size_t content = b->end - b->start;
    size_t wanted;

    if (len > b->max || content > b->max - len)
        return NULL;
    if (b->capacity - b->end >= len && b->data)
        return b->data + b->end;
    if (b->start) {
        assert(b->data);
        memmove(b->data, b->data + b->start, content);
        b->start = 0;
        b->end = content;
    }
    if (b->capacity - content >= len && b->data)
        return b->data + b->end;
    wanted = b->capacity ? b->capacity : BUF_FIRST_BYTES;
    while (wanted - content < len)
        wanted *= 2;
    b->data = grow(b->data, wanted);
    b->capacity = wanted;
    return b->data + b->end;
}

char *buf_extend(struct buf *b, size_t len)
{
    char *at = reserve(b, len, memory_realloc);

    if (at)
        b->end += len;
    return at;
}

bool buf_append(struct buf *b, struct str s)
{
    char *at = buf_extend(b, s.len);

    if (at && s.len)
        memcpy(at, s.data, s.len);
    return at != NULL;
}

bool buf_append_secret(struct buf *b, struct str s)
{
    return reserve(b, s.len, memory_realloc_secret) && buf_append(b, s);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    char *at;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    at = reserve(b, (size_t)len + 1, memory_realloc);
    if (at) {
        vsnprintf(at, (size_t)len + 1, format, again);
        b->end += (size_t)len;
    }
    va_end(again);
    return at != NULL;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->end - b->start);
    b->start += len;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buf_clear(struct buf *b)
{
    b->start = b->end = 0;
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->capacity);
    buf_clear(b);
}
