/*
 * Actions on accounts: their keys, whether a subdomain is free, and the deletion of what is below
 * them.
 * SPDX-License-Identifier: MIT
 */
#include "arm/claim.h"
#include "arm/document.h"
#include "arm/publish.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/operation.h"
#include "base/format.h"
#include "identity/account_secret.h"

static void reply_with_keys(struct arm_call *c, const struct account_keys *keys)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    /* the reply's bytes are the only copy: the document borrows the keys */
    yyjson_mut_obj_add_str(doc, root, "key1", keys->key[0]);
    yyjson_mut_obj_add_str(doc, root, "key2", keys->key[1]);
    arm_reply_json(c, 200, root);
}

/* The account and its keys, which the caller wipes, and what wraps them. */
static bool open_keys(struct arm_call *c, struct store_resource *r, struct account_keys *keys,
                      struct key_reference *wrapper, const char *operation, struct error *err)
{
    yyjson_val *body;

    if (!arm_resource_find(c, &arm_account_type, r, err))
        return false;
    body = arm_resource_body(c->arena, r, err);
    if (!body)
        return false;
    if (yyjson_get_bool(json_at(body, "properties.disableLocalAuth")))
        return error_set(err, ERROR_ARM_BAD_REQUEST,
                         "Failed to %s key. disableLocalAuth is set to be true", operation);
    return account_secret_open(&c->arm->sealer, c->arena, r->secret, r->key, keys, wrapper, err);
}

bool account_list_keys(struct arm_call *c, struct error *err)
{
    struct key_reference wrapper;
    struct account_keys keys;
    struct store_resource r;

    if (!open_keys(c, &r, &keys, &wrapper, "list", err))
        return false;
    reply_with_keys(c, &keys);
    account_keys_wipe(&keys);
    return true;
}

static bool read_key_name(struct arm_call *c, size_t *index, struct error *err)
{
    yyjson_val *body = arm_read_body(c, false, err);
    struct str name = json_str(arm_document_at(body, "keyName"));

    if (!body)
        return false;
    *index = str_equal_nocase(name, STR("Key2")) ? 1 : 0;
    if (*index == 1 || str_equal_nocase(name, STR("Key1")))
        return true;
    return error_set_target(err, ERROR_ARM_BODY, "keyName",
                            "The request content was invalid and could not be deserialized: "
                            "'keyName' must be 'Key1' or 'Key2'.");
}

bool account_regenerate_key(struct arm_call *c, struct error *err)
{
    char etag[GUID_TEXT_LEN + 1];
    struct key_reference wrapper;
    struct account_keys keys;
    struct store_resource r;
    size_t index;
    bool good;

    if (!read_key_name(c, &index, err) || !open_keys(c, &r, &keys, &wrapper, "regenerate", err))
        return false;
    account_keys_regenerate(&keys, index, ACCOUNT_KEY_LONG);
    r.changed_at_ms = c->now_ms;
    format_guid(etag);
    r.etag = str_from(etag);
    arm_publish_account(c, r.key);
    good = account_secret_seal(&c->arm->sealer, c->arena, &keys, r.key, &wrapper, &r.secret, err) &&
           store_put(c->txn, &r, err);
    if (good)
        reply_with_keys(c, &keys);
    account_keys_wipe(&keys);
    return good;
}

/* {"subdomainName","type","kind"} -> is it free? */
bool account_check_domain(struct arm_call *c, struct error *err)
{
    yyjson_val *body = arm_read_body(c, false, err);
    struct str name = json_str(arm_document_at(body, "subdomainName"));
    struct str type = json_str(arm_document_at(body, "type"));
    struct str kind = json_str(arm_document_at(body, "kind"));
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct str reason = STR_NONE;
    bool exists;

    if (!body)
        return false;
    if (str_is_empty(name) || str_is_empty(type))
        return error_set_target(err, ERROR_ARM_BODY, name.len ? "type" : "subdomainName",
                                "The request content was invalid and could not be deserialized: "
                                "'%s' is required.",
                                name.len ? "type" : "subdomainName");
    if (!arm_claim_exists(c, CLAIM_DOMAIN, name, &exists, err))
        return false;
    if (exists)
        reason = arena_printf(c->arena, "Sub domain name '%.*s' is already used.", STR_ARGS(name));
    if (!account_domain_is_valid(name))
        reason = arena_printf(c->arena, "Sub domain name '%.*s' is not valid.", STR_ARGS(name));
    json_set_bool(doc, root, "isSubdomainAvailable", str_is_empty(reason));
    if (reason.len)
        json_set_str(doc, root, "reason", reason);
    json_set_str(doc, root, "subdomainName", name);
    json_set_str(doc, root, "type", type);
    if (kind.len)
        json_set_str(doc, root, "kind", kind);
    arm_reply_json(c, 200, root);
    return true;
}

bool account_delete_below(struct arm_call *c, struct error *err)
{
    struct store_resource account;
    yyjson_val *body;

    if (!arm_resource_delete(c, err))
        return false;
    if (c->reply.status == 204)
        return true;
    if (!arm_resource_find(c, &arm_account_type, &account, err))
        return false;
    body = arm_resource_body(c->arena, &account, err);
    c->reply.status = 202;
    return body && arm_operation_start_at(c, json_str(json_at(body, "location")), err);
}
