/* SPDX-License-Identifier: MIT */
#include "cli/fetch.h"

#include "base/buf.h"
#include "net/http_client.h"
#include "net/url.h"

#define ANSWER_BYTES_MAX ((size_t)1024 * 1024)
#define TIMEOUT_MS 10000

struct fetching {
    struct loop *loop;
    struct http_client *client;
    struct buf body;
    int status;
    bool ok;
    struct error *err;
};

static void on_closed(void *data)
{
    struct fetching *f = data;

    loop_stop(f->loop);
}

static void finish(struct fetching *f, bool ok)
{
    f->ok = ok;
    http_client_close(f->client, on_closed, f);
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct fetching *f = data;

    (void)headers;
    f->status = status;
}

static void on_body(void *data, struct str bytes)
{
    struct fetching *f = data;

    if (!buf_append(&f->body, bytes))
        finish(f, error_set(f->err, ERROR_IO, "the answer is too large"));
}

static void on_end(void *data)
{
    finish(data, true);
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct fetching *f = data;

    (void)failure;
    finish(f, error_set(f->err, ERROR_IO, "%s", text));
}

/* Runs the call to its end. */
static void run(struct fetching *f, const struct http_client_request *request)
{
    static const struct http_client_events events = { on_head, on_body, on_end, on_failure };
    struct http_client_options options;

    http_client_options_default(&options);
    f->loop = loop_new();
    f->client = http_client_new(f->loop, &options);
    (void)http_client_send(f->client, request, &events, f);
    loop_run(f->loop);
    loop_free(f->loop);
}

bool fetch(struct arena *a, const struct fetch_request *request, struct fetch_answer *answer,
           struct error *err)
{
    struct fetching f = { .err = err };
    struct stream_address address;
    struct http_client_request call;
    struct url url;
    const char *why;

    if (!url_parse(a, request->endpoint, &url, &why))
        return error_set(err, ERROR_CONFIG, "the endpoint %s", why);
    address = (struct stream_address){ url.unix_path, url.host, url.port, NULL, NULL };
    if (url.is_tls) {
        address.tls = tls_context_new_client(request->ca_file, err);
        if (!address.tls)
            return false;
    }
    call = (struct http_client_request){
        .address = &address,
        .method = HTTP_GET,
        .path = arena_printf(a, "%.*s%.*s", STR_ARGS(url.path), STR_ARGS(request->path)),
        .host = url.authority,
        .headers = { .lines = arena_printf(a, "%.*s\r\n", STR_ARGS(request->header)) },
        .head_timeout_ms = TIMEOUT_MS,
        .idle_timeout_ms = TIMEOUT_MS,
    };
    buf_init(&f.body, ANSWER_BYTES_MAX);
    run(&f, &call);
    *answer = (struct fetch_answer){ f.status, arena_copy(a, buf_str(&f.body)) };
    buf_done(&f.body);
    tls_context_unref(address.tls);
    return f.ok;
}
