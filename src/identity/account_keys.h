/*
 * The two API keys of an account: made, and sealed. (How they lie beside the account's document:
 * account_secret.h.)
 * Whoever has them in the clear wipes them as soon as they have been used.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ACCOUNT_KEYS_H
#define IDENTITY_ACCOUNT_KEYS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"
#include "identity/secret_box.h"

/* Characters of a key: 84 of base62 as Azure makes them now, 32 of hexadecimal as it made them
 * before. Clients know both; some check the length. */
enum account_key_form { ACCOUNT_KEY_LONG, ACCOUNT_KEY_CLASSIC };
#define ACCOUNT_KEY_LONG_LEN 84
#define ACCOUNT_KEY_CLASSIC_LEN 32

struct account_keys {
    char key[2][ACCOUNT_KEY_LONG_LEN + 1]; /* key1 and key2, ended by NUL */
};

/* Makes both keys. */
void account_keys_generate(struct account_keys *k, enum account_key_form form);
/* Makes one of them anew; `index` is 0 for key1, 1 for key2. */
void account_keys_regenerate(struct account_keys *k, size_t index, enum account_key_form form);
void account_keys_wipe(struct account_keys *k);

/* `owner` is the lower-cased id of the account: sealed keys do not open for another one. */
struct str account_keys_seal(const struct secret_box *b, struct arena *a,
                             const struct account_keys *k, struct str owner);
/* Of what was in a seal that has been opened: ERROR_STORE when that is no keys. */
MUST_CHECK bool account_keys_parse(struct str plain, struct account_keys *k, struct error *err);
/* ERROR_STORE when they do not open. */
MUST_CHECK bool account_keys_open(const struct secret_box *b, struct arena *a, struct str sealed,
                                  struct str owner, struct account_keys *k, struct error *err);

#endif
