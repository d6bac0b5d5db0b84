/*
 * What a client signs, by the key of a certificate of its application, in place of a secret (RFC 7523).
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_CLIENT_ASSERTION_H
#define ENTRA_CLIENT_ASSERTION_H

#include "entra/call.h"
#include "identity/principals.h"

/* RFC 7523, 3: issued by and about the client, for this endpoint, and not expired.
 * ERROR_OAUTH_ASSERTION. */
MUST_CHECK bool client_assertion_check(struct entra_call *c, const struct principal_record *app,
                                       struct str text, struct error *err);

#endif
