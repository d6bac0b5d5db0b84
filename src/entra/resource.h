/*
 * An application as what tokens are for: the URIs that it is known by, the form of its access tokens, and
 * the roles that it has and others are assigned (the claim "roles").
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_RESOURCE_H
#define ENTRA_RESOURCE_H

#include "base/json.h"
#include "entra/call.h"
#include "identity/principals.h"

/* Takes identifierUris, appRoles and api.requestedAccessTokenVersion, as far as the body of a request has
 * them, into an application's document. ERROR_GRAPH_BAD_REQUEST. */
MUST_CHECK bool resource_take(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                              struct error *err);
/* Keeps the URIs of the document findable: `app` as it was, empty body for a new one; `kept` as it will be,
 * NULL when it goes. ERROR_GRAPH_BAD_REQUEST when another application has one of them. */
MUST_CHECK bool resource_index(struct entra_call *c, const struct principal_record *app,
                               yyjson_mut_val *kept, struct error *err);
/* As Graph shows them. */
void resource_show(yyjson_mut_doc *doc, yyjson_mut_val *shown, const struct principal_record *app,
                   bool is_application);

struct resource {
    struct str name; /* as it was asked for */
    bool is_application;
    bool is_v2; /* its access tokens are of version 2.0 */
    struct principal_record app;
};
/* The application that `name` is of, if it is one's. */
MUST_CHECK bool resource_find(struct entra_call *c, struct str name, struct resource *r,
                              struct error *err);
/* The claims that depend on the resource: aud, iss, ver, appid or azp, appidacr or azpacr, roles. */
void resource_set_claims(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                         const struct resource *r, struct str client_id, const char *acr,
                         struct str object_id);

#endif
