/*
 * Seals what may not lie readable in the store: AES-256-GCM under the installation's key, which
 * comes from a file or from a command that asks a key manager. Sealed bytes name the key that
 * sealed them and are bound to associated data (the key of the resource that they belong to), so
 * that they cannot be moved to another row; any change to them is found when they are opened.
 *
 *   version 1 | key id, 4 bytes | nonce, 12 bytes | ciphertext | tag, 16 bytes
 *
 * A nonce is random, which NIST SP 800-38D (8.3) allows for 2^32 seals under one key.
 * A struct secret_box is made once and used by all threads at the same time.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_SECRET_BOX_H
#define IDENTITY_SECRET_BOX_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"
#include "identity/master_key.h"

/* What sealing adds to the length. */
#define SECRET_BOX_OVERHEAD (1 + 4 + 12 + 16)

struct secret_box;

/* The file holds 32 bytes as base64 on one line and may be readable by its owner alone. With
 * `create` it is made (mode 0600) when it is not there. ERROR_CONFIG names the file. */
MUST_CHECK struct secret_box *secret_box_new_from_file(const char *path, bool create,
                                                       struct error *err);
/* `command` is run by the shell; it prints the same line within 30 s. ERROR_CONFIG when it fails;
 * what it printed is never shown. Blocks: for start-up. */
MUST_CHECK struct secret_box *secret_box_new_from_command(const char *command, struct error *err);
/* The key is overwritten. */
struct secret_box *secret_box_new(uint8_t key[MASTER_KEY_BYTES]);
struct secret_box *secret_box_ref(struct secret_box *b);
/* Gives back a reference, of which whoever makes a box has one; the last one wipes. NULL is fine. */
void secret_box_free(struct secret_box *b);

struct str secret_box_seal(const struct secret_box *b, struct arena *a, struct str plain,
                           struct str associated);
/* *plain lies in the arena: secret_wipe it when it has been used. ERROR_STORE when the bytes were
 * changed, belong to other associated data, or were sealed with another key. */
MUST_CHECK bool secret_box_open(const struct secret_box *b, struct arena *a, struct str sealed,
                                struct str associated, struct str *plain, struct error *err);

/* Overwrites bytes of an arena that held a secret. */
void secret_wipe(struct str secret);

#endif
