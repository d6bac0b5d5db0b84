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
#include "base/str.h"

#define MASTER_KEY_BYTES 32
/* A key is 44 characters and a line end; more than this is something else. */
#define MASTER_KEY_TEXT_MAX 256

/* 32 bytes as base64, with or without a line end; false when the text is anything else. */
MUST_CHECK bool master_key_parse(struct str text, uint8_t key[MASTER_KEY_BYTES]);

/* The caller wipes the key. Nothing is written to it on failure (ERROR_CONFIG). */
MUST_CHECK bool master_key_from_file(const char *path, bool create, uint8_t key[MASTER_KEY_BYTES],
                                     struct error *err);
MUST_CHECK bool master_key_from_command(const char *command, uint8_t key[MASTER_KEY_BYTES],
                                        struct error *err);

#endif
