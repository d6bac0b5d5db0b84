/*
 * A folder of keys, as an operator keeps them for key vaults.
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_IDENTITY_VAULT_FOLDER_H
#define TESTS_UNIT_IDENTITY_VAULT_FOLDER_H

#include "identity/key_vault.h"

struct vault_folder {
    char path[64];
};

void vault_folder_make(struct vault_folder *f);
void vault_folder_remove(struct vault_folder *f);
/* The key consists of 32 times that byte. Replaces. */
void vault_folder_put(const struct vault_folder *f, const char *vault, const char *name,
                      const char *version, char byte);
/* Any text in the place of a key; "current" is a version's name here, too. */
void vault_folder_write(const struct vault_folder *f, const char *vault, const char *name,
                        const char *version, const char *text);
void vault_folder_delete(const struct vault_folder *f, const char *vault, const char *name,
                         const char *version);
/* Keys come from it from now on. */
void vault_folder_use(struct vault_folder *f, struct key_vault *v);

#endif
