/*
 * What the caller may do at a scope: the permissions of the roles that apply there.
 * SPDX-License-Identifier: MIT
 */
#include "arm/authorize.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "arm/types/role.h"

#define PATH "/providers/Microsoft.Authorization/permissions"
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *value = yyjson_mut_arr(doc);
    struct rbac_principal who = arm_caller(c);
    struct rbac_cursor cursor = { 0 };
    const struct rbac_role *role;

    if (!arm_resource_check_scope(c, c->type, err))
        return false;
    if (c->request->principal.is_administrator)
        role_permissions_show(doc, value, rbac_built_in_role(STR(OWNER)));
    while ((role = rbac_next_role(c->roles, &who, c->scope, &cursor)))
        role_permissions_show(doc, value, role);
    arm_reply_list(c, doc, value);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, list },
    { HTTP_GET, ARM_SCOPE PATH, list },
};

const struct arm_type arm_permission_type = {
    .name = "Microsoft.Authorization/permissions",
    .provider = &arm_authorization,
    .path = ARM_SCOPE PATH "/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
