/*
 * Where the key of the secret box comes from. See identity/secret_box.h for the rules.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_MASTER_KEY_H
#define IDENTITY_MASTER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macros.h"

#define MASTER_KEY_BYTES 32

/* The caller wipes the key. Nothing is written to it on failure (ERROR_CONFIG). */
MUST_CHECK bool master_key_from_file(const char *path, bool create, uint8_t key[MASTER_KEY_BYTES],
                                     struct error *err);
MUST_CHECK bool master_key_from_command(const char *command, uint8_t key[MASTER_KEY_BYTES],
                                        struct error *err);

#endif
