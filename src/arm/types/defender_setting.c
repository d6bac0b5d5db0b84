/*
 * Whether Defender for AI watches an account: kept and shown. Azure calls the one setting "Default"; nobody
 * watches here.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/types/account.h"

#define PATH ACCOUNT_PATH "/defenderForAISettings"

static const struct arm_field fields[] = {
    { "tags", ARM_FIELD_TEXT_MAP, NULL },
    { "properties.state", ARM_FIELD_TEXT, "Disabled|Enabled" },
};

static bool check(struct arm_change *change, struct error *err)
{
    yyjson_mut_val *properties = json_set_object(change->doc, change->root, "properties");

    (void)err;
    if (!yyjson_mut_obj_get(properties, "state"))
        json_set_str(change->doc, properties, "state", STR("Disabled"));
    return true;
}

/* It cannot be deleted: it is disabled. */
static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_PUT, PATH "/{}", arm_resource_put },
    { HTTP_PATCH, PATH "/{}", arm_resource_patch },
};

const struct arm_type arm_defender_setting_type = {
    .name = "Microsoft.CognitiveServices/accounts/defenderForAISettings",
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
};
