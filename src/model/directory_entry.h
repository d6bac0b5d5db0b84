/*
 * Part of directory: the counted account, and the counted deployment.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_ENTRY_H
#define MODEL_DIRECTORY_ENTRY_H

#include "model/directory.h"

/* One block of memory: this, and the strings. It holds a reference to the deployments. */
struct directory_entry {
    struct directory_account account;
    atomic_uint refs;
};

void directory_entry_ref(struct directory_entry *e);
void directory_entry_unref(struct directory_entry *e);

/* Accounts of successive snapshots share deployments that did not change. */
struct directory_deployment *directory_deployment_ref(struct directory_deployment *d);
void directory_deployment_unref(struct directory_deployment *d);

#endif
