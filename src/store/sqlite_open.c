/* Opening a SQLite file: what it must be, how it is made, and its way to the newest schema.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/migrations.h"
#include "store/sqlite_private.h"

/* "lzli" in the file's header: whose file it is (https://sqlite.org/fileformat2.html, 1.3.12). */
#define APPLICATION_ID 0x6C7A6C69
/* How long a statement waits for a lock of another process, a backup for instance. */
#define BUSY_TIMEOUT_MS 2000

/* Made before SQLite does, with the mode that its -wal and -shm files then take over. The file
 * is not opened when it is there: closing it would give up locks of this process on it. */
static bool make_file(const char *file, struct error *err)
{
    int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return errno == EEXIST ||
               error_set(err, ERROR_STORE, "Store '%s': cannot make the file: %s", file,
                         strerror(errno));
    close(fd);
    return true;
}

static bool execute(struct sqlite *s, const char *sql, const char *doing, struct error *err)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_failed(s, doing, err);
}

/* The first column of the first row. */
static bool query_number(struct sqlite *s, const char *sql, int64_t *value, struct error *err)
{
    sqlite3_stmt *statement;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;

    if (ok)
        *value = sqlite3_column_int64(statement, 0);
    else
        sqlite_failed(s, "open", err);
    sqlite3_finalize(statement);
    return ok;
}

/* Write-ahead log: a commit is one append and one flush, and readers (a backup) do not block.
 * NORMAL until the schema is there: without a flush for each step, a loss of power can undo the last
 * ones, in order, and the next start takes them again. */
static bool set_modes(struct sqlite *s, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool ok =
        sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW;

    if (!ok)
        sqlite_failed(s, "open", err);
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
        ok = error_set(err, ERROR_STORE,
                       "Store '%s': this file system cannot hold a database (no write-ahead log); "
                       "is it a network share?",
                       s->file);
    sqlite3_finalize(statement);
    /* temporary files would lie outside the data folder, where the sandbox lets nobody write */
    return ok && execute(s,
                         "PRAGMA temp_store = MEMORY;"
                         "PRAGMA foreign_keys = OFF;"
                         "PRAGMA trusted_schema = OFF;"
                         "PRAGMA journal_size_limit = 16777216;",
                         "set modes", err);
}

/* *version is 0 for a new, empty file. */
static bool check_kind(struct sqlite *s, int64_t *version, struct error *err)
{
    int newest = migrations[migration_count - 1].version;
    int64_t application, tables;

    if (!query_number(s, "PRAGMA application_id", &application, err) ||
        !query_number(s, "PRAGMA user_version", version, err) ||
        !query_number(s, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    if (application != APPLICATION_ID && (application || *version || tables))
        return error_set(err, ERROR_STORE, "Store '%s': is a database of another program", s->file);
    if (*version < 0 || *version > newest)
        return error_set(err, ERROR_STORE,
                         "Store '%s': has schema version %lld, this lazuli knows versions up to "
                         "%d: it was written by a newer lazuli",
                         s->file, (long long)*version, newest);
    return true;
}

static bool migrate(struct sqlite *s, int64_t version, struct error *err)
{
    char sign[100];

    for (size_t i = 0; i < migration_count; i++) {
        const struct migration *m = &migrations[i];

        if (m->version <= version)
            continue;
        snprintf(sign, sizeof(sign), "PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT",
                 m->version, APPLICATION_ID);
        if (!execute(s, "BEGIN IMMEDIATE", m->title, err) ||
            !execute(s, m->sqlite, m->title, err) || !execute(s, sign, m->title, err))
            return false;
    }
    /* from here on a commit is on disk when it has returned, and with it all before it */
    return execute(s, "PRAGMA synchronous = FULL", "set modes", err);
}

/* SQLite shares a file with other processes, FILE-shm, which it makes anew at each start and cannot make
 * without room. */
static bool lacks_shared_memory(const struct sqlite *s)
{
    switch (sqlite3_extended_errcode(s->db)) {
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_IOERR_SHMMAP:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
        return true;
    default:
        return false;
    }
}

/* With `alone` it needs no such file, and lets no other process in
 * (https://sqlite.org/wal.html, 8: it is said before the first look into the file). */
static bool open_connection(struct sqlite *s, bool alone, struct error *err)
{
    int keeps = 1;
    int64_t version;

    if (sqlite3_open_v2(s->file, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return sqlite_failed(s, "open", err);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    s->is_alone = alone;
    if (alone && !execute(s, "PRAGMA locking_mode = EXCLUSIVE", "open", err))
        return false;
    /* The two files beside the database stay, empty the one: the next start may find no room for them.
     * It fails only for a file that cannot. */
    sqlite3_file_control(s->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keeps);
    /* set_modes writes to the file: first see whose it is */
    return check_kind(s, &version, err) && set_modes(s, err) && migrate(s, version, err);
}

struct store_txn *sqlite_open(const char *file, struct error *err)
{
    struct sqlite *s;

    if (!make_file(file, err))
        return NULL;
    s = memory_alloc(sizeof(*s));
    s->txn.driver = &sqlite_driver;
    s->file = memory_dup_text(file);
    if (open_connection(s, false, err))
        return &s->txn;
    if (lacks_shared_memory(s)) {
        struct error why; /* which is told is what was wrong at first */

        sqlite3_close(s->db);
        if (open_connection(s, true, &why))
            return &s->txn;
    }
    sqlite_free(s);
    return NULL;
}
