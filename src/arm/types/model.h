/*
 * Models as ARM shows them, and what their life cycle allows. SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPES_MODEL_H
#define ARM_TYPES_MODEL_H

#include "arm/type.h"

/* Capacities of a SKU: minimum, maximum, step, default. */
yyjson_mut_val *model_sku_capacity(yyjson_mut_doc *doc, const struct catalog_sku *s);
/* "Format:OpenAI,Name:gpt-4,Version:0613", as errors name a model; clipped. */
struct str model_text(struct arena *a, struct str format, struct str name, struct str version);

/* May a deployment be made of it, in this call's subscription? ERROR_ARM_MODEL_DEPRECATED when it
 * is retired, ERROR_ARM_MODEL_DEPRECATING when it is on its way there and the subscription has no
 * deployment of it. */
MUST_CHECK bool model_check_lifecycle(struct arm_call *c, const struct catalog_model *m,
                                      struct error *err);

#endif
