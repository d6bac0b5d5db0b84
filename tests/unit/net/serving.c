/* SPDX-License-Identifier: MIT */
#include "serving.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct loop *l;
struct http_server *server;
struct http_server_limits limits;
bool is_drained;

void (*do_on_head)(struct http_request *r);
void (*do_on_body)(struct http_request *r);
void (*do_on_drain)(struct http_request *r);
void (*do_on_wake)(struct http_request *r);
void (*do_on_body_part)(struct http_request *r, struct str body, size_t content_length);
void (*do_on_gone)(struct http_request *r);
void (*do_on_time_up)(struct http_request *r);
unsigned heads, bodies, drains, gones, errors;
struct http_request *kept;
struct buf seen;

static void note(struct str s)
{
    assert_true(buf_append(&seen, s));
}

static void on_head(void *data, struct http_request *r)
{
    assert_ptr_equal(data, &server);
    heads++;
    if (do_on_head)
        do_on_head(r);
}

static void on_body(void *data, struct http_request *r)
{
    (void)data;
    bodies++;
    assert_int_equal(r->body.data[r->body.len], '\0');
    note(str_from(http_method_name(r->method)));
    note(STR(" "));
    note(r->path);
    if (r->query.data) {
        note(STR("?"));
        note(r->query);
    }
    note(STR(" "));
    note(r->body);
    note(STR(";"));
    do_on_body(r);
}

static void on_body_part(void *data, struct http_request *r, struct str body, size_t content_length)
{
    assert_ptr_equal(data, &server);
    if (do_on_body_part)
        do_on_body_part(r, body, content_length);
}

static void on_drain(void *data, struct http_request *r)
{
    (void)data;
    drains++;
    if (do_on_drain)
        do_on_drain(r);
}

static void on_wake(void *data, struct http_request *r)
{
    assert_ptr_equal(data, &server);
    do_on_wake(r);
}

static void on_gone(void *data, struct http_request *r)
{
    (void)data;
    gones++;
    if (do_on_gone)
        do_on_gone(r);
}

static void on_time_up(void *data, struct http_request *r)
{
    (void)data;
    if (do_on_time_up)
        do_on_time_up(r);
}

static struct str render_error(void *data, struct http_request *r, const struct error *err,
                               struct http_headers *headers)
{
    (void)data;
    errors++;
    headers->items = ARENA_ARRAY(r->arena, struct http_header, 1);
    headers->items[0] = (struct http_header){ STR("X-Error"), STR("yes") };
    headers->count = 1;
    return arena_printf(r->arena, "{%s}", error_info(err->code)->name);
}

void reply_body(struct http_request *r)
{
    http_reply(r, 200, NULL, r->body);
}

void keep(struct http_request *r)
{
    kept = r;
}

void start_and_keep(struct http_request *r)
{
    http_reply_start(r, 200, NULL, STR_NONE);
    assert_true(http_reply_is_started(r));
    keep(r);
}

void abort_request(struct http_request *r)
{
    http_reply_abort(r);
}

int serving_set_up(void **state)
{
    (void)state;
    l = loop_new();
    http_server_limits_default(&limits);
    server = NULL;
    do_on_head = NULL;
    do_on_body = reply_body;
    do_on_drain = NULL;
    do_on_wake = NULL;
    do_on_body_part = NULL;
    do_on_gone = abort_request;
    do_on_time_up = NULL;
    heads = bodies = drains = gones = errors = 0;
    kept = NULL;
    is_drained = false;
    buf_init(&seen, SIZE_MAX / 4);
    return 0;
}

static void start(void)
{
    static const struct http_handler handler = {
        .on_head = on_head,
        .on_body = on_body,
        .on_body_part = on_body_part,
        .on_drain = on_drain,
        .on_wake = on_wake,
        .on_gone = on_gone,
        .render_error = render_error,
        .on_time_up = on_time_up,
    };
    struct listener_options options = { .host = "127.0.0.1" };
    struct error err;

    server = http_server_new(l, &limits, &handler, &server);
    assert_true(http_server_listen(server, &options, NULL, &err));
}

struct stream *client(void)
{
    if (!server)
        start();
    return fake_connect();
}

void turn(void)
{
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
}

size_t feed(struct stream *s, struct str bytes, size_t step)
{
    size_t fed = fake_feed(s, bytes, step);

    turn();
    return fed;
}

static void on_drained(void *data)
{
    assert_ptr_equal(data, &is_drained);
    is_drained = true;
}

void drain(uint64_t grace_ms)
{
    http_server_drain(server, grace_ms, on_drained, &is_drained);
}

int serving_tear_down(void **state)
{
    (void)state;
    if (server && !is_drained)
        drain(0);
    loop_stop(l);
    loop_run(l);
    assert_true(!server || is_drained);
    if (server)
        assert_int_equal(http_server_stats(server).requests_active, 0);
    http_server_free(server);
    assert_int_equal(fake_free_all(), 0);
    loop_free(l);
    buf_done(&seen);
    return 0;
}

/* `text` with the value of Date replaced by "*". */
struct str without_date(struct str text)
{
    static char out[65536];
    size_t len = 0;

    while (text.len) {
        size_t at = str_find(text, STR("\r\nDate: "));
        size_t upto = at == SIZE_MAX ? text.len : at + STR("\r\nDate: ").len;

        assert_true(len + upto + 1 < sizeof(out));
        memcpy(out + len, text.data, upto);
        len += upto;
        text = str_slice(text, upto, text.len);
        if (at != SIZE_MAX) {
            assert_true(str_ends_with(str_slice(text, 0, 29), STR(" GMT")));
            out[len++] = '*';
            text = str_slice(text, 29, text.len);
        }
    }
    return str_of(out, len);
}

void expect(struct str text, const char *wanted)
{
    if (!str_equal(text, str_from(wanted)))
        fail_msg("got\n%.*s\ninstead of\n%s", STR_ARGS(text), wanted);
}

void expect_written(struct stream *s, const char *wanted)
{
    turn();
    expect(without_date(fake_written(s)), wanted);
}

void expect_refused(struct stream *s, const char *name)
{
    char end[64];
    struct str reply;

    turn();
    reply = fake_written(s);
    snprintf(end, sizeof(end), "\r\n\r\n{%s}", name);
    if (!str_ends_with(reply, str_from(end)) || str_find(reply, STR("X-Error: yes")) == SIZE_MAX ||
        str_find(reply, STR("Connection: close\r\n")) == SIZE_MAX)
        fail_msg("got\n%.*s\ninstead of %s", STR_ARGS(reply), name);
    /* the client sees the end at once, and what it still sends is read */
    assert_true(s->is_closed || s->is_shut);
}
