/*
 * Subscriptions, the tenant, and the locations of a subscription. A subscription is made by the
 * program itself at start, never by a client.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"

static const struct arm_field fields[] = {
    { "displayName", ARM_FIELD_TEXT, NULL },
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
};

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *policies = yyjson_mut_obj(doc);

    (void)body;
    yyjson_mut_obj_remove_key(shown, "name");
    yyjson_mut_obj_remove_key(shown, "type");
    json_set_str(doc, shown, "subscriptionId", arm_id_name(r->id));
    json_set_str(doc, shown, "tenantId", str_from(c->arm->tenant_id));
    json_set_str(doc, shown, "state", STR("Enabled"));
    json_set_str(doc, policies, "locationPlacementId", STR("Public_2014-09-01"));
    json_set_str(doc, policies, "quotaId", STR("PayAsYouGo_2014-09-01"));
    json_set_str(doc, policies, "spendingLimit", STR("Off"));
    json_set(doc, shown, "subscriptionPolicies", policies);
    json_set_str(doc, shown, "authorizationSource", STR("RoleBased"));
    json_set(doc, shown, "managedByTenants", yyjson_mut_arr(doc));
}

static bool put(struct arm_call *c, struct error *err)
{
    if (!c->request->is_internal)
        return error_set(err, ERROR_ARM_METHOD,
                         "The requested resource does not support http method 'PUT'.");
    return arm_resource_put(c, err);
}

static bool list_tenants(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_mut_val *tenant = yyjson_mut_obj(doc);
    struct str id = str_from(c->arm->tenant_id);

    (void)err;
    json_set_str(doc, tenant, "id", arena_printf(c->arena, "/tenants/%.*s", STR_ARGS(id)));
    json_set_str(doc, tenant, "tenantId", id);
    json_set_str(doc, tenant, "displayName", STR("lazuli"));
    json_set_str(doc, tenant, "tenantCategory", STR("Home"));
    json_set(doc, tenant, "domains", yyjson_mut_arr(doc));
    yyjson_mut_arr_append(list, tenant);
    arm_reply_list(c, doc, list);
    return true;
}

static bool list_locations(struct arm_call *c, struct error *err)
{
    const struct catalog *catalog = c->arm->catalog;
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    (void)err;
    for (unsigned i = 0; i < catalog->location_count; i++) {
        yyjson_mut_val *item = yyjson_mut_obj(doc), *metadata = yyjson_mut_obj(doc);
        struct str name = str_from(catalog->locations[i].name);
        struct str display_name = str_from(catalog->locations[i].display_name);

        json_set_str(doc, item, "id",
                     arena_printf(c->arena, "/subscriptions/%.*s/locations/%.*s",
                                  STR_ARGS(c->names[0]), STR_ARGS(name)));
        json_set_str(doc, item, "name", name);
        json_set_str(doc, item, "type", STR("Region"));
        json_set_str(doc, item, "displayName", display_name);
        json_set_str(doc, item, "regionalDisplayName", display_name);
        json_set_str(doc, metadata, "regionType", STR("Physical"));
        json_set_str(doc, metadata, "regionCategory", STR("Other"));
        json_set(doc, item, "metadata", metadata);
        yyjson_mut_arr_append(list, item);
    }
    arm_reply_list(c, doc, list);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions", arm_resource_list },
    { HTTP_GET, "/subscriptions/{}", arm_resource_get },
    { HTTP_PUT, "/subscriptions/{}", put },
    { HTTP_GET, "/subscriptions/{}/locations", list_locations },
    { HTTP_GET, "/tenants", list_tenants },
};

const struct arm_type arm_subscription_type = {
    .name = "Microsoft.Resources/subscriptions",
    .provider = &arm_resources,
    .path = "/subscriptions/{}",
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .render = render,
};
