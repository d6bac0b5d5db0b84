/*
 * Jobs of many loops at once, and transactions that cannot be committed.
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"

/* -- Jobs and transactions ------------------------------------------------------------------ */

/* One of many jobs of a loop, which ends when all of them are done. */
struct counted_job {
    struct store_job job;
    struct crowd *crowd;
    size_t number;
    bool fails;
    bool committed;
    bool ended_well;
    char text[640];
};

struct crowd {
    struct fixture *f;
    struct loop *loop;
    pthread_t thread;
    size_t name;
    size_t open;
    size_t next; /* number of the job that ends next */
    struct counted_job *jobs;
};

/* On the store thread. */
static void on_committed(void *data)
{
    struct counted_job *j = data;

    assert_false(pthread_equal(pthread_self(), j->crowd->thread));
    assert_false(j->committed);
    j->committed = true;
}

static void on_done(void *data, const struct error *err)
{
    struct counted_job *j = data;

    assert_true(pthread_equal(pthread_self(), j->crowd->thread));
    assert_int_equal(j->number, j->crowd->next++);
    assert_int_equal(j->committed, !err);
    j->ended_well = !err;
    snprintf(j->text, sizeof(j->text), "%s", err ? err->text : "");
    if (--j->crowd->open == 0)
        loop_stop(j->crowd->loop);
}

static bool put_own(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct counted_job *j = data;
    struct str key = arena_printf(arena, "/g/%zu-%zu", j->crowd->name, j->number);
    struct store_resource r = resource(key, STR("account"), STR("/g"));

    if (!store_put(t, &r, err))
        return false;
    return !j->fails || error_set(err, ERROR_CONFLICT, "job %zu", j->number);
}

static void crowd_submit(struct crowd *c, size_t count)
{
    c->thread = pthread_self();
    c->loop = loop_new();
    c->open = count;
    c->jobs = calloc(count, sizeof(*c->jobs));
    for (size_t i = 0; i < count; i++) {
        struct counted_job *j = &c->jobs[i];

        *j = (struct counted_job){ .crowd = c, .number = i, .fails = i % 3 == 1 };
        j->job = (struct store_job){ put_own, on_committed, NULL, on_done, c->loop, .data = j };
        store_submit(c->f->store, &j->job);
    }
}

/* After the loop has run. */
static void crowd_check(struct crowd *c, size_t count)
{
    loop_free(c->loop);
    assert_int_equal(c->open, 0);
    for (size_t i = 0; i < count; i++) {
        char expected[32];

        snprintf(expected, sizeof(expected), c->jobs[i].fails ? "job %zu" : "", i);
        assert_int_equal(c->jobs[i].ended_well, !c->jobs[i].fails);
        assert_string_equal(c->jobs[i].text, expected);
    }
    free(c->jobs);
}

enum { CROWD = 200, CROWDS = 4 };

static void *crowd_main(void *data)
{
    struct crowd *c = data;

    crowd_submit(c, CROWD);
    loop_run(c->loop);
    crowd_check(c, CROWD);
    return NULL;
}

static bool check_crowds(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)data;
    for (size_t name = 0; name < CROWDS; name++) {
        for (size_t i = 0; i < CROWD; i++) {
            struct store_resource out;
            bool found;

            assert_true(
                store_get(t, arena_printf(arena, "/g/%zu-%zu", name, i), &out, &found, err));
            assert_int_equal(found, i % 3 != 1);
        }
    }
    return true;
}

/* Loops on threads of their own: each job ends on its own loop, in order; those that fail leave
 * nothing behind and disturb none of those that they share a transaction with. */
static void serves_many_loops(void **state)
{
    struct fixture *f = *state;
    struct crowd crowds[CROWDS];
    pthread_t threads[CROWDS];

    open_store(f);
    for (size_t i = 0; i < CROWDS; i++) {
        crowds[i] = (struct crowd){ .f = f, .name = i };
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_main, &crowds[i]), 0);
    }
    for (size_t i = 0; i < CROWDS; i++)
        pthread_join(threads[i], NULL);
    must_run(f, check_crowds, NULL);
}

static void finishes_before_it_closes(void **state)
{
    struct fixture *f = *state;
    struct crowd c = { .f = f };

    open_store(f);
    crowd_submit(&c, 1000);
    store_close(f->store);
    f->store = NULL;
    /* All have run; the loop only has to hear of it. */
    loop_run(c.loop);
    crowd_check(&c, 1000);
}

static bool fail_after_put(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource r = resource(STR("/half"), STR("account"), STR("/g"));

    (void)arena;
    (void)data;
    assert_true(store_put(t, &r, err));
    return error_set(err, ERROR_CONFLICT, "changed my mind");
}

static bool has_no_half(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource out;
    bool found;

    (void)arena;
    (void)data;
    assert_true(store_get(t, STR("/half"), &out, &found, err));
    assert_false(found);
    return true;
}

static void a_failed_job_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct error err = { 0 };

    open_store(f);
    assert_false(store_run(f->store, fail_after_put, NULL, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(err.text, "changed my mind");
    must_run(f, has_no_half, NULL);
}

/* -- Commits that fail ------------------------------------------------------------------------ */

static sem_t gate, at_gate;

static bool wait_at_gate(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)t;
    (void)arena;
    (void)data;
    (void)err;
    sem_post(&at_gate);
    while (sem_wait(&gate))
        ;
    return true;
}

static bool put_big(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource r = resource(STR("/big"), STR("account"), STR("/g"));

    (void)data;
    r.body = str_of(arena_alloc(arena, 300000), 300000);
    return store_put(t, &r, err);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The disk is full at the commit that several jobs share: all of them hear of it, with the file's
 * name, and none is there afterwards; when there is room again the store goes on. */
static void survives_a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct crowd c = { .f = f };
    struct counted_job jobs[4];
    struct error err;

    open_store(f);
    signal(SIGXFSZ, SIG_IGN);
    sem_init(&gate, 0, 0);
    sem_init(&at_gate, 0, 0);
    c.thread = pthread_self();
    c.loop = loop_new();
    c.open = ARRAY_LEN(jobs);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct counted_job){ .crowd = &c, .number = i };
        jobs[i].job =
            (struct store_job){ put_own, on_committed, NULL, on_done, c.loop, .data = &jobs[i] };
    }
    jobs[0].job.run = wait_at_gate; /* alone, until all others are queued: they share a commit */
    jobs[2].job.run = put_big;
    jobs[3].job.run = has_no_half; /* only reads */
    store_submit(f->store, &jobs[0].job);
    while (sem_wait(&at_gate))
        ;
    for (size_t i = 1; i < ARRAY_LEN(jobs); i++)
        store_submit(f->store, &jobs[i].job);
    limit_file_size(100000);
    sem_post(&gate);
    loop_run(c.loop);
    loop_free(c.loop);
    limit_file_size(RLIM_INFINITY);
    for (size_t i = 1; i < ARRAY_LEN(jobs); i++) {
        assert_false(jobs[i].ended_well);
        assert_non_null(strstr(jobs[i].text, f->file));
    }
    assert_true(store_run(f->store, put_big, NULL, &err));
    reopen(f);
    must_run(f, has_no_half, NULL);
    sem_destroy(&at_gate);
    sem_destroy(&gate);
}

static void says_when_another_holds_it(void **state)
{
    struct fixture *f = *state;
    struct error err = { 0 };
    sqlite3 *db;

    open_store(f);
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_run(f->store, has_no_half, NULL, &err));
    assert_int_equal(err.code, ERROR_STORE_UNUSABLE);
    assert_non_null(strstr(err.text, f->file));
    assert_non_null(strstr(err.text, "another process"));
    sqlite3_close(db);
    must_run(f, has_no_half, NULL);
}

static void a_reader_waits_for_no_writer(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;

    open_store(f);
    store_only_read(f->store);
    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "BEGIN IMMEDIATE; INSERT INTO resources (key, id, type, parent, "
                                  "etag, body, secret, created_at, changed_at) VALUES "
                                  "('/half', '/half', '', '', '', '', '', 0, 0)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    must_run(f, has_no_half, NULL);
    sqlite3_close(db);
}

static bool note_priority(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)t;
    (void)arena;
    (void)err;
    *(int *)data = getpriority(PRIO_PROCESS, (id_t)gettid());
    return true;
}

/* Its thread comes behind those of the loops, which keep what they had. */
static void gives_way(void **state)
{
    struct fixture *f = *state;
    int before = getpriority(PRIO_PROCESS, (id_t)gettid()), there = -1;

    open_store(f);
    must_run(f, note_priority, &there);
    assert_true(there > before || there == 19);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serves_many_loops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finishes_before_it_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_job_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(survives_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_when_another_holds_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_waits_for_no_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gives_way, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
