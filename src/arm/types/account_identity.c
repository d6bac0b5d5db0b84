/*
 * The managed identities of an account: its own (system-assigned), whose principal stays the same as
 * long as the account lives, and others' (user-assigned), whose ids follow from their resource ids,
 * so that every account shows the same ones.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <openssl/evp.h>

#include "arm/types/account.h"
#include "base/format.h"

#define IDENTITY_PROVIDER STR("/providers/microsoft.managedidentity/userassignedidentities/")

static bool has(struct str type, const char *word)
{
    return str_find(type, str_from(word)) != SIZE_MAX;
}

static bool is_identity_id(struct arena *a, struct str id)
{
    struct str lower = arena_lower(a, id), name;
    size_t at = str_find(lower, IDENTITY_PROVIDER);

    if (!str_starts_with(lower, STR("/subscriptions/")) || at == SIZE_MAX)
        return false;
    name = str_slice(lower, at + IDENTITY_PROVIDER.len, SIZE_MAX);
    return name.len && str_find_char(name, '/') == SIZE_MAX;
}

/* Each is named by its resource id. What a client says of one, the ids that it was shown, is
 * dropped. */
static bool check_user_assigned(struct arm_change *change, yyjson_mut_val *identity,
                                struct error *err)
{
    yyjson_mut_val *given = yyjson_mut_obj_get(identity, "userAssignedIdentities"), *key, *value;
    yyjson_mut_val *kept = yyjson_mut_obj(change->doc);
    size_t i, count;

    if (!yyjson_mut_obj_size(given))
        return error_set_target(err, ERROR_ARM_BODY, "identity.userAssignedIdentities",
                                "The request content was invalid and could not be deserialized: "
                                "an identity of the type 'UserAssigned' needs "
                                "'userAssignedIdentities'.");
    yyjson_mut_obj_foreach(given, i, count, key, value)
    {
        if (yyjson_mut_is_null(value))
            continue;
        if (!is_identity_id(change->call->arena, json_mut_str(key)))
            return error_set_target(
                err, ERROR_ARM_LINKED_ID, "identity.userAssignedIdentities",
                "Property id '%.*s' at path 'identity.userAssignedIdentities' is invalid. Expect "
                "fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or "
                "'/providers/{resourceProviderNamespace}/'.",
                STR_ARGS(str_slice(json_mut_str(key), 0, 200)));
        yyjson_mut_obj_add(kept, yyjson_mut_val_mut_copy(change->doc, key),
                           yyjson_mut_obj(change->doc));
    }
    json_set(change->doc, identity, "userAssignedIdentities", kept);
    return true;
}

bool account_check_identity(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *identity = yyjson_mut_obj_get(change->root, "identity");
    struct str type = json_mut_str(yyjson_mut_obj_get(identity, "type"));

    if (str_is_empty(type) || str_equal(type, STR("None"))) {
        yyjson_mut_obj_remove_key(change->root, "identity");
        return true;
    }
    if (has(type, "UserAssigned"))
        return check_user_assigned(change, identity, err);
    yyjson_mut_obj_remove_key(identity, "userAssignedIdentities");
    return true;
}

/* -- Showing --------------------------------------------------------------------------------- */

/* A GUID that follows from the installation, the identity and what it is the id of. */
static struct str derive_id(const struct arm_call *c, const char *what, struct str identity)
{
    struct str text = arena_printf(c->arena, "%s/%s%.*s", c->arm->tenant_id, what,
                                   STR_ARGS(arena_lower(c->arena, identity)));
    unsigned char digest[EVP_MAX_MD_SIZE];
    char guid[GUID_TEXT_LEN + 1];
    size_t len;
    int good = EVP_Q_digest(NULL, "SHA256", NULL, text.data, text.len, digest, &len);

    assert(good);
    format_guid_of(digest, guid);
    return arena_copy(c->arena, str_from(guid));
}

static void render_user_assigned(const struct arm_call *c, yyjson_mut_doc *doc,
                                 yyjson_mut_val *identities)
{
    yyjson_mut_val *key, *value;
    size_t i, count;

    yyjson_mut_obj_foreach(identities, i, count, key, value)
    {
        json_set_str(doc, value, "principalId", derive_id(c, "principals", json_mut_str(key)));
        json_set_str(doc, value, "clientId", derive_id(c, "clients", json_mut_str(key)));
    }
}

void account_render_identity(const struct arm_call *c, yyjson_val *facts, yyjson_mut_doc *doc,
                             yyjson_mut_val *shown)
{
    yyjson_mut_val *identity = yyjson_mut_obj_get(shown, "identity");

    if (has(json_mut_str(yyjson_mut_obj_get(identity, "type")), "SystemAssigned")) {
        json_set_str(doc, identity, "principalId", json_str(yyjson_obj_get(facts, "principalId")));
        json_set_str(doc, identity, "tenantId", str_from(c->arm->tenant_id));
    }
    render_user_assigned(c, doc, yyjson_mut_obj_get(identity, "userAssignedIdentities"));
}
