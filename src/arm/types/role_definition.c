/*
 * Role definitions: Azure's built-in ones, which nobody changes, and custom ones.
 * SPDX-License-Identifier: MIT
 */
#include "arm/authorize.h"
#include "arm/filter.h"
#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/types/role.h"
#include "base/format.h"

#define PATH ROLE_DEFINITIONS "/{}"
/* A snapshot of all roles is made whenever one changes: Azure's 5000 of a tenant would be many. */
#define CUSTOM_ROLES_MAX 500
#define DOCUMENT_BYTES_MAX (64u << 10)
#define ACTION_LEN_MAX 512
#define DELETE_ACTION "Microsoft.Authorization/roleDefinitions/delete"
#define WRITE_ACTION "Microsoft.Authorization/roleDefinitions/write"

static const struct arm_field fields[] = {
    { "properties.roleName", ARM_FIELD_TEXT, NULL },
    { "properties.description", ARM_FIELD_TEXT, NULL },
    { "properties.permissions", ARM_FIELD_LIST, NULL },
    { "properties.assignableScopes", ARM_FIELD_TEXT_LIST, NULL },
};

/* Members of a permission, by kind: what it allows, what it refuses. */
static const char *const allowed_names[RBAC_KINDS] = { "actions", "dataActions" };
static const char *const refused_names[RBAC_KINDS] = { "notActions", "notDataActions" };

/* -- Reading --------------------------------------------------------------------------------- */

static const char *const *read_patterns(struct arena *a, yyjson_val *list)
{
    const char **patterns = ARENA_ARRAY(a, const char *, yyjson_arr_size(list) + 1);
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        patterns[i] = arena_text(a, json_str(item));
    }
    return patterns;
}

void role_definition_read(struct arena *a, const struct store_resource *r, yyjson_val *body,
                          struct rbac_role *role)
{
    yyjson_val *list = json_at(body, "properties.permissions"), *item;
    struct rbac_permission *permissions =
        ARENA_ARRAY(a, struct rbac_permission, yyjson_arr_size(list));
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        for (size_t kind = 0; kind < RBAC_KINDS; kind++) {
            permissions[i].allowed[kind] = read_patterns(a, json_at(item, allowed_names[kind]));
            permissions[i].refused[kind] = read_patterns(a, json_at(item, refused_names[kind]));
        }
    }
    *role = (struct rbac_role){
        .id = arena_text(a, arm_id_name(r->key)),
        .name = arena_text(a, json_str(json_at(body, "properties.roleName"))),
        .description = arena_text(a, json_str(json_at(body, "properties.description"))),
        .permissions = permissions,
        .permission_count = yyjson_arr_size(list),
    };
}

static bool find_custom(struct arm_call *c, struct str id, struct store_resource *r,
                        yyjson_val **body, bool *found, struct error *err)
{
    struct str key =
        arena_lower(c->arena, arena_printf(c->arena, ROLE_DEFINITIONS "/%.*s", STR_ARGS(id)));

    *body = NULL;
    if (!store_get(c->txn, key, r, found, err))
        return false;
    if (*found)
        *body = arm_resource_body(c->arena, r, err);
    return !*found || *body;
}

bool role_definition_find(struct arm_call *c, struct str id, struct rbac_role *role,
                          yyjson_val **body, bool *found, struct error *err)
{
    const struct rbac_role *built_in = rbac_built_in_role(id);
    struct store_resource r;

    if (built_in) {
        *role = *built_in;
        *body = NULL;
        *found = true;
        return true;
    }
    if (!find_custom(c, id, &r, body, found, err))
        return false;
    if (*found)
        role_definition_read(c->arena, &r, *body, role);
    return true;
}

/* -- Showing --------------------------------------------------------------------------------- */

struct str role_definition_id(const struct arm_call *c, struct str id)
{
    struct str subscription = arm_id_segment(c->scope, 1);

    if (str_is_empty(subscription))
        return arena_printf(c->arena, ROLE_DEFINITIONS "/%.*s", STR_ARGS(id));
    return arena_printf(c->arena, "/subscriptions/%.*s" ROLE_DEFINITIONS "/%.*s",
                        STR_ARGS(subscription), STR_ARGS(id));
}

static void show_patterns(yyjson_mut_doc *doc, yyjson_mut_val *permission, const char *name,
                          const char *const *patterns)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (; *patterns; patterns++)
        yyjson_mut_arr_add_strcpy(doc, list, *patterns);
    json_set(doc, permission, name, list);
}

void role_permissions_show(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rbac_role *role)
{
    for (size_t i = 0; i < role->permission_count; i++) {
        yyjson_mut_val *permission = yyjson_mut_obj(doc);

        for (size_t kind = 0; kind < RBAC_KINDS; kind++) {
            show_patterns(doc, permission, allowed_names[kind], role->permissions[i].allowed[kind]);
            show_patterns(doc, permission, refused_names[kind], role->permissions[i].refused[kind]);
        }
        yyjson_mut_arr_append(list, permission);
    }
}

static yyjson_mut_val *show_built_in(struct arm_call *c, yyjson_mut_doc *doc,
                                     const struct rbac_role *role)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);
    yyjson_mut_val *permissions = yyjson_mut_arr(doc), *scopes = yyjson_mut_arr(doc);

    json_set_str(doc, properties, "roleName", str_from(role->name));
    json_set_str(doc, properties, "type", STR("BuiltInRole"));
    json_set_str(doc, properties, "description", str_from(role->description));
    yyjson_mut_arr_add_str(doc, scopes, "/");
    json_set(doc, properties, "assignableScopes", scopes);
    role_permissions_show(doc, permissions, role);
    json_set(doc, properties, "permissions", permissions);
    json_set(doc, properties, "createdBy", yyjson_mut_null(doc));
    json_set(doc, properties, "updatedBy", yyjson_mut_null(doc));
    json_set_str(doc, shown, "id", role_definition_id(c, str_from(role->id)));
    json_set_str(doc, shown, "type", str_from(arm_role_definition_type.name));
    json_set_str(doc, shown, "name", str_from(role->id));
    json_set(doc, shown, "properties", properties);
    return shown;
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");

    json_set_str(doc, shown, "id", role_definition_id(c, arm_id_name(r->id)));
    json_set_str(doc, properties, "type", STR("CustomRole"));
    role_show_authors(c, r, body, doc, properties);
}

/* -- Writing --------------------------------------------------------------------------------- */

static bool check_name(struct str name, struct error *err)
{
    if (format_is_guid(name))
        return true;
    return error_set(err, ERROR_ARM_ROLE_ID,
                     "The role definition ID '%.*s' is not valid. The role definition ID must be a "
                     "GUID.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

/* "*", or NAMESPACE/..., of the characters that Azure's operations have. */
static bool is_action(struct str text)
{
    return text.len && text.len <= ACTION_LEN_MAX && str_is_alnum_or(text, "*/.-_{}$") &&
           (str_find_char(text, '/') != SIZE_MAX || str_equal(text, STR("*")));
}

/* The list, of actions only; empty when it is absent. NULL with *err. */
static yyjson_mut_val *check_actions(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *name,
                                     struct error *err)
{
    yyjson_mut_val *item, *kept = yyjson_mut_arr(doc);
    size_t i, count;

    if (list && !yyjson_mut_is_arr(list) && !yyjson_mut_is_null(list)) {
        error_set_target(err, ERROR_ARM_BODY, "properties.permissions",
                         "The request content was invalid and could not be deserialized: '%s' of a "
                         "permission must be an array of strings.",
                         name);
        return NULL;
    }
    yyjson_mut_arr_foreach(list, i, count, item)
    {
        struct str text = json_mut_str(item);

        if (!is_action(text)) {
            error_set_target(err, ERROR_ARM_ROLE_ACTION, "properties.permissions",
                             "'%.*s' does not match any of the actions supported by the providers.",
                             STR_ARGS(str_slice(text, 0, 100)));
            return NULL;
        }
        yyjson_mut_arr_add_strncpy(doc, kept, text.data, text.len);
    }
    return kept;
}

static bool check_permissions(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    yyjson_mut_val *list = yyjson_mut_obj_get(properties, "permissions"), *item, *values;
    yyjson_mut_val *kept = yyjson_mut_arr(change->doc), *permission;
    size_t i, count;

    yyjson_mut_arr_foreach(list, i, count, item)
    {
        permission = yyjson_mut_obj(change->doc);
        for (size_t n = 0; n < 2 * RBAC_KINDS; n++) {
            const char *name = n % 2 ? refused_names[n / 2] : allowed_names[n / 2];

            values = check_actions(change->doc, yyjson_mut_obj_get(item, name), name, err);
            if (!values)
                return false;
            json_set(change->doc, permission, name, values);
        }
        yyjson_mut_arr_append(kept, permission);
    }
    json_set(change->doc, properties, "permissions", kept);
    return true;
}

static bool refuse_scope(struct arm_call *c, struct str action, struct str scope, struct error *err)
{
    return error_set(err, ERROR_ARM_LINKED,
                     "The client '%.*s' with object id '%.*s' has permission to perform action "
                     "'%.*s' on scope '%.*s'; however, it does not have permission to perform "
                     "action '%.*s' on the linked scope(s) '%.*s' or the linked scope(s) are "
                     "invalid.",
                     STR_ARGS(c->request->principal.name),
                     STR_ARGS(c->request->principal.object_id), STR_ARGS(action),
                     STR_ARGS(c->scope), STR_ARGS(action), STR_ARGS(scope));
}

/* Whoever changes a role changes what its holders may do wherever it can be assigned: they must be
 * allowed to in each of these scopes. */
static bool may_change(struct arm_call *c, yyjson_val *body, const char *action, struct error *err)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(json_at(body, "properties.assignableScopes"), i, count, item)
    {
        if (!arm_may(c, action, json_str(item)))
            return refuse_scope(c, str_from(action), json_str(item), err);
    }
    return true;
}

static bool check_scopes(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *scopes = json_mut_at(change->root, "properties.assignableScopes"), *item;
    struct arm_call *c = change->call;
    size_t i, count;

    if (!yyjson_mut_arr_size(scopes))
        return error_set_target(err, ERROR_ARM_BODY, "properties.assignableScopes",
                                "The request content was invalid and could not be deserialized: "
                                "'properties.assignableScopes' is required.");
    yyjson_mut_arr_foreach(scopes, i, count, item)
    {
        struct str scope = json_mut_str(item);

        if (!str_starts_with_nocase(scope, STR("/subscriptions/")) ||
            !format_is_guid(arm_id_segment(scope, 1)) || str_ends_with(scope, STR("/")))
            return error_set_target(err, ERROR_ARM_BODY, "properties.assignableScopes",
                                    "The scope '%.*s' cannot be an assignable scope of a custom "
                                    "role: it must be a subscription, a resource group or a "
                                    "resource.",
                                    STR_ARGS(str_slice(scope, 0, 200)));
        if (!arm_may(c, WRITE_ACTION, scope))
            return refuse_scope(c, STR(WRITE_ACTION), scope, err);
    }
    return may_change(c, change->old, WRITE_ACTION, err);
}

/* A name is one role's alone. */
static bool check_role_name(struct arm_change *change, struct error *err)
{
    struct str name = json_mut_str(json_mut_at(change->root, "properties.roleName")), other;
    struct store_query query = { .type = change->after.type };
    struct arm_documents all;

    if (str_is_empty(name))
        return error_set_target(err, ERROR_ARM_BODY, "properties.roleName",
                                "The request content was invalid and could not be deserialized: "
                                "'properties.roleName' is required.");
    for (size_t i = 0; i < rbac_built_in_role_count; i++) {
        if (str_equal_nocase(name, str_from(rbac_built_in_roles[i].name)))
            return error_set(err, ERROR_ARM_ROLE_NAME, NULL);
    }
    if (!arm_resource_read_all(change->call->txn, change->call->arena, &query, &all, err))
        return false;
    if (!change->before && all.count >= CUSTOM_ROLES_MAX)
        return error_set(err, ERROR_ARM_ROLE_LIMIT, NULL);
    for (size_t i = 0; i < all.count; i++) {
        other = json_str(json_at(all.bodies[i], "properties.roleName"));
        if (str_equal_nocase(name, other) && !str_equal(all.items[i].key, change->after.key))
            return error_set(err, ERROR_ARM_ROLE_NAME, NULL);
    }
    return true;
}

static bool check(struct arm_change *change, struct error *err)
{

    if (change->call->request->body.len > DOCUMENT_BYTES_MAX)
        return error_set(err, ERROR_ARM_TOO_LARGE, NULL);
    if (!check_role_name(change, err) || !check_permissions(change, err) ||
        !check_scopes(change, err))
        return false;
    role_keep_authors(change);
    return true;
}

static bool refuse_built_in(struct arm_call *c, struct error *err)
{
    if (!rbac_built_in_role(c->names[0]))
        return true;
    return error_set(err, ERROR_ARM_ROLE_BUILT_IN,
                     "The role definition '%.*s' is built-in: it can neither be changed nor "
                     "deleted.",
                     STR_ARGS(c->names[0]));
}

/* Also of a role that was there: the specification has no 200, and SDKs do not take one. */
static bool put(struct arm_call *c, struct error *err)
{
    if (!refuse_built_in(c, err) || !arm_resource_put(c, err))
        return false;
    c->reply.status = 201;
    return true;
}

static bool check_unassigned(struct arm_call *c, struct str role_key, struct error *err)
{
    struct role_assignments all;

    if (!role_assignments_read(c->txn, c->arena, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        if (str_equal_nocase(all.items[i].role_id, arm_id_name(role_key)))
            return error_set(err, ERROR_ARM_ROLE_ASSIGNED, NULL);
    }
    return true;
}

/* What was deleted is the answer. */
static bool delete (struct arm_call *c, struct error *err)
{
    struct store_resource r;
    yyjson_val *body;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) || !refuse_built_in(c, err) ||
        !find_custom(c, c->names[0], &r, &body, &found, err))
        return false;
    c->reply.status = 204;
    if (!found)
        return true;
    if (!may_change(c, body, DELETE_ACTION, err) || !check_unassigned(c, r.key, err))
        return false;
    arm_publish_roles(c);
    return arm_resource_reply(c, 200, c->type, &r, err) && arm_resource_remove(c, &r, err);
}

/* -- Reading routes -------------------------------------------------------------------------- */

/* Outside of every scope, Azure shows its built-in roles to whoever has a token: Terraform's azurerm
 * looks them up there. Custom ones are only for those who may read them. */
static bool hides_custom(const struct arm_call *c)
{
    return c->lists_what_is_allowed;
}

static bool get(struct arm_call *c, struct error *err)
{
    const struct rbac_role *built_in = rbac_built_in_role(c->names[0]);
    struct store_resource r;
    yyjson_val *body;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    if (built_in) {
        arm_reply_json(c, 200, show_built_in(c, json_new(c->arena), built_in));
        return true;
    }
    if (!find_custom(c, c->names[0], &r, &body, &found, err))
        return false;
    if (!found || hides_custom(c))
        return error_set(err, ERROR_ARM_NO_ROLE,
                         "The specified role definition with ID '%.*s' does not exist.",
                         STR_ARGS(str_slice(c->names[0], 0, 100)));
    return arm_resource_reply(c, 200, c->type, &r, err);
}

struct selection {
    struct str name; /* empty: any */
    struct str type; /* "BuiltInRole", "CustomRole"; empty: both */
    bool is_below;   /* also what can be assigned below the scope only */
};

static bool read_filter(struct arm_call *c, struct selection *selection, struct error *err)
{
    struct arm_filter_term term;
    struct arm_filter_terms terms;

    *selection = (struct selection){ .name = STR_NONE };
    arm_filter_begin(c, &terms);
    while (arm_filter_next(&terms, &term)) {
        if (arm_filter_is(&term, "roleName", false))
            selection->name = term.value;
        else if (arm_filter_is(&term, "type", false))
            selection->type = term.value;
        else if (arm_filter_is(&term, "atScopeAndBelow", true))
            selection->is_below = true;
        else if (!arm_filter_is(&term, "atScope", true))
            terms.is_wrong = true;
    }
    if (!terms.is_wrong)
        return true;
    return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may be atScope(), "
                            "atScopeAndBelow(), or compare roleName and type by 'eq', joined by "
                            "'and'.");
}

static bool is_selected(const struct selection *selection, const char *type, struct str name)
{
    return (str_is_empty(selection->name) || str_equal_nocase(selection->name, name)) &&
           (str_is_empty(selection->type) || str_equal_nocase(selection->type, str_from(type)));
}

/* Can the role be assigned at the call's scope, or, where that is asked for, below? */
static bool is_assignable(const struct arm_call *c, yyjson_val *body, bool is_below)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(json_at(body, "properties.assignableScopes"), i, count, item)
    {
        struct str scope = json_str(item);

        if (rbac_covers(scope, c->scope) || (is_below && rbac_covers(c->scope, scope)))
            return true;
    }
    return false;
}

static bool list_custom(struct arm_call *c, const struct selection *selection, yyjson_mut_doc *doc,
                        yyjson_mut_val *list, struct error *err)
{
    struct store_query query = { .type = arena_lower(c->arena, str_from(c->type->name)) };
    struct arm_documents all;
    yyjson_mut_val *shown;
    yyjson_val *body;

    if (!arm_resource_read_all(c->txn, c->arena, &query, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        body = all.bodies[i];
        if (!is_selected(selection, "CustomRole", json_str(json_at(body, "properties.roleName"))) ||
            (c->scope.len && !is_assignable(c, body, selection->is_below)))
            continue;
        shown = arm_resource_render(c, c->type, &all.items[i], doc, err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(list, shown);
    }
    return true;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);
    struct selection selection;

    if (!arm_resource_check_scope(c, c->type, err) || !read_filter(c, &selection, err))
        return false;
    for (size_t i = 0; i < rbac_built_in_role_count; i++) {
        if (is_selected(&selection, "BuiltInRole", str_from(rbac_built_in_roles[i].name)))
            yyjson_mut_arr_append(value, show_built_in(c, doc, &rbac_built_in_roles[i]));
    }
    if (!hides_custom(c) && !list_custom(c, &selection, doc, value, err))
        return false;
    arm_reply_list(c, doc, value);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, ROLE_DEFINITIONS, list },
    { HTTP_GET, PATH, get },
    { HTTP_GET, ARM_SCOPE ROLE_DEFINITIONS, list },
    { HTTP_GET, ARM_SCOPE PATH, get },
    { HTTP_PUT, ARM_SCOPE PATH, put },
    { HTTP_DELETE, ARM_SCOPE PATH, delete },
};

const struct arm_type arm_role_definition_type = {
    .name = "Microsoft.Authorization/roleDefinitions",
    .provider = &arm_authorization,
    .path = PATH,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
    .on_written = role_on_written,
    .render = render,
};
