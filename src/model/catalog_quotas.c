/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <uthash.h>

#include "model/catalog_build.h"
#include "model/quota.h"

/* -- Usages ----------------------------------------------------------------------------------- */

/* Finds the usage of a name while the catalog is built. */
struct known {
    struct catalog_usage *usage;
    UT_hash_handle hh;
};

static struct known *find_or_add(struct catalog_builder *b, struct arena *scratch,
                                 struct known **all, const struct catalog_model *m,
                                 const struct catalog_sku *s)
{
    struct known *k;

    HASH_FIND_STR(*all, s->usage_name, k);
    if (k)
        return k;
    k = ARENA_NEW(scratch, struct known);
    k->usage = &b->out->usages[b->out->usage_count++];
    k->usage->name = s->usage_name;
    k->usage->text = quota_text(b->arena, m, s);
    HASH_ADD_KEYPTR(hh, *all, k->usage->name, strlen(k->usage->name), k);
    return k;
}

bool catalog_build_usages(struct catalog_builder *b)
{
    struct arena *scratch = arena_new(NULL);
    struct known *all = NULL;
    size_t max = 0;

    for (unsigned i = 0; i < b->out->model_count; i++)
        max += b->out->models[i].sku_count;
    b->out->usages = ARENA_ARRAY(b->arena, struct catalog_usage, max);
    for (unsigned i = 0; i < b->out->model_count; i++) {
        const struct catalog_model *m = &b->out->models[i];

        for (unsigned n = 0; n < m->sku_count; n++) {
            struct catalog_usage *u = find_or_add(b, scratch, &all, m, &m->skus[n])->usage;

            m->skus[n].usage = u;
            if (u->most < m->skus[n].capacity_maximum)
                u->most = m->skus[n].capacity_maximum;
        }
    }
    HASH_CLEAR(hh, all);
    arena_free(scratch);
    return true;
}

/* -- Quotas ----------------------------------------------------------------------------------- */

static bool fail(struct catalog_builder *b, unsigned i, const char *field, const char *format, ...)
    PRINTF_LIKE(4, 5);

static bool fail(struct catalog_builder *b, unsigned i, const char *field, const char *format, ...)
{
    char path[YAML_PATH_MAX], text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "quotas[%u]%s", i, field);
    return yaml_file_error(b->source, b->err, path, "%s", text);
}

/* The file's own come first. Only they must mean something here: one of the built-in catalog may be
 * for what the file has given another name. */
static bool is_of_file(const struct catalog_builder *b, unsigned i)
{
    char path[YAML_PATH_MAX];

    snprintf(path, sizeof(path), "quotas[%u]", i);
    return yaml_file_has(b->source, path);
}

static bool is_some_location(const struct catalog *c, const char *pattern)
{
    for (unsigned i = 0; i < c->location_count; i++) {
        if (catalog_matches(pattern, str_from(c->locations[i].name)))
            return true;
    }
    return false;
}

static bool is_some_usage(const struct catalog *c, const char *pattern)
{
    for (unsigned i = 0; i < c->usage_count; i++) {
        if (catalog_matches(pattern, str_from(c->usages[i].name)))
            return true;
    }
    return catalog_matches(pattern, str_from(quota_accounts.name)) ||
           catalog_matches(pattern, str_from(quota_s0_accounts.name));
}

static bool read_quota(struct catalog_builder *b, unsigned i, struct catalog_quota *out)
{
    const struct file_quota *in = &b->in->quotas[i];

    if (!in->usage)
        return fail(b, i, "", "the usage is missing");
    if (!in->limit)
        return fail(b, i, "", "the limit is missing");
    out->usage = catalog_copy(b, in->usage);
    out->location = catalog_copy(b, in->location ? in->location : "*");
    out->subscription = catalog_copy(b, in->subscription ? in->subscription : "*");
    out->limit = *in->limit;
    if (!is_of_file(b, i))
        return true;
    if (!is_some_location(b->out, out->location))
        return fail(b, i, ".location", "there is no location '%s'", out->location);
    if (!is_some_usage(b->out, out->usage))
        return fail(b, i, ".usage", "no model's usage is called '%s'", out->usage);
    return true;
}

bool catalog_build_quotas(struct catalog_builder *b)
{
    b->out->quotas = ARENA_ARRAY(b->arena, struct catalog_quota, b->in->quotas_count);
    b->out->quota_count = b->in->quotas_count;
    for (unsigned i = 0; i < b->in->quotas_count; i++) {
        if (!read_quota(b, i, &b->out->quotas[i]))
            return false;
    }
    return true;
}
