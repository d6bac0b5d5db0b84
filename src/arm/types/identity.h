/*
 * Managed identities as resources: user-assigned ones, and an account's own as it is asked for by
 * itself. The principal that stands for either is identity/managed_identity.h's; its ids are among the
 * resource's facts, as "principalId" and "clientId".
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_IDENTITY_H
#define ARM_TYPES_IDENTITY_H

#include "arm/type.h"
#include "identity/managed_identity.h"

#define USER_ASSIGNED_IDENTITIES "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"

/* Makes the principal of the resource that is being written, and notes its ids among the facts. */
MUST_CHECK bool identity_make(struct arm_change *change, bool is_user_assigned, struct error *err);
/* Removes the principal that a document's facts name, where they name one: its tokens are refused
 * from then on. */
MUST_CHECK bool identity_remove(struct arm_call *c, yyjson_val *body, struct error *err);

#endif
