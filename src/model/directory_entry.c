/* SPDX-License-Identifier: MIT */
#include "model/directory_entry.h"

#include <stdlib.h>
#include <strings.h>

#include "base/memory.h"

#define ACCOUNT_STRINGS 9
#define DEPLOYMENT_STRINGS 3

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
}

/* Moves the bytes of a string to *end, which goes on behind them. */
static void take_string(struct str *s, char **end)
{
    if (s->len)
        memcpy(*end, s->data, s->len);
    s->data = *end;
    *end += s->len;
}

static size_t string_bytes(const struct directory_account *template)
{
    struct directory_account account = *template;
    struct directory_deployment deployment;
    struct str *strings[ACCOUNT_STRINGS];
    size_t bytes = 0, i, k;

    account_strings(&account, strings);
    for (i = 0; i < ACCOUNT_STRINGS; i++)
        bytes += strings[i]->len;
    for (k = 0; k < account.deployment_count; k++) {
        deployment = account.deployments[k];
        deployment_strings(&deployment, strings);
        for (i = 0; i < DEPLOYMENT_STRINGS; i++)
            bytes += strings[i]->len;
    }
    return bytes;
}

static void copy_strings(struct directory_account *account, char *end)
{
    struct str *strings[ACCOUNT_STRINGS];
    size_t i, k;

    account_strings(account, strings);
    for (i = 0; i < ACCOUNT_STRINGS; i++)
        take_string(strings[i], &end);
    for (k = 0; k < account->deployment_count; k++) {
        deployment_strings(&account->deployments[k], strings);
        for (i = 0; i < DEPLOYMENT_STRINGS; i++)
            take_string(strings[i], &end);
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

static void counters_unref(struct deployment_counters *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

/* Those of the deployment of that key in `previous`, or new ones. */
static struct deployment_counters *counters_for(struct str key,
                                                const struct directory_entry *previous)
{
    size_t i;

    for (i = 0; previous && i < previous->account.deployment_count; i++) {
        const struct directory_deployment *d = &previous->account.deployments[i];

        if (str_equal(d->key, key)) {
            atomic_fetch_add_explicit(&d->counters->refs, 1, memory_order_relaxed);
            return d->counters;
        }
    }
    return counters_new();
}

/* -- Entries --------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct directory_deployment *left = a, *right = b;

    return str_compare_nocase(left->name, right->name);
}

struct directory_entry *directory_entry_new(const struct directory_account *template,
                                            struct catalog *catalog,
                                            const struct directory_entry *previous)
{
    size_t size = template->deployment_count * sizeof(*template->deployments), i;
    struct directory_entry *e = memory_alloc(sizeof(*e) + size + string_bytes(template));
    struct directory_account *a = &e->account;

    *a = *template;
    a->deployments = (struct directory_deployment *)(e + 1);
    if (size)
        memcpy(a->deployments, template->deployments, size);
    copy_strings(a, (char *)(e + 1) + size);
    if (a->deployment_count)
        qsort(a->deployments, a->deployment_count, sizeof(*a->deployments), by_name);
    for (i = 0; i < a->deployment_count; i++)
        a->deployments[i].counters = counters_for(a->deployments[i].key, previous);
    e->catalog = catalog_ref(catalog);
    atomic_init(&e->refs, 1);
    return e;
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
    size_t i;

    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (i = 0; i < e->account.deployment_count; i++)
        counters_unref(e->account.deployments[i].counters);
    catalog_unref(e->catalog);
    free(e);
}
