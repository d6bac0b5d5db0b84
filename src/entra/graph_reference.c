/*
 * Microsoft Graph: the objects that one refers to, which are the members of a group, and the owners of
 * groups, applications and service principals. Owners are kept and shown; what somebody may change,
 * the roles in the subscription say (graph_authorize).
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "entra/graph_write.h"

#define BOUND_MAX 20 /* in one request; Graph's own */

static const struct reference {
    const char *name; /* in the path, and of the property */
    const char *list; /* in the document: an application and its service principal share one */
    enum graph_kind kind;
    unsigned max;
    bool takes_groups;
    const char *added, *removed; /* as audit_changed takes them */
} references[] = {
    { "members", "members", GRAPH_GROUPS, 20000, true, "member_added", "member_removed" },
    { "owners", "owners", GRAPH_GROUPS, 100, false, "owner_added", "owner_removed" },
    { "owners", "owners", GRAPH_APPLICATIONS, 100, false, "owner_added", "owner_removed" },
    { "owners", "servicePrincipalOwners", GRAPH_SERVICE_PRINCIPALS, 100, false, "owner_added",
      "owner_removed" },
};

/* The one that the path names. */
static const struct reference *reference_of(const struct entra_call *c)
{
    struct str path = str_from(c->endpoint->path);
    const struct reference *r = references;

    while (r->kind != graph_kind_of(c) || str_find(path, str_from(r->name)) == SIZE_MAX)
        r++;
    return r;
}

static bool no_object(struct str id, struct error *err)
{
    return error_set(err, ERROR_GRAPH_NOT_FOUND, "Resource '%.*s' does not exist.",
                     STR_ARGS(str_slice(id, 0, 60)));
}

/* Takes an object out of the list; false when it was not in it. */
static bool take_out(yyjson_mut_val *list, struct str id)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;
    bool removed = false;

    if (!yyjson_mut_arr_iter_init(list, &iter))
        return false;
    while ((item = yyjson_mut_arr_iter_next(&iter))) {
        if (str_equal_nocase(json_mut_str(item), id))
            removed = yyjson_mut_arr_iter_remove(&iter) != NULL;
    }
    return removed;
}

/* Adds what an "@odata.id" names, "https://graph/v1.0/directoryObjects/ID"; *id becomes its id. */
static bool put_in(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *kept,
                   const struct reference *r, struct str link, struct str *id, struct error *err)
{
    yyjson_mut_val *list = yyjson_mut_obj_get(kept, r->list);
    struct principal_record object;
    bool found;

    *id = str_slice(link, link.len < GUID_TEXT_LEN ? 0 : link.len - GUID_TEXT_LEN, SIZE_MAX);
    if (!principals_get(c->txn, c->arena, *id, &object, &found, err))
        return false;
    if (!found)
        return no_object(*id, err);
    *id = object.object_id;
    if (object.type == PRINCIPAL_TYPE_GROUP && !r->takes_groups)
        return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                         "The reference target 'Group_%.*s' of type 'Group' is invalid for the "
                         "'%s' reference.",
                         STR_ARGS(*id), r->name);
    if (!list) {
        list = yyjson_mut_arr(doc);
        json_set(doc, kept, r->list, list);
    }
    if (yyjson_mut_arr_size(list) >= r->max)
        return error_set(err, ERROR_GRAPH_BAD_REQUEST, "The object has too many %s.", r->name);
    if (take_out(list, *id))
        return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                         "One or more added object references already exist for the following "
                         "modified properties: '%s'.",
                         r->name);
    yyjson_mut_arr_add_strncpy(doc, list, id->data, id->len);
    return true;
}

bool graph_take_references(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *kept,
                           yyjson_val *body, enum graph_kind kind, struct error *err)
{
    for (size_t n = 0; n < ARRAY_LEN(references); n++) {
        const struct reference *r = &references[n];
        const char *name = arena_printf(c->arena, "%s@odata.bind", r->name).data;
        yyjson_val *links = yyjson_obj_get(body, name), *link;
        struct str id;
        size_t i, count;

        if (r->kind != kind || !links)
            continue;
        if (!yyjson_is_arr(links) || yyjson_arr_size(links) > BOUND_MAX)
            return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                             "Invalid value specified for property '%s' of resource: it must be a "
                             "list of at most %d.",
                             name, BOUND_MAX);
        yyjson_arr_foreach(links, i, count, link)
        {
            if (!put_in(c, doc, kept, r, json_str(link), &id, err))
                return false;
        }
    }
    return true;
}

/* -- Endpoints ------------------------------------------------------------------------------- */

static bool list(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    struct principal who;

    return graph_authenticate(c, &who, err) && graph_find(c, &p, err) &&
           graph_reply_objects(c, yyjson_obj_get(p.body, reference_of(c)->list), err);
}

/* {"@odata.id": "..."} */
static bool add(struct entra_call *c, struct error *err)
{
    const struct reference *r = reference_of(c);
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;
    yyjson_val *body;
    struct str id;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    if (!put_in(c, doc, kept, r, json_str(yyjson_obj_get(body, "@odata.id")), &id, err))
        return false;
    c->reply.status = 204;
    return graph_save(c, &p, kept, r->added, id, err);
}

static bool take(struct entra_call *c, struct error *err)
{
    const struct reference *r = reference_of(c);
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;

    doc = graph_begin_change(c, &p, err);
    if (!doc)
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    if (!take_out(yyjson_mut_obj_get(kept, r->list), c->names[1]))
        return no_object(c->names[1], err);
    c->reply.status = 204;
    return graph_save(c, &p, kept, r->removed, c->names[1], err);
}

#define REFERENCES_OF(path)                                                   \
    { HTTP_GET, path, list, false }, { HTTP_POST, path "/$ref", add, false }, \
    {                                                                         \
        HTTP_DELETE, path "/{}/$ref", take, false                             \
    }

static const struct entra_endpoint endpoints[] = {
    REFERENCES_OF("/v1.0/groups/{}/members"),
    REFERENCES_OF("/v1.0/groups/{}/owners"),
    REFERENCES_OF("/v1.0/applications/{}/owners"),
    REFERENCES_OF("/v1.0/servicePrincipals/{}/owners"),
};

const struct entra_endpoints entra_graph_reference = { endpoints, ARRAY_LEN(endpoints) };
