/* SPDX-License-Identifier: MIT */
#include "arm/types/deleted_account.h"

#include "arm/claim.h"
#include "arm/document.h"
#include "arm/location.h"
#include "arm/publish.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/operation.h"
#include "base/format.h"

#define KEEP_MS (48 * 60 * 60 * INT64_C(1000))
#define KEY_PREFIX STR("/deleted")
#define PATH COGNITIVE_PATH "/locations/{}/resourceGroups/{}/deletedAccounts/{}"

/* Of "/subscriptions/S/providers/Microsoft.CognitiveServices/locations/L/resourceGroups/G/
 * deletedAccounts/N" */
#define LOCATION_SEGMENT 5

static struct str kept_key(struct arm_call *c, struct str key)
{
    return arena_printf(c->arena, "%.*s%.*s", STR_ARGS(KEY_PREFIX), STR_ARGS(key));
}

static struct str original_key(struct str kept)
{
    return str_slice(kept, KEY_PREFIX.len, SIZE_MAX);
}

struct str deleted_account_owner(struct str key)
{
    return str_starts_with(key, KEY_PREFIX) ? original_key(key) : key;
}

static struct str account_id(struct arm_call *c, struct str subscription, struct str group,
                             struct str name)
{
    return arena_printf(c->arena,
                        "/subscriptions/%.*s/resourceGroups/%.*s/providers/"
                        "Microsoft.CognitiveServices/accounts/%.*s",
                        STR_ARGS(subscription), STR_ARGS(group), STR_ARGS(name));
}

/* -- Keeping --------------------------------------------------------------------------------- */

/* Everything below the account that ARM knows as part of it. */
static bool keep_children(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    struct store_query query = { .key_prefix = arena_printf(c->arena, "%.*s/", STR_ARGS(r->key)) };
    struct store_resource *below;
    size_t count;

    if (!store_list(c->txn, &query, &below, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct arm_type *type = arm_type_of(&below[i]);

        if (!type || !type->parent)
            continue;
        below[i].key = kept_key(c, below[i].key);
        below[i].parent = kept_key(c, below[i].parent);
        if (!store_put(c->txn, &below[i], err))
            return false;
        /* what goes with the account gives its own back, and this one stays */
        if (type == &arm_deployment_type && !arm_quota_add(c, &below[i], err))
            return false;
    }
    return true;
}

bool deleted_account_keep(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);
    const struct catalog_location *known;
    struct store_resource kept = *r;
    char etag[GUID_TEXT_LEN + 1];
    struct str location;

    if (!body)
        return false;
    location = json_str(json_at(body, "location"));
    known = catalog_find_location(c->arm->catalog, location);
    format_guid(etag);
    kept.id = arena_printf(c->arena,
                           "/subscriptions/%.*s/providers/Microsoft.CognitiveServices/locations/"
                           "%.*s/resourceGroups/%.*s/deletedAccounts/%.*s",
                           STR_ARGS(arm_id_segment(r->id, 1)),
                           STR_ARGS(known ? str_from(known->name) : location),
                           STR_ARGS(arm_id_segment(r->id, 3)), STR_ARGS(arm_id_name(r->id)));
    kept.key = kept_key(c, r->key);
    kept.parent = kept_key(c, r->parent);
    kept.type = arena_lower(c->arena, str_from(arm_deleted_account_type.name));
    kept.etag = str_from(etag);
    kept.changed_at_ms = c->now_ms;
    return store_put(c->txn, &kept, err) && keep_children(c, r, err);
}

/* -- Restoring ------------------------------------------------------------------------------- */

static bool restore_children(struct arm_call *c, struct str account_key, struct error *err)
{
    struct str kept = kept_key(c, account_key);
    struct store_query query = { .key_prefix = arena_printf(c->arena, "%.*s/", STR_ARGS(kept)) };
    struct store_resource *below;
    size_t count;

    if (!store_list(c->txn, &query, &below, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        below[i].key = original_key(below[i].key);
        below[i].parent = original_key(below[i].parent);
        if (!store_put(c->txn, &below[i], err))
            return false;
        if (arm_type_of(&below[i]) == &arm_deployment_type)
            arm_publish_deployment(c, account_key, below[i].key);
    }
    return true;
}

bool deleted_account_restore(struct arm_call *c, yyjson_val *input, struct store_resource *r,
                             bool *restored, struct error *err)
{
    bool is_asked_for = yyjson_get_bool(arm_document_at(input, "properties.restore"));
    struct str key = arm_resource_key(c, &arm_account_type);
    size_t count;

    if (!store_get(c->txn, kept_key(c, key), r, restored, err))
        return false;
    if (!*restored && is_asked_for)
        return error_set_target(err, ERROR_ARM_NOT_DELETED, "properties.restore", NULL);
    if (!*restored)
        return true;
    if (!is_asked_for)
        return error_set(err, ERROR_ARM_SOFT_DELETED,
                         "An existing resource with ID '%.*s' has been soft-deleted. To restore "
                         "the resource, you must specify 'restore' to be 'true' in the property. "
                         "If you don't want to restore existing resource, please purge it first.",
                         STR_ARGS(arm_resource_id(c, &arm_account_type)));
    r->id = account_id(c, c->names[0], c->names[1], arm_id_name(r->id));
    r->key = key;
    r->parent = original_key(r->parent);
    arm_publish_account(c, key); /* before its deployments, which are hung below it */
    return restore_children(c, key, err) &&
           store_delete_tree(c->txn, kept_key(c, key), &count, err);
}

/* -- Purging --------------------------------------------------------------------------------- */

static bool give_back_quota(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                            struct error *err)
{
    struct arm_quota_place place =
        arm_quota_place(c, arm_id_segment(r->id, 1), json_str(json_at(body, "location")));
    struct store_query query = {
        .parent = r->key,
        .type = arena_lower(c->arena, str_from(arm_deployment_type.name)),
    };
    struct store_resource *found;
    size_t count;

    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!arm_quota_remove(c, &found[i], err))
            return false;
    }
    return arm_quota_remove_account(c, &place, err);
}

static bool purge(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);
    struct str domain = json_str(json_at(body, "properties.customSubDomainName"));
    size_t count;

    if (!body || !arm_claim_release(c, CLAIM_ROUTE, json_str(json_at(body, "facts.route")), err))
        return false;
    if (domain.len && !arm_claim_release(c, CLAIM_DOMAIN, domain, err))
        return false;
    return give_back_quota(c, r, body, err) && store_delete_tree(c->txn, r->key, &count, err);
}

bool deleted_account_purge_overdue(struct arm_call *c, struct error *err)
{
    struct store_query query = {
        .type = arena_lower(c->arena, str_from(arm_deleted_account_type.name)),
    };
    struct store_resource *found;
    size_t count;

    if (!store_list(c->txn, &query, &found, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (found[i].changed_at_ms + KEEP_MS <= c->now_ms && !purge(c, &found[i], err))
            return false;
    }
    return true;
}

/* -- Requests -------------------------------------------------------------------------------- */

/* The one that the call names, by subscription, location, group and name. */
static bool find(struct arm_call *c, struct store_resource *r, bool *found, struct error *err)
{
    struct str id = account_id(c, c->names[0], c->names[2], c->names[3]);

    if (!store_get(c->txn, kept_key(c, arena_lower(c->arena, id)), r, found, err))
        return false;
    *found =
        *found && arm_location_is_same(c, c->names[1], arm_id_segment(r->id, LOCATION_SEGMENT));
    return true;
}

static bool get(struct arm_call *c, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!find(c, &r, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_ARM_NO_RESOURCE,
                         "The Resource 'Microsoft.CognitiveServices/locations/%.*s/resourceGroups/"
                         "%.*s/deletedAccounts/%.*s' was not found.",
                         STR_ARGS(str_slice(c->names[1], 0, 60)),
                         STR_ARGS(str_slice(c->names[2], 0, 100)),
                         STR_ARGS(str_slice(c->names[3], 0, 100)));
    return arm_resource_reply(c, 200, c->type, &r, err);
}

static bool list(struct arm_call *c, struct error *err)
{
    struct str scope = arena_printf(c->arena, "/subscriptions/%.*s/", STR_ARGS(c->names[0]));

    return arm_resource_list_below(c, kept_key(c, arena_lower(c->arena, scope)), err);
}

static bool delete (struct arm_call *c, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!find(c, &r, &found, err))
        return false;
    c->reply.status = found ? 202 : 204;
    return !found || (purge(c, &r, err) &&
                      arm_operation_start_at(c, arm_id_segment(r.id, LOCATION_SEGMENT), err));
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    yyjson_mut_val *properties = json_set_object(doc, shown, "properties");

    account_render(c, r, body, doc, shown);
    json_set_str(doc, properties, "deletionDate", format_time(c->arena, r->changed_at_ms));
    json_set_str(doc, properties, "scheduledPurgeDate",
                 format_time(c->arena, r->changed_at_ms + KEEP_MS));
}

static const struct arm_route routes[] = {
    { HTTP_GET, COGNITIVE_PATH "/deletedAccounts", list },
    { HTTP_GET, PATH, get },
    { HTTP_DELETE, PATH, delete },
};

const struct arm_type arm_deleted_account_type = {
    .name = "Microsoft.CognitiveServices/deletedAccounts",
    .provider = &arm_cognitive_services,
    .path = PATH,
    .shows_system_data = true,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .render = render,
    .render_related = account_render_related,
};
