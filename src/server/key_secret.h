/*
 * The secret under which account keys are hashed for look-up: made at the first start, kept sealed
 * in the store.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_KEY_SECRET_H
#define SERVER_KEY_SECRET_H

#include "base/error.h"
#include "identity/key_hash.h"
#include "identity/secret_box.h"
#include "store/store.h"

/* Reads or makes it, and gives a new `*hash` by it: the caller's, for key_hash_free. Errors are the store's;
 * ERROR_STORE, too, where the secret does not open. */
MUST_CHECK bool key_secret_open(struct store *s, const struct secret_box *box,
                                struct key_hash **hash, struct error *err);

#endif
