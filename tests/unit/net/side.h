/*
 * One end of a connection under test: records its events and does what it was told to do in them.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_SIDE_H
#define TEST_SIDE_H

#include "base/buf.h"
#include "net/stream.h"

#define CONNECT_MS 60000 /* never reached where a connection is expected */

struct side {
    struct stream *s; /* NULL once closed */
    struct buf got;
    char space[8192];
    size_t space_len; /* 0: all of `space` */

    /* What to do. */
    bool echoes;         /* what it reads */
    bool starts_reading; /* in on_connect, or as soon as accepted */
    struct str says;     /* written in on_connect */
    bool closes_after_says;
    bool flushes;           /* how it closes */
    size_t closes_at_bytes; /* in on_read, once it has got that many; 0: never */
    size_t stops_at_bytes;  /* in on_read; 0: never */
    bool has_enough;        /* in each on_read, for the turn */
    bool closes_on_connect;
    bool closes_on_drain;
    bool stays_on_end;
    struct side *closes_too; /* another side, closed together with this one */

    /* What happened. */
    bool is_inside; /* a call into the stream is under way, so that no event may come */
    unsigned connects, refusals, eofs, resets, drains, spaces, reads, shuts;
    struct error err;
};

extern const struct stream_events side_events;

void side_init(struct side *side);
void side_done(struct side *side);
struct stream *side_connect(struct side *side, struct loop *l, const struct stream_address *address,
                            uint64_t timeout_ms);
/* As on_accept of a listener, with the side as data. One connection per side. */
void side_accept(void *data, struct stream *s);
bool side_write(struct side *side, struct str bytes);
void side_close(struct side *side);
void side_assert_got(const struct side *side, struct str expected);

/* Bytes that do not repeat every power of two, so that a part lost or doubled shows. */
struct str pattern_make(size_t len);
void pattern_free(struct str bytes);

#endif
