/*
 * What an issuer publishes: its discovery document (OpenID Connect Discovery 1.0) and its JSON Web Key
 * Set (RFC 7517, 5), read from whatever a server answers.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_JWKS_H
#define IDENTITY_JWKS_H

#include "identity/jwt.h"

#define DISCOVERY_BYTES_MAX ((size_t)64 * 1024)
#define JWKS_BYTES_MAX ((size_t)256 * 1024)
#define JWKS_KEYS_MAX 64

/* The keys of a set that tokens may be signed with. Immutable and counted; any thread. */
struct jwks;

/* Keys for other uses, and of kinds or algorithms that are not taken here, are left out. ERROR_IO:
 * it is no key set, it has more than JWKS_KEYS_MAX keys, or none that can be used. */
MUST_CHECK struct jwks *jwks_parse(struct arena *scratch, struct str json, struct error *err);
struct jwks *jwks_ref(struct jwks *set);
/* NULL is fine. */
void jwks_unref(struct jwks *set);
size_t jwks_count(const struct jwks *set);
/* The key of that id; the only one there is, where the token names none. NULL: there is none. */
const struct jwt_key *jwks_find(const struct jwks *set, struct str id);

/* ERROR_IO: it is no discovery document, or of another issuer than the one that was asked. */
MUST_CHECK bool jwks_parse_discovery(struct arena *a, struct str json, struct str issuer,
                                     struct str *jwks_uri, struct error *err);

#endif
