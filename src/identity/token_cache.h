/*
 * Tokens that were found good, remembered by one thread, so that a client's next request with the same
 * one takes a hash and a comparison instead of a verification (some 50 us). Nothing is remembered for
 * longer than the token lives, nor once principals or keys have changed.
 *
 * What is found by is a keyed hash of 128 bits: nobody can make another token that has it.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_TOKEN_CACHE_H
#define IDENTITY_TOKEN_CACHE_H

#include "identity/authority.h"
#include "identity/key_hash.h"

struct token_cache;

/* What it is given must outlive it. */
struct token_cache *token_cache_new(struct authority *authority, const struct key_hash *hash,
                                    const struct token_audiences *audiences);
/* NULL is fine. */
void token_cache_free(struct token_cache *c);

/* As authority_check. *who lies in the cache until its next use, or in the arena. */
MUST_CHECK bool token_cache_check(struct token_cache *c, struct arena *arena, struct str token,
                                  struct principal *who, struct error *err);

#endif
