/*
 * The keys of foreign issuers: an immutable snapshot that any thread may read, and the box where the
 * newest one is found. identity/issuer_fetcher.h fills the box; whoever meets a token whose key is
 * not there says so by issuer_keys_want.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ISSUER_KEYS_H
#define IDENTITY_ISSUER_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "identity/issuers.h"
#include "identity/jwks.h"
#include "net/loop.h"

/* Counted. */
struct issuer_keys;

/* `sets` has an entry for each issuer of the list: NULL where nothing is known. Takes references of
 * its own. */
struct issuer_keys *issuer_keys_new(struct issuers *list, struct jwks *const *sets);
/* NULL is fine. */
void issuer_keys_unref(struct issuer_keys *k);

/* NULL: it is not configured. */
const struct issuer *issuer_keys_issuer(const struct issuer_keys *k, struct str name);
/* NULL: the key is not known (yet, or any more). `issuer` is one of this snapshot. */
const struct jwt_key *issuer_keys_find(const struct issuer_keys *k, const struct issuer *issuer,
                                       struct str key_id);

/* All of them, a new reference. NULL: none is known. */
struct jwks *issuer_keys_set(const struct issuer_keys *k, const struct issuer *issuer);

/* The current snapshot, shared by all threads; at first one without issuers. */
struct issuer_keys_box;
struct issuer_keys_box *issuer_keys_box_new(void);
void issuer_keys_box_free(struct issuer_keys_box *b);
/* Takes the reference. */
void issuer_keys_box_swap(struct issuer_keys_box *b, struct issuer_keys *next);
/* A new reference to the current one. */
struct issuer_keys *issuer_keys_box_get(struct issuer_keys_box *b);
/* Changes with each swap. Any thread. */
uint64_t issuer_keys_box_generation(const struct issuer_keys_box *b);

/* A token names a key of that issuer that is not known. Any thread, and cheap: it tells the listener,
 * if there is one, on its loop and not again before that has heard. */
void issuer_keys_want(struct issuer_keys_box *b, struct str issuer);
/* On the listener's loop. `on_want` gets the bits of the issuers, by their places in the list of the
 * snapshot that was current. NULL: nobody listens from here on. */
struct issuer_keys_listener {
    struct loop *loop;
    void (*on_want)(void *data, uint32_t issuers);
    void *data;
};
void issuer_keys_box_listen(struct issuer_keys_box *b, const struct issuer_keys_listener *listener);

#endif
