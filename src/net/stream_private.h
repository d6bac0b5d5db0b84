/*
 * Inside of a stream, for stream.c (life, reading), stream_write.c, stream_connect.c, stream_tls.c,
 * stream_watch.c and listener.c only.
 *
 *   stream_connect: CONNECTING -> (SHAKING) -> OPEN, or REFUSED from any of them
 *   listener:       SNIFFING -> (SHAKING) -> OPEN, or OPEN at once where there is no TLS
 *   OPEN -> FAILED; stream_close: OPEN -> FLUSHING -> LINGERING -> CLOSED, any other -> CLOSED
 *
 * The memory goes when the state is CLOSED and the last handle's close callback has come, never
 * inside a call into the stream: code that has called an event may still look at `state`.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_STREAM_PRIVATE_H
#define NET_STREAM_PRIVATE_H

#include <assert.h>
#include <netinet/in.h>

#include "base/buf.h"
#include "net/loop_scratch.h"
#include "net/stream.h"

/* A dead peer of a silent connection is noticed after this and some probes of the kernel's. */
#define KEEPALIVE_S 60

enum stream_state {
    STREAM_CONNECTING, /* looking up the name, connecting the socket */
    STREAM_REFUSED,    /* on_connect_failed is due or came */
    STREAM_SNIFFING,   /* accepted; the first byte will tell whether it is TLS */
    STREAM_SHAKING,    /* TLS handshake */
    STREAM_OPEN,
    STREAM_FAILED,    /* on_end is due or came */
    STREAM_FLUSHING,  /* closed by the owner; sends what is pending */
    STREAM_LINGERING, /* closed by the owner, all sent; waits for the peer's end */
    STREAM_CLOSED,
};

struct connecting;
struct stream_watch;

/* With thousands of streams, what one of them needs is not in the processor's cache when its turn
 * comes, and each line of it that is touched is waited for. So what each write and each read looks at
 * is side by side at the beginning of one, and libuv's handle is where it needs the fewest (its `type`
 * still in the first line, its flags and callbacks in the third). */
struct stream {
    const struct stream_events *events; /* borrowed */
    void *data;
    struct loop *loop;
    struct tls *tls;
    int fd; /* of the socket, while it is open */
    enum stream_state state : 8;
    uint8_t held;          /* writes that wait for the end of the turn */
    bool reads_wanted : 1; /* by the owner */
    bool is_reading : 1;   /* by libuv */
    bool has_enough : 1;   /* for this turn; see stream_read_enough */
    bool is_writing : 1;   /* `write` is under way and reads `sending` */
    bool peer_ended : 1;
    bool is_shut : 1;     /* the sending side is over, or will be when all is written */
    bool is_outgoing : 1; /* made by stream_connect */
    bool has_secrets : 1; /* what is kept is overwritten */
    bool is_broken : 1;   /* nothing can be written any more; what came is still read */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } socket;
    /* By state: a time-out (CONNECTING, SHAKING, FLUSHING, LINGERING), or an event that is due
     * and must not come out of the owner's own call (REFUSED, FAILED, OPEN). */
    uv_timer_t timer;
    uv_write_t write;
    unsigned handles_open;
    bool has_timer;
    bool has_socket;
    bool require_tls;
    bool watch_told;            /* on_shut came */
    struct stream_watch *watch; /* NULL: not watched */
    struct buf sending;
    struct buf waiting;              /* behind `sending` */
    struct connecting *connecting;   /* until on_connect */
    struct tls_context *tls_context; /* while SNIFFING */
    size_t tls_replies; /* bytes that TLS sent of itself and that wait for the socket */
    char peer[INET6_ADDRSTRLEN];
};

static_assert(OUTBOX_ENTRIES_MAX <= UINT8_MAX, "held");

/* stream.c */
struct stream *stream_new(struct loop *l, enum stream_state state);
/* Takes over a connected socket; NULL (and the descriptor closed) when libuv refuses it. */
struct stream *stream_accepted(struct loop *l, int fd, const struct sockaddr *peer,
                               struct tls_context *tls, bool require_tls);
void stream_set_peer(struct stream *s, const struct sockaddr *address);
void stream_arm(struct stream *s, uint64_t timeout_ms);
/* Has libuv read or not, as the state asks. */
void stream_update_reading(struct stream *s);
/* The stream can do no more; its owner is told later, out of the loop. `why` is for a connection
 * being made, NULL for none. */
void stream_fail(struct stream *s, const char *why);
/* Tells the owner of the peer's end, now. */
void stream_end(struct stream *s, enum stream_end why);
/* Ends the socket's sending side; false where it is no longer connected. */
bool stream_shut_socket(struct stream *s);
/* All of a stream in STREAM_FLUSHING is sent. */
void stream_linger(struct stream *s);
/* Every handle's close callback ends here; frees the stream after the last one. */
void stream_handle_closed(struct stream *s);

/* stream_write.c */
/* Puts bytes on the wire, as stream_write does; false when the stream has failed. */
bool stream_send(struct stream *s, const struct str *parts, unsigned count);
/* Drops what the buffer holds, which was sent or will not be; overwrites it first where it may be
 * secret. */
void stream_drop(struct stream *s, struct buf *b);

/* stream_connect.c */
void stream_connect_timed_out(struct stream *s);
/* Tells the owner that there is no connection. */
void stream_refuse(struct stream *s);
/* The connection could not be made, for a reason of the TLS layer; told by the timer. */
void stream_connect_failed(struct stream *s, const char *why);
void stream_connected(struct stream *s);
void stream_connecting_free(struct stream *s);

/* stream_watch.c */
void stream_unwatch(struct stream *s);

/* stream_tls.c */
/* Starts the handshake; a client speaks first. */
void stream_tls_start(struct stream *s, struct tls_context *c, const char *server_name);
/* Bytes of the wire have come. */
void stream_tls_take(struct stream *s, struct str wire);
/* Gives the owner what has been read but not given yet. */
void stream_tls_resume(struct stream *s);
bool stream_tls_write(struct stream *s, const struct str *parts, unsigned count);
void stream_tls_goodbye(struct stream *s);

#endif
