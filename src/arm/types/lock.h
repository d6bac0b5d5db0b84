/*
 * Management locks: at a subscription, a resource group or a resource, and in force for all below.
 * CanNotDelete keeps from deletion, ReadOnly from any write, also by an action such as listKeys,
 * as Azure's does. What has a lock below it cannot be deleted either. Locks themselves are made and
 * removed by whoever may, whatever is locked.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_LOCK_H
#define ARM_TYPES_LOCK_H

#include "arm/type.h"

/* May the call's request be done, as far as locks go? ERROR_ARM_LOCKED. */
MUST_CHECK bool lock_check(struct arm_call *c, struct error *err);

#endif
