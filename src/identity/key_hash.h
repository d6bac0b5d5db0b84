/*
 * The keyed hash by which API keys are looked up and compared: SipHash-2-4 with 128 bits of output,
 * a MAC made for short texts, under a secret of the installation. A key's digest may lie in memory
 * where the key itself may not: without the secret nobody can try keys against it, and nobody can
 * make two keys that share one. (HMAC-SHA-256 takes three times as long, on each request.)
 *
 * A struct key_hash is made once and used by all threads at the same time.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_KEY_HASH_H
#define IDENTITY_KEY_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define KEY_HASH_SECRET_BYTES 16
#define KEY_HASH_BYTES 16

struct key_hash;

/* Keeps what it needs of the secret; the caller may wipe its copy. */
struct key_hash *key_hash_new(const uint8_t secret[KEY_HASH_SECRET_BYTES]);
/* Wipes. NULL is fine. */
void key_hash_free(struct key_hash *h);

/* Any thread. Takes no memory from the heap but at first use on a core. */
void key_hash_digest(const struct key_hash *h, struct str key, uint8_t digest[KEY_HASH_BYTES]);
/* In a time that does not depend on where the two differ. */
bool key_hash_equal(const uint8_t a[KEY_HASH_BYTES], const uint8_t b[KEY_HASH_BYTES]);

#endif
