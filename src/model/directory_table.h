/*
 * Part of directory: a hash table of entries, open addressing with linear probing, at most half
 * full. It is copied whole for each snapshot, so a slot is two words and holds its hash: a copy is
 * one memcpy, and a probe touches no entry that it does not look for.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_DIRECTORY_TABLE_H
#define MODEL_DIRECTORY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct directory_entry;

struct directory_slot {
    struct directory_entry *entry; /* NULL: free */
    uint64_t hash;
};

struct directory_table {
    struct directory_slot *slots;
    size_t mask; /* number of slots, less one; a power of two, less one */
    size_t used;
};

/* Room for `count` before it grows. */
void directory_table_init(struct directory_table *t, size_t count);
void directory_table_copy(struct directory_table *t, const struct directory_table *from);
void directory_table_done(struct directory_table *t);
/* An entry may be in it several times, under several hashes. */
void directory_table_add(struct directory_table *t, uint64_t hash, struct directory_entry *e);
/* It must be there. */
void directory_table_remove(struct directory_table *t, uint64_t hash,
                            const struct directory_entry *e);

/* The entries with that hash, one after the other:
 *     for (at = hash; (e = directory_table_next(t, hash, &at)); )
 * NULL at the end. */
struct directory_entry *directory_table_next(const struct directory_table *t, uint64_t hash,
                                             size_t *at);

/* Of the lower-cased bytes. */
uint64_t directory_hash_nocase(uint64_t seed, struct str s);

#endif
