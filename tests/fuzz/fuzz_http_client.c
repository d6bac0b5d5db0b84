/*
 * Bytes of a server as the answer to a call. The first byte says how the caller behaves and how the
 * bytes are cut.
 * SPDX-License-Identifier: MIT
 */
#include "../unit/net/fake_stream.h"
#include "net/http_client.h"
#include "fuzz.h"

static struct loop *l;
static struct http_client *client;
static struct http_client_call *call;
static uint8_t behaviour;
static bool has_head, has_ended;
static size_t body_len;

static void cancel(void)
{
    http_client_cancel(call);
    call = NULL;
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    (void)data;
    check(call && !has_head && !has_ended && status >= 200 && status <= 999);
    for (size_t i = 0; i < headers->count; i++)
        check(headers->items[i].name.len && headers->items[i].value.data);
    has_head = true;
    if (behaviour & 1)
        cancel();
    else if (behaviour & 2)
        http_client_pause(call);
}

static void on_body(void *data, struct str bytes)
{
    (void)data;
    check(call && has_head && !has_ended && bytes.len);
    body_len += bytes.len;
    if (behaviour & 4 && body_len > 10)
        cancel();
}

static void on_end(void *data)
{
    (void)data;
    check(call && has_head && !has_ended);
    has_ended = true;
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    (void)data;
    (void)failure;
    check(call && !has_ended && text);
    has_ended = true;
}

static void send_call(void)
{
    static const struct http_client_events events = {
        .on_head = on_head,
        .on_body = on_body,
        .on_end = on_end,
        .on_failure = on_failure,
    };
    static const struct stream_address address = { .host = "127.0.0.1", .port = 1 };
    struct http_client_request request = {
        .address = &address,
        .method = behaviour & 8 ? HTTP_HEAD : HTTP_GET,
        .path = STR("/"),
    };

    has_head = has_ended = false;
    body_len = 0;
    call = http_client_send(client, &request, &events, NULL);
}

/* Gives the call what is there, and again a call for as long as one ends well. */
static void answer(struct stream *s, struct str bytes, size_t step)
{
    while (bytes.len && !s->is_closed) {
        size_t fed = fake_feed(s, str_slice(bytes, 0, step), 0);

        bytes = str_slice(bytes, fed, bytes.len);
        if (has_ended && !s->is_closed)
            send_call();
        else if (!has_ended && call && !s->is_reading)
            http_client_resume(call);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_client_options options;
    struct stream *s;

    if (!size)
        return 0;
    if (!client) {
        l = loop_new();
        http_client_options_default(&options);
        options.head_bytes_max = (size_t)12 * 1024; /* more than is held of one at first */
        client = http_client_new(l, &options);
    }
    behaviour = data[0];
    send_call();
    s = fake_connecting();
    fake_connected(s);
    answer(s, str_of((const char *)data + 1, size - 1),
           (size_t[]){ 1, 7, 100, size }[data[0] >> 6]);
    if (!s->is_closed && !s->is_reading && call && !has_ended)
        http_client_resume(call);
    fake_end(s, behaviour & 16 ? STREAM_END_EOF : STREAM_END_RESET);
    if (fake_connecting()) /* it was sent again */
        fake_refuse(fake_connecting());
    check(!call || has_ended);
    check(s->is_closed);
    call = NULL;
    uv_run(loop_uv(l), UV_RUN_NOWAIT);
    fake_free_all();
    return 0;
}
