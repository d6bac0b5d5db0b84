/*
 * Encryption scopes of an account: kept and shown, as the account's own key is (account.c).
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/types/account.h"

#define PATH ACCOUNT_PATH "/encryptionScopes"

static const struct arm_field fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.state", ARM_FIELD_TEXT, "Disabled|Enabled" },
    { "properties.keySource", ARM_FIELD_TEXT, "Microsoft.CognitiveServices|Microsoft.KeyVault" },
    { "properties.keyVaultProperties.keyName", ARM_FIELD_TEXT, NULL },
    { "properties.keyVaultProperties.keyVersion", ARM_FIELD_TEXT, NULL },
    { "properties.keyVaultProperties.keyVaultUri", ARM_FIELD_TEXT, NULL },
    { "properties.keyVaultProperties.identityClientId", ARM_FIELD_TEXT, NULL },
};

static bool check(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");

    if (!yyjson_mut_obj_get(properties, "state"))
        json_set_str(change->doc, properties, "state", STR("Enabled"));
    return account_check_encryption(change, "properties", err);
}

static void render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown)
{
    (void)c;
    (void)r;
    (void)body;
    json_set_str(doc, json_set_object(doc, shown, "properties"), "provisioningState",
                 STR("Succeeded"));
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", arm_resource_put },
    { HTTP_DELETE, PATH "/{}", account_delete_below },
};

const struct arm_type arm_encryption_scope_type = {
    .name = "Microsoft.CognitiveServices/accounts/encryptionScopes",
    .provider = &arm_cognitive_services,
    .path = PATH "/{}",
    .parent = &arm_account_type,
    .shows_system_data = true,
    .goes_with_parent = true,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
    .check_name = account_check_child_name,
    .check = check,
    .render = render,
};
