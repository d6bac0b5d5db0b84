/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "fakes.h"
#include "inference/inference.h"

#define REPLY_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct fake_reply fake_reply;

static void must(bool holds)
{
    if (!holds)
        abort();
}

void fake_reply_clear(void)
{
    buf_done(&fake_reply.headers);
    buf_done(&fake_reply.body);
    fake_reply = (struct fake_reply){ 0 };
    buf_init(&fake_reply.headers, REPLY_BYTES_MAX);
    buf_init(&fake_reply.body, REPLY_BYTES_MAX);
}

static void take_head(int status, const char *phrase, const struct http_headers *headers)
{
    must(!fake_reply.is_finished && !fake_reply.status);
    fake_reply.status = status;
    snprintf(fake_reply.phrase, sizeof(fake_reply.phrase), "%s", phrase ? phrase : "");
    for (size_t i = 0; i < headers->count; i++)
        must(buf_printf(&fake_reply.headers, "%.*s: %.*s\n", STR_ARGS(headers->items[i].name),
                        STR_ARGS(headers->items[i].value)));
    for (size_t i = 0; i < headers->lines.len; i++) {
        if (headers->lines.data[i] != '\r')
            must(buf_append(&fake_reply.headers, str_slice(headers->lines, i, 1)));
    }
}

void http_reply_with_phrase(struct http_request *r, int status, const char *phrase,
                            const struct http_headers *headers, struct str body)
{
    (void)r;
    take_head(status, phrase, headers);
    must(buf_append(&fake_reply.body, body));
    fake_reply.is_finished = true;
}

void http_reply(struct http_request *r, int status, const struct http_headers *headers,
                struct str body)
{
    http_reply_with_phrase(r, status, NULL, headers, body);
}

void http_reply_start(struct http_request *r, int status, const struct http_headers *headers,
                      struct str first)
{
    take_head(status, NULL, headers);
    fake_reply.is_started = true;
    if (first.len)
        http_reply_chunk(r, first);
}

void http_reply_chunk(struct http_request *r, struct str bytes)
{
    (void)r;
    must(fake_reply.is_started && !fake_reply.is_finished);
    must(buf_append(&fake_reply.body, bytes));
    fake_reply.writes++;
}

void http_reply_prefetch(const struct http_request *r, struct prefetch *p)
{
    for (unsigned i = 0; i < HTTP_REPLY_PREFETCH_PLACES; i++)
        prefetch_add(p, r, 1);
}

bool http_reply_is_full(const struct http_request *r)
{
    (void)r;
    return fake_reply.is_full;
}

void http_request_forget(struct http_request *r)
{
    r->path = r->query = r->body = STR_NONE;
    r->headers = (struct http_headers){ 0 };
}

/* The turn ends here. */
void http_request_wake(struct http_request *r)
{
    inference_on_wake(r);
}

bool http_reply_is_started(const struct http_request *r)
{
    (void)r;
    return fake_reply.is_started;
}

void http_reply_last_chunk(struct http_request *r, struct str bytes)
{
    http_reply_chunk(r, bytes);
    fake_reply.is_finished = true;
}

void http_reply_abort(struct http_request *r)
{
    (void)r;
    must(!fake_reply.is_finished);
    fake_reply.is_finished = fake_reply.is_aborted = true;
}
