/* SPDX-License-Identifier: MIT */
#include "model/directory_table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

#define SLOTS_MIN 16

void directory_table_init(struct directory_table *t, size_t count)
{
    size_t slots = SLOTS_MIN;

    while (slots < count * 2)
        slots *= 2;
    t->slots = memory_alloc_array(slots, sizeof(*t->slots));
    t->mask = slots - 1;
    t->used = 0;
}

void directory_table_copy(struct directory_table *t, const struct directory_table *from)
{
    size_t size = (from->mask + 1) * sizeof(*t->slots);

    t->slots = memory_realloc(NULL, size); /* not zeroed: all of it is written */
    memcpy(t->slots, from->slots, size);
    t->mask = from->mask;
    t->used = from->used;
}

void directory_table_done(struct directory_table *t)
{
    free(t->slots);
}

static void put(struct directory_table *t, uint64_t hash, struct directory_entry *e)
{
    size_t i = hash & t->mask;

    while (t->slots[i].entry)
        i = (i + 1) & t->mask;
    t->slots[i] = (struct directory_slot){ e, hash };
    t->used++;
}

void directory_table_add(struct directory_table *t, uint64_t hash, struct directory_entry *e)
{
    struct directory_table old = *t;
    size_t i;

    if ((t->used + 1) * 2 > t->mask + 1) {
        directory_table_init(t, (t->mask + 1));
        for (i = 0; i <= old.mask; i++) {
            if (old.slots[i].entry)
                put(t, old.slots[i].hash, old.slots[i].entry);
        }
        directory_table_done(&old);
    }
    put(t, hash, e);
}

void directory_table_remove(struct directory_table *t, uint64_t hash,
                            const struct directory_entry *e)
{
    size_t hole = hash & t->mask, i;

    while (t->slots[hole].entry != e || t->slots[hole].hash != hash) {
        assert(t->slots[hole].entry);
        hole = (hole + 1) & t->mask;
    }
    /* Those behind move up, unless that would put them before where their search begins. */
    for (i = (hole + 1) & t->mask; t->slots[i].entry; i = (i + 1) & t->mask) {
        size_t home = t->slots[i].hash & t->mask;

        if (((i - home) & t->mask) < ((i - hole) & t->mask))
            continue;
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (struct directory_slot){ NULL, 0 };
    t->used--;
}

struct directory_entry *directory_table_next(const struct directory_table *t, uint64_t hash,
                                             size_t *at)
{
    for (;;) {
        const struct directory_slot *slot = &t->slots[(*at)++ & t->mask];

        if (!slot->entry || slot->hash == hash)
            return slot->entry;
    }
}

/* FNV-1a from a random start, so that nobody can choose names that collide; then the bits are
 * mixed (the last step of SplitMix64), since the low ones are what picks the slot. */
uint64_t directory_hash_nocase(uint64_t seed, struct str s)
{
    uint64_t h = seed;
    size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + ('a' - 'A'));
        h = (h ^ c) * 0x100000001b3u;
    }
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    return h ^ (h >> 31);
}
