/*
 * The managed identities of an account: its own (system-assigned), whose principal lives until the
 * account is deleted or does without it, and others' (user-assigned), which are resources. Of these,
 * the ids are kept that they had when they were assigned: one that is deleted stays assigned, as in
 * Azure, and one that is made by the same name is another.
 * SPDX-License-Identifier: MIT
 */
#include "arm/authorize.h"
#include "arm/document.h"
#include "arm/resource.h"
#include "arm/types/account.h"
#include "arm/types/identity.h"

#define USER_ASSIGNED_PATH "identity.userAssignedIdentities"
#define USER_ASSIGNED_MAX 100
#define ASSIGN "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"

static bool has(struct str type, const char *word)
{
    return str_find(type, str_from(word)) != SIZE_MAX;
}

/* -- User-assigned identities ---------------------------------------------------------------- */

static bool not_found(struct arm_change *change, struct str id, struct error *err)
{
    return error_set(err, ERROR_ARM_IDENTITY,
                     "Identity operation for resource '%.*s' failed with error 'Failed to perform "
                     "resource identity operation. Status: 'BadRequest'. Response: "
                     "'{\"error\":{\"code\":\"BadRequest\",\"message\":\"Resource '%.*s' was not "
                     "found.\"}}'.'.",
                     STR_ARGS(change->after.id), STR_ARGS(str_slice(id, 0, 300)));
}

/* Who assigns an identity must be allowed to, at the identity. */
static bool check_may_assign(struct arm_change *change, struct str id, struct error *err)
{
    struct arm_call *c = change->call;

    return arm_may(c, ASSIGN, id) ||
           error_set(err, ERROR_ARM_LINKED,
                     "The client '%.*s' with object id '%.*s' has permission to perform action "
                     "'%.*s' on scope '%.*s'; however, it does not have permission to perform "
                     "action(s) '" ASSIGN "' on the linked scope(s) '%.*s' (respectively) or the "
                     "linked scope(s) are invalid.",
                     STR_ARGS(c->request->principal.name),
                     STR_ARGS(c->request->principal.object_id), STR_ARGS(arm_action(c)),
                     STR_ARGS(change->after.id), STR_ARGS(str_slice(id, 0, 200)));
}

/* Keeps the identity with its ids. */
static bool assign(struct arm_change *change, struct str id, yyjson_mut_val *kept,
                   struct error *err)
{
    yyjson_mut_val *ids = yyjson_mut_obj(change->doc);
    struct arm_call *c = change->call;
    struct store_resource r;
    yyjson_val *body;
    bool found;

    if (!managed_identity_is_name(id) || !str_starts_with(id, STR("/")))
        return error_set_target(
            err, ERROR_ARM_LINKED_ID, USER_ASSIGNED_PATH,
            "Property id '%.*s' at path '" USER_ASSIGNED_PATH "' is invalid. Expect fully "
            "qualified resource Id that start with '/subscriptions/{subscriptionId}' or "
            "'/providers/{resourceProviderNamespace}/'.",
            STR_ARGS(str_slice(id, 0, 200)));
    if (!check_may_assign(change, id, err) ||
        !store_get(c->txn, arena_lower(c->arena, id), &r, &found, err))
        return false;
    if (!found || arm_type_of(&r) != &arm_user_assigned_identity_type)
        return not_found(change, id, err);
    body = arm_resource_body(c->arena, &r, err);
    if (!body)
        return false;
    json_set_str(change->doc, ids, "principalId", json_str(json_at(body, "facts.principalId")));
    json_set_str(change->doc, ids, "clientId", json_str(json_at(body, "facts.clientId")));
    json_set(change->doc, kept, arena_text(c->arena, r.id), ids);
    return true;
}

/* Each is named by its resource id. What a client says of one, the ids that it was shown, is
 * dropped. One that the request does not name stays as it was. */
static bool check_user_assigned(struct arm_change *change, yyjson_mut_val *identity,
                                struct error *err)
{
    yyjson_mut_val *given = yyjson_mut_obj_get(identity, "userAssignedIdentities"), *key, *value;
    yyjson_val *input = arm_document_at(change->input, USER_ASSIGNED_PATH), *named;
    yyjson_mut_val *kept = yyjson_mut_obj(change->doc);
    size_t i, count;

    yyjson_mut_obj_foreach(given, i, count, key, value)
    {
        named = json_get_nocase(input, json_mut_str(key));
        if (yyjson_is_null(named) || yyjson_mut_is_null(value))
            continue;
        if (named ? !assign(change, json_mut_str(key), kept, err)
                  : !yyjson_mut_obj_put(kept, yyjson_mut_val_mut_copy(change->doc, key),
                                        yyjson_mut_val_mut_copy(change->doc, value)))
            return false;
    }
    if (!yyjson_mut_obj_size(kept) || yyjson_mut_obj_size(kept) > USER_ASSIGNED_MAX)
        return error_set_target(err, ERROR_ARM_BODY, USER_ASSIGNED_PATH,
                                "The request content was invalid and could not be deserialized: "
                                "an identity of the type 'UserAssigned' needs 1 to %d "
                                "'userAssignedIdentities'.",
                                USER_ASSIGNED_MAX);
    json_set(change->doc, identity, "userAssignedIdentities", kept);
    return true;
}

/* -- The account's own ----------------------------------------------------------------------- */

/* An account that is restored gets another one than it had: the tokens of that stay refused. */
static bool take_system_assigned(struct arm_change *change, bool is_wanted, struct error *err)
{
    bool has_one = !change->is_restored && json_at(change->old, "facts.clientId");
    yyjson_mut_val *facts;

    if (is_wanted)
        return has_one || identity_make(change, false, err);
    facts = yyjson_mut_obj_get(change->root, "facts");
    yyjson_mut_obj_remove_key(facts, "principalId");
    yyjson_mut_obj_remove_key(facts, "clientId");
    return !has_one || identity_remove(change->call, change->old, err);
}

/* What a request does not speak of stays, the identity with the roles that it was given above all. */
bool account_check_identity(struct arm_change *change, struct error *err)
{
    yyjson_val *old = yyjson_obj_get(change->old, "identity");
    yyjson_mut_val *identity;
    struct str type;

    if (old && !yyjson_is_obj(arm_document_at(change->input, "identity")))
        json_set(change->doc, change->root, "identity", yyjson_val_mut_copy(change->doc, old));
    identity = yyjson_mut_obj_get(change->root, "identity");
    type = json_mut_str(yyjson_mut_obj_get(identity, "type"));
    if (!take_system_assigned(change, has(type, "SystemAssigned"), err))
        return false;
    if (has(type, "UserAssigned"))
        return check_user_assigned(change, identity, err);
    if (has(type, "SystemAssigned"))
        yyjson_mut_obj_remove_key(identity, "userAssignedIdentities");
    else
        yyjson_mut_obj_remove_key(change->root, "identity");
    return true;
}

void account_render_identity(const struct arm_call *c, yyjson_val *facts, yyjson_mut_doc *doc,
                             yyjson_mut_val *shown)
{
    yyjson_mut_val *identity = yyjson_mut_obj_get(shown, "identity");

    if (!has(json_mut_str(yyjson_mut_obj_get(identity, "type")), "SystemAssigned"))
        return;
    json_set_str(doc, identity, "principalId", json_str(yyjson_obj_get(facts, "principalId")));
    json_set_str(doc, identity, "tenantId", str_from(c->arm->tenant_id));
}
