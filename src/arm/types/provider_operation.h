/* SPDX-License-Identifier: MIT */
#ifndef ARM_TYPES_PROVIDER_OPERATION_H
#define ARM_TYPES_PROVIDER_OPERATION_H

#include "base/str.h"

/* "Write API Account" for "Microsoft.CognitiveServices/accounts/write"; the name itself where there
 * is no title. */
struct str arm_provider_operation_title(struct str name);

#endif
