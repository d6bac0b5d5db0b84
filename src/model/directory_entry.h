/*
 * Part of directory: the counted account.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_ENTRY_H
#define MODEL_DIRECTORY_ENTRY_H

#include "model/directory.h"

/* One block of memory: this, the deployments, the strings. */
struct directory_entry {
    struct directory_account account;
    struct catalog *catalog;
    atomic_uint refs;
};

void directory_entry_ref(struct directory_entry *e);
void directory_entry_unref(struct directory_entry *e);

#endif
