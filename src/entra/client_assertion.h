/*
 * What a client shows in place of a secret (RFC 7521, 4.2): what it has signed itself, by the key of a
 * certificate of its application (RFC 7523), or what a foreign issuer has signed about it, where a
 * federated identity credential of it says so (identity/federated_credential.h). Either is good for its
 * whole life, as often as it is shown.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_CLIENT_ASSERTION_H
#define ENTRA_CLIENT_ASSERTION_H

#include "entra/call.h"
#include "identity/principals.h"

/* Of the application, or of the managed identity, `app`? ERROR_OAUTH_ASSERTION,
 * ERROR_OAUTH_ASSERTION_TIME, ERROR_OAUTH_OWN_ASSERTION, ERROR_OAUTH_FEDERATED_ISSUER and its like:
 * the claim that no credential has. */
MUST_CHECK bool client_assertion_check(struct entra_call *c, const struct principal_record *app,
                                       struct str text, struct error *err);

#endif
