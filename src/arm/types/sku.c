/*
 * SKUs of accounts: the lists, and whether one is to be had. There is one, S0.
 * SPDX-License-Identifier: MIT
 */
#include "arm/document.h"
#include "arm/location.h"
#include "arm/resource.h"
#include "arm/types/account.h"

static bool list_of_account(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_mut_val *item = yyjson_mut_obj(doc), *sku = yyjson_mut_obj(doc);
    struct store_resource r;

    if (!arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    json_set_str(doc, item, "resourceType", str_from(arm_account_type.name));
    json_set_str(doc, sku, "name", STR(ACCOUNT_SKU));
    json_set_str(doc, sku, "tier", STR(ACCOUNT_SKU_TIER));
    json_set(doc, item, "sku", sku);
    yyjson_mut_arr_append(list, item);
    arm_reply_list(c, doc, list);
    return true;
}

static struct str upper(struct arena *a, struct str s)
{
    char *text = arena_text(a, s);

    for (size_t i = 0; i < s.len; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
    }
    return str_of(text, s.len);
}

/* Clients filter by kind and by location in capitals. */
static bool list_of_subscription(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    struct str kinds = STR(ACCOUNT_KINDS), kind;

    (void)err;
    while (str_split(&kinds, '|', &kind)) {
        for (unsigned i = 0; i < catalog->location_count; i++) {
            yyjson_mut_val *item = yyjson_mut_obj(doc), *locations = yyjson_mut_arr(doc);
            struct str name = upper(c->arena, str_from(catalog->locations[i].name));

            json_set_str(doc, item, "resourceType", STR("accounts"));
            json_set_str(doc, item, "name", STR(ACCOUNT_SKU));
            json_set_str(doc, item, "tier", STR(ACCOUNT_SKU_TIER));
            json_set_str(doc, item, "kind", kind);
            yyjson_mut_arr_add_strncpy(doc, locations, name.data, name.len);
            json_set(doc, item, "locations", locations);
            json_set(doc, item, "restrictions", yyjson_mut_arr(doc));
            yyjson_mut_arr_append(list, item);
        }
    }
    arm_reply_list(c, doc, list);
    return true;
}

static bool is_kind(struct str kind)
{
    struct str kinds = STR(ACCOUNT_KINDS), known;

    while (str_split(&kinds, '|', &known)) {
        if (str_equal_nocase(kind, known))
            return true;
    }
    return false;
}

static yyjson_mut_val *render_availability(yyjson_mut_doc *doc, struct str kind, struct str type,
                                           struct str sku)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);
    bool is_available = is_kind(kind) && str_equal_nocase(sku, STR(ACCOUNT_SKU));

    json_set_str(doc, item, "kind", kind);
    json_set_str(doc, item, "type", type);
    json_set_str(doc, item, "skuName", sku);
    json_set_bool(doc, item, "skuAvailable", is_available);
    if (!is_available) {
        json_set_str(doc, item, "reason", STR("NotAvailableForSubscription"));
        json_set_str(doc, item, "message",
                     STR("The account type and SKU are not available in this installation."));
    }
    return item;
}

/* {"skus":["S0"],"kind","type"} */
static bool check_availability(struct arm_call *c, struct error *err)
{
    yyjson_val *body = arm_read_body(c, false, err), *skus = arm_document_at(body, "skus"), *sku;
    struct str kind = json_str(arm_document_at(body, "kind"));
    struct str type = json_str(arm_document_at(body, "type"));
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    size_t i, count;

    if (!body || !arm_location_check(c, c->names[1], arm_account_type.name, err))
        return false;
    if (!yyjson_is_arr(skus) || str_is_empty(kind) || str_is_empty(type))
        return error_set(err, ERROR_ARM_BODY,
                         "The request content was invalid and could not be deserialized: 'skus', "
                         "'kind' and 'type' are required.");
    yyjson_arr_foreach(skus, i, count, sku)
    {
        if (!yyjson_is_str(sku))
            return error_set_target(err, ERROR_ARM_BODY, "skus",
                                    "The request content was invalid and could not be "
                                    "deserialized: 'skus' must be an array of strings.");
        yyjson_mut_arr_append(list, render_availability(doc, kind, type, json_str(sku)));
    }
    arm_reply_list(c, doc, list);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, ACCOUNT_PATH "/skus", list_of_account },
    { HTTP_GET, COGNITIVE_PATH "/skus", list_of_subscription },
    { HTTP_POST, COGNITIVE_PATH "/locations/{}/checkSkuAvailability", check_availability },
};

const struct arm_type arm_sku_type = {
    .name = "Microsoft.CognitiveServices/skus",
    .provider = &arm_cognitive_services,
    .path = COGNITIVE_PATH "/skus/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
