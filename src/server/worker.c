/* SPDX-License-Identifier: MIT */
#include "server/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/url.h"
#include "server/router.h"

struct worker {
    const struct worker_shared *shared;
    unsigned index;
    struct loop *loop;
    struct http_server *http;
    struct engine_client *engines;
    struct token_cache *tokens;
    struct inference *inference;
    uv_prepare_t before_sleep;
    pthread_t thread;
    bool is_started;

    _Atomic uint64_t connections_accepted;
    _Atomic uint64_t connections_refused;
    _Atomic uint64_t connections_open;
    _Atomic uint64_t requests_active;

    /* drain */
    struct loop_task announce_task;
    struct loop_task drain_task;
    uint64_t grace_ms;
    struct loop *done_loop;
    struct loop_task *done_task;
};

/* A message from another thread: new certificates. */
struct tls_change {
    struct loop_task task;
    struct worker *worker;
    struct tls_context *tls;
};

static struct http_server_limits limits_of(const struct settings *s)
{
    struct http_server_limits limits;

    http_server_limits_default(&limits);
    limits.head_bytes_max = s->head_bytes_max;
    limits.url_bytes_max = s->url_bytes_max;
    limits.header_count_max = (unsigned)s->header_count_max;
    limits.body_bytes_max = s->body_bytes_max;
    limits.bodies_bytes_max = s->bodies_bytes_max;
    limits.connections_max = (unsigned)s->connections_max;
    limits.idle_timeout_ms = s->idle_timeout_ms;
    limits.head_timeout_ms = s->head_timeout_ms;
    limits.body_timeout_ms = s->body_timeout_ms;
    limits.body_total_ms = s->body_total_ms;
    limits.write_timeout_ms = s->write_timeout_ms;
    return limits;
}

struct worker *worker_new(const struct worker_shared *shared, unsigned index, const char *host,
                          unsigned *port, struct tls_context *tls, struct error *err)
{
    struct worker *w = memory_alloc(sizeof(*w));
    struct http_server_limits limits = limits_of(shared->settings);
    struct listener_options options = {
        .host = host,
        .port = *port,
        .reuse_port = true,
        .tls = tls,
        .require_tls = shared->settings->tls_required,
    };

    w->shared = shared;
    w->index = index;
    w->loop = loop_new();
    w->http = http_server_new(w->loop, &limits, &router_handler, w);
    if (!http_server_listen(w->http, &options, port, err)) {
        worker_free(w);
        return NULL;
    }
    return w;
}

static void publish_stats(struct worker *w)
{
    struct http_server_stats s = http_server_stats(w->http);

    atomic_store_explicit(&w->connections_accepted, s.connections_accepted, memory_order_relaxed);
    atomic_store_explicit(&w->connections_refused, s.connections_refused, memory_order_relaxed);
    atomic_store_explicit(&w->connections_open, s.connections_open, memory_order_relaxed);
    atomic_store_explicit(&w->requests_active, s.requests_active, memory_order_relaxed);
}

/* What has changed is told before the loop waits for more, so that a scrape finds it as it is. */
static void on_before_sleep(uv_prepare_t *before_sleep)
{
    publish_stats(before_sleep->data);
}

static void *run(void *data)
{
    struct worker *w = data;

    loop_run(w->loop);
    return NULL;
}

void worker_start(struct worker *w)
{
    const struct worker_shared *shared = w->shared;

    w->engines = engine_client_new(shared->engines, w->loop);
    w->tokens = token_cache_new(shared->authority, shared->key_hash, &token_audiences_data);
    w->inference = inference_new(&(struct inference_options){
        .loop = w->loop,
        .clock = shared->clock,
        .directory = shared->directory,
        .engines = w->engines,
        .key_hash = shared->key_hash,
        .tokens = w->tokens,
        .metrics = metrics_shard(shared->metrics, w->index),
        .refusals = shared->refusals,
        .authenticate = shared->authenticate,
        .authenticate_data = shared->authenticate_data,
        .data_domain = str_from(shared->settings->data_domain),
        .own_host = url_host(str_from(shared->settings->public_base)),
        .trusted_proxies = str_from(shared->settings->trusted_proxies),
        .private_networks = str_from(shared->settings->private_networks),
        .allow_faults = shared->settings->dev,
        .strict_errors = shared->settings->strict_errors,
        .rate_limits = shared->settings->rate_limits,
        .charge_usage = shared->settings->charge_usage,
    });
    uv_prepare_init(loop_uv(w->loop), &w->before_sleep);
    w->before_sleep.data = w;
    uv_prepare_start(&w->before_sleep, on_before_sleep);
    w->is_started = true;
    pthread_create(&w->thread, NULL, run, w);
}

static void on_engines_closed(void *data)
{
    struct worker *w = data;

    loop_post(w->done_loop, w->done_task);
    loop_stop(w->loop);
}

static void on_drained(void *data)
{
    struct worker *w = data;

    publish_stats(w);
    uv_close((uv_handle_t *)&w->before_sleep, NULL);
    engine_client_close(w->engines, on_engines_closed, w);
}

static void on_announcement(struct loop_task *task)
{
    struct worker *w = CONTAINER_OF(task, struct worker, announce_task);

    http_server_announce_drain(w->http);
}

void worker_announce_drain(struct worker *w)
{
    w->announce_task.fn = on_announcement;
    loop_post(w->loop, &w->announce_task);
}

static void on_drain_asked(struct loop_task *task)
{
    struct worker *w = CONTAINER_OF(task, struct worker, drain_task);

    http_server_drain(w->http, w->grace_ms, on_drained, w);
}

void worker_drain(struct worker *w, uint64_t grace_ms, struct loop *loop, struct loop_task *done)
{
    w->grace_ms = grace_ms;
    w->done_loop = loop;
    w->done_task = done;
    w->drain_task.fn = on_drain_asked;
    loop_post(w->loop, &w->drain_task);
}

static void on_tls_change(struct loop_task *task)
{
    struct tls_change *change = CONTAINER_OF(task, struct tls_change, task);

    http_server_set_tls(change->worker->http, change->tls);
    tls_context_unref(change->tls);
    free(change);
}

void worker_set_tls(struct worker *w, struct tls_context *tls)
{
    struct tls_change *change = memory_alloc(sizeof(*change));

    change->task.fn = on_tls_change;
    change->worker = w;
    change->tls = tls_context_ref(tls);
    loop_post(w->loop, &change->task);
}

static void on_unstarted_drained(void *data)
{
    struct worker *w = data;

    loop_stop(w->loop);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->is_started) {
        pthread_join(w->thread, NULL);
    } else {
        /* Its sockets still have to be closed by a turn of its loop. */
        http_server_drain(w->http, 0, on_unstarted_drained, w);
        loop_run(w->loop);
    }
    inference_free(w->inference);
    token_cache_free(w->tokens);
    http_server_free(w->http);
    loop_free(w->loop);
    free(w);
}

struct inference *worker_inference(struct worker *w)
{
    return w->inference;
}

const struct worker_shared *worker_get_shared(const struct worker *w)
{
    return w->shared;
}

struct worker_stats worker_stats(const struct worker *w)
{
    return (struct worker_stats){
        atomic_load_explicit(&w->connections_accepted, memory_order_relaxed),
        atomic_load_explicit(&w->connections_refused, memory_order_relaxed),
        atomic_load_explicit(&w->connections_open, memory_order_relaxed),
        atomic_load_explicit(&w->requests_active, memory_order_relaxed),
    };
}
