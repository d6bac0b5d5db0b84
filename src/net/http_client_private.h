/*
 * Inside of the HTTP client, for its own files only.
 *
 *   http_client.c       the client, its pools, time-outs
 *   http_client_call.c  a call: the request that is sent, the callbacks that are due
 *   http_client_link.c  a link: one connection, idle in its pool or at work for one call
 *
 * A call holds a link from send to its end; it gets another one only when it is sent again. A link
 * is freed at once when it is closed, unless its own event is under way (`inside`): then at the
 * event's end. The same holds for a call and its callbacks.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_CLIENT_PRIVATE_H
#define NET_HTTP_CLIENT_PRIVATE_H

#include <uthash.h>

#include "net/ack_pace.h"
#include "net/http_client.h"
#include "net/http_parser.h"

#define NO_DEADLINE UINT64_MAX
/* "[", an address of 45 characters or a name of 253, "]:65535" */
#define HOST_MAX 320

/* The connections to one address. Lives as long as there are any. */
struct pool {
    UT_hash_handle hh;
    struct http_client *client;
    struct stream_address address; /* a copy */
    char host[HOST_MAX];           /* for the Host header */
    struct link *idle;             /* the one used last comes first */
    unsigned idle_count;
    unsigned link_count;
    struct ack_peer ack_peer;
    char key[];
};

struct link {
    /* What each read looks at; see struct stream. */
    struct pool *pool;
    struct stream *stream; /* NULL: closed */
    struct http_parser *parser;
    struct http_client_call *call; /* NULL: idle */
    char *held;      /* a head that came in pieces; else all is read into the client's space */
    bool is_used;    /* has served a call before */
    bool has_bytes;  /* something of this call's answer has come */
    bool is_interim; /* the head was one of 1xx */
    bool is_inside;
    uint8_t pieces; /* of the body, in the read that is under way; no more are counted than fit */
    struct ack_pace ack_pace;
    unsigned interim_count; /* of those, before this answer */

    _Alignas(MEMORY_LINE_BYTES) struct prefetch prefetch; /* the call's */

    size_t held_size, held_len;
    const char *head_at; /* where the head that is coming in begins */
    uint64_t idle_until_ms;
    struct link *prev, *next; /* of the pool's idle ones */
};

struct http_client_call {
    /* What each piece of the body looks at; see struct stream. */
    struct http_client *client;
    const struct http_client_events *events;
    void *data;
    uint64_t idle_timeout_ms; /* the request's */
    uint64_t deadline_ms;
    struct link *link;
    bool has_head;
    bool is_paused;
    bool is_inside; /* one of its callbacks is under way */
    bool is_ending; /* the last one */
    bool is_cancelled;

    struct http_client_request request;
    struct arena *arena;                  /* holds the call */
    struct http_client_call *prev, *next; /* of the client's */
};

#define CLIENT_SPACE_BYTES ((size_t)64 * 1024)

struct http_client {
    struct loop *loop;
    struct http_client_options options;
    struct http_parser_limits parser_limits;
    struct pool *pools;
    struct pool *recent; /* the one that was asked for last */
    struct http_client_call *calls;
    uint64_t next_deadline_ms; /* of the calls, none has an earlier one */
    uv_timer_t sweep;
    bool is_sweeping;
    bool is_closing;
    char *head; /* where heads are written */
    size_t head_size;
    void (*on_closed)(void *data);
    void *closed_data;
    char space[CLIENT_SPACE_BYTES]; /* what is read goes here and on to its call at once */
};

/* http_client.c */

struct pool *client_pool(struct http_client *c, struct arena *a,
                         const struct stream_address *address);
/* Its last link is gone. */
void client_free_pool(struct pool *p);
/* Looks after time-outs from now on. */
void client_sweep(struct http_client *c);

/* http_client_link.c */

/* Gives the call a link: an idle one, or a new one, which `is_fresh` asks for. */
void link_attach(struct http_client_call *call, struct pool *p, bool is_fresh);
void link_close(struct link *link);
/* Closes those that have been idle for long enough, or all. */
void link_close_idle(struct pool *p, bool all);

/* http_client_call.c */

/* The link can take the request. */
void call_write(struct http_client_call *call);
/* These call back; afterwards the call may be gone, and the link closed. */
void call_head(struct http_client_call *call, const struct http_head *head);
void call_body(struct http_client_call *call, struct str bytes);
/* The link has let go of the call. */
void call_end(struct http_client_call *call);
/* Closes the link. */
void call_fail(struct http_client_call *call, enum http_failure failure, const char *text);

#endif
