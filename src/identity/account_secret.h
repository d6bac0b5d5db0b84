/*
 * How the keys of an account lie in the store: sealed by the master key, and, where the account has a
 * key of its own in a key vault, by that one within. So the store and the master key together do not
 * open them, nor does the vault's key without the master key, and the master key may be changed while
 * no vault is there to be asked.
 *
 *   by the master key:   the keys                                              (account_keys.h)
 *                    or: 2 | digests of both | vault LF key LF version LF | the keys, by the vault's key
 *
 * The inner seal is bound to the account and to the name of the key. The digests are those of
 * key_hash.h: by them, who has a key of an account that does not open is told that, and not that the
 * key is wrong.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ACCOUNT_SECRET_H
#define IDENTITY_ACCOUNT_SECRET_H

#include "identity/account_keys.h"
#include "identity/key_hash.h"
#include "identity/key_vault.h"

/* What it takes; all of it is shared by threads. */
struct account_sealer {
    const struct secret_box *box;
    struct key_vault *vault;
    const struct key_hash *hash;
};

/* What is known of an account's keys without showing them. */
struct account_secret_state {
    bool is_wrapped;          /* by the key of a vault */
    struct key_reference key; /* which */
    bool is_locked;           /* that one is not there: nothing opens */
    uint8_t digests[2][KEY_HASH_BYTES];
};

/* `wrapper` NULL: by the master key alone. `owner` is the account's key in the store.
 * ERROR_ARM_KEY_VAULT when the wrapper, which names its version, is not there. */
MUST_CHECK bool account_secret_seal(const struct account_sealer *s, struct arena *a,
                                    const struct account_keys *keys, struct str owner,
                                    const struct key_reference *wrapper, struct str *sealed,
                                    struct error *err);
/* *wrapper: what seals them again in the same way; its vault is empty where none does. The caller
 * wipes *keys. ERROR_ARM_KEY_VAULT when the wrapper is not there; ERROR_STORE for what is damaged. */
MUST_CHECK bool account_secret_open(const struct account_sealer *s, struct arena *a,
                                    struct str sealed, struct str owner, struct account_keys *keys,
                                    struct key_reference *wrapper, struct error *err);
/* ERROR_STORE for what is damaged. A vault's key that is there and does not open it is one that is not
 * there: it has the same name, and is another. */
MUST_CHECK bool account_secret_look(const struct account_sealer *s, struct arena *a,
                                    struct str sealed, struct str owner,
                                    struct account_secret_state *state, struct error *err);

#endif
