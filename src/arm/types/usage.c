/*
 * Usages: what is in use of each quota in a location, or what the deployments of one account take of
 * it. One entry for each usage name of the catalog, and for a location those of accounts.
 * SPDX-License-Identifier: MIT
 */
#include "arm/location.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "model/quota.h"

static void append(const struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list,
                   const struct arm_quota_place *place, const struct catalog_usage *u,
                   uint64_t used)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc), *names = yyjson_mut_obj(doc);
    uint64_t limit = quota_limit(c->arm->catalog, u, place->subscription, place->location);

    json_set_str(doc, names, "value", str_from(u->name));
    json_set_str(doc, names, "localizedValue", str_from(u->text));
    json_set(doc, item, "name", names);
    json_set_int(doc, item, "currentValue", (int64_t)used);
    json_set_int(doc, item, "limit", (int64_t)limit);
    json_set_str(doc, item, "unit", STR("Count"));
    yyjson_mut_arr_append(list, item);
}

/* What the deployments of `account` take: an entry for each usage of the catalog. */
static bool add_up(struct arm_call *c, struct str account, uint64_t *used, struct error *err)
{
    struct store_query query = {
        .parent = account,
        .type = arena_lower(c->arena, str_from(arm_deployment_type.name)),
    };
    const struct catalog *catalog = c->arm->catalog;
    struct store_resource *found;
    size_t count;

    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        yyjson_val *body = arm_resource_body(c->arena, &found[i], err);
        const struct catalog_sku *s;

        if (!body)
            return false;
        s = arm_quota_sku(catalog, body);
        if (s)
            used[s->usage - catalog->usages] += yyjson_get_uint(json_at(body, "sku.capacity"));
    }
    return true;
}

static bool list_of_account(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    uint64_t *used = ARENA_ARRAY(c->arena, uint64_t, catalog->usage_count);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct arm_quota_place place;
    struct store_resource r;
    yyjson_val *body;

    if (!arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    body = arm_resource_body(c->arena, &r, err);
    if (!body || !add_up(c, r.key, used, err))
        return false;
    place = arm_quota_place(c, c->names[0], json_str(json_at(body, "location")));
    for (unsigned i = 0; i < catalog->usage_count; i++)
        append(c, doc, list, &place, &catalog->usages[i], used[i]);
    arm_reply_list(c, doc, list);
    return true;
}

static bool list_of_location(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    struct arm_quota_place place = arm_quota_place(c, c->names[0], c->names[1]);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    uint64_t used;

    if (!arm_location_check(c, c->names[1], c->type->name, err) ||
        !arm_quota_used(c, &place, quota_accounts.name, &used, err))
        return false;
    append(c, doc, list, &place, &quota_accounts, used);
    append(c, doc, list, &place, &quota_s0_accounts, used);
    for (unsigned i = 0; i < catalog->usage_count; i++) {
        if (!arm_quota_used(c, &place, catalog->usages[i].name, &used, err))
            return false;
        append(c, doc, list, &place, &catalog->usages[i], used);
    }
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
