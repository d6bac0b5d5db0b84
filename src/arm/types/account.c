/*
 * Microsoft.CognitiveServices accounts of the kinds OpenAI and AIServices: what may be written.
 * SPDX-License-Identifier: MIT
 */
#include "arm/types/account.h"

#include "arm/claim.h"
#include "arm/publish.h"
#include "arm/quota.h"
#include "arm/resource.h"
#include "arm/types/deleted_account.h"
#include "arm/types/identity.h"
#include "base/format.h"
#include "base/random.h"
#include "identity/account_keys.h"
#include "net/address.h"

#define NAME_MIN_LEN 2
#define NAME_MAX_LEN 64
#define INTERNAL_ID_BYTES 16
#define ROUTE_SUFFIX_LEN 8

static const struct arm_field fields[] = {
    { "location", ARM_FIELD_TEXT, NULL },
    { "kind", ARM_FIELD_TEXT, NULL },
    { "sku.name", ARM_FIELD_TEXT, NULL },
    { "identity.type", ARM_FIELD_TEXT,
      "None|SystemAssigned|UserAssigned|SystemAssigned, UserAssigned" },
    { "identity.userAssignedIdentities", ARM_FIELD_OBJECT, NULL },
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.customSubDomainName", ARM_FIELD_TEXT, NULL },
    { "properties.publicNetworkAccess", ARM_FIELD_TEXT, "Enabled|Disabled" },
    { "properties.disableLocalAuth", ARM_FIELD_BOOL, NULL },
    { "properties.dynamicThrottlingEnabled", ARM_FIELD_BOOL, NULL },
    { "properties.allowProjectManagement", ARM_FIELD_BOOL, NULL },
    { "properties.storedCompletionsDisabled", ARM_FIELD_BOOL, NULL },
    { "properties.restrictOutboundNetworkAccess", ARM_FIELD_BOOL, NULL },
    { "properties.allowedFqdnList", ARM_FIELD_TEXT_LIST, NULL },
    { "properties.networkAcls.defaultAction", ARM_FIELD_TEXT, "Allow|Deny" },
    { "properties.networkAcls.bypass", ARM_FIELD_TEXT, "None|AzureServices" },
    { "properties.networkAcls.ipRules", ARM_FIELD_LIST, NULL },
    { "properties.networkAcls.virtualNetworkRules", ARM_FIELD_LIST, NULL },
    { "properties.apiProperties", ARM_FIELD_OBJECT, NULL },
    { "properties.encryption.keySource", ARM_FIELD_TEXT,
      "Microsoft.CognitiveServices|Microsoft.KeyVault" },
    { "properties.encryption.keyVaultProperties.keyName", ARM_FIELD_TEXT, NULL },
    { "properties.encryption.keyVaultProperties.keyVersion", ARM_FIELD_TEXT, NULL },
    { "properties.encryption.keyVaultProperties.keyVaultUri", ARM_FIELD_TEXT, NULL },
    { "properties.encryption.keyVaultProperties.identityClientId", ARM_FIELD_TEXT, NULL },
    { "properties.userOwnedStorage", ARM_FIELD_LIST, NULL },
    { "properties.raiMonitorConfig", ARM_FIELD_OBJECT, NULL },
};

static bool check_name(struct str name, struct error *err)
{
    if (name.len >= NAME_MIN_LEN && name.len <= NAME_MAX_LEN && !strchr("-._", name.data[0]) &&
        str_is_alnum_or(name, "-._"))
        return true;
    return error_set(err, ERROR_ARM_NAME,
                     "Resource name '%.*s' is invalid: it must have 2 to 64 characters, letters, "
                     "digits, hyphens, periods and underscores, and begin with a letter or digit.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

/* "." and ".." are steps of a path: who asks for .../deployments/.. may delete the account. */
static bool is_path_step(struct str name)
{
    return str_equal(name, STR(".")) || str_equal(name, STR(".."));
}

bool account_check_child_name(struct str name, struct error *err)
{
    if (name.len >= 1 && name.len <= NAME_MAX_LEN && str_is_alnum_or(name, "-._") &&
        !is_path_step(name))
        return true;
    return error_set(err, ERROR_ARM_NAME,
                     "Resource name '%.*s' is invalid: it must have 1 to 64 characters, letters, "
                     "digits, hyphens, periods and underscores.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

/* What a PUT leaves out and what does not go away by that: stays as it was. */
static void keep_old(struct arm_change *change, yyjson_mut_val *object, yyjson_val *old,
                     const char *name)
{
    if (!yyjson_mut_obj_get(object, name) && yyjson_obj_get(old, name))
        json_set(change->doc, object, name,
                 yyjson_val_mut_copy(change->doc, yyjson_obj_get(old, name)));
}

static bool check_kind_and_sku(struct arm_change *change, struct error *err)
{
    struct str rest = STR(ACCOUNT_KINDS), kind, sku, known;

    keep_old(change, change->root, change->old, "kind");
    keep_old(change, change->root, change->old, "sku");
    kind = json_mut_str(yyjson_mut_obj_get(change->root, "kind"));
    sku = json_mut_str(json_mut_at(change->root, "sku.name"));
    while (str_split(&rest, '|', &known)) {
        if (!str_equal_nocase(known, kind))
            continue;
        json_set_str(change->doc, change->root, "kind", known);
        if (!str_equal_nocase(sku, STR(ACCOUNT_SKU)))
            return error_set_target(err, ERROR_ARM_SKU, "sku",
                                    "The account sku '%.*s' is either invalid or unavailable for "
                                    "account type '%.*s'. Available: '" ACCOUNT_SKU "'.",
                                    STR_ARGS(str_slice(sku, 0, 60)), STR_ARGS(known));
        json_set_str(change->doc, json_set_object(change->doc, change->root, "sku"), "name",
                     STR(ACCOUNT_SKU));
        return true;
    }
    return error_set_target(err, ERROR_ARM_KIND, "kind",
                            "The account type '%.*s' is either invalid or unavailable in given "
                            "region.",
                            STR_ARGS(str_slice(kind, 0, 60)));
}

/* -- Names that must be unique --------------------------------------------------------------- */

bool account_domain_is_valid(struct str name)
{
    return name.len >= NAME_MIN_LEN && name.len <= NAME_MAX_LEN && name.data[0] != '-' &&
           name.data[name.len - 1] != '-' && str_is_alnum_or(name, "-");
}

static bool check_domain(struct arm_change *change, struct error *err)
{
    static const char domain_path[] = "properties.customSubDomainName";
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    struct str old = json_str(json_at(change->old, "properties.customSubDomainName")), name;
    bool taken;

    keep_old(change, properties, yyjson_obj_get(change->old, "properties"), "customSubDomainName");
    name = json_mut_str(yyjson_mut_obj_get(properties, "customSubDomainName"));
    if (str_is_empty(name) && str_is_empty(old)) {
        yyjson_mut_obj_remove_key(properties, "customSubDomainName");
        return true;
    }
    if (str_equal_nocase(name, old))
        return true;
    if (old.len)
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, domain_path,
                                "The subdomain name '%.*s' of the account cannot be changed.",
                                STR_ARGS(old));
    if (!account_domain_is_valid(name))
        return error_set_target(err, ERROR_ARM_DOMAIN_INVALID, domain_path,
                                "Sub domain name '%.*s' is not valid.",
                                STR_ARGS(str_slice(name, 0, 100)));
    if (!arm_claim_take(change->call, CLAIM_DOMAIN, name, change->after.key, &taken, err))
        return false;
    return taken ||
           error_set_target(
               err, ERROR_ARM_DOMAIN_IN_USE, domain_path,
               "Please pick a different name. The subdomain name '%.*s' is not available as "
               "it's already used by a resource. If the resource using the name was deleted "
               "in the last 48 hours, you may need to purge the deleted resource. Learn more "
               "at \"https://go.microsoft.com/fwlink/?linkid=2215493\"",
               STR_ARGS(name));
}

/* The name in the account's path (see arm.h). */
static bool choose_route(struct arm_change *change, yyjson_mut_val *facts, struct str internal_id,
                         struct error *err)
{
    struct arm_call *c = change->call;
    struct str name = arm_id_name(change->after.id);
    bool taken;

    if (!arm_claim_take(c, CLAIM_ROUTE, name, change->after.key, &taken, err))
        return false;
    if (!taken) {
        name =
            arena_printf(c->arena, "%.*s-%.*s", STR_ARGS(name), ROUTE_SUFFIX_LEN, internal_id.data);
        if (!arm_claim_take(c, CLAIM_ROUTE, name, change->after.key, &taken, err))
            return false;
    }
    if (!taken)
        return error_set(err, ERROR_CONFLICT, NULL);
    json_set_str(change->doc, facts, "route", name);
    return true;
}

/* -- Networks -------------------------------------------------------------------------------- */

/* Every item is an object with a text of that name; those of addresses are well-formed. */
static bool check_items(yyjson_mut_val *items, const char *name, bool are_addresses,
                        const char *path, struct error *err)
{
    yyjson_mut_val *item;
    size_t i, count;

    yyjson_mut_arr_foreach(items, i, count, item)
    {
        struct str text = json_mut_str(yyjson_mut_obj_get(item, name));

        if (str_is_empty(text))
            return error_set_target(err, ERROR_ARM_BODY, path,
                                    "The request content was invalid and could not be "
                                    "deserialized: each item of '%s' must have a string '%s'.",
                                    path, name);
        if (are_addresses && !address_range_is_ipv4(text))
            return error_set_target(err, ERROR_ARM_BAD_REQUEST, path,
                                    "The rule '%.*s' is neither an IPv4 address nor a range of "
                                    "them in CIDR form.",
                                    STR_ARGS(str_slice(text, 0, 60)));
    }
    return true;
}

static bool check_network(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = yyjson_mut_obj_get(change->root, "properties");
    yyjson_mut_val *acls = yyjson_mut_obj_get(properties, "networkAcls");
    static const char *const lists[] = { "virtualNetworkRules", "ipRules" };
    static const char *const members[] = { "id", "value" };
    static const char *const paths[] = { "properties.networkAcls.virtualNetworkRules",
                                         "properties.networkAcls.ipRules" };
    bool is_open = true;

    if (!yyjson_mut_obj_get(properties, "publicNetworkAccess"))
        json_set_str(change->doc, properties, "publicNetworkAccess", STR("Enabled"));
    if (!acls)
        return true;
    if (!yyjson_mut_obj_get(acls, "defaultAction"))
        json_set_str(change->doc, acls, "defaultAction", STR("Allow"));
    if (str_equal(json_mut_str(yyjson_mut_obj_get(acls, "defaultAction")), STR("Deny")))
        is_open = false;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (!yyjson_mut_obj_get(acls, lists[i]))
            json_set(change->doc, acls, lists[i], yyjson_mut_arr(change->doc));
        if (!check_items(yyjson_mut_obj_get(acls, lists[i]), members[i], i == 1, paths[i], err))
            return false;
        if (yyjson_mut_arr_size(yyjson_mut_obj_get(acls, lists[i])))
            is_open = false;
    }
    if (is_open || yyjson_mut_obj_get(properties, "customSubDomainName"))
        return true;
    return error_set_target(err, ERROR_ARM_BAD_REQUEST, "properties.networkAcls",
                            "Network rules need a custom subdomain: please set "
                            "'customSubDomainName' of the account.");
}

/* -- Encryption and storage ------------------------------------------------------------------ */

/* Which key encrypts what the service keeps is the operator's decision (secret_box.h); what a client
 * says of its own key is kept and shown. */
bool account_check_encryption(struct arm_change *change, const char *path, struct error *err)
{
    static const char *const names[] = { "keyName", "keyVaultUri" };
    yyjson_mut_val *encryption = json_mut_at(change->root, path);
    struct str source = json_mut_str(yyjson_mut_obj_get(encryption, "keySource"));
    const char *full;

    if (!encryption)
        return true;
    if (str_is_empty(source))
        json_set_str(change->doc, encryption, "keySource", STR("Microsoft.KeyVault"));
    if (str_equal(source, STR("Microsoft.CognitiveServices")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        full = arena_printf(change->call->arena, "%s.keyVaultProperties.%s", path, names[i]).data;
        if (str_is_empty(json_mut_str(json_mut_at(change->root, full))))
            return error_set_target(err, ERROR_ARM_BODY, full,
                                    "The request content was invalid and could not be "
                                    "deserialized: '%s' is required for keys of a key vault.",
                                    full);
    }
    return true;
}

static bool check_storage(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = yyjson_mut_obj_get(change->root, "properties");

    return account_check_encryption(change, "properties.encryption", err) &&
           check_items(yyjson_mut_obj_get(properties, "userOwnedStorage"), "resourceId", false,
                       "properties.userOwnedStorage", err);
}

/* -- Writing and deleting -------------------------------------------------------------------- */

/* What is decided once: ids, the date, the name in paths, the keys. */
static bool create(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    yyjson_mut_val *facts = json_set_object(change->doc, change->root, "facts");
    uint8_t id[INTERNAL_ID_BYTES];
    struct account_keys keys;
    struct str internal_id;

    random_bytes(id, sizeof(id));
    internal_id = format_hex(c->arena, id, sizeof(id));
    json_set_str(change->doc, facts, "internalId", internal_id);
    json_set_str(change->doc, facts, "dateCreated", format_time(c->arena, c->now_ms));
    account_keys_generate(&keys, ACCOUNT_KEY_LONG);
    change->after.secret = account_keys_seal(c->arm->box, c->arena, &keys, change->after.key);
    account_keys_wipe(&keys);
    return choose_route(change, facts, internal_id, err);
}

static bool take_quota(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    struct arm_quota_place place =
        arm_quota_place(c, c->names[0], json_mut_str(yyjson_mut_obj_get(change->root, "location")));

    return arm_quota_take_account(c, &place, arm_id_name(change->after.id), err);
}

static bool check(struct arm_change *change, struct error *err)
{
    if (!check_kind_and_sku(change, err) || !check_domain(change, err) ||
        !check_network(change, err) || !check_storage(change, err) ||
        !account_check_identity(change, err))
        return false;
    return change->before || (take_quota(change, err) && create(change, err));
}

static bool on_written(struct arm_change *change, struct error *err)
{
    (void)err;
    arm_publish_account(change->call, change->after.key);
    return true;
}

static bool on_delete(struct arm_call *c, const struct store_resource *r, struct error *err)
{
    yyjson_val *body = arm_resource_body(c->arena, r, err);

    arm_publish_account(c, r->key);
    return body && identity_remove(c, body, err) && deleted_account_keep(c, r, err);
}

static const struct arm_route routes[] = {
    { HTTP_GET, COGNITIVE_PATH "/accounts", arm_resource_list },
    { HTTP_GET,
      "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.CognitiveServices/accounts",
      arm_resource_list },
    { HTTP_GET, ACCOUNT_PATH, arm_resource_get },
    { HTTP_PUT, ACCOUNT_PATH, arm_resource_put },
    { HTTP_PATCH, ACCOUNT_PATH, arm_resource_patch },
    { HTTP_DELETE, ACCOUNT_PATH, arm_resource_delete },
    { HTTP_POST, ACCOUNT_PATH "/listKeys", account_list_keys },
    { HTTP_POST, ACCOUNT_PATH "/regenerateKey", account_regenerate_key },
    { HTTP_POST, COGNITIVE_PATH "/checkDomainAvailability", account_check_domain },
};

const struct arm_type arm_account_type = {
    .name = "Microsoft.CognitiveServices/accounts",
    .provider = &arm_cognitive_services,
    .path = ACCOUNT_PATH,
    .is_tracked = true,
    .shows_system_data = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .restore = deleted_account_restore,
    .check = check,
    .on_written = on_written,
    .on_delete = on_delete,
    .render = account_render,
    .render_related = account_render_related,
};
