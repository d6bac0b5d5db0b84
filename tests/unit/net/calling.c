/* SPDX-License-Identifier: MIT */
#include "calling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct loop *l;
struct http_client *client;
struct http_client_options options;
bool is_closed;

const struct stream_address address = { .host = "127.0.0.1", .port = 8080 };

struct result first, second;

static void note(struct result *result, struct str s)
{
    assert_true(buf_append(&result->text, s));
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct result *result = data;

    assert_int_equal(result->ends, 0);
    assert_true(buf_printf(&result->text, "%d", status));
    for (size_t i = 0; i < headers->count; i++)
        assert_true(buf_printf(&result->text, " %.*s=%.*s", STR_ARGS(headers->items[i].name),
                               STR_ARGS(headers->items[i].value)));
    note(result, STR("|"));
    if (result->cancels_on_head)
        http_client_cancel(result->call);
    if (result->pauses_on_head)
        http_client_pause(result->call);
}

static void on_body(void *data, struct str bytes)
{
    struct result *result = data;

    assert_int_equal(result->ends, 0);
    note(result, bytes);
    if (result->cancels_on_body)
        http_client_cancel(result->call);
}

static void on_last(struct result *result)
{
    assert_int_equal(result->ends++, 0);
    if (result->cancels_on_last)
        http_client_cancel(result->call);
    if (result->sends_next)
        send_get(result->sends_next);
}

void on_end(void *data)
{
    note(data, STR("|end"));
    on_last(data);
}

static const char *const failures[] = {
    [HTTP_FAILURE_CONNECT] = "connect",
    [HTTP_FAILURE_TLS] = "tls",
    [HTTP_FAILURE_CONNECT_TIMEOUT] = "connect timeout",
    [HTTP_FAILURE_HEAD_TIMEOUT] = "head timeout",
    [HTTP_FAILURE_IDLE_TIMEOUT] = "idle timeout",
    [HTTP_FAILURE_CLOSED] = "closed",
    [HTTP_FAILURE_MALFORMED] = "malformed",
};

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct result *result = data;

    assert_true(text && *text);
    assert_true(buf_printf(&result->text, "|%s", failures[failure]));
    on_last(result);
}

const struct http_client_events events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
    .on_failure = on_failure,
};

struct http_client_request get = { .address = &address, .method = HTTP_GET };

void send_request(struct result *result, const struct http_client_request *request)
{
    result->call = http_client_send(client, request, &events, result);
}

void send_get(struct result *result)
{
    send_request(result, &get);
}

int calling_set_up(void **state)
{
    (void)state;
    l = loop_new();
    http_client_options_default(&options);
    client = NULL;
    is_closed = false;
    get = (struct http_client_request){ .address = &address, .path = STR("/g") };
    first = second = (struct result){ 0 };
    buf_init(&first.text, SIZE_MAX / 4);
    buf_init(&second.text, SIZE_MAX / 4);
    return 0;
}

void start(void)
{
    client = http_client_new(l, &options);
}

void on_closed(void *data)
{
    assert_ptr_equal(data, &is_closed);
    is_closed = true;
}

int calling_tear_down(void **state)
{
    (void)state;
    if (client) {
        http_client_close(client, on_closed, &is_closed);
        assert_false(is_closed);
    }
    loop_stop(l);
    loop_run(l);
    assert_true(!client || is_closed);
    assert_int_equal(fake_free_all(), 0);
    loop_free(l);
    buf_done(&first.text);
    buf_done(&second.text);
    return 0;
}

/* A call on a new connection, its request written. */
struct stream *connected(struct result *result)
{
    struct stream *s;

    if (!client)
        start();
    send_get(result);
    s = fake_connecting();
    assert_non_null(s);
    assert_int_equal(s->writes, 0);
    fake_connected(s);
    assert_int_equal(s->writes, 1);
    fake_written(s);
    return s;
}

void expect(struct result *result, const char *wanted)
{
    if (!str_equal(buf_str(&result->text), str_from(wanted)))
        fail_msg("got '%.*s' instead of '%s'", STR_ARGS(buf_str(&result->text)), wanted);
}

void clear(struct result *result)
{
    buf_clear(&result->text);
    result->ends = 0;
}
