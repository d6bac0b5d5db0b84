/* SPDX-License-Identifier: MIT */
#include "model/directory_table.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/directory_entry.h"

#define SLOTS_MIN 4

struct slot {
    struct directory_entry *entry; /* NULL: free */
    uint64_t hash;                 /* so that a probe touches no entry that it does not look for */
};

struct directory_shard {
    atomic_uint refs; /* tables that share it */
    size_t mask;      /* number of slots, a power of two, less one */
    size_t used;
    struct slot slots[];
};

static struct directory_shard *shard_new(size_t slots)
{
    struct directory_shard *s = memory_alloc(sizeof(*s) + slots * sizeof(s->slots[0]));

    atomic_init(&s->refs, 1);
    s->mask = slots - 1;
    return s;
}

static void put(struct directory_shard *s, uint64_t hash, struct directory_entry *e)
{
    size_t i = hash & s->mask;

    while (s->slots[i].entry)
        i = (i + 1) & s->mask;
    s->slots[i] = (struct slot){ e, hash };
    s->used++;
}

/* A copy with that many slots. */
static struct directory_shard *shard_copy(const struct directory_shard *from, size_t slots)
{
    struct directory_shard *s = shard_new(slots);
    size_t i;

    for (i = 0; i <= from->mask; i++) {
        if (from->slots[i].entry)
            put(s, from->slots[i].hash, from->slots[i].entry);
    }
    return s;
}

static void each_entry(const struct directory_shard *s, void (*fn)(struct directory_entry *e))
{
    size_t i;

    for (i = 0; i <= s->mask; i++) {
        if (s->slots[i].entry)
            fn(s->slots[i].entry);
    }
}

static void shard_unref(struct directory_shard *s, bool owns_entries)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (owns_entries)
        each_entry(s, directory_entry_unref);
    free(s);
}

/* The shard of a hash, this table's alone, with room for one more. */
static struct directory_shard *shard_to_change(struct directory_table *t, uint64_t hash)
{
    struct directory_shard **place = &t->shards[hash >> 56], *old = *place;
    size_t slots = old ? old->mask + 1 : SLOTS_MIN;

    if (!old)
        return *place = shard_new(slots);
    if ((old->used + 1) * 2 > slots)
        slots *= 2;
    else if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1)
        return old;
    *place = shard_copy(old, slots);
    if (t->owns_entries)
        each_entry(*place, directory_entry_ref);
    shard_unref(old, t->owns_entries);
    return *place;
}

/* -- Tables ---------------------------------------------------------------------------------- */

void directory_table_init(struct directory_table *t, bool owns_entries)
{
    *t = (struct directory_table){ .owns_entries = owns_entries };
}

void directory_table_copy(struct directory_table *t, const struct directory_table *from)
{
    size_t i;

    *t = *from;
    for (i = 0; i < DIRECTORY_SHARDS; i++) {
        if (t->shards[i])
            atomic_fetch_add_explicit(&t->shards[i]->refs, 1, memory_order_relaxed);
    }
}

void directory_table_done(struct directory_table *t)
{
    size_t i;

    for (i = 0; i < DIRECTORY_SHARDS; i++)
        shard_unref(t->shards[i], t->owns_entries);
}

void directory_table_add(struct directory_table *t, uint64_t hash, struct directory_entry *e)
{
    put(shard_to_change(t, hash), hash, e);
    t->used++;
}

void directory_table_remove(struct directory_table *t, uint64_t hash, struct directory_entry *e)
{
    struct directory_shard *s = shard_to_change(t, hash);
    size_t hole = hash & s->mask, i;

    while (s->slots[hole].entry != e || s->slots[hole].hash != hash) {
        assert(s->slots[hole].entry);
        hole = (hole + 1) & s->mask;
    }
    /* Those behind move up, unless that would put them before where their search begins. */
    for (i = (hole + 1) & s->mask; s->slots[i].entry; i = (i + 1) & s->mask) {
        size_t home = s->slots[i].hash & s->mask;

        if (((i - home) & s->mask) < ((i - hole) & s->mask))
            continue;
        s->slots[hole] = s->slots[i];
        hole = i;
    }
    s->slots[hole] = (struct slot){ NULL, 0 };
    s->used--;
    t->used--;
    if (t->owns_entries)
        directory_entry_unref(e);
}

struct directory_entry *directory_table_next(const struct directory_table *t, uint64_t hash,
                                             uint64_t *at)
{
    const struct directory_shard *s = t->shards[hash >> 56];

    while (s) {
        const struct slot *slot = &s->slots[(*at)++ & s->mask];

        if (!slot->entry || slot->hash == hash)
            return slot->entry;
    }
    return NULL;
}

void directory_table_each(const struct directory_table *t,
                          void (*visit)(void *data, const struct directory_entry *e), void *data)
{
    for (size_t i = 0; i < DIRECTORY_SHARDS; i++) {
        const struct directory_shard *s = t->shards[i];

        for (size_t n = 0; s && n <= s->mask; n++) {
            if (s->slots[n].entry)
                visit(data, s->slots[n].entry);
        }
    }
}

/* FNV-1a from a random start, so that nobody can choose names that collide; then the bits are
 * mixed (the last steps of SplitMix64), since the first and the last are what picks the slot. */
uint64_t directory_hash_nocase(uint64_t seed, struct str s)
{
    uint64_t h = seed;
    size_t i;

    for (i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + ('a' - 'A'));
        h = str_hash_byte(h, c);
    }
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}
