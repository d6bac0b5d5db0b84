/* SPDX-License-Identifier: MIT */
#include "model/calc.h"

#include <math.h>

#include "model/sku.h"

/* Of the sums: 10 x 0.1 is a little more than 1, and must not take another unit. */
#define SLACK 1e-9

struct calc_load calc_load(const struct calc_workload *workloads, size_t count)
{
    struct calc_load l = { 0 };

    for (size_t i = 0; i < count; i++) {
        const struct calc_workload *w = &workloads[i];
        double calls = (double)w->calls_per_minute, input = calls * (double)w->prompt_tokens;

        l.calls_per_minute += calls;
        l.input_tokens_per_minute += input;
        l.output_tokens_per_minute += calls * (double)w->output_tokens;
        l.cached_tokens_per_minute += input * w->cache_rate;
    }
    return l;
}

static uint64_t round_up(const struct catalog_sku *s, double needed)
{
    double steps = (needed - s->capacity_minimum) / s->capacity_step;
    uint64_t capacity;

    if (needed > s->capacity_maximum + SLACK * s->capacity_step)
        return 0;
    steps = steps > 0 ? ceil(steps - SLACK) : 0;
    capacity = s->capacity_minimum + (uint64_t)steps * s->capacity_step;
    return sku_capacity_fits(s, capacity) ? capacity : 0;
}

static bool measure_provisioned(const struct catalog_model *m, const struct calc_load *load,
                                struct calc_estimate *out, struct error *err)
{
    if (!m->ptu_tokens_per_minute)
        return error_set(err, ERROR_ARM_PROPERTIES,
                         "There is no figure of what a provisioned throughput unit of the model "
                         "'%s' version: '%s' comes to.",
                         m->name, m->version);
    out->counted_per_minute = load->input_tokens_per_minute - load->cached_tokens_per_minute +
                              m->ptu_output_ratio * load->output_tokens_per_minute;
    out->needed = out->counted_per_minute / m->ptu_tokens_per_minute;
    return true;
}

static void measure_standard(const struct catalog_model *m, const struct calc_load *load,
                             struct calc_estimate *out)
{
    double by_requests = load->calls_per_minute / m->requests_per_unit;

    out->counted_per_minute = load->input_tokens_per_minute + load->output_tokens_per_minute;
    out->needed = out->counted_per_minute / m->tokens_per_unit;
    out->is_bound_by_requests = by_requests > out->needed;
    if (out->is_bound_by_requests)
        out->needed = by_requests;
}

bool calc_estimate(const struct catalog_model *m, const struct catalog_sku *s,
                   const struct calc_load *load, struct calc_estimate *out, struct error *err)
{
    enum sku_family family = sku_family(str_from(s->name));
    uint64_t tokens;

    *out = (struct calc_estimate){ 0 };
    if (family == SKU_BATCH || family == SKU_UNKNOWN)
        return error_set(err, ERROR_ARM_PROPERTIES,
                         "The capacity of the SKU '%s' is not one of calls per minute.", s->name);
    if (family == SKU_STANDARD)
        measure_standard(m, load, out);
    else if (!measure_provisioned(m, load, out, err))
        return false;
    out->capacity = round_up(s, out->needed);
    if (!out->capacity)
        return true;
    tokens = family == SKU_STANDARD ? sku_limits(m, s, (unsigned)out->capacity).tokens_per_minute
                                    : sku_ptu_tokens_per_minute(m, s, (unsigned)out->capacity);
    out->tokens_per_minute = (double)tokens;
    out->requests_per_minute = sku_requests_per_minute(m, s, (unsigned)out->capacity);
    out->utilization = out->needed / (double)out->capacity;
    return true;
}
