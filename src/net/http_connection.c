/*
 * A connection of the HTTP server: what is read goes through the parser to the handler; what is to
 * be done next is decided at the end of the turn, by what is true then.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_server_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/* What a body's sender has to come on by in the time for a body; a byte now and then would hold a
 * connection and its buffers for as long as it likes. */
#define BODY_PACE_BYTES ((uint64_t)16 * 1024)

/* -- Its ends ---------------------------------------------------------------------------------- */

void connection_wake(struct connection *c)
{
    turn_add(&c->server->turn, &c->turn);
}

static void close_stream(struct connection *c, bool flush)
{
    stream_close(c->stream, flush);
    c->stream = NULL;
    connection_wait(c, WAIT_NONE);
    connection_wake(c);
}

static bool is_unfinished(const struct server_request *r)
{
    return r && r->is_known && !r->is_finished;
}

static void tell_gone(struct connection *c)
{
    struct server_request *r = c->request;

    if (!is_unfinished(r) || r->is_gone)
        return;
    r->is_gone = true;
    c->server->handler.on_gone(c->server->handler_data, &r->public);
}

/* Ends it at once; the handler is told when it has a request that is not finished. */
static void cut(struct connection *c)
{
    close_stream(c, false);
    tell_gone(c);
}

void connection_end(struct connection *c)
{
    const struct http_handler *h = &c->server->handler;

    if (is_unfinished(c->request) && !c->request->is_gone && h->on_time_up)
        h->on_time_up(c->server->handler_data, &c->request->public);
    if (c->request && c->request->is_finished && !c->request->is_aborted)
        close_stream(c, true);
    else
        cut(c);
}

/* The client shall see the last reply and that it is the last; but a close while it still sends
 * would be a reset, which may overtake the reply (RFC 9112, 9.6). So only the sending side ends, and
 * what the client sends is read and dropped until it closes. */
static void linger(struct connection *c)
{
    stream_shut(c->stream);
    c->state = CONNECTION_LINGER;
    c->is_closing = true;
    c->dropped = 0;
    c->rest = STR_NONE;
    connection_wait(c, WAIT_LINGER);
}

/* Answers what the client did wrong, if it still can be answered. */
static void refuse(struct connection *c, const struct error *err)
{
    bool is_answered = c->state == CONNECTION_DISCARD || reply_error(c, err);

    if (!is_answered) {
        cut(c);
        return;
    }
    linger(c);
    tell_gone(c);
}

/* The client sends nothing more. It may have left, or wait for its answer: the kernel of one that
 * has left answers whatever it gets by a reset, so that this is known after one round trip. */
static bool is_still_there(struct connection *c)
{
    struct server_request *r = c->request;

    if (r->is_probed)
        return true;
    r->is_probed = true;
    return c->state == CONNECTION_WAIT && reply_probe(r) && stream_watch(c->stream);
}

static bool is_broken(const struct connection *c)
{
    return c->is_ended && c->end != STREAM_END_EOF;
}

/* The client has closed its side, or the connection broke. */
static void leave(struct connection *c)
{
    if (is_broken(c))
        cut(c);
    else if (is_unfinished(c->request) && !c->request->is_body_due && !is_still_there(c))
        cut(c);
    else if (!c->is_ended || c->state == CONNECTION_WAIT)
        return; /* a reply is on its way; behind it, requests that came before the end */
    else if (!stream_pending(c->stream))
        close_stream(c, true);
    else
        connection_wait(c, WAIT_WRITE);
}

void connection_on_timeout(struct connection *c)
{
    uint64_t taken = c->written - stream_pending(c->stream);
    struct error err;

    switch (c->wait) {
    case WAIT_HEAD:
        error_set(&err, ERROR_TIMEOUT, NULL);
        refuse(c, &err);
        break;
    case WAIT_BODY:
        error_set(&err, ERROR_TIMEOUT, NULL);
        if (c->state == CONNECTION_DISCARD)
            cut(c);
        else
            refuse(c, &err);
        break;
    case WAIT_WRITE:
        if (taken != c->taken)
            connection_wait(c, WAIT_WRITE);
        else
            cut(c);
        break;
    case WAIT_FIRST:
    case WAIT_IDLE:
    case WAIT_LINGER:
        close_stream(c, true);
        break;
    case WAIT_NONE:
    case WAIT_KINDS:
        cut(c);
        break;
    }
}

/* -- What was read ----------------------------------------------------------------------------- */

static void begin_request(struct connection *c)
{
    c->state = CONNECTION_HEAD;
    c->head_at = (size_t)(c->rest.data - c->in);
    request_new(c);
    http_parser_begin(c->parser, c->arena, false);
    connection_wait(c, WAIT_HEAD);
}

static void on_head(struct connection *c)
{
    struct http_server *s = c->server;
    struct server_request *r = c->request;
    struct error err;

    if (!request_has_large_body(c) || c->in_size - (c->in_end - c->rest.len) <= SERVER_ROOM_MIN)
        connection_make_head_room(c);
    c->pinned = c->in_end - c->rest.len;
    if (!request_complete_head(c, &err)) {
        refuse(c, &err);
        return;
    }
    c->state = CONNECTION_BODY;
    connection_wait(c, WAIT_BODY);
    c->gained = 0;
    r->is_known = true;
    s->stats.requests_active++;
    s->handler.on_head(s->handler_data, &r->public);
    if (r->expects_continue && !r->is_finished && !r->is_started) {
        r->expects_continue = false;
        connection_write(c, &STR("HTTP/1.1 100 Continue\r\n\r\n"), 1);
    }
}

/* What comes on gets no more time. */
static bool is_body_late(const struct connection *c)
{
    uint64_t total_ms = c->server->limits.body_total_ms;
    uint64_t taken_ms = (clock_monotonic_us() - c->request->public.started_us) / 1000;

    return total_ms && taken_ms >= total_ms;
}

/* Of a body that is read for itself. */
static void tell_body_part(struct connection *c)
{
    const struct http_handler *h = &c->server->handler;
    struct server_request *r = c->request;

    if (h->on_body_part && !r->is_body_in_place && !r->is_chunked && is_unfinished(r))
        h->on_body_part(c->server->handler_data, &r->public, str_of(c->body, r->body_len),
                        r->content_length);
}

static void on_body(struct connection *c, struct str bytes)
{
    struct error err;

    c->gained += bytes.len;
    if (c->gained >= BODY_PACE_BYTES && !is_body_late(c)) {
        connection_wait(c, WAIT_BODY);
        c->gained = 0;
    }
    if (c->state == CONNECTION_BODY) {
        request_add_body(c, bytes);
        if (request_exceeds_memory(c)) {
            request_drop_body(c); /* others need the room that it has taken */
            error_set(&err, ERROR_UNAVAILABLE, NULL);
            refuse(c, &err);
        } else {
            tell_body_part(c);
        }
        return;
    }
    c->dropped += bytes.len;
    if (c->dropped > DISCARD_BYTES_MAX)
        linger(c);
}

/* True when the handler has been called. */
static bool call_handler(struct connection *c)
{
    const struct http_handler *h = &c->server->handler;
    struct server_request *r = c->request;

    if (!is_unfinished(r))
        return false;
    if (r->is_body_due && !r->is_gone && !is_broken(c)) {
        r->is_body_due = false;
        h->on_body(c->server->handler_data, &r->public);
        return true;
    }
    if (r->is_woken) {
        r->is_woken = false;
        h->on_wake(c->server->handler_data, &r->public);
        return true;
    }
    return false;
}

static void on_message_end(struct connection *c)
{
    bool is_wanted = c->state == CONNECTION_BODY;

    c->state = CONNECTION_WAIT;
    stream_read_enough(c->stream); /* it is for the client to wait now */
    connection_wait(c, stream_pending(c->stream) ? WAIT_WRITE : WAIT_NONE);
    connection_wake(c);
    if (!is_wanted)
        return;
    request_complete_body(c);
    c->request->is_body_due = true;
    /* it is in the processor's cache now, and might not be at the turn's end */
    if (!c->request->is_body_in_place)
        call_handler(c);
}

/* Empty lines before a request are nothing (RFC 9112, 2.2). */
static void skip_line_ends(struct connection *c)
{
    while (c->rest.len && (c->rest.data[0] == '\r' || c->rest.data[0] == '\n'))
        c->rest = str_slice(c->rest, 1, c->rest.len);
}

/* False when nothing more can be done with what is there. */
static bool step(struct connection *c)
{
    struct str body;
    struct error err;
    size_t used;

    if (c->state == CONNECTION_IDLE) {
        skip_line_ends(c);
        if (!c->rest.len)
            return false;
        begin_request(c);
    }
    switch (http_parser_step(c->parser, c->rest, &used, &body, &err)) {
    case HTTP_PARSED_MORE:
        c->rest = STR_NONE;
        return false;
    case HTTP_PARSED_HEAD:
        c->rest = str_slice(c->rest, used, c->rest.len);
        on_head(c);
        return true;
    case HTTP_PARSED_BODY:
        c->rest = str_slice(c->rest, used, c->rest.len);
        on_body(c, body);
        return true;
    case HTTP_PARSED_END:
        c->rest = str_slice(c->rest, used, c->rest.len);
        on_message_end(c);
        return true;
    case HTTP_PARSED_FAILED:
        break;
    }
    refuse(c, &err);
    return false;
}

static void parse(struct connection *c)
{
    while (c->stream && c->state != CONNECTION_WAIT && c->state != CONNECTION_LINGER && step(c))
        ;
    if (c->stream)
        connection_make_room(c);
}

/* The amount is bounded as a body is: beyond that it is no client that only was a little late. */
static void drop(struct connection *c, struct str bytes)
{
    c->dropped += bytes.len;
    c->rest = STR_NONE;
    if (c->dropped > c->server->limits.body_bytes_max)
        cut(c);
    else
        connection_make_room(c);
}

static void on_read(void *data, struct str bytes)
{
    struct connection *c = data;

    if (c->state == CONNECTION_LINGER) {
        drop(c, bytes);
        return;
    }
    if (c->in && bytes.data == c->in + c->in_end) {
        c->in_end += bytes.len;
        if (c->rest.len)
            bytes = str_of(c->rest.data, c->rest.len + bytes.len);
    }
    c->rest = bytes;
    parse(c);
}

static void on_end(void *data, enum stream_end why)
{
    struct connection *c = data;

    c->is_ended = true;
    c->end = why;
    connection_wake(c);
}

static void on_drain(void *data)
{
    connection_wake(data);
}

static void on_shut(void *data)
{
    struct connection *c = data;

    c->is_shut = true;
    connection_wake(c);
}

static const struct stream_events events = {
    .on_space = connection_on_space,
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
    .on_shut = on_shut,
};

/* -- The end of a turn ------------------------------------------------------------------------- */

/* Tells a producer that was stopped to go on, and writes a head that waited for its first chunk. */
static void settle_reply(struct connection *c)
{
    struct server_request *r = c->request;
    size_t pending;

    if (r->pending_head.len)
        reply_flush_head(r);
    stream_flush(c->stream);
    pending = stream_pending(c->stream);
    if (!pending && c->wait == WAIT_WRITE)
        connection_wait(c, WAIT_NONE);
    else if (pending && c->wait == WAIT_NONE)
        connection_wait(c, WAIT_WRITE);
    if (r->is_full && pending < c->server->limits.reply_high_bytes / 2) {
        r->is_full = false;
        if (is_unfinished(r))
            c->server->handler.on_drain(c->server->handler_data, &r->public);
    }
}

/* The request is finished: the next one, or the end. */
static void settle_finished(struct connection *c)
{
    if (c->state == CONNECTION_LINGER) {
        request_free(c); /* it was refused while the handler knew of it */
        return;
    }
    if (c->request->is_aborted) {
        close_stream(c, false);
        return;
    }
    if (c->is_closing && c->state != CONNECTION_WAIT) {
        linger(c);
        request_free(c);
        return;
    }
    if (c->state != CONNECTION_WAIT && !c->is_closing)
        return;
    if (stream_pending(c->stream)) {
        connection_wait(c, WAIT_WRITE);
        return;
    }
    if (c->is_closing) {
        close_stream(c, true);
        return;
    }
    request_free(c);
    c->state = CONNECTION_IDLE;
    connection_wait(c, WAIT_IDLE);
    parse(c);
}

static void connection_free(struct connection *c)
{
    struct http_server *s = c->server;

    if (c->request)
        request_free(c);
    if (c->in) {
        explicit_bzero(c->in, c->in_size); /* a head that was not understood was not wiped */
        http_server_give_buffer(s, c->in, c->in_size);
    }
    http_parser_free(c->parser);
    http_server_remove(s, c);
    free(c);
}

/* Its last statement may be the connection's end. */
static void on_turn(struct turn_item *item)
{
    struct connection *c = CONTAINER_OF(item, struct connection, turn);

    if (call_handler(c)) {
        connection_wake(c); /* once it is sent what the handler has written */
        return;
    }
    if (c->stream && c->request && !c->request->is_gone)
        settle_reply(c);
    if (c->stream && c->request && c->request->is_finished)
        settle_finished(c);
    if (c->stream && (c->is_ended || c->is_shut))
        leave(c);
    if (c->stream && c->state == CONNECTION_IDLE && c->server->is_draining)
        close_stream(c, true);
    if (!c->stream && !is_unfinished(c->request)) {
        turn_remove(&c->server->turn, &c->turn);
        connection_free(c);
    }
}

void connection_write(struct connection *c, const struct str *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        c->written += parts[i].len;
    if (c->request->public.has_secrets)
        stream_keep_secret(c->stream);
    /* A failed stream tells its end by on_end. */
    stream_write(c->stream, parts, count);
    connection_wake(c); /* to see whether the socket has taken it */
}

void connection_new(struct http_server *s, struct stream *stream)
{
    struct connection *c = memory_alloc_at_line(sizeof(*c));

    c->server = s;
    c->stream = stream;
    c->parser = http_parser_new(HTTP_PARSER_REQUESTS, &s->parser_limits);
    c->turn.run = on_turn;
    snprintf(c->peer, sizeof(c->peer), "%s", stream_peer(stream));
    http_server_add(s, c);
    connection_wait(c, WAIT_FIRST);
    stream_set_events(stream, &events, c);
    stream_read_start(stream);
}
