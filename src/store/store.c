/*
 * The queue, the thread, and how jobs share a transaction.
 *
 *   submit --> queue --> [ begin | job | job | ... | commit ] --> done of each, on its loop
 *
 * The thread takes what waits, at most BATCH_MAX jobs, runs each inside a savepoint of one
 * transaction, and commits once: the flush to disk, which is nearly all that a write costs, is
 * shared by those that came while the one before was under way. A job that fails takes back to its
 * savepoint what it did, and the others go on. When the transaction itself is lost (disk full, I/O
 * error) all of its jobs fail, also those that had only read: what they saw may never have come
 * to be. The next batch starts afresh.
 * SPDX-License-Identifier: MIT
 */
#include "store/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/memory_wipe.h"
#include "store/driver.h"

/* Jobs of one transaction: bounds how long the first one waits for the last. */
#define BATCH_MAX 256
/* A tenth of the share of a loop that has as much to do. */
#define NICENESS 10

struct store {
    struct store_txn *txn; /* the connection; the thread's alone */
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake; /* there is work, or the store is closing */
    struct store_job *first;
    struct store_job **last; /* where the next job is hung */
    bool closing;

    pthread_cond_t finished; /* a waiting_job is */
};

/* A job of store_run. */
struct waiting_job {
    struct store_job job; /* without a loop */
    bool finished;
};

/* -- The store thread ---------------------------------------------------------------------- */

/* Waits for jobs and takes up to BATCH_MAX of them; NULL when the store is closing and none is
 * left. */
static struct store_job *take_batch(struct store *s)
{
    struct store_job *jobs, *end;

    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->closing)
        pthread_cond_wait(&s->wake, &s->lock);
    jobs = end = s->first;
    if (jobs) {
        for (size_t count = 1; count < BATCH_MAX && end->next; count++)
            end = end->next;
        s->first = end->next;
        end->next = NULL;
        if (!s->first)
            s->last = &s->first;
    }
    pthread_mutex_unlock(&s->lock);
    return jobs;
}

/* False when the transaction is lost. */
static bool run_job(struct store_txn *t, struct store_job *job, struct error *err)
{
    bool ok;

    if (!t->driver->savepoint(t, err))
        return false;
    t->arena = job->arena;
    job->failed = !job->run(t, job->arena, job->data, &job->err);
    if (!job->failed)
        ok = t->driver->release(t, err);
    else
        ok = t->driver->rollback_to(t, err) &&
             (!job->refused || job->refused(t, job->arena, job->data, &job->err, err));
    t->arena = NULL;
    return ok;
}

static bool run_batch(struct store_txn *t, struct store_job *jobs, struct error *err)
{
    if (!t->driver->begin(t, err))
        return false;
    for (struct store_job *job = jobs; job; job = job->next) {
        job->arena = arena_new(NULL);
        if (!run_job(t, job, err))
            return false;
    }
    return t->driver->commit(t, err);
}

/* On the loop of the caller. */
static void on_finished(struct loop_task *task)
{
    struct store_job *job = CONTAINER_OF(task, struct store_job, task);
    struct arena *arena = job->arena; /* `done` may free the job */

    job->done(job->data, job->failed ? &job->err : NULL);
    arena_free(arena);
}

/* Hands the job back: from here on it is its submitter's. */
static void give_back(struct store *s, struct store_job *job)
{
    if (job->loop) {
        loop_post(job->loop, &job->task);
        return;
    }
    pthread_mutex_lock(&s->lock);
    CONTAINER_OF(job, struct waiting_job, job)->finished = true;
    pthread_cond_broadcast(&s->finished);
    pthread_mutex_unlock(&s->lock);
}

/* Where a core is short the loops come first: a long job, a reload of the catalog say, would hold up
 * the requests of the data plane for a slice of the scheduler's time, again and again. Linux counts
 * a thread's niceness apart. */
static void give_way(void)
{
    /* fails only where there is no such thread */
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
}

/* `lost`: the reason why the batch is; NULL when it was committed. */
static void settle(struct store_job *job, const struct error *lost)
{
    /* a job that found its own fault keeps it */
    if (lost && !job->failed) {
        job->failed = true;
        job->err = *lost;
    }
    if (lost && job->lost)
        job->lost(job->data);
    if (!job->failed && job->committed)
        job->committed(job->data);
}

static void *thread_main(void *data)
{
    struct store *s = data;
    struct store_job *jobs;

    give_way();
    while ((jobs = take_batch(s))) {
        struct error err;
        bool ok = run_batch(s->txn, jobs, &err);

        if (!ok)
            s->txn->driver->rollback(s->txn);
        for (struct store_job *job = jobs; job; job = job->next)
            settle(job, ok ? NULL : &err);
        /* Keys, passwords and secure parameters went through these jobs. Before any is given back: who
         * has the answer may look. */
        memory_wipe_traces();
        for (struct store_job *job = jobs, *next; job; job = next) {
            next = job->next;
            give_back(s, job);
        }
    }
    return NULL;
}

/* -- Any thread ---------------------------------------------------------------------------- */

struct store *store_open(const char *file, struct error *err)
{
    struct store_txn *txn = sqlite_open(file, err);
    struct store *s;
    int rc;

    if (!txn)
        return NULL;
    s = memory_alloc(sizeof(*s));
    s->txn = txn;
    s->last = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->finished, NULL);
    rc = pthread_create(&s->thread, NULL, thread_main, s);
    if (rc) {
        error_set(err, ERROR_STORE, "Store '%s': cannot start its thread: %s", file, strerror(rc));
        txn->driver->close(txn);
        free(s);
        return NULL;
    }
    pthread_setname_np(s->thread, "store");
    return s;
}

void store_only_read(struct store *s)
{
    s->txn->driver->only_read(s->txn);
}

bool store_is_alone(struct store *s)
{
    return s->txn->driver->is_alone(s->txn);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->txn->driver->close(s->txn);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->finished);
    free(s);
}

void store_submit(struct store *s, struct store_job *job)
{
    job->next = NULL;
    job->arena = NULL;
    job->task.fn = on_finished;
    job->failed = false;
    pthread_mutex_lock(&s->lock);
    assert(!s->closing);
    *s->last = job;
    s->last = &job->next;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

bool store_run(struct store *s,
               bool (*run)(struct store_txn *t, struct arena *arena, void *data, struct error *err),
               void *data, struct error *err)
{
    struct waiting_job waiting = { .job = { .run = run, .data = data } };

    store_submit(s, &waiting.job);
    pthread_mutex_lock(&s->lock);
    while (!waiting.finished)
        pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
    arena_free(waiting.job.arena);
    if (waiting.job.failed)
        *err = waiting.job.err;
    return !waiting.job.failed;
}

/* -- Inside a job -------------------------------------------------------------------------- */

bool store_get(struct store_txn *t, struct str key, struct store_resource *out, bool *found,
               struct error *err)
{
    return t->driver->get(t, key, out, found, err);
}

bool store_put(struct store_txn *t, const struct store_resource *r, struct error *err)
{
    assert(r->key.len);
    return t->driver->put(t, r, err);
}

bool store_delete(struct store_txn *t, struct str key, bool *existed, struct error *err)
{
    return t->driver->remove(t, key, existed, err);
}

bool store_delete_tree(struct store_txn *t, struct str key, size_t *count, struct error *err)
{
    /* the tree below nothing would be everything */
    assert(key.len);
    return t->driver->remove_tree(t, key, count, err);
}

bool store_list(struct store_txn *t, const struct store_query *query, struct store_resource **out,
                size_t *count, struct error *err)
{
    return t->driver->list(t, query, out, count, err);
}

bool store_append_event(struct store_txn *t, const struct store_event *e, struct error *err)
{
    return t->driver->append_event(t, e, err);
}

bool store_list_events(struct store_txn *t, const struct store_event_query *query,
                       struct store_event **out, size_t *count, struct error *err)
{
    return t->driver->list_events(t, query, out, count, err);
}

bool store_trim_events(struct store_txn *t, int64_t before_ms, size_t limit, size_t *count,
                       struct error *err)
{
    return t->driver->trim_events(t, before_ms, limit, count, err);
}

bool store_mark(struct store_txn *t, struct error *err)
{
    return t->driver->savepoint(t, err);
}

bool store_keep(struct store_txn *t, struct error *err)
{
    return t->driver->release(t, err);
}

bool store_take_back(struct store_txn *t, struct error *err)
{
    return t->driver->rollback_to(t, err);
}

bool store_get_setting(struct store_txn *t, struct str name, struct str *value, bool *found,
                       struct error *err)
{
    return t->driver->get_setting(t, name, value, found, err);
}

bool store_put_setting(struct store_txn *t, struct str name, struct str value, struct error *err)
{
    return t->driver->put_setting(t, name, value, err);
}
