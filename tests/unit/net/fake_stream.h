/*
 * Streams without sockets, in the place of net/stream.c: a test feeds them by hand and sees each
 * write for itself. One listener at a time; streams are the test's to free.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_FAKE_STREAM_H
#define TEST_FAKE_STREAM_H

#include "base/buf.h"
#include "net/stream.h"

struct stream {
    struct stream_events events;
    void *data;
    bool is_connecting;
    bool is_reading;
    bool has_ended;
    bool is_reset;
    bool is_closed;
    bool is_flushed; /* closed in order */
    bool is_shut;    /* nothing more will be written */
    bool is_broken;  /* writes fail */
    bool is_watched;
    bool is_unwatchable;   /* no descriptor is left for it */
    unsigned writes;       /* calls of stream_write */
    unsigned acks_delayed; /* calls of stream_delay_ack */
    unsigned secrets_kept; /* calls of stream_keep_secret */
    struct buf out;        /* all that was written */
    size_t window;         /* bytes that the peer takes; more are pending */
    size_t taken;
    struct stream *next;
};

/* A client of the listener, or NULL when the connection was closed at once. */
struct stream *fake_connect(void);
/* The stream made last by stream_connect, NULL for none. */
struct stream *fake_connecting(void);
void fake_connected(struct stream *s);
void fake_refuse(struct stream *s);

/* Gives bytes to the reader, for as long as it reads; how many it has taken. `step`: at most so
 * many in one read, 0 for as many as there is room. */
size_t fake_feed(struct stream *s, struct str bytes, size_t step);
void fake_end(struct stream *s, enum stream_end why);
/* The peer ends its sending side while the stream does not read; told when it is watched. */
void fake_shut(struct stream *s);
/* The peer takes up to so many bytes more. */
void fake_take(struct stream *s, size_t len);
/* What was written since the last call. */
struct str fake_written(struct stream *s);

/* Frees all streams; returns how many had not been closed. */
unsigned fake_free_all(void);

#endif
