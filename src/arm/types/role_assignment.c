/*
 * Role assignments: who has which role, at which scope.
 * SPDX-License-Identifier: MIT
 */
#include "arm/authorize.h"
#include "arm/filter.h"
#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/types/role.h"
#include "base/format.h"
#include "identity/principal_set.h"

#define PATH ROLE_ASSIGNMENTS "/{}"
/* Azure's own limit, for a subscription. */
#define ASSIGNMENTS_MAX 4000

static const struct arm_field fields[] = {
    { "properties.roleDefinitionId", ARM_FIELD_TEXT, NULL },
    { "properties.principalId", ARM_FIELD_TEXT, NULL },
    { "properties.principalType", ARM_FIELD_TEXT,
      "User|Group|ServicePrincipal|ForeignGroup|Device" },
    { "properties.description", ARM_FIELD_TEXT, NULL },
    { "properties.condition", ARM_FIELD_TEXT, NULL },
};

/* -- Reading --------------------------------------------------------------------------------- */

/* What the assignment belongs to; empty: the root. */
static struct str scope_of(struct str id)
{
    return str_slice(id, 0, id.len - arm_id_name(id).len - 1 - STR(ROLE_ASSIGNMENTS).len);
}

/* Strings live as long as the resource and its body. */
static void read_assignment(const struct store_resource *r, yyjson_val *body,
                            struct rbac_assignment *assignment)
{
    *assignment = (struct rbac_assignment){
        .principal_id = json_str(json_at(body, "properties.principalId")),
        .role_id = json_str(json_at(body, "properties.roleDefinitionId")),
        .scope = scope_of(r->id),
    };
}

bool role_assignments_read(struct store_txn *t, struct arena *a, struct role_assignments *all,
                           struct error *err)
{
    struct store_query query = { .type = arena_lower(a, str_from(arm_role_assignment_type.name)) };
    struct rbac_assignment *items;
    struct arm_documents found;

    if (!arm_resource_read_all(t, a, &query, &found, err))
        return false;
    items = ARENA_ARRAY(a, struct rbac_assignment, found.count);
    for (size_t i = 0; i < found.count; i++)
        read_assignment(&found.items[i], found.bodies[i], &items[i]);
    *all = (struct role_assignments){ items, found.items, found.count };
    return true;
}

/* -- Writing --------------------------------------------------------------------------------- */

static bool check_name(struct str name, struct error *err)
{
    if (format_is_guid(name))
        return true;
    return error_set(err, ERROR_ARM_ASSIGNMENT_ID,
                     "The role assignment ID '%.*s' is not valid. The role assignment ID must be a "
                     "GUID.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

/* The role must be there, and be one for this scope. */
static bool check_role(struct arm_change *change, yyjson_mut_val *properties, struct error *err)
{
    struct str full = json_mut_str(yyjson_mut_obj_get(properties, "roleDefinitionId"));
    struct str id = arm_id_name(full);
    struct arm_call *c = change->call;
    yyjson_val *body, *item;
    struct rbac_role role;
    size_t i, count;
    bool found;

    if (!format_is_guid(id))
        return error_set_target(err, ERROR_ARM_BODY, "properties.roleDefinitionId",
                                "The request content was invalid and could not be deserialized: "
                                "'properties.roleDefinitionId' must be the id of a role "
                                "definition.");
    if (!role_definition_find(c, id, &role, &body, &found, err))
        return false;
    if (!found)
        return error_set_target(err, ERROR_ARM_BAD_ROLE, "properties.roleDefinitionId",
                                "The specified role definition with ID '%.*s' does not exist.",
                                STR_ARGS(id));
    json_set_str(change->doc, properties, "roleDefinitionId", str_from(role.id));
    if (!body)
        return true;
    yyjson_arr_foreach(json_at(body, "properties.assignableScopes"), i, count, item)
    {
        if (rbac_covers(json_str(item), c->scope))
            return true;
    }
    return error_set(err, ERROR_ARM_ROLE_SCOPE,
                     "The role assignment scope '%.*s' is not assignable to role definition "
                     "'%.*s'.",
                     STR_ARGS(c->scope), STR_ARGS(id));
}

/* The type follows from the principal, where it is one of the tenant's own. */
static bool check_principal(struct arm_change *change, yyjson_mut_val *properties,
                            struct error *err)
{
    static const char *const types[PRINCIPAL_TYPES] = {
        [PRINCIPAL_TYPE_APPLICATION] = "ServicePrincipal",
        [PRINCIPAL_TYPE_MANAGED_IDENTITY] = "ServicePrincipal",
        [PRINCIPAL_TYPE_USER] = "User",
        [PRINCIPAL_TYPE_GROUP] = "Group",
    };
    struct str id = json_mut_str(yyjson_mut_obj_get(properties, "principalId"));
    struct arm_call *c = change->call;
    struct principal_record principal;
    bool found;

    if (!format_is_guid(id))
        return error_set_target(err, ERROR_ARM_PRINCIPAL_ID, "properties.principalId", NULL);
    id = arena_lower(c->arena, id);
    json_set_str(change->doc, properties, "principalId", id);
    if (!principals_get(c->txn, c->arena, id, &principal, &found, err))
        return false;
    if (found)
        json_set_str(change->doc, properties, "principalType", str_from(types[principal.type]));
    else if (!yyjson_mut_obj_get(properties, "principalType"))
        json_set_str(change->doc, properties, "principalType", STR("ServicePrincipal"));
    return true;
}

/* Another one that says the same. */
static bool check_new(struct arm_change *change, const struct rbac_assignment *now,
                      struct error *err)
{
    struct arm_call *c = change->call;
    const struct rbac_assignment *other;
    struct role_assignments all;

    if (!role_assignments_read(c->txn, c->arena, &all, err))
        return false;
    if (all.count >= ASSIGNMENTS_MAX)
        return error_set(err, ERROR_ARM_ASSIGNMENT_LIMIT, NULL);
    for (size_t i = 0; i < all.count; i++) {
        other = &all.items[i];
        if (str_equal(other->principal_id, now->principal_id) &&
            str_equal(other->role_id, now->role_id) && str_equal_nocase(other->scope, now->scope))
            return error_set(err, ERROR_ARM_ASSIGNMENT_EXISTS,
                             "The role assignment already exists. The ID of the existing role "
                             "assignment is %.*s.",
                             STR_ARGS(arm_id_name(all.resources[i].id)));
    }
    return true;
}

static bool check_same(struct arm_change *change, const struct rbac_assignment *now,
                       struct error *err)
{
    struct rbac_assignment before;

    read_assignment(change->before, change->old, &before);
    if (str_equal(before.principal_id, now->principal_id) &&
        str_equal(before.role_id, now->role_id))
        return true;
    return error_set(err, ERROR_ARM_ASSIGNMENT_FIXED, NULL);
}

static bool check(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    struct rbac_assignment now;

    if (json_mut_str(yyjson_mut_obj_get(properties, "condition")).len)
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "properties.condition",
                                "Conditions of role assignments are not available in this "
                                "installation: the role would be given without one. Use a custom "
                                "role, or a narrower scope, to give less.");
    yyjson_mut_obj_remove_key(properties, "condition");
    if (!check_role(change, properties, err) || !check_principal(change, properties, err))
        return false;
    now = (struct rbac_assignment){
        .principal_id = json_mut_str(yyjson_mut_obj_get(properties, "principalId")),
        .role_id = json_mut_str(yyjson_mut_obj_get(properties, "roleDefinitionId")),
        .scope = scope_of(change->after.id),
    };
    if (change->before ? !check_same(change, &now, err) : !check_new(change, &now, err))
        return false;
    role_keep_authors(change);
    return true;
}

static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    (void)r;
    (void)err;
    arm_publish_roles(c);
    return true;
}

/* What was deleted is the answer. */
static bool delete (struct arm_call *c, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arm_resource_key(c, c->type), &r, &found, err))
        return false;
    c->reply.status = 204;
    return !found ||
           (arm_resource_reply(c, 200, c->type, &r, err) && arm_resource_remove(c, &r, err));
}

/* -- Showing --------------------------------------------------------------------------------- */

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    static const char *const absent[] = { "condition", "conditionVersion", "description",
                                          "delegatedManagedIdentityResourceId" };
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");
    struct str scope = scope_of(r->id);

    json_set_str(doc, properties, "roleDefinitionId",
                 role_definition_id(c, json_str(json_at(body, "properties.roleDefinitionId"))));
    json_set_str(doc, properties, "scope", str_is_empty(scope) ? STR("/") : scope);
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        if (!yyjson_mut_obj_get(properties, absent[i]))
            json_set(doc, properties, absent[i], yyjson_mut_null(doc));
    }
    role_show_authors(c, r, body, doc, properties);
}

static bool get(struct arm_call *c, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arm_resource_key(c, c->type), &r, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_ARM_NO_ASSIGNMENT, "The role assignment '%.*s' is not found.",
                         STR_ARGS(str_slice(c->names[0], 0, 100)));
    return arm_resource_reply(c, 200, c->type, &r, err);
}

/* -- Lists ----------------------------------------------------------------------------------- */

struct selection {
    bool is_here;         /* at the scope or above only; else below, too */
    struct str principal; /* empty: any */
    bool includes_groups; /* those that the principal is in */
};

static bool read_filter(struct arm_call *c, struct selection *selection, struct error *err)
{
    struct arm_filter_term term;
    struct arm_filter_terms terms;

    *selection = (struct selection){ .is_here = false };
    arm_filter_begin(c, &terms);
    while (arm_filter_next(&terms, &term)) {
        if (arm_filter_is(&term, "atScope", true)) {
            selection->is_here = true;
        } else if (arm_filter_is(&term, "principalId", false) ||
                   arm_filter_is(&term, "assignedTo", true)) {
            selection->principal = term.value;
            selection->includes_groups = term.is_function;
        } else {
            terms.is_wrong = true;
        }
    }
    if (!terms.is_wrong)
        return true;
    return error_set_target(err, ERROR_ARM_FILTER, "$filter",
                            "The filter is not valid or not supported: it may be atScope(), "
                            "assignedTo('...'), or compare principalId by 'eq', joined by 'and'.");
}

static void free_set(void *data)
{
    principal_set_free(data);
}

/* Whom an assignment must name. */
static bool read_subjects(struct arm_call *c, const struct selection *selection,
                          struct rbac_principal *who, struct error *err)
{
    const struct principal_entry *entry;
    struct principal_record *list;
    struct principal_set *set;
    size_t count;

    *who = (struct rbac_principal){ .object_id = selection->principal };
    if (!selection->includes_groups)
        return true;
    if (str_equal_nocase(selection->principal, c->request->principal.object_id)) {
        *who = arm_caller(c); /* a token of a foreign issuer may know more of its bearer's groups */
        return true;
    }
    if (!principals_list(c->txn, c->arena, STR_NONE, 0, &list, &count, err))
        return false;
    set = principal_set_new(list, count);
    arena_defer(c->arena, free_set, set);
    entry = principal_set_find(set, selection->principal);
    if (entry) {
        who->groups = entry->groups;
        who->group_count = entry->group_count;
    }
    return true;
}

static bool is_selected(const struct arm_call *c, const struct selection *selection,
                        const struct rbac_principal *who, const struct rbac_assignment *assignment)
{
    bool names = str_is_empty(selection->principal) ||
                 str_equal_nocase(assignment->principal_id, who->object_id);

    for (size_t i = 0; !names && i < who->group_count; i++)
        names = str_equal_nocase(assignment->principal_id, who->groups[i]);
    return names && (rbac_covers(assignment->scope, c->scope) ||
                     (!selection->is_here && rbac_covers(c->scope, assignment->scope)));
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc), *shown;
    struct role_assignments all;
    struct selection selection;
    struct rbac_principal who;

    if (!arm_resource_check_scope(c, c->type, err) || !read_filter(c, &selection, err) ||
        !read_subjects(c, &selection, &who, err) ||
        !role_assignments_read(c->txn, c->arena, &all, err))
        return false;
    for (size_t i = 0; i < all.count; i++) {
        if (!is_selected(c, &selection, &who, &all.items[i]))
            continue;
        shown = arm_resource_render(c, c->type, &all.resources[i], doc, err);
        if (!shown)
            return false;
        yyjson_mut_arr_append(value, shown);
    }
    arm_reply_list(c, doc, value);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, ROLE_ASSIGNMENTS, list },           { HTTP_GET, PATH, get },
    { HTTP_PUT, PATH, arm_resource_put },           { HTTP_DELETE, PATH, delete },
    { HTTP_GET, ARM_SCOPE ROLE_ASSIGNMENTS, list }, { HTTP_GET, ARM_SCOPE PATH, get },
    { HTTP_PUT, ARM_SCOPE PATH, arm_resource_put }, { HTTP_DELETE, ARM_SCOPE PATH, delete },
};

const struct arm_type arm_role_assignment_type = {
    .name = "Microsoft.Authorization/roleAssignments",
    .provider = &arm_authorization,
    .path = ARM_SCOPE PATH,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
    .on_written = role_on_written,
    .on_delete = on_delete,
    .render = render,
};
