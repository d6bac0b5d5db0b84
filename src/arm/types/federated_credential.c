/*
 * The federated identity credentials of a user-assigned managed identity: whom of a foreign issuer it
 * takes for itself. What proves that reads them where they lie (identity/federated_credential.h).
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/types/identity.h"
#include "identity/federated_credential.h"

#define PATH                                                       \
    "/subscriptions/{}/resourceGroups/{}" USER_ASSIGNED_IDENTITIES \
    "/{}/federatedIdentityCredentials"

static const struct arm_field fields[] = {
    { "properties.issuer", ARM_FIELD_TEXT, NULL },
    { "properties.subject", ARM_FIELD_TEXT, NULL },
    { "properties.audiences", ARM_FIELD_TEXT_LIST, NULL },
};

static bool refuse(struct error *err, const char *member, const char *why)
{
    char path[64];

    snprintf(path, sizeof(path), "properties.%s", member);
    return error_set_target(err, ERROR_ARM_BODY, path,
                            "The request content was invalid and could not be deserialized: the "
                            "member '%s': %s.",
                            path, why);
}

static bool check_name(struct str name, struct error *err)
{
    /* the others are good ones: a name is all that there is yet */
    struct federated_credential f = { name, STR("https://a"), STR("a"), STR("a") };
    const char *member, *fault = federated_credential_fault(&f, &member);

    return !fault || error_set(err, ERROR_ARM_NAME, "Resource name '%.*s' is invalid: %s.",
                               STR_ARGS(str_slice(name, 0, 130)), fault);
}

static bool check(struct arm_change *change, struct error *err)
{
    struct arm_call *c = change->call;
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");
    yyjson_val *value = yyjson_doc_get_root(json_freeze(c->arena, properties));
    struct str name = arm_id_name(change->after.id);
    struct federated_credential *others, f = federated_credential_read(name, value);
    const char *member, *fault = federated_credential_fault(&f, &member);
    size_t count;

    if (fault)
        return refuse(err, member, fault);
    if (!federated_credentials_list_below(c->txn, c->arena,
                                          arm_resource_id(c, &arm_user_assigned_identity_type),
                                          &others, &count, err))
        return false;
    if (!change->before && count >= FEDERATED_CREDENTIALS_MAX)
        return error_set(err, ERROR_ARM_BAD_REQUEST,
                         "Too many federated identity credentials: a user-assigned identity has "
                         "%d at most.",
                         FEDERATED_CREDENTIALS_MAX);
    return !federated_credentials_find(others, count, &f, name) ||
           error_set(err, ERROR_CONFLICT,
                     "Issuer and subject combination already exists for this Managed Identity.");
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", arm_resource_put },
    { HTTP_DELETE, PATH "/{}", arm_resource_delete },
};

const struct arm_type arm_federated_credential_type = {
    .name = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    .provider = &arm_managed_identity,
    .path = PATH "/{}",
    .parent = &arm_user_assigned_identity_type,
    .goes_with_parent = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = check_name,
    .check = check,
};
