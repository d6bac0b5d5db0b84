/*
 * Microsoft Graph: groups, and in which ones somebody is.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "entra/graph_write.h"

#define CHECKED_MAX 20 /* Graph's own */

/* -- Writing --------------------------------------------------------------------------------- */

static const struct graph_member of_group[] = {
    { .name = "displayName", .is_needed = true },
    { .name = "description" },
    { .name = "mailNickname" },
    { .name = "mailEnabled", .is_boolean = true },
    { .name = "securityEnabled", .is_boolean = true },
};

static bool create_group(struct entra_call *c, struct error *err)
{
    struct principal_record p = { .type = PRINCIPAL_TYPE_GROUP };
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *kept = yyjson_mut_obj(doc);
    yyjson_val *body;

    if (!graph_authorize(c, err) || !(body = graph_read_body(c, err)) ||
        !graph_require_name(body, err) ||
        !graph_take_members(doc, kept, body, of_group, ARRAY_LEN(of_group), err))
        return false;
    p.object_id = p.name = graph_new_guid(c);
    json_set(doc, kept, "members", yyjson_mut_arr(doc));
    if (!graph_take_references(c, doc, kept, body, GRAPH_GROUPS, err))
        return false;
    return graph_create(c, &p, kept, GRAPH_GROUPS, err);
}

static bool change_group(struct entra_call *c, struct error *err)
{
    struct principal_record p;
    yyjson_mut_doc *doc;
    yyjson_mut_val *kept;
    yyjson_val *body;

    doc = graph_begin_change(c, &p, err);
    if (!doc || !(body = graph_read_body(c, err)))
        return false;
    kept = yyjson_mut_doc_get_root(doc);
    if (!graph_take_members(doc, kept, body, of_group, ARRAY_LEN(of_group), err) ||
        !graph_take_references(c, doc, kept, body, GRAPH_GROUPS, err))
        return false;
    c->reply.status = 204;
    return graph_save(c, &p, kept, "updated", STR_NONE, err);
}

/* -- In which groups? ------------------------------------------------------------------------ */

/* Whom the path names: "me", any object, or one of a kind. */
static bool find_member(struct entra_call *c, struct principal_record *p, struct error *err)
{
    struct str path = str_from(c->endpoint->path);
    struct principal who;
    bool found;

    if (!c->name_count)
        return graph_find_me(c, p, err);
    if (!graph_authenticate(c, &who, err))
        return false;
    if (!str_starts_with(path, STR("/v1.0/directoryObjects/")))
        return graph_find(c, p, err);
    if (!principals_get(c->txn, c->arena, c->names[0], p, &found, err))
        return false;
    return found || error_set(err, ERROR_GRAPH_NOT_FOUND, "Resource '%.*s' does not exist.",
                              STR_ARGS(str_slice(c->names[0], 0, 60)));
}

static bool is_in(const struct entra_call *c, const struct principal_record *p, struct str group_id)
{
    const struct principal_entry *e = authority_find(c->state, p->object_id);

    for (size_t i = 0; e && i < e->group_count; i++) {
        if (str_equal_nocase(e->groups[i], group_id))
            return true;
    }
    return false;
}

/* Of some groups those that it is in, be it by another one. */
static bool check_member_groups(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    yyjson_val *body, *ids, *id;
    struct principal_record p;
    size_t i, count;

    if (!find_member(c, &p, err) || !(body = graph_read_body(c, err)))
        return false;
    ids = yyjson_obj_get(body, "groupIds");
    if (!yyjson_is_arr(ids) || yyjson_arr_size(ids) > CHECKED_MAX)
        return graph_refuse(err, "The body must have 'groupIds', a list of at most 20 object ids.");
    yyjson_arr_foreach(ids, i, count, id)
    {
        if (is_in(c, &p, json_str(id)))
            yyjson_mut_arr_append(value, yyjson_val_mut_copy(doc, id));
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

/* All of them; there are no others than groups for security. */
static bool get_member_groups(struct entra_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    const struct principal_entry *e;
    struct principal_record p;

    if (!find_member(c, &p, err) || !graph_read_body(c, err))
        return false;
    e = authority_find(c->state, p.object_id);
    for (size_t i = 0; e && i < e->group_count; i++)
        yyjson_mut_arr_add_strncpy(doc, value, e->groups[i].data, e->groups[i].len);
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

static bool has_member(const struct principal_record *group, struct str object_id)
{
    yyjson_val *id;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(group->body, "members"), i, count, id)
    {
        if (str_equal_nocase(json_str(id), object_id))
            return true;
    }
    return false;
}

static bool list_groups(struct entra_call *c, bool is_transitive, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *value = yyjson_mut_arr(doc);
    struct principal_record p, *groups;
    size_t count;

    if (!find_member(c, &p, err) ||
        !principals_list_type(c->txn, c->arena, PRINCIPAL_TYPE_GROUP, &groups, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (is_transitive ? is_in(c, &p, groups[i].object_id) : has_member(&groups[i], p.object_id))
            graph_append_object(c, doc, value, &groups[i]);
    }
    json_set(doc, root, "value", value);
    entra_reply_json(c, 200, root);
    return true;
}

static bool member_of(struct entra_call *c, struct error *err)
{
    return list_groups(c, false, err);
}

static bool transitive_member_of(struct entra_call *c, struct error *err)
{
    return list_groups(c, true, err);
}

#define MEMBERSHIPS_OF(path)                                              \
    { HTTP_POST, path "/checkMemberGroups", check_member_groups, false }, \
        { HTTP_POST, path "/getMemberGroups", get_member_groups, false }, \
        { HTTP_GET, path "/memberOf", member_of, false },                 \
    {                                                                     \
        HTTP_GET, path "/transitiveMemberOf", transitive_member_of, false \
    }

static const struct entra_endpoint endpoints[] = {
    { HTTP_POST, "/v1.0/groups", create_group, false },
    { HTTP_PATCH, "/v1.0/groups/{}", change_group, false },
    MEMBERSHIPS_OF("/v1.0/me"),
    MEMBERSHIPS_OF("/v1.0/users/{}"),
    MEMBERSHIPS_OF("/v1.0/servicePrincipals/{}"),
    MEMBERSHIPS_OF("/v1.0/groups/{}"),
    MEMBERSHIPS_OF("/v1.0/directoryObjects/{}"),
};

const struct entra_endpoints entra_graph_group = { endpoints, ARRAY_LEN(endpoints) };
