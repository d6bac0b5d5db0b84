/*
 * Where the operator keeps the keys that stand for those of key vaults: below a folder, or with a
 * command that asks a key manager.
 *
 *   FOLDER/VAULT-HOST/KEY-NAME/VERSION   the key: 32 bytes as base64 on one line, readable by its owner
 *                                        alone
 *   FOLDER/VAULT-HOST/KEY-NAME/current   one line, the newest version's name
 *
 * A command finds what is asked for in KEY_VAULT_URI, KEY_VAULT_KEY and KEY_VAULT_VERSION (empty: the
 * newest) and prints the key as base64; before it, with a blank, the version's name, which it has to
 * do when it was asked for the newest.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_KEY_VAULT_SOURCE_H
#define IDENTITY_KEY_VAULT_SOURCE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"
#include "identity/master_key.h"

/* Key Vault's own limits for names of keys; of hosts, DNS's. */
#define KEY_VAULT_NAME_MAX 127
#define KEY_VAULT_HOST_MAX 253

/* A key of a vault; the host in lower case. */
struct key_reference {
    struct str vault; /* "contoso.vault.azure.net" */
    struct str name;
    struct str version; /* empty: the newest */
};

/* 1 to 127 letters, digits and hyphens: a name of a key or of a version. */
bool key_reference_is_name(struct str s);
/* The host of "https://HOST/"; STR_NONE when it is something else. In the arena. */
struct str key_reference_vault(struct arena *a, struct str uri);

struct key_vault_source {
    char *folder;  /* NULL: none */
    char *command; /* NULL: none */
    uint64_t timeout_ms;
    const atomic_bool *is_called_off; /* as a command's (key_command.h) */
};

/* What a source had. */
struct vault_key {
    uint8_t bytes[MASTER_KEY_BYTES];
    char version[KEY_VAULT_NAME_MAX + 1];
};

/* Blocks. The caller wipes *key, also after a failure: ERROR_CONFIG, with *is_silent when there was no
 * answer, so that nothing is known of the key. */
MUST_CHECK bool key_vault_source_get(const struct key_vault_source *s,
                                     const struct key_reference *r, struct vault_key *key,
                                     bool *is_silent, struct error *err);

#endif
