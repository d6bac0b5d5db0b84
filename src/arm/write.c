/* The writing half of the generic engine (resource.h).
 * SPDX-License-Identifier: MIT */
#include "arm/resource.h"

#include <assert.h>

#include "arm/document.h"
#include "arm/location.h"
#include "arm/route.h"
#include "base/format.h"

/* As many as an error message names. */
#define NESTED_SHOWN 5
/* Lists, and the start, hold the documents of many resources in memory. */
#define DOCUMENT_BYTES_MAX (64u << 10)

/* -- Conditions ------------------------------------------------------------------------------ */

/* Does one of the etags of an If-Match or If-None-Match header name this one? `etag` NULL: there
 * is no resource. */
static bool matches(struct str header, const struct str *etag)
{
    struct str part;

    while (etag && str_split(&header, ',', &part)) {
        part = str_trim(part);
        if (str_starts_with(part, STR("W/")))
            part = str_slice(part, 2, SIZE_MAX);
        if (part.len >= 2 && part.data[0] == '"' && part.data[part.len - 1] == '"')
            part = str_slice(part, 1, part.len - 2);
        if (str_equal(part, STR("*")) || str_equal_nocase(part, *etag))
            return true;
    }
    return false;
}

static bool check_conditions(const struct arm_call *c, const struct store_resource *r,
                             struct error *err)
{
    const struct arm_request *q = c->request;

    if (!str_is_empty(q->if_match) && !matches(q->if_match, r ? &r->etag : NULL))
        return error_set_target(err, ERROR_ARM_PRECONDITION, "If-Match", NULL);
    if (!str_is_empty(q->if_none_match) && matches(q->if_none_match, r ? &r->etag : NULL))
        return error_set_target(err, ERROR_ARM_PRECONDITION, "If-None-Match", NULL);
    return true;
}

/* -- Checks that every tracked resource needs ------------------------------------------------ */

static bool check_location(const struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    struct str location = json_mut_str(yyjson_mut_obj_get(change->root, "location"));
    struct str old = json_str(yyjson_obj_get(change->old, "location"));

    if (!arm_location_check(c, location, c->type->name, err))
        return false;
    if (!change->before || arm_location_is_same(c, location, old))
        return true;
    return error_set_target(
        err, ERROR_ARM_RESOURCE_LOCATION, "location",
        "The resource '%.*s' already exists in location '%.*s' in resource group "
        "'%.*s'. A resource with the same name cannot be created in location '%.*s'. "
        "Please select a new resource name.",
        STR_ARGS(arm_id_name(change->after.id)), STR_ARGS(old), STR_ARGS(c->names[1]),
        STR_ARGS(location));
}

/* -- Writing --------------------------------------------------------------------------------- */

static void set_system_data(struct arm_change *change)
{
    const struct principal *who = &change->call->request->principal;
    struct str type = who->kind == PRINCIPAL_USER ? STR("User") : STR("Application");
    struct str now = format_time(change->call->arena, change->call->now_ms);
    yyjson_val *old = yyjson_obj_get(change->old, "systemData");
    yyjson_mut_val *data =
        yyjson_is_obj(old) ? yyjson_val_mut_copy(change->doc, old) : yyjson_mut_obj(change->doc);

    if (!old || change->is_restored) {
        json_set_str(change->doc, data, "createdBy", who->name);
        json_set_str(change->doc, data, "createdByType", type);
        json_set_str(change->doc, data, "createdAt", now);
    }
    json_set_str(change->doc, data, "lastModifiedBy", who->name);
    json_set_str(change->doc, data, "lastModifiedByType", type);
    json_set_str(change->doc, data, "lastModifiedAt", now);
    json_set(change->doc, change->root, "systemData", data);
}

/* Of an extension resource it is SCOPE/providers, which is no resource's key: it is no nested
 * resource of what it belongs to, and does not keep that from being deleted. */
static struct str parent_key(const struct arm_call *c)
{
    struct str key = arm_resource_key(c, c->type);

    if (c->type->parent)
        return arm_resource_key(c, c->type->parent);
    if (arm_path_has_scope(c->type->path))
        return arena_lower(c->arena, arena_printf(c->arena, "%.*s/providers", STR_ARGS(c->scope)));
    if (str_starts_with(str_from(c->type->path), STR("/subscriptions/{}/resourceGroups/{}/")))
        return arm_resource_key(c, &arm_group_type);
    return c->type == &arm_group_type ? arm_resource_key(c, &arm_subscription_type)
                                      : str_slice(key, 0, 0);
}

/*
 * change->doc is the merged document: checks it, adds to it, writes it, and replies with it.
 *
 * Azure answers the PUT of an account with "Creating" and an operation to poll. Here the work is
 * done by now and the reply says so ("Succeeded", no Azure-AsyncOperation), which every client
 * takes as the end: the Azure CLI would wait 30 seconds between its polls.
 */
static bool complete(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    const struct store_resource *before = change->before;
    yyjson_val *facts = yyjson_obj_get(change->old, "facts");
    char etag[GUID_TEXT_LEN + 1];

    change->root = yyjson_mut_doc_get_root(change->doc);
    change->after = (struct store_resource){
        .id = before ? before->id : arm_resource_id(c, c->type),
        .type = arena_lower(c->arena, str_from(c->type->name)),
        .parent = before ? before->parent : parent_key(c),
        .secret = before ? before->secret : STR_NONE,
        .created_at_ms = before && !change->is_restored ? before->created_at_ms : c->now_ms,
        .changed_at_ms = c->now_ms,
    };
    change->after.key = arena_lower(c->arena, change->after.id);
    format_guid(etag);
    change->after.etag = arena_copy(c->arena, str_from(etag));
    if (facts)
        json_set(change->doc, change->root, "facts", yyjson_val_mut_copy(change->doc, facts));
    if (c->type->is_tracked && !check_location(change, err))
        return false;
    if (c->type->check && !c->type->check(change, err))
        return false;
    set_system_data(change);
    change->after.body = json_write_mut(c->arena, change->root);
    if (change->after.body.len > DOCUMENT_BYTES_MAX)
        return error_set(err, ERROR_ARM_TOO_LARGE,
                         "The resource is too large: its document may have at most %u bytes.",
                         DOCUMENT_BYTES_MAX);
    if (!store_put(c->txn, &change->after, err))
        return false;
    if (c->type->on_written && !c->type->on_written(change, err))
        return false;
    return arm_resource_reply(c, before && !change->is_restored ? 200 : 201, c->type,
                              &change->after, err);
}

/* `input` NULL: the request's body. */
static bool put(struct arm_call *c, yyjson_val *input, struct error *err)
{
    struct arm_change change = { .call = c };
    struct store_resource before;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arm_resource_key(c, c->type), &before, &found, err))
        return false;
    if (!check_conditions(c, found ? &before : NULL, err))
        return false;
    change.input = input ? input : arm_read_body(c, false, err);
    if (!change.input)
        return false;
    if (!found && c->type->restore &&
        !c->type->restore(c, change.input, &before, &change.is_restored, err))
        return false;
    if (found || change.is_restored) {
        change.before = &before;
        change.old = arm_resource_body(c->arena, &before, err);
        if (!change.old)
            return false;
    } else if (c->type->check_name && !c->type->check_name(c->names[c->name_count - 1], err)) {
        return false;
    }
    change.doc = change.is_restored
                     ? arm_document_from_patch(c->arena, c->type, change.old, change.input, err)
                     : arm_document_from_put(c->arena, c->type, change.input, err);
    return change.doc && complete(&change, err);
}

bool arm_resource_put(struct arm_call *c, struct error *err)
{
    return put(c, NULL, err);
}

bool arm_resource_put_input(struct arm_call *c, yyjson_val *input, struct error *err)
{
    return put(c, input, err);
}

bool arm_resource_patch(struct arm_call *c, struct error *err)
{
    struct arm_change change = { .call = c };
    struct store_resource before;

    if (!arm_resource_find(c, c->type, &before, err) || !check_conditions(c, &before, err))
        return false;
    change.before = &before;
    change.input = arm_read_body(c, false, err);
    change.old = arm_resource_body(c->arena, &before, err);
    if (!change.input || !change.old)
        return false;
    change.doc = arm_document_from_patch(c->arena, c->type, change.old, change.input, err);
    return change.doc && complete(&change, err);
}

bool arm_resource_rewrite(struct arm_call *c, const struct arm_type *type,
                          const struct store_resource *r, yyjson_mut_doc *doc, struct error *err)
{
    struct arm_change change = { .call = c, .before = r, .doc = doc };

    if (!check_conditions(c, r, err))
        return false;
    c->type = type;
    change.old = arm_resource_body(c->arena, r, err);
    change.input = yyjson_doc_get_root(json_freeze(c->arena, yyjson_mut_obj(doc)));
    return change.old && complete(&change, err);
}

bool arm_resource_put_mark(struct arm_call *c, const struct store_resource *named,
                           struct error *err)
{
    struct store_resource r = *named;
    char etag[GUID_TEXT_LEN + 1];

    format_guid(etag);
    r.etag = str_from(etag);
    r.body = STR("{}");
    r.created_at_ms = r.changed_at_ms = c->now_ms;
    return store_put(c->txn, &r, err);
}

/* -- Deleting -------------------------------------------------------------------------------- */

static bool check_no_children(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    struct store_query query = { .parent = r->key };
    struct store_resource *children;
    struct str names = STR_NONE;
    const struct arm_type *type;
    size_t count, shown = 0;

    if (!store_list(c->txn, &query, &children, &count, err))
        return false;
    for (size_t i = 0; i < count && shown < NESTED_SHOWN; i++) {
        type = arm_type_of(&children[i]);
        if (type && type->goes_with_parent)
            continue;
        names = arena_printf(c->arena, "%.*s%s%.*s", STR_ARGS(names), shown++ ? ", " : "",
                             STR_ARGS(arm_id_below_provider(children[i].id)));
    }
    if (!shown)
        return true;
    return error_set(err, ERROR_ARM_NESTED,
                     "Cannot delete resource while nested resources exist. Some existing nested "
                     "resource IDs include: '%.*s'. Please delete all nested resources before "
                     "deleting this resource.",
                     STR_ARGS(names));
}

bool arm_resource_remove(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    struct store_query query = { .key_prefix = arena_printf(c->arena, "%.*s/", STR_ARGS(r->key)) };
    const struct arm_type *type = arm_type_of(r);
    struct store_resource *found;
    size_t count;

    if ((type && type->on_delete && !type->on_delete(c, r, err)) ||
        !store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        type = arm_type_of(&found[i]);
        if (type && type->on_delete && !type->on_delete(c, &found[i], err))
            return false;
    }
    return store_delete_tree(c->txn, r->key, &count, err);
}

bool arm_resource_delete(struct arm_call *c, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arm_resource_key(c, c->type), &r, &found, err))
        return false;
    if (!check_conditions(c, found ? &r : NULL, err))
        return false;
    c->reply.status = found ? 200 : 204;
    if (!found)
        return true;
    return check_no_children(c, &r, err) && arm_resource_remove(c, &r, err);
}
