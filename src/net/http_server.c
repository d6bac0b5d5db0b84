/*
 * The HTTP server itself: it accepts, keeps the connections' deadlines, and drains.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_server.h"

#include <assert.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/memory.h"
#include "net/http_server_private.h"

/* How late a time-out may be. One timer for all: arming one for each request would cost more than
 * the rest of its time-outs. */
#define SWEEP_MS 250
/* Free read buffers kept: 4 MiB. */
#define SPARE_BUFFERS_MAX 256
/* For a client that goes on sending after its last reply; nginx's lingering_time is 30 s. */
#define LINGER_MS 10000

void http_server_limits_default(struct http_server_limits *limits)
{
    *limits = (struct http_server_limits){
        .head_bytes_max = (size_t)64 * 1024,
        .url_bytes_max = (size_t)8 * 1024,
        .header_count_max = 100,
        .body_bytes_max = (size_t)32 * 1024 * 1024,
        .bodies_bytes_max = (size_t)256 * 1024 * 1024,
        .connections_max = 20000,
        .idle_timeout_ms = 75000,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .body_total_ms = 600000,
        .write_timeout_ms = 60000,
        .reply_high_bytes = (size_t)256 * 1024,
    };
}

struct http_server *http_server_new(struct loop *l, const struct http_server_limits *limits,
                                    const struct http_handler *handler, void *handler_data)
{
    struct http_server *s = memory_alloc(sizeof(*s));

    s->loop = l;
    s->limits = *limits;
    s->parser_limits = (struct http_parser_limits){
        .head_bytes_max = limits->head_bytes_max,
        .target_bytes_max = limits->url_bytes_max,
        .header_count_max = limits->header_count_max,
        .chunks_bytes_max = limits->body_bytes_max,
    };
    s->handler = *handler;
    s->handler_data = handler_data;
    s->wait_ms[WAIT_FIRST] = limits->head_timeout_ms;
    s->wait_ms[WAIT_IDLE] = limits->idle_timeout_ms;
    s->wait_ms[WAIT_HEAD] = limits->head_timeout_ms;
    s->wait_ms[WAIT_BODY] = limits->body_timeout_ms;
    s->wait_ms[WAIT_WRITE] = limits->write_timeout_ms;
    s->wait_ms[WAIT_LINGER] = LINGER_MS;
    turn_init(&s->turn, l);
    uv_timer_init(loop_uv(l), &s->sweep);
    s->sweep.data = s;
    uv_timer_init(loop_uv(l), &s->cut);
    s->cut.data = s;
    s->handles_open = 3;
    return s;
}

static void on_accept(void *data, struct stream *stream)
{
    struct http_server *s = data;

    if (s->stats.connections_open >= s->limits.connections_max) {
        s->stats.connections_refused++;
        stream_close(stream, false);
        return;
    }
    s->stats.connections_accepted++;
    connection_new(s, stream);
}

bool http_server_listen(struct http_server *s, const struct listener_options *options,
                        unsigned *port, struct error *err)
{
    struct listener *listener = listener_new(s->loop, options, on_accept, s, err);

    if (!listener)
        return false;
    s->listeners = memory_realloc(s->listeners, (s->listener_count + 1) * sizeof(*s->listeners));
    s->listeners[s->listener_count++] = listener;
    if (port)
        *port = listener_port(listener);
    return true;
}

void http_server_set_tls(struct http_server *s, struct tls_context *tls)
{
    for (size_t i = 0; i < s->listener_count; i++)
        listener_set_tls(s->listeners[i], tls);
}

struct http_server_stats http_server_stats(const struct http_server *s)
{
    return s->stats;
}

/* -- Deadlines --------------------------------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    uint64_t now_ms = loop_now_ms(s->loop);

    for (int kind = WAIT_NONE + 1; kind < WAIT_KINDS; kind++) {
        while (s->waits[kind] && s->waits[kind]->deadline_ms <= now_ms)
            connection_on_timeout(s->waits[kind]);
    }
}

void connection_wait(struct connection *c, enum wait kind)
{
    struct http_server *s = c->server;

    if (c->wait != WAIT_NONE)
        DL_DELETE2(s->waits[c->wait], c, wait_prev, wait_next);
    c->wait = kind;
    if (kind == WAIT_NONE)
        return;
    if (kind == WAIT_WRITE)
        c->taken = c->written - stream_pending(c->stream);
    c->deadline_ms = s->wait_ms[kind] ? loop_now_ms(s->loop) + s->wait_ms[kind] : UINT64_MAX;
    DL_APPEND2(s->waits[kind], c, wait_prev, wait_next);
}

/* -- Connections and their buffers ------------------------------------------------------------- */

void http_server_add(struct http_server *s, struct connection *c)
{
    DL_APPEND(s->connections, c);
    if (s->stats.connections_open++ == 0)
        uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

char *http_server_take_buffer(struct http_server *s)
{
    struct spare_buffer *spare = s->spare;

    if (!spare)
        return memory_realloc(NULL, SERVER_BUFFER_BYTES);
    s->spare = spare->next;
    s->spare_count--;
    return (char *)spare;
}

void http_server_give_buffer(struct http_server *s, char *buffer, size_t size)
{
    struct spare_buffer *spare = (struct spare_buffer *)(void *)buffer;

    if (size != SERVER_BUFFER_BYTES || s->spare_count == SPARE_BUFFERS_MAX) {
        free(buffer);
        return;
    }
    spare->next = s->spare;
    s->spare = spare;
    s->spare_count++;
}

/* -- The end ----------------------------------------------------------------------------------- */

static void on_part_closed(void *data)
{
    struct http_server *s = data;

    if (--s->handles_open == 0)
        s->on_drained(s->drained_data);
}

static void on_timer_closed(uv_handle_t *timer)
{
    on_part_closed(timer->data);
}

static void close_handles(struct http_server *s)
{
    turn_close(&s->turn, on_part_closed, s);
    uv_close((uv_handle_t *)&s->sweep, on_timer_closed);
    uv_close((uv_handle_t *)&s->cut, on_timer_closed);
}

void http_server_remove(struct http_server *s, struct connection *c)
{
    DL_DELETE(s->connections, c);
    if (--s->stats.connections_open)
        return;
    uv_timer_stop(&s->sweep);
    if (s->is_draining)
        close_handles(s);
}

static void on_cut(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    struct connection *c;

    DL_FOREACH(s->connections, c)
    {
        if (c->stream)
            connection_end(c);
    }
}

void http_server_announce_drain(struct http_server *s)
{
    s->says_close = true;
}

void http_server_drain(struct http_server *s, uint64_t grace_ms, void (*on_done)(void *data),
                       void *data)
{
    struct connection *c;

    assert(!s->is_draining);
    s->says_close = s->is_draining = true;
    s->on_drained = on_done;
    s->drained_data = data;
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(s->listeners[i]);
    s->listener_count = 0;
    if (!s->connections) {
        close_handles(s);
        return;
    }
    DL_FOREACH(s->connections, c)
    connection_wake(c);
    uv_timer_start(&s->cut, on_cut, grace_ms, 0);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    assert(s->handles_open == 0);
    while (s->spare) {
        struct spare_buffer *next = s->spare->next;

        free(s->spare);
        s->spare = next;
    }
    free(s->spare_body);
    free(s->listeners);
    free(s->head);
    free(s);
}
