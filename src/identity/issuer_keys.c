/* SPDX-License-Identifier: MIT */
#include "identity/issuer_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"

_Static_assert(ISSUERS_MAX <= 32, "each issuer has a bit of `wanted`");

struct issuer_keys {
    _Atomic unsigned refs;
    struct issuers *list;
    struct jwks *sets[ISSUERS_MAX];
};

struct issuer_keys_box {
    pthread_mutex_t lock;
    struct issuer_keys *current;
    struct issuer_keys_listener listener; /* without a loop: there is none */
    uint32_t wanted;                      /* not 0: `task` is on its way */
    struct loop_task task;
    _Atomic uint64_t generation;
};

/* -- The snapshot ---------------------------------------------------------------------------- */

struct issuer_keys *issuer_keys_new(struct issuers *list, struct jwks *const *sets)
{
    struct issuer_keys *k = memory_alloc(sizeof(*k));

    atomic_init(&k->refs, 1);
    k->list = issuers_ref(list);
    for (size_t i = 0; i < list->count; i++)
        k->sets[i] = sets[i] ? jwks_ref(sets[i]) : NULL;
    return k;
}

void issuer_keys_unref(struct issuer_keys *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    for (size_t i = 0; i < k->list->count; i++)
        jwks_unref(k->sets[i]);
    issuers_unref(k->list);
    free(k);
}

const struct issuer *issuer_keys_issuer(const struct issuer_keys *k, struct str name)
{
    size_t i = issuers_find(k->list, name);

    return i == SIZE_MAX ? NULL : &k->list->items[i];
}

const struct jwt_key *issuer_keys_find(const struct issuer_keys *k, const struct issuer *issuer,
                                       struct str key_id)
{
    const struct jwks *set = k->sets[issuer - k->list->items];

    return set ? jwks_find(set, key_id) : NULL;
}

struct jwks *issuer_keys_set(const struct issuer_keys *k, const struct issuer *issuer)
{
    struct jwks *set = k->sets[issuer - k->list->items];

    return set ? jwks_ref(set) : NULL;
}

/* -- The box --------------------------------------------------------------------------------- */

struct issuer_keys_box *issuer_keys_box_new(void)
{
    struct issuer_keys_box *b = memory_alloc(sizeof(*b));
    struct error err;
    struct issuers *none = issuers_load(NULL, &err);
    struct jwks *const no_sets[ISSUERS_MAX] = { NULL };

    pthread_mutex_init(&b->lock, NULL);
    b->current = issuer_keys_new(none, no_sets);
    issuers_unref(none);
    return b;
}

void issuer_keys_box_free(struct issuer_keys_box *b)
{
    if (!b)
        return;
    issuer_keys_unref(b->current);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void issuer_keys_box_swap(struct issuer_keys_box *b, struct issuer_keys *next)
{
    struct issuer_keys *old;

    pthread_mutex_lock(&b->lock);
    old = b->current;
    b->current = next;
    atomic_fetch_add(&b->generation, 1);
    pthread_mutex_unlock(&b->lock);
    issuer_keys_unref(old);
}

struct issuer_keys *issuer_keys_box_get(struct issuer_keys_box *b)
{
    struct issuer_keys *k;

    pthread_mutex_lock(&b->lock);
    k = b->current;
    atomic_fetch_add(&k->refs, 1);
    pthread_mutex_unlock(&b->lock);
    return k;
}

uint64_t issuer_keys_box_generation(const struct issuer_keys_box *b)
{
    return atomic_load(&b->generation);
}

/* -- Wishes ---------------------------------------------------------------------------------- */

/* On the listener's loop, where nobody else changes it meanwhile. */
static void tell(struct loop_task *task)
{
    struct issuer_keys_box *b = CONTAINER_OF(task, struct issuer_keys_box, task);
    struct issuer_keys_listener listener;
    uint32_t wanted;

    pthread_mutex_lock(&b->lock);
    listener = b->listener;
    wanted = b->wanted;
    b->wanted = 0;
    pthread_mutex_unlock(&b->lock);
    if (listener.loop)
        listener.on_want(listener.data, wanted);
}

void issuer_keys_want(struct issuer_keys_box *b, struct str issuer)
{
    size_t i;

    pthread_mutex_lock(&b->lock);
    i = issuers_find(b->current->list, issuer);
    if (i != SIZE_MAX && b->listener.loop) {
        /* under the lock, so that nothing is posted once nobody listens */
        if (!b->wanted) {
            b->task.fn = tell;
            loop_post(b->listener.loop, &b->task);
        }
        b->wanted |= UINT32_C(1) << i;
    }
    pthread_mutex_unlock(&b->lock);
}

void issuer_keys_box_listen(struct issuer_keys_box *b, const struct issuer_keys_listener *listener)
{
    pthread_mutex_lock(&b->lock);
    b->listener = listener ? *listener : (struct issuer_keys_listener){ 0 };
    pthread_mutex_unlock(&b->lock);
}
