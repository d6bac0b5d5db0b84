/*
 * A connected byte stream: TCP or Unix socket, plain or TLS, seen the same. Made by a listener or
 * by stream_connect; freed by itself after stream_close, in the loop's next turns.
 *
 * Owning: whoever gets a stream closes it, once, by stream_close; after that no event comes and
 * the stream is not used again. It may be closed in any of its own events, but for on_space.
 * Neither end nor failure closes it: on_end and on_connect_failed ask the owner to.
 * Writing: what is small waits until the turn's end (loop_flush), and goes out with what the other
 * streams have written; what is large is tried at once. What the socket does not take then is copied
 * and kept, and has no bound here: the owner looks at stream_pending and stops producing. TCP streams
 * have TCP_NODELAY and keep-alive on.
 * Reading: bytes are lent to on_read for the call only. A stream that does not read does not see
 * its peer's end either, unless it is watched.
 * Events come out of the loop only, never out of a call into the stream.
 * One thread: that of the loop.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/prefetch.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/tls.h"

struct stream;

enum stream_end {
    STREAM_END_EOF,   /* the peer closed its sending side in order; writing is still possible */
    STREAM_END_RESET, /* connection reset, TLS failure, or another error of the socket */
};

/* Room that a reader offers. */
struct stream_space {
    char *data;
    size_t len;
};

struct stream_events {
    /* Connected (and TLS shaken hands); only for streams made by stream_connect. */
    void (*on_connect)(void *data);
    /* The connection could not be made: ERROR_TIMEOUT when it took too long, ERROR_TLS when
     * the handshake failed, else ERROR_IO, with address and reason in the text. The owner closes the stream, here or later. */
    void (*on_connect_failed)(void *data, const struct error *err);
    /* Where the next bytes shall go: at least 1 byte long. Called before each read; nothing may
     * come of it. */
    struct stream_space (*on_space)(void *data);
    void (*on_read)(void *data, struct str bytes);
    /* No on_read comes any more. After STREAM_END_EOF one STREAM_END_RESET may follow, when what
     * is still written fails. */
    void (*on_end)(void *data, enum stream_end why);
    /* All that was kept has been written. May be NULL. */
    void (*on_drain)(void *data);
    /* The peer has closed its sending side, behind bytes that are not read yet. Only for who calls
     * stream_watch. */
    void (*on_shut)(void *data);
};

/* Where to connect to. Text is borrowed for the life of the stream. */
struct stream_address {
    const char *unix_path; /* when not NULL, host and port are ignored */
    const char *host;      /* name or numeric address */
    unsigned port;
    struct tls_context *tls;     /* NULL: plain */
    const char *tls_server_name; /* for SNI and verification; NULL: the host */
};

/* A name's addresses are tried in the resolver's order; each gets its share of the time that is
 * left. The time (0: no limit) covers look-up, connection and TLS handshake.
 * `events` is borrowed for the life of the stream. */
struct stream *stream_connect(struct loop *l, const struct stream_address *address,
                              uint64_t timeout_ms, const struct stream_events *events, void *data);

/* Starts or stops on_read; both may be called at any time before close. Each change costs a
 * system call: leave reading on where bytes are always welcome. */
void stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);
/* What came last is all that is waited for: reading goes on in the loop's next turn, not at once to see whether
 * there is more, which takes a system call. (What TLS has read already is given all the same.) */
void stream_read_enough(struct stream *s);

/* What the next read brings is acknowledged to a TCP peer with what comes after it, or 40 ms later (a
 * round trip, where that is longer), in place of at once. It holds until the kernel has waited in vain:
 * to be called before each read, from on_space. For plain streams; on a Unix socket it does nothing. */
void stream_delay_ack(struct stream *s);

/* Hears of the peer's end where nothing is read, be it that reading is stopped or that it came to
 * STREAM_END_EOF: by on_shut, once, and by STREAM_END_RESET as soon as the connection is broken,
 * which writing would tell only with the next write. It goes on until reading starts. It costs a
 * descriptor; false when there is none. */
bool stream_watch(struct stream *s);

#define STREAM_WRITE_PARTS_MAX 16
/* Sends the parts in order; false when the stream has failed (on_end follows or came). An accepted
 * TLS stream (or one that may become TLS) that has not read anything yet fails. */
bool stream_write(struct stream *s, const struct str *parts, unsigned count);
/* Adds what a write to a plain stream looks at, one place. */
void stream_prefetch(const struct stream *s, struct prefetch *p);
/* What is written from now on may hold secrets: what is kept of it is overwritten once it is sent, or
 * will not be. It ends when a kept rest has been sent. */
void stream_keep_secret(struct stream *s);
/* Sends what was written in this turn now, for who wants to see what becomes of it. */
void stream_flush(struct stream *s);
/* Bytes (of the wire) taken by stream_write that the socket has not taken when it was asked to; not
 * those that wait for the end of the turn. */
size_t stream_pending(const struct stream *s);

/* Ends the sending side in order once what is pending is out; the peer sees the end, and reading
 * goes on. Nothing is written after it. */
void stream_shut(struct stream *s);

/* No event is called after this. With `flush`, what is pending is still sent, the sending side is
 * closed in order, and what the peer still sends is dropped until it closes too, so that it can
 * read what it was sent last: all bounded by some seconds. Else the connection is cut at once. */
void stream_close(struct stream *s, bool flush);

/* The peer's numeric address without port, "" for a Unix socket; valid as long as the stream. */
const char *stream_peer(const struct stream *s);
/* Known from the first byte read on. */
bool stream_is_tls(const struct stream *s);

/* Replaces the events (borrowed, as by stream_connect) and their data: a connection changes its owner. */
void stream_set_events(struct stream *s, const struct stream_events *events, void *data);

#endif
