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
/* What the data plane counts against; 0: not limited, as the tokens of a provisioned deployment. */
uint64_t sku_tokens_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                               unsigned capacity);
uint64_t sku_requests_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                 unsigned capacity);
/* The limit of requests in the period that ARM shows it by; a count of 0: not limited. The period
 * is the same for every capacity of a model and family: 10 s where a unit comes to a multiple of
 * six requests a minute, so that the count is whole, and else 60 s; 10 s for provisioned ones. */
struct sku_rate_limit sku_request_limit(const struct catalog_model *m, const struct catalog_sku *s,
                                        unsigned capacity);
/* Input tokens a minute that a provisioned capacity drains; 0 for the other families, and where
 * the catalog has no figure for the model. */
uint64_t sku_ptu_tokens_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                   unsigned capacity);

#endif
