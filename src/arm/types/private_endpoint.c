/*
 * Private endpoint connections of an account, with their states of approval, and what an endpoint
 * may connect to. No private network leads here: which clients count as coming by one, where a
 * connection is approved, the setting private_networks says.
 * SPDX-License-Identifier: MIT
 */
#include "arm/document.h"
#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/private_endpoint.h"

#define STATUS "properties.privateLinkServiceConnectionState.status"
#define PATH ACCOUNT_PATH "/privateEndpointConnections"

static const struct arm_field fields[] = {
    { "location", ARM_FIELD_TEXT, NULL },
    { "properties.privateEndpoint.id", ARM_FIELD_TEXT, NULL },
    { STATUS, ARM_FIELD_TEXT, "Pending|Approved|Rejected|Disconnected" },
    { "properties.privateLinkServiceConnectionState.description", ARM_FIELD_TEXT, NULL },
    { "properties.privateLinkServiceConnectionState.actionsRequired", ARM_FIELD_TEXT, NULL },
    { "properties.groupIds", ARM_FIELD_TEXT_LIST, NULL },
};

/* What the one who approves leaves out stays; where there was nothing, it is as Azure has it. */
static void complete(struct arm_change *change, yyjson_mut_val *properties)
{
    static const char *const kept[] = { "privateEndpoint", "groupIds" };
    yyjson_val *old = yyjson_obj_get(change->old, "properties");
    yyjson_mut_val *state =
        json_set_object(change->doc, properties, "privateLinkServiceConnectionState");
    yyjson_mut_val *groups;

    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (!yyjson_mut_obj_get(properties, kept[i]) && yyjson_obj_get(old, kept[i]))
            json_set(change->doc, properties, kept[i],
                     yyjson_val_mut_copy(change->doc, yyjson_obj_get(old, kept[i])));
    }
    if (!yyjson_mut_obj_get(properties, "groupIds")) {
        groups = yyjson_mut_arr(change->doc);
        yyjson_mut_arr_add_str(change->doc, groups, "account");
        json_set(change->doc, properties, "groupIds", groups);
    }
    if (!yyjson_mut_obj_get(state, "description"))
        json_set_str(change->doc, state, "description", STR(""));
    if (!yyjson_mut_obj_get(state, "actionsRequired"))
        json_set_str(change->doc, state, "actionsRequired", STR("None"));
}

static bool check(struct arm_change *change, struct error *err)
{
    static const char path[] = STATUS;
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    struct str status = json_mut_str(json_mut_at(change->root, path));
    struct str before = json_str(json_at(change->old, path));

    if (str_is_empty(status))
        return error_set_target(err, ERROR_ARM_BODY, path,
                                "The request content was invalid and could not be deserialized: "
                                "'%s' is required.",
                                path);
    if (str_equal(before, STR("Disconnected")) && !str_equal(status, before))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                "The private endpoint connection '%.*s' is disconnected: it can "
                                "only be deleted.",
                                STR_ARGS(arm_id_name(change->after.id)));
    complete(change, properties);
    return true;
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    (void)c;
    (void)r;
    (void)body;
    json_set_str(doc, json_set_object(doc, shown, "properties"), "provisioningState",
                 STR("Succeeded"));
}

/* Azure answers 200 also to the first one, which its network provider makes. */
static bool put(struct arm_call *c, struct error *err)
{
    if (!arm_resource_put(c, err))
        return false;
    c->reply.status = 200;
    return true;
}

static bool on_written(struct arm_change *change, struct error *err)
{
    (void)err;
    arm_publish_account(change->call, change->after.parent);
    return true;
}

static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    (void)err;
    arm_publish_account(c, r->parent);
    return true;
}

/* The account's connections. */
static bool read_all(struct store_txn *t, struct arena *arena, struct str account_key,
                     struct arm_documents *all, struct error *err)
{
    struct store_query query = {
        .parent = account_key,
        .type = arena_lower(arena, str_from(arm_private_endpoint_type.name)),
    };

    return arm_resource_read_all(t, arena, &query, all, err);
}

bool private_endpoint_find_approved(struct store_txn *t, struct arena *arena,
                                    struct str account_key, bool *is_approved, struct error *err)
{
    struct arm_documents all;

    *is_approved = false;
    if (!read_all(t, arena, account_key, &all, err))
        return false;
    for (size_t i = 0; i < all.count && !*is_approved; i++)
        *is_approved = str_equal_nocase(json_str(json_at(all.bodies[i], STATUS)), STR("Approved"));
    return true;
}

bool private_endpoint_render_all(struct arm_call *c, const struct store_resource *account,
                                 yyjson_mut_doc *doc, yyjson_mut_val *list, struct error *err)
{
    struct arm_documents all;
    yyjson_mut_val *shown;

    if (!read_all(c->txn, c->arena, account->key, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        shown = arm_resource_render(c, &arm_private_endpoint_type, &all.items[i], doc, err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(list, shown);
    }
    return true;
}

static bool list_link_resources(struct arm_call *c, struct error *err)
{
    static const char *const zones[] = { "privatelink.cognitiveservices.azure.com",
                                         "privatelink.openai.azure.com" };
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *list = yyjson_mut_arr(doc), *item = yyjson_mut_obj(doc);
    yyjson_mut_val *properties = yyjson_mut_obj(doc), *members = yyjson_mut_arr(doc);
    struct store_resource r;

    if (!arm_resource_find(c, &arm_account_type, &r, err))
        return false;
    json_set_str(doc, item, "id",
                 arena_printf(c->arena, "%.*s/privateLinkResources/account", STR_ARGS(r.id)));
    json_set_str(doc, item, "name", STR("account"));
    json_set_str(doc, item, "type",
                 STR("Microsoft.CognitiveServices/accounts/privateLinkResources"));
    json_set_str(doc, properties, "groupId", STR("account"));
    json_set_str(doc, properties, "displayName", STR("Cognitive Service Account"));
    yyjson_mut_arr_add_str(doc, members, "default");
    json_set(doc, properties, "requiredMembers", members);
    members = yyjson_mut_arr(doc);
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        yyjson_mut_arr_add_str(doc, members, zones[i]);
    json_set(doc, properties, "requiredZoneNames", members);
    json_set(doc, item, "properties", properties);
    yyjson_mut_arr_append(list, item);
    arm_reply_list(c, doc, list);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", put },
    { HTTP_DELETE, PATH "/{}", arm_resource_delete },
    { HTTP_GET, ACCOUNT_PATH "/privateLinkResources", list_link_resources },
};

const struct arm_type arm_private_endpoint_type = {
    .name = "Microsoft.CognitiveServices/accounts/privateEndpointConnections",
    .provider = &arm_cognitive_services,
    .path = PATH "/{}",
    .parent = &arm_account_type,
    .goes_with_parent = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = account_check_child_name,
    .check = check,
    .on_written = on_written,
    .on_delete = on_delete,
    .render = render,
};
