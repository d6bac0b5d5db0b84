/*
 * A growable buffer with a maximum given at birth. Appending beyond the maximum fails and leaves
 * the content as it was. Content is taken from the front without moving bytes each time.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

struct buf {
    char *data;      /* NULL until something comes */
    size_t start;    /* first byte of the content */
    size_t end;      /* behind the last byte */
    size_t capacity; /* allocated */
    size_t max;      /* content never grows beyond this */
};

/* `max` in bytes. Takes no memory yet. */
void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer can be used again. */
void buf_done(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
    return str_of(b->end ? b->data + b->start : b->data, b->end - b->start);
}

static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}

MUST_CHECK bool buf_append(struct buf *b, struct str s);
/* The same of what may be a secret: where the buffer moves, nothing stays where it was. */
MUST_CHECK bool buf_append_secret(struct buf *b, struct str s);
/* `len` more bytes of content, for the caller to write; NULL: that is beyond the maximum. */
MUST_CHECK char *buf_extend(struct buf *b, size_t len);
MUST_CHECK bool buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Drops `len` bytes at the front. */
void buf_consume(struct buf *b, size_t len);
/* Drops the content, keeps the memory. */
void buf_clear(struct buf *b);
/* The same, and overwrites all of the memory. */
void buf_wipe(struct buf *b);

#endif
