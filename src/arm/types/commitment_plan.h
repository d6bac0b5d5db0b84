/*
 * What commitment plans mean for others. SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_COMMITMENT_PLAN_H
#define ARM_TYPES_COMMITMENT_PLAN_H

#include "arm/type.h"

/*
 * A deployment is about to be made or changed, to that SKU and capacity. Where its account has plans
 * of the hosting model ProvisionedWeb, its provisioned deployments may have as many throughput units
 * together as the plans' current periods count; ERROR_ARM_QUOTA where this one would have more than
 * before and that is too many. Without such a plan the quota alone bounds them.
 *
 * Azure's documentation has a commitment bought on a resource (an account) and counted in units;
 * which hosting model that is, and that its number bounds, is inferred. Since August 2024 Azure lets
 * deployments exceed it and charges them by the hour: here nobody is charged, so it holds.
 */
MUST_CHECK bool commitment_plan_check(struct arm_change *change, const struct catalog_sku *s,
                                      unsigned capacity, struct error *err);

#endif
