/*
 * Foreign issuers: identity providers other than this service (a tenant of Entra ID, Keycloak, Dex)
 * whose tokens it takes, as the operator's identity file names them; docs/identity.md says what its
 * keys mean.
 *
 *   issuers:
 *     - issuer: https://id.example.com/realms/lab     # exactly as in the tokens' iss
 *       audiences: [api://lazuli]
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ISSUERS_H
#define IDENTITY_ISSUERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "identity/token_audience.h"
#include "net/tls.h"

#define ISSUERS_MAX 32

struct issuer {
    struct str name;        /* iss */
    bool is_for_federation; /* its tokens prove who a client is, and are none to call with */
    struct token_audiences audiences; /* none, then */
    struct str discovery_url;
    struct str jwks_uri;  /* empty: the discovery document names it */
    struct str tenant_id; /* that tokens must name as tid; empty: any or none */
    /* claims; empty: the usual ones */
    struct str subject_claim;
    struct str name_claim;
    struct str groups_claim;
    struct tls_context *tls;
};

/* Immutable and counted. Any thread. */
struct issuers {
    struct arena *arena;
    struct issuer *items;
    size_t count;
    _Atomic unsigned refs;
};

/* None at all where `file` is NULL. ERROR_CONFIG names file, line and field. */
MUST_CHECK struct issuers *issuers_load(const char *file, struct error *err);
MUST_CHECK struct issuers *issuers_parse(struct str text, const char *name, struct error *err);
struct issuers *issuers_ref(struct issuers *list);
/* NULL is fine. */
void issuers_unref(struct issuers *list);

/* SIZE_MAX: there is none of that name. */
size_t issuers_find(const struct issuers *list, struct str name);

/* A URL to fetch from: https, or http of the machine's own loopback. ERROR_CONFIG says why not. */
struct issuer_url {
    bool is_tls;
    const char *host;
    unsigned port;
    struct str authority;
    struct str target; /* path and query */
};
MUST_CHECK bool issuer_url_parse(struct arena *a, struct str text, struct issuer_url *url,
                                 struct error *err);

#endif
