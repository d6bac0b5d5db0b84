/* SPDX-License-Identifier: MIT */
#include "model/catalog.h"

#include <fnmatch.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/catalog_build.h"

/* What is counted: the catalog that others see, and its memory. */
struct counted_catalog {
    struct catalog catalog;
    struct arena *arena;
    atomic_uint refs;
};

/* The embedded file; see embed() in CMakeLists.txt. */
extern const unsigned char catalog_default_yaml[], catalog_default_yaml_end[];

struct str catalog_default_text(void)
{
    return str_of((const char *)catalog_default_yaml,
                  (size_t)(catalog_default_yaml_end - catalog_default_yaml));
}

const char *catalog_copy(struct catalog_builder *b, const char *text)
{
    return text ? arena_text(b->arena, str_from(text)) : NULL;
}

/* -- Reading ---------------------------------------------------------------------------------- */

static struct catalog *build(const struct catalog_file *in, const struct yaml_file *source,
                             const char *folder, struct error *err)
{
    struct counted_catalog *c = memory_alloc(sizeof(*c));
    struct catalog_builder b = {
        .in = in, .source = source, .out = &c->catalog, .folder = folder, .err = err
    };

    atomic_init(&c->refs, 1);
    c->arena = b.arena = arena_new(NULL);
    if (catalog_build_engines(&b) && catalog_build_overrides(&b) && catalog_build_models(&b) &&
        catalog_build_usages(&b) && catalog_build_locations(&b) && catalog_build_quotas(&b))
        return &c->catalog;
    catalog_unref(&c->catalog);
    return NULL;
}

/* Without `extends` a file still has the default locations where it names none of its own. */
static bool lay_over_default(struct yaml_file *base, struct yaml_file *f, struct error *err)
{
    struct catalog_file *in = yaml_file_data(f), *all = yaml_file_data(base);

    if (in->extends && strcmp(in->extends, "default") != 0)
        return yaml_file_error(f, err, "extends", "only 'default' can be extended");
    if (in->extends)
        catalog_file_merge(all, in);
    else if (!in->locations_count)
        catalog_file_take_locations(in, all);
    return true;
}

static struct catalog *parse(struct str text, const char *name, const char *folder,
                             struct error *err)
{
    struct yaml_file *f = yaml_file_parse(text, name, &catalog_file_schema, err);
    struct yaml_file *base = NULL;
    struct catalog *c = NULL;
    struct catalog_file *in;

    if (!f)
        return NULL;
    base =
        yaml_file_parse(catalog_default_text(), "catalog_default.yaml", &catalog_file_schema, err);
    if (base && lay_over_default(base, f, err)) {
        in = yaml_file_data(f);
        c = build(in->extends ? yaml_file_data(base) : in, f, folder, err);
    }
    yaml_file_free(base);
    yaml_file_free(f);
    return c;
}

struct catalog *catalog_parse(struct str text, const char *name, struct error *err)
{
    return parse(text, name, NULL, err);
}

struct catalog *catalog_load(const char *file, struct error *err)
{
    struct catalog *c;
    size_t len;
    char *text = yaml_file_read(file, &len, err), *copy;

    if (!text)
        return NULL;
    copy = memory_dup_text(file);
    c = parse(str_of(text, len), file, dirname(copy), err);
    free(copy);
    free(text);
    return c;
}

struct catalog *catalog_ref(struct catalog *c)
{
    struct counted_catalog *counted = CONTAINER_OF(c, struct counted_catalog, catalog);

    atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return c;
}

void catalog_unref(struct catalog *c)
{
    struct counted_catalog *counted;

    if (!c)
        return;
    counted = CONTAINER_OF(c, struct counted_catalog, catalog);
    if (atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) > 1)
        return;
    arena_free(counted->arena);
    free(counted);
}

/* -- Looking up ------------------------------------------------------------------------------- */

const struct catalog_model *catalog_find_model(const struct catalog *c, struct str format,
                                               struct str name, struct str version)
{
    unsigned i;

    for (i = 0; i < c->model_count; i++) {
        const struct catalog_model *m = &c->models[i];

        if (!str_equal_nocase(str_from(m->name), name) ||
            (format.len && !str_equal_nocase(str_from(m->format), format)))
            continue;
        if (version.len ? str_equal_nocase(str_from(m->version), version) : m->is_default_version)
            return m;
    }
    return NULL;
}

const struct catalog_sku *catalog_find_sku(const struct catalog_model *m, struct str name)
{
    unsigned i;

    for (i = 0; i < m->sku_count; i++) {
        if (str_equal_nocase(str_from(m->skus[i].name), name))
            return &m->skus[i];
    }
    return NULL;
}

const struct catalog_engine *catalog_find_engine(const struct catalog *c, struct str name)
{
    unsigned i;

    for (i = 0; i < c->engine_count; i++) {
        if (str_equal_nocase(str_from(c->engines[i].name), name))
            return &c->engines[i];
    }
    return NULL;
}

/* As `name` stands in the catalog: lower case, without blanks. */
static bool is_location(const char *name, struct str given)
{
    size_t i;

    for (i = 0; i < given.len; i++) {
        char c = given.data[i];

        if (c == ' ')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!*name || c != *name++)
            return false;
    }
    return given.len && !*name;
}

const struct catalog_location *catalog_find_location(const struct catalog *c, struct str name)
{
    unsigned i;

    for (i = 0; i < c->location_count; i++) {
        if (is_location(c->locations[i].name, name))
            return &c->locations[i];
    }
    return NULL;
}

bool catalog_matches(const char *pattern, struct str name)
{
    char text[128]; /* ARM's names are at most 90 characters long */

    if (name.len >= sizeof(text))
        return false;
    memcpy(text, name.data ? name.data : "", name.len);
    text[name.len] = '\0';
    return fnmatch(pattern, text, FNM_CASEFOLD) == 0;
}

const struct catalog_engine *catalog_engine_for(const struct catalog *c,
                                                const struct catalog_model *m, struct str account,
                                                struct str deployment)
{
    unsigned i;

    for (i = 0; i < c->override_count; i++) {
        if (catalog_matches(c->overrides[i].account, account) &&
            catalog_matches(c->overrides[i].deployment, deployment))
            return c->overrides[i].engine;
    }
    return m->engine;
}
