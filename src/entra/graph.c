/* SPDX-License-Identifier: MIT */
#include "entra/graph.h"

#include "base/format.h"

#define LIST_MAX 999 /* Graph's own */

static const struct {
    const char *segment;
    const char *odata_type;
    enum principal_type type;
} kinds[GRAPH_KINDS] = {
    [GRAPH_USERS] = { "users", "#microsoft.graph.user", PRINCIPAL_TYPE_USER },
    [GRAPH_APPLICATIONS] = { "applications", "#microsoft.graph.application",
                             PRINCIPAL_TYPE_APPLICATION },
    [GRAPH_SERVICE_PRINCIPALS] = { "servicePrincipals", "#microsoft.graph.servicePrincipal",
                                   PRINCIPAL_TYPE_APPLICATION },
    [GRAPH_GROUPS] = { "groups", "#microsoft.graph.group", PRINCIPAL_TYPE_GROUP },
};

/* -- Who asks -------------------------------------------------------------------------------- */

bool graph_authenticate(struct entra_call *c, struct principal *who, struct error *err)
{
    struct str value = c->request->authorization, scheme = STR("Bearer ");
    struct str audiences[] = { STR("https://graph.microsoft.com"),
                               STR("00000003-0000-0000-c000-000000000000"), c->request->base };
    struct token_audiences allowed = { audiences, ARRAY_LEN(audiences) };
    int64_t expires_at_ms;
    struct error why;

    if (str_starts_with_nocase(value, scheme) &&
        authority_check(c->entra->authority, c->arena,
                        str_trim(str_slice(value, scheme.len, SIZE_MAX)), &allowed, who,
                        &expires_at_ms, &why))
        return true;
    return error_set(err, ERROR_GRAPH_TOKEN, NULL);
}

bool graph_authorize(struct entra_call *c, struct error *err)
{
    struct str scope = arena_printf(c->arena, "/subscriptions/%s", c->entra->subscription_id);
    struct rbac_principal asker;
    struct principal who;
    struct directory *directory;
    bool may;

    if (!graph_authenticate(c, &who, err))
        return false;
    asker = (struct rbac_principal){ who.object_id, who.groups, who.group_count };
    directory = directory_box_get(c->entra->directory);
    may = rbac_allows(directory_roles(directory), &asker, RBAC_ACTION,
                      STR("Microsoft.Authorization/roleAssignments/write"), scope);
    directory_unref(directory);
    return may || error_set(err, ERROR_GRAPH_DENIED, NULL);
}

/* -- What is shown --------------------------------------------------------------------------- */

enum graph_kind graph_kind_of(const struct entra_call *c)
{
    struct str path = str_from(c->endpoint->path);

    for (int i = 0; i < GRAPH_KINDS; i++) {
        if (str_starts_with(str_slice(path, strlen("/v1.0/"), SIZE_MAX),
                            str_from(kinds[i].segment)))
            return (enum graph_kind)i;
    }
    return GRAPH_USERS; /* "/v1.0/me" */
}

bool graph_is_of_kind(const struct principal_record *p, enum graph_kind kind)
{
    if (kind == GRAPH_SERVICE_PRINCIPALS)
        return p->type == PRINCIPAL_TYPE_MANAGED_IDENTITY ||
               (p->type == PRINCIPAL_TYPE_APPLICATION &&
                !yyjson_is_false(yyjson_obj_get(p->body, "isServicePrincipal")));
    return p->type == kinds[kind].type;
}

static void copy_members(yyjson_mut_doc *doc, yyjson_mut_val *shown, yyjson_val *body,
                         const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        yyjson_val *value = yyjson_obj_get(body, names[i]);

        json_set(doc, shown, names[i],
                 value ? yyjson_val_mut_copy(doc, value) : yyjson_mut_null(doc));
    }
}

/* Secrets without what they are checked by. */
static yyjson_mut_val *show_secrets(yyjson_mut_doc *doc, yyjson_val *secrets)
{
    static const char *const names[] = { "keyId", "displayName", "hint", "startDateTime",
                                         "endDateTime" };
    yyjson_mut_val *list = yyjson_mut_arr(doc);
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(secrets, i, count, item)
    {
        yyjson_mut_val *shown = yyjson_mut_obj(doc);

        copy_members(doc, shown, item, names, ARRAY_LEN(names));
        yyjson_mut_arr_append(list, shown);
    }
    return list;
}

static void show_application(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                             const struct principal_record *p, enum graph_kind kind)
{
    yyjson_mut_val *names = yyjson_mut_arr(doc);

    json_set_str(doc, shown, "appId", p->name);
    json_set(doc, shown, "passwordCredentials",
             show_secrets(doc, yyjson_obj_get(p->body, "secrets")));
    json_set(doc, shown, "keyCredentials",
             show_secrets(doc, yyjson_obj_get(p->body, "certificates")));
    if (kind == GRAPH_APPLICATIONS) {
        json_set(doc, shown, "identifierUris", yyjson_mut_arr(doc));
        return;
    }
    yyjson_mut_arr_add_strncpy(doc, names, p->name.data, p->name.len);
    json_set(doc, shown, "servicePrincipalNames", names);
    json_set_str(doc, shown, "servicePrincipalType",
                 p->type == PRINCIPAL_TYPE_APPLICATION ? STR("Application")
                                                       : STR("ManagedIdentity"));
    json_set_bool(doc, shown, "accountEnabled", principal_is_enabled(p));
    json_set_str(doc, shown, "appOwnerOrganizationId", authority_tenant(c->entra->authority));
}

yyjson_mut_val *graph_show(struct entra_call *c, yyjson_mut_doc *doc,
                           const struct principal_record *p, enum graph_kind kind)
{
    static const char *const of_user[] = { "displayName", "givenName", "surname", "mail",
                                           "jobTitle" };
    static const char *const of_group[] = { "displayName", "description", "mailNickname",
                                            "mailEnabled", "securityEnabled" };
    static const char *const of_application[] = { "displayName" };
    yyjson_mut_val *shown = yyjson_mut_obj(doc);

    json_set_str(doc, shown, "id", p->object_id);
    json_set_str(doc, shown, "createdDateTime", format_time_seconds(c->arena, p->created_at_ms));
    switch (kind) {
    case GRAPH_USERS:
        copy_members(doc, shown, p->body, of_user, ARRAY_LEN(of_user));
        json_set_str(doc, shown, "userPrincipalName", p->name);
        json_set_bool(doc, shown, "accountEnabled", principal_is_enabled(p));
        break;
    case GRAPH_GROUPS:
        copy_members(doc, shown, p->body, of_group, ARRAY_LEN(of_group));
        break;
    case GRAPH_APPLICATIONS:
    case GRAPH_SERVICE_PRINCIPALS:
        copy_members(doc, shown, p->body, of_application, ARRAY_LEN(of_application));
        show_application(c, doc, shown, p, kind);
        break;
    }
    return shown;
}

static bool reply_one(struct entra_call *c, const struct principal_record *p, enum graph_kind kind)
{
    yyjson_mut_doc *doc = json_new(c->arena);

    entra_reply_json(c, 200, graph_show(c, doc, p, kind));
    return true;
}

/* -- $filter --------------------------------------------------------------------------------- */

/* What a filter may say, with its text left out. */
static const struct {
    const char *shape;
    const char *member;
    bool is_prefix;
} terms[] = {
    { "id eq ?", "id", false },
    { "appId eq ?", "appId", false },
    { "displayName eq ?", "displayName", false },
    { "userPrincipalName eq ?", "userPrincipalName", false },
    { "mailNickname eq ?", "mailNickname", false },
    { "servicePrincipalNames/any(c:c eq ?)", "appId", false },
    { "servicePrincipalNames/any(x:x eq ?)", "appId", false },
    { "identifierUris/any(s:s eq ?)", "identifierUri", false },
    { "startswith(displayName,?)", "displayName", true },
    { "startswith(userPrincipalName,?)", "userPrincipalName", true },
};

/* Takes "SHAPE with 'text'" off *rest, up to the " and " behind it. */
static bool take_term(struct arena *a, struct str *rest, struct str *shape, struct str *text)
{
    size_t start = str_find_char(*rest, '\''), end;
    struct str behind;

    if (start == SIZE_MAX)
        return false;
    *text = str_slice(*rest, start + 1, SIZE_MAX);
    end = str_find_char(*text, '\'');
    if (end == SIZE_MAX)
        return false;
    behind = str_slice(*text, end + 1, SIZE_MAX);
    *text = str_slice(*text, 0, end);
    end = str_find(behind, STR(" and "));
    *shape = arena_printf(a, "%.*s?%.*s", STR_ARGS(str_slice(*rest, 0, start)),
                          STR_ARGS(str_trim(str_slice(behind, 0, end))));
    *rest = end == SIZE_MAX ? STR_NONE : str_slice(behind, end + strlen(" and "), SIZE_MAX);
    return true;
}

static bool matches_term(yyjson_mut_val *shown, struct str shape, struct str text, bool *is_known)
{
    for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
        struct str value;

        if (!str_equal_nocase(shape, str_from(terms[i].shape)))
            continue;
        value = json_mut_str(yyjson_mut_obj_get(shown, terms[i].member));
        return terms[i].is_prefix ? str_starts_with_nocase(value, text)
                                  : str_equal_nocase(value, text);
    }
    *is_known = false;
    return false;
}

/* *is_known is false for a filter that cannot be done: none is left aside. */
static bool matches(struct entra_call *c, struct str filter, yyjson_mut_val *shown, bool *is_known)
{
    struct str shape, text;
    bool all = true;

    *is_known = true;
    while (filter.len && *is_known) {
        if (take_term(c->arena, &filter, &shape, &text))
            all &= matches_term(shown, shape, text, is_known);
        else
            *is_known = false;
    }
    return all;
}

/* -- Reading --------------------------------------------------------------------------------- */

static bool list(struct entra_call *c, struct error *err)
{
    struct str filter = http_query_get(c->arena, c->request->query, STR("$filter"));
    enum graph_kind kind = graph_kind_of(c);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct principal_record *all;
    struct principal who;
    bool is_known;
    size_t count;

    if (!graph_authenticate(c, &who, err) ||
        !principals_list(c->txn, c->arena, STR_NONE, 0, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        yyjson_mut_val *shown;

        if (!graph_is_of_kind(&all[i], kind))
            continue;
        shown = graph_show(c, doc, &all[i], kind);
        if (matches(c, filter, shown, &is_known) && yyjson_mut_arr_size(value) < LIST_MAX)
            yyjson_mut_arr_append(value, shown);
        if (!is_known)
            return error_set(err, ERROR_GRAPH_QUERY, "Unsupported or invalid query filter clause.");
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

bool graph_find(struct entra_call *c, struct principal_record *p, struct error *err)
{
    struct str name, prefix = STR("(appId='");
    bool found;

    if (!format_percent_decode(c->arena, c->names[0], &name))
        name = STR_NONE;
    if (format_is_guid(name)) {
        if (!principals_get(c->txn, c->arena, name, p, &found, err))
            return false;
    } else {
        if (str_starts_with_nocase(name, prefix) && str_ends_with(name, STR("')")))
            name = str_slice(name, prefix.len, name.len - prefix.len - 2);
        if (!principals_find(c->txn, c->arena, name, p, &found, err))
            return false;
    }
    if (found && graph_is_of_kind(p, graph_kind_of(c)))
        return true;
    return error_set(err, ERROR_GRAPH_NOT_FOUND,
                     "Resource '%.*s' does not exist or one of its queried reference-property "
                     "objects are not present.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static bool get(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    struct principal who;

    return graph_authenticate(c, &who, err) && graph_find(c, &p, err) &&
           reply_one(c, &p, graph_kind_of(c));
}

static bool me(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    struct principal who;
    bool found;

    if (!graph_authenticate(c, &who, err) ||
        !principals_get(c->txn, c->arena, who.object_id, &p, &found, err))
        return false;
    if (!found || p.type != PRINCIPAL_TYPE_USER)
        return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                         "/me request is only valid with delegated authentication flow.");
    return reply_one(c, &p, GRAPH_USERS);
}

static enum graph_kind shown_kind(const struct principal_record *p)
{
    if (p->type == PRINCIPAL_TYPE_USER)
        return GRAPH_USERS;
    return p->type == PRINCIPAL_TYPE_GROUP ? GRAPH_GROUPS : GRAPH_SERVICE_PRINCIPALS;
}

static void append_object(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *value,
                          const struct principal_record *p)
{
    enum graph_kind kind = shown_kind(p);
    yyjson_mut_val *shown = graph_show(c, doc, p, kind);

    json_set_str(doc, shown, "@odata.type", str_from(kinds[kind].odata_type));
    yyjson_mut_arr_append(value, shown);
}

/* Those of a list of ids that are there. */
static bool reply_objects(struct entra_call *c, yyjson_val *ids, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    yyjson_val *id;
    size_t i, count;

    yyjson_arr_foreach(ids, i, count, id)
    {
        struct principal_record p;
        bool found;

        if (!principals_get(c->txn, c->arena, json_str(id), &p, &found, err))
            return false;
        if (found)
            append_object(c, doc, value, &p);
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

static bool get_by_ids(struct entra_call *c, struct error *err)
{
    struct principal who;
    struct error ignored;
    yyjson_doc *body;
    yyjson_val *ids;

    if (!graph_authenticate(c, &who, err))
        return false;
    body = json_parse(c->arena, c->request->body, &ignored);
    ids = body ? yyjson_obj_get(yyjson_doc_get_root(body), "ids") : NULL;
    if (!yyjson_is_arr(ids) || yyjson_arr_size(ids) > 1000)
        return error_set(err, ERROR_GRAPH_BAD_REQUEST,
                         "The body must have 'ids', a list of at most 1000 object ids.");
    return reply_objects(c, ids, err);
}

static bool members(struct entra_call *c, struct error *err)
{
    struct principal_record group;
    struct principal who;

    return graph_authenticate(c, &who, err) && graph_find(c, &group, err) &&
           reply_objects(c, yyjson_obj_get(group.body, "members"), err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/v1.0/me", me, false },
    { HTTP_GET, "/v1.0/users", list, false },
    { HTTP_GET, "/v1.0/users/{}", get, false },
    { HTTP_GET, "/v1.0/applications", list, false },
    { HTTP_GET, "/v1.0/applications/{}", get, false },
    { HTTP_GET, "/v1.0/servicePrincipals", list, false },
    { HTTP_GET, "/v1.0/servicePrincipals/{}", get, false },
    { HTTP_GET, "/v1.0/groups", list, false },
    { HTTP_GET, "/v1.0/groups/{}", get, false },
    { HTTP_GET, "/v1.0/groups/{}/members", members, false },
    { HTTP_POST, "/v1.0/directoryObjects/getByIds", get_by_ids, false },
};

const struct entra_endpoints entra_graph = { endpoints, ARRAY_LEN(endpoints) };
