/*
 * The data folder: what lies where, and that one process at a time uses it.
 *
 *   lazuli.db        the store
 *   lazuli.pid       the process that uses the folder; locked as long as it lives
 *   master.key       seals secrets in the store, unless configured elsewhere
 *   models/          the embedded model, unpacked
 *   run/             sockets of engines
 *   tls/             the development CA (development_ca.h)
 *   az/              the configuration of `lazuli az`
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVER_DATA_FOLDER_H
#define SERVER_DATA_FOLDER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

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
/* Refused with the other's pid when a process has it. On a full disk the lock is taken all the same; the
 * log says that nobody can tell whose it is. */
MUST_CHECK bool data_folder_lock(struct data_folder *f, struct error *err);
/* Writes the embedded model to its file unless it is there, whole. */
MUST_CHECK bool data_folder_unpack_model(const struct data_folder *f, struct error *err);
/* The folder of that name in it, made where it is missing (mode 0700): its path, to be freed. NULL and
 * ERROR_IO when it cannot be. */
MUST_CHECK char *data_folder_make_below(const struct data_folder *f, const char *name,
                                        struct error *err);
/* Writes the file (mode 0600), or takes the place of one that is there: whoever reads it finds the
 * one or the other, whole. */
MUST_CHECK bool data_folder_write(const char *path, struct str bytes, struct error *err);
/* Unlocks, frees the names. */
void data_folder_close(struct data_folder *f);

#endif
