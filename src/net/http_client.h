/*
 * HTTP/1.1 client of one loop with a pool of kept-alive connections per address (TCP or Unix
 * socket, plain or TLS). A call that was sent on a kept-alive connection which turns out to be
 * closed before any byte of the answer is sent once more on a new connection; nothing else is
 * retried here.
 *
 * A call calls back: on_head once, on_body as bytes arrive, then exactly one of on_end or
 * on_failure, after which the call is gone. What they are given is lent until they return. No
 * callback comes out of a function of this header, so none out of http_client_send for a call that
 * fails at once; none comes after http_client_cancel. In any of them the owner may cancel the call
 * (in the last one that does nothing), send others and close the client.
 *
 * Interim answers (1xx) are skipped. A redirect is an answer like any other.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/prefetch.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/stream.h"

struct http_client;
struct http_client_call;

enum http_failure {
    HTTP_FAILURE_CONNECT, /* refused, no route, name not found */
    HTTP_FAILURE_TLS,     /* certificate not accepted, or no TLS at all */
    HTTP_FAILURE_CONNECT_TIMEOUT,
    HTTP_FAILURE_HEAD_TIMEOUT, /* no answer's head in time */
    HTTP_FAILURE_IDLE_TIMEOUT, /* no byte of the body in time */
    HTTP_FAILURE_CLOSED,       /* closed before the answer was whole */
    HTTP_FAILURE_MALFORMED,    /* not HTTP, or above a limit */
};

struct http_client_events {
    void (*on_head)(void *data, int status, const struct http_headers *headers);
    void (*on_body)(void *data, struct str bytes);
    void (*on_end)(void *data);
    /* `text` explains it for the log; lent for the call. */
    void (*on_failure)(void *data, enum http_failure failure, const char *text);
};

struct http_client_options {
    unsigned idle_max;        /* kept-alive connections per address; default 512 */
    uint64_t idle_timeout_ms; /* a kept-alive connection unused for that long is closed; 50 s */
    size_t head_bytes_max;    /* of an answer; default 64 KiB */
};

/* The defaults above. */
void http_client_options_default(struct http_client_options *options);
/* `options` are copied. */
struct http_client *http_client_new(struct loop *l, const struct http_client_options *options);
/* Cancels what is running and closes the pool; on_done comes later, when the client is gone. */
void http_client_close(struct http_client *c, void (*on_done)(void *data), void *data);

/* What is pointed to is borrowed until the call has ended; the struct itself is copied. */
struct http_client_request {
    const struct stream_address *address;
    enum http_method method;
    struct str path;              /* with query; no blanks */
    struct str host;              /* Host header; empty: made from the address */
    struct http_headers headers;  /* without Host, Content-Length, Connection: these are added */
    const struct str *body_parts; /* sent one after another, and only small ones copied */
    unsigned body_part_count;
    uint64_t connect_timeout_ms;     /* 0: 5 s */
    uint64_t head_timeout_ms;        /* 0: none */
    uint64_t idle_timeout_ms;        /* between bytes of the body; 0: none */
    const struct prefetch *prefetch; /* what the callbacks look at; NULL: not known */
};

/* `events` is borrowed, too, until the call has ended. */
struct http_client_call *http_client_send(struct http_client *c,
                                          const struct http_client_request *request,
                                          const struct http_client_events *events, void *data);
/* Drops the call; its connection is closed, which tells the server to stop. */
void http_client_cancel(struct http_client_call *call);
/* Backpressure: no on_body until resumed (what the last read has brought still comes, and so may
 * the end). The idle time-out rests meanwhile. */
void http_client_pause(struct http_client_call *call);
void http_client_resume(struct http_client_call *call);

#endif
