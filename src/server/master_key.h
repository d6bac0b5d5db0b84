/*
 * The key that seals secrets in the store: a file of the data folder, or as configured.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_MASTER_KEY_H
#define SERVER_MASTER_KEY_H

#include "identity/secret_box.h"
#include "server/data_folder.h"
#include "server/settings.h"

/* `create`: a file that is missing is made. */
MUST_CHECK struct secret_box *master_key_open(const struct settings *s, const struct data_folder *f,
                                              bool create, struct error *err);

#endif
