/*
 * Resource groups, and the lists of the resources in a group or a subscription.
 * SPDX-License-Identifier: MIT
 */
#include "arm/authorize.h"
#include "arm/filter.h"
#include "arm/location.h"
#include "arm/page.h"
#include "arm/resource.h"
#include "arm/template_record.h"
#include "arm/types/group_export.h"
#include "arm/types/operation.h"
#include "base/format.h"

#define NAME_MAX_LEN 90

static const struct arm_field fields[] = {
    { "location", ARM_FIELD_TEXT, NULL },
    { "managedBy", ARM_FIELD_TEXT, NULL },
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
};

/* Letters, digits, '_', '-', '.', parentheses and what is not ASCII; no '.' at the end. */
static bool check_name(struct str name, struct error *err)
{
    bool good = name.len > 0 && name.len <= NAME_MAX_LEN && str_is_utf8(name) &&
                !str_ends_with(name, STR("."));

    for (size_t i = 0; good && i < name.len; i++) {
        unsigned char b = (unsigned char)name.data[i];

        good = b >= 0x80 || (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z') ||
               memchr("_-.()", b, 5);
    }
    if (good)
        return true;
    return error_set(err, ERROR_ARM_GROUP_NAME,
                     "The provided resource group name '%.*s' has these invalid characters or "
                     "length: it can only include alphanumeric, periods, underscores, hyphens and "
                     "parenthesis, cannot end in a period, and has at most 90 characters.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static bool check(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    struct str location = json_mut_str(yyjson_mut_obj_get(change->root, "location"));
    struct str old = json_str(yyjson_obj_get(change->old, "location"));
    const struct catalog_location *known;

    if (!arm_location_check(c, location, NULL, err))
        return false;
    if (change->before && !arm_location_is_same(c, location, old))
        return error_set_target(
            err, ERROR_ARM_GROUP_LOCATION, "location",
            "Invalid resource group location '%.*s'. The Resource group already "
            "exists in location '%.*s'.",
            STR_ARGS(location), STR_ARGS(old));
    known = catalog_find_location(c->arm->catalog, location);
    json_set_str(change->doc, change->root, "location", str_from(known->name));
    return true;
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = yyjson_mut_obj(doc);

    (void)c;
    (void)r;
    (void)body;
    json_set_str(doc, properties, "provisioningState", STR("Succeeded"));
    json_set(doc, shown, "properties", properties);
}

/* Its deployments of templates are not kept below it. */
static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    return template_record_delete_all(c, r->id, err);
}

/* The whole group goes at once, so that the operation has ended when it is first asked for. */
static bool delete_group(struct arm_call *c, struct error *err)
{
    struct store_resource r;

    if (!arm_resource_find(c, &arm_group_type, &r, err) || !arm_resource_remove(c, &r, err))
        return false;
    c->reply.status = 202;
    return arm_operation_start(c, err);
}

/* -- Lists of resources ---------------------------------------------------------------------- */

/* Members that a list of resources shows; the rest is asked for one by one. */
static void append_short(struct arm_call *c, const struct store_resource *r, yyjson_mut_val *list,
                         yyjson_mut_doc *doc, yyjson_mut_val *full)
{
    static const char *const names[] = { "id",  "name",     "type", "location",
                                         "sku", "identity", "kind", "tags" };
    yyjson_mut_val *item = yyjson_mut_obj(doc), *value;
    struct str expand = http_query_get(c->arena, c->request->query, STR("$expand"));
    struct str state = json_mut_str(json_mut_at(full, "properties.provisioningState"));

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        value = yyjson_mut_obj_get(full, names[i]);
        if (value)
            json_set(doc, item, names[i], yyjson_mut_val_mut_copy(doc, value));
    }
    if (str_find(expand, STR("createdTime")) != SIZE_MAX)
        json_set_str(doc, item, "createdTime", format_time(c->arena, r->created_at_ms));
    if (str_find(expand, STR("changedTime")) != SIZE_MAX)
        json_set_str(doc, item, "changedTime", format_time(c->arena, r->changed_at_ms));
    if (str_find(expand, STR("provisioningState")) != SIZE_MAX)
        json_set_str(doc, item, "provisioningState", state.len ? state : STR("Succeeded"));
    yyjson_mut_arr_append(list, item);
}

static bool list_resources(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc), *full;
    struct store_query query = { 0 };
    struct store_resource *found;
    struct arm_filter filter;
    struct arm_page page;
    size_t count, shown = 0, last = 0;

    if (!arm_filter_read(c, &filter, err) || !arm_page_read(c, &page, err) ||
        !arm_resource_check_scope(c, c->type, err))
        return false;
    if (c->name_count > 1)
        filter.values[FILTER_GROUP] = c->names[1];
    query.key_prefix = arena_lower(
        c->arena, arena_printf(c->arena, "/subscriptions/%.*s/resourcegroups/%.*s%s",
                               STR_ARGS(c->names[0]), STR_ARGS(filter.values[FILTER_GROUP]),
                               str_is_empty(filter.values[FILTER_GROUP]) ? "" : "/"));
    query.after_key = page.after_key;
    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct arm_type *type = arm_type_of(&found[i]);

        if (!type || !type->is_tracked || !arm_may_list(c, type, found[i].id))
            continue;
        full = arm_resource_render_own(c, type, &found[i], doc, err);
        if (!full)
            return false;
        if (!arm_filter_matches(c, &filter, full))
            continue;
        if (shown++ == page.size) {
            arm_page_link(c, doc, root, found[last].key);
            break;
        }
        last = i;
        append_short(c, &found[i], list, doc, full);
    }
    json_set(doc, root, "value", list);
    arm_reply_json(c, 200, root);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}/resourceGroups", arm_resource_list },
    { HTTP_GET, "/subscriptions/{}/resourceGroups/{}", arm_resource_get },
    { HTTP_PUT, "/subscriptions/{}/resourceGroups/{}", arm_resource_put },
    { HTTP_PATCH, "/subscriptions/{}/resourceGroups/{}", arm_resource_patch },
    { HTTP_DELETE, "/subscriptions/{}/resourceGroups/{}", delete_group },
    { HTTP_GET, "/subscriptions/{}/resourceGroups/{}/resources", list_resources },
    { HTTP_GET, "/subscriptions/{}/resources", list_resources },
    { HTTP_POST, "/subscriptions/{}/resourceGroups/{}/exportTemplate", group_export },
};

const struct arm_type arm_group_type = {
    .name = "Microsoft.Resources/resourceGroups",
    .provider = &arm_resources,
    .path = "/subscriptions/{}/resourceGroups/{}",
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
    .on_delete = on_delete,
    .render = render,
};
