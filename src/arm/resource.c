/* SPDX-License-Identifier: MIT */
#include "arm/resource.h"

#include <assert.h>

#include "arm/authorize.h"
#include "arm/filter.h"
#include "arm/page.h"
#include "arm/route.h"
#include "arm/version.h"

#define GROUP_PATH "/subscriptions/{}/resourceGroups/{}"

/* -- Ids ------------------------------------------------------------------------------------- */

struct str arm_resource_id(const struct arm_call *c, const struct arm_type *type)
{
    return arm_route_expand(c, str_from(type->path));
}

struct str arm_resource_key(const struct arm_call *c, const struct arm_type *type)
{
    return arena_lower(c->arena, arm_resource_id(c, type));
}

struct str arm_id_segment(struct str id, unsigned n)
{
    struct str part = STR_NONE;

    id = str_slice(id, 1, SIZE_MAX);
    do {
        if (!str_split(&id, '/', &part))
            return STR_NONE;
    } while (n-- > 0);
    return part;
}

struct str arm_id_name(struct str id)
{
    struct str part = STR_NONE;

    while (str_split(&id, '/', &part))
        ;
    return part;
}

struct str arm_id_below_provider(struct str id)
{
    struct str providers = STR("/providers/");
    size_t at;

    while ((at = str_find(id, providers)) != SIZE_MAX)
        id = str_slice(id, at + providers.len, SIZE_MAX);
    return id;
}

const struct arm_type *arm_type_of(const struct store_resource *r)
{
    for (size_t i = 0; i < arm_type_count; i++) {
        if (str_equal_nocase(r->type, str_from(arm_types[i]->name)))
            return arm_types[i];
    }
    return NULL;
}

/* Takes the scope and the names out of a stored id: they are in the case the resources were made
 * with. */
static void adopt_names(struct arm_call *c, const char *path, struct str id)
{
    struct str pattern = str_from(path), part, name;
    unsigned n = 0;

    if (arm_path_has_scope(path)) {
        c->scope = str_slice(id, 0, c->scope.len);
        id = str_slice(id, c->scope.len, SIZE_MAX);
    }
    while (str_split(&pattern, '/', &part) && str_split(&id, '/', &name)) {
        if (str_equal(part, STR("{}")))
            c->names[n++] = name;
    }
}

/* -- Finding --------------------------------------------------------------------------------- */

/* "accounts/deployments" */
static struct str short_type(const struct arm_type *type)
{
    struct str name = str_from(type->name);

    return str_slice(name, str_find_char(name, '/') + 1, SIZE_MAX);
}

static bool no_group(struct str name, struct error *err)
{
    return error_set(err, ERROR_ARM_NO_GROUP, "Resource group '%.*s' could not be found.",
                     STR_ARGS(name));
}

static bool no_resource(struct str id, struct error *err)
{
    bool is_in_group = str_equal_nocase(arm_id_segment(id, 2), STR("resourceGroups"));

    return error_set(err, ERROR_ARM_NO_RESOURCE,
                     "The Resource '%.*s' under resource group '%.*s' was not found. For more "
                     "details please go to https://aka.ms/ARMResourceNotFoundFix",
                     STR_ARGS(arm_id_below_provider(id)),
                     STR_ARGS(is_in_group ? arm_id_segment(id, 3) : STR("<null>")));
}

/* Is what stands at {scope} there? */
static bool check_extended(struct arm_call *c, struct error *err)
{
    struct str group = str_slice(c->scope, 0, str_find(c->scope, STR("/providers/")));
    struct store_resource r;
    bool found;

    if (!store_get(c->txn, arena_lower(c->arena, c->scope), &r, &found, err))
        return false;
    if (found) {
        c->scope = r.id;
        return true;
    }
    if (!store_get(c->txn, arena_lower(c->arena, group), &r, &found, err))
        return false;
    return found ? no_resource(c->scope, err) : no_group(arm_id_name(group), err);
}

bool arm_resource_check_scope(struct arm_call *c, const struct arm_type *type, struct error *err)
{
    struct store_resource r;
    struct str id;
    bool found;

    if (arm_path_has_scope(c->route->path) && !check_extended(c, err))
        return false;
    if (str_starts_with(str_from(c->route->path), STR(GROUP_PATH "/"))) {
        id = arm_route_expand(c, STR(GROUP_PATH));
        if (!store_get(c->txn, arena_lower(c->arena, id), &r, &found, err))
            return false;
        if (!found)
            return no_group(c->names[1], err);
        adopt_names(c, GROUP_PATH, r.id);
    }
    if (!type->parent)
        return true;
    id = arm_resource_id(c, type->parent);
    if (!store_get(c->txn, arena_lower(c->arena, id), &r, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_ARM_NO_PARENT,
                         "Failed to perform '%s' on resource(s) of type '%.*s', because the parent "
                         "resource '%.*s' could not be found.",
                         arm_verb(c->request->method), STR_ARGS(short_type(type)), STR_ARGS(id));
    adopt_names(c, type->parent->path, r.id);
    return true;
}

static bool not_found(struct arm_call *c, const struct arm_type *type, struct error *err)
{
    if (type == &arm_group_type)
        return no_group(c->names[1], err);
    if (!arm_resource_check_scope(c, type, err))
        return false;
    return no_resource(arm_resource_id(c, type), err);
}

bool arm_resource_find(struct arm_call *c, const struct arm_type *type, struct store_resource *r,
                       struct error *err)
{
    bool found;

    if (!store_get(c->txn, arm_resource_key(c, type), r, &found, err))
        return false;
    if (!found)
        return not_found(c, type, err);
    adopt_names(c, type->path, r->id);
    return true;
}

yyjson_val *arm_resource_body(struct arena *a, const struct store_resource *r, struct error *err)
{
    yyjson_doc *doc = json_parse(a, r->body, err);

    if (doc && yyjson_is_obj(yyjson_doc_get_root(doc)))
        return yyjson_doc_get_root(doc);
    error_set(err, ERROR_STORE, "the document of '%.*s' is damaged", STR_ARGS(r->id));
    return NULL;
}

/* -- Showing --------------------------------------------------------------------------------- */

yyjson_mut_val *arm_resource_render_own(struct arm_call *c, const struct arm_type *type,
                                        const struct store_resource *r, yyjson_mut_doc *doc,
                                        struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err), *facts, *key, *value;
    yyjson_mut_val *shown;
    size_t i, count;

    if (!body)
        return NULL;
    facts = yyjson_obj_get(body, "facts");
    shown = yyjson_mut_obj(doc);
    json_set_str(doc, shown, "id", r->id);
    json_set_str(doc, shown, "name", arm_id_name(r->id));
    json_set_str(doc, shown, "type", str_from(type->name));
    yyjson_obj_foreach(body, i, count, key, value)
    {
        if (value == facts || (!type->shows_system_data && yyjson_equals_str(key, "systemData")))
            continue;
        json_set(doc, shown, yyjson_get_str(key), yyjson_val_mut_copy(doc, value));
    }
    if (type->shows_system_data)
        json_set_str(doc, shown, "etag", arena_printf(c->arena, "\"%.*s\"", STR_ARGS(r->etag)));
    if (type->render)
        type->render(c, r, body, doc, shown);
    arm_version_trim(c, type->later_members, type->later_member_count, shown);
    return shown;
}

yyjson_mut_val *arm_resource_render(struct arm_call *c, const struct arm_type *type,
                                    const struct store_resource *r, yyjson_mut_doc *doc,
                                    struct error *err)
{
    yyjson_mut_val *shown = arm_resource_render_own(c, type, r, doc, err);

    if (shown && type->render_related && !type->render_related(c, r, doc, shown, err))
        return NULL;
    return shown;
}

bool arm_resource_reply(struct arm_call *c, int status, const struct arm_type *type,
                        const struct store_resource *r, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *shown = arm_resource_render(c, type, r, doc, err);

    if (!shown)
        return false;
    arm_reply_json(c, status, shown);
    if (type->shows_system_data)
        c->reply.etag = arena_printf(c->arena, "\"%.*s\"", STR_ARGS(r->etag));
    return true;
}

/* -- Reading --------------------------------------------------------------------------------- */

bool arm_resource_get(struct arm_call *c, struct error *err)
{
    struct store_resource r;

    return arm_resource_find(c, c->type, &r, err) && arm_resource_reply(c, 200, c->type, &r, err);
}

bool arm_resource_read_all(struct store_txn *t, struct arena *a, const struct store_query *query,
                           struct arm_documents *found, struct error *err)
{
    struct arm_documents all;

    if (!store_list(t, query, &all.items, &all.count, err))
        return false;
    all.bodies = ARENA_ARRAY(a, yyjson_val *, all.count);
    for (size_t i = 0; i < all.count; i++) {
        all.bodies[i] = arm_resource_body(a, &all.items[i], err);
        if (!all.bodies[i])
            return false;
    }
    *found = all;
    return true;
}

bool arm_resource_read_below(struct arm_call *c, const struct arm_type *type, struct str parent_key,
                             struct arm_documents *found, struct error *err)
{
    struct store_query query = {
        .parent = parent_key,
        .type = arena_lower(c->arena, str_from(type->name)),
    };

    return arm_resource_read_all(c->txn, c->arena, &query, found, err);
}

bool arm_resource_read_subscription(struct arm_call *c, const struct arm_type *type,
                                    struct str subscription, struct arm_documents *found,
                                    struct error *err)
{
    struct store_query query = {
        .key_prefix = arena_lower(
            c->arena, arena_printf(c->arena, "/subscriptions/%.*s/", STR_ARGS(subscription))),
        .type = arena_lower(c->arena, str_from(type->name)),
    };

    return arm_resource_read_all(c->txn, c->arena, &query, found, err);
}

bool arm_resource_list_below(struct arm_call *c, struct str key_prefix, struct error *err)
{
    struct store_query query = {
        .type = arena_lower(c->arena, str_from(c->type->name)),
        .key_prefix = key_prefix,
    };
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc), *shown;
    struct store_resource *found;
    struct arm_filter filter;
    struct arm_page page;
    size_t count, last = 0;

    if (!arm_filter_read(c, &filter, err) || !arm_page_read(c, &page, err))
        return false;
    query.after_key = page.after_key;
    query.limit = filter.is_empty && !c->lists_what_is_allowed ? page.size + 1 : 0;
    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        shown = arm_resource_render(c, c->type, &found[i], doc, err);
        if (!shown)
            return false;
        if (!arm_filter_matches(c, &filter, shown) || !arm_may_list(c, c->type, found[i].id))
            continue;
        if (yyjson_mut_arr_size(list) == page.size) {
            arm_page_link(c, doc, root, found[last].key);
            break;
        }
        last = i;
        yyjson_mut_arr_append(list, shown);
    }
    json_set(doc, root, "value", list);
    arm_reply_json(c, 200, root);
    return true;
}

bool arm_resource_list(struct arm_call *c, struct error *err)
{
    struct str scope;

    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    scope = arena_lower(c->arena, arm_route_list_scope(c));
    return arm_resource_list_below(c, arena_printf(c->arena, "%.*s/", STR_ARGS(scope)), err);
}
