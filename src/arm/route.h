/*
 * Which handler a request goes to: its path against the routes of all types. Literal segments are
 * compared without case; names are percent-decoded.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_ROUTE_H
#define ARM_ROUTE_H

#include "arm/type.h"

#define ARM_SEGMENTS_MAX 24

/* Sets the call's route, type and names. ERROR_ARM_METHOD, ERROR_ARM_NO_TYPE, ERROR_ARM_NO_PROVIDER
 * or ERROR_ARM_NO_PATH when there is none. */
MUST_CHECK bool arm_route_find(struct arm_call *c, struct error *err);

#endif
