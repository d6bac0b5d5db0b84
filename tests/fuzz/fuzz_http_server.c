/*
 * Bytes of a client into a connection. The first byte says how the handler behaves, the second how
 * the bytes are cut, how fast the client reads, how it ends, and whether what is no UTF-8 stands for
 * much of a body.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/net/fake_stream.h"
#include "net/http_server.h"
#include "fuzz.h"

static struct loop *l;
static struct http_server *server;
static uint8_t behaviour;
static struct http_request *kept;
static unsigned known, gone;

static void finish(struct http_request *r)
{
    struct http_header header = { STR("X-Echo"), r->host };
    struct http_headers headers = { .items = &header, .count = 1 };

    known--;
    kept = NULL;
    switch (behaviour >> 4 & 3) {
    case 0:
        http_reply(r, 200, &headers, r->body);
        break;
    case 1:
        http_reply_start(r, 200, &headers, STR_NONE);
        http_reply_chunk(r, STR("some"));
        http_reply_last_chunk(r, r->body);
        break;
    case 2:
        http_reply(r, 204, &headers, r->path);
        break;
    default:
        http_reply_abort(r);
        break;
    }
}

static void on_head(void *data, struct http_request *r)
{
    (void)data;
    check(known++ == 0 && !kept);
    check(r->target.len && r->path.len);
    kept = r;
    r->has_secrets = behaviour & 64;
    if ((behaviour & 3) == 1)
        finish(r);
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    check(kept == r && r->body.data[r->body.len] == '\0');
    if ((behaviour & 3) == 0)
        finish(r);
}

static void on_drain(void *data, struct http_request *r)
{
    (void)data;
    check(kept == r);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    check(kept == r);
    gone++;
    if (behaviour & 4)
        finish(r);
}

/* All of it is there to be read. */
static void on_body_part(void *data, struct http_request *r, struct str body, size_t content_length)
{
    (void)data;
    check(kept == r && body.len && body.len <= content_length);
    free(memcpy(malloc(body.len), body.data, body.len));
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    (void)headers;
    return arena_copy(r->arena, str_from(err->text));
}

/* All: what no longer holds when they are overwritten comes to light. */
static bool is_secret(struct str name)
{
    (void)name;
    return true;
}

static void start(void)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_body_part = on_body_part,
        .on_drain = on_drain,
        .on_gone = on_gone,
        .render_error = render_error,
        .is_secret = is_secret,
    };
    struct listener_options options = { .host = "127.0.0.1" };
    struct http_server_limits limits;
    struct error err;

    l = loop_new();
    http_server_limits_default(&limits);
    limits.head_bytes_max = 2048;
    limits.url_bytes_max = 256;
    limits.header_count_max = 16;
    limits.body_bytes_max = 100000;
    limits.bodies_bytes_max = 64000;
    limits.reply_high_bytes = 64;
    server = http_server_new(l, &limits, &handler, NULL);
    check(http_server_listen(server, &options, NULL, &err));
}

/* Each byte of 255 becomes so many, since no input is larger than a read buffer by itself. */
#define MANY_BYTES ((size_t)4096)
#define BYTES_MAX ((size_t)256 * 1024)

static void expand(struct buf *out, struct str bytes)
{
    static char many[MANY_BYTES];

    memset(many, 'x', sizeof(many));
    for (size_t i = 0; i < bytes.len; i++) {
        bool is_many = bytes.data[i] == '\xff' && buf_len(out) < BYTES_MAX;

        check(buf_append(out, is_many ? str_of(many, sizeof(many)) : str_slice(bytes, i, 1)));
    }
}

static void turn(void)
{
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    if (kept && behaviour & 8)
        finish(kept);
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    struct str bytes;
    struct stream *s;
    size_t step;

    if (size < 2)
        return 0;
    if (!server)
        start();
    behaviour = data[0];
    step = (size_t[]){ 1, 7, 100, SIZE_MAX }[data[1] & 3];
    buf_init(&out, SIZE_MAX / 4);
    if (data[1] & 32) {
        step = (size_t[]){ 999, 7000, 17000, SIZE_MAX }[data[1] & 3];
        expand(&out, str_of((const char *)data + 2, size - 2));
    } else {
        check(buf_append(&out, str_of((const char *)data + 2, size - 2)));
    }
    bytes = buf_str(&out);
    known = gone = 0;
    s = fake_connect();
    s->window = data[1] & 4 ? 32 : SIZE_MAX;
    while (bytes.len && !s->is_closed) {
        fake_feed(s, str_slice(bytes, 0, step), data[1] & 8 ? step / 3 : 0);
        bytes = str_slice(bytes, step, SIZE_MAX);
        if (!s->is_closed)
            fake_take(s, 16);
        turn();
    }
    fake_end(s, data[1] & 16 ? STREAM_END_EOF : STREAM_END_RESET);
    turn();
    /* one that has only ended its sending side gets an answer to each of its requests */
    for (unsigned requests = 0; requests < size && (kept || !s->is_closed); requests++) {
        if (kept)
            finish(kept);
        if (!s->is_closed)
            fake_take(s, SIZE_MAX / 2);
        turn();
    }
    check(s->is_closed && !known && !kept && gone <= 1);
    check(!buf_len(&s->out) || str_starts_with(buf_str(&s->out), STR("HTTP/1.1 ")));
    check(http_server_stats(server).connections_open == 0);
    check(http_server_stats(server).requests_active == 0);
    fake_free_all();
    buf_done(&out);
    return 0;
}
