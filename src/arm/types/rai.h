/*
 * Responsible AI resources of an account: policies of content filtering, and blocklists. They are
 * kept, checked and shown.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_RAI_H
#define ARM_TYPES_RAI_H

#include "arm/type.h"

/* A policy of that name, of the system or of the account with that key (who tags a resource calls
 * by no account's path). *name becomes its own name, in its own case; STR_NONE when there is none. */
MUST_CHECK bool rai_policy_find(struct arm_call *c, struct str account, struct str *name,
                                struct error *err);
/* Is there a blocklist of that name in the account? */
MUST_CHECK bool rai_blocklist_exists(struct arm_call *c, struct str account, struct str name,
                                     bool *exists, struct error *err);
/* Is that one of the content filters that policies may have? Case, blanks and underscores are not
 * regarded: "Protected Material Text", "protected_material_text". */
bool rai_content_filter_is_known(struct str name);

#endif
