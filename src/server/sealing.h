/*
 * The box that seals secrets in the store, under a key that is a file of the data folder, or comes
 * from where the settings say; and the keys of key vaults, which seal those of some accounts besides.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_SEALING_H
#define SERVER_SEALING_H

#include "identity/key_vault.h"
#include "identity/secret_box.h"
#include "server/data_folder.h"
#include "server/settings.h"

/* `create`: a key file that is missing is made. */
MUST_CHECK struct secret_box *sealing_open(const struct settings *s, const struct data_folder *f,
                                           bool create, struct error *err);

/* Where the settings say that keys of key vaults come from. */
void sealing_configure_vault(const struct settings *s, struct key_vault *v);

#endif
