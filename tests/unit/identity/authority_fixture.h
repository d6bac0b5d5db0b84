/*
 * An authority on a store of its own, with one application in it, and tokens of any claims.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_IDENTITY_AUTHORITY_FIXTURE_H
#define TESTS_UNIT_IDENTITY_AUTHORITY_FIXTURE_H

#include "../store/fixture.h"

#include "identity/authority.h"
#include "identity/jwt.h"
#include "identity/signing_keys.h"

#define TENANT "99999999-8888-7777-6666-555555555555"
#define APP_ID "aaaaaaaa-0000-0000-0000-000000000001"
#define GROUP_ID "aaaaaaaa-0000-0000-0000-000000000002"
#define ISSUER "https://sts.windows.net/" TENANT "/"
#define ARM "https://management.azure.com/"

struct authority_fixture {
    struct fixture store;
    struct clock clock;
    struct secret_box *box;
    struct authority *authority;
    struct arena *arena;
};

/* Nothing is published yet. */
int authority_set_up(void **state);
int authority_tear_down(void **state);

/* Puts the application with that body (JSON; NULL: it is deleted), and publishes. */
void publish(struct authority_fixture *f, const char *body);
int64_t now_s(const struct authority_fixture *f);
/* A good token of the application for ARM, but that `changes` (JSON; null removes) go into its claims. */
struct str token_with(struct authority_fixture *f, const char *changes);

#endif
