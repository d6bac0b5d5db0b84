/*
 * Roles and their assignments as they are kept. A custom role belongs to the tenant: it is kept
 * under "/providers/Microsoft.Authorization/roleDefinitions/ID", from wherever it was made, and
 * shown with the subscription in front from where it is asked for, as Azure does. An assignment
 * holds the bare id of its role.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_ROLE_H
#define ARM_TYPES_ROLE_H

#include "arm/type.h"
#include "model/rbac.h"

#define ROLE_DEFINITIONS "/providers/Microsoft.Authorization/roleDefinitions"
#define ROLE_ASSIGNMENTS "/providers/Microsoft.Authorization/roleAssignments"

/* What stands in the store, as an evaluator takes it. NULL: ERROR_STORE. */
MUST_CHECK struct rbac *roles_read(struct store_txn *t, struct arena *a, struct error *err);

/* The custom role in a document; texts are copied into the arena. */
void role_definition_read(struct arena *a, const struct store_resource *r, yyjson_val *body,
                          struct rbac_role *role);
/* The role of that id, built-in or custom. `body` is NULL for a built-in one. */
MUST_CHECK bool role_definition_find(struct arm_call *c, struct str id, struct rbac_role *role,
                                     yyjson_val **body, bool *found, struct error *err);
/* The full id, as the call's scope has it. */
struct str role_definition_id(const struct arm_call *c, struct str id);
/* [{"actions","notActions","dataActions","notDataActions"}], added to `list`. */
void role_permissions_show(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct rbac_role *role);

/* All of them, at any scope. */
struct role_assignments {
    struct rbac_assignment *items;
    struct store_resource *resources; /* each as it is kept */
    size_t count;
};
MUST_CHECK bool role_assignments_read(struct store_txn *t, struct arena *a,
                                      struct role_assignments *all, struct error *err);

/* Of either. Who made and who changed it are kept among its facts, and shown with the times. */
void role_keep_authors(struct arm_change *change);
void role_show_authors(const struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                       yyjson_mut_doc *doc, yyjson_mut_val *properties);
bool role_on_written(struct arm_change *change, struct error *err);

#endif
