/*
 * A store in a folder of its own, for the tests of the store.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store/store.h"

struct fixture {
    char folder[64];
    char file[128];
    struct store *store;
};

/* For cmocka: a new folder, with no store in it yet, as *state; the store is closed and the folder
 * removed afterwards. */
int set_up(void **state);
int tear_down(void **state);

void open_store(struct fixture *f);
void reopen(struct fixture *f);

/* Runs a function of (t, arena, data, err) and wants it to succeed. */
void must_run(struct fixture *f,
              bool (*run)(struct store_txn *t, struct arena *arena, void *data, struct error *err),
              void *data);

/* One with that key as its id, and something in all other columns. */
struct store_resource resource(struct str key, struct str type, struct str parent);

#endif
