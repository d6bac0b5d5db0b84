/*
 * Microsoft Graph: service principals. One stands in its application's document, with what is its own
 * alone in GRAPH_OF_SERVICE_PRINCIPAL.
 * SPDX-License-Identifier: MIT
 */
#include "entra/graph_write.h"

#define TEXTS_MAX 100

/* A list of texts that may be set; null empties it. */
static bool take_texts(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                       const char *name, struct error *err)
{
    yyjson_val *list = yyjson_obj_get(body, name), *item;
    bool good = !list || yyjson_is_null(list) ||
                (yyjson_is_arr(list) && yyjson_arr_size(list) <= TEXTS_MAX);
    size_t i, count;

    yyjson_arr_foreach(list, i, count, item)
    {
        good &= yyjson_is_str(item) && yyjson_get_len(item) <= GRAPH_TEXT_MAX;
    }
    if (!good)
        return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                         "Invalid value specified for property '%s' of resource.", name);
    if (list)
        json_set(doc, kept, name,
                 yyjson_is_arr(list) ? yyjson_val_mut_copy(doc, list) : yyjson_mut_arr(doc));
    return true;
}

/* What a service principal has of its own, "accountEnabled" apart. Its name is its application's. */
static bool take_own(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body, struct error *err)
{
    static const struct graph_member of_account[] = {
        { .name = "accountEnabled", .is_boolean = true, .is_needed = true },
    };
    static const struct graph_member own[] = {
        { .name = "description" },
        { .name = "notes" },
        { .name = "loginUrl" },
        { .name = "preferredSingleSignOnMode" },
        { .name = "appRoleAssignmentRequired", .is_boolean = true, .is_needed = true },
    };
    static const char *const lists[] = { "alternativeNames", "notificationEmailAddresses", "tags" };
    yyjson_mut_val *inner = json_set_object(doc, kept, GRAPH_OF_SERVICE_PRINCIPAL);
    struct str name = json_str(yyjson_obj_get(body, "displayName"));

    if (name.data && !str_equal(name, json_mut_str(yyjson_mut_obj_get(kept, "displayName"))))
        return graph_refuse(err, "Property displayName on the service principal does not match the "
                                 "application object.");
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (!take_texts(doc, inner, body, lists[i], err))
            return false;
    }
    return graph_take_members(doc, kept, body, of_account, ARRAY_LEN(of_account), err) &&
           graph_take_members(doc, inner, body, own, ARRAY_LEN(own), err);
}

/* The service principal of an application that is there. */
static bool create(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;
    yyjson_val *body;
    bool found;

    if (!graph_authorize(c, err) || !(body = graph_read_body(c, err)) ||
        !principals_find(c->txn, c->arena, json_str(yyjson_obj_get(body, "appId")), &p, &found,
                         err))
        return false;
    if (!found || p.type != PRINCIPAL_TYPE_APPLICATION)
        return graph_refuse(err, "The appId of the service principal does not reference a valid "
                                 "application object.");
    if (graph_is_of_kind(&p, GRAPH_SERVICE_PRINCIPALS))
        return graph_refuse(err,
                            "The service principal cannot be created, updated, or restored because "
                            "the service principal name is already in use.");
    doc = json_copy(c->arena, p.body);
    kept = yyjson_mut_doc_get_root(doc);
    yyjson_mut_obj_remove_key(kept, "isServicePrincipal");
    if (!take_own(doc, kept, body, err) ||
        !graph_take_references(c, doc, kept, body, GRAPH_SERVICE_PRINCIPALS, err))
        return false;
    /* an earlier one of the application had the same object id: its tokens stay dead */
    json_set_int(doc, kept, "validFromMs", authority_now_ms(c->entra->authority));
    return graph_create(c, &p, kept, GRAPH_SERVICE_PRINCIPALS, err);
}

static bool change(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_val *body;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    if (!take_own(doc, yyjson_mut_doc_get_root(doc), body, err))
        return false;
    c->reply.status = 204;
    return graph_save(c, &p, yyjson_mut_doc_get_root(doc), "updated", STR_NONE, err);
}

/* The application stays, without any right. */
static bool delete (struct entra_call *c, struct error *err)
{
    static const char *const gone[] = { GRAPH_OF_SERVICE_PRINCIPAL, "servicePrincipalOwners",
                                        "accountEnabled" };
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;

    doc = graph_begin_change(c, &p, err);
    if (!doc)
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    json_set_bool(doc, kept, "isServicePrincipal", false);
    for (size_t i = 0; i < ARRAY_LEN(gone); i++)
        yyjson_mut_obj_remove_key(kept, gone[i]);
    c->reply.status = 204;
    return graph_save(c, &p, kept, "service_principal_deleted", STR_NONE, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_POST, "/v1.0/servicePrincipals", create, false },
    { HTTP_PATCH, "/v1.0/servicePrincipals/{}", change, false },
    { HTTP_DELETE, "/v1.0/servicePrincipals/{}", delete, false },
};

const struct entra_endpoints entra_graph_service_principal = { endpoints, ARRAY_LEN(endpoints) };
