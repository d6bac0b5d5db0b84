/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <utlist.h>

#include "base/memory.h"
#include "net/http_client_private.h"

#define CONNECT_MS 5000
#define HELD_FIRST_BYTES ((size_t)4 * 1024)
/* Each takes memory until the answer ends. */
#define INTERIM_MAX 32

/* -- Its ends ---------------------------------------------------------------------------------- */

static void drop_held(struct link *link)
{
    free(link->held);
    link->held = NULL;
    link->held_size = link->held_len = 0;
}

static void pool_let_go(struct pool *p)
{
    if (--p->link_count == 0)
        client_free_pool(p);
}

static void link_free(struct link *link)
{
    struct pool *p = link->pool;

    drop_held(link);
    http_parser_free(link->parser);
    free(link);
    pool_let_go(p);
}

void link_close(struct link *link)
{
    stream_close(link->stream, false);
    link->stream = NULL;
    if (link->call)
        link->call->link = NULL;
    link->call = NULL;
    if (!link->is_inside)
        link_free(link);
}

/* Every event of the stream is between these. */
static void enter(struct link *link)
{
    link->is_inside = true;
}

static void leave(struct link *link)
{
    link->is_inside = false;
    if (!link->stream)
        link_free(link);
}

/* -- Idle links -------------------------------------------------------------------------------- */

static void take_idle(struct link *link)
{
    DL_DELETE(link->pool->idle, link);
    link->pool->idle_count--;
}

static void put_idle(struct link *link)
{
    struct pool *p = link->pool;
    const struct http_client_options *options = &p->client->options;

    link->is_used = true;
    link->idle_until_ms = loop_now_ms(p->client->loop) + options->idle_timeout_ms;
    DL_PREPEND(p->idle, link);
    if (++p->idle_count > options->idle_max) {
        struct link *oldest = p->idle->prev; /* utlist's heads know their tails */

        take_idle(oldest);
        link_close(oldest);
    }
}

void link_close_idle(struct pool *p, bool all)
{
    uint64_t now_ms = loop_now_ms(p->client->loop);
    struct link *link, *next;

    p->link_count++; /* or the pool would go with its last link */
    DL_FOREACH_SAFE(p->idle, link, next)
    {
        if (all || link->idle_until_ms <= now_ms) {
            take_idle(link);
            link_close(link);
        }
    }
    pool_let_go(p);
}

/* -- Reading ----------------------------------------------------------------------------------- */

/* Moves a head that is not whole to where it can grow. */
static void hold(struct link *link, const char *end)
{
    size_t len = (size_t)(end - link->head_at);
    size_t size = link->held_size ? link->held_size : HELD_FIRST_BYTES;
    char *held;

    if (link->held && link->held_size - link->held_len >= HELD_FIRST_BYTES / 2)
        return;
    while (size < len + HELD_FIRST_BYTES / 2)
        size *= 2;
    held = memory_realloc(NULL, size);
    memcpy(held, link->head_at, len);
    http_parser_moved(link->parser, link->head_at, held);
    free(link->held);
    link->held = held;
    link->held_size = size;
    link->held_len = len;
    link->head_at = held;
}

/* The answer is whole. `rest`: bytes that came behind it, which nobody asked for. */
static void finish(struct link *link, bool has_rest)
{
    struct http_client_call *call = link->call;
    bool is_reusable = http_parser_head(link->parser)->keeps_alive && !has_rest &&
                       !stream_pending(link->stream) && !link->pool->client->is_closing;

    drop_held(link);
    link->call = NULL;
    call->link = NULL;
    if (!is_reusable) {
        link_close(link);
    } else {
        if (call->is_paused)
            stream_read_start(link->stream);
        put_idle(link);
    }
    call_end(call);
}

static void take_head(struct link *link)
{
    const struct http_head *head = http_parser_head(link->parser);

    if (head->major != 1 || head->status < 100 || head->status == 101) {
        call_fail(link->call, HTTP_FAILURE_MALFORMED, "no status line of an answer in HTTP/1");
        return;
    }
    link->is_interim = head->status < 200;
    if (link->is_interim && ++link->interim_count > INTERIM_MAX)
        call_fail(link->call, HTTP_FAILURE_MALFORMED, "interim answers without end");
    else if (!link->is_interim)
        call_head(link->call, head);
}

static void begin_answer(struct link *link, const char *at)
{
    struct http_client_call *call = link->call;

    link->head_at = at;
    http_parser_begin(link->parser, call->arena, call->request.method == HTTP_HEAD);
}

/* False when nothing more can be done with what is there. */
static bool step(struct link *link, struct str *rest)
{
    struct error err;
    struct str body;
    size_t used;
    enum http_parsed parsed = http_parser_step(link->parser, *rest, &used, &body, &err);

    *rest = str_slice(*rest, used, rest->len);
    switch (parsed) {
    case HTTP_PARSED_MORE:
        if (!link->call->has_head)
            hold(link, rest->data);
        return false;
    case HTTP_PARSED_HEAD:
        take_head(link);
        return true;
    case HTTP_PARSED_BODY:
        if (link->pieces < UINT8_MAX)
            link->pieces++;
        call_body(link->call, body);
        return true;
    case HTTP_PARSED_END:
        if (link->is_interim) {
            link->is_interim = false;
            begin_answer(link, rest->data);
            return true;
        }
        finish(link, rest->len != 0);
        return false;
    case HTTP_PARSED_FAILED:
        break;
    }
    call_fail(link->call, HTTP_FAILURE_MALFORMED, err.text);
    return false;
}

static uint64_t link_now_ms(const struct link *link)
{
    return loop_now_ms(link->pool->client->loop);
}

/* Over TCP, but for TLS, where one read of the socket is several of ours, or none. */
static bool may_delay_ack(const struct link *link)
{
    const struct stream_address *address = &link->pool->address;

    return ack_pace_may_delay(&link->ack_pace, link_now_ms(link)) && !address->unix_path &&
           !address->tls;
}

/* Before it is read, or of a TLS stream decrypted, so that it comes meanwhile. */
PREFETCH_INLINE void prefetch_call(const struct link *link)
{
    if (!link->call)
        return;
    prefetch_lines(link->parser, 2);
    prefetch_lines(link->call, 1);
    prefetch_all(&link->prefetch);
}

static struct stream_space on_space(void *data)
{
    struct link *link = data;

    prefetch_call(link);
    if (may_delay_ack(link))
        stream_delay_ack(link->stream);
    if (link->held)
        return (struct stream_space){ link->held + link->held_len,
                                      link->held_size - link->held_len };
    return (struct stream_space){ link->pool->client->space, CLIENT_SPACE_BYTES };
}

static void on_read(void *data, struct str bytes)
{
    struct link *link = data;
    /* a guess, as good as is needed: it may be a line of the chunk that ends so */
    bool ends_chunk = str_ends_with(bytes, STR("\r\n"));

    enter(link);
    if (!link->call) {
        take_idle(link); /* whatever it is, no call has asked for it */
        link_close(link);
    } else {
        if (link->held)
            link->held_len += bytes.len;
        else if (!link->call->has_head)
            link->head_at = bytes.data;
        link->has_bytes = true;
        link->pieces = 0;
        while (link->call && step(link, &bytes))
            ;
        if (link->call && link->call->has_head)
            drop_held(link);
        if (link->call)
            ack_pace_read(&link->ack_pace, &link->pool->ack_peer, link_now_ms(link),
                          ends_chunk && link->pieces == 1);
    }
    leave(link);
}

/* -- The connection's beginning and end -------------------------------------------------------- */

static void on_connect(void *data)
{
    struct link *link = data;

    enter(link);
    call_write(link->call);
    leave(link);
}

static void on_connect_failed(void *data, const struct error *err)
{
    struct link *link = data;

    enum http_failure failure = HTTP_FAILURE_CONNECT;

    if (err->code == ERROR_TIMEOUT)
        failure = HTTP_FAILURE_CONNECT_TIMEOUT;
    else if (err->code == ERROR_TLS)
        failure = HTTP_FAILURE_TLS;
    enter(link);
    call_fail(link->call, failure, err->text);
    leave(link);
}

static void on_closed_early(struct link *link, enum stream_end why)
{
    struct http_client_call *call = link->call;
    struct error err;

    if (why == STREAM_END_EOF && call->has_head &&
        http_parser_finish(link->parser, &err) == HTTP_PARSED_END) {
        finish(link, true);
        return;
    }
    /* The server may have closed it before the request came: a kept-alive connection's risk, and
     * not one of the new connection. */
    if (link->is_used && !link->has_bytes) {
        struct pool *p = link->pool;

        link_close(link);
        link_attach(call, p, true);
        return;
    }
    call_fail(call, HTTP_FAILURE_CLOSED,
              why == STREAM_END_EOF ? "closed before the answer was whole" : "connection reset");
}

static void on_end(void *data, enum stream_end why)
{
    struct link *link = data;

    enter(link);
    if (link->call) {
        on_closed_early(link, why);
    } else {
        take_idle(link);
        link_close(link);
    }
    leave(link);
}

static const struct stream_events events = {
    .on_connect = on_connect,
    .on_connect_failed = on_connect_failed,
    .on_space = on_space,
    .on_read = on_read,
    .on_end = on_end,
};

static struct link *link_new(struct pool *p, uint64_t timeout_ms)
{
    struct http_client *c = p->client;
    struct link *link = memory_alloc_at_line(sizeof(*link));

    p->link_count++;
    link->pool = p;
    link->parser = http_parser_new(HTTP_PARSER_ANSWERS, &c->parser_limits);
    link->stream =
        stream_connect(c->loop, &p->address, timeout_ms ? timeout_ms : CONNECT_MS, &events, link);
    stream_read_start(link->stream);
    return link;
}

void link_attach(struct http_client_call *call, struct pool *p, bool is_fresh)
{
    struct link *link = is_fresh ? NULL : p->idle;

    if (link)
        take_idle(link);
    else
        link = link_new(p, call->request.connect_timeout_ms);
    link->call = call;
    link->prefetch = call->request.prefetch ? *call->request.prefetch : (struct prefetch){ 0 };
    link->has_bytes = false;
    link->is_interim = false;
    link->interim_count = 0;
    ack_pace_begin(&link->ack_pace);
    call->link = link;
    begin_answer(link, NULL);
    if (link->is_used)
        call_write(call);
}
