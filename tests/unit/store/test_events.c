/* The log of events, and the record of a job that failed.
 * SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <stdio.h>

#include "fixture.h"
#include "store/migrations.h"

#define SUBSCRIPTION STR("11111111-2222-3333-4444-555555555555")

/* What a test lists: the bodies of the entries, one after another. */
struct listing {
    struct store_event_query query;
    char bodies[256];
    struct store_event last;
};

static bool append(struct store_txn *t, int64_t at_ms, struct str scope, struct str body,
                   struct error *err)
{
    struct store_event e = { .at_ms = at_ms,
                             .subscription = SUBSCRIPTION,
                             .scope = scope,
                             .resource = scope,
                             .body = body };

    return store_append_event(t, &e, err);
}

static bool append_some(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    (void)data;
    return append(t, 1000, STR("/a"), STR("1"), err) && append(t, 3000, STR("/b"), STR("2"), err) &&
           append(t, 2000, STR("/a"), STR("3"), err) && append(t, 3000, STR("/a"), STR("4"), err) &&
           append(t, 3000, STR("/a"), STR("5"), err);
}

static bool list(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct listing *l = data;
    struct store_event *found;
    struct str all = STR_NONE;
    size_t count;

    if (!store_list_events(t, &l->query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        all = arena_printf(arena, "%.*s%.*s", STR_ARGS(all), STR_ARGS(found[i].body));
    snprintf(l->bodies, sizeof(l->bodies), "%.*s", STR_ARGS(all));
    if (count)
        l->last = found[count - 1];
    return true;
}

static void expect_list(struct fixture *f, struct listing *l, const char *bodies)
{
    must_run(f, list, l);
    assert_string_equal(l->bodies, bodies);
}

static struct listing everything(void)
{
    return (struct listing){ .query = { .subscription = SUBSCRIPTION,
                                        .before_ms = INT64_MAX,
                                        .before_id = INT64_MAX,
                                        .limit = 100 } };
}

static void lists_the_newest_first(void **state)
{
    struct fixture *f = *state;
    struct listing l = everything();

    open_store(f);
    must_run(f, append_some, NULL);
    expect_list(f, &l, "54231");
    l.query.from_ms = 2000;
    l.query.before_ms = 2000;
    expect_list(f, &l, "3");
    l = everything();
    l.query.scope = STR("/a");
    expect_list(f, &l, "5431");
    l = everything();
    l.query.subscription = STR("another");
    expect_list(f, &l, "");
    reopen(f);
    l = everything();
    expect_list(f, &l, "54231");
}

/* A page that ends among entries of one time goes on with the others of that time. */
static void goes_on_where_a_page_ended(void **state)
{
    static const char *const pages[] = { "54", "23", "1", "" };
    struct fixture *f = *state;
    struct listing l = everything();

    open_store(f);
    must_run(f, append_some, NULL);
    l.query.limit = 2;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        expect_list(f, &l, pages[i]);
        l.query.before_ms = l.last.at_ms;
        l.query.before_id = l.last.id;
    }
}

struct trim {
    int64_t before_ms;
    size_t limit;
    size_t count;
};

static bool trim(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct trim *what = data;

    (void)arena;
    return store_trim_events(t, what->before_ms, what->limit, &what->count, err);
}

static void removes_what_is_old_step_by_step(void **state)
{
    struct fixture *f = *state;
    struct listing l = everything();
    struct trim step = { .before_ms = 3000, .limit = 2 };

    open_store(f);
    must_run(f, append_some, NULL);
    must_run(f, trim, &step);
    assert_int_equal(step.count, 1); /* of the two oldest entries */
    expect_list(f, &l, "5423");
    must_run(f, trim, &step);
    assert_int_equal(step.count, 1);
    expect_list(f, &l, "542");
    must_run(f, trim, &step);
    assert_int_equal(step.count, 0);
    expect_list(f, &l, "542");
}

/* -- Failures -------------------------------------------------------------------------------- */

struct failing {
    struct store_job job;
    struct loop *loop;
    char text[640];
    bool was_committed;
};

static bool append_and_fail(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    (void)data;
    return append(t, 1, STR("/a"), STR("lost"), err) &&
           error_set(err, ERROR_ARM_NESTED, "it has children");
}

static bool record(struct store_txn *t, struct arena *arena, void *data, const struct error *cause,
                   struct error *err)
{
    (void)data;
    return append(t, 2, STR("/a"), arena_printf(arena, "[%s]", cause->text), err);
}

static void on_committed(void *data)
{
    ((struct failing *)data)->was_committed = true;
}

static void on_done(void *data, const struct error *err)
{
    struct failing *f = data;

    snprintf(f->text, sizeof(f->text), "%s", err ? err->text : "");
    loop_stop(f->loop);
}

static void keeps_a_record_of_a_failure(void **state)
{
    struct fixture *f = *state;
    struct listing l = everything();
    struct failing failing = { .loop = loop_new() };

    open_store(f);
    failing.job = (struct store_job){ .run = append_and_fail,
                                      .committed = on_committed,
                                      .done = on_done,
                                      .refused = record,
                                      .loop = failing.loop,
                                      .data = &failing };
    store_submit(f->store, &failing.job);
    loop_run(failing.loop);
    loop_free(failing.loop);
    assert_string_equal(failing.text, "it has children"); /* it is still a failure */
    assert_false(failing.was_committed);
    expect_list(f, &l, "[it has children]");
}

/* -- Migration ------------------------------------------------------------------------------- */

static void comes_to_a_file_without_it(void **state)
{
    struct fixture *f = *state;
    struct listing l = everything();
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, migrations[0].sqlite, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1; PRAGMA application_id = 1819962473",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    open_store(f);
    must_run(f, append_some, NULL);
    expect_list(f, &l, "54231");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_the_newest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_on_where_a_page_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_what_is_old_step_by_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_a_record_of_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comes_to_a_file_without_it, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
