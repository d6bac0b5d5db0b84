/*
 * The data folder: what lies where, and that one process at a time uses it.
 *
 *   lazuli.db        the store
 *   lazuli.pid       the process that uses the folder; locked as long as it lives
 *   master.key       seals secrets in the store, unless configured elsewhere
 *   models/          the embedded model, unpacked
 *   run/             sockets of engines
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_DATA_FOLDER_H
#define SERVER_DATA_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

struct data_folder {
    char *path; /* absolute */
    char *database;
    char *master_key;
    char *run;
    char *model; /* the embedded model's file */
    int lock_fd;
};

/* Makes the folder where it is missing (mode 0700). ERROR_IO names the folder and what is wrong. */
MUST_CHECK bool data_folder_open(struct data_folder *f, const char *path, struct error *err);
/* As open, but the folder and the store must be there already, and nothing is made. */
MUST_CHECK bool data_folder_find(struct data_folder *f, const char *path, struct error *err);
/* Refused with the other's pid when a process has it. */
MUST_CHECK bool data_folder_lock(struct data_folder *f, struct error *err);
/* Writes the embedded model to its file unless it is there, whole. */
MUST_CHECK bool data_folder_unpack_model(const struct data_folder *f, struct error *err);
/* Unlocks, frees the names. */
void data_folder_close(struct data_folder *f);

#endif
