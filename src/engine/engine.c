/* SPDX-License-Identifier: MIT */
/*
 * The engines of a catalog, on the control loop. What each kind does is in its driver; here are
 * their common life and the reload:
 *
 *   catalog --engine_new--> in the list --reload, stop--> retired --last call ends--> closing
 *                                                            --driver has stopped--> out, unref
 *
 * A replaced engine is before its successor in the list, which may have to wait until it is out.
 */
#include "engine/driver.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "engine/settings.h"

/* -- One engine ---------------------------------------------------------------------------- */

struct engine *engine_ref(struct engine *e)
{
    atomic_fetch_add(&e->refs, 1);
    return e;
}

void engine_unref(struct engine *e)
{
    if (!e || atomic_fetch_sub(&e->refs, 1) != 1)
        return;
    e->driver->release(e);
    catalog_unref(e->catalog);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void engine_close(struct engine *e)
{
    if (e->is_closing)
        return;
    e->is_closing = true;
    e->driver->close(e);
}

static void on_idle(struct loop_task *task)
{
    struct engine *e = CONTAINER_OF(task, struct engine, idle_task);

    atomic_store(&e->is_idle_posted, false);
    if (atomic_load(&e->in_flight) == 0)
        engine_close(e);
    engine_unref(e);
}

static void on_wake(struct loop_task *task)
{
    struct engine *e = CONTAINER_OF(task, struct engine, wake_task);

    atomic_store(&e->is_wake_posted, false);
    if (!e->is_closing)
        e->driver->wake(e);
    engine_unref(e);
}

void engine_wake(struct engine *e)
{
    if (!atomic_exchange(&e->is_wake_posted, true))
        loop_post(e->owner->loop, &engine_ref(e)->wake_task);
}

static const struct engine_driver *driver_of(enum engine_kind kind)
{
    static const struct engine_driver *const drivers[] = {
        [ENGINE_LLAMA] = &engine_llama_driver,
        [ENGINE_UPSTREAM] = &engine_upstream_driver,
        [ENGINE_SIM] = &engine_sim_driver,
    };

    return drivers[kind];
}

static bool are_alike(const struct engine *a, const struct engine *b)
{
    return a->driver == b->driver && strcmp(a->settings->name, b->settings->name) == 0;
}

/* Older ones are before it in the list, where it may not be itself yet. */
bool engine_has_predecessor(struct engine *e)
{
    struct engine *older = TAILQ_FIRST(&e->owner->list);

    while (older && older != e && !are_alike(older, e))
        older = TAILQ_NEXT(older, link);
    return older && older != e;
}

/* It is found again by the engines of that name that come later. */
struct rate_window *engines_spending(struct engines *es, const char *name)
{
    struct engine_spending *s;

    SLIST_FOREACH(s, &es->spendings, link)
    {
        if (strcmp(s->name, name) == 0)
            return &s->day;
    }
    s = memory_alloc_aligned(_Alignof(struct engine_spending), sizeof(*s));
    s->name = memory_dup_text(name);
    SLIST_INSERT_HEAD(&es->spendings, s, link);
    return &s->day;
}

void engines_each_spending(struct engines *es,
                           void (*visit)(void *data, const char *name,
                                         const struct rate_window *day),
                           void *data)
{
    struct engine_spending *s;

    SLIST_FOREACH(s, &es->spendings, link)
    visit(data, s->name, &s->day);
}

static void free_spendings(struct engines *es)
{
    struct engine_spending *s;

    while ((s = SLIST_FIRST(&es->spendings))) {
        SLIST_REMOVE_HEAD(&es->spendings, link);
        free(s->name);
        free(s);
    }
}

static void engine_new(struct engines *owner, struct catalog *catalog,
                       const struct catalog_engine *settings)
{
    struct engine *e = memory_alloc(sizeof(*e));

    e->owner = owner;
    e->driver = driver_of(settings->kind);
    e->catalog = catalog_ref(catalog);
    e->settings = settings;
    e->spending = engines_spending(owner, settings->name);
    e->refs = 1;
    e->idle_task.fn = on_idle;
    e->wake_task.fn = on_wake;
    e->used_ms = clock_monotonic_ms();
    pthread_mutex_init(&e->lock, NULL);
    e->driver->open(e);
    pthread_mutex_lock(&owner->lock);
    TAILQ_INSERT_TAIL(&owner->list, e, link);
    pthread_mutex_unlock(&owner->lock);
}

/* From now on no call starts on it; it closes when those that run have ended. */
static void retire(struct engine *e)
{
    log_info("engine_removed", "engine=%s", e->settings->name);
    atomic_store(&e->retired, true);
    if (atomic_load(&e->in_flight) == 0)
        engine_close(e);
}

static void on_stopped(struct loop_task *task)
{
    struct engines *es = CONTAINER_OF(task, struct engines, stopped_task);

    es->on_stopped(es->on_stopped_data);
}

static void check_stopped(struct engines *es)
{
    if (es->is_stopping && es->is_http_closed && TAILQ_EMPTY(&es->list))
        loop_post(es->loop, &es->stopped_task);
}

/* Who has waited for that one may begin, unless there is another one yet. */
static void tell_successors(const struct engine *closed)
{
    struct engine *e;

    TAILQ_FOREACH(e, &closed->owner->list, link)
    {
        if (are_alike(e, closed) && e->driver->take_over && !e->is_closing &&
            !engine_has_predecessor(e))
            e->driver->take_over(e);
    }
}

void engine_closed(struct engine *e)
{
    struct engines *owner = e->owner;

    pthread_mutex_lock(&owner->lock);
    TAILQ_REMOVE(&owner->list, e, link);
    pthread_mutex_unlock(&owner->lock);
    tell_successors(e);
    engine_unref(e);
    check_stopped(owner);
}

void engine_set_state(struct engine *e, enum engine_state state)
{
    atomic_store(&e->state, (int)state);
    engine_kick_clients(e);
}

static void kick_clients(struct engines *es)
{
    struct engine_client *c;

    pthread_mutex_lock(&es->lock);
    TAILQ_FOREACH(c, &es->clients, link)
    engine_client_kick(c);
    pthread_mutex_unlock(&es->lock);
}

void engine_kick_clients(struct engine *e)
{
    kick_clients(e->owner);
}

void engine_set_error(struct engine *e, const char *format, ...)
{
    char text[sizeof(e->last_error)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    pthread_mutex_lock(&e->lock);
    memcpy(e->last_error, text, sizeof(text));
    pthread_mutex_unlock(&e->lock);
    log_warn("engine_failed", "engine=%s error=\"%s\"", e->settings->name, text);
}

void engine_get_error(struct engine *e, char text[ENGINE_ERROR_BYTES])
{
    pthread_mutex_lock(&e->lock);
    memcpy(text, e->last_error, sizeof(e->last_error));
    pthread_mutex_unlock(&e->lock);
}

/* -- All engines --------------------------------------------------------------------------- */

static void open_run_folder(struct engines *es, const char *path)
{
    struct error err;
    unsigned ended = 0;

    if (!path)
        snprintf(es->run_folder_error, sizeof(es->run_folder_error), "there is no run folder");
    else if (!run_folder_open(&es->run_folder, path, &ended, &err))
        snprintf(es->run_folder_error, sizeof(es->run_folder_error), "%.150s", err.text);
    if (ended)
        log_warn("stale_processes_ended", "count=%u", ended);
}

struct engines *engines_new(const struct engines_options *options, struct catalog *catalog)
{
    struct engines *es = memory_alloc(sizeof(*es));
    struct http_client_options http;

    es->loop = options->loop;
    open_run_folder(es, options->run_folder);
    es->llama_server = memory_dup_text(options->llama_server);
    es->embedded_model = memory_dup_text(options->embedded_model);
    es->stopped_task.fn = on_stopped;
    pthread_mutex_init(&es->lock, NULL);
    TAILQ_INIT(&es->list);
    TAILQ_INIT(&es->clients);
    SLIST_INIT(&es->spendings);
    http_client_options_default(&http);
    es->http = http_client_new(es->loop, &http);
    for (unsigned i = 0; i < catalog->engine_count; i++)
        engine_new(es, catalog, &catalog->engines[i]);
    return es;
}

struct engine *engines_find(struct engines *es, struct str name)
{
    struct engine *e;

    TAILQ_FOREACH(e, &es->list, link)
    {
        if (!atomic_load(&e->retired) && str_equal(str_from(e->settings->name), name))
            return e;
    }
    return NULL;
}

static const struct catalog_engine *find_settings(const struct catalog *catalog, const char *name)
{
    for (unsigned i = 0; i < catalog->engine_count; i++) {
        if (strcmp(catalog->engines[i].name, name) == 0)
            return &catalog->engines[i];
    }
    return NULL;
}

static bool is_unchanged(struct engine *e, const struct catalog_engine *settings)
{
    return settings && settings_are_equal(settings, e->settings) &&
           (!e->driver->is_current || e->driver->is_current(e));
}

/* It may not run beside its successor. */
static void make_room(struct engine *e, uint64_t grace_ms)
{
    struct engine *successor = engines_find(e->owner, str_from(e->settings->name));

    if (atomic_load(&e->retired) && !e->is_closing && e->driver->make_room && successor &&
        are_alike(successor, e))
        e->driver->make_room(e, grace_ms);
}

void engines_reload(struct engines *es, struct catalog *catalog, uint64_t grace_ms)
{
    struct engine *e, *next;

    assert(!es->is_stopping);
    for (e = TAILQ_FIRST(&es->list); e; e = next) {
        const struct catalog_engine *settings = find_settings(catalog, e->settings->name);

        next = TAILQ_NEXT(e, link);
        if (atomic_load(&e->retired) || is_unchanged(e, settings))
            continue;
        if (settings) /* first: at any time there is one of that name */
            engine_new(es, catalog, settings);
        retire(e); /* may take it out of the list at once */
    }
    for (unsigned i = 0; i < catalog->engine_count; i++) {
        if (!engines_find(es, str_from(catalog->engines[i].name)))
            engine_new(es, catalog, &catalog->engines[i]);
    }
    TAILQ_FOREACH(e, &es->list, link)
    make_room(e, grace_ms);
    atomic_fetch_add(&es->generation, 1);
    kick_clients(es); /* which remember engines, and wait for some, that have been replaced */
}

static void on_http_closed(void *data)
{
    struct engines *es = data;

    es->is_http_closed = true;
    check_stopped(es);
}

void engines_stop(struct engines *es, void (*on_done)(void *data), void *data)
{
    struct engine *e, *next;

    assert(!es->is_stopping);
    es->is_stopping = true;
    es->on_stopped = on_done;
    es->on_stopped_data = data;
    for (e = TAILQ_FIRST(&es->list); e; e = next) {
        next = TAILQ_NEXT(e, link);
        atomic_store(&e->retired, true);
        engine_close(e);
    }
    http_client_close(es->http, on_http_closed, es);
}

void engines_free(struct engines *es)
{
    if (!es)
        return;
    assert(TAILQ_EMPTY(&es->list) && TAILQ_EMPTY(&es->clients));
    free_spendings(es);
    pthread_mutex_destroy(&es->lock);
    run_folder_close(&es->run_folder);
    free(es->llama_server);
    free(es->embedded_model);
    free(es);
}

/* Of that name, those that a reload has replaced among them. */
static unsigned count_calls(struct engines *es, struct str name)
{
    struct engine *e;
    unsigned count = 0;

    TAILQ_FOREACH(e, &es->list, link)
    {
        if (str_equal(str_from(e->settings->name), name))
            count += e->in_flight;
    }
    return count;
}

bool engines_status(struct engines *es, struct str name, struct engine_status *status)
{
    struct engine *e;

    *status = (struct engine_status){ 0 };
    pthread_mutex_lock(&es->lock);
    e = engines_find(es, name);
    if (e) {
        status->state = (enum engine_state)atomic_load(&e->state);
        status->restarts = e->restarts;
        status->in_flight = count_calls(es, name);
        status->pid = e->pid;
        status->spending = e->spending;
        engine_get_error(e, status->last_error);
        if (e->driver->fill_status)
            e->driver->fill_status(e, status);
    }
    pthread_mutex_unlock(&es->lock);
    return e != NULL;
}
