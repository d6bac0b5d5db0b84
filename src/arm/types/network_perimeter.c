/*
 * What network security perimeters say of an account. There are no such perimeters, which are of Azure's
 * networks, so an account has none of these: its list is empty, and each that is asked for is not there.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/types/account.h"

#define PATH ACCOUNT_PATH "/networkSecurityPerimeterConfigurations"

static bool reconcile(struct arm_call *c, struct error *err)
{
    struct store_resource none;

    return arm_resource_find(c, c->type, &none, err);
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, arm_resource_list },
    { HTTP_GET, PATH "/{}", arm_resource_get },
    { HTTP_POST, PATH "/{}/reconcile", reconcile },
};

const struct arm_type arm_network_perimeter_type = {
    .name = "Microsoft.CognitiveServices/accounts/networkSecurityPerimeterConfigurations",
    .provider = &arm_cognitive_services,
    .path = PATH "/{}",
    .parent = &arm_account_type,
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
