/*
 * What clients look for around accounts and lazuli has none of: commitment
 * tiers, locks. Their lists are empty, and that is the truth.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/types/account.h"

static bool list_none(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);

    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    arm_reply_list(c, doc, yyjson_mut_arr(doc));
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, COGNITIVE_PATH "/locations/{}/commitmentTiers", list_none },
    { HTTP_GET, ARM_SCOPE "/providers/Microsoft.Authorization/locks", list_none },
};

/* Locks have api-versions of their own (2016-09-01), so that any date will do. */
const struct arm_type arm_absent_type = {
    .name = "Microsoft.CognitiveServices/locations/commitmentTiers",
    .provider = &arm_resources,
    .path = COGNITIVE_PATH "/locations/{}/commitmentTiers/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
