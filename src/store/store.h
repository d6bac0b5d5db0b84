/*
 * The store: ARM resources as documents, a log of events, and small named settings, behind one
 * interface.
 *
 * All work is done by one store thread, in transactions: a caller on any loop submits a job, its
 * `run` is called on the store thread inside a transaction, and `done` on the caller's loop after
 * the commit is on disk (jobs that wait are committed together). run returning false rolls back
 * that job alone; a commit that fails fails all jobs that shared it, and the store goes on with the
 * next. ERROR_STORE_UNUSABLE: of a cause that may pass (disk full, read-only, busy); ERROR_STORE: of
 * any other. Logic that reads and then writes therefore lives whole in one `run` and
 * never races. After a crash at any moment each job whose `done` was called is there, none by half.
 *
 * Keys are lower-cased ARM ids without a trailing slash; `id` keeps the case.
 * SPDX-License-Identifier: MIT
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "net/loop.h"

struct store;
struct store_txn; /* valid inside `run` only */

struct store_resource {
    struct str key;    /* lower-cased id */
    struct str id;     /* as shown */
    struct str type;   /* "microsoft.cognitiveservices/accounts", lower case */
    struct str parent; /* key of the parent, or of the group for a top-level resource */
    struct str etag;   /* GUID, changes with each write */
    struct str body;   /* JSON: what the resource's type keeps */
    struct str secret; /* sealed bytes (keys); empty when there are none */
    int64_t created_at_ms;
    int64_t changed_at_ms;
};

struct store_job {
    /* On the store thread, in a transaction. `arena` lives until `done` has returned. */
    bool (*run)(struct store_txn *t, struct arena *arena, void *data, struct error *err);
    /* May be NULL. On the store thread, after the commit and before `done`, in the order of the
     * commits: for what must be published in that order. Not called when the job failed. */
    void (*committed)(void *data);
    /* May be NULL. On the store thread, when the transaction that the job was in is lost, be it before
     * or after its `run`: for what `run` has changed besides the database. */
    void (*lost)(void *data);
    /* On `loop`: err is NULL when committed. */
    void (*done)(void *data, const struct error *err);
    struct loop *loop;
    void *data;
    /* May be NULL. On the store thread, when `run` has failed with `cause` and what it did was taken
     * back, in the same transaction: for a record of the failure. Its own failure is one of the
     * database, and fails all jobs of the transaction. */
    bool (*refused)(struct store_txn *t, struct arena *arena, void *data, const struct error *cause,
                    struct error *err);
    /* the store's own */
    struct store_job *next;
    struct loop_task task;
    struct arena *arena;
    struct error err;
    bool failed;
};

/* Opens or makes the database file and brings it to the newest schema. The error names the file
 * and what is wrong with it (newer schema, not a database, no permission, disk full). */
MUST_CHECK struct store *store_open(const char *file, struct error *err);
/* Before the first job: none of them will write. They see what was committed when their transaction
 * began, and wait for no other process that writes, however long it takes. */
void store_only_read(struct store *s);
/* Was it opened without room for what it shares with other processes? It serves, but lets none of them
 * read (a backup, another command) as long as it is open. */
bool store_is_alone(struct store *s);
/* Finishes what was submitted, then closes. No loop may wait for a job any more. */
void store_close(struct store *s);

/* Any thread. `job` belongs to the caller and must live until `done`. */
void store_submit(struct store *s, struct store_job *job);
/* As submit, but waits: for start-up, before there are loops. What `run` wants to keep it copies
 * out of its arena, which is gone when this returns. */
MUST_CHECK bool store_run(struct store *s,
                          bool (*run)(struct store_txn *t, struct arena *arena, void *data,
                                      struct error *err),
                          void *data, struct error *err);

/* Inside `run`. Strings that come back live in the arena of the job. A false return is
 * a failure of the database: pass it on. */
MUST_CHECK bool store_get(struct store_txn *t, struct str key, struct store_resource *out,
                          bool *found, struct error *err);
/* Inserts or replaces. What is replaced keeps its type and its parent, which follow from the key. */
MUST_CHECK bool store_put(struct store_txn *t, const struct store_resource *r, struct error *err);
MUST_CHECK bool store_delete(struct store_txn *t, struct str key, bool *existed, struct error *err);
/* Deletes the resource and everything whose key begins with "<key>/"; *count is how many. */
MUST_CHECK bool store_delete_tree(struct store_txn *t, struct str key, size_t *count,
                                  struct error *err);

/* What a list selects; empty members do not restrict. Ordered by key. */
struct store_query {
    struct str parent;     /* direct children of this key */
    struct str key_prefix; /* keys that begin with this (a subtree: "<key>/") */
    struct str type;
    struct str after_key; /* for paging */
    size_t limit;         /* 0: all */
};
MUST_CHECK bool store_list(struct store_txn *t, const struct store_query *query,
                           struct store_resource **out, size_t *count, struct error *err);

/* An event of the log: only ever added, and removed when it is old. */
struct store_event {
    int64_t id; /* the store's own: of a later entry it is larger */
    int64_t at_ms;
    struct str subscription; /* lower case; empty: of none */
    struct str scope;        /* key of the top-level resource, or of the group, it happened to */
    struct str resource;     /* key of the resource itself */
    struct str body;         /* JSON */
};
MUST_CHECK bool store_append_event(struct store_txn *t, const struct store_event *e,
                                   struct error *err);

/* Newest first, and of one time the later entry first. */
struct store_event_query {
    struct str subscription; /* when scope is empty */
    struct str scope;
    int64_t from_ms;   /* and later */
    int64_t before_ms; /* entries of before, or of this time with an id below before_id */
    int64_t before_id;
    size_t limit;
};
MUST_CHECK bool store_list_events(struct store_txn *t, const struct store_event_query *query,
                                  struct store_event **out, size_t *count, struct error *err);
/* Looks at the `limit` oldest entries and removes those of before that time; *count is how many. */
MUST_CHECK bool store_trim_events(struct store_txn *t, int64_t before_ms, size_t limit,
                                  size_t *count, struct error *err);

/* Inside `run`: a part of a job that may fail without the rest. What is written after store_mark is kept by store_keep, or
 * taken back by store_take_back; one of the two follows each mark. Parts may lie inside each other. */
MUST_CHECK bool store_mark(struct store_txn *t, struct error *err);
MUST_CHECK bool store_keep(struct store_txn *t, struct error *err);
MUST_CHECK bool store_take_back(struct store_txn *t, struct error *err);

/* Small named values outside ARM (tenant id, sealed master secrets). */
MUST_CHECK bool store_get_setting(struct store_txn *t, struct str name, struct str *value,
                                  bool *found, struct error *err);
MUST_CHECK bool store_put_setting(struct store_txn *t, struct str name, struct str value,
                                  struct error *err);

#endif
