/*
 * May the caller do this? What a request does is an action in Azure's words
 * ("Microsoft.CognitiveServices/accounts/write"), and follows from its route: the name space and
 * the words of the path, in the case they have there, then read, write or delete by the method, or
 * action for a POST. Where it does it is the path's resource; for a list, what it is a list of.
 * Roles decide (model/rbac.h); a principal that is_administrator passes. Nobody learns by a refusal
 * what exists.
 *
 * A list of resources may also be had by a caller whose roles lie below it: it shows what they let
 * the caller read (arm_may_list).
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_AUTHORIZE_H
#define ARM_AUTHORIZE_H

#include "arm/type.h"

/* By the call's route and names, before they are looked up. ERROR_ARM_FORBIDDEN. */
MUST_CHECK bool arm_authorize(struct arm_call *c, struct error *err);
/* Is a resource of that type for the caller's eyes, in the list that the call makes? */
bool arm_may_list(const struct arm_call *c, const struct arm_type *type, struct str id);
/* What the call does. */
struct str arm_action(const struct arm_call *c);
/* What a method does, in an action's words: "read", "write", "delete", "action". */
const char *arm_verb(enum http_method method);
/* Has the caller any role anywhere? */
bool arm_is_known(const struct arm_call *c);
/* May the caller do that at another scope than its request's? */
bool arm_may(const struct arm_call *c, const char *action, struct str scope);
struct rbac_principal arm_caller(const struct arm_call *c);

#endif
