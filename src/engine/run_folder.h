/*
 * Where the pid files and the sockets of our processes lie. The path of a Unix socket is short
 * (107 bytes), so that for a run folder deep in the tree the sockets get one of their own in /tmp.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_RUN_FOLDER_H
#define ENGINE_RUN_FOLDER_H

#include <stdbool.h>

#include "base/error.h"

/* File names in it may be that long. */
#define RUN_FOLDER_NAME_MAX 48

struct run_folder {
    char *path;    /* absolute; NULL: there is none */
    char *sockets; /* the same, or a temporary one */
};

/* Makes `wanted` when it is not there, ends what processes a killed lazuli has left in it
 * (*ended of them) and removes their sockets. */
MUST_CHECK bool run_folder_open(struct run_folder *f, const char *wanted, unsigned *ended,
                                struct error *err);
/* Removes a temporary folder, which must be empty by then. */
void run_folder_close(struct run_folder *f);

#endif
