/*
 * Passwords of users: kept as scrypt of them (RFC 7914) with a salt of their own, the parameters beside
 * it. To make or to check one takes a tenth of a second and 32 MiB, on purpose: never on a loop, nor on
 * the store's thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_PASSWORD_H
#define IDENTITY_PASSWORD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* Entra's bounds. */
#define PASSWORD_LEN_MIN 8
#define PASSWORD_LEN_MAX 256

/* "scrypt$N$r$p$SALT$HASH", salt and hash in base64. */
struct str password_hash(struct arena *a, struct str password);
/* `hash` empty, or of no form that is known: false, after as much work as for any other. */
bool password_matches(struct arena *a, struct str hash, struct str password);

#endif
