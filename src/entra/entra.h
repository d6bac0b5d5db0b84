/*
 * The identity provider: what Entra ID is to Azure's clients. OpenID discovery, keys, the token
 * endpoints, sign-in by device code and by browser, the managed identity endpoint, the part of
 * Microsoft Graph that role assignments need, and ARM's description of this cloud, by which clients
 * find all of it.
 *
 * A request is one job of the store, as in arm/.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_ENTRA_H
#define ENTRA_ENTRA_H

#include <stdbool.h>

#include "base/error.h"
#include "identity/authority.h"
#include "model/directory.h"
#include "net/http_server.h"
#include "store/store.h"

#define ENTRA_BODY_BYTES_MAX (64u << 10)

struct entra;

struct entra_options {
    struct store *store;
    struct authority *authority;
    struct directory_box *directory; /* has the roles: who may change principals */
    struct str subscription_id;
    const struct secret_box *box; /* seals refresh tokens and codes */
    struct str public_base;       /* "https://host:port" */
    bool has_any_name;            /* listens on all addresses, and nobody has set public_base */
    struct str trusted_proxies;   /* as http_forwarded_client takes them; may be empty */
    struct str machine_identity;  /* client id of whom programs of this machine are; may be empty */
    struct str
        machine_identities; /* whom they may be besides: a list as managed_identity.h takes it */
};

/* What `options` points to must outlive it; strings are copied. */
struct entra *entra_new(const struct entra_options *options);
/* No request may be under way. */
void entra_free(struct entra *e);

bool entra_matches(struct str path);
/* The events of an HTTP handler. */
void entra_on_head(struct entra *e, struct http_request *r);
void entra_on_body(struct http_request *r);
void entra_on_gone(struct http_request *r);
/* An error in the envelope of OAuth, or of Graph where the path is, for what the HTTP server itself refuses. */
struct str entra_render_error(struct arena *arena, struct str path, const struct error *err);

/* Makes signing keys where it is time, and knows from then on whom there is. `done` is called on
 * `loop`. At the first start, and every hour. */
void entra_refresh(struct entra *e, struct loop *loop,
                   void (*done)(void *data, const struct error *err), void *data);

#endif
