/*
 * Where a connection reads into: its buffer `in`, or the body's own, and whether it reads at all.
 * SPDX-License-Identifier: MIT
 */
#include "net/http_server_private.h"

#include "base/memory.h"

/* Few heads are longer. Where a large body is to be expected behind one, what is read together with the head
 * would have to be copied to where the rest of the body is read. */
#define HEAD_BYTES_USUAL ((size_t)2048)

/* One byte is kept for the NUL behind a body; where that has moved what follows, there is none. */
static size_t room(const struct connection *c)
{
    return c->in_end + 1 < c->in_size ? c->in_size - c->in_end - 1 : 0;
}

/* Moves what is in `in` from `at` on to the front of `to`, of `size` bytes. No string in it has
 * been lent to the handler. */
static void relocate(struct connection *c, size_t at, char *to, size_t size)
{
    char *from = c->in;

    memmove(to, from + at, c->in_end - at);
    http_parser_moved(c->parser, from + at, to);
    if (c->rest.len)
        c->rest.data = to + (c->rest.data - (from + at));
    /* what stays behind may be a key */
    if (to != from)
        explicit_bzero(from, c->in_end);
    else
        explicit_bzero(to + (c->in_end - at), at);
    c->in_end -= at;
    c->head_at = 0;
    if (to != from)
        http_server_give_buffer(c->server, from, c->in_size);
    c->in = to;
    c->in_size = size;
}

void connection_make_head_room(struct connection *c)
{
    if (room(c) < SERVER_ROOM_MIN && c->head_at)
        relocate(c, c->head_at, c->in, c->in_size);
    if (room(c) < SERVER_ROOM_MIN)
        relocate(c, 0, memory_realloc(NULL, 2 * c->in_size), 2 * c->in_size);
}

static void make_body_room(struct connection *c)
{
    struct server_request *r = c->request;

    if (r->is_chunked && r->is_body_in_place && room(c) < SERVER_ROOM_MIN) {
        request_spill_body(c);
        c->in_end = c->pinned;
    }
}

void connection_make_room(struct connection *c)
{
    bool is_full;

    if (!c->rest.len && c->state == CONNECTION_IDLE && c->in) {
        http_server_give_buffer(c->server, c->in, c->in_size);
        c->in = NULL;
        c->in_size = c->in_end = 0;
    } else if (!c->rest.len && c->state != CONNECTION_HEAD) {
        c->in_end = c->pinned; /* what was parsed and is not lent is done with */
    }
    if (c->state == CONNECTION_HEAD)
        connection_make_head_room(c);
    else if (c->state == CONNECTION_BODY)
        make_body_room(c);
    is_full = c->in && room(c) == 0;
    if (is_full && !c->is_read_paused) {
        stream_read_stop(c->stream);
        stream_watch(c->stream); /* without a descriptor for it, its leaving is noticed later */
    } else if (!is_full && c->is_read_paused) {
        c->is_shut = false; /* reading comes upon it, behind a body that has still to be read */
        stream_read_start(c->stream);
    }
    c->is_read_paused = is_full;
}

struct stream_space connection_on_space(void *data)
{
    struct connection *c = data;
    size_t len;

    if (request_reads_body(c))
        return request_body_space(c);
    if (!c->in) {
        c->in = http_server_take_buffer(c->server);
        c->in_size = SERVER_BUFFER_BYTES;
        c->in_end = 0;
    }
    len = room(c);
    if (c->had_large_body && c->state == CONNECTION_IDLE && len > HEAD_BYTES_USUAL)
        len = HEAD_BYTES_USUAL;
    return (struct stream_space){ c->in + c->in_end, len };
}
