/*
 * Which handler a request goes to: its path against the routes of all types. Literal segments are
 * compared without case; names are percent-decoded.
 *
 * Extension resources (role assignments, locks, diagnostic settings) belong to a subscription, a
 * resource group or any resource. Their routes, and their type's path, begin with "{scope}":
 * "{scope}/providers/Microsoft.Authorization/locks/{}". It stands for
 *
 *   /subscriptions/S
 *   /subscriptions/S/resourceGroups/G
 *   either of them and /providers/NAMESPACE/TYPE/NAME, followed by any /TYPE/NAME
 *
 * and is found in the call's `scope`; the call's names are those behind it, from names[0] on. The
 * root, which is no such scope, takes a route of its own ("/providers/..."), which leaves the
 * call's scope empty. arm_resource_check_scope looks whether it is there; the generic handlers of
 * arm/resource.h do so.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_ROUTE_H
#define ARM_ROUTE_H

#include "arm/type.h"

#define ARM_SCOPE "{scope}"

/* Sets the call's route, type and names. ERROR_ARM_METHOD, ERROR_ARM_NO_TYPE, ERROR_ARM_NO_PROVIDER
 * or ERROR_ARM_NO_PATH when there is none. */
MUST_CHECK bool arm_route_find(struct arm_call *c, struct error *err);
/* Does the path of a route or a type begin with {scope}? */
bool arm_path_has_scope(const char *path);
/* A route's or a type's path with the call's scope and names in place of {scope} and each {}. */
struct str arm_route_expand(const struct arm_call *c, struct str path);
/* What the call's path is about: the resource that it names, or, where it ends in a word, what that
 * is a list or an action of, up to and with the provider. */
struct str arm_route_scope(const struct arm_call *c);
/* The same without a provider at its end: what a list lists lies below. */
struct str arm_route_list_scope(const struct arm_call *c);

#endif
