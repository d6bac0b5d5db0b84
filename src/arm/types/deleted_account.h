/*
 * Soft delete: an account that was deleted is kept for 48 hours with all that was below it, and may
 * be restored or purged. Until then its id, its subdomain and its name in paths stay taken, and
 * nothing is served by its keys.
 *
 * What is kept lies in the store under the key that it had, behind "/deleted": beyond every list
 * and look-up of what is there. Its sealed keys are untouched, so that they open again.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_DELETED_ACCOUNT_H
#define ARM_TYPES_DELETED_ACCOUNT_H

#include "arm/type.h"

/* Before the account's deletion: keeps it. */
MUST_CHECK bool deleted_account_keep(struct arm_call *c, const struct store_resource *r,
                                     struct error *err);
/* arm_type's restore, of accounts. ERROR_ARM_SOFT_DELETED when one is kept and "restore" is not
 * asked for; ERROR_ARM_NOT_DELETED the other way round. */
bool deleted_account_restore(struct arm_call *c, yyjson_val *input, struct store_resource *r,
                             bool *restored, struct error *err);
/* Purges, in all subscriptions, those whose time is over. */
MUST_CHECK bool deleted_account_purge_overdue(struct arm_call *c, struct error *err);

/* The key of the account whose document has that key: another one once it is deleted. What is sealed
 * beside the document stays bound to it. */
struct str deleted_account_owner(struct str key);

#endif
