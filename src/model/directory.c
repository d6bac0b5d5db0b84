/* SPDX-License-Identifier: MIT */
#include "model/directory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "model/directory_entry.h"
#include "model/directory_table.h"
#include "model/directory_tree.h"

struct directory {
    atomic_uint refs;
    struct catalog *catalog;
    struct rbac *roles;
    uint64_t seed; /* of the hashes; all snapshots that come of one another have the same */
    struct directory_table keys; /* owns the entries */
    struct directory_table names, domains, digests;
};

/* -- Making ---------------------------------------------------------------------------------- */

/* A keyed digest is as good as random: its first bytes are its hash. */
static uint64_t digest_hash(const uint8_t digest[KEY_DIGEST_BYTES])
{
    uint64_t hash;

    memcpy(&hash, digest, sizeof(hash));
    return hash;
}

/* Calls `change` (add or remove) for each place where an entry is found. */
static void each_place(struct directory *d, struct directory_entry *e,
                       void (*change)(struct directory_table *t, uint64_t hash,
                                      struct directory_entry *e))
{
    const struct directory_account *a = &e->account;
    size_t i;

    change(&d->keys, directory_hash_nocase(d->seed, a->key), e);
    change(&d->names, directory_hash_nocase(d->seed, a->name), e);
    if (a->domain.len)
        change(&d->domains, directory_hash_nocase(d->seed, a->domain), e);
    for (i = 0; i < ARRAY_LEN(a->key_digests); i++)
        change(&d->digests, digest_hash(a->key_digests[i]), e);
}

struct directory *directory_new(struct catalog *catalog, struct directory_entry **entries,
                                size_t count)
{
    struct directory *d = memory_alloc(sizeof(*d));
    size_t i;

    atomic_init(&d->refs, 1);
    d->catalog = catalog_ref(catalog);
    random_bytes(&d->seed, sizeof(d->seed));
    directory_table_init(&d->keys, true);
    directory_table_init(&d->names, false);
    directory_table_init(&d->domains, false);
    directory_table_init(&d->digests, false);
    for (i = 0; i < count; i++)
        each_place(d, entries[i], directory_table_add);
    return d;
}

/* The entry of that key, NULL when there is none. */
static struct directory_entry *entry_of(const struct directory *d, struct str key)
{
    uint64_t hash = directory_hash_nocase(d->seed, key);
    struct directory_entry *e;
    uint64_t at = hash;

    while ((e = directory_table_next(&d->keys, hash, &at))) {
        if (str_equal_nocase(e->account.key, key))
            return e;
    }
    return NULL;
}

static struct directory *copy(const struct directory *d)
{
    struct directory *next = memory_alloc(sizeof(*next));

    atomic_init(&next->refs, 1);
    next->catalog = catalog_ref(d->catalog);
    next->roles = rbac_ref(d->roles);
    next->seed = d->seed;
    directory_table_copy(&next->keys, &d->keys);
    directory_table_copy(&next->names, &d->names);
    directory_table_copy(&next->domains, &d->domains);
    directory_table_copy(&next->digests, &d->digests);
    return next;
}

struct directory *directory_with_roles(const struct directory *d, struct rbac *roles)
{
    struct directory *next = copy(d);

    rbac_unref(next->roles);
    next->roles = roles;
    return next;
}

struct directory *directory_with(const struct directory *d, struct str account_key,
                                 struct directory_entry *entry)
{
    struct directory *next = copy(d);
    struct directory_entry *old = entry_of(d, account_key);

    assert(!entry || str_equal_nocase(entry->account.key, account_key));
    if (old)
        each_place(next, old, directory_table_remove);
    if (entry)
        each_place(next, entry, directory_table_add);
    return next;
}

struct directory *directory_ref(struct directory *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void directory_unref(struct directory *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) > 1)
        return;
    directory_table_done(&d->keys);
    directory_table_done(&d->names);
    directory_table_done(&d->domains);
    directory_table_done(&d->digests);
    rbac_unref(d->roles);
    catalog_unref(d->catalog);
    free(d);
}

/* -- Looking up ------------------------------------------------------------------------------ */

struct catalog *directory_catalog(const struct directory *d)
{
    return d->catalog;
}

const struct rbac *directory_roles(const struct directory *d)
{
    return d->roles;
}

const struct directory_entry *directory_entry_of(const struct directory *d, struct str key)
{
    return entry_of(d, key);
}

size_t directory_count(const struct directory *d)
{
    return d->keys.used;
}

/* The digest is keyed with a secret of this service: a client that offers key after key cannot
 * choose digests that come ever closer, so what time the search for the slot takes tells it
 * nothing. The whole digest is compared in constant time all the same: it costs nothing. */
const struct directory_account *directory_by_key_digest(const struct directory *d,
                                                        const uint8_t digest[KEY_DIGEST_BYTES])
{
    uint64_t hash = digest_hash(digest);
    const struct directory_entry *e;
    uint64_t at = hash;
    size_t i;

    while ((e = directory_table_next(&d->digests, hash, &at))) {
        for (i = 0; i < ARRAY_LEN(e->account.key_digests); i++) {
            if (!CRYPTO_memcmp(e->account.key_digests[i], digest, KEY_DIGEST_BYTES))
                return &e->account;
        }
    }
    return NULL;
}

const struct directory_account *directory_by_name(const struct directory *d, struct str name)
{
    uint64_t hash = directory_hash_nocase(d->seed, name);
    const struct directory_account *first = NULL;
    const struct directory_entry *e;
    uint64_t at = hash;

    while ((e = directory_table_next(&d->names, hash, &at))) {
        if (str_equal_nocase(e->account.name, name) &&
            (!first || str_compare(e->account.key, first->key) < 0))
            first = &e->account;
    }
    return first;
}

const struct directory_account *directory_by_domain(const struct directory *d, struct str domain)
{
    uint64_t hash = directory_hash_nocase(d->seed, domain);
    const struct directory_entry *e;
    uint64_t at = hash;

    while ((e = directory_table_next(&d->domains, hash, &at))) {
        if (str_equal_nocase(e->account.domain, domain))
            return &e->account;
    }
    return NULL;
}

const struct directory_deployment *directory_deployment(const struct directory_account *a,
                                                        struct str name)
{
    return directory_tree_find(a->deployments, name);
}

bool directory_has(const struct directory *d, struct str account, struct str deployment)
{
    uint64_t hash = directory_hash_nocase(d->seed, account);
    const struct directory_entry *e;
    uint64_t at = hash;

    while ((e = directory_table_next(&d->names, hash, &at))) {
        if (str_equal_nocase(e->account.name, account) &&
            (str_is_empty(deployment) || directory_deployment(&e->account, deployment)))
            return true;
    }
    return false;
}

/* -- The current snapshot -------------------------------------------------------------------- */

struct visit {
    struct directory_visitor *visitor;
    const struct directory_account *account;
};

static void visit_deployment(void *data, const struct directory_deployment *d)
{
    const struct visit *v = data;

    v->visitor->visit(v->visitor, v->account, d);
}

static void visit_account(void *data, const struct directory_entry *e)
{
    struct visit v = { data, &e->account };

    directory_tree_each(e->account.deployments, visit_deployment, &v);
}

void directory_each_deployment(const struct directory *d, struct directory_visitor *v)
{
    directory_table_each(&d->keys, visit_account, v);
}

struct directory_box {
    pthread_mutex_t lock; /* of `current`; views take it only after a swap */
    struct directory *current;
    struct directory *before;    /* the one that `current` took the place of; may be NULL */
    _Atomic uint64_t generation; /* counts the swaps */
};

struct directory_box *directory_box_new(struct directory *first)
{
    struct directory_box *b = memory_alloc(sizeof(*b));

    pthread_mutex_init(&b->lock, NULL);
    b->current = first;
    atomic_init(&b->generation, 0);
    return b;
}

void directory_box_free(struct directory_box *b)
{
    if (!b)
        return;
    directory_unref(b->before);
    directory_unref(b->current);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void directory_box_swap(struct directory_box *b, struct directory *next)
{
    struct directory *old;

    pthread_mutex_lock(&b->lock);
    old = b->before;
    b->before = b->current;
    b->current = next;
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_release);
    pthread_mutex_unlock(&b->lock);
    directory_unref(old);
}

/* As of one moment: the snapshot and its generation. */
static struct directory *get(struct directory_box *b, uint64_t *generation)
{
    struct directory *d;

    pthread_mutex_lock(&b->lock);
    d = directory_ref(b->current);
    *generation = atomic_load_explicit(&b->generation, memory_order_relaxed);
    pthread_mutex_unlock(&b->lock);
    return d;
}

struct directory *directory_box_get(struct directory_box *b)
{
    uint64_t generation;

    return get(b, &generation);
}

void directory_view_init(struct directory_view *v, struct directory_box *b)
{
    v->box = b;
    v->current = get(b, &v->generation);
}

void directory_view_done(struct directory_view *v)
{
    directory_unref(v->current);
    v->current = NULL;
}

struct directory *directory_view_get(struct directory_view *v)
{
    if (atomic_load_explicit(&v->box->generation, memory_order_acquire) != v->generation) {
        directory_unref(v->current);
        v->current = get(v->box, &v->generation);
    }
    return directory_ref(v->current);
}
