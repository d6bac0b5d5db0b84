/*
 * Replies of the HTTP server. A head is put together by hand in the server's own buffer and leaves
 * in one write with what follows it.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_server_private.h"

#include <assert.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/memory.h"
#include "net/http_write.h"

/* Room for the status line without its phrase, and for all headers that the server adds. */
#define HEAD_ROOM 256

/* What the reply says about its length. */
enum framing { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_NONE };

/* The Date header shows the time outside, whatever clock the service was given. */
static const struct clock wall_clock;

static struct server_request *own(struct http_request *r)
{
    return CONTAINER_OF(r, struct server_request, public);
}

static const struct server_request *seen(const struct http_request *r)
{
    static_assert(offsetof(struct server_request, public) == 0, "a cast is enough");
    return (const struct server_request *)(const void *)r;
}

static struct str date(struct http_server *s)
{
    uint64_t now_ms = loop_now_ms(s->loop);

    if (now_ms >= s->date_until_ms) {
        int64_t wall_ms = clock_now_ms(&wall_clock);

        format_http_date(s->date, wall_ms);
        s->date_until_ms = now_ms + 1000 - (uint64_t)wall_ms % 1000;
    }
    return str_from(s->date);
}

/* Headers that only the server says. */
static bool is_servers(struct str name)
{
    switch (name.len) {
    case 4:
        return str_equal_nocase(name, STR("Date"));
    case 10:
        return str_equal_nocase(name, STR("Connection")) ||
               str_equal_nocase(name, STR("Keep-Alive"));
    case 14:
        return str_equal_nocase(name, STR("Content-Length"));
    case 17:
        return str_equal_nocase(name, STR("Transfer-Encoding"));
    default:
        return false;
    }
}

/* Whether another request can follow on this connection. */
static void decide_close(struct server_request *r)
{
    struct connection *c = r->connection;
    bool has_unread =
        c->state == CONNECTION_BODY && (r->expects_continue || request_has_long_rest(c));

    if (!r->keeps_alive || has_unread || c->server->says_close)
        c->is_closing = true;
}

static char *write_headers(char *at, struct connection *c, const struct http_headers *headers)
{
    for (size_t i = 0; headers && i < headers->count; i++) {
        const struct http_header *h = &headers->items[i];

        if (!is_servers(h->name))
            at = http_write_header(at, h->name, h->value);
        else if (str_equal_nocase(h->value, STR("close")))
            c->is_closing = true;
    }
    return headers ? http_write_raw(at, headers->lines) : at;
}

/* The head of the reply, in the server's buffer until the next one is made. */
static struct str make_head(struct server_request *r, int status, const char *phrase,
                            const struct http_headers *headers, enum framing framing, size_t length)
{
    struct connection *c = r->connection;
    struct http_server *s = c->server;
    struct str reason = str_from(phrase ? phrase : http_status_phrase(status));
    size_t room = HEAD_ROOM + reason.len + (headers ? http_write_headers_room(headers) : 0);
    char *at;

    if (room > s->head_size) {
        s->head = memory_realloc_secret(s->head, 2 * room); /* another reply's may hold a code */
        s->head_size = 2 * room;
    }
    decide_close(r);
    at = http_write_raw(s->head, STR("HTTP/1.1 "));
    at = format_put_decimal(at, (uint64_t)status);
    *at++ = ' ';
    at = http_write_text(at, reason);
    at = http_write_raw(at, STR("\r\nDate: "));
    at = http_write_raw(at, date(s));
    at = http_write_raw(at, STR("\r\n"));
    at = write_headers(at, c, headers);
    if (framing == FRAMING_LENGTH) {
        at = http_write_raw(at, STR("Content-Length: "));
        at = format_put_decimal(at, length);
        at = http_write_raw(at, STR("\r\n"));
    } else if (framing == FRAMING_CHUNKED) {
        at = http_write_raw(at, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (c->is_closing)
        at = http_write_raw(at, STR("Connection: close\r\n"));
    else if (r->is_http10)
        at = http_write_raw(at, STR("Connection: keep-alive\r\n"));
    at = http_write_raw(at, STR("\r\n"));
    return str_of(s->head, (size_t)(at - s->head));
}

/* RFC 9110, 6.4.1: these have no body, whatever the handler says. */
static bool has_no_body(int status)
{
    return status < 200 || status == 204 || status == 304;
}

static void write_whole(struct server_request *r, int status, const char *phrase,
                        const struct http_headers *headers, struct str body)
{
    struct str parts[2];

    parts[0] = make_head(r, status, phrase, headers,
                         has_no_body(status) ? FRAMING_NONE : FRAMING_LENGTH, body.len);
    parts[1] = body;
    connection_write(r->connection, parts, body.len && !r->is_head && !has_no_body(status) ? 2 : 1);
}

static void finish(struct server_request *r)
{
    struct connection *c = r->connection;

    assert(r->is_known && !r->is_finished);
    r->is_finished = true;
    c->server->stats.requests_active--;
    if (c->state == CONNECTION_BODY) {
        c->state = CONNECTION_DISCARD;
        c->dropped = 0;
    }
    connection_wake(c);
}

/* Replies go nowhere once the client has left. */
static bool is_heard(const struct server_request *r)
{
    return !r->is_gone && r->connection->stream;
}

void http_reply_with_phrase(struct http_request *public, int status, const char *phrase,
                            const struct http_headers *headers, struct str body)
{
    struct server_request *r = own(public);

    if (is_heard(r)) {
        assert(!r->is_started);
        r->is_started = true;
        write_whole(r, status, phrase, headers, body);
    }
    finish(r);
}

void http_reply(struct http_request *public, int status, const struct http_headers *headers,
                struct str body)
{
    http_reply_with_phrase(public, status, NULL, headers, body);
}

bool reply_error(struct connection *c, const struct error *err)
{
    struct http_server *s = c->server;
    struct server_request *r = c->request;
    struct http_headers headers = { 0 };
    struct str body;

    if (r->is_started)
        return false;
    /* A head that was not understood may still have told its method. */
    if (str_equal(http_parser_head(c->parser)->method_name, STR("HEAD")))
        r->is_head = true;
    c->is_closing = true;
    body = s->handler.render_error(s->handler_data, &r->public, err, &headers);
    write_whole(r, error_info(err->code)->status, NULL, &headers, body);
    return true;
}

bool reply_probe(struct server_request *r)
{
    struct str probe = STR("HTTP/1.1 100 Continue\r\n\r\n"); /* RFC 9110, 15.2: may come any time */

    if (r->is_http10 || (r->is_started && (!r->is_chunked_reply || !r->has_reply_body)))
        return false;
    if (r->is_started)
        probe = STR("0"); /* RFC 9112, 7.1: the next chunk's size has a digit more */
    connection_write(r->connection, &probe, 1);
    return true;
}

void reply_flush_head(struct server_request *r)
{
    struct str head = r->pending_head;

    r->pending_head = STR_NONE;
    connection_write(r->connection, &head, 1);
}

/* What has to be written of: the head, a chunk, the end; all in one write. */
static void write_chunk(struct server_request *r, struct str bytes, bool is_last)
{
    struct connection *c = r->connection;
    char size[HTTP_WRITE_HEX_MAX + 2];
    struct str parts[5];
    unsigned count = 0;

    if (r->pending_head.len)
        parts[count++] = r->pending_head;
    r->pending_head = STR_NONE;
    if (r->has_reply_body && bytes.len && r->is_chunked_reply) {
        char *at = http_write_raw(http_write_hex(size, bytes.len), STR("\r\n"));

        parts[count++] = str_of(size, (size_t)(at - size));
        parts[count++] = bytes;
        parts[count++] = is_last ? STR("\r\n0\r\n\r\n") : STR("\r\n");
    } else if (r->has_reply_body && bytes.len) {
        parts[count++] = bytes;
    } else if (r->has_reply_body && r->is_chunked_reply && is_last) {
        parts[count++] = STR("0\r\n\r\n");
    }
    if (!count)
        return;
    connection_write(c, parts, count);
    if (stream_pending(c->stream) >= c->server->limits.reply_high_bytes)
        r->is_full = true;
}

void http_reply_start(struct http_request *public, int status, const struct http_headers *headers,
                      struct str first)
{
    struct server_request *r = own(public);
    enum framing framing = FRAMING_CHUNKED;
    struct str head;

    assert(!r->is_finished && !r->is_started);
    r->is_started = true; /* for the handler, though nobody may hear it */
    if (!is_heard(r))
        return;
    r->has_reply_body = !r->is_head && !has_no_body(status);
    r->is_chunked_reply = !r->is_http10;
    if (has_no_body(status)) {
        framing = FRAMING_NONE;
    } else if (r->is_http10) {
        framing = FRAMING_NONE;
        r->connection->is_closing = true;
    }
    head = make_head(r, status, NULL, headers, framing, 0);
    if (first.len) {
        r->pending_head = head;
        write_chunk(r, first, false);
        return;
    }
    r->pending_head = arena_copy(public->arena, head);
    connection_wake(r->connection);
}

void http_request_forget(struct http_request *public)
{
    if (is_heard(own(public)))
        request_forget(own(public)->connection);
}

void http_reply_chunk(struct http_request *public, struct str bytes)
{
    struct server_request *r = own(public);

    assert(r->is_started && !r->is_finished);
    if (is_heard(r) && bytes.len)
        write_chunk(r, bytes, false);
}

void http_reply_last_chunk(struct http_request *public, struct str bytes)
{
    struct server_request *r = own(public);

    assert(r->is_started && !r->is_finished);
    if (is_heard(r))
        write_chunk(r, bytes, true);
    finish(r);
}

void http_request_wake(struct http_request *public)
{
    own(public)->is_woken = true;
    connection_wake(own(public)->connection);
}

void http_reply_abort(struct http_request *public)
{
    struct server_request *r = own(public);

    r->is_aborted = true;
    finish(r);
}

void http_reply_prefetch(const struct http_request *public, struct prefetch *p)
{
    const struct server_request *r = seen(public);

    prefetch_add(p, &r->public.has_secrets, 2); /* to `has_reply_body` */
    prefetch_add(p, r->connection, 2);
    if (r->connection->stream)
        stream_prefetch(r->connection->stream, p);
}

bool http_reply_is_full(const struct http_request *public)
{
    return seen(public)->is_full && is_heard(seen(public));
}

bool http_reply_is_started(const struct http_request *public)
{
    return seen(public)->is_started;
}
