/*
 * SKUs of deployments: their families, which capacities fit, and what a capacity comes to in
 * limits. Pure functions of the catalog.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_SKU_H
#define MODEL_SKU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "model/catalog.h"
#include "model/rate_limit.h"

enum sku_family {
    SKU_UNKNOWN,
    SKU_STANDARD,    /* limited by tokens and requests a minute */
    SKU_PROVISIONED, /* throughput units (PTU) */
    SKU_BATCH,
};

/* Of "Standard", "GlobalProvisionedManaged", ...; case is not regarded. */
enum sku_family sku_family(struct str name);

/* minimum + n x step, up to the maximum. */
bool sku_capacity_fits(const struct catalog_sku *s, uint64_t capacity);
/* As above, with ERROR_ARM_CAPACITY. */
MUST_CHECK bool sku_check_capacity(const struct catalog_model *m, const struct catalog_sku *s,
                                   uint64_t capacity, struct error *err);

/* One entry of a deployment's or a model SKU's rateLimits. */
struct sku_rate_limit {
    const char *key; /* "request", "token" */
    unsigned renewal_period_s;
    uint64_t count; /* allowed in a period */
};
#define SKU_RATE_LIMITS_MAX 2

/* Fills `limits` as ARM shows them and returns how many there are. */
unsigned sku_rate_limits(const struct catalog_model *m, const struct catalog_sku *s,
                         unsigned capacity, struct sku_rate_limit limits[SKU_RATE_LIMITS_MAX]);
/* What the data plane counts against, in the windows that ARM shows: requests by 10 s where a unit
 * comes to a multiple of six a minute, so that the count is whole, and else by 60 s. Nothing is limited of another family
 * than Standard: what ARM shows of provisioned deployments says what they are made for. */
struct rate_limits sku_limits(const struct catalog_model *m, const struct catalog_sku *s,
                              unsigned capacity);
/* Requests a minute of the Standard family, as the data plane's headers tell them; else 0. */
uint64_t sku_requests_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                 unsigned capacity);
/* Input tokens a minute that a provisioned capacity drains; 0 for the other families, and where
 * the catalog has no figure for the model. */
uint64_t sku_ptu_tokens_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                   unsigned capacity);

#endif
