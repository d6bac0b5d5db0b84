/*
 * Long-running operations: the document that a 202's Location leads to. lazuli does the work of an
 * operation in the request's own transaction, so that one has always ended when it is first asked
 * for; clients that poll find it so at once. Kept for a day.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_OPERATION_H
#define ARM_TYPES_OPERATION_H

#include "arm/call.h"

/* Notes a succeeded operation and adds Location and Retry-After to the reply. */
MUST_CHECK bool arm_operation_start(struct arm_call *c, struct error *err);
/* The same of Microsoft.CognitiveServices, whose results lie in a location: adds
 * Azure-AsyncOperation as well, which clients prefer. */
MUST_CHECK bool arm_operation_start_at(struct arm_call *c, struct str location, struct error *err);

#endif
