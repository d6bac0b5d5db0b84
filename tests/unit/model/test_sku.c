/* SPDX-License-Identifier: MIT */
#include "model/sku.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "default_catalog.h"

static const struct catalog_model *model(const char *name, const char *version)
{
    const struct catalog_model *m =
        catalog_find_model(catalog, STR("OpenAI"), str_from(name), str_from(version));

    assert_non_null(m);
    return m;
}

static void test_families(void **state)
{
    (void)state;
    assert_int_equal(sku_family(STR("Standard")), SKU_STANDARD);
    assert_int_equal(sku_family(STR("globalstandard")), SKU_STANDARD);
    assert_int_equal(sku_family(STR("DataZoneStandard")), SKU_STANDARD);
    assert_int_equal(sku_family(STR("ProvisionedManaged")), SKU_PROVISIONED);
    assert_int_equal(sku_family(STR("GlobalProvisionedManaged")), SKU_PROVISIONED);
    assert_int_equal(sku_family(STR("DataZoneProvisionedManaged")), SKU_PROVISIONED);
    assert_int_equal(sku_family(STR("GlobalBatch")), SKU_BATCH);
    assert_int_equal(sku_family(STR("Standardd")), SKU_UNKNOWN);
    assert_int_equal(sku_family(STR_NONE), SKU_UNKNOWN);
}

/* As the walk-throughs show them, and the requests a minute that Azure documents for each model; the
 * data plane counts by the same. */
static void test_rate_limits(void **state)
{
    static const struct {
        const char *model, *version, *sku;
        unsigned capacity, request_period_s;
        uint64_t requests, tokens; /* tokens 0: no such limit */
        uint64_t requests_per_minute;
    } rows[] = {
        { "text-embedding-ada-002", "2", "Standard", 1, 10, 1, 1000, 6 },
        { "gpt-35-turbo", "0301", "Standard", 80, 10, 80, 80000, 480 },
        { "gpt-35-turbo", "0613", "Standard", 120, 10, 120, 120000, 720 },
        { "gpt-4o-mini", "2024-07-18", "GlobalStandard", 20000, 10, 20000, 20000000, 120000 },
        { "gpt-4", "0613", "ProvisionedManaged", 100, 10, 300, 0, 0 },
        { "o1", "2024-12-17", "Standard", 2, 60, 2, 12000, 2 },
        { "o3-mini", "2025-01-31", "Standard", 3, 60, 3, 30000, 3 },
        { "gpt-5", "2025-08-07", "GlobalStandard", 12, 60, 12, 12000, 12 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct catalog_model *m = model(rows[i].model, rows[i].version);
        const struct catalog_sku *s = catalog_find_sku(m, str_from(rows[i].sku));
        struct sku_rate_limit limits[SKU_RATE_LIMITS_MAX];
        unsigned count = sku_rate_limits(m, s, rows[i].capacity, limits);
        struct rate_limits counted;

        assert_int_equal(count, rows[i].tokens ? 2 : 1);
        assert_string_equal(limits[0].key, "request");
        assert_int_equal(limits[0].renewal_period_s, rows[i].request_period_s);
        assert_int_equal(limits[0].count, rows[i].requests);
        if (count == 2) {
            assert_string_equal(limits[1].key, "token");
            assert_int_equal(limits[1].renewal_period_s, 60);
            assert_int_equal(limits[1].count, rows[i].tokens);
        }
        assert_int_equal(sku_requests_per_minute(m, s, rows[i].capacity),
                         rows[i].requests_per_minute);
        counted = sku_limits(m, s, rows[i].capacity);
        assert_int_equal(counted.tokens_per_minute, rows[i].tokens);
        assert_int_equal(counted.requests_per_period, rows[i].tokens ? rows[i].requests : 0);
        if (rows[i].tokens)
            assert_int_equal(counted.period_ms, rows[i].request_period_s * 1000);
    }
}

/* Other families than Standard are not limited by the data plane, whatever ARM shows of them. */
static void test_only_standard_is_limited(void **state)
{
    static const char *const names[] = { "ProvisionedManaged", "GlobalBatch" };
    const struct catalog_model *m = model("o1", "2024-12-17");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct rate_limits l = sku_limits(m, &(struct catalog_sku){ .name = names[i] }, 50);

        assert_int_equal(l.tokens_per_minute, 0);
        assert_int_equal(l.requests_per_period, 0);
    }
}

/* Azure's table; what is not provisioned has no such rate. */
static void test_throughput_units(void **state)
{
    static const struct {
        const char *model, *sku;
        unsigned capacity;
        uint64_t tokens_per_minute;
        unsigned output_ratio;
    } rows[] = {
        { "gpt-4o", "ProvisionedManaged", 50, 125000, 4 },
        { "gpt-4o-mini", "GlobalProvisionedManaged", 15, 555000, 4 },
        { "gpt-4.1", "DataZoneProvisionedManaged", 20, 60000, 4 },
        { "gpt-4.1-nano", "ProvisionedManaged", 100000, 5940000000, 4 },
        { "o1", "ProvisionedManaged", 75, 17250, 4 },
        { "gpt-5", "ProvisionedManaged", 50, 237500, 8 },
        { "gpt-5.2", "DataZoneProvisionedManaged", 110, 374000, 8 },
        { "gpt-5.5", "ProvisionedManaged", 50, 60000, 6 },
        { "gpt-5.2", "Standard", 110, 0, 8 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct catalog_model *m = model(rows[i].model, "");
        const struct catalog_sku *s = catalog_find_sku(m, str_from(rows[i].sku));

        assert_int_equal(sku_ptu_tokens_per_minute(m, s, rows[i].capacity),
                         rows[i].tokens_per_minute);
        assert_int_equal(m->ptu_output_ratio, rows[i].output_ratio);
    }
}

static void test_capacities(void **state)
{
    const struct catalog_model *m = model("gpt-4", "0613");
    const struct catalog_sku *standard = catalog_find_sku(m, STR("Standard"));
    const struct catalog_sku *provisioned = catalog_find_sku(m, STR("provisionedmanaged"));
    struct error err;

    (void)state;
    assert_true(sku_check_capacity(m, standard, 1, &err));
    assert_true(sku_check_capacity(m, standard, standard->capacity_maximum, &err));
    assert_true(sku_check_capacity(m, provisioned, 100, &err));
    assert_true(sku_check_capacity(m, provisioned, 300, &err));
    assert_false(sku_check_capacity(m, standard, 0, &err));
    assert_int_equal(err.code, ERROR_ARM_CAPACITY);
    assert_string_equal(err.target, "sku.capacity");
    assert_string_equal(err.text, "The specified capacity '0' of account deployment should be "
                                  "greater than 0 and no more than 1000000.");
    assert_false(sku_check_capacity(m, standard, UINT64_MAX, &err));
    assert_false(sku_check_capacity(m, provisioned, 50, &err));
    assert_false(sku_check_capacity(m, provisioned, 150, &err));
    assert_non_null(strstr(err.text, "in steps of 100"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_rate_limits),
        cmocka_unit_test(test_only_standard_is_limited),
        cmocka_unit_test(test_throughput_units),
        cmocka_unit_test(test_capacities),
    };

    return cmocka_run_group_tests(tests, default_catalog_set_up, default_catalog_tear_down);
}
