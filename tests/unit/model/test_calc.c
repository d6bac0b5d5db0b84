/* SPDX-License-Identifier: MIT */
#include "model/calc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "default_catalog.h"

static const struct catalog_model *model(const char *name)
{
    const struct catalog_model *m =
        catalog_find_model(catalog, STR("OpenAI"), str_from(name), STR_NONE);

    assert_non_null(m);
    return m;
}

static void estimate(const char *name, const char *sku, const struct calc_workload *w, size_t count,
                     struct calc_estimate *e)
{
    const struct catalog_model *m = model(name);
    struct calc_load load = calc_load(w, count);
    struct error err;

    if (!calc_estimate(m, catalog_find_sku(m, str_from(sku)), &load, e, &err))
        fail_msg("%s", err.text);
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 0.005)
        fail_msg("%f is not %f", value, expected);
}

/* The examples of Azure's guide to sizing. */
static void test_worked_examples(void **state)
{
    static const struct {
        const char *sku;
        struct calc_workload w;
        double normalized, needed;
        uint64_t capacity;
    } rows[] = {
        { "DataZoneProvisionedManaged", { 1000, 200, 20, 0 }, 360000, 105.88, 110 },
        { "DataZoneProvisionedManaged", { 1000, 200, 20, 0.5 }, 260000, 76.47, 80 },
        { "ProvisionedManaged", { 1000, 100, 50, 0 }, 500000, 147.06, 150 },
    };
    struct calc_estimate e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        estimate("gpt-5.2", rows[i].sku, &rows[i].w, 1, &e);
        assert_near(e.counted_per_minute, rows[i].normalized);
        assert_near(e.needed, rows[i].needed);
        assert_int_equal(e.capacity, rows[i].capacity);
        assert_near(e.utilization, rows[i].needed / (double)rows[i].capacity);
        assert_near(e.tokens_per_minute, 3400.0 * (double)rows[i].capacity);
        assert_int_equal(e.requests_per_minute, 0);
    }
}

/* The loads add up before they are rounded. */
static void test_several_workloads(void **state)
{
    static const struct calc_workload w[] = { { 100, 1000, 100, 0 }, { 10, 5000, 50, 0.2 } };
    struct calc_load load = calc_load(w, 2);
    struct calc_estimate e;

    (void)state;
    assert_near(load.calls_per_minute, 110);
    assert_near(load.input_tokens_per_minute, 150000);
    assert_near(load.output_tokens_per_minute, 10500);
    assert_near(load.cached_tokens_per_minute, 10000);
    estimate("gpt-4o", "GlobalProvisionedManaged", w, 2, &e);
    assert_near(e.needed, (150000 - 10000 + 4 * 10500) / 2500.0);
    assert_int_equal(e.capacity, 75);
}

static void test_minimum_and_steps(void **state)
{
    static const struct {
        const char *model, *sku;
        uint64_t calls; /* of one token in, none out, for each that a unit drains */
        uint64_t capacity;
    } rows[] = {
        { "gpt-4o", "GlobalProvisionedManaged", 0, 15 },
        { "gpt-4o", "GlobalProvisionedManaged", 2500, 15 },
        { "gpt-4o", "GlobalProvisionedManaged", 15 * 2500, 15 },
        { "gpt-4o", "GlobalProvisionedManaged", 15 * 2500 + 1, 20 },
        { "gpt-4o", "ProvisionedManaged", 50 * 2500 + 1, 100 },
        { "o1", "ProvisionedManaged", 25 * 230 + 1, 75 },
        { "o1", "ProvisionedManaged", 99975 * 230, 99975 },
        { "o1", "ProvisionedManaged", 99975 * 230 + 1,
          0 }, /* the next step is beyond the maximum */
        { "gpt-4o", "GlobalProvisionedManaged", 100000 * 2500, 100000 },
        { "gpt-4o", "GlobalProvisionedManaged", 100000 * 2500 + 1, 0 },
    };
    struct calc_estimate e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct calc_workload w = { rows[i].calls, 1, 0, 0 };

        estimate(rows[i].model, rows[i].sku, &w, 1, &e);
        assert_int_equal(e.capacity, rows[i].capacity);
    }
}

/* 100,000 units to the token, of which the sum makes a little more. */
static void test_all_of_the_maximum(void **state)
{
    static const struct calc_workload w[] = { { 83, 100000, 0, 0.71 }, { 7851, 100000, 0, 0.57 } };
    struct calc_estimate e;

    (void)state;
    estimate("gpt-5.2", "GlobalProvisionedManaged", w, 2, &e);
    assert_true(e.needed > 100000);
    assert_int_equal(e.capacity, 100000);
}

/* A unit of gpt-4o comes to 1,000 tokens and 6 requests a minute, one of gpt-5 to 1,000 and 1. */
static void test_standard(void **state)
{
    struct calc_estimate e;

    (void)state;
    estimate("gpt-4o", "GlobalStandard", &(struct calc_workload){ 60, 900, 100, 0.9 }, 1, &e);
    assert_near(e.counted_per_minute, 60000); /* cached tokens count like others */
    assert_int_equal(e.capacity, 60);
    assert_false(e.is_bound_by_requests);
    assert_near(e.utilization, 1);
    assert_near(e.tokens_per_minute, 60000);
    assert_int_equal(e.requests_per_minute, 360);
    estimate("gpt-4o", "GlobalStandard", &(struct calc_workload){ 61, 50, 50, 0 }, 1, &e);
    assert_true(e.is_bound_by_requests);
    assert_near(e.needed, 61 / 6.0);
    assert_int_equal(e.capacity, 11);
    estimate("gpt-5", "DataZoneStandard", &(struct calc_workload){ 61, 50, 50, 0 }, 1, &e);
    assert_int_equal(e.capacity, 61);
    assert_true(e.is_bound_by_requests);
}

static void test_what_cannot_be_estimated(void **state)
{
    const struct catalog_sku batch = { .name = "GlobalBatch" },
                             ptu = { .name = "ProvisionedManaged" };
    struct calc_load load = { 0 };
    struct calc_estimate e;
    struct error err;

    (void)state;
    assert_false(calc_estimate(model("gpt-4o"), &batch, &load, &e, &err));
    assert_non_null(strstr(err.text, "GlobalBatch"));
    assert_false(calc_estimate(model("gpt-5-nano"), &ptu, &load, &e, &err));
    assert_non_null(strstr(err.text, "'gpt-5-nano' version: '2025-08-07'"));
}

/* The largest numbers there may be end as "no capacity suffices", not as a small one. */
static void test_large_numbers(void **state)
{
    struct calc_workload w[CALC_WORKLOADS_MAX];
    struct calc_estimate e;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(w); i++)
        w[i] = (struct calc_workload){ CALC_NUMBER_MAX, CALC_NUMBER_MAX, CALC_NUMBER_MAX, 0 };
    estimate("gpt-4o", "ProvisionedManaged", w, ARRAY_LEN(w), &e);
    assert_int_equal(e.capacity, 0);
    assert_true(e.needed > 1e15);
    estimate("gpt-4o", "Standard", w, ARRAY_LEN(w), &e);
    assert_int_equal(e.capacity, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_examples),   cmocka_unit_test(test_several_workloads),
        cmocka_unit_test(test_minimum_and_steps), cmocka_unit_test(test_all_of_the_maximum),
        cmocka_unit_test(test_standard),          cmocka_unit_test(test_what_cannot_be_estimated),
        cmocka_unit_test(test_large_numbers),
    };

    return cmocka_run_group_tests(tests, default_catalog_set_up, default_catalog_tear_down);
}
