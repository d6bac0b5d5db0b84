/*
 * Microsoft Graph: who is assigned which role of an application. Assignments stand in the document of the
 * application whose role it is, so that a token for it takes one look.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "entra/graph_write.h"

#define ASSIGNMENTS_MAX 1000
#define NO_ROLE "00000000-0000-0000-0000-000000000000" /* assigned, to no role in particular */
#define LIST "assignedTo"

/* Of those who use the application, and of the application that is used. */
struct assignment {
    struct principal_record principal, resource;
};

/* Is what the path names the application that is used, or who uses it? */
static bool is_of_resource(const struct entra_call *c)
{
    return str_find(str_from(c->endpoint->path), STR("/appRoleAssignedTo")) != SIZE_MAX;
}

static const char *type_name(const struct principal_record *p)
{
    if (p->type == PRINCIPAL_TYPE_USER)
        return "User";
    return p->type == PRINCIPAL_TYPE_GROUP ? "Group" : "ServicePrincipal";
}

static yyjson_mut_val *show(yyjson_mut_doc *doc, const struct assignment *a, yyjson_val *item)
{
    yyjson_mut_val *shown = yyjson_val_mut_copy(doc, item);

    json_set(doc, shown, "deletedDateTime", yyjson_mut_null(doc));
    json_set_str(doc, shown, "principalDisplayName",
                 json_str(yyjson_obj_get(a->principal.body, "displayName")));
    json_set_str(doc, shown, "principalType", str_from(type_name(&a->principal)));
    json_set_str(doc, shown, "resourceDisplayName",
                 json_str(yyjson_obj_get(a->resource.body, "displayName")));
    json_set_str(doc, shown, "resourceId", a->resource.object_id);
    return shown;
}

/* -- Reading --------------------------------------------------------------------------------- */

/* Those of one application, of one principal or (NULL) of all that are still there. */
static bool append(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *value,
                   struct assignment *a, const struct principal_record *only, struct error *err)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(a->resource.body, LIST), i, count, item)
    {
        struct str id = json_str(yyjson_obj_get(item, "principalId"));
        bool found;

        if (only && !str_equal_nocase(id, only->object_id))
            continue;
        if (!principals_get(c->txn, c->arena, id, &a->principal, &found, err))
            return false;
        if (found)
            yyjson_mut_arr_append(value, show(doc, a, item));
    }
    return true;
}

static bool append_of_principal(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *value,
                                const struct principal_record *p, struct error *err)
{
    struct principal_record *apps;
    size_t count;

    if (!principals_list_type(c->txn, c->arena, PRINCIPAL_TYPE_APPLICATION, &apps, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct assignment a = { .resource = apps[i] };

        if (!append(c, doc, value, &a, p, err))
            return false;
    }
    return true;
}

static bool list(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct assignment a;
    struct principal_record p;
    struct principal who;

    if (!graph_authenticate(c, &who, err) || !graph_find(c, &p, err))
        return false;
    a.resource = p;
    if (is_of_resource(c) ? !append(c, doc, value, &a, NULL, err)
                          : !append_of_principal(c, doc, value, &p, err))
        return false;
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

/* -- Writing --------------------------------------------------------------------------------- */

static bool get_named(struct entra_call *c, yyjson_val *body, const char *name,
                      struct principal_record *p, struct error *err)
{
    struct str id = json_str(yyjson_obj_get(body, name));
    bool found;

    if (!principals_get(c->txn, c->arena, id, p, &found, err))
        return false;
    return found || error_set(err, ERROR_GRAPH_NOT_FOUND,
                              "Resource '%.*s' does not exist or one of its queried "
                              "reference-property objects are not present.",
                              STR_ARGS(str_slice(id, 0, 60)));
}

static bool may_have(const struct assignment *a, struct str role_id)
{
    bool is_application = a->principal.type == PRINCIPAL_TYPE_APPLICATION ||
                          a->principal.type == PRINCIPAL_TYPE_MANAGED_IDENTITY;
    yyjson_val *role, *type;
    size_t i, count, t, types;

    if (str_equal(role_id, STR(NO_ROLE)))
        return true;
    yyjson_arr_foreach(yyjson_obj_get(a->resource.body, "appRoles"), i, count, role)
    {
        if (!str_equal_nocase(json_str(yyjson_obj_get(role, "id")), role_id))
            continue;
        yyjson_arr_foreach(yyjson_obj_get(role, "allowedMemberTypes"), t, types, type)
        {
            if (str_equal(json_str(type), is_application ? STR("Application") : STR("User")))
                return true;
        }
    }
    return false;
}

static bool is_there(const struct assignment *a, struct str role_id)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(a->resource.body, LIST), i, count, item)
    {
        if (str_equal_nocase(json_str(yyjson_obj_get(item, "principalId")),
                             a->principal.object_id) &&
            str_equal_nocase(json_str(yyjson_obj_get(item, "appRoleId")), role_id))
            return true;
    }
    return false;
}

static bool read_assignment(struct entra_call *c, struct assignment *a, struct str *role_id,
                            struct error *err)
{
    struct principal_record named;
    yyjson_val *body;

    if (!graph_authorize(c, err) || !graph_find(c, &named, err) ||
        !(body = graph_read_body(c, err)) ||
        !get_named(c, body, "principalId", &a->principal, err) ||
        !get_named(c, body, "resourceId", &a->resource, err))
        return false;
    *role_id = json_str(yyjson_obj_get(body, "appRoleId"));
    if (!str_equal(named.object_id,
                   is_of_resource(c) ? a->resource.object_id : a->principal.object_id) ||
        !graph_is_of_kind(&a->resource, GRAPH_SERVICE_PRINCIPALS))
        return graph_refuse(err, "Invalid value specified for property 'resourceId' of resource.");
    if (!may_have(a, *role_id))
        return graph_refuse(err, "Permission being assigned was not found on application, or is "
                                 "not for principals of this type.");
    return !is_there(a, *role_id) ||
           graph_refuse(err, "Permission being assigned already exists on the object.");
}

/* Those whose principal is gone make room. */
static bool drop_gone(struct entra_call *c, yyjson_mut_val *list_of_all, struct error *err)
{
    struct principal_record p;
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;
    bool found;

    if (!yyjson_mut_arr_iter_init(list_of_all, &iter))
        return true;
    while ((item = yyjson_mut_arr_iter_next(&iter))) {
        if (!principals_get(c->txn, c->arena, json_mut_str(yyjson_mut_obj_get(item, "principalId")),
                            &p, &found, err))
            return false;
        if (!found)
            yyjson_mut_arr_iter_remove(&iter);
    }
    return true;
}

static bool assign(struct entra_call *c, struct error *err)
{
    struct assignment a;
    yyjson_mut_doc *doc, *reply;
    yyjson_mut_val *all, *item;
    char id[GUID_TEXT_LEN + 1];
    struct str role_id;

    if (!read_assignment(c, &a, &role_id, err))
        return false;
    doc = json_copy(c->arena, a.resource.body);
    all = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), LIST);
    if (!all) {
        all = yyjson_mut_arr(doc);
        json_set(doc, yyjson_mut_doc_get_root(doc), LIST, all);
    }
    if (yyjson_mut_arr_size(all) >= ASSIGNMENTS_MAX && !drop_gone(c, all, err))
        return false;
    if (yyjson_mut_arr_size(all) >= ASSIGNMENTS_MAX)
        return graph_refuse(err, "The application has too many assignments.");
    item = yyjson_mut_obj(doc);
    format_guid(id);
    json_set_str(doc, item, "id", str_from(id));
    json_set_str(doc, item, "principalId", a.principal.object_id);
    json_set_str(doc, item, "appRoleId", role_id);
    json_set_str(doc, item, "createdDateTime",
                 format_time_seconds(c->arena, authority_now_ms(c->entra->authority)));
    yyjson_mut_arr_append(all, item);
    reply = json_new(c->arena);
    entra_reply_json(c, 201, show(reply, &a, yyjson_doc_get_root(json_freeze(c->arena, item))));
    return graph_save(c, &a.resource, yyjson_mut_doc_get_root(doc), "role_assigned",
                      a.principal.object_id, err);
}

/* Of which application is it? Both ways to name it lead here. */
static bool find_assignment(struct entra_call *c, const struct principal_record *named,
                            struct principal_record *resource, bool *found, struct error *err)
{
    struct principal_record *apps;
    size_t count, i, n;
    yyjson_val *item;

    *found = false;
    if (!principals_list_type(c->txn, c->arena, PRINCIPAL_TYPE_APPLICATION, &apps, &count, err))
        return false;
    for (size_t app = 0; app < count && !*found; app++) {
        *resource = apps[app];
        yyjson_arr_foreach(yyjson_obj_get(apps[app].body, LIST), i, n, item)
        {
            struct str principal = json_str(yyjson_obj_get(item, "principalId"));

            *found |= str_equal_nocase(json_str(yyjson_obj_get(item, "id")), c->names[1]) &&
                      str_equal_nocase(is_of_resource(c) ? apps[app].object_id : principal,
                                       named->object_id);
        }
    }
    return true;
}

static bool withdraw(struct entra_call *c, struct error *err)
{
    struct principal_record named, resource;
    struct str principal = STR_NONE;
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;
    yyjson_mut_doc *doc;
    bool found;

    if (!graph_authorize(c, err) || !graph_find(c, &named, err) ||
        !find_assignment(c, &named, &resource, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_GRAPH_NOT_FOUND, "Resource '%.*s' does not exist.",
                         STR_ARGS(str_slice(c->names[1], 0, 60)));
    doc = json_copy(c->arena, resource.body);
    yyjson_mut_arr_iter_init(yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), LIST), &iter);
    while ((item = yyjson_mut_arr_iter_next(&iter))) {
        if (!str_equal_nocase(json_mut_str(yyjson_mut_obj_get(item, "id")), c->names[1]))
            continue;
        principal = json_mut_str(yyjson_mut_obj_get(item, "principalId"));
        yyjson_mut_arr_iter_remove(&iter);
    }
    c->reply.status = 204;
    return graph_save(c, &resource, yyjson_mut_doc_get_root(doc), "role_withdrawn", principal, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/v1.0/servicePrincipals/{}/appRoleAssignedTo", list, false },
    { HTTP_POST, "/v1.0/servicePrincipals/{}/appRoleAssignedTo", assign, false },
    { HTTP_DELETE, "/v1.0/servicePrincipals/{}/appRoleAssignedTo/{}", withdraw, false },
    { HTTP_GET, "/v1.0/servicePrincipals/{}/appRoleAssignments", list, false },
    { HTTP_POST, "/v1.0/servicePrincipals/{}/appRoleAssignments", assign, false },
    { HTTP_DELETE, "/v1.0/servicePrincipals/{}/appRoleAssignments/{}", withdraw, false },
    { HTTP_GET, "/v1.0/users/{}/appRoleAssignments", list, false },
    { HTTP_POST, "/v1.0/users/{}/appRoleAssignments", assign, false },
    { HTTP_DELETE, "/v1.0/users/{}/appRoleAssignments/{}", withdraw, false },
    { HTTP_GET, "/v1.0/groups/{}/appRoleAssignments", list, false },
    { HTTP_POST, "/v1.0/groups/{}/appRoleAssignments", assign, false },
    { HTTP_DELETE, "/v1.0/groups/{}/appRoleAssignments/{}", withdraw, false },
};

const struct entra_endpoints entra_graph_app_role = { endpoints, ARRAY_LEN(endpoints) };
