/* SPDX-License-Identifier: MIT */
#include "entra/resource.h"

#include "base/format.h"
#include "entra/graph_write.h"
#include "entra/token.h"

#define URIS_MAX 50
#define URI_LEN_MAX 255
#define ROLES_MAX 100
#define TEXT_MAX 250
#define URIS "identifierUris"
#define ROLES "appRoles"

/* -- What an application says of itself ------------------------------------------------------ */

static bool is_own_audience(struct str uri)
{
    return token_audiences_hold(&token_audiences_arm, uri) ||
           token_audiences_hold(&token_audiences_data, uri) ||
           token_audience_is_same(uri, STR(GRAPH_AUDIENCE));
}

static bool is_good_uri(struct str uri)
{
    return uri.len <= URI_LEN_MAX && str_is_alnum_or(uri, "-._~:/") && !is_own_audience(uri) &&
           ((str_starts_with(uri, STR("api://")) && uri.len > strlen("api://")) ||
            (str_starts_with(uri, STR("https://")) && uri.len > strlen("https://")));
}

static bool take_uris(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                      struct error *err)
{
    yyjson_val *uris = yyjson_obj_get(body, URIS), *item;
    size_t i, count;

    if (!uris)
        return true;
    if (!yyjson_is_arr(uris) || yyjson_arr_size(uris) > URIS_MAX)
        return graph_refuse(err,
                            "Invalid value specified for property 'identifierUris' of resource.");
    yyjson_arr_foreach(uris, i, count, item)
    {
        if (!is_good_uri(json_str(item)))
            return graph_refuse(err, "Values of identifierUris property must be URIs that begin "
                                     "with 'api://' or 'https://', and of no service of Azure.");
    }
    json_set(doc, kept, URIS, yyjson_val_mut_copy(doc, uris));
    return true;
}

static bool is_text(yyjson_val *value, size_t max)
{
    return !value || yyjson_is_null(value) ||
           (yyjson_is_str(value) && yyjson_get_len(value) <= max);
}

static bool allows(yyjson_val *role, const char *member)
{
    yyjson_val *types = yyjson_obj_get(role, "allowedMemberTypes"), *type;
    size_t i, count;

    yyjson_arr_foreach(types, i, count, type)
    {
        if (str_equal(json_str(type), str_from(member)))
            return true;
    }
    return false;
}

static bool is_good_role(yyjson_val *role)
{
    yyjson_val *enabled = yyjson_obj_get(role, "isEnabled"), *value = yyjson_obj_get(role, "value");

    return format_is_guid(json_str(yyjson_obj_get(role, "id"))) && is_text(value, TEXT_MAX) &&
           str_find_char(json_str(value), ' ') == SIZE_MAX &&
           is_text(yyjson_obj_get(role, "displayName"), TEXT_MAX) &&
           is_text(yyjson_obj_get(role, "description"), TEXT_MAX) &&
           (!enabled || yyjson_is_bool(enabled)) &&
           yyjson_arr_size(yyjson_obj_get(role, "allowedMemberTypes")) <= 2 &&
           (allows(role, "User") || allows(role, "Application"));
}

/* Does another one in front of it have its id or its value? */
static bool is_twice(yyjson_val *roles, size_t at)
{
    yyjson_val *role = yyjson_arr_get(roles, at);
    struct str id = json_str(yyjson_obj_get(role, "id")),
               value = json_str(yyjson_obj_get(role, "value"));

    for (size_t i = 0; i < at; i++) {
        yyjson_val *other = yyjson_arr_get(roles, i);

        if (str_equal_nocase(json_str(yyjson_obj_get(other, "id")), id) ||
            (value.len && str_equal(json_str(yyjson_obj_get(other, "value")), value)))
            return true;
    }
    return false;
}

static bool take_roles(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                       struct error *err)
{
    static const char *const members[] = { "id",          "value",     "displayName",
                                           "description", "isEnabled", "allowedMemberTypes" };
    yyjson_val *roles = yyjson_obj_get(body, ROLES), *role;
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    size_t i, count;

    if (!roles)
        return true;
    if (!yyjson_is_arr(roles) || yyjson_arr_size(roles) > ROLES_MAX)
        return graph_refuse(err, "Invalid value specified for property 'appRoles' of resource.");
    yyjson_arr_foreach(roles, i, count, role)
    {
        yyjson_mut_val *item = yyjson_mut_obj(doc);

        if (!is_good_role(role) || is_twice(roles, i))
            return graph_refuse(err,
                                "Invalid value specified for property 'appRoles' of resource: each "
                                "needs an id and a value of its own, and allowedMemberTypes.");
        for (size_t m = 0; m < ARRAY_LEN(members); m++) {
            yyjson_val *value = yyjson_obj_get(role, members[m]);

            if (value)
                json_set(doc, item, members[m], yyjson_val_mut_copy(doc, value));
        }
        yyjson_mut_arr_append(list, item);
    }
    json_set(doc, kept, ROLES, list);
    return true;
}

static bool take_version(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                         struct error *err)
{
    yyjson_val *version = json_at(body, "api.requestedAccessTokenVersion");

    if (!version)
        return true;
    if (!yyjson_is_null(version) && yyjson_get_int(version) != 1 && yyjson_get_int(version) != 2)
        return graph_refuse(err, "Invalid value specified for property "
                                 "'requestedAccessTokenVersion' of resource.");
    json_set(doc, kept, "tokenVersion", yyjson_val_mut_copy(doc, version));
    return true;
}

bool resource_take(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body, struct error *err)
{
    return take_uris(doc, kept, body, err) && take_roles(doc, kept, body, err) &&
           take_version(doc, kept, body, err);
}

static yyjson_mut_val *copy_list(yyjson_mut_doc *doc, yyjson_val *list)
{
    return list ? yyjson_val_mut_copy(doc, list) : yyjson_mut_arr(doc);
}

void resource_show(yyjson_mut_doc *doc, yyjson_mut_val *shown, const struct principal_record *app,
                   bool is_application)
{
    yyjson_val *version = yyjson_obj_get(app->body, "tokenVersion"), *uri;
    yyjson_mut_val *names;
    size_t i, count;

    json_set(doc, shown, ROLES, copy_list(doc, yyjson_obj_get(app->body, ROLES)));
    if (is_application) {
        json_set(doc, shown, URIS, copy_list(doc, yyjson_obj_get(app->body, URIS)));
        json_set(doc, json_set_object(doc, shown, "api"), "requestedAccessTokenVersion",
                 version ? yyjson_val_mut_copy(doc, version) : yyjson_mut_null(doc));
        return;
    }
    names = yyjson_mut_arr(doc);
    yyjson_mut_arr_add_strncpy(doc, names, app->name.data, app->name.len);
    yyjson_arr_foreach(yyjson_obj_get(app->body, URIS), i, count, uri)
    {
        yyjson_mut_arr_append(names, yyjson_val_mut_copy(doc, uri));
    }
    json_set(doc, shown, "servicePrincipalNames", names);
}

/* -- By which URI it is found ---------------------------------------------------------------- */

static struct str key_of(struct entra_call *c, struct str uri)
{
    return arena_lower(c->arena, arena_printf(c->arena, "/identifieruris/%.*s", STR_ARGS(uri)));
}

/* "api://ID" of another application, which is found by that without saying so? */
static bool is_of_another(struct entra_call *c, const struct principal_record *app, struct str uri,
                          bool *is_it, struct error *err)
{
    struct str prefix = STR("api://"), id = str_slice(uri, prefix.len, SIZE_MAX);
    struct principal_record other;

    *is_it = false;
    return !str_starts_with(uri, prefix) || !format_is_guid(id) ||
           str_equal_nocase(id, app->name) ||
           principals_find(c->txn, c->arena, id, &other, is_it, err);
}

static bool put_uri(struct entra_call *c, const struct principal_record *app, struct str uri,
                    struct error *err)
{
    char etag[GUID_TEXT_LEN + 1];
    struct store_resource old, r = {
        .key = key_of(c, uri),
        .id = app->name,
        .type = STR("lazuli/identifieruris"),
        .parent = STR("/identifieruris"),
        .body = STR("{}"),
        .created_at_ms = authority_now_ms(c->entra->authority),
    };
    bool exists, is_of_other;

    format_guid(etag);
    r.etag = str_from(etag);
    if (!store_get(c->txn, r.key, &old, &exists, err) ||
        !is_of_another(c, app, uri, &is_of_other, err))
        return false;
    if (is_of_other || (exists && !str_equal(old.id, app->name)))
        return graph_refuse(err, "Another object with the same value for property identifierUris "
                                 "already exists.");
    return store_put(c->txn, &r, err);
}

bool resource_index(struct entra_call *c, const struct principal_record *app, yyjson_mut_val *kept,
                    struct error *err)
{
    yyjson_val *old = yyjson_obj_get(app->body, URIS), *item;
    yyjson_mut_val *uri;
    yyjson_mut_arr_iter iter;
    size_t i, count;
    bool existed;

    yyjson_arr_foreach(old, i, count, item)
    {
        if (!store_delete(c->txn, key_of(c, json_str(item)), &existed, err))
            return false;
    }
    if (!kept || !yyjson_mut_arr_iter_init(yyjson_mut_obj_get(kept, URIS), &iter))
        return true;
    while ((uri = yyjson_mut_arr_iter_next(&iter))) {
        if (!put_uri(c, app, json_mut_str(uri), err))
            return false;
    }
    return true;
}

/* Its id; empty: no application has the name. */
static bool find_id(struct entra_call *c, struct str name, struct str *id, struct error *err)
{
    struct str rest = str_slice(name, strlen("api://"), SIZE_MAX);
    struct store_resource r;
    bool found;

    *id = name;
    if (format_is_guid(name) || is_own_audience(name) || !str_equal(token_audience(c, name), name))
        return true;
    if (!store_get(c->txn, key_of(c, name), &r, &found, err))
        return false;
    /* "api://ID" is Entra's own suggestion, and needs not be said */
    *id = found                                                                 ? r.id
          : str_starts_with_nocase(name, STR("api://")) && format_is_guid(rest) ? rest
                                                                                : STR_NONE;
    return true;
}

bool resource_find(struct entra_call *c, struct str name, struct resource *r, struct error *err)
{
    struct str id;
    bool found = false;

    *r = (struct resource){ .name = name };
    if (!find_id(c, name, &id, err) ||
        (format_is_guid(id) && !principals_find(c->txn, c->arena, id, &r->app, &found, err)))
        return false;
    r->is_application = found && r->app.type == PRINCIPAL_TYPE_APPLICATION;
    r->is_v2 =
        r->is_application && yyjson_get_int(yyjson_obj_get(r->app.body, "tokenVersion")) == 2;
    return true;
}

/* -- Claims ---------------------------------------------------------------------------------- */

static bool is_assigned(const struct principal_entry *who, struct str object_id, yyjson_val *item)
{
    struct str id = json_str(yyjson_obj_get(item, "principalId"));

    if (str_equal_nocase(id, object_id))
        return true;
    for (size_t i = 0; who && i < who->group_count; i++) {
        if (str_equal_nocase(id, who->groups[i]))
            return true;
    }
    return false;
}

/* Is the role assigned to them, or to a group that they are in? */
static bool has_role(const struct resource *r, const struct principal_entry *who,
                     struct str object_id, struct str role_id)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(r->app.body, "assignedTo"), i, count, item)
    {
        if (str_equal_nocase(json_str(yyjson_obj_get(item, "appRoleId")), role_id) &&
            is_assigned(who, object_id, item))
            return true;
    }
    return false;
}

static void set_roles(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                      const struct resource *r, struct str object_id)
{
    const struct principal_entry *who = authority_find(c->state, object_id);
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_val *role;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(r->app.body, ROLES), i, count, role)
    {
        struct str value = json_str(yyjson_obj_get(role, "value"));

        if (value.len && !yyjson_is_false(yyjson_obj_get(role, "isEnabled")) &&
            has_role(r, who, object_id, json_str(yyjson_obj_get(role, "id"))))
            yyjson_mut_arr_add_strncpy(doc, list, value.data, value.len);
    }
    if (yyjson_mut_arr_size(list))
        json_set(doc, claims, "roles", list);
}

void resource_set_claims(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *claims,
                         const struct resource *r, struct str client_id, const char *acr,
                         struct str object_id)
{
    json_set_str(doc, claims, "aud", r->is_v2 ? r->app.name : token_audience(c, r->name));
    json_set_str(doc, claims, r->is_v2 ? "azp" : "appid", client_id);
    json_set_str(doc, claims, r->is_v2 ? "azpacr" : "appidacr", str_from(acr));
    if (r->is_v2) {
        json_set_str(doc, claims, "iss", entra_issuer_v2(c));
        json_set_str(doc, claims, "ver", STR("2.0"));
    }
    if (r->is_application)
        set_roles(c, doc, claims, r, object_id);
}
