/*
 * Inside of the HTTP server: what its files share. Only http_*.c of the server include this.
 *
 *   http_server.c      accepts, time-outs, drain
 *   http_connection.c  a connection's life: what is read, and what is done at the end of a turn
 *   http_request.c     from a parsed head to a request, its body
 *   http_reply.c       replies
 *
 *          bytes          head whole         message whole      finished, bytes out
 *   IDLE --------> HEAD -----------> BODY -----------------> WAIT -------------------> IDLE
 *                   |                 | finished before       |
 *                   | refused         v                       | to be closed, with bytes unread
 *                   |              DISCARD ---> (WAIT)        v
 *                   +-------------------------------------> LINGER
 *
 * From everywhere: the stream is closed, `stream` is NULL then. A connection is freed at the end of
 * a turn, when its stream is closed and the handler has finished its request. The handler is called
 * out of on_read, out of the turn's end and out of time-outs, never out of its own calls.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_SERVER_PRIVATE_H
#define NET_HTTP_SERVER_PRIVATE_H

#include "base/buf.h"
#include "net/http_parser.h"
#include "net/http_server.h"
#include "net/turn.h"

enum connection_state {
    CONNECTION_IDLE,    /* nothing of a request is there */
    CONNECTION_HEAD,    /* a head is coming in */
    CONNECTION_BODY,    /* the handler knows the request; its body is coming in */
    CONNECTION_WAIT,    /* the message is whole; the handler has yet to finish, or bytes to leave */
    CONNECTION_DISCARD, /* the reply is complete; what is left of the body is read and dropped */
    CONNECTION_LINGER,  /* nothing more is written; what comes is dropped until the client closes */
};

/* What a connection has to do before its deadline. All of a kind have the same time, so that the
 * list of each kind is in the order of deadlines. */
enum wait {
    WAIT_NONE,
    WAIT_FIRST, /* for the first request, and the handshake before it */
    WAIT_IDLE,  /* for another one */
    WAIT_HEAD,
    WAIT_BODY,
    WAIT_WRITE,
    WAIT_LINGER,
    WAIT_KINDS,
};

struct connection;

/* A request with what only the server knows of it. */
struct server_request {
    struct http_request public;
    /* What each piece of a reply looks at, in one line; see struct stream. */
    struct connection *connection;
    struct str pending_head; /* of a started reply; leaves with the first chunk */
    bool is_known;           /* on_head was called: the handler has to finish it */
    bool is_started;         /* a reply was begun */
    bool is_finished;
    bool is_aborted;
    bool is_gone;
    bool is_body_due; /* on_body is to be called, at the end of the turn at the latest */
    bool is_woken;    /* the same for on_wake */
    bool is_full;     /* http_reply_is_full has been true since the last on_drain */
    bool is_head;
    bool is_http10;
    bool is_probed; /* whether the client, which sends nothing more, is still there */
    bool keeps_alive;
    bool expects_continue; /* and has not been told to go on */
    bool is_chunked_reply;
    bool has_reply_body; /* chunks are sent: not for HEAD, 204, 304 */

    /* The body: in `in` right behind the head, or in `body`. */
    bool is_body_in_place;
    size_t body_at; /* in `in` */
    size_t body_len;
    uint64_t content_length;
    bool is_chunked;
};

struct connection {
    /* What each write looks at; see struct stream. */
    struct http_server *server;
    struct stream *stream; /* NULL: closed */
    struct server_request *request;
    uint64_t written; /* bytes given to the stream */
    struct turn_item turn;
    enum connection_state state;
    enum wait wait;
    bool is_closing; /* no request after this one */
    bool is_ended;   /* the stream told its end; `end` says how */
    bool is_shut;    /* the stream told that the end comes behind what is not read yet */
    enum stream_end end;

    struct http_parser *parser;
    struct arena *arena; /* of the request that is coming in or being answered */

    /* Bytes as read. Those before `pinned` are lent to the request. */
    char *in; /* NULL between requests */
    size_t in_size;
    size_t in_end;
    size_t pinned;
    size_t head_at;  /* where the head begins, while it is coming in */
    struct str rest; /* read and not parsed yet; lies in `in`, or in `body` when it is read there */
    char *body;      /* NULL for bodies that fit behind their head */
    size_t body_size;
    bool is_read_paused;
    bool had_large_body; /* the last request, and so the next one may */

    uint64_t taken;   /* of `written`, taken by the client when the wait for it began */
    uint64_t dropped; /* in DISCARD and LINGER */
    uint64_t gained;  /* bytes of the body since the wait for it began */

    uint64_t deadline_ms;
    struct connection *wait_prev, *wait_next;
    struct connection *prev, *next; /* all of the server */
    char peer[64];
};

/* A read buffer that is free. */
struct spare_buffer {
    struct spare_buffer *next;
};

struct http_server {
    struct loop *loop;
    struct http_server_limits limits;
    struct http_parser_limits parser_limits;
    struct http_handler handler;
    void *handler_data;
    struct listener **listeners;
    size_t listener_count;
    struct http_server_stats stats;

    struct connection *connections;
    struct connection *waits[WAIT_KINDS];
    uint64_t wait_ms[WAIT_KINDS];
    uv_timer_t sweep;
    struct turn turn;

    struct spare_buffer *spare; /* read buffers of the first size */
    unsigned spare_count;
    size_t bodies_bytes; /* of the requests that are there */
    char *spare_body;    /* a body buffer that is free; NULL for none */
    size_t spare_body_size;

    char *head; /* where heads are written */
    size_t head_size;
    char date[30];
    uint64_t date_until_ms; /* on the loop's clock */

    bool says_close; /* in every answer */
    bool is_draining;
    uv_timer_t cut; /* the end of the drain's grace */
    unsigned handles_open;
    void (*on_drained)(void *data);
    void *drained_data;
};

/* http_server.c */

void http_server_add(struct http_server *s, struct connection *c);
/* The connection is closed and about to be freed. */
void http_server_remove(struct http_server *s, struct connection *c);
/* From now on it has the time of that kind of wait; a wait that goes on is begun anew. */
void connection_wait(struct connection *c, enum wait kind);
/* A read buffer of SERVER_BUFFER_BYTES. */
char *http_server_take_buffer(struct http_server *s);
/* `size`: a buffer that has grown goes back to the heap. */
void http_server_give_buffer(struct http_server *s, char *buffer, size_t size);
#define SERVER_BUFFER_BYTES ((size_t)16 * 1024)
/* Room that is left in a read buffer behind a head, so that what comes can be read. */
#define SERVER_ROOM_MIN ((size_t)1024)

/* http_connection.c */

void connection_new(struct http_server *s, struct stream *stream);
void connection_on_timeout(struct connection *c);
/* The drain's grace is over: ends it, with a word of the handler's if it can be had at once. */
void connection_end(struct connection *c);
/* Has it looked at, at the end of the turn. */
void connection_wake(struct connection *c);
void connection_write(struct connection *c, const struct str *parts, unsigned count);

/* http_connection_room.c */

/* Makes room behind a head that is coming in. The head's limit bounds it. */
void connection_make_head_room(struct connection *c);
/* Afterwards there is room for a read, or reading is stopped until there is. */
void connection_make_room(struct connection *c);
/* Of the stream's events. */
struct stream_space connection_on_space(void *data);

/* http_request.c */

/* The first byte of a head is there. */
void request_new(struct connection *c);
/* The head is whole: has it a body, not a chunked one, too large for `in`, which needs no room behind it? */
bool request_has_large_body(const struct connection *c);
/* The head is whole: fills the request in, or says why it is refused. */
MUST_CHECK bool request_complete_head(struct connection *c, struct error *err);
/* Puts bytes of the body where the body is gathered. */
void request_add_body(struct connection *c, struct str bytes);
/* All bodies take more than they may, and this one is none of those that fit a read buffer. */
bool request_exceeds_memory(const struct connection *c);
/* All of the body is there: public.body is set. */
void request_complete_body(struct connection *c);
/* Room in `body` for what is still missing, at least 1 byte; only when request_reads_body. */
struct stream_space request_body_space(struct connection *c);
/* Reads go straight to `body`: not to a body in place, a chunked one, or one to be dropped. */
bool request_reads_body(const struct connection *c);
/* Gathers the body in `body` from now on: there is no more room in `in`. */
void request_spill_body(struct connection *c);
/* More of the body than is worth reading only to keep the connection. */
bool request_has_long_rest(const struct connection *c);
/* Gives back what has come of the body, of which no more is wanted. */
void request_drop_body(struct connection *c);
/* Gives back what it holds besides what its reply needs. */
void request_forget(struct connection *c);
/* Gives everything of it back. */
void request_free(struct connection *c);

/* http_reply.c */

/* Answers what was refused, by the handler's envelope. False when a reply was begun already. */
bool reply_error(struct connection *c, const struct error *err);
/* Writes what no client minds, and what one that has left answers by a reset. False where there is
 * no such thing. */
bool reply_probe(struct server_request *r);
/* The head of a started reply whose first chunk has not come in this turn. */
void reply_flush_head(struct server_request *r);

/* Of a body that nobody wants: read to keep the connection, up to here. */
#define DISCARD_BYTES_MAX ((uint64_t)256 * 1024)

#endif
