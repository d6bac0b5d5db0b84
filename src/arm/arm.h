/*
 * The control plane: Azure Resource Manager's API for subscriptions, resource groups, and
 * Microsoft.CognitiveServices accounts of the kinds OpenAI and AIServices with their deployments,
 * keys, models and usages.
 *
 * A request is one job of the store: all of it (look up, check, write, render) is plain code in one
 * transaction on the store thread, so that control-plane requests never race with each other. What
 * the data plane must know of it is published in the order of the commits, and before the reply:
 * a client that has its reply finds its change in effect.
 *
 * Resources are documents; what is special to a type stands in one file of types/.
 *
 * Endpoints. An account is reached by path, PUBLIC_BASE/accounts/NAME/; where a data domain is
 * configured and the account has a custom subdomain, as SUBDOMAIN.openai.DATA_DOMAIN, on the scheme
 * and port of the public base. Azure lets two resource groups have an account of one name. The NAME
 * in a path must be one account's alone, so an account whose name is taken at its creation is
 * reached as NAME-xxxxxxxx, with the beginning of its internal id: it keeps that for as long as it
 * lives.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_ARM_H
#define ARM_ARM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "identity/authority.h"
#include "identity/key_hash.h"
#include "identity/key_vault.h"
#include "identity/principal.h"
#include "identity/secret_box.h"
#include "model/catalog.h"
#include "model/directory.h"
#include "net/http.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "store/store.h"

#define ARM_BODY_BYTES_MAX (4u << 20)

struct arm;

struct arm_options {
    struct store *store;
    const struct clock *clock;
    struct catalog *catalog; /* arm takes a reference of its own */
    struct directory_box *directory;
    const struct secret_box *box;    /* seals the account keys */
    struct key_vault *vault;         /* has the keys that seal those of accounts which name one */
    const struct key_hash *key_hash; /* makes the digests that the data plane looks keys up by */
    struct authority *authority;     /* knows the principals of managed identities */
    struct str tenant_id;
    struct str public_base;     /* "https://host:port", no slash at the end: where we are reached */
    bool is_public_base_set;    /* by the operator: endpoints are made of it, by whatever name and
                                scheme a request came; else of that */
    struct str data_domain;     /* "example.com"; may be empty */
    struct str trusted_proxies; /* as http_forwarded_client takes them; may be empty */
    bool is_unthrottled;        /* takes as many requests as come: for load tests */
    /* Checks a bearer token; fills *who from the request's arena, or *err (ERROR_ARM_BAD_TOKEN). */
    bool (*authenticate)(void *data, struct http_request *r, struct str token,
                         struct principal *who, struct error *err);
    void *authenticate_data;
};

/* What `options` points to must outlive it; strings are copied. */
struct arm *arm_new(const struct arm_options *options);
/* No request may be under way. */
void arm_free(struct arm *a);

/* Is this path ARM's? /subscriptions, /providers, /tenants and what is below them; the SDK for Java
 * makes "//subscriptions" of an endpoint that ends in a slash. */
bool arm_matches(struct str path);
/* The events of an HTTP handler. Strangers are sent away by their head, before there is a body of
 * theirs in memory. The request is finished now or later, by on_gone at the latest where its body
 * has not come. */
void arm_on_head(struct arm *a, struct http_request *r);
void arm_on_body(struct http_request *r);
void arm_on_gone(struct http_request *r);
/* An error in ARM's envelope, for what the HTTP server itself refuses, too. `details`: JSON, an array of errors, or empty. */
struct str arm_render_error(struct arena *arena, const struct error *err, struct str details);

/* At start, before there are loops: asks for the vaults' keys that accounts name, makes the first
 * directory out of the store and swaps it in. */
MUST_CHECK bool arm_load_directory(struct arm *a, struct error *err);

/* Another catalog, while running: validates and publishes by it from now on. NULL: the same, when
 * the clock has passed a date or was moved (a retirement, an upgrade). `on_done` is called on
 * `loop`; err is NULL when the directory was made anew. Takes a reference of its own. */
void arm_reload_catalog(struct arm *a, struct catalog *catalog, struct loop *loop,
                        void (*on_done)(void *data, const struct error *err), void *data);

/* While running: asks for the vaults' keys again, or for those of them that are missing, and publishes
 * what follows from the answers: accounts are locked and unlocked, and what is wrapped by a version that
 * is not the newest any more, where the account names none, is wrapped anew. *err as above. */
void arm_refresh_keys(struct arm *a, bool only_missing, struct loop *loop,
                      void (*on_done)(void *data, const struct error *err), void *data);

/* A request of the program itself, inside a job of the store: `path` as a client would send it,
 * api-version included. It may also PUT a subscription, which no client may. *status and *reply are
 * what a client would have got (2xx); anything else is a failure in *err. Nothing is published:
 * arm_load_directory follows. */
MUST_CHECK bool arm_apply(struct arm *a, struct store_txn *t, struct arena *arena,
                          enum http_method method, struct str path, struct str body, int *status,
                          struct str *reply, struct error *err);

#endif
