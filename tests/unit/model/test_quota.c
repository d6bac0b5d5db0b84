/* SPDX-License-Identifier: MIT */
#include "model/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "default_catalog.h"

#define SUBSCRIPTION "11111111-2222-3333-4444-555555555555"

static const struct catalog_usage *usage(const struct catalog *c, const char *name)
{
    for (unsigned i = 0; i < c->usage_count; i++) {
        if (!strcmp(c->usages[i].name, name))
            return &c->usages[i];
    }
    fail_msg("there is no usage %s", name);
    return NULL;
}

static uint64_t limit(const struct catalog *c, const char *name, const char *subscription,
                      const char *location)
{
    return quota_limit(c, usage(c, name), str_from(subscription), str_from(location));
}

/* Words that Azure's own errors and usages show. */
static void test_names_are_azures(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "OpenAI.Standard.gpt-35-turbo", "Tokens Per Minute (thousands) - GPT-35-Turbo" },
        { "OpenAI.Standard.gpt-35-turbo-16k", "Tokens Per Minute (thousands) - GPT-35-Turbo-16K" },
        { "OpenAI.Standard.text-embedding-ada-002",
          "Tokens Per Minute (thousands) - Text-Embedding-Ada-002" },
        { "OpenAI.GlobalStandard.gpt-4o",
          "Tokens Per Minute (thousands) - GPT-4o - GlobalStandard" },
        { "OpenAI.DataZoneStandard.o3-mini",
          "Tokens Per Minute (thousands) - o3-Mini - DataZoneStandard" },
        { "OpenAI.ProvisionedManaged", "Provisioned Managed Throughput Unit" },
        { "OpenAI.GlobalProvisionedManaged", "Global Provisioned Managed Throughput Unit" },
        { "OpenAI.DataZoneProvisionedManaged", "Data Zone Provisioned Managed Throughput Unit" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(usage(catalog, rows[i].name)->text, rows[i].text);
}

/* All versions of a model and, if provisioned, all models are counted together. */
static void test_a_usage_is_listed_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < catalog->usage_count; i++) {
        for (unsigned n = 0; n < i; n++)
            assert_string_not_equal(catalog->usages[i].name, catalog->usages[n].name);
    }
    for (unsigned i = 0; i < catalog->model_count; i++) {
        const struct catalog_model *m = &catalog->models[i];

        for (unsigned n = 0; n < m->sku_count; n++)
            assert_ptr_equal(m->skus[n].usage, usage(catalog, m->skus[n].usage_name));
    }
}

static void test_default_limits(void **state)
{
    (void)state;
    assert_int_equal(limit(catalog, "OpenAI.Standard.gpt-4o", SUBSCRIPTION, "eastus"), 1000);
    assert_int_equal(limit(catalog, "OpenAI.GlobalStandard.gpt-4o", SUBSCRIPTION, "westus"), 30000);
    assert_int_equal(limit(catalog, "OpenAI.DataZoneStandard.gpt-4.1-nano", "s", "eastus"), 50000);
    assert_int_equal(limit(catalog, "OpenAI.Standard.gpt-35-turbo", "s", "eastus"), 2000);
    assert_int_equal(limit(catalog, "OpenAI.GlobalStandard.o1", "s", "eastus"), 5000);
    assert_int_equal(limit(catalog, "OpenAI.ProvisionedManaged", "s", "eastus"), 500);
    assert_int_equal(limit(catalog, "OpenAI.GlobalProvisionedManaged", "s", "eastus"), 500);
    assert_int_equal(limit(catalog, "OpenAI.Standard.gpt-35-turbo-instruct", "s", "eastus"),
                     1000000);
    assert_int_equal(quota_limit(catalog, &quota_accounts, STR("s"), STR("eastus")), 200);
}

static void test_the_first_that_fits_counts(void **state)
{
    struct error err;
    struct catalog *c = catalog_parse(
        STR("extends: default\nquotas:\n"
            "  - { usage: openai.standard.*, subscription: 1111*, location: eastus, limit: 7 }\n"
            "  - { usage: OpenAI.*.gpt-4o, location: east*, limit: 8 }\n"
            "  - { usage: '*', subscription: 2222, limit: 0 }\n"),
        "f.yaml", &err);

    (void)state;
    assert_non_null(c);
    assert_int_equal(limit(c, "OpenAI.Standard.gpt-4o", SUBSCRIPTION, "eastus"), 7);
    assert_int_equal(limit(c, "OpenAI.Standard.gpt-4o", SUBSCRIPTION, "eastus2"), 8);
    assert_int_equal(limit(c, "OpenAI.Standard.gpt-4o", SUBSCRIPTION, "westus"), 1000);
    assert_int_equal(limit(c, "OpenAI.GlobalStandard.gpt-4o", "s", "eastus"), 8);
    assert_int_equal(limit(c, "OpenAI.ProvisionedManaged", "2222", "eastus"), 0);
    assert_int_equal(quota_limit(c, &quota_s0_accounts, STR("2222"), STR("eastus")), 0);
    catalog_unref(c);
}

/* Without a quota, what one deployment may have at most. */
static void test_a_catalog_without_quotas(void **state)
{
    struct error err;
    struct catalog *c =
        catalog_parse(STR("engines: [{ name: e, sim: {} }]\n"
                          "models:\n  - name: m\n    operations: [chat]\n    engine: e\n"
                          "    versions: [{ version: 1, skus: [{ name: Standard, maximum: 5 }] },\n"
                          "      { version: 2, skus: [{ name: Standard, maximum: 9 }] }]\n"
                          "    default_version: 1\n"),
                      "f.yaml", &err);

    (void)state;
    assert_non_null(c);
    assert_int_equal(c->usage_count, 1);
    assert_int_equal(limit(c, "OpenAI.Standard.m", SUBSCRIPTION, "eastus"), 9);
    catalog_unref(c);
}

static void test_what_fits(void **state)
{
    const struct catalog_usage *u = usage(catalog, "OpenAI.Standard.gpt-35-turbo");
    struct error err;

    (void)state;
    assert_int_equal(quota_available(240, 200), 40);
    assert_int_equal(quota_available(240, 240), 0);
    assert_int_equal(quota_available(100, 240), 0);
    assert_true(quota_check(u, 240, 200, 40, &err));
    assert_true(quota_check(u, 100, 240, 0, &err)); /* a limit that was lowered */
    assert_false(quota_check(u, 8, 0, 30, &err));
    assert_int_equal(err.code, ERROR_ARM_QUOTA);
    assert_string_equal(
        err.text, "This operation require 30 new capacity in quota Tokens Per Minute (thousands) - "
                  "GPT-35-Turbo, which is bigger than the current available capacity 8. The "
                  "current quota usage is 0 and the quota limit is 8 for quota Tokens Per Minute "
                  "(thousands) - GPT-35-Turbo.");
    assert_false(quota_check(u, 100, 240, 1, &err));
    assert_false(quota_check(u, 100, 50, UINT64_MAX, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_azures),
        cmocka_unit_test(test_a_usage_is_listed_once),
        cmocka_unit_test(test_default_limits),
        cmocka_unit_test(test_the_first_that_fits_counts),
        cmocka_unit_test(test_a_catalog_without_quotas),
        cmocka_unit_test(test_what_fits),
    };

    return cmocka_run_group_tests(tests, default_catalog_set_up, default_catalog_tear_down);
}
