/* SPDX-License-Identifier: MIT */
#include "store/sqlite_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define COLUMNS "key, id, type, parent, etag, body, secret, created_at, changed_at"

/* Keys that begin with a prefix are those from the prefix to its successor. */
#define LIST_HEAD "SELECT " COLUMNS " FROM resources WHERE key > ?1"
#define BY_PARENT " AND parent = ?2"
#define BY_PREFIX " AND key >= ?3 AND key < ?4"
#define BY_TYPE " AND type = ?5"
#define LIST_TAIL " ORDER BY key LIMIT ?6"

#define EVENT_COLUMNS "at, subscription, scope, resource, body"
#define LIST_EVENTS(column)                                          \
    "SELECT id, " EVENT_COLUMNS " FROM events WHERE " column " = ?1" \
    " AND at >= ?2 AND at <= ?3 AND (at, id) < (?3, ?4) ORDER BY at DESC, id DESC LIMIT ?5"

enum { SHAPE_PARENT = 1, SHAPE_PREFIX = 2, SHAPE_TYPE = 4 };

static const char *const statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_SAVEPOINT] = "SAVEPOINT job",
    [STATEMENT_RELEASE] = "RELEASE job",
    [STATEMENT_ROLLBACK_TO] = "ROLLBACK TO job",
    [STATEMENT_GET] = "SELECT " COLUMNS " FROM resources WHERE key = ?1",
    /* what would be set to what it is would be written into the indexes again all the same */
    [STATEMENT_PUT] = "INSERT INTO resources (" COLUMNS ")"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                      " ON CONFLICT (key) DO UPDATE SET id = ?2, etag = ?5, body = ?6, secret = ?7,"
                      " created_at = ?8, changed_at = ?9",
    [STATEMENT_REMOVE] = "DELETE FROM resources WHERE key = ?1",
    [STATEMENT_REMOVE_TREE] = "DELETE FROM resources WHERE key = ?1 OR (key >= ?2 AND key < ?3)",
    [STATEMENT_APPEND_EVENT] = "INSERT INTO events (" EVENT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5)",
    [STATEMENT_LIST_EVENTS] = LIST_EVENTS("subscription"),
    [STATEMENT_LIST_EVENTS_OF_SCOPE] = LIST_EVENTS("scope"),
    [STATEMENT_TRIM_EVENTS] = "DELETE FROM events WHERE id IN"
                              " (SELECT id FROM events ORDER BY id LIMIT ?2) AND at < ?1",
    [STATEMENT_GET_SETTING] = "SELECT value FROM settings WHERE name = ?1",
    [STATEMENT_PUT_SETTING] = "INSERT INTO settings (name, value) VALUES (?1, ?2)"
                              " ON CONFLICT (name) DO UPDATE SET value = ?2",
    [STATEMENT_LIST] = LIST_HEAD LIST_TAIL,
    [STATEMENT_LIST + SHAPE_PARENT] = LIST_HEAD BY_PARENT LIST_TAIL,
    [STATEMENT_LIST + SHAPE_PREFIX] = LIST_HEAD BY_PREFIX LIST_TAIL,
    [STATEMENT_LIST + SHAPE_PREFIX + SHAPE_PARENT] = LIST_HEAD BY_PREFIX BY_PARENT LIST_TAIL,
    [STATEMENT_LIST + SHAPE_TYPE] = LIST_HEAD BY_TYPE LIST_TAIL,
    [STATEMENT_LIST + SHAPE_TYPE + SHAPE_PARENT] = LIST_HEAD BY_TYPE BY_PARENT LIST_TAIL,
    [STATEMENT_LIST + SHAPE_TYPE + SHAPE_PREFIX] = LIST_HEAD BY_TYPE BY_PREFIX LIST_TAIL,
    [STATEMENT_LIST + SHAPE_TYPE + SHAPE_PREFIX + SHAPE_PARENT] =
        LIST_HEAD BY_TYPE BY_PREFIX BY_PARENT LIST_TAIL,
};

/* -- Helpers ------------------------------------------------------------------------------- */

/* What helps whoever reads the message, where SQLite's own words do not. */
static const char *advice(int code)
{
    switch (code & 0xFF) {
    case SQLITE_BUSY:
        return " (another process is using it)";
    case SQLITE_FULL:
        return " (is the disk full, or a quota used up?)";
    case SQLITE_NOTADB:
        return " (it was not made by lazuli, or is damaged)";
    case SQLITE_CORRUPT:
        return " (it is damaged: restore it from a backup)";
    default:
        return "";
    }
}

/* What goes by itself, or by the operator's hand, without a change to the file. */
static bool may_pass(int code)
{
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
        return true;
    default:
        return false;
    }
}

bool sqlite_failed(const struct sqlite *s, const char *doing, struct error *err)
{
    int code = sqlite3_extended_errcode(s->db), system = sqlite3_system_errno(s->db);
    bool has_cause = (code & 0xFF) == SQLITE_CANTOPEN || (code & 0xFF) == SQLITE_IOERR;

    return error_set(err, may_pass(code) ? ERROR_STORE_UNUSABLE : ERROR_STORE,
                     "Store '%s': %s: %s [%d]%s%s%s", s->file, doing, sqlite3_errmsg(s->db), code,
                     has_cause && system ? ": " : "", has_cause && system ? strerror(system) : "",
                     advice(code));
}

void sqlite_free(struct sqlite *s)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s->file);
    free(s);
}

static struct sqlite *of(struct store_txn *t)
{
    return CONTAINER_OF(t, struct sqlite, txn);
}

/* The statement, ready for its values; NULL with *err. */
static sqlite3_stmt *prepare(struct sqlite *s, int which, struct error *err)
{
    sqlite3_stmt **statement = &s->statements[which];
    /* IMMEDIATE asks for the lock of the one that writes */
    const char *text = which == STATEMENT_BEGIN && s->only_reads ? "BEGIN" : statement_texts[which];

    if (!*statement && sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement,
                                          NULL) != SQLITE_OK)
        sqlite_failed(s, "prepare", err);
    return *statement;
}

/* The bytes stay where they are until the statement has run. */
static void bind_text(sqlite3_stmt *statement, int at, struct str s)
{
    /* fails only for a wrong index, or for text that the statement's run then reports as too big */
    sqlite3_bind_text64(statement, at, s.data ? s.data : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_bytes(sqlite3_stmt *statement, int at, struct str s)
{
    sqlite3_bind_blob64(statement, at, s.data ? s.data : "", s.len, SQLITE_STATIC);
}

static struct str column(struct store_txn *t, sqlite3_stmt *statement, int at)
{
    const char *bytes = sqlite3_column_blob(statement, at);

    return arena_copy(t->arena, str_of(bytes, (size_t)sqlite3_column_bytes(statement, at)));
}

/* Ends a statement; `rc` is what its last step gave. */
static bool finish(struct sqlite *s, sqlite3_stmt *statement, int rc, const char *doing,
                   struct error *err)
{
    bool ok = rc == SQLITE_DONE || rc == SQLITE_ROW;

    if (!ok)
        sqlite_failed(s, doing, err);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return ok;
}

/* A statement without values and without rows. */
static bool run(struct store_txn *t, int which, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, which, err);

    return statement && finish(s, statement, sqlite3_step(statement), statement_texts[which], err);
}

/* The first key behind all that begin with `prefix`. Keys are text: no byte of them is 0xFF. */
static struct str successor(struct arena *a, struct str prefix)
{
    char *text = arena_text(a, prefix);

    text[prefix.len - 1]++;
    return str_of(text, prefix.len);
}

/* -- Transactions -------------------------------------------------------------------------- */

static void close_connection(struct store_txn *t)
{
    sqlite_free(of(t));
}

static void only_read(struct store_txn *t)
{
    of(t)->only_reads = true;
}

static bool is_alone(struct store_txn *t)
{
    return of(t)->is_alone;
}

static bool begin(struct store_txn *t, struct error *err)
{
    return run(t, STATEMENT_BEGIN, err);
}

static bool commit(struct store_txn *t, struct error *err)
{
    return run(t, STATEMENT_COMMIT, err);
}

static void rollback(struct store_txn *t)
{
    struct error ignored; /* SQLite may have rolled back by itself */

    if (!sqlite3_get_autocommit(of(t)->db) && !run(t, STATEMENT_ROLLBACK, &ignored))
        assert(sqlite3_get_autocommit(of(t)->db));
}

static bool savepoint(struct store_txn *t, struct error *err)
{
    return run(t, STATEMENT_SAVEPOINT, err);
}

static bool release(struct store_txn *t, struct error *err)
{
    return run(t, STATEMENT_RELEASE, err);
}

static bool rollback_to(struct store_txn *t, struct error *err)
{
    return run(t, STATEMENT_ROLLBACK_TO, err) && run(t, STATEMENT_RELEASE, err);
}

/* -- Resources ----------------------------------------------------------------------------- */

static void read_resource(struct store_txn *t, sqlite3_stmt *statement, struct store_resource *out)
{
    *out = (struct store_resource){
        .key = column(t, statement, 0),
        .id = column(t, statement, 1),
        .type = column(t, statement, 2),
        .parent = column(t, statement, 3),
        .etag = column(t, statement, 4),
        .body = column(t, statement, 5),
        .secret = column(t, statement, 6),
        .created_at_ms = sqlite3_column_int64(statement, 7),
        .changed_at_ms = sqlite3_column_int64(statement, 8),
    };
}

static bool get(struct store_txn *t, struct str key, struct store_resource *out, bool *found,
                struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_GET, err);
    int rc;

    if (!statement)
        return false;
    bind_text(statement, 1, key);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        read_resource(t, statement, out);
    *found = rc == SQLITE_ROW;
    return finish(s, statement, rc, "read a resource", err);
}

static bool put(struct store_txn *t, const struct store_resource *r, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_PUT, err);

    if (!statement)
        return false;
    bind_text(statement, 1, r->key);
    bind_text(statement, 2, r->id);
    bind_text(statement, 3, r->type);
    bind_text(statement, 4, r->parent);
    bind_text(statement, 5, r->etag);
    bind_text(statement, 6, r->body);
    bind_bytes(statement, 7, r->secret);
    sqlite3_bind_int64(statement, 8, r->created_at_ms);
    sqlite3_bind_int64(statement, 9, r->changed_at_ms);
    return finish(s, statement, sqlite3_step(statement), "write a resource", err);
}

static bool remove_one(struct store_txn *t, struct str key, bool *existed, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_REMOVE, err);

    if (!statement)
        return false;
    bind_text(statement, 1, key);
    if (!finish(s, statement, sqlite3_step(statement), "delete a resource", err))
        return false;
    *existed = sqlite3_changes64(s->db) > 0;
    return true;
}

static bool remove_tree(struct store_txn *t, struct str key, size_t *count, struct error *err)
{
    struct sqlite *s = of(t);
    struct str below = arena_printf(t->arena, "%.*s/", STR_ARGS(key));
    sqlite3_stmt *statement = prepare(s, STATEMENT_REMOVE_TREE, err);

    if (!statement)
        return false;
    bind_text(statement, 1, key);
    bind_text(statement, 2, below);
    bind_text(statement, 3, successor(t->arena, below));
    if (!finish(s, statement, sqlite3_step(statement), "delete resources", err))
        return false;
    *count = (size_t)sqlite3_changes64(s->db);
    return true;
}

static sqlite3_stmt *prepare_list(struct store_txn *t, const struct store_query *query,
                                  struct error *err)
{
    int shape = (query->parent.len ? SHAPE_PARENT : 0) |
                (query->key_prefix.len ? SHAPE_PREFIX : 0) | (query->type.len ? SHAPE_TYPE : 0);
    sqlite3_stmt *statement = prepare(of(t), STATEMENT_LIST + shape, err);

    if (!statement)
        return NULL;
    bind_text(statement, 1, query->after_key);
    if (shape & SHAPE_PARENT)
        bind_text(statement, 2, query->parent);
    if (shape & SHAPE_PREFIX) {
        bind_text(statement, 3, query->key_prefix);
        bind_text(statement, 4, successor(t->arena, query->key_prefix));
    }
    if (shape & SHAPE_TYPE)
        bind_text(statement, 5, query->type);
    /* SQLite reads -1 as "all" */
    sqlite3_bind_int64(statement, 6, query->limit ? (int64_t)query->limit : -1);
    return statement;
}

static bool list(struct store_txn *t, const struct store_query *query, struct store_resource **out,
                 size_t *count, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare_list(t, query, err);
    struct store_resource *rows = NULL;
    size_t used = 0, room = 0;
    int rc;

    if (!statement)
        return false;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        if (used == room) {
            struct store_resource *grown;

            room = room ? room * 2 : 16;
            grown = arena_alloc_bytes(t->arena, room * sizeof(*grown));
            if (used)
                memcpy(grown, rows, used * sizeof(*grown));
            rows = grown;
        }
        read_resource(t, statement, &rows[used++]);
    }
    if (!finish(s, statement, rc, "list resources", err))
        return false;
    *out = rows;
    *count = used;
    return true;
}

/* -- Events -------------------------------------------------------------------------------- */

static bool append_event(struct store_txn *t, const struct store_event *e, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_APPEND_EVENT, err);

    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, e->at_ms);
    bind_text(statement, 2, e->subscription);
    bind_text(statement, 3, e->scope);
    bind_text(statement, 4, e->resource);
    bind_text(statement, 5, e->body);
    return finish(s, statement, sqlite3_step(statement), "write an event", err);
}

static void read_event(struct store_txn *t, sqlite3_stmt *statement, struct store_event *out)
{
    *out = (struct store_event){
        .id = sqlite3_column_int64(statement, 0),
        .at_ms = sqlite3_column_int64(statement, 1),
        .subscription = column(t, statement, 2),
        .scope = column(t, statement, 3),
        .resource = column(t, statement, 4),
        .body = column(t, statement, 5),
    };
}

static bool list_events(struct store_txn *t, const struct store_event_query *query,
                        struct store_event **out, size_t *count, struct error *err)
{
    struct sqlite *s = of(t);
    bool of_scope = query->scope.len != 0;
    sqlite3_stmt *statement =
        prepare(s, of_scope ? STATEMENT_LIST_EVENTS_OF_SCOPE : STATEMENT_LIST_EVENTS, err);
    int rc;

    if (!statement)
        return false;
    bind_text(statement, 1, of_scope ? query->scope : query->subscription);
    sqlite3_bind_int64(statement, 2, query->from_ms);
    sqlite3_bind_int64(statement, 3, query->before_ms);
    sqlite3_bind_int64(statement, 4, query->before_id);
    sqlite3_bind_int64(statement, 5, (int64_t)query->limit);
    *out = ARENA_ARRAY(t->arena, struct store_event, query->limit);
    *count = 0;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        read_event(t, statement, &(*out)[(*count)++]);
    return finish(s, statement, rc, "list events", err);
}

static bool trim_events(struct store_txn *t, int64_t before_ms, size_t limit, size_t *count,
                        struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_TRIM_EVENTS, err);

    if (!statement)
        return false;
    sqlite3_bind_int64(statement, 1, before_ms);
    sqlite3_bind_int64(statement, 2, (int64_t)limit);
    if (!finish(s, statement, sqlite3_step(statement), "remove old events", err))
        return false;
    *count = (size_t)sqlite3_changes64(s->db);
    return true;
}

/* -- Settings ------------------------------------------------------------------------------ */

static bool get_setting(struct store_txn *t, struct str name, struct str *value, bool *found,
                        struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_GET_SETTING, err);
    int rc;

    if (!statement)
        return false;
    bind_text(statement, 1, name);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = column(t, statement, 0);
    *found = rc == SQLITE_ROW;
    return finish(s, statement, rc, "read a setting", err);
}

static bool put_setting(struct store_txn *t, struct str name, struct str value, struct error *err)
{
    struct sqlite *s = of(t);
    sqlite3_stmt *statement = prepare(s, STATEMENT_PUT_SETTING, err);

    if (!statement)
        return false;
    bind_text(statement, 1, name);
    bind_bytes(statement, 2, value);
    return finish(s, statement, sqlite3_step(statement), "write a setting", err);
}

const struct store_driver sqlite_driver = {
    .close = close_connection,
    .only_read = only_read,
    .is_alone = is_alone,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .savepoint = savepoint,
    .release = release,
    .rollback_to = rollback_to,
    .get = get,
    .put = put,
    .remove = remove_one,
    .remove_tree = remove_tree,
    .list = list,
    .append_event = append_event,
    .list_events = list_events,
    .trim_events = trim_events,
    .get_setting = get_setting,
    .put_setting = put_setting,
};
