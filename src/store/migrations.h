/*
 * The schema's history. Each row takes the database from the version before it to its own; rows
 * are only ever added. A file remembers the version it has, so that a newer program brings an old
 * file forward and an old program refuses a newer file.
 * SPDX-License-Identifier: MIT
 */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include <stddef.h>

struct migration {
    int version; /* 1, 2, 3 ... without a gap */
    const char *title;
    const char *sqlite; /* statements, run in one transaction */
};

extern const struct migration migrations[];
extern const size_t migration_count;

#endif
