/*
 * One request from its route to its reply, on the store thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_EXECUTE_H
#define ARM_EXECUTE_H

#include "arm/call.h"

/* Routes the request, runs its handler, makes what it publishes ready. The reply's headers are
 * also an error's. */
MUST_CHECK bool arm_execute(struct arm_call *c, struct error *err);
/* The same only as far as it takes to know that there is such a type and api-version, and that the caller may do it. */
MUST_CHECK bool arm_execute_look(struct arm_call *c, struct error *err);

#endif
