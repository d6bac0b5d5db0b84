/*
 * Names that are unique over all subscriptions: custom subdomains, and the names by which accounts
 * are reached in paths. A claim is a small document of its own, so that taking one is one look-up
 * in the transaction of the account's write.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_CLAIM_H
#define ARM_CLAIM_H

#include "arm/call.h"

enum arm_claim { CLAIM_DOMAIN, CLAIM_ROUTE };

/* Takes the name for `owner` (a resource's key); *taken is false when another one has it. */
MUST_CHECK bool arm_claim_take(struct arm_call *c, enum arm_claim kind, struct str name,
                               struct str owner, bool *taken, struct error *err);
MUST_CHECK bool arm_claim_exists(struct arm_call *c, enum arm_claim kind, struct str name,
                                 bool *exists, struct error *err);
/* Nothing happens when it was not taken. */
MUST_CHECK bool arm_claim_release(struct arm_call *c, enum arm_claim kind, struct str name,
                                  struct error *err);

#endif
