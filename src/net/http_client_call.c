/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include <utlist.h>

#include "base/format.h"
#include "base/memory.h"
#include "net/http_client_private.h"
#include "net/http_write.h"

/* Room for what a head has besides the method, the path, the host and the caller's headers. */
#define HEAD_ROOM 128

/* -- The request ------------------------------------------------------------------------------- */

/* A request of these methods says how long its body is, even when it has none. */
static bool has_length(const struct http_client_request *request)
{
    return request->body_part_count || request->method == HTTP_POST ||
           request->method == HTTP_PUT || request->method == HTTP_PATCH;
}

static struct str make_head(const struct http_client_call *call)
{
    const struct http_client_request *request = &call->request;
    struct http_client *c = call->client;
    struct str host = request->host.len ? request->host : str_from(call->link->pool->host);
    size_t room =
        HEAD_ROOM + request->path.len + host.len + http_write_headers_room(&request->headers);
    size_t body_len = 0;
    char *at;

    if (room > c->head_size) {
        c->head = memory_realloc(c->head, 2 * room);
        c->head_size = 2 * room;
    }
    for (unsigned i = 0; i < request->body_part_count; i++)
        body_len += request->body_parts[i].len;
    at = http_write_raw(c->head, str_from(http_method_name(request->method)));
    *at++ = ' ';
    at = http_write_text(at, request->path);
    at = http_write_raw(at, STR(" HTTP/1.1\r\n"));
    at = http_write_line(at, STR("Host: "), host);
    for (size_t i = 0; i < request->headers.count; i++)
        at = http_write_header(at, request->headers.items[i].name, request->headers.items[i].value);
    at = http_write_raw(at, request->headers.lines);
    if (has_length(request)) {
        at = http_write_raw(at, STR("Content-Length: "));
        at = format_put_decimal(at, body_len);
        at = http_write_raw(at, STR("\r\n"));
    }
    at = http_write_raw(at, STR("\r\n"));
    return str_of(c->head, (size_t)(at - c->head));
}

/* Sets the deadline to be that long from now; 0: none. */
static void set_deadline(struct http_client_call *call, uint64_t timeout_ms)
{
    struct http_client *c = call->client;

    call->deadline_ms = timeout_ms ? loop_now_ms(c->loop) + timeout_ms : NO_DEADLINE;
    if (call->deadline_ms < c->next_deadline_ms)
        c->next_deadline_ms = call->deadline_ms;
}

void call_write(struct http_client_call *call)
{
    const struct http_client_request *request = &call->request;
    struct str parts[STREAM_WRITE_PARTS_MAX], head = make_head(call);
    unsigned count = 1;

    parts[0] = head;
    for (unsigned i = 0; i < request->body_part_count; i++) {
        if (count == STREAM_WRITE_PARTS_MAX) {
            stream_write(call->link->stream, parts, count);
            count = 0;
        }
        parts[count++] = request->body_parts[i];
    }
    /* A stream that has failed tells its end by on_end. */
    stream_write(call->link->stream, parts, count);
    explicit_bzero(call->client->head, head.len); /* with the upstream's key */
    set_deadline(call, request->head_timeout_ms);
}

struct http_client_call *http_client_send(struct http_client *c,
                                          const struct http_client_request *request,
                                          const struct http_client_events *events, void *data)
{
    struct arena *a = arena_new(loop_arenas(c->loop));
    struct http_client_call *call = arena_alloc_at_line(a, sizeof(*call));

    assert(!c->is_closing && request->method != HTTP_OTHER);
    call->client = c;
    call->arena = a;
    call->request = *request;
    call->idle_timeout_ms = request->idle_timeout_ms;
    call->events = events;
    call->data = data;
    call->deadline_ms = NO_DEADLINE; /* while it connects, the stream keeps the time */
    DL_APPEND(c->calls, call);
    client_sweep(c);
    link_attach(call, client_pool(c, a, request->address), false);
    return call;
}

/* -- The callbacks ----------------------------------------------------------------------------- */

static void free_if_cancelled(struct http_client_call *call)
{
    call->is_inside = false;
    if (call->is_cancelled)
        arena_free(call->arena);
}

void call_head(struct http_client_call *call, const struct http_head *head)
{
    call->has_head = true;
    set_deadline(call, call->idle_timeout_ms);
    call->is_inside = true;
    call->events->on_head(call->data, head->status, &head->headers);
    free_if_cancelled(call);
}

void call_body(struct http_client_call *call, struct str bytes)
{
    if (!call->is_paused)
        set_deadline(call, call->idle_timeout_ms);
    call->is_inside = true;
    call->events->on_body(call->data, bytes);
    free_if_cancelled(call);
}

static void end(struct http_client_call *call)
{
    DL_DELETE(call->client->calls, call);
    call->is_ending = true;
}

void call_end(struct http_client_call *call)
{
    end(call);
    call->events->on_end(call->data);
    arena_free(call->arena);
}

void call_fail(struct http_client_call *call, enum http_failure failure, const char *text)
{
    end(call);
    link_close(call->link);
    call->events->on_failure(call->data, failure, text);
    arena_free(call->arena);
}

void http_client_cancel(struct http_client_call *call)
{
    if (call->is_ending)
        return;
    end(call);
    link_close(call->link);
    if (call->is_inside)
        call->is_cancelled = true;
    else
        arena_free(call->arena);
}

void http_client_pause(struct http_client_call *call)
{
    if (call->is_ending || call->is_paused)
        return;
    call->is_paused = true;
    stream_read_stop(call->link->stream);
    if (call->has_head)
        call->deadline_ms = NO_DEADLINE;
}

void http_client_resume(struct http_client_call *call)
{
    if (call->is_ending || !call->is_paused)
        return;
    call->is_paused = false;
    stream_read_start(call->link->stream);
    if (call->has_head)
        set_deadline(call, call->idle_timeout_ms);
}
