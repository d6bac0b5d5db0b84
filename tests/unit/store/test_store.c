/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "store/migrations.h"

/* -- Resources ------------------------------------------------------------------------------ */

static bool put_then_change(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource r = {
        .key = STR("/subscriptions/s/resourcegroups/g"),
        .id = STR("/subscriptions/s/resourceGroups/G"),
        .type = STR("microsoft.resources/resourcegroups"),
        .parent = STR("/subscriptions/s"),
        .etag = STR("one"),
        .body = STR("{\"name\":\"gr\xC3\xBC\xC3\x9F\"}"),
        .secret = str_of("a\0b\xFF", 4),
        .created_at_ms = -1,
        .changed_at_ms = INT64_MAX,
    };
    struct store_resource out;
    bool found;

    (void)data;
    assert_true(store_get(t, r.key, &out, &found, err));
    assert_false(found);
    assert_true(store_put(t, &r, err));
    r.body = STR("changed while it was written?"); /* what was put is kept, not borrowed */
    assert_true(store_get(t, r.key, &out, &found, err));
    assert_true(found);
    assert_true(str_equal(out.key, r.key));
    assert_true(str_equal(out.id, r.id));
    assert_true(str_equal(out.type, r.type));
    assert_true(str_equal(out.parent, r.parent));
    assert_true(str_equal(out.etag, r.etag));
    assert_true(str_equal(out.body, STR("{\"name\":\"gr\xC3\xBC\xC3\x9F\"}")));
    assert_true(str_equal(out.secret, r.secret));
    assert_true(out.created_at_ms == -1 && out.changed_at_ms == INT64_MAX);
    r = out;
    r.etag = STR("two");
    r.secret = STR_NONE;
    r.changed_at_ms = 7;
    r.type = r.parent = STR("these stay");
    (void)arena;
    return store_put(t, &r, err);
}

static bool get_changed(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource out;
    bool found, existed;

    (void)arena;
    (void)data;
    assert_true(store_get(t, STR("/subscriptions/s/resourcegroups/g"), &out, &found, err));
    assert_true(found);
    assert_true(str_equal(out.etag, STR("two")));
    assert_true(str_is_empty(out.secret));
    assert_true(str_equal(out.type, STR("microsoft.resources/resourcegroups")));
    assert_true(str_equal(out.parent, STR("/subscriptions/s")));
    assert_true(out.created_at_ms == -1 && out.changed_at_ms == 7);
    assert_true(store_delete(t, out.key, &existed, err));
    assert_true(existed);
    assert_true(store_delete(t, out.key, &existed, err));
    assert_false(existed);
    assert_true(store_get(t, out.key, &out, &found, err));
    assert_false(found);
    return true;
}

static void keeps_resources(void **state)
{
    struct fixture *f = *state;

    open_store(f);
    must_run(f, put_then_change, NULL);
    reopen(f);
    must_run(f, get_changed, NULL);
}

static const char *const accounts[] = { "/g/a",   "/g/a/d/1", "/g/a/d/2", "/g/a-b",
                                        "/g/a.b", "/g/a0",    "/g/ab",    "/h/a" };

static bool put_accounts(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    (void)data;
    for (size_t i = ARRAY_LEN(accounts); i-- > 0;) {
        struct str key = str_from(accounts[i]);
        bool is_deployment = str_starts_with(key, STR("/g/a/d/"));
        struct store_resource r = resource(key, is_deployment ? STR("deployment") : STR("account"),
                                           is_deployment ? STR("/g/a") : str_slice(key, 0, 2));

        if (!store_put(t, &r, err))
            return false;
    }
    return true;
}

/* The keys that a query gives, joined by blanks. */
static const char *listed(struct store_txn *t, struct arena *arena, struct store_query query)
{
    struct store_resource *rows;
    struct str joined = STR_NONE;
    struct error err;
    size_t count;

    assert_true(store_list(t, &query, &rows, &count, &err));
    for (size_t i = 0; i < count; i++)
        joined = arena_printf(arena, "%.*s%s%.*s", STR_ARGS(joined), i ? " " : "",
                              STR_ARGS(rows[i].key));
    return joined.data ? joined.data : "";
}

#define ASSERT_LISTED(expected, ...) \
    assert_string_equal(listed(t, arena, (struct store_query){ __VA_ARGS__ }), expected)

static bool list_accounts(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)data;
    (void)err;
    ASSERT_LISTED("/g/a /g/a-b /g/a.b /g/a/d/1 /g/a/d/2 /g/a0 /g/ab /h/a", .limit = 0);
    ASSERT_LISTED("/g/a /g/a-b /g/a.b /g/a0 /g/ab", .parent = STR("/g"));
    ASSERT_LISTED("/g/a/d/1 /g/a/d/2", .parent = STR("/g/a"));
    ASSERT_LISTED("/g/a/d/1 /g/a/d/2", .key_prefix = STR("/g/a/"));
    ASSERT_LISTED("/g/a/d/1 /g/a/d/2", .type = STR("deployment"));
    ASSERT_LISTED("/h/a", .type = STR("account"), .key_prefix = STR("/h/"));
    ASSERT_LISTED("/h/a", .type = STR("account"), .parent = STR("/h"));
    ASSERT_LISTED("", .type = STR("deployment"), .parent = STR("/g"));
    ASSERT_LISTED("/g/a/d/2", .parent = STR("/g/a"), .key_prefix = STR("/g/a/d/2"));
    ASSERT_LISTED("/g/a/d/1", .parent = STR("/g/a"), .key_prefix = STR("/g/a/d/"),
                  .type = STR("deployment"), .limit = 1);
    ASSERT_LISTED("/g/a /g/a-b", .parent = STR("/g"), .limit = 2);
    ASSERT_LISTED("/g/a.b /g/a0", .parent = STR("/g"), .limit = 2, .after_key = STR("/g/a-b"));
    ASSERT_LISTED("/g/a0 /g/ab", .parent = STR("/g"), .after_key = STR("/g/a/d/1"));
    ASSERT_LISTED("", .parent = STR("/g"), .after_key = STR("/g/ab"));
    ASSERT_LISTED("", .parent = STR("' OR 1 --"));
    return true;
}

static bool delete_account(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    size_t count;

    (void)data;
    assert_true(store_delete_tree(t, STR("/g/a"), &count, err));
    assert_int_equal(count, 3);
    ASSERT_LISTED("/g/a-b /g/a.b /g/a0 /g/ab /h/a", .limit = 0);
    assert_true(store_delete_tree(t, STR("/g/a"), &count, err));
    assert_int_equal(count, 0);
    return true;
}

static void lists_and_deletes_trees(void **state)
{
    struct fixture *f = *state;

    open_store(f);
    must_run(f, put_accounts, NULL);
    must_run(f, list_accounts, NULL);
    must_run(f, delete_account, NULL);
}

static bool put_many(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    size_t *count = data;

    for (size_t i = 0; i < *count; i++) {
        struct store_resource r =
            resource(arena_printf(arena, "/g/%06zu", i), STR("account"), STR("/g"));

        if (!store_put(t, &r, err))
            return false;
    }
    return true;
}

static bool count_many(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_query query = { .parent = STR("/g") };
    struct store_resource *rows;
    size_t *count = data;

    (void)arena;
    assert_true(store_list(t, &query, &rows, count, err));
    for (size_t i = 1; i < *count; i++)
        assert_true(str_compare(rows[i - 1].key, rows[i].key) < 0);
    return true;
}

static void lists_many(void **state)
{
    struct fixture *f = *state;
    size_t count = 3000;

    open_store(f);
    must_run(f, put_many, &count);
    count = 0;
    must_run(f, count_many, &count);
    assert_int_equal(count, 3000);
}

static bool use_settings(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct str value;
    bool found;

    (void)arena;
    (void)data;
    assert_true(store_get_setting(t, STR("tenant"), &value, &found, err));
    assert_false(found);
    assert_true(store_put_setting(t, STR("tenant"), STR("first"), err));
    assert_true(store_put_setting(t, STR("tenant"), str_of("a\0b", 3), err));
    assert_true(store_put_setting(t, STR("empty"), STR_NONE, err));
    assert_true(store_get_setting(t, STR("empty"), &value, &found, err));
    assert_true(found);
    assert_int_equal(value.len, 0);
    return true;
}

static bool read_setting(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct str value;
    bool found;

    (void)arena;
    (void)data;
    assert_true(store_get_setting(t, STR("tenant"), &value, &found, err));
    assert_true(found);
    assert_true(str_equal(value, str_of("a\0b", 3)));
    return true;
}

static void keeps_settings(void **state)
{
    struct fixture *f = *state;

    open_store(f);
    must_run(f, use_settings, NULL);
    reopen(f);
    must_run(f, read_setting, NULL);
}

/* -- Opening ---------------------------------------------------------------------------------- */

static void assert_refused(const char *file, const char *why)
{
    struct error err = { 0 };
    struct store *s = store_open(file, &err);

    store_close(s);
    assert_null(s);
    assert_true(err.code == ERROR_STORE || err.code == ERROR_STORE_UNUSABLE);
    if (!strstr(err.text, file) || !strstr(err.text, why))
        fail_msg("expected '%s', got: %s", why, err.text);
}

static void sql(const char *file, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void keeps_its_file_private(void **state)
{
    static const char *const endings[] = { "", "-wal", "-shm" };
    struct fixture *f = *state;
    mode_t before = umask(0);
    size_t count = 1;

    open_store(f);
    must_run(f, put_many, &count);
    umask(before);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[160];
        struct stat st;

        snprintf(path, sizeof(path), "%s%s", f->file, endings[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void numbers_its_migrations(void **state)
{
    (void)state;
    for (size_t i = 0; i < migration_count; i++)
        assert_int_equal(migrations[i].version, i + 1);
}

static void refuses_a_newer_schema(void **state)
{
    struct fixture *f = *state;
    char newest[64];

    open_store(f);
    store_close(f->store);
    f->store = NULL;
    sql(f->file, "PRAGMA user_version = 1000");
    assert_refused(f->file, "schema version 1000");
    assert_refused(f->file, "newer lazuli");
    snprintf(newest, sizeof(newest), "PRAGMA user_version = %zu", migration_count);
    sql(f->file, newest);
    open_store(f);
}

static void refuses_what_is_not_its_own(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->file, "w");

    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_refused(f->file, "not a database");
    unlink(f->file);
    sql(f->file, "CREATE TABLE cats (name TEXT)");
    assert_refused(f->file, "another program");
    unlink(f->file);
    sql(f->file, "PRAGMA application_id = 252006673; CREATE TABLE t (x)");
    assert_refused(f->file, "another program");
}

static void refuses_where_it_cannot_write(void **state)
{
    struct fixture *f = *state;
    char path[160];

    snprintf(path, sizeof(path), "%s/no/such/folder.db", f->folder);
    assert_refused(path, "No such file or directory");
    assert_refused(f->folder, "unable to open");
    /* root may write anywhere: be nobody for a moment */
    assert_int_equal(chmod(f->folder, 0500), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_refused(f->file, "Permission denied");
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(f->folder, 0700), 0);
}

static bool put_named(struct store_txn *t, const char *key, struct error *err)
{
    struct store_resource r = { .key = str_from(key),
                                .id = str_from(key),
                                .type = STR("t"),
                                .etag = STR("e"),
                                .body = STR("{}") };

    return store_put(t, &r, err);
}

static bool is_there(struct store_txn *t, const char *key, struct error *err)
{
    struct store_resource r;
    bool found;

    assert_true(store_get(t, str_from(key), &r, &found, err));
    return found;
}

static bool write_in_parts(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    (void)data;
    assert_true(store_mark(t, err) && put_named(t, "/kept", err));
    assert_true(store_mark(t, err) && put_named(t, "/lost", err));
    assert_true(store_mark(t, err) && put_named(t, "/inner", err) && store_keep(t, err));
    assert_true(store_take_back(t, err));
    assert_true(is_there(t, "/kept", err));
    assert_false(is_there(t, "/lost", err));
    assert_false(is_there(t, "/inner", err));
    return store_keep(t, err);
}

static bool read_parts(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    (void)arena;
    (void)data;
    assert_true(is_there(t, "/kept", err));
    assert_false(is_there(t, "/lost", err));
    return true;
}

static void takes_parts_back(void **state)
{
    struct fixture *f = *state;

    open_store(f);
    must_run(f, write_in_parts, NULL);
    must_run(f, read_parts, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_resources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_and_deletes_trees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(takes_parts_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_its_file_private, set_up, tear_down),
        cmocka_unit_test(numbers_its_migrations),
        cmocka_unit_test_setup_teardown(refuses_a_newer_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_where_it_cannot_write, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
