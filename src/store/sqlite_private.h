/*
 * What the two files of the SQLite driver share.
 * SPDX-License-Identifier: MIT
 */
#ifndef STORE_SQLITE_PRIVATE_H
#define STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include "store/driver.h"

/* A list may restrict by parent, by key prefix and by type: one statement for each choice. */
#define LIST_SHAPES 8

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_SAVEPOINT,
    STATEMENT_RELEASE,
    STATEMENT_ROLLBACK_TO,
    STATEMENT_GET,
    STATEMENT_PUT,
    STATEMENT_REMOVE,
    STATEMENT_REMOVE_TREE,
    STATEMENT_APPEND_EVENT,
    STATEMENT_LIST_EVENTS,
    STATEMENT_LIST_EVENTS_OF_SCOPE,
    STATEMENT_TRIM_EVENTS,
    STATEMENT_GET_SETTING,
    STATEMENT_PUT_SETTING,
    STATEMENT_LIST,
    STATEMENT_COUNT = STATEMENT_LIST + LIST_SHAPES
};

struct sqlite {
    struct store_txn txn;
    sqlite3 *db;
    char *file;
    bool only_reads;
    bool is_alone;                             /* no other process gets in */
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared at first use */
};

extern const struct store_driver sqlite_driver;

/* Fills *err with the file, what was being done, and what SQLite says with its extended result
 * code (https://sqlite.org/rescode.html); returns false. */
bool sqlite_failed(const struct sqlite *s, const char *doing, struct error *err);
/* A connection that may be half open. */
void sqlite_free(struct sqlite *s);

#endif
