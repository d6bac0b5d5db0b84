/* SPDX-License-Identifier: MIT */
#include "model/sku.h"

#include <inttypes.h>

/* A provisioned deployment's rateLimits show 3 requests in 10 seconds for each unit. */
#define PROVISIONED_REQUESTS_PER_UNIT 3
#define SHORT_PERIOD_S 10
#define MINUTE_S 60

enum sku_family sku_family(struct str name)
{
    static const struct {
        struct str name;
        enum sku_family family;
    } rows[] = {
        { { "Standard", 8 }, SKU_STANDARD },
        { { "GlobalStandard", 14 }, SKU_STANDARD },
        { { "DataZoneStandard", 16 }, SKU_STANDARD },
        { { "DeveloperTier", 13 }, SKU_STANDARD },
        { { "ProvisionedManaged", 18 }, SKU_PROVISIONED },
        { { "GlobalProvisionedManaged", 24 }, SKU_PROVISIONED },
        { { "DataZoneProvisionedManaged", 26 }, SKU_PROVISIONED },
        { { "GlobalBatch", 11 }, SKU_BATCH },
        { { "DataZoneBatch", 13 }, SKU_BATCH },
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_equal_nocase(rows[i].name, name))
            return rows[i].family;
    }
    return SKU_UNKNOWN;
}

bool sku_capacity_fits(const struct catalog_sku *s, uint64_t capacity)
{
    return capacity >= s->capacity_minimum && capacity <= s->capacity_maximum &&
           (capacity - s->capacity_minimum) % s->capacity_step == 0;
}

bool sku_check_capacity(const struct catalog_model *m, const struct catalog_sku *s,
                        uint64_t capacity, struct error *err)
{
    if (sku_capacity_fits(s, capacity))
        return true;
    if (capacity < s->capacity_minimum || capacity > s->capacity_maximum)
        return error_set_target(err, ERROR_ARM_CAPACITY, "sku.capacity",
                                "The specified capacity '%" PRIu64 "' of account deployment should "
                                "be greater than %u and no more than %u.",
                                capacity, s->capacity_minimum - 1, s->capacity_maximum);
    return error_set_target(err, ERROR_ARM_CAPACITY, "sku.capacity",
                            "The specified capacity '%" PRIu64 "' of account deployment should be "
                            "%u or more in steps of %u for SKU '%s' of the model '%s' version: "
                            "'%s'.",
                            capacity, s->capacity_minimum, s->capacity_step, s->name, m->name,
                            m->version);
}

/* -- Limits ----------------------------------------------------------------------------------- */

/* Six requests a minute and unit are shown as one in ten seconds; what has no whole number of
 * those is shown by the minute. */
static struct sku_rate_limit standard_requests(const struct catalog_model *m, unsigned capacity)
{
    const unsigned periods = MINUTE_S / SHORT_PERIOD_S;
    uint64_t per_minute = (uint64_t)m->requests_per_unit * capacity;

    if (m->requests_per_unit % periods == 0)
        return (struct sku_rate_limit){ "request", SHORT_PERIOD_S, per_minute / periods };
    return (struct sku_rate_limit){ "request", MINUTE_S, per_minute };
}

unsigned sku_rate_limits(const struct catalog_model *m, const struct catalog_sku *s,
                         unsigned capacity, struct sku_rate_limit limits[SKU_RATE_LIMITS_MAX])
{
    enum sku_family family = sku_family(str_from(s->name));

    if (family == SKU_STANDARD) {
        limits[0] = standard_requests(m, capacity);
        limits[1] =
            (struct sku_rate_limit){ "token", MINUTE_S, (uint64_t)m->tokens_per_unit * capacity };
        return 2;
    }
    if (family == SKU_PROVISIONED) {
        limits[0] = (struct sku_rate_limit){ "request", SHORT_PERIOD_S,
                                             (uint64_t)PROVISIONED_REQUESTS_PER_UNIT * capacity };
        return 1;
    }
    return 0;
}

struct rate_limits sku_limits(const struct catalog_model *m, const struct catalog_sku *s,
                              unsigned capacity)
{
    struct sku_rate_limit requests;

    if (sku_family(str_from(s->name)) != SKU_STANDARD)
        return (struct rate_limits){ 0 };
    requests = standard_requests(m, capacity);
    return (struct rate_limits){
        .tokens_per_minute = (uint64_t)m->tokens_per_unit * capacity,
        .requests_per_period = requests.count,
        .period_ms = (int64_t)requests.renewal_period_s * 1000,
    };
}

uint64_t sku_requests_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                 unsigned capacity)
{
    return sku_family(str_from(s->name)) == SKU_STANDARD ? (uint64_t)m->requests_per_unit * capacity
                                                         : 0;
}

uint64_t sku_ptu_tokens_per_minute(const struct catalog_model *m, const struct catalog_sku *s,
                                   unsigned capacity)
{
    if (sku_family(str_from(s->name)) != SKU_PROVISIONED)
        return 0;
    return (uint64_t)m->ptu_tokens_per_minute * capacity;
}
