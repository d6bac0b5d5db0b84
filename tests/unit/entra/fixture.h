/*
 * An identity provider on a store of its own, called without HTTP. Keys and password hashes take long to
 * make: they are made once for all tests of a program (open_group) and put into each store.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_ENTRA_FIXTURE_H
#define TESTS_UNIT_ENTRA_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "entra/call.h"
#include "identity/principals.h"

#define TENANT "99999999-8888-7777-6666-555555555555"
#define SUBSCRIPTION "11111111-2222-3333-4444-555555555555"
#define BASE "https://localhost:8443"
#define ARM "https://management.azure.com"
#define GRAPH "https://graph.microsoft.com"
#define MINUTE_MS ((int64_t)60 * 1000)

/* An application that owns the subscription, one without any role, and a person. */
#define OWNER_ID "aaaaaaaa-0000-0000-0000-000000000001"
#define OWNER_APP "aaaaaaaa-0000-0000-0000-0000000000a1"
#define OTHER_ID "aaaaaaaa-0000-0000-0000-000000000002"
#define OTHER_APP "aaaaaaaa-0000-0000-0000-0000000000a2"
#define SECRET "the-secret-of-an-application"
#define ANN_ID "bbbbbbbb-0000-0000-0000-000000000001"
#define ANN "ann@contoso.com"
#define PASSWORD "correct horse"
/* A client that is not registered and has no secret: the Azure CLI's. */
#define CLI "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

struct fixture {
    char folder[64];
    struct clock clock;
    struct store *store;
    struct authority *authority;
    struct catalog *catalog;
    struct directory_box *directory;
    struct entra *entra;
    struct arena *arena;       /* what answers live in */
    struct entra_audit audit;  /* of the last call */
    struct entra_request next; /* of the next call: headers and where it comes from */
    unsigned hashed;           /* passwords that calls wanted hashed or checked */
    bool is_disk_full;         /* what a call writes is not kept, and it fails */
};

struct answer {
    int status;
    struct str text;
    yyjson_val *body; /* NULL: none, or no JSON */
    struct http_header headers[ENTRA_HEADERS_MAX];
    size_t header_count;
};

int open_group(void **state);
int close_group(void **state);
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RUN_TESTS(tests) cmocka_run_group_tests(tests, open_group, close_group)

/* The path may have a query. */
struct answer call(struct fixture *f, enum http_method method, const char *path, const char *body);
/* The call answers with that status; its body, if it is JSON. */
yyjson_val *expect(struct fixture *f, int status, enum http_method method, const char *path,
                   const char *body);
struct str header_of(const struct answer *a, const char *name);

/* The token endpoint (v2). */
yyjson_val *expect_token(struct fixture *f, const char *form);
/* 400 or 401 with that error and AADSTS number. */
void expect_refusal(struct fixture *f, const char *error, int number, const char *form);

/* Graph, asked by the application that owns the subscription. */
yyjson_val *graph(struct fixture *f, int status, enum http_method method, const char *path,
                  const char *body);
/* By someone else: f->next.authorization of the next call. */
void authorize_as(struct fixture *f, const char *app, const char *resource);

/* A text in the arena, and one as it stands in a form or a query. */
const char *text_of(struct fixture *f, const char *format, ...) PRINTF_LIKE(2, 3);
const char *escape(struct fixture *f, const char *text);

/* What stands at a path of an answer. */
const char *text_at(yyjson_val *root, const char *path);
/* Of an object of Graph's. */
const char *id_of(yyjson_val *object);
/* The claims of a token, which is not verified. */
yyjson_val *claims_of(struct fixture *f, const char *token);
/* Changes a principal: the members of `changes` (JSON) replace its own, and it is in force. */
void change(struct fixture *f, const char *object_id, const char *changes);
/* Moves the clock on. */
void pass(struct fixture *f, int64_t ms);

#endif
