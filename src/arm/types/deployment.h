/*
 * What the files about deployments share. SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_DEPLOYMENT_H
#define ARM_TYPES_DEPLOYMENT_H

#include "arm/types/account.h"
#include "model/sku.h"

#define DEPLOYMENT_PATH ACCOUNT_PATH "/deployments/{}"

/* What a deployment's document says, found in the catalog. */
struct deployment_facts {
    const struct catalog_model *model; /* that it was made with, or last changed to; NULL: the
                                          catalog has it no more */
    const struct catalog_model *runs;  /* what became of it by now; NULL: it has stopped working */
    const struct catalog_sku *sku;     /* of what runs, else of the model; NULL: there is none */
    unsigned capacity;
};

void deployment_read(const struct catalog *catalog, yyjson_val *body, int64_t now_ms,
                     struct deployment_facts *facts);

/* Adds to a deployment's properties what is derived. */
void deployment_render(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                       yyjson_mut_doc *doc, yyjson_mut_val *shown);

/* As ARM shows them, on a deployment for its capacity and on a model's SKU for one unit. */
yyjson_mut_val *deployment_rate_limits(yyjson_mut_doc *doc, const struct catalog_model *m,
                                       const struct catalog_sku *s, unsigned capacity);

/* Action: the SKUs that a deployment could have. */
bool deployment_list_skus(struct arm_call *c, struct error *err);

#endif
