/*
 * What a database has to do for the store. store.c owns the queue, the thread and the grouping of
 * jobs into transactions; a driver owns one connection and is called by one thread at a time.
 * Within the store's folder only.
 *
 * begin ... commit holds jobs; each runs between savepoint and release or rollback_to, and may set
 * savepoints of its own: the innermost is the one that is meant. When a function fails the
 * transaction may be gone; rollback is always allowed and never fails.
 * Functions that return bool fill *err with ERROR_STORE or ERROR_STORE_UNUSABLE.
 * SPDX-License-Identifier: MIT
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/store.h"

/* The head of a driver's connection, which follows it in memory. */
struct store_txn {
    const struct store_driver *driver;
    struct arena *arena; /* of the job that runs: what is read goes there */
};

struct store_driver {
    void (*close)(struct store_txn *t);
    /* The transactions that begin from now on will not write. */
    void (*only_read)(struct store_txn *t);
    /* Does it keep all other processes out? */
    bool (*is_alone)(struct store_txn *t);

    bool (*begin)(struct store_txn *t, struct error *err);
    bool (*commit)(struct store_txn *t, struct error *err);
    void (*rollback)(struct store_txn *t);
    bool (*savepoint)(struct store_txn *t, struct error *err);
    bool (*release)(struct store_txn *t, struct error *err);
    bool (*rollback_to)(struct store_txn *t, struct error *err);

    bool (*get)(struct store_txn *t, struct str key, struct store_resource *out, bool *found,
                struct error *err);
    bool (*put)(struct store_txn *t, const struct store_resource *r, struct error *err);
    bool (*remove)(struct store_txn *t, struct str key, bool *existed, struct error *err);
    bool (*remove_tree)(struct store_txn *t, struct str key, size_t *count, struct error *err);
    bool (*list)(struct store_txn *t, const struct store_query *query, struct store_resource **out,
                 size_t *count, struct error *err);
    bool (*append_event)(struct store_txn *t, const struct store_event *e, struct error *err);
    bool (*list_events)(struct store_txn *t, const struct store_event_query *query,
                        struct store_event **out, size_t *count, struct error *err);
    bool (*trim_events)(struct store_txn *t, int64_t before_ms, size_t limit, size_t *count,
                        struct error *err);
    bool (*get_setting)(struct store_txn *t, struct str name, struct str *value, bool *found,
                        struct error *err);
    bool (*put_setting)(struct store_txn *t, struct str name, struct str value, struct error *err);
};

/* Opens or makes the file; see store_open. */
MUST_CHECK struct store_txn *sqlite_open(const char *file, struct error *err);

#endif
