/*
 * A control plane on a store of its own, called without HTTP.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_ARM_FIXTURE_H
#define TESTS_UNIT_ARM_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "arm/call.h"

#define SUBSCRIPTION "11111111-2222-3333-4444-555555555555"
#define TENANT "99999999-8888-7777-6666-555555555555"
#define S "/subscriptions/" SUBSCRIPTION
#define G S "/resourceGroups/myGroup"
#define A G "/providers/Microsoft.CognitiveServices/accounts/myAccount"
#define DELETED CS "/locations/eastus/resourceGroups/myGroup/deletedAccounts/myAccount"
#define CS S "/providers/Microsoft.CognitiveServices"
#define V "?api-version=2023-05-01"
#define BASE "http://127.0.0.1:4270"

struct fixture {
    char folder[64];
    struct clock clock;
    struct store *store;
    struct catalog *catalog;
    struct directory_box *directory;
    struct secret_box *box;
    struct key_vault *vault;
    struct key_hash *key_hash;
    struct authority *authority;
    struct arm_options options;
    struct arm *arm;
    struct arena *arena; /* what answers live in */
    /* for the next call only */
    struct str if_match;
    struct str if_none_match;
    /* who calls from now on; NULL: an administrator */
    const struct principal *caller;
    struct str correlation_id;
};

/* An answer. */
struct answer {
    int status;
    yyjson_val *body; /* NULL: none */
    struct str text;
    struct str etag;
    struct str location;
    struct str operation; /* Azure-AsyncOperation */
};

int fixture_set_up(void **state);
/* With the group and an account "myAccount" (OpenAI, eastus) in it. */
int fixture_set_up_account(void **state);
int fixture_tear_down(void **state);
/* The same store with other options, as after a restart. */
void fixture_restart(struct fixture *f);
/* The same with more lines in the catalog: "quotas: [...]\n". */
void fixture_restart_with(struct fixture *f, const char *more);

/* So many resources of the type that say nothing, as if they had been made one by one: their ids are that
 * text and a number, from 0 on. */
void fixture_fill(struct fixture *f, const char *id, const struct arm_type *type, int count);

struct answer call(struct fixture *f, enum http_method method, const char *path, const char *body);
/* The call succeeds with that status. */
yyjson_val *expect(struct fixture *f, int status, enum http_method method, const char *path,
                   const char *body);
/* The call fails with that status and code; the message contains `words`. The answer. */
yyjson_val *expect_error(struct fixture *f, int status, const char *code, const char *words,
                         enum http_method method, const char *path, const char *body);

/* Text, number and count of what stands at a path of the answer. */
void assert_text(yyjson_val *root, const char *path, const char *expected);
void assert_number(yyjson_val *root, const char *path, int64_t expected);
void assert_absent(yyjson_val *root, const char *path);
size_t count_of(yyjson_val *root);
/* The n-th item of "value". */
yyjson_val *item(yyjson_val *root, size_t n);
/* The item of "value" whose member at `path` has that text; NULL when there is none. */
yyjson_val *item_with(yyjson_val *root, const char *path, const char *text);

#endif
