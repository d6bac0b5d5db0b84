/*
 * The end in order: connections are told, the workers drain, then the engines stop.
 * SPDX-License-Identifier: MIT
 */
#include "base/log.h"
#include "base/memory.h"
#include "server/federation.h"
#include "server/server_private.h"

/* A worker's message that it has nothing left to do. */
struct drained {
    struct loop_task task;
    struct server *server;
};

/* Nothing may be posted to a loop that has been stopped: what was begun is waited for. */
void server_leave_when_done(struct server *s)
{
    if (!s->engines_stopped || s->publishing)
        return;
    server_hold_reloads(); /* without a handler, one would kill what is about to end in order */
    for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_close((uv_handle_t *)&s->memory_timer, NULL);
    uv_close((uv_handle_t *)&s->dates_timer, NULL);
    uv_close((uv_handle_t *)&s->spending.timer, NULL);
    uv_close((uv_handle_t *)&s->drain_timer, NULL);
    loop_stop(s->loop);
}

static void on_engines_stopped(void *data)
{
    struct server *s = data;

    s->engines_stopped = true;
    server_leave_when_done(s);
}

static void on_federation_stopped(void *data)
{
    struct server *s = data;

    s->publishing--;
    server_leave_when_done(s);
}

static void on_worker_drained(struct loop_task *task)
{
    struct server *s = CONTAINER_OF(task, struct drained, task)->server;

    if (--s->draining)
        return;
    key_vault_stop(s->vault); /* nobody is left who wants a key */
    s->publishing++;
    federation_stop(s->federation, on_federation_stopped, s);
    server_keep_spending(s);
    engines_stop(s->shared.engines, on_engines_stopped, s);
}

/* A request that waits for a key of a vault has had its time, too. */
static void on_grace_over(uv_timer_t *timer)
{
    struct server *s = timer->data;

    key_vault_stop(s->vault);
}

static void on_drain_delay_over(uv_timer_t *timer)
{
    struct server *s = timer->data;
    uint64_t grace_ms = s->options.settings->drain_ms;

    uv_timer_stop(&s->dates_timer);
    uv_timer_start(&s->drain_timer, on_grace_over, grace_ms, 0);
    s->draining = s->shared.worker_count;
    s->drained = memory_alloc_array(s->draining, sizeof(*s->drained));
    for (unsigned i = 0; i < s->shared.worker_count; i++) {
        s->drained[i].task.fn = on_worker_drained;
        s->drained[i].server = s;
        worker_drain(s->shared.workers[i], grace_ms, s->loop, &s->drained[i].task);
    }
}

/* Whoever sends traffic here sees in /readyz, or in the end of each connection, that it shall stop;
 * until it has seen that, it is served. */
void server_drain(struct server *s)
{
    const struct settings *settings = s->options.settings;

    atomic_store(&s->shared.is_draining, true);
    for (unsigned i = 0; i < s->shared.worker_count; i++)
        worker_announce_drain(s->shared.workers[i]);
    uv_timer_start(&s->drain_timer, on_drain_delay_over, settings->drain_delay_ms, 0);
    log_info("drain_begin", "delay_ms=%llu grace_ms=%llu",
             (unsigned long long)settings->drain_delay_ms, (unsigned long long)settings->drain_ms);
}

bool server_is_stopping(const struct server *s)
{
    return atomic_load(&s->shared.is_draining);
}
