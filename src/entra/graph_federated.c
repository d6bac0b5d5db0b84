/*
 * Microsoft Graph: the federated identity credentials of applications (identity/federated_credential.h).
 * Those of managed identities are resources of ARM's. The issuer of one need not be listed by the
 * operator: nothing is fetched from it here, and what it says is believed only once it is.
 * SPDX-License-Identifier: MIT
 */
#include "entra/graph_filter.h"
#include "entra/graph_write.h"
#include "identity/federated_credential.h"

static const char *const members[] = { "name", "issuer", "subject", "audiences", "description" };

static bool no_credential(struct str name, struct error *err)
{
    return error_set(err, ERROR_GRAPH_NOT_FOUND,
                     "Resource '%.*s' does not exist or one of its queried reference-property "
                     "objects are not present.",
                     STR_ARGS(str_slice(name, 0, 130)));
}

/* Is it the one that the path names, by its id or its name? */
static bool is_named(const struct entra_call *c, struct str id, struct str name)
{
    return str_equal_nocase(id, c->names[1]) || str_equal_nocase(name, c->names[1]);
}

/* -- Reading --------------------------------------------------------------------------------- */

static yyjson_mut_val *show(yyjson_mut_doc *doc, yyjson_val *item)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc);

    json_set_str(doc, shown, "id", json_str(yyjson_obj_get(item, "id")));
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        yyjson_val *value = yyjson_obj_get(item, members[i]);

        json_set(doc, shown, members[i],
                 value ? yyjson_val_mut_copy(doc, value) : yyjson_mut_null(doc));
    }
    return shown;
}

static bool list(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc), *shown;
    struct principal_record p;
    struct graph_filter filter;
    struct principal who;
    yyjson_val *item;
    size_t i, count;

    if (!graph_authenticate(c, &who, err) || !graph_find(c, &p, err))
        return false;
    if (!graph_filter_parse(c->arena, http_query_get(c->arena, c->request->query, STR("$filter")),
                            &filter))
        return error_set(err, ERROR_GRAPH_QUERY, "Unsupported or invalid query filter clause.");
    yyjson_arr_foreach(yyjson_obj_get(p.body, FEDERATED_CREDENTIALS), i, count, item)
    {
        shown = show(doc, item);
        if (graph_filter_matches(&filter, shown))
            yyjson_mut_arr_append(value, shown);
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

static bool get(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    struct principal_record p;
    struct principal who;
    yyjson_val *item;
    size_t i, count;

    if (!graph_authenticate(c, &who, err) || !graph_find(c, &p, err))
        return false;
    yyjson_arr_foreach(yyjson_obj_get(p.body, FEDERATED_CREDENTIALS), i, count, item)
    {
        if (!is_named(c, json_str(yyjson_obj_get(item, "id")),
                      json_str(yyjson_obj_get(item, "name"))))
            continue;
        entra_reply_json(c, 200, show(doc, item));
        return true;
    }
    return no_credential(c->names[1], err);
}

/* -- Writing --------------------------------------------------------------------------------- */

static bool is_description(yyjson_val *value)
{
    return !value || yyjson_is_null(value) ||
           (yyjson_is_str(value) &&
            str_count_chars(json_str(value)) <= FEDERATED_CREDENTIAL_TEXT_MAX);
}

/* What the body has replaces what there is; null takes it away. */
static bool take_body(yyjson_mut_doc *doc, yyjson_mut_val *item, yyjson_val *body,
                      struct error *err)
{
    yyjson_val *expression = yyjson_obj_get(body, "claimsMatchingExpression");

    if (expression && !yyjson_is_null(expression))
        return error_set(err, ERROR_GRAPH_FEDERATED,
                         "FederatedIdentityCredential.claimsMatchingExpression is not supported: "
                         "use 'subject'.");
    if (!is_description(yyjson_obj_get(body, "description")))
        return error_set(err, ERROR_GRAPH_FEDERATED,
                         "Invalid value of FederatedIdentityCredential.description: it must have "
                         "at most %d characters.",
                         FEDERATED_CREDENTIAL_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        yyjson_val *value = yyjson_obj_get(body, members[i]);

        if (yyjson_is_null(value))
            yyjson_mut_obj_remove_key(item, members[i]);
        else if (value)
            json_set(doc, item, members[i], yyjson_val_mut_copy(doc, value));
    }
    return true;
}

/* Completes one that will stand beside those that `p` has, in the place of the one of its own name. */
static bool check(struct entra_call *c, const struct principal_record *p, yyjson_mut_val *item,
                  struct error *err)
{
    yyjson_val *value = yyjson_doc_get_root(json_freeze(c->arena, item));
    struct federated_credential *others, f;
    const char *member, *fault;
    size_t count;

    f = federated_credential_read(json_str(yyjson_obj_get(value, "name")), value);
    fault = federated_credential_fault(&f, &member);
    if (fault)
        return error_set(err, ERROR_GRAPH_FEDERATED,
                         "Invalid value of FederatedIdentityCredential.%s: %s.", member, fault);
    if (!federated_credentials_list(c->txn, c->arena, p, &others, &count, err))
        return false;
    return !federated_credentials_find(others, count, &f, f.name) ||
           error_set(err, ERROR_GRAPH_FEDERATED,
                     "The combination of issuer and subject must be unique for the application. "
                     "Issuer %.*s and Subject: %.*s already exist. paramName: "
                     "FederatedIdentityCredential.Subject.",
                     STR_ARGS(str_slice(f.issuer, 0, 200)), STR_ARGS(str_slice(f.subject, 0, 200)));
}

static bool is_taken(const struct principal_record *p, struct str name)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(p->body, FEDERATED_CREDENTIALS), i, count, item)
    {
        if (str_equal_nocase(json_str(yyjson_obj_get(item, "name")), name))
            return true;
    }
    return false;
}

static bool check_room(const struct principal_record *p, yyjson_val *body, struct error *err)
{
    struct str name = json_str(yyjson_obj_get(body, "name"));

    if (is_taken(p, name))
        return error_set(err, ERROR_GRAPH_SAME_KEY,
                         "FederatedIdentityCredential with name %.*s already exists.",
                         STR_ARGS(str_slice(name, 0, FEDERATED_CREDENTIAL_NAME_MAX)));
    if (yyjson_arr_size(yyjson_obj_get(p->body, FEDERATED_CREDENTIALS)) < FEDERATED_CREDENTIALS_MAX)
        return true;
    return error_set(err, ERROR_GRAPH_FEDERATED,
                     "The application has %d federated identity credentials, which is the maximum.",
                     FEDERATED_CREDENTIALS_MAX);
}

static bool create(struct entra_call *c, struct error *err)
{
    struct str id = graph_new_guid(c);
    struct principal_record p;
    yyjson_mut_val *kept, *item, *all;
    yyjson_mut_doc *doc, *reply;
    yyjson_val *body;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    item = yyjson_mut_obj(doc);
    json_set_str(doc, item, "id", id);
    if (!check_room(&p, body, err) || !take_body(doc, item, body, err) || !check(c, &p, item, err))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    all = yyjson_mut_obj_get(kept, FEDERATED_CREDENTIALS);
    if (!all) {
        all = yyjson_mut_arr(doc);
        json_set(doc, kept, FEDERATED_CREDENTIALS, all);
    }
    yyjson_mut_arr_append(all, item);
    reply = json_new(c->arena);
    entra_reply_json(c, 201, show(reply, yyjson_doc_get_root(json_freeze(c->arena, item))));
    return graph_save(c, &p, kept, "federated_credential_added", id, err);
}

/* The one that the path names, in the document that is being changed; with `is_removed` it is taken out.
 * NULL: there is none. */
static yyjson_mut_val *find(const struct entra_call *c, yyjson_mut_val *kept, bool is_removed)
{
    yyjson_mut_arr_iter iter;
    yyjson_mut_val *item;

    if (!yyjson_mut_arr_iter_init(yyjson_mut_obj_get(kept, FEDERATED_CREDENTIALS), &iter))
        return NULL;
    while ((item = yyjson_mut_arr_iter_next(&iter))) {
        if (is_named(c, json_mut_str(yyjson_mut_obj_get(item, "id")),
                     json_mut_str(yyjson_mut_obj_get(item, "name"))))
            return is_removed ? yyjson_mut_arr_iter_remove(&iter) : item;
    }
    return NULL;
}

static bool change(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_val *kept, *item;
    yyjson_mut_doc *doc;
    yyjson_val *body, *name;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    item = find(c, kept, false);
    if (!item)
        return no_credential(c->names[1], err);
    name = yyjson_obj_get(body, "name");
    if (name && !str_equal(json_str(name), json_mut_str(yyjson_mut_obj_get(item, "name"))))
        return error_set(err, ERROR_GRAPH_FEDERATED,
                         "FederatedIdentityCredential.name cannot be changed.");
    if (!take_body(doc, item, body, err) || !check(c, &p, item, err))
        return false;
    c->reply.status = 204;
    return graph_save(c, &p, kept, "federated_credential_updated",
                      json_mut_str(yyjson_mut_obj_get(item, "id")), err);
}

static bool take_out(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_val *kept, *item;
    yyjson_mut_doc *doc;

    doc = graph_begin_change(c, &p, err);
    if (!doc)
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    item = find(c, kept, true);
    if (!item)
        return no_credential(c->names[1], err);
    c->reply.status = 204;
    return graph_save(c, &p, kept, "federated_credential_removed",
                      json_mut_str(yyjson_mut_obj_get(item, "id")), err);
}

#define PATH "/v1.0/applications/{}/federatedIdentityCredentials"

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, PATH, list, false },
    { HTTP_POST, PATH, create, false },
    { HTTP_GET, PATH "/{}", get, false },
    { HTTP_PATCH, PATH "/{}", change, false },
    { HTTP_DELETE, PATH "/{}", take_out, false },
};

const struct entra_endpoints entra_graph_federated = { endpoints, ARRAY_LEN(endpoints) };
