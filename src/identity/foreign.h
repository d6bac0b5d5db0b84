/*
 * Tokens of foreign issuers: whom one names, once its signature is known to be good. An issuer names
 * its subjects as it likes; here a principal is known by an object id, a GUID. A subject that is one
 * is taken as it is, so that a tenant's assignments can be taken over; of any other a GUID is made,
 * always the same of one issuer's subject.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_FOREIGN_H
#define IDENTITY_FOREIGN_H

#include "identity/issuers.h"
#include "identity/jwt.h"
#include "identity/principal.h"

/* Is it for this service, and for the surface that takes `audiences`? An audience of
 * Azure's own is for its own surface only; the issuer's others are for all. ERROR_ARM_TOKEN_AUDIENCE. */
MUST_CHECK bool foreign_check_audience(const struct issuer *issuer, const struct jwt *token,
                                       const struct token_audiences *audiences, struct error *err);
/* Of the tenant of the issuer that is trusted, or of any where the operator names none. */
bool foreign_is_of_tenant(const struct issuer *issuer, const struct jwt *token);
/* *who lies in the arena. ERROR_ARM_BAD_TOKEN: a claim is missing or of another tenant. */
MUST_CHECK bool foreign_read_bearer(const struct issuer *issuer, const struct jwt *token,
                                    struct arena *a, struct principal *who, struct error *err);

#endif
