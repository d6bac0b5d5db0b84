/*
 * The capacity calculator: how many units of a SKU some workloads need. Pure functions of the catalog's
 * figures, as Azure's calculator has it:
 *
 *     input  = calls a minute x tokens of a prompt          (provisioned: what is not cached of it)
 *     output = calls a minute x tokens of an answer
 *     provisioned: (input + output ratio x output) / input tokens a minute of one unit
 *     standard: the larger of (input + output) / tokens of one unit and calls / requests of one unit
 *
 * summed over the workloads, then rounded up to a capacity that can be deployed: the SKU's minimum,
 * or that and a number of steps.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_CALC_H
#define MODEL_CALC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/catalog.h"

/* Larger than anything that runs, and small enough to count with. */
#define CALC_NUMBER_MAX UINT64_C(1000000000)
#define CALC_WORKLOADS_MAX 100

struct calc_workload {
    uint64_t calls_per_minute; /* at the peak; each up to CALC_NUMBER_MAX */
    uint64_t prompt_tokens;    /* of a call */
    uint64_t output_tokens;
    double cache_rate; /* share of the prompt's tokens that are cached, 0..1 */
};

/* What the workloads come to. */
struct calc_load {
    double calls_per_minute;
    double input_tokens_per_minute; /* cached ones included */
    double output_tokens_per_minute;
    double cached_tokens_per_minute;
};

struct calc_estimate {
    double needed;                /* units, before they are rounded */
    uint64_t capacity;            /* that can be deployed, and suffices; 0: none does, since needed
                                       is more than the SKU's maximum */
    double counted_per_minute;    /* the tokens that are measured against the limit */
    double tokens_per_minute;     /* that limit, of `capacity` */
    uint64_t requests_per_minute; /* limit of `capacity`; 0: its requests are not limited */
    double utilization;           /* needed / capacity, 0..1 */
    bool is_bound_by_requests;    /* standard: the requests need more units than the tokens */
};

struct calc_load calc_load(const struct calc_workload *workloads, size_t count);

/* False where the catalog does not tell, which *err explains: a batch SKU, or a provisioned one of a
 * model without a figure. */
MUST_CHECK bool calc_estimate(const struct catalog_model *m, const struct catalog_sku *s,
                              const struct calc_load *load, struct calc_estimate *out,
                              struct error *err);

#endif
