/* SPDX-License-Identifier: MIT */
#include "entra/graph.h"

#include <stdlib.h>

#include "base/format.h"
#include "entra/graph_filter.h"
#include "entra/graph_write.h"
#include "entra/resource.h"
#include "identity/credential.h"
#include "identity/managed_identity.h"

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
    struct str token = credential_bearer(c->request->authorization);
    struct str audiences[] = { STR(GRAPH_AUDIENCE), STR("00000003-0000-0000-c000-000000000000"),
                               STR(TOKEN_AUDIENCE_OWN) };
    struct token_audiences allowed = { audiences, ARRAY_LEN(audiences) };
    int64_t expires_at_ms;
    struct error why;

    *who = (struct principal){ 0 };
    if (token.data &&
        authority_check(c->entra->authority, c->arena, token, &allowed, who, &expires_at_ms, &why))
        return true;
    return error_set(err, ERROR_GRAPH_TOKEN, NULL);
}

bool graph_authorize(struct entra_call *c, struct error *err)
{
    struct str scope = arena_printf(c->arena, "/subscriptions/%s", c->entra->subscription_id);
    struct principal *who = &c->asker;
    struct rbac_principal asker;
    struct directory *directory;
    bool may;

    if (!graph_authenticate(c, who, err))
        return false;
    asker = (struct rbac_principal){ who->object_id, who->groups, who->group_count };
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

/* Of a managed identity: which resource it belongs to, and whether it is one itself. */
static yyjson_mut_val *show_alternative_names(const struct entra_call *c, yyjson_mut_doc *doc,
                                              const struct principal_record *p)
{
    yyjson_mut_val *names = yyjson_mut_arr(doc);
    struct managed_identity identity;

    if (!managed_identity_read(p, &identity))
        return names;
    yyjson_mut_arr_add_str(doc, names,
                           identity.is_user_assigned ? "isExplicit=True" : "isExplicit=False");
    yyjson_mut_arr_add_strcpy(doc, names, arena_text(c->arena, identity.resource_id));
    return names;
}

/* What a service principal has besides its application. */
static void show_own(yyjson_mut_doc *doc, yyjson_mut_val *shown, yyjson_val *own)
{
    static const char *const texts[] = { "description", "notes", "loginUrl",
                                         "preferredSingleSignOnMode" };
    static const char *const lists[] = { "alternativeNames", "notificationEmailAddresses", "tags" };

    copy_members(doc, shown, own, texts, ARRAY_LEN(texts));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        yyjson_val *list = yyjson_obj_get(own, lists[i]);

        json_set(doc, shown, lists[i], list ? yyjson_val_mut_copy(doc, list) : yyjson_mut_arr(doc));
    }
    json_set_bool(doc, shown, "appRoleAssignmentRequired",
                  yyjson_is_true(yyjson_obj_get(own, "appRoleAssignmentRequired")));
}

static void show_application(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *shown,
                             const struct principal_record *p, enum graph_kind kind)
{
    json_set_str(doc, shown, "appId", p->name);
    json_set(doc, shown, "passwordCredentials",
             show_secrets(doc, yyjson_obj_get(p->body, "secrets")));
    json_set(doc, shown, "keyCredentials",
             show_secrets(doc, yyjson_obj_get(p->body, "certificates")));
    resource_show(doc, shown, p, kind == GRAPH_APPLICATIONS);
    if (kind == GRAPH_APPLICATIONS)
        return;
    json_set_str(doc, shown, "servicePrincipalType",
                 p->type == PRINCIPAL_TYPE_APPLICATION ? STR("Application")
                                                       : STR("ManagedIdentity"));
    json_set_bool(doc, shown, "accountEnabled", principal_is_enabled(p));
    show_own(doc, shown, yyjson_obj_get(p->body, GRAPH_OF_SERVICE_PRINCIPAL));
    if (p->type == PRINCIPAL_TYPE_MANAGED_IDENTITY)
        json_set(doc, shown, "alternativeNames", show_alternative_names(c, doc, p));
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

/* -- Reading --------------------------------------------------------------------------------- */

static struct str option(const struct entra_call *c, const char *name)
{
    return http_query_get(c->arena, c->request->query, str_from(name));
}

static bool read_list(struct entra_call *c, struct graph_filter *filter, uint64_t *limit,
                      struct str *after, struct error *err)
{
    struct str top = option(c, "$top");

    *limit = LIST_MAX;
    *after = option(c, "$skiptoken");
    if (option(c, "$search").data || !graph_filter_parse(c->arena, option(c, "$filter"), filter))
        return error_set(err, ERROR_GRAPH_QUERY, "Unsupported or invalid query filter clause.");
    if ((top.len && (!str_to_u64(top, LIST_MAX, limit) || *limit == 0)) ||
        (after->len && !format_is_guid(*after)))
        return error_set(err, ERROR_GRAPH_BAD_REQUEST, "Invalid page size or page token.");
    return true;
}

/* Where the list goes on, behind that object. */
static void set_next(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                     struct str last, uint64_t limit)
{
    struct str filter = format_percent_encode(c->arena, option(c, "$filter"));

    json_set_str(doc, root, "@odata.nextLink",
                 arena_printf(c->arena, "%.*s%s?%s%.*s&$top=%llu&$skiptoken=%.*s",
                              STR_ARGS(c->request->base), c->endpoint->path,
                              filter.len ? "$filter=" : "", STR_ARGS(filter),
                              (unsigned long long)limit, STR_ARGS(last)));
}

static bool list(struct entra_call *c, struct error *err)
{
    enum graph_kind kind = graph_kind_of(c);
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct principal_record *all;
    struct graph_filter filter;
    struct str after, last = STR_NONE;
    struct principal who;
    uint64_t limit;
    size_t count;

    if (!graph_authenticate(c, &who, err) || !read_list(c, &filter, &limit, &after, err) ||
        !principals_list(c->txn, c->arena, after, 0, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        yyjson_mut_val *shown;

        if (!graph_is_of_kind(&all[i], kind))
            continue;
        shown = graph_show(c, doc, &all[i], kind);
        if (!graph_filter_matches(&filter, shown))
            continue;
        if (yyjson_mut_arr_size(value) == limit) {
            set_next(c, doc, root, last, limit);
            break;
        }
        yyjson_mut_arr_append(value, shown);
        last = all[i].object_id;
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

bool graph_find_me(struct entra_call *c, struct principal_record *p, struct error *err)
{
    struct principal who;
    bool found;

    if (!graph_authenticate(c, &who, err) ||
        !principals_get(c->txn, c->arena, who.object_id, p, &found, err))
        return false;
    return (found && p->type == PRINCIPAL_TYPE_USER) ||
           error_set(err, ERROR_GRAPH_BAD_REQUEST,
                     "/me request is only valid with delegated authentication flow.");
}

static bool me(struct entra_call *c, struct error *err)
{
    struct principal_record p;

    return graph_find_me(c, &p, err) && reply_one(c, &p, GRAPH_USERS);
}

static enum graph_kind shown_kind(const struct principal_record *p)
{
    if (p->type == PRINCIPAL_TYPE_USER)
        return GRAPH_USERS;
    return p->type == PRINCIPAL_TYPE_GROUP ? GRAPH_GROUPS : GRAPH_SERVICE_PRINCIPALS;
}

void graph_append_object(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *value,
                         const struct principal_record *p)
{
    enum graph_kind kind = shown_kind(p);
    yyjson_mut_val *shown = graph_show(c, doc, p, kind);

    json_set_str(doc, shown, "@odata.type", str_from(kinds[kind].odata_type));
    yyjson_mut_arr_append(value, shown);
}

struct wanted {
    struct str id;
    size_t at; /* in the list */
};

static int compare_wanted(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int ids = str_compare_nocase(x->id, y->id);

    return ids ? ids : x->at < y->at ? -1 : x->at > y->at;
}

/* The ids of a list, each where it stands first; in place of the others, nothing. */
static struct str *read_ids(struct arena *a, yyjson_val *list)
{
    size_t i, count, len = yyjson_arr_size(list);
    struct wanted *wanted = ARENA_ARRAY(a, struct wanted, len);
    struct str *ids = ARENA_ARRAY(a, struct str, len);
    yyjson_val *id;

    yyjson_arr_foreach(list, i, count, id)
    {
        wanted[i] = (struct wanted){ json_str(id), i };
    }
    if (len)
        qsort(wanted, len, sizeof(*wanted), compare_wanted);
    for (i = 0; i < len; i++)
        ids[wanted[i].at] =
            i > 0 && str_equal_nocase(wanted[i].id, wanted[i - 1].id) ? STR_NONE : wanted[i].id;
    return ids;
}

bool graph_reply_objects(struct entra_call *c, yyjson_val *list, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct str *ids = read_ids(c->arena, list);

    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        struct principal_record p;
        bool found;

        if (!principals_get(c->txn, c->arena, ids[i], &p, &found, err))
            return false;
        if (found)
            graph_append_object(c, doc, value, &p);
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

static bool get_by_ids(struct entra_call *c, struct error *err)
{
    struct principal who;
    yyjson_val *body, *ids;

    if (!graph_authenticate(c, &who, err) || !(body = graph_read_body(c, err)))
        return false;
    ids = yyjson_obj_get(body, "ids");
    if (!yyjson_is_arr(ids) || yyjson_arr_size(ids) > 1000)
        return graph_refuse(err, "The body must have 'ids', a list of at most 1000 object ids.");
    return graph_reply_objects(c, ids, err);
}

/* There is one, the tenant. */
static bool organization(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    yyjson_mut_val *item = yyjson_mut_obj(doc);
    struct principal who;

    if (!graph_authenticate(c, &who, err))
        return false;
    json_set_str(doc, item, "id", authority_tenant(c->entra->authority));
    json_set_str(doc, item, "displayName", STR("lazuli"));
    json_set_str(doc, item, "tenantType", STR("AAD"));
    json_set(doc, item, "verifiedDomains", yyjson_mut_arr(doc));
    yyjson_mut_arr_append(value, item);
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

/* What users have consented to: nobody is asked for a consent here, so that there is none. */
static bool list_no_grants(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    struct principal who;

    return graph_authenticate(c, &who, err) && (!c->name_count || graph_find(c, &p, err)) &&
           graph_reply_objects(c, NULL, err);
}

static const struct entra_endpoint endpoints[] = {
    { HTTP_GET, "/v1.0/me", me, false },
    { HTTP_GET, "/v1.0/organization", organization, false },
    { HTTP_GET, "/v1.0/users", list, false },
    { HTTP_GET, "/v1.0/users/{}", get, false },
    { HTTP_GET, "/v1.0/applications", list, false },
    { HTTP_GET, "/v1.0/applications/{}", get, false },
    { HTTP_GET, "/v1.0/servicePrincipals", list, false },
    { HTTP_GET, "/v1.0/servicePrincipals/{}", get, false },
    { HTTP_GET, "/v1.0/groups", list, false },
    { HTTP_GET, "/v1.0/groups/{}", get, false },
    { HTTP_GET, "/v1.0/oauth2PermissionGrants", list_no_grants, false },
    { HTTP_GET, "/v1.0/me/oauth2PermissionGrants", list_no_grants, false },
    { HTTP_GET, "/v1.0/users/{}/oauth2PermissionGrants", list_no_grants, false },
    { HTTP_GET, "/v1.0/servicePrincipals/{}/oauth2PermissionGrants", list_no_grants, false },
    { HTTP_POST, "/v1.0/directoryObjects/getByIds", get_by_ids, false },
};

const struct entra_endpoints entra_graph = { endpoints, ARRAY_LEN(endpoints) };
