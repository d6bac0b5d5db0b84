/*
 * The keys that this service signs tokens with: kept sealed in the store, and rotated. A key is made
 * known to verifiers a day before it signs, and is known for a day after the next one has taken its
 * place, which is longer than any token lives. (Entra does likewise, at times of its own.)
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_SIGNING_KEYS_H
#define IDENTITY_SIGNING_KEYS_H

#include <stdint.h>

#include "identity/jwt.h"
#include "identity/secret_box.h"
#include "store/store.h"

#define SIGNING_KEY_PERIOD_MS ((int64_t)30 * 86400 * 1000)
#define SIGNING_KEY_OVERLAP_MS ((int64_t)86400 * 1000)

/* Immutable. */
struct signing_keys;

/* Reads them, makes the first one, a new one where it is time, and lets go of those that nobody
 * needs any more. On the store thread, which the making of a key holds up for a tenth of a second;
 * with `only_read` none is made, and there may be none. NULL: ERROR_STORE. */
MUST_CHECK struct signing_keys *signing_keys_load(struct store_txn *t, struct arena *a,
                                                  const struct secret_box *box, int64_t now_ms,
                                                  bool only_read, struct error *err);
/* NULL is fine. */
void signing_keys_free(struct signing_keys *k);

bool signing_keys_is_empty(const struct signing_keys *k);
/* The one that signs at that time. There is one. */
const struct jwt_key *signing_keys_signer(const struct signing_keys *k, int64_t now_ms);
/* NULL: none has that id. */
const struct jwt_key *signing_keys_find(const struct signing_keys *k, struct str id);
/* The public parts, as a JSON Web Key Set. */
struct str signing_keys_render(const struct signing_keys *k, struct arena *a, struct str issuer);

#endif
