/*
 * What a loop holds for its streams while they work. For net/stream*.c and loop.c only.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_LOOP_SCRATCH_H
#define NET_LOOP_SCRATCH_H

#include <stdalign.h>
#include <stddef.h>

#include "base/buf.h"
#include "net/loop.h"
#include "net/tls.h"

struct stream;

/* Writes that wait for the end of the turn. As many as fit the processor's cache along with what
 * they are made of; few enough that the first of them does not wait for long. */
#define OUTBOX_BYTES ((size_t)64 * 1024)
#define OUTBOX_ENTRIES_MAX 64
/* Writes above this are not copied, but tried at once. */
#define OUTBOX_WRITE_MAX ((size_t)16 * 1024)
#define OUTBOX_ALIGNMENT 64

struct loop_outbox_entry {
    struct stream *stream; /* NULL: no longer to be sent */
    size_t at, len;        /* in `bytes` */
};

struct loop_outbox {
    alignas(OUTBOX_ALIGNMENT) char bytes[OUTBOX_BYTES];
    size_t used;
    unsigned count;
    struct loop_outbox_entry entries[OUTBOX_ENTRIES_MAX];
};

/* What streams need while they work and never between two turns of the loop, so that a connection
 * at rest holds none of it. */
struct loop_scratch {
    char in[64 * 1024]; /* bytes just read that are not the owner's: TLS, sniffed, discarded */
    char plain[TLS_RECORD_BYTES]; /* small parts on their way into a record together */
    struct buf out;               /* TLS records on their way to the socket */
    struct loop_outbox outbox;
};
struct loop_scratch *loop_scratch(struct loop *l);

/* Has `flush` called once, by loop_flush or before the loop waits, whichever comes first; there is
 * one. */
void loop_flush_later(struct loop *l, void (*flush)(struct loop *l));

#endif
