/* SPDX-License-Identifier: MIT */
#include "model/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/format.h"

/* One model through its years: old and new generally available, two previews, a last one that is
 * the default only from 2027 on. */
static const char catalog_text[] =
    "engines: [{ name: sim, sim: {} }]\n"
    "default_engines: { chat: sim }\n"
    "models:\n"
    "  - name: m\n"
    "    operations: [chat]\n"
    "    skus: [{ name: Standard }]\n"
    "    default_version: next\n"
    "    versions:\n"
    "      - { version: old, created: 2024-01-01, deprecates: 2025-01-01, retires: 2025-07-01 }\n"
    "      - { version: p1, status: preview, created: 2024-02-01, retires: 2026-06-01 }\n"
    "      - { version: new, created: 2024-09-01, retires: 2028-01-01 }\n"
    "      - { version: p2, status: preview, created: 2025-03-01, retires: 2026-06-01 }\n"
    "      - { version: next, created: 2027-01-01, retires: 2029-01-01 }\n";

static struct catalog *catalog;

static int set_up(void **state)
{
    struct error err;

    (void)state;
    catalog = catalog_parse(str_from(catalog_text), "test.yaml", &err);
    return catalog ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_unref(catalog);
    return 0;
}

static int64_t at(const char *date)
{
    int64_t time_ms;

    assert_true(format_parse_time(str_from(date), &time_ms));
    return time_ms;
}

static const struct catalog_model *version(const char *name)
{
    const struct catalog_model *m =
        catalog_find_model(catalog, STR("OpenAI"), STR("m"), str_from(name));

    assert_non_null(m);
    return m;
}

static void test_status_by_date_and_api_version(void **state)
{
    static const struct {
        const char *version, *api_version, *date, *expected;
    } rows[] = {
        { "old", "2025-06-01", "2024-12-31", "GenerallyAvailable" },
        { "old", "2025-06-01", "2025-01-01", "Deprecating" },
        { "old", "2025-06-01", "2025-06-30T23:59:59Z", "Deprecating" },
        { "old", "2025-06-01", "2025-07-01", "Deprecated" },
        { "old", "2024-10-01", "2025-07-01", "Deprecated" },
        { "old", "2025-04-01-preview", "2025-07-01", "Deprecated" },
        { "old", "2024-06-01-preview", "2025-01-01", "GenerallyAvailable" },
        { "old", "2023-05-01", "2025-07-01", "GenerallyAvailable" },
        { "p1", "2023-05-01", "2025-01-01", "Preview" },
        { "p1", "2025-06-01", "2025-01-01", "Preview" },
        { "p1", "2025-06-01", "2026-06-01", "Deprecated" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(lifecycle_status_name(version(rows[i].version),
                                                  str_from(rows[i].api_version), at(rows[i].date)),
                            rows[i].expected);
    assert_false(lifecycle_is_retired(version("old"), at("2025-07-01") - 1));
    assert_true(lifecycle_is_retired(version("old"), at("2025-07-01")));
    assert_false(lifecycle_is_deprecating(version("old"), at("2025-07-01")));
    assert_true(lifecycle_is_deprecating(version("old"), at("2025-02-01")));
}

static void test_default_version_by_date(void **state)
{
    static const struct {
        const char *date, *expected; /* NULL: none */
    } rows[] = {
        { "2023-12-31", NULL },   /* nothing was out */
        { "2024-03-01", "old" },  /* a preview is no default */
        { "2024-10-01", "new" },  /* newest, before the catalog's default is out */
        { "2027-01-01", "next" }, /* the catalog's */
        { "2029-01-01", NULL },   /* all retired */
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct catalog_model *m =
            lifecycle_default_version(catalog, version("old"), at(rows[i].date));

        assert_ptr_equal(m, rows[i].expected ? version(rows[i].expected) : NULL);
    }
}

#define EXPIRED LIFECYCLE_WHEN_EXPIRED
#define NEW_DEFAULT LIFECYCLE_WHEN_NEW_DEFAULT
#define NEVER LIFECYCLE_NEVER

static void test_what_a_deployment_runs(void **state)
{
    static const struct {
        const char *version, *sku;
        enum lifecycle_upgrade option;
        const char *since, *now, *expected; /* NULL: stopped */
    } rows[] = {
        /* the version that it was made with, while that lives */
        { "old", "Standard", EXPIRED, "2024-06-01", "2025-06-30", "old" },
        { "old", "Standard", NEVER, "2024-06-01", "2025-06-30", "old" },
        { "new", "GlobalStandard", EXPIRED, "2024-10-01", "2027-06-01", "new" },
        /* then the default of that day, or none */
        { "old", "Standard", EXPIRED, "2024-06-01", "2025-07-01", "new" },
        { "old", "Standard", EXPIRED, "2024-06-01", "2027-01-01", "next" },
        { "old", "Standard", NEVER, "2024-06-01", "2025-07-01", NULL },
        { "old", "Standard", EXPIRED, "2024-06-01", "2029-01-01", NULL },
        /* provisioned capacity is moved by its owner only */
        { "old", "ProvisionedManaged", EXPIRED, "2024-06-01", "2025-06-30", "old" },
        { "old", "ProvisionedManaged", EXPIRED, "2024-06-01", "2025-07-01", NULL },
        { "old", "GlobalProvisionedManaged", NEW_DEFAULT, "2024-06-01", "2025-01-01", "old" },
        /* a default that is newer than the deployment */
        { "old", "Standard", NEW_DEFAULT, "2024-06-01", "2024-08-31", "old" },
        { "old", "Standard", NEW_DEFAULT, "2024-06-01", "2024-09-01", "new" },
        { "new", "Standard", NEW_DEFAULT, "2024-10-01", "2026-12-31", "new" },
        { "new", "Standard", NEW_DEFAULT, "2024-10-01", "2027-01-01", "next" },
        /* an old version asked for when the default was out already stays until it retires */
        { "old", "Standard", NEW_DEFAULT, "2024-12-01", "2025-06-30", "old" },
        { "old", "Standard", NEW_DEFAULT, "2024-12-01", "2025-07-01", "new" },
        /* previews follow previews, two weeks later */
        { "p1", "Standard", NEW_DEFAULT, "2024-03-01", "2025-03-14", "p1" },
        { "p1", "Standard", NEW_DEFAULT, "2024-03-01", "2025-03-15", "p2" },
        { "p1", "Standard", EXPIRED, "2024-03-01", "2025-03-15", "p1" },
        { "p1", "Standard", NEW_DEFAULT, "2024-03-01", "2026-06-01", "new" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct lifecycle_deployment d = { version(rows[i].version), str_from(rows[i].sku),
                                          rows[i].option, at(rows[i].since) };
        const struct catalog_model *m = lifecycle_effective(catalog, &d, at(rows[i].now));

        if (m != (rows[i].expected ? version(rows[i].expected) : NULL))
            fail_msg("row %zu: runs %s, expected %s", i, m ? m->version : "nothing",
                     rows[i].expected ? rows[i].expected : "nothing");
    }
}

static void test_upgrade_options(void **state)
{
    enum lifecycle_upgrade option = LIFECYCLE_NEVER;

    (void)state;
    assert_true(lifecycle_parse_upgrade(STR_NONE, &option));
    assert_int_equal(option, LIFECYCLE_WHEN_EXPIRED);
    assert_true(lifecycle_parse_upgrade(STR("NoAutoUpgrade"), &option));
    assert_int_equal(option, LIFECYCLE_NEVER);
    assert_true(lifecycle_parse_upgrade(STR("onceNewDefaultVersionAvailable"), &option));
    assert_int_equal(option, LIFECYCLE_WHEN_NEW_DEFAULT);
    assert_true(lifecycle_parse_upgrade(STR("OnceCurrentVersionExpired"), &option));
    assert_int_equal(option, LIFECYCLE_WHEN_EXPIRED);
    assert_false(lifecycle_parse_upgrade(STR("Never"), &option));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_by_date_and_api_version),
        cmocka_unit_test(test_default_version_by_date),
        cmocka_unit_test(test_what_a_deployment_runs),
        cmocka_unit_test(test_upgrade_options),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
