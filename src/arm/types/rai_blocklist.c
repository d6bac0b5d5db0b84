/*
 * Blocklists of an account and their items, one by one or many at once.
 * SPDX-License-Identifier: MIT
 */
#include "arm/document.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/rai.h"

#define PATH ACCOUNT_PATH "/raiBlocklists"
#define BLOCKLIST PATH "/{}"
#define ITEMS BLOCKLIST "/raiBlocklistItems"
/* Where the name of an item stands in the call. */
#define ITEM_NAME 4
/* As Azure has it. */
#define PATTERN_LEN_MAX 1000

static const struct arm_field fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.description", ARM_FIELD_TEXT, NULL },
};

static const struct arm_field item_fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.pattern", ARM_FIELD_TEXT, NULL },
    { "properties.isRegex", ARM_FIELD_BOOL, NULL },
};

bool rai_blocklist_exists(struct arm_call *c, struct str account, struct str name, bool *exists,
                          struct error *err)
{
    struct str id =
        arena_printf(c->arena, "%.*s/raiBlocklists/%.*s", STR_ARGS(account), STR_ARGS(name));
    struct store_resource r;

    if (!store_get(c->txn, arena_lower(c->arena, id), &r, exists, err))
        return false;
    *exists = *exists && arm_type_of(&r) == &arm_rai_blocklist_type;
    return true;
}

static bool check_item(struct arm_change *change, struct error *err)
{
    static const char path[] = "properties.pattern";
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    struct str pattern = json_mut_str(yyjson_mut_obj_get(properties, "pattern"));

    if (str_is_empty(pattern) || str_count_chars(pattern) > PATTERN_LEN_MAX)
        return error_set_target(err, ERROR_ARM_BODY, path,
                                "The request content was invalid and could not be deserialized: "
                                "'%s' must have 1 to %d characters.",
                                path, PATTERN_LEN_MAX);
    if (!yyjson_mut_obj_get(properties, "isRegex"))
        json_set_bool(change->doc, properties, "isRegex", false);
    return true;
}

/* -- Many at once ---------------------------------------------------------------------------- */

/* The blocklist of the call; from here on the call is about its items. */
static bool begin_batch(struct arm_call *c, struct store_resource *blocklist, struct error *err)
{
    if (!arm_resource_find(c, &arm_rai_blocklist_type, blocklist, err))
        return false;
    c->type = &arm_rai_blocklist_item_type;
    c->name_count = ITEM_NAME + 1;
    return true;
}

/* [{"name","properties":{"pattern","isRegex"}}]: all of them, or none. */
static bool add_items(struct arm_call *c, struct error *err)
{
    struct store_resource blocklist;
    yyjson_val *list, *item;
    size_t i, count;

    if (!begin_batch(c, &blocklist, err))
        return false;
    list = arm_read_list(c, err);
    if (!list)
        return false;
    yyjson_arr_foreach(list, i, count, item)
    {
        c->names[ITEM_NAME] = json_str(arm_document_at(item, "name"));
        if (!arm_resource_put_input(c, item, err))
            return false;
    }
    return arm_resource_reply(c, 200, &arm_rai_blocklist_type, &blocklist, err);
}

/* ["name", ...]; those that are not there are no error. */
static bool delete_items(struct arm_call *c, struct error *err)
{
    struct store_resource blocklist, r;
    yyjson_val *list, *item;
    size_t i, count;
    bool found;

    if (!begin_batch(c, &blocklist, err))
        return false;
    list = arm_read_list(c, err);
    if (!list)
        return false;
    yyjson_arr_foreach(list, i, count, item)
    {
        if (!yyjson_is_str(item))
            return error_set(err, ERROR_ARM_BODY,
                             "The request content was invalid and could not be deserialized: it "
                             "must be an array of strings.");
        c->names[ITEM_NAME] = json_str(item);
        if (!store_get(c->txn, arm_resource_key(c, c->type), &r, &found, err) ||
            (found && !arm_resource_remove(c, &r, err)))
            return false;
    }
    c->reply.status = 204;
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, BLOCKLIST, arm_resource_get },
    { HTTP_PUT, BLOCKLIST, arm_resource_put },
    { HTTP_DELETE, BLOCKLIST, account_delete_below },
    { HTTP_POST, BLOCKLIST "/addRaiBlocklistItems", add_items },
    { HTTP_POST, BLOCKLIST "/deleteRaiBlocklistItems", delete_items },
};

const struct arm_type arm_rai_blocklist_type = {
    .name = "Microsoft.CognitiveServices/accounts/raiBlocklists",
    .provider = &arm_cognitive_services,
    .path = BLOCKLIST,
    .parent = &arm_account_type,
    .shows_system_data = true,
    .goes_with_parent = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = account_check_child_name,
};

static const struct arm_route item_routes[] = {
    { HTTP_GET, ITEMS, arm_resource_list },
    { HTTP_GET, ITEMS "/{}", arm_resource_get },
    { HTTP_PUT, ITEMS "/{}", arm_resource_put },
    { HTTP_DELETE, ITEMS "/{}", account_delete_below },
};

const struct arm_type arm_rai_blocklist_item_type = {
    .name = "Microsoft.CognitiveServices/accounts/raiBlocklists/raiBlocklistItems",
    .provider = &arm_cognitive_services,
    .path = ITEMS "/{}",
    .parent = &arm_rai_blocklist_type,
    .shows_system_data = true,
    .goes_with_parent = true,
    .fields = item_fields,
    .field_count = ARRAY_LEN(item_fields),
    .routes = item_routes,
    .route_count = ARRAY_LEN(item_routes),
    .check_name = account_check_child_name,
    .check = check_item,
};
