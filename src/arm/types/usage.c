/*
 * Usages: what the deployments of a subscription take in a location, or those of one account. One
 * entry for each SKU of a model, by its usage name; those of the provisioned SKUs are shared by all
 * models. There are no quotas yet: the limit is the most that the catalog lets one deployment have.
 * A location has an entry for the number of its accounts besides, with Azure's limit, which is shown
 * and not enforced.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>

#include "arm/location.h"
#include "arm/resource.h"
#include "arm/types/deployment.h"

#define ACCOUNTS_MAX 200

/* One usage name. */
struct usage {
    const struct catalog_model *model; /* the first that has it */
    const struct catalog_sku *sku;
    uint64_t used;
    uint64_t limit;
};

struct usages {
    struct usage *items;
    size_t count;
};

/* Usage names of all models, each once, in the catalog's order. */
static void collect(struct arm_call *c, struct usages *u)
{
    const struct catalog *catalog = c->arm->catalog;
    size_t max = 0;

    for (unsigned i = 0; i < catalog->model_count; i++)
        max += catalog->models[i].sku_count;
    u->items = ARENA_ARRAY(c->arena, struct usage, max);
    u->count = 0;
    for (unsigned i = 0; i < catalog->model_count; i++) {
        const struct catalog_model *m = &catalog->models[i];

        for (unsigned n = 0; n < m->sku_count; n++) {
            size_t at = 0;

            while (at < u->count &&
                   strcmp(u->items[at].sku->usage_name, m->skus[n].usage_name) != 0)
                at++;
            if (at == u->count)
                u->items[u->count++] = (struct usage){ .model = m, .sku = &m->skus[n] };
            if (u->items[at].limit < m->skus[n].capacity_maximum)
                u->items[at].limit = m->skus[n].capacity_maximum;
        }
    }
}

static void add_deployment(const struct arm_call *c, struct usages *u, yyjson_val *body)
{
    struct deployment_facts f;

    deployment_read(c->arm->catalog, body, c->now_ms, &f);
    if (!f.sku)
        return;
    for (size_t i = 0; i < u->count; i++) {
        if (!strcmp(u->items[i].sku->usage_name, f.sku->usage_name)) {
            u->items[i].used += f.capacity;
            return;
        }
    }
}

/* Adds the deployments below `account`. */
static bool add_account(struct arm_call *c, struct usages *u, struct str account, struct error *err)
{
    struct store_query query = {
        .parent = account,
        .type = arena_lower(c->arena, str_from(arm_deployment_type.name)),
    };
    struct arm_documents all;

    if (!arm_resource_read_all(c->txn, c->arena, &query, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++)
        add_deployment(c, u, all.bodies[i]);
    return true;
}

static void append(yyjson_mut_doc *doc, yyjson_mut_val *list, struct str name, struct str text,
                   uint64_t used, uint64_t limit)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc), *names = yyjson_mut_obj(doc);

    json_set_str(doc, names, "value", name);
    json_set_str(doc, names, "localizedValue", text);
    json_set(doc, item, "name", names);
    json_set_int(doc, item, "currentValue", (int64_t)used);
    json_set_int(doc, item, "limit", (int64_t)limit);
    json_set_str(doc, item, "unit", STR("Count"));
    yyjson_mut_arr_append(list, item);
}

/* How many of a word's letters are capitals. */
static size_t capitals_of(struct str word)
{
    bool is_size = word.len > 1 && word.data[word.len - 1] == 'k' &&
                   isdigit((unsigned char)word.data[word.len - 2]);

    if (str_equal(word, STR("gpt")) || is_size)
        return word.len;
    return word.len > 1 && word.data[0] == 'o' && isdigit((unsigned char)word.data[1]) ? 0 : 1;
}

/* "GPT-35-Turbo-16K" for "gpt-35-turbo-16k", as Azure writes the models of its quotas; "o3-Mini". */
static const char *title_of(struct arena *a, const char *model)
{
    struct str rest = str_from(model), word;
    char *title = arena_text(a, rest), *letters;

    while (str_split(&rest, '-', &word)) {
        letters = title + (word.data - model);
        for (size_t i = 0; i < capitals_of(word) && i < word.len; i++)
            letters[i] = (char)toupper((unsigned char)letters[i]);
    }
    return title;
}

static void append_all(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list,
                       const struct usages *u)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct usage *item = &u->items[i];
        bool is_provisioned = sku_family(str_from(item->sku->name)) == SKU_PROVISIONED;
        struct str text =
            is_provisioned
                ? arena_printf(c->arena, "Provisioned Managed Throughput Unit - %s",
                               item->sku->name)
                : arena_printf(c->arena, "Tokens Per Minute (thousands) - %s%s%s",
                               title_of(c->arena, item->model->name),
                               strcmp(item->sku->name, "Standard") != 0 ? " - " : "",
                               strcmp(item->sku->name, "Standard") != 0 ? item->sku->name : "");

        append(doc, list, str_from(item->sku->usage_name), text, item->used, item->limit);
    }
}

static bool list_of_account(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct store_resource r;
    struct usages u;

    if (!arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    collect(c, &u);
    if (!add_account(c, &u, r.key, err))
        return false;
    append_all(c, doc, list, &u);
    arm_reply_list(c, doc, list);
    return true;
}

static bool list_of_location(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct arm_documents accounts;
    uint64_t here = 0;
    struct usages u;

    if (!arm_location_check(c, c->names[1], c->type->name, err) ||
        !arm_resource_read_subscription(c, &arm_account_type, c->names[0], &accounts, err))
        return false;
    collect(c, &u);
    for (size_t i = 0; i < accounts.count; i++) {
        struct str location = json_str(json_at(accounts.bodies[i], "location"));

        if (!arm_location_is_same(c, location, c->names[1]))
            continue;
        here++;
        if (!add_account(c, &u, accounts.items[i].key, err))
            return false;
    }
    append(doc, list, STR("AccountCount"), STR("Maximum Resources per Region"), here, ACCOUNTS_MAX);
    append_all(c, doc, list, &u);
    arm_reply_list(c, doc, list);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, ACCOUNT_PATH "/usages", list_of_account },
    { HTTP_GET, COGNITIVE_PATH "/locations/{}/usages", list_of_location },
};

const struct arm_type arm_usage_type = {
    .name = "Microsoft.CognitiveServices/locations/usages",
    .provider = &arm_cognitive_services,
    .path = COGNITIVE_PATH "/locations/{}/usages/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
