/*
 * What is in use of each quota (model/quota.h): one sum for each subscription, location and usage
 * name, kept in the store as a small document of its own and changed in the transaction of the write
 * that changes it. So a PUT costs one look-up and one write more, however many deployments there are,
 * two of them cannot both have the last unit, and what a refused call has added is taken back with the
 * rest. A deployment counts by the model that it was made with, or last changed to, whether or not it
 * works any more; those of deleted accounts count until the account is purged.
 *
 * The sums follow from the deployments and the catalog: where that counts by other names than before,
 * they are made anew (arm_quota_recount).
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_QUOTA_H
#define ARM_QUOTA_H

#include "arm/type.h"

/* Where something counts. */
struct arm_quota_place {
    struct str subscription;
    struct str location; /* as the catalog spells it */
};
struct arm_quota_place arm_quota_place(const struct arm_call *c, struct str subscription,
                                       struct str location);

MUST_CHECK bool arm_quota_used(struct arm_call *c, const struct arm_quota_place *place,
                               const char *usage, uint64_t *used, struct error *err);
/* What could still be taken. */
MUST_CHECK bool arm_quota_available(struct arm_call *c, const struct arm_quota_place *place,
                                    const struct catalog_usage *u, uint64_t *available,
                                    struct error *err);

/* A deployment is about to be made or changed, to that SKU and capacity. ERROR_ARM_QUOTA where it
 * would take more than before and there is not so much left. */
MUST_CHECK bool arm_quota_take(struct arm_change *change, const struct catalog_sku *s,
                               unsigned capacity, struct error *err);
/* A deployment's document comes (once more) or goes: `r` is it, at its own key or at that of a
 * deleted one. Is not refused. */
MUST_CHECK bool arm_quota_add(struct arm_call *c, const struct store_resource *r,
                              struct error *err);
MUST_CHECK bool arm_quota_remove(struct arm_call *c, const struct store_resource *r,
                                 struct error *err);

/* The same for accounts. `name` is for the error's words. */
MUST_CHECK bool arm_quota_take_account(struct arm_call *c, const struct arm_quota_place *place,
                                       struct str name, struct error *err);
MUST_CHECK bool arm_quota_remove_account(struct arm_call *c, const struct arm_quota_place *place,
                                         struct error *err);

/* The SKU that a deployment's document counts by; NULL when the catalog has it no more: it does not
 * count then. */
const struct catalog_sku *arm_quota_sku(const struct catalog *catalog, yyjson_val *body);

/* At the start, and with each catalog. */
MUST_CHECK bool arm_quota_recount(struct arm_call *c, struct error *err);

#endif
