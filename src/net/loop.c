/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/memory_wipe.h"
#include "net/loop_scratch.h"

/* Free chunks kept, of each of the two sizes: 9 MiB, enough for some hundred requests at the same time on one loop. */
#define ARENA_CHUNKS_KEPT 512
/* Far more than TLS puts there before a stream empties it. */
#define SCRATCH_OUT_MAX ((size_t)1024 * 1024)

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_wait;
    void (*flush)(struct loop *l); /* NULL: nothing to be flushed */
    struct arena_pool *arenas;
    struct loop_scratch *scratch; /* made at first use */

    /* The lock is held over uv_async_send too: once the loop has seen a task, its poster no longer
     * touches the loop, which may be freed then. */
    pthread_mutex_t lock;
    struct loop_task *first;
    struct loop_task **last; /* where the next task is hung */
    struct loop_task stop;
    struct loop_work first_work;
};

/* Tasks run in the order of posting; those that they post wait for the next wake. */
static void on_wake(uv_async_t *wake)
{
    struct loop *l = wake->data;
    struct loop_task *task;

    pthread_mutex_lock(&l->lock);
    task = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    while (task) {
        struct loop_task *next = task->next; /* fn may free the task */

        task->fn(task);
        task = next;
    }
}

static void on_stop(struct loop_task *task)
{
    struct loop *l = CONTAINER_OF(task, struct loop, stop);
    bool is_last;

    pthread_mutex_lock(&l->lock);
    is_last = !l->first;
    pthread_mutex_unlock(&l->lock);
    if (is_last)
        uv_close((uv_handle_t *)&l->wake, NULL);
    else
        loop_post(l, task); /* behind what the tasks of this turn have posted */
}

void loop_flush_later(struct loop *l, void (*flush)(struct loop *l))
{
    l->flush = flush;
}

void loop_flush(struct loop *l)
{
    void (*flush)(struct loop * l) = l->flush;

    l->flush = NULL;
    if (flush)
        flush(l);
}

static void on_before_wait(uv_prepare_t *before_wait)
{
    loop_flush(before_wait->data);
}

struct loop *loop_new(void)
{
    struct loop *l = memory_alloc(sizeof(*l));
    int rc;

    signal(SIGPIPE, SIG_IGN);
    /* These fail only for want of memory or of descriptors before anything has been served. */
    rc = uv_loop_init(&l->uv);
    if (!rc)
        rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc) {
        fprintf(stderr, "lazuli: cannot make an event loop: %s\n", uv_strerror(rc));
        abort();
    }
    l->wake.data = l;
    uv_prepare_init(&l->uv, &l->before_wait);
    uv_prepare_start(&l->before_wait, on_before_wait);
    uv_unref((uv_handle_t *)&l->before_wait); /* it keeps no loop running */
    l->before_wait.data = l;
    l->arenas = arena_pool_new(ARENA_CHUNKS_KEPT);
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void loop_free(struct loop *l)
{
    int rc;

    if (!l)
        return;
    assert(!l->first);
    loop_flush(l); /* the streams are gone, but what they wrote may hold a key */
    uv_close((uv_handle_t *)&l->before_wait, NULL);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    if (l->scratch)
        buf_done(&l->scratch->out);
    free(l->scratch);
    arena_pool_free(l->arenas);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void loop_run(struct loop *l)
{
    /* It ends after a turn in which loop_wipe_traces_later was called. Sending copies replies through
     * registers, so it comes before these are wiped. */
    while (uv_run(&l->uv, UV_RUN_DEFAULT)) {
        loop_flush(l);
        memory_wipe_traces();
    }
}

/* Ends this turn, so that loop_run overwrites the stack. From here, which may lie below the room that
 * libuv has there for events, what callbacks nearer to loop_run have left would be missed. */
void loop_wipe_traces_later(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_stop(struct loop *l)
{
    l->stop.fn = on_stop;
    loop_post(l, &l->stop);
}

void loop_post(struct loop *l, struct loop_task *task)
{
    bool was_empty;

    task->next = NULL;
    pthread_mutex_lock(&l->lock);
    was_empty = !l->first;
    *l->last = task;
    l->last = &task->next;
    if (was_empty)
        uv_async_send(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

static void on_work(uv_work_t *request)
{
    struct loop_work *w = CONTAINER_OF(request, struct loop_work, request);

    w->work(w);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct loop_work *w = CONTAINER_OF(request, struct loop_work, request);

    (void)status; /* is for work that was cancelled, which none is */
    w->done(w);
}

void loop_offload(struct loop *l, struct loop_work *w)
{
    int rc = uv_queue_work(&l->uv, &w->request, on_work, on_work_done);

    assert(rc == 0); /* it fails only without a function */
    (void)rc;
}

static void do_nothing(struct loop_work *w)
{
    (void)w;
}

void loop_start_pool(struct loop *l)
{
    l->first_work = (struct loop_work){ .work = do_nothing, .done = do_nothing };
    loop_offload(l, &l->first_work);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

struct arena_pool *loop_arenas(struct loop *l)
{
    return l->arenas;
}

uint64_t loop_now_ms(struct loop *l)
{
    return uv_now(&l->uv);
}

struct loop_scratch *loop_scratch(struct loop *l)
{
    if (!l->scratch) {
        l->scratch = memory_alloc_aligned(alignof(struct loop_scratch), sizeof(*l->scratch));
        buf_init(&l->scratch->out, SCRATCH_OUT_MAX);
    }
    return l->scratch;
}
