/*
 * An upstream engine, between its files: upstream.c reads its settings and keeps the addresses'
 * health (control loop), upstream_call.c makes the calls (worker loops). Not for others.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_UPSTREAM_H
#define ENGINE_UPSTREAM_H

#include "engine/balancer.h"
#include "engine/driver.h"
#include "net/url.h"

/* Addresses asked for one call, at most. */
#define UPSTREAM_TRIES_MAX 4
/* Of a stream, looked at for its "[DONE]" and the line ends behind it. */
#define UPSTREAM_TAIL_BYTES 16

struct upstream_address {
    struct upstream *owner;
    unsigned index;
    struct url url;
    struct stream_address stream;
    struct str lines;               /* of each call's head, the key among them */
    struct str probe_lines;         /* the end of them, without what is about a body */
    struct http_client_call *probe; /* control loop */
    int probe_status;
};

struct upstream {
    struct engine *engine;
    struct arena *arena;
    struct tls_context *tls; /* NULL: no address needs it */
    struct upstream_address *addresses;
    unsigned address_count; /* 0 when the settings are no good */
    struct balancer balancer;
    uv_timer_t timer; /* control loop: active health checks */
};

/* An answer that is kept until it is known whether another address has a better one. */
struct upstream_answer {
    int status;
    struct http_headers headers;
    struct buf body;
    bool is_kept;
};

struct upstream_call {
    struct engine_call base;
    /* What each piece of an answer looks at. */
    bool is_lingering; /* its owner has left a stream that was complete */
    bool is_keeping;   /* the answer that is coming in */
    unsigned tail_len;
    char tail[UPSTREAM_TAIL_BYTES]; /* the last bytes of a stream */

    struct http_client_request http_request;
    struct http_header headers[1];
    struct http_client_call *http;
    struct balancer_pick pick;
    struct balancer_pick next; /* while the answer is kept */
    unsigned tried[UPSTREAM_TRIES_MAX];
    unsigned tried_count;
    struct upstream_answer answer;
    enum balancer_outcome outcome; /* of the answer that has begun */
    struct error *failure;         /* the last one; NULL: none yet */
    bool has_pick;
    bool has_next;
    uint64_t keep_until_ms;
    bool has_head; /* on_head was called: no other address any more */
    bool is_paused;
    bool is_replaying;
    bool is_cancelled; /* while replaying */
    uint64_t linger_until_ms;
    uint64_t error_until_ms; /* 0: it is none */
};

void upstream_call_start(struct engine_call *base);
void upstream_call_cancel(struct engine_call *base);
void upstream_call_pause(struct engine_call *base);
void upstream_call_resume(struct engine_call *base);
void upstream_call_look_again(struct engine_call *base);

#endif
