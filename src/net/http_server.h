/*
 * HTTP/1.1 server of one loop: connections, parsing, limits, time-outs, replies. It knows nothing
 * of what is served: that is the handler's.
 *
 * Life of a request: on_head when the head is parsed; then, unless the handler has already finished the
 * request, on_body_part with what has come of a large body, one that does not fit the read buffer, and
 * on_body once with the whole body in request->body: at the end of the loop's turn, so that the bodies of a
 * turn are worked on in a row, but of a large one at once, while it is in the processor's cache. The
 * handler finishes each request exactly once, by http_reply, http_reply_last_chunk or http_reply_abort, at
 * any time, in or after the callback, but not in on_body_part. The request and its arena live until the end
 * of the loop's turn in which that happens (and until the bytes are out), also when the client leaves
 * before: on_gone says so once, replies go nowhere from then on, and the handler still has to finish the
 * request.
 * Requests on one connection are handled one after another (pipelined ones wait).
 *
 * A client that has left is noticed after a round trip, and on_gone told. One that only closes its
 * sending side once its requests are whole gets its replies: the two look the same until they are
 * written to, so that such a client is sent what means nothing (an interim reply, or, within a
 * chunked one, a zero in front of the next chunk's size), which one that has left answers by a
 * reset. An HTTP/1.0 client, which knows neither, counts as gone.
 *
 * No callback comes out of a function of this header.
 *
 * Malformed or oversized input is answered by the server itself through handler.render_error, so
 * that the envelope is the surface's own. When the handler knows the request by then (a body that
 * turns out malformed, too large or too slow), on_gone tells it after the answer.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/prefetch.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/loop.h"

struct http_server;

struct http_request {
    struct arena *arena;
    enum http_method method;
    struct str target; /* as received */
    struct str path;   /* the target up to '?', as received (still percent-encoded) */
    struct str query;  /* behind '?', STR_NONE when there is none */
    struct str host;   /* the Host header, or that of a target in absolute form */
    struct http_headers headers;
    struct str body; /* set by on_body; terminated by NUL for parsers that want one */
    struct str peer; /* the client's address without port */
    bool is_tls;
    uint64_t started_us; /* clock_monotonic_us when the head was complete */
    struct loop *loop;
    void *handler_data; /* the handler's own */
    /* Set by the handler in on_head, before the body comes: when the request is over, its body, its
     * reply, and what the turn has left on the stack are overwritten. */
    bool has_secrets;
    const void *surface; /* the router's own: which surface the path belongs to */
};

/* A time-out may be late by a quarter of a second; 0: none. */
struct http_server_limits {
    size_t head_bytes_max;     /* request line and headers together; default 64 KiB -> 431 */
    size_t url_bytes_max;      /* default 8 KiB -> 414 */
    unsigned header_count_max; /* default 100 -> 431 */
    size_t body_bytes_max;     /* default 32 MiB -> 413 */
    size_t
        bodies_bytes_max; /* of all requests at a time; default 256 MiB -> 503, but for small ones */
    unsigned connections_max; /* default 20000; more are accepted and closed at once */
    uint64_t idle_timeout_ms; /* between requests; default 75 s */
    /* From the first byte of a head to its end; 10 s -> 408. And from the connection to the first byte,
     * its TLS handshake included, which takes the more memory: then it is closed without a word. */
    uint64_t head_timeout_ms;
    uint64_t body_timeout_ms; /* without 16 KiB more of a body; default 30 s -> 408 */
    uint64_t body_total_ms;   /* to the end of a body, however it comes on; default 10 min -> 408 */
    uint64_t write_timeout_ms; /* pending bytes and none taken by the client; default 60 s */
    size_t reply_high_bytes;   /* http_reply_is_full from here on; default 256 KiB */
};

/* The defaults above. */
void http_server_limits_default(struct http_server_limits *limits);

struct http_handler {
    void (*on_head)(void *data, struct http_request *r);
    /* More of a large body with a Content-Length has come, and is in the processor's cache: `body` is what
     * there is from its beginning on, which may lie elsewhere than before, and content_length how long it
     * is to be. The request is not to be finished here. NULL: that is not of interest. */
    void (*on_body_part)(void *data, struct http_request *r, struct str body,
                         size_t content_length);
    void (*on_body)(void *data, struct http_request *r);
    /* Pending bytes fell below half of reply_high_bytes after http_reply_is_full was true. */
    void (*on_drain)(void *data, struct http_request *r);
    void (*on_gone)(void *data, struct http_request *r);
    /* See http_request_wake; NULL: the handler does not call that. */
    void (*on_wake)(void *data, struct http_request *r);
    /* Fills in the reply for an error that the server itself found; `r` may lack most fields. */
    struct str (*render_error)(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers);
    /* The drain's grace is over: unless the handler finishes the request now, it is cut. NULL: it
     * does not. */
    void (*on_time_up)(void *data, struct http_request *r);
    /* Does a header of that name hold a secret? Such a value is overwritten in the connection's buffer
     * when its request is over. NULL: none does. */
    bool (*is_secret)(struct str name);
};

/* What links to this server begin with: the host that the client called, which it can reach; by the
 * scheme of `configured` where that host is the one of it, since something in front may have ended
 * TLS. In the request's arena, or `configured`. */
struct str http_request_base(const struct http_request *r, struct str configured);

/* `limits` and `handler` are copied. */
struct http_server *http_server_new(struct loop *l, const struct http_server_limits *limits,
                                    const struct http_handler *handler, void *handler_data);
/* Adds a listening socket. */
MUST_CHECK bool http_server_listen(struct http_server *s, const struct listener_options *options,
                                   unsigned *port, struct error *err);
/* New certificates for connections from now on. */
void http_server_set_tls(struct http_server *s, struct tls_context *tls);

/* From now on every answer says "Connection: close"; connections are still accepted. */
void http_server_announce_drain(struct http_server *s);
/* Stops listening, closes idle connections, tells the others "Connection: close"; calls on_done
 * when the last connection has gone. After `grace_ms` handlers may end what is left; it takes some
 * seconds more at most until the clients have read that, or are cut. */
void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*on_done)(void *data),
                       void *data);
/* After on_done; NULL is nothing. */
void http_server_free(struct http_server *s);

struct http_server_stats {
    uint64_t connections_accepted;
    uint64_t connections_refused; /* over connections_max */
    unsigned connections_open;
    unsigned requests_active;
};
struct http_server_stats http_server_stats(const struct http_server *s);

/*
 * Replies. Headers that the server adds itself, and leaves out of those it is given: Date,
 * Content-Length or Transfer-Encoding, Connection, Keep-Alive; but "Connection: close" closes. For
 * HEAD the body is counted but not sent; 204 and 304 have none. Nothing is borrowed beyond the
 * call.
 */

/* The whole reply at once; finishes the request. */
void http_reply(struct http_request *r, int status, const struct http_headers *headers,
                struct str body);
/* As http_reply with another reason phrase than the status's own. */
void http_reply_with_phrase(struct http_request *r, int status, const char *phrase,
                            const struct http_headers *headers, struct str body);
/* Starts a chunked reply, with its first chunk; when that is empty, the head leaves together with
 * the next one, or by itself at the end of the loop's turn. */
void http_reply_start(struct http_request *r, int status, const struct http_headers *headers,
                      struct str first);
/* Has on_wake called at the end of the loop's turn, unless the request is finished by then. */
void http_request_wake(struct http_request *r);
/* What the client sent is not needed any more, though the reply goes on: gives back the memory of
 * its head and body once both are whole. Paths, headers and body of `r` are gone afterwards. */
void http_request_forget(struct http_request *r);
/* One chunk, written as net/stream.h says: a small one at the end of the loop's turn. */
void http_reply_chunk(struct http_request *r, struct str bytes);
/* Adds what each chunk looks at, at most HTTP_REPLY_PREFETCH_PLACES. */
#define HTTP_REPLY_PREFETCH_PLACES 3
void http_reply_prefetch(const struct http_request *r, struct prefetch *p);
/* The client is slower than the producer: stop producing until on_drain. */
bool http_reply_is_full(const struct http_request *r);
bool http_reply_is_started(const struct http_request *r);
/* Finishes a started reply in order; the chunk may be empty. */
void http_reply_last_chunk(struct http_request *r, struct str bytes);
/* Finishes by cutting the connection: the client sees that the reply is not whole. */
void http_reply_abort(struct http_request *r);

#endif
