/* SPDX-License-Identifier: MIT */
#include "arm/types/identity.h"

#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/route.h"

#define NAME_MIN_LEN 3
#define NAME_MAX_LEN 128
#define PATH "/subscriptions/{}/resourceGroups/{}" USER_ASSIGNED_IDENTITIES
#define SYSTEM_PATH ARM_SCOPE "/providers/Microsoft.ManagedIdentity/identities/{}"

static const struct arm_field fields[] = {
    { "location", ARM_FIELD_TEXT, NULL },
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.isolationScope", ARM_FIELD_TEXT, "None|Regional" },
};

static const struct arm_member later_members[] = {
    { "properties.isolationScope", "2024-11-30" },
};

/* -- Principals ------------------------------------------------------------------------------ */

bool identity_make(struct arm_change *change, bool is_user_assigned, struct error *err)
{
    yyjson_mut_val *facts = json_set_object(change->doc, change->root, "facts");
    struct arm_call *c = change->call;
    struct managed_identity made;

    if (!managed_identity_make(c->txn, c->arena, change->after.id, is_user_assigned, c->now_ms,
                               &made, err))
        return false;
    json_set_str(change->doc, facts, "principalId", made.object_id);
    json_set_str(change->doc, facts, "clientId", made.client_id);
    arm_publish_principal(c, made.object_id);
    return true;
}

bool identity_remove(struct arm_call *c, yyjson_val *body, struct error *err)
{
    struct str object_id = json_str(json_at(body, "facts.principalId"));
    bool existed;

    if (str_is_empty(object_id))
        return true;
    arm_publish_principal(c, object_id);
    return principals_delete(c->txn, c->arena, object_id, &existed, err);
}

/* -- User-assigned identities ---------------------------------------------------------------- */

static bool check_name(struct str name, struct error *err)
{
    if (name.len >= NAME_MIN_LEN && name.len <= NAME_MAX_LEN && !strchr("-_", name.data[0]) &&
        str_is_alnum_or(name, "-_"))
        return true;
    return error_set(err, ERROR_ARM_NAME,
                     "Resource name '%.*s' is invalid: it must have 3 to 128 characters, letters, "
                     "digits, hyphens and underscores, and begin with a letter or digit.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static bool check(struct arm_change *change, struct error *err)
{
    return change->before || identity_make(change, true, err);
}

static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);

    return body && identity_remove(c, body, err);
}

static void show_ids(const struct arm_call *c, yyjson_val *body, yyjson_mut_doc *doc,
                     yyjson_mut_val *properties)
{
    static const char *const names[] = { "principalId", "clientId" };

    json_set_str(doc, properties, "tenantId", str_from(c->arm->tenant_id));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        json_set_str(doc, properties, names[i],
                     json_str(yyjson_obj_get(yyjson_obj_get(body, "facts"), names[i])));
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    (void)r;
    json_set_object(doc, shown, "tags");
    show_ids(c, body, doc, json_set_object(doc, shown, "properties"));
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}" USER_ASSIGNED_IDENTITIES, arm_resource_list },
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", arm_resource_put },
    { HTTP_PATCH, PATH "/{}", arm_resource_patch },
    { HTTP_DELETE, PATH "/{}", arm_resource_delete },
};

const struct arm_type arm_user_assigned_identity_type = {
    .name = "Microsoft.ManagedIdentity/userAssignedIdentities",
    .provider = &arm_managed_identity,
    .path = PATH "/{}",
    .is_tracked = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .later_members = later_members,
    .later_member_count = ARRAY_LEN(later_members),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
    .on_delete = on_delete,
    .render = render,
};

/* -- The identity of a resource's own -------------------------------------------------------- */

static bool get_system_assigned(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *shown = yyjson_mut_obj(doc);
    struct store_resource r;
    yyjson_val *body = NULL;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arena_lower(c->arena, c->scope), &r, &found, err))
        return false;
    if (found && !(body = arm_resource_body(c->arena, &r, err)))
        return false;
    if (!str_equal_nocase(c->names[0], STR("default")) || !json_at(body, "facts.clientId") ||
        arm_type_of(&r) != &arm_account_type)
        return error_set(err, ERROR_ARM_NO_RESOURCE,
                         "The Resource 'Microsoft.ManagedIdentity/identities/%.*s' was not found "
                         "within '%.*s'.",
                         STR_ARGS(str_slice(c->names[0], 0, 100)), STR_ARGS(c->scope));
    json_set_str(doc, shown, "id",
                 arena_printf(c->arena,
                              "%.*s/providers/Microsoft.ManagedIdentity/identities/default",
                              STR_ARGS(c->scope)));
    json_set_str(doc, shown, "name", STR("default"));
    json_set_str(doc, shown, "type", str_from(c->type->name));
    json_set_str(doc, shown, "location", json_str(yyjson_obj_get(body, "location")));
    show_ids(c, body, doc, json_set_object(doc, shown, "properties"));
    arm_reply_json(c, 200, shown);
    return true;
}

static const struct arm_route system_routes[] = {
    { HTTP_GET, SYSTEM_PATH, get_system_assigned },
};

const struct arm_type arm_system_assigned_identity_type = {
    .name = "Microsoft.ManagedIdentity/identities",
    .provider = &arm_managed_identity,
    .path = SYSTEM_PATH,
    .routes = system_routes,
    .route_count = ARRAY_LEN(system_routes),
};
