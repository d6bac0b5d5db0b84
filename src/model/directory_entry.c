/* SPDX-License-Identifier: MIT */
#include "model/directory_entry.h"

#include <stdlib.h>

#include "base/memory.h"
#include "model/directory_tree.h"

#define ACCOUNT_STRINGS 9
#define DEPLOYMENT_STRINGS 4

/* One block of memory: this, and the strings. */
struct counted_deployment {
    struct directory_deployment deployment;
    struct catalog *catalog; /* which the deployment points into */
    atomic_uint refs;
};

/* -- Copying --------------------------------------------------------------------------------- */

static void account_strings(struct directory_account *a, struct str *strings[ACCOUNT_STRINGS])
{
    strings[0] = &a->key;
    strings[1] = &a->name;
    strings[2] = &a->kind;
    strings[3] = &a->location;
    strings[4] = &a->region;
    strings[5] = &a->subscription_id;
    strings[6] = &a->resource_group;
    strings[7] = &a->domain;
    strings[8] = &a->ip_rules;
}

static void deployment_strings(struct directory_deployment *d,
                               struct str *strings[DEPLOYMENT_STRINGS])
{
    strings[0] = &d->key;
    strings[1] = &d->name;
    strings[2] = &d->sku;
    strings[3] = &d->spillover;
}

static size_t count_bytes(struct str *const strings[], size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += strings[i]->len;
    return bytes;
}

/* Copies the bytes of the strings to `end`, one behind the other, and lets them point there. */
static void move_strings(struct str *const strings[], size_t count, char *end)
{
    for (size_t i = 0; i < count; i++) {
        struct str *s = strings[i];

        if (s->len)
            memcpy(end, s->data, s->len);
        s->data = end;
        end += s->len;
    }
}

/* -- Counters -------------------------------------------------------------------------------- */

static struct deployment_counters *counters_new(void)
{
    struct deployment_counters *c =
        memory_alloc_aligned(_Alignof(struct deployment_counters), sizeof(*c));

    atomic_init(&c->refs, 1);
    return c;
}

static struct deployment_counters *counters_ref(struct deployment_counters *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

static void counters_unref(struct deployment_counters *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

/* -- Deployments ----------------------------------------------------------------------------- */

/* `before` (may be NULL): whose counters it takes over. */
static struct directory_deployment *deployment_new(const struct directory_deployment *template,
                                                   struct catalog *catalog,
                                                   const struct directory_deployment *before)
{
    struct directory_deployment copy = *template;
    struct str *strings[DEPLOYMENT_STRINGS];
    struct counted_deployment *c;

    deployment_strings(&copy, strings);
    c = memory_alloc(sizeof(*c) + count_bytes(strings, DEPLOYMENT_STRINGS));
    move_strings(strings, DEPLOYMENT_STRINGS, (char *)(c + 1));
    copy.counters = before ? counters_ref(before->counters) : counters_new();
    c->deployment = copy;
    c->catalog = catalog_ref(catalog);
    atomic_init(&c->refs, 1);
    return &c->deployment;
}

struct directory_deployment *directory_deployment_ref(struct directory_deployment *d)
{
    struct counted_deployment *c = CONTAINER_OF(d, struct counted_deployment, deployment);

    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return d;
}

void directory_deployment_unref(struct directory_deployment *d)
{
    struct counted_deployment *c = CONTAINER_OF(d, struct counted_deployment, deployment);

    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    counters_unref(d->counters);
    catalog_unref(c->catalog);
    free(c);
}

/* -- Entries --------------------------------------------------------------------------------- */

struct directory_entry *directory_entry_new(const struct directory_account *template,
                                            const struct directory_entry *previous)
{
    struct directory_account copy = *template;
    struct str *strings[ACCOUNT_STRINGS];
    struct directory_entry *e;

    account_strings(&copy, strings);
    e = memory_alloc(sizeof(*e) + count_bytes(strings, ACCOUNT_STRINGS));
    move_strings(strings, ACCOUNT_STRINGS, (char *)(e + 1));
    copy.deployments = previous ? directory_tree_ref(previous->account.deployments) : NULL;
    e->account = copy;
    atomic_init(&e->refs, 1);
    return e;
}

void directory_entry_put(struct directory_entry *e, const struct directory_deployment *template,
                         struct catalog *catalog, const struct directory_entry *previous)
{
    const struct directory_deployment *before =
        previous ? directory_deployment(&previous->account, template->name) : NULL;

    e->account.deployments =
        directory_tree_put(e->account.deployments, deployment_new(template, catalog, before));
}

void directory_entry_remove(struct directory_entry *e, struct str name)
{
    if (directory_deployment(&e->account, name))
        e->account.deployments = directory_tree_remove(e->account.deployments, name);
}

const struct directory_account *directory_entry_account(const struct directory_entry *e)
{
    return &e->account;
}

void directory_entry_ref(struct directory_entry *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
}

void directory_entry_unref(struct directory_entry *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) > 1)
        return;
    directory_tree_unref(e->account.deployments);
    free(e);
}
