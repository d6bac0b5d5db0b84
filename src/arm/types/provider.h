/*
 * Resource providers: which name spaces there are, with their types and api-versions, and which of them a
 * subscription has registered: all, unless it has unregistered one, whose resources it can't make then.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_PROVIDER_H
#define ARM_TYPES_PROVIDER_H

#include "arm/type.h"

/* May the call's request be done, as far as registration goes? It is about what writes a provider's
 * resources and asks for its actions; what is there may be read and deleted. ERROR_ARM_NOT_REGISTERED,
 * with the name space as its target. */
MUST_CHECK bool provider_check(struct arm_call *c, struct error *err);

#endif
