/*
 * A process that writes through the store is killed at random moments, again and again on the same
 * file. After each kill the file must open and be whole, every write that was acknowledged must be
 * there, and no job by half: each one writes two resources and a setting.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/store.h"

enum {
    ROUNDS = 25,
    ROUND_US_MAX = 60000, /* 25 rounds of 30 ms on average, and a check after each */
    FIRST_MS_MAX = 60000,
    IN_FLIGHT = 32,
    NUMBERS_MAX = 1000000,
};

static char file[64];
static unsigned char acknowledged[NUMBERS_MAX];
static uint64_t next_number; /* above all that were ever submitted */

/* -- The process that is killed -------------------------------------------------------------- */

struct writer {
    struct store_job job;
    struct store *store;
    uint64_t number;
    int acknowledge;
};

/* A body that tells its number, of a length that depends on it: 0 to 8000 bytes. */
static struct str body_of(struct arena *a, uint64_t number)
{
    size_t len = number * 7919 % 8000;
    char *body = arena_alloc_bytes(a, len);

    for (size_t i = 0; i < len; i++)
        body[i] = (char)('a' + (number + i) % 26);
    return str_of(body, len);
}

static bool write_pair(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct writer *w = data;
    struct str key = arena_printf(a, "/g/%llu", (unsigned long long)w->number);
    struct store_resource r = { .key = key,
                                .id = key,
                                .type = STR("pair"),
                                .parent = STR("/g"),
                                .etag = STR("e"),
                                .body = body_of(a, w->number) };

    if (!store_put(t, &r, err))
        return false;
    r.parent = key;
    r.key = r.id = arena_printf(a, "%.*s/half", STR_ARGS(key));
    return store_put_setting(t, STR("last"), key, err) && store_put(t, &r, err);
}

static void on_written(void *data, const struct error *err)
{
    struct writer *w = data;

    if (err || write(w->acknowledge, &w->number, sizeof(w->number)) != sizeof(w->number))
        _exit(3);
    w->number += IN_FLIGHT;
    store_submit(w->store, &w->job);
}

/* Writes until it is killed. */
static void write_for_ever(uint64_t first, int acknowledge)
{
    struct writer writers[IN_FLIGHT];
    struct loop *loop = loop_new();
    struct error err;
    struct store *s = store_open(file, &err);

    if (!s) {
        fprintf(stderr, "%s\n", err.text);
        _exit(4);
    }
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        struct writer *w = &writers[i];

        *w = (struct writer){ .store = s, .number = first + i, .acknowledge = acknowledge };
        w->job =
            (struct store_job){ .run = write_pair, .done = on_written, .loop = loop, .data = w };
        store_submit(s, &w->job);
    }
    loop_run(loop);
    _exit(5);
}

/* -- The process that kills and checks ------------------------------------------------------- */

static void take_acknowledgements(int from)
{
    uint64_t numbers[512];
    ssize_t len = read(from, numbers, sizeof(numbers));

    assert_true(len >= 0);
    assert_int_equal(len % (ssize_t)sizeof(numbers[0]), 0);
    for (size_t i = 0; i < (size_t)len / sizeof(numbers[0]); i++) {
        assert_true(numbers[i] < NUMBERS_MAX - 2 * IN_FLIGHT);
        acknowledged[numbers[i]] = 1;
        /* others may have been submitted up to this far ahead of it */
        if (numbers[i] + 2 * IN_FLIGHT > next_number)
            next_number = numbers[i] + 2 * IN_FLIGHT;
    }
}

/* The time runs from the start of the process, or from its first acknowledgement: a busy machine may
 * not come to one otherwise. */
static void write_and_kill(uint64_t round_us, bool after_first)
{
    struct pollfd pipe_end = { .events = POLLIN };
    uint64_t end, now;
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_for_ever(next_number, ends[1]);
    }
    next_number += IN_FLIGHT;
    close(ends[1]);
    pipe_end.fd = ends[0];
    if (after_first)
        assert_int_equal(poll(&pipe_end, 1, FIRST_MS_MAX), 1);
    end = clock_monotonic_us() + round_us;
    while ((now = clock_monotonic_us()) < end) {
        struct timespec wait = { .tv_nsec = (long)(end - now) * 1000 };

        if (ppoll(&pipe_end, 1, &wait, NULL) > 0)
            take_acknowledgements(ends[0]);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* what it had acknowledged before it died */
    while (poll(&pipe_end, 1, 0) > 0 && (pipe_end.revents & POLLIN))
        take_acknowledgements(ends[0]);
    close(ends[0]);
}

static bool check_pairs(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    static unsigned char there[NUMBERS_MAX];
    struct store_query query = { .type = STR("pair") };
    struct store_resource *rows;
    size_t count;

    (void)data;
    memset(there, 0, sizeof(there));
    if (!store_list(t, &query, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct str rest = str_slice(rows[i].key, 3, SIZE_MAX), number;
        uint64_t n;

        assert_true(str_split(&rest, '/', &number));
        assert_true(str_to_u64(number, NUMBERS_MAX - 1, &n));
        assert_true(str_equal(rows[i].body, body_of(a, n)));
        there[n]++;
    }
    for (size_t n = 0; n < NUMBERS_MAX; n++) {
        if (there[n] != 2 && (there[n] || acknowledged[n]))
            return error_set(err, ERROR_STORE, "%zu: %d of 2 are there, acknowledged: %d", n,
                             there[n], acknowledged[n]);
    }
    return true;
}

static void check_file(void)
{
    struct error err = { 0 };
    struct store *s;
    sqlite3_stmt *statement;
    sqlite3 *db;

    /* The store opens first: the file is as the kill has left it. */
    s = store_open(file, &err);
    if (!s || !store_run(s, check_pairs, NULL, &err))
        fail_msg("%s", err.text);
    store_close(s);
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void acknowledged_writes_survive_kills(void **state)
{
    char folder[] = "/tmp/lazuli-crash-XXXXXX";
    uint64_t seed, total = 0;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/lazuli.db", folder);
    random_bytes(&seed, sizeof(seed));
    for (int round = 0; round < ROUNDS; round++) {
        write_and_kill(random_next(&seed) % ROUND_US_MAX, round % 2);
        check_file();
    }
    for (size_t n = 0; n < NUMBERS_MAX; n++)
        total += acknowledged[n];
    /* a test that never saw a write would prove nothing */
    assert_true(total > 0);
    unlink(file);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_writes_survive_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
