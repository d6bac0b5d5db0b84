/* SPDX-License-Identifier: MIT */
#include "net/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/memory.h"
#include "net/http_client_private.h"

/* How late a time-out may be. */
#define SWEEP_MS 250
/* Far more than any service sends; the head's size is the limit that counts. */
#define HEADER_COUNT_MAX 1000

void http_client_options_default(struct http_client_options *options)
{
    *options = (struct http_client_options){
        .idle_max = 512,
        .idle_timeout_ms = 50000,
        .head_bytes_max = (size_t)64 * 1024,
    };
}

struct http_client *http_client_new(struct loop *l, const struct http_client_options *options)
{
    struct http_client *c = memory_alloc(sizeof(*c));

    c->loop = l;
    c->options = *options;
    c->next_deadline_ms = NO_DEADLINE;
    c->parser_limits = (struct http_parser_limits){
        .head_bytes_max = options->head_bytes_max,
        .header_count_max = HEADER_COUNT_MAX,
        .chunks_bytes_max = UINT64_MAX,
    };
    uv_timer_init(loop_uv(l), &c->sweep);
    c->sweep.data = c;
    return c;
}

/* -- Pools ------------------------------------------------------------------------------------- */

/* What makes two addresses the same: bytes in the arena. */
static struct str address_key(struct arena *a, const struct stream_address *address)
{
    struct str host = str_from(address->unix_path ? address->unix_path : address->host);
    struct str server_name = str_from(address->tls_server_name);
    size_t len = sizeof(address->port) + sizeof(address->tls) + host.len + 1 + server_name.len;
    char *key = arena_alloc(a, len), *at = key;
    unsigned port = address->unix_path ? 0 : address->port;

    memcpy(at, &port, sizeof(port));
    at += sizeof(port);
    memcpy(at, &address->tls, sizeof(address->tls));
    at += sizeof(address->tls);
    if (host.len)
        memcpy(at, host.data, host.len);
    at += host.len;
    *at++ = address->unix_path ? 'u' : '\0';
    if (server_name.len)
        memcpy(at, server_name.data, server_name.len);
    return str_of(key, len);
}

/* RFC 9110, 7.2: the port goes without saying when it is the scheme's own. */
static void write_host(char out[HOST_MAX], const struct stream_address *address)
{
    bool is_v6 = address->host && strchr(address->host, ':');

    if (address->unix_path)
        snprintf(out, HOST_MAX, "localhost");
    else if (address->port == (address->tls ? 443u : 80u))
        snprintf(out, HOST_MAX, is_v6 ? "[%s]" : "%s", address->host);
    else
        snprintf(out, HOST_MAX, is_v6 ? "[%s]:%u" : "%s:%u", address->host, address->port);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_address(const struct stream_address *a, const struct stream_address *b)
{
    return a->port == b->port && a->tls == b->tls && same_text(a->host, b->host) &&
           same_text(a->unix_path, b->unix_path) &&
           same_text(a->tls_server_name, b->tls_server_name);
}

static struct pool *pool_new(struct http_client *c, struct str key,
                             const struct stream_address *address)
{
    struct pool *p = memory_alloc(sizeof(*p) + key.len);

    p->client = c;
    p->address = (struct stream_address){
        .unix_path = memory_dup_text(address->unix_path),
        .host = memory_dup_text(address->host),
        .port = address->port,
        .tls = address->tls ? tls_context_ref(address->tls) : NULL,
        .tls_server_name = memory_dup_text(address->tls_server_name),
    };
    write_host(p->host, address);
    memcpy(p->key, key.data, key.len);
    HASH_ADD(hh, c->pools, key, key.len, p);
    return p;
}

struct pool *client_pool(struct http_client *c, struct arena *a,
                         const struct stream_address *address)
{
    struct pool *p = c->recent;
    struct str key;

    if (p && is_address(&p->address, address))
        return p;
    key = address_key(a, address);
    HASH_FIND(hh, c->pools, key.data, key.len, p);
    c->recent = p ? p : pool_new(c, key, address);
    return c->recent;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

void client_free_pool(struct pool *p)
{
    struct http_client *c = p->client;

    HASH_DELETE(hh, c->pools, p);
    if (c->recent == p)
        c->recent = NULL;
    free_text(p->address.unix_path);
    free_text(p->address.host);
    free_text(p->address.tls_server_name);
    tls_context_unref(p->address.tls);
    free(p);
}

/* -- Time-outs --------------------------------------------------------------------------------- */

/* With thousands of calls it takes long to look at all of them, so that it is done only when there may
 * be a late one. */
static struct http_client_call *find_late(struct http_client *c, uint64_t now_ms)
{
    uint64_t next_ms = NO_DEADLINE;
    struct http_client_call *call;

    if (c->next_deadline_ms > now_ms)
        return NULL;
    DL_FOREACH(c->calls, call)
    {
        if (call->deadline_ms <= now_ms)
            return call;
        if (call->deadline_ms < next_ms)
            next_ms = call->deadline_ms;
    }
    c->next_deadline_ms = next_ms;
    return NULL;
}

static void on_sweep(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    struct http_client_call *call;
    struct pool *p, *next;

    /* From the start each time: a callback may end other calls. */
    while (!c->is_closing && (call = find_late(c, loop_now_ms(c->loop)))) {
        if (call->has_head)
            call_fail(call, HTTP_FAILURE_IDLE_TIMEOUT, "no byte of the body in time");
        else
            call_fail(call, HTTP_FAILURE_HEAD_TIMEOUT, "no answer in time");
    }
    HASH_ITER(hh, c->pools, p, next)
    link_close_idle(p, false);
    if (c->pools || c->is_closing)
        return;
    uv_timer_stop(&c->sweep);
    c->is_sweeping = false;
}

void client_sweep(struct http_client *c)
{
    if (c->is_sweeping)
        return;
    c->is_sweeping = true;
    uv_timer_start(&c->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* -- The end ----------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct http_client *c = timer->data;
    void (*on_closed)(void *data) = c->on_closed;
    void *data = c->closed_data;

    assert(!c->pools && !c->calls);
    free(c->head);
    free(c);
    on_closed(data);
}

void http_client_close(struct http_client *c, void (*on_done)(void *data), void *data)
{
    struct pool *p, *next;

    assert(!c->is_closing);
    c->is_closing = true;
    c->on_closed = on_done;
    c->closed_data = data;
    while (c->calls)
        http_client_cancel(c->calls);
    HASH_ITER(hh, c->pools, p, next)
    link_close_idle(p, true);
    uv_close((uv_handle_t *)&c->sweep, on_timer_closed);
}
