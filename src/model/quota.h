/*
 * Quotas: what the deployments of one subscription in one location may take together, counted under
 * the usage name of their model's SKU ("OpenAI.Standard.gpt-4o") in units of capacity. The limits
 * stand in the catalog. Pure functions of it; who keeps the sums is arm/quota.h.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_QUOTA_H
#define MODEL_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "model/catalog.h"

/* How many accounts there may be: "AccountCount" and "OpenAI.S0.AccountCount". Both count the same
 * ones, since all are of SKU S0. */
extern const struct catalog_usage quota_accounts, quota_s0_accounts;

/* As Azure shows what the deployments of a SKU are counted under. */
const char *quota_text(struct arena *a, const struct catalog_model *m, const struct catalog_sku *s);

/* `location` as the catalog spells it. */
uint64_t quota_limit(const struct catalog *c, const struct catalog_usage *u,
                     struct str subscription, struct str location);
/* What is left; none where a limit was lowered below what is in use. */
uint64_t quota_available(uint64_t limit, uint64_t used);
/* May so much more be taken? ERROR_ARM_QUOTA in Azure's words. */
MUST_CHECK bool quota_check(const struct catalog_usage *u, uint64_t limit, uint64_t used,
                            uint64_t more, struct error *err);

#endif
