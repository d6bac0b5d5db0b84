/*
 * Usages: what is in use of each quota in a location, or what the deployments of one account take of
 * it. One entry for each usage name of the catalog, and for a location those of accounts; with
 * $filter=name.value eq 'A' or name.value eq 'B', these.
 * SPDX-License-Identifier: MIT
 */
#include "arm/filter.h"
#include "arm/location.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "model/quota.h"

/* "name.value eq ''" in the query: the shortest term. */
#define TERM_BYTES_MIN 16

/* What is shown; no name: everything. */
struct wanted {
    struct str *names;
    size_t count;
};

static bool read_filter(struct arm_call *c, struct wanted *w, struct error *err)
{
    struct arm_filter_terms terms;
    struct arm_filter_term term;

    arm_filter_begin(c, &terms);
    terms.joint = STR("or");
    w->names = ARENA_ARRAY(c->arena, struct str, terms.rest.len / TERM_BYTES_MIN + 1);
    w->count = 0;
    while (arm_filter_next(&terms, &term)) {
        terms.is_wrong = !term.is_quoted || !arm_filter_is(&term, "name.value", false);
        if (!terms.is_wrong)
            w->names[w->count++] = term.value;
    }
    if (!terms.is_wrong)
        return true;
    return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may compare name.value "
                            "by 'eq', joined by 'or'.");
}

static bool is_wanted(const struct wanted *w, struct str name)
{
    for (size_t i = 0; i < w->count; i++) {
        if (str_equal_nocase(w->names[i], name))
            return true;
    }
    return !w->count;
}

static void append(const struct arm_call *c, const struct wanted *w, yyjson_mut_doc *doc,
                   yyjson_mut_val *list, const struct arm_quota_place *place,
                   const struct catalog_usage *u, uint64_t used)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc), *names = yyjson_mut_obj(doc);
    uint64_t limit = quota_limit(c->arm->catalog, u, place->subscription, place->location);

    if (!is_wanted(w, str_from(u->name)))
        return;
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
    const struct catalog *catalog = c->arm->catalog;
    struct arm_documents found;

    if (!arm_resource_read_below(c, &arm_deployment_type, account, &found, err))
        return false;
    for (size_t i = 0; i < found.count; i++) {
        const struct catalog_sku *s = arm_quota_sku(catalog, found.bodies[i]);

        if (s)
            used[s->usage - catalog->usages] +=
                yyjson_get_uint(json_at(found.bodies[i], "sku.capacity"));
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
    struct wanted wanted;
    yyjson_val *body;

    if (!read_filter(c, &wanted, err) || !arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    body = arm_resource_body(c->arena, &r, err);
    if (!body || !add_up(c, r.key, used, err))
        return false;
    place = arm_quota_place(c, c->names[0], json_str(json_at(body, "location")));
    for (unsigned i = 0; i < catalog->usage_count; i++)
        append(c, &wanted, doc, list, &place, &catalog->usages[i], used[i]);
    arm_reply_list(c, doc, list);
    return true;
}

static bool list_of_location(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    struct arm_quota_place place = arm_quota_place(c, c->names[0], c->names[1]);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct wanted wanted;
    uint64_t used;

    if (!read_filter(c, &wanted, err) || !arm_location_check(c, c->names[1], c->type->name, err) ||
        !arm_quota_used(c, &place, quota_accounts.name, &used, err))
        return false;
    append(c, &wanted, doc, list, &place, &quota_accounts, used);
    append(c, &wanted, doc, list, &place, &quota_s0_accounts, used);
    for (unsigned i = 0; i < catalog->usage_count; i++) {
        if (!arm_quota_used(c, &place, catalog->usages[i].name, &used, err))
            return false;
        append(c, &wanted, doc, list, &place, &catalog->usages[i], used);
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
