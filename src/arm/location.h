/*
 * Where a resource may be: the locations of the catalog.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_LOCATION_H
#define ARM_LOCATION_H

#include "arm/call.h"

/* A location of the catalog, in any spelling; `type` NULL: of a resource group. */
MUST_CHECK bool arm_location_check(const struct arm_call *c, struct str location, const char *type,
                                   struct error *err);
/* "East US" and "eastus" are. */
bool arm_location_is_same(const struct arm_call *c, struct str a, struct str b);

#endif
