/*
 * Part of directory: a hash table of entries that snapshots share. It is cut into shards, each a
 * small table with open addressing, linear probing, at most half full. A copy of the table shares
 * all shards; the first change to a shard that is shared makes a copy of that shard alone. So the
 * successor of a snapshot costs the same however many accounts there are, but for its few changed
 * shards.
 *
 * One table of a directory owns the entries: it holds a reference for each. The others only point:
 * what they have in common with another snapshot is in the owning tables of both.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_TABLE_H
#define MODEL_DIRECTORY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define DIRECTORY_SHARDS 256

struct directory_entry;
struct directory_shard;

struct directory_table {
    struct directory_shard *shards[DIRECTORY_SHARDS]; /* by the hash's first byte; NULL: empty */
    size_t used;
    bool owns_entries;
};

void directory_table_init(struct directory_table *t, bool owns_entries);
void directory_table_copy(struct directory_table *t, const struct directory_table *from);
void directory_table_done(struct directory_table *t);

/* Takes over a reference if the table owns its entries. An entry may be in it several times, under
 * several hashes or one. */
void directory_table_add(struct directory_table *t, uint64_t hash, struct directory_entry *e);
/* It must be there. */
void directory_table_remove(struct directory_table *t, uint64_t hash, struct directory_entry *e);

/* The entries with that hash, one after the other, NULL at the end:
 *     for (at = hash; (e = directory_table_next(t, hash, &at)); ) */
struct directory_entry *directory_table_next(const struct directory_table *t, uint64_t hash,
                                             uint64_t *at);

/* All of them, in no order. */
void directory_table_each(const struct directory_table *t,
                          void (*visit)(void *data, const struct directory_entry *e), void *data);

/* Of the lower-cased bytes. */
uint64_t directory_hash_nocase(uint64_t seed, struct str s);

#endif
