/* SPDX-License-Identifier: MIT */
/*
 * The calls of one worker loop. A call finds its engine, is counted there, and is its driver's
 * from then on. A client remembers engines by the address of their settings, so that the usual
 * call takes no lock; a reload makes it forget.
 */
#include "engine/driver.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"

/* How often calls that wait for their engine look at the time. */
#define TICK_MS 500

/* -- Finding engines ----------------------------------------------------------------------- */

static void forget(struct engine_client *c)
{
    for (unsigned i = 0; i < c->cache_count; i++)
        engine_unref(c->cache[i].engine);
    c->cache_count = 0;
}

/* What is remembered of before a reload keeps engines, with their keys, that are no more. */
static void forget_old(struct engine_client *c)
{
    unsigned generation = atomic_load(&c->engines->generation);

    if (c->generation == generation)
        return;
    forget(c);
    c->generation = generation;
}

static struct engine *look_up(struct engines *es, const char *name)
{
    struct engine *e;

    pthread_mutex_lock(&es->lock);
    e = engines_find(es, str_from(name));
    if (e)
        engine_ref(e);
    pthread_mutex_unlock(&es->lock);
    return e;
}

/* An engine that the cache holds a reference to; NULL when there is none of that name. The name
 * is compared too: a new catalog may lie where an old one was. */
static struct engine *find(struct engine_client *c, const struct catalog_engine *settings)
{
    struct engine *e;

    forget_old(c);
    if (c->cache_count == ENGINE_CLIENT_CACHE)
        forget(c);
    for (unsigned i = 0; i < c->cache_count; i++) {
        if (c->cache[i].settings == settings &&
            strcmp(c->cache[i].engine->settings->name, settings->name) == 0)
            return c->cache[i].engine;
    }
    e = look_up(c->engines, settings->name);
    if (e) {
        c->cache[c->cache_count].settings = settings;
        c->cache[c->cache_count++].engine = e;
    }
    return e;
}

static void leave(struct engine *e)
{
    atomic_store(&e->used_ms, clock_monotonic_ms());
    if (atomic_fetch_sub(&e->in_flight, 1) == 1 && atomic_load(&e->retired) &&
        !atomic_exchange(&e->is_idle_posted, true))
        loop_post(e->owner->loop, &engine_ref(e)->idle_task);
    engine_unref(e);
}

/* Counted and referenced, so that it does not close before leave. */
static struct engine *enter(struct engine_client *c, const struct catalog_engine *settings)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        struct engine *e = find(c, settings);

        if (!e)
            return NULL;
        engine_ref(e);
        atomic_fetch_add(&e->in_flight, 1);
        if (!atomic_load(&e->retired))
            return e;
        forget(c); /* replaced since it was remembered */
        leave(e);
    }
    return NULL;
}

static void on_tick(uv_timer_t *tick);

/* -- Calls --------------------------------------------------------------------------------- */

static void enqueue(struct engine_call *call, struct engine_call_list *queue)
{
    assert(!call->queue);
    call->queue = queue;
    TAILQ_INSERT_TAIL(queue, call, turn);
}

static void dequeue(struct engine_call *call)
{
    if (call->queue)
        TAILQ_REMOVE(call->queue, call, turn);
    call->queue = NULL;
}

void engine_call_ended(struct engine_call *call)
{
    dequeue(call);
    TAILQ_REMOVE(&call->client->calls, call, link);
    if (call->engine)
        leave(call->engine);
}

void engine_call_fail(struct engine_call *call, const struct error *err)
{
    const struct engine_events *events = call->events;
    struct error copy = *err;
    void *data = call->data;
    unsigned lacks = call->lacks;

    engine_call_ended(call);
    arena_free(call->arena);
    events->on_failure(data, &copy, lacks);
}

void engine_call_fail_later(struct engine_call *call, const struct error *err)
{
    call->failure = ARENA_NEW(call->arena, struct error);
    *call->failure = *err;
    dequeue(call);
    enqueue(call, &call->client->failing);
    engine_client_kick(call->client);
}

void engine_call_wait(struct engine_call *call)
{
    struct engine_client *c = call->client;

    enqueue(call, &c->waiting);
    if (!uv_is_active((uv_handle_t *)&c->tick))
        uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
}

void engine_call_stop_waiting(struct engine_call *call)
{
    dequeue(call);
}

struct engine *engine_call_successor(struct engine_call *call)
{
    struct engine *e;

    if (!atomic_load(&call->engine->retired))
        return NULL;
    e = enter(call->client, call->engine->settings);
    if (!e || e->driver == call->engine->driver)
        return e;
    leave(e);
    return NULL;
}

void engine_call_move(struct engine_call *call, struct engine *successor)
{
    leave(call->engine);
    call->engine = successor;
}

struct engine_call *engine_call_start(struct engine_client *c, const struct engine_request *request,
                                      const struct engine_events *events, void *data)
{
    struct engine *e = enter(c, request->engine);
    struct arena *a = arena_new(loop_arenas(c->loop));
    struct engine_call *call = arena_alloc_at_line(a, e ? e->driver->call_size : sizeof(*call));

    assert(!c->is_closing);
    call->arena = a;
    call->client = c;
    call->engine = e;
    call->request = *request;
    call->events = events;
    call->data = data;
    TAILQ_INSERT_TAIL(&c->calls, call, link);
    if (e) {
        e->driver->start(call);
    } else {
        struct error err;

        error_set(&err, ERROR_UNAVAILABLE, "engine '%s' is not there any more",
                  request->engine->name);
        engine_call_fail_later(call, &err);
    }
    return call;
}

unsigned engine_context_tokens(struct engine_client *c, const struct catalog_engine *engine)
{
    struct engine *e = find(c, engine);

    return e ? atomic_load(&e->context_tokens) : 0;
}

struct rate_window *engine_spending(struct engine_client *c, const struct catalog_engine *engine)
{
    struct engine *e = find(c, engine);

    return e ? e->spending : NULL;
}

void engine_call_cancel(struct engine_call *call)
{
    if (call->failure) {
        engine_call_ended(call);
        arena_free(call->arena);
        return;
    }
    call->engine->driver->cancel(call);
}

void engine_call_pause(struct engine_call *call)
{
    if (!call->failure)
        call->engine->driver->pause(call);
}

void engine_call_resume(struct engine_call *call)
{
    if (!call->failure)
        call->engine->driver->resume(call);
}

void engine_http_error(struct error *err, const struct engine *e, enum http_failure failure,
                       const char *text)
{
    enum error_code code = ERROR_BACKEND;

    switch (failure) {
    case HTTP_FAILURE_CONNECT:
    case HTTP_FAILURE_TLS:
    case HTTP_FAILURE_CONNECT_TIMEOUT:
        code = ERROR_UNAVAILABLE;
        break;
    case HTTP_FAILURE_HEAD_TIMEOUT:
    case HTTP_FAILURE_IDLE_TIMEOUT:
        code = ERROR_TIMEOUT;
        break;
    case HTTP_FAILURE_CLOSED:
    case HTTP_FAILURE_MALFORMED:
        break;
    }
    error_set(err, code, "engine '%s': %s", e->settings->name, text);
}

/* -- Turns --------------------------------------------------------------------------------- */

/* Looks once at each call that waits now. Events may end any of them, and start others. */
static void look_at_waiting(struct engine_client *c)
{
    struct engine_call_list now = TAILQ_HEAD_INITIALIZER(now);
    struct engine_call *call;

    TAILQ_CONCAT(&now, &c->waiting, turn);
    TAILQ_FOREACH(call, &now, turn)
    call->queue = &now;
    while ((call = TAILQ_FIRST(&now))) {
        dequeue(call);
        enqueue(call, &c->waiting);
        call->engine->driver->look_again(call);
    }
    if (TAILQ_EMPTY(&c->waiting) && !c->is_closing)
        uv_timer_stop(&c->tick);
}

static void end_failing(struct engine_client *c)
{
    struct engine_call_list now = TAILQ_HEAD_INITIALIZER(now);
    struct engine_call *call;

    TAILQ_CONCAT(&now, &c->failing, turn);
    TAILQ_FOREACH(call, &now, turn)
    call->queue = &now;
    while ((call = TAILQ_FIRST(&now)))
        engine_call_fail(call, call->failure);
}

static void on_tick(uv_timer_t *tick)
{
    look_at_waiting(tick->data);
}

static void on_kick(struct loop_task *task)
{
    struct engine_client *c = CONTAINER_OF(task, struct engine_client, kick_task);

    atomic_store(&c->is_kicked, false);
    forget_old(c);
    end_failing(c);
    look_at_waiting(c);
    /* An event may have closed the client: what the kick holds has kept it until here. */
    engine_client_release(c);
}

void engine_client_kick(struct engine_client *c)
{
    if (!atomic_exchange(&c->is_kicked, true)) {
        atomic_fetch_add(&c->open_parts, 1);
        loop_post(c->loop, &c->kick_task);
    }
}

/* -- The client ---------------------------------------------------------------------------- */

struct engine_client *engine_client_new(struct engines *e, struct loop *l)
{
    struct engine_client *c = memory_alloc(sizeof(*c));
    struct http_client_options http;

    c->engines = e;
    c->loop = l;
    http_client_options_default(&http);
    c->http = http_client_new(l, &http);
    c->open_parts = 2; /* the HTTP client and the timer */
    uv_timer_init(loop_uv(l), &c->tick);
    c->tick.data = c;
    c->kick_task.fn = on_kick;
    TAILQ_INIT(&c->calls);
    TAILQ_INIT(&c->waiting);
    TAILQ_INIT(&c->failing);
    pthread_mutex_lock(&e->lock);
    TAILQ_INSERT_TAIL(&e->clients, c, link);
    pthread_mutex_unlock(&e->lock);
    return c;
}

void engine_client_hold(struct engine_client *c)
{
    atomic_fetch_add(&c->open_parts, 1);
}

void engine_client_release(struct engine_client *c)
{
    void (*on_closed)(void *data) = c->on_closed;
    void *data = c->on_closed_data;

    if (atomic_fetch_sub(&c->open_parts, 1) != 1)
        return;
    assert(c->is_closing && TAILQ_EMPTY(&c->calls));
    forget(c);
    free(c);
    on_closed(data);
}

static void on_http_closed(void *data)
{
    engine_client_release(data);
}

static void on_tick_closed(uv_handle_t *tick)
{
    engine_client_release(tick->data);
}

void engine_client_close(struct engine_client *c, void (*on_done)(void *data), void *data)
{
    struct engine_call *call;

    assert(!c->is_closing);
    c->is_closing = true;
    c->on_closed = on_done;
    c->on_closed_data = data;
    pthread_mutex_lock(&c->engines->lock);
    TAILQ_REMOVE(&c->engines->clients, c, link);
    pthread_mutex_unlock(&c->engines->lock);
    while ((call = TAILQ_FIRST(&c->calls)))
        engine_call_cancel(call);
    uv_close((uv_handle_t *)&c->tick, on_tick_closed);
    http_client_close(c->http, on_http_closed, c);
}
