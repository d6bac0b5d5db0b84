/*
 * Quotas as the writes of deployments and accounts meet them.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/format.h"
#include "fixture.h"

#define USAGES CS "/locations/eastus/usages" V
#define OTHER G "/providers/Microsoft.CognitiveServices/accounts/other"
#define ACCOUNT "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}"
#define STANDARD "OpenAI.Standard.gpt-35-turbo"
#define TEN_OF_TURBO "quotas:\n  - { usage: OpenAI.Standard.gpt-35-turbo, limit: 10 }\n"
#define HOUR_MS (3600 * 1000)

static const char *of(struct fixture *f, const char *sku, const char *model, unsigned capacity)
{
    return arena_printf(f->arena,
                        "{\"sku\":{\"name\":\"%s\",\"capacity\":%u},\"properties\":{\"model\":{"
                        "\"name\":\"%s\"}}}",
                        sku, capacity, model)
        .data;
}

static const char *turbo(struct fixture *f, unsigned capacity)
{
    return of(f, "Standard", "gpt-35-turbo", capacity);
}

static const char *capacity(struct fixture *f, unsigned units)
{
    return arena_printf(f->arena, "{\"sku\":{\"capacity\":%u}}", units).data;
}

static void assert_used(struct fixture *f, const char *usage, int64_t expected)
{
    assert_number(item_with(expect(f, 200, HTTP_GET, USAGES, NULL), "name.value", usage),
                  "currentValue", expected);
}

static void refused(struct fixture *f, enum http_method method, const char *path, const char *body,
                    const char *words)
{
    expect_error(f, 400, "InsufficientQuota", words, method, path, body);
}

static void test_more_than_there_is(void **state)
{
    struct fixture *f = *state;
    yyjson_val *usage;

    fixture_restart_with(f, TEN_OF_TURBO);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 4));
    refused(f, HTTP_PUT, A "/deployments/b" V, turbo(f, 7),
            "This operation require 7 new capacity in quota Tokens Per Minute (thousands) - "
            "GPT-35-Turbo, which is bigger than the current available capacity 6. The current "
            "quota usage is 4 and the quota limit is 10 for quota Tokens Per Minute (thousands) - "
            "GPT-35-Turbo.");
    expect(f, 404, HTTP_GET, A "/deployments/b" V, NULL);
    assert_used(f, STANDARD, 4);
    expect(f, 201, HTTP_PUT, A "/deployments/b" V, turbo(f, 6));
    usage = item_with(expect(f, 200, HTTP_GET, USAGES, NULL), "name.value", STANDARD);
    assert_number(usage, "currentValue", 10);
    assert_number(usage, "limit", 10);
    refused(f, HTTP_PUT, A "/deployments/c" V, turbo(f, 1), "available capacity 0");
    /* another SKU, model and location have their own */
    expect(f, 201, HTTP_PUT, A "/deployments/d" V, of(f, "ProvisionedManaged", "gpt-35-turbo", 50));
    expect(f, 201, HTTP_PUT, A "/deployments/e" V, of(f, "Standard", "text-embedding-ada-002", 11));
    expect(f, 201, HTTP_PUT, OTHER V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"West US\"}");
    expect(f, 201, HTTP_PUT, OTHER "/deployments/a" V, turbo(f, 10));
    refused(f, HTTP_PUT, OTHER "/deployments/b" V, turbo(f, 1), "available capacity 0");
}

/* All accounts of the location share it. */
static void test_accounts_share(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    fixture_restart_with(f, TEN_OF_TURBO);
    expect(f, 201, HTTP_PUT, OTHER V, ACCOUNT);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 6));
    refused(f, HTTP_PUT, OTHER "/deployments/a" V, turbo(f, 5), "available capacity 4");
    expect(f, 201, HTTP_PUT, OTHER "/deployments/a" V, turbo(f, 3));
    assert_used(f, STANDARD, 9);
    list = expect(f, 200, HTTP_GET, OTHER "/usages" V, NULL);
    assert_number(item_with(list, "name.value", STANDARD), "currentValue", 3);
    assert_number(item_with(list, "name.value", STANDARD), "limit", 10);
}

/* A change takes the difference. */
static void test_scaling(void **state)
{
    struct fixture *f = *state;

    fixture_restart_with(f, TEN_OF_TURBO);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 6));
    expect(f, 200, HTTP_PATCH, A "/deployments/a?api-version=2024-10-01", capacity(f, 10));
    refused(f, HTTP_PATCH, A "/deployments/a?api-version=2024-10-01", capacity(f, 11),
            "require 1 new capacity");
    refused(f, HTTP_PUT, A "/deployments/a" V, turbo(f, 12), "require 2 new capacity");
    assert_used(f, STANDARD, 10);
    assert_number(expect(f, 200, HTTP_GET, A "/deployments/a" V, NULL), "sku.capacity", 10);
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, turbo(f, 10));
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, turbo(f, 2));
    assert_used(f, STANDARD, 2);
    expect(f, 200, HTTP_DELETE, A "/deployments/a" V, NULL);
    assert_used(f, STANDARD, 0);
}

/* What a change of SKU or model leaves is free again. */
static void test_from_one_quota_to_another(void **state)
{
    struct fixture *f = *state;

    fixture_restart_with(f, "quotas:\n  - { usage: OpenAI.Standard.gpt-35-turbo, limit: 10 }\n"
                            "  - { usage: OpenAI.ProvisionedManaged, limit: 100 }\n");
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 10));
    refused(f, HTTP_PUT, A "/deployments/a" V, of(f, "ProvisionedManaged", "gpt-35-turbo", 150),
            "require 150 new capacity in quota Provisioned Managed Throughput Unit, which is");
    assert_used(f, STANDARD, 10);
    expect(f, 200, HTTP_PUT, A "/deployments/a" V,
           of(f, "ProvisionedManaged", "gpt-35-turbo", 100));
    assert_used(f, STANDARD, 0);
    assert_used(f, "OpenAI.ProvisionedManaged", 100);
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, of(f, "Standard", "text-embedding-ada-002", 3));
    assert_used(f, "OpenAI.ProvisionedManaged", 0);
    assert_used(f, "OpenAI.Standard.text-embedding-ada-002", 3);
}

/* Nobody loses what is there; it can only become less. */
static void test_a_lowered_limit(void **state)
{
    struct fixture *f = *state;

    fixture_restart_with(f, TEN_OF_TURBO);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 8));
    fixture_restart_with(f, "quotas:\n  - { usage: '*', limit: 5 }\n");
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, turbo(f, 8));
    refused(
        f, HTTP_PUT, A "/deployments/a" V, turbo(f, 9),
        "require 1 new capacity in quota Tokens Per Minute (thousands) - GPT-35-Turbo, which is "
        "bigger than the current available capacity 0. The current quota usage is 8 and the "
        "quota limit is 5");
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, turbo(f, 7));
    expect(f, 200, HTTP_PATCH, A "/deployments/a?api-version=2024-10-01",
           "{\"tags\":{\"a\":\"b\"}}");
    assert_used(f, STANDARD, 7);
}

/* A deleted account holds what it had until it is purged, be it by the clock. */
static void test_deleted_accounts(void **state)
{
    struct fixture *f = *state;

    fixture_restart_with(f, TEN_OF_TURBO);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V, turbo(f, 6));
    expect(f, 202, HTTP_DELETE, G V, NULL); /* an account with deployments goes with its group */
    assert_used(f, STANDARD, 6);
    assert_used(f, "AccountCount", 1);
    expect(f, 201, HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, OTHER V, ACCOUNT);
    refused(f, HTTP_PUT, OTHER "/deployments/a" V, turbo(f, 5), "available capacity 4");
    expect(f, 201, HTTP_PUT, A V, "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}");
    assert_used(f, STANDARD, 6);
    assert_used(f, "AccountCount", 2);
    expect(f, 200, HTTP_PUT, A "/deployments/a" V, turbo(f, 7));
    expect(f, 202, HTTP_DELETE, G V, NULL);
    assert_used(f, STANDARD, 7);
    assert_used(f, "AccountCount", 2);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
    assert_used(f, STANDARD, 0);
    assert_used(f, "AccountCount", 1);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + 48 * HOUR_MS);
    fixture_restart(f); /* purges what is overdue */
    assert_used(f, "AccountCount", 0);
}

static void test_accounts_are_counted(void **state)
{
    struct fixture *f = *state;

    fixture_restart_with(f, "quotas:\n  - { usage: AccountCount, location: eastus, limit: 2 }\n"
                            "  - { usage: OpenAI.S0.AccountCount, location: westus, limit: 0 }\n");
    expect(f, 201, HTTP_PUT, OTHER V, ACCOUNT);
    refused(f, HTTP_PUT, OTHER "2" V, ACCOUNT,
            "Insufficient quota. Cannot create/update/move resource 'other2'.");
    refused(f, HTTP_PUT, OTHER "2" V,
            "{\"kind\":\"AIServices\",\"sku\":{\"name\":\"S0\"},\"location\":\"westus\"}",
            "Insufficient quota.");
    expect(f, 200, HTTP_PUT, OTHER V, ACCOUNT);
    assert_used(f, "AccountCount", 2);
    assert_used(f, "OpenAI.S0.AccountCount", 2);
    expect(f, 200, HTTP_DELETE, OTHER V, NULL);
    refused(f, HTTP_PUT, OTHER "2" V, ACCOUNT, "Insufficient quota.");
    expect(f, 202, HTTP_DELETE,
           CS "/locations/eastus/resourceGroups/myGroup/deletedAccounts/other" V, NULL);
    expect(f, 201, HTTP_PUT, OTHER "2" V, ACCOUNT);
}

/* A catalog that counts by other names: all is counted anew by them, the deleted ones included. */
static void test_usages_are_renamed(void **state)
{
    static const char renamed[] =
        "engines: [{ name: sim, sim: {} }]\n"
        "models:\n  - name: gpt-35-turbo\n    operations: [chat]\n    engine: sim\n"
        "    skus: [{ name: Standard, usage_name: Mine }]\n"
        "    versions: [{ version: \"0613\" }]\n"
        "quotas: [{ usage: Mine, limit: 20 }]\n";
    struct fixture *f = *state;
    struct error err;

    expect(f, 201, HTTP_PUT, OTHER V, ACCOUNT);
    expect(f, 201, HTTP_PUT, OTHER "/deployments/a" V, turbo(f, 6));
    expect(f, 201, HTTP_PUT, OTHER "/deployments/b" V,
           of(f, "Standard", "text-embedding-ada-002", 4));
    expect(f, 202, HTTP_DELETE, G V, NULL);
    expect(f, 201, HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, OTHER "3" V, ACCOUNT);
    expect(f, 201, HTTP_PUT, OTHER "3/deployments/a" V, turbo(f, 5));
    catalog_unref(f->catalog);
    f->catalog = catalog_parse(str_from(renamed), "renamed", &err);
    assert_non_null(f->catalog);
    fixture_restart(f);
    assert_used(f, "Mine", 11);
    assert_used(f, "AccountCount", 3);
    refused(f, HTTP_PUT, OTHER "3/deployments/b" V, turbo(f, 10),
            "require 10 new capacity in quota Tokens Per Minute (thousands) - GPT-35-Turbo");
    fixture_restart_with(f, "");
    assert_used(f, STANDARD, 11);
    assert_used(f, "OpenAI.Standard.text-embedding-ada-002", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_more_than_there_is),        T(test_accounts_share),     T(test_scaling),
        T(test_from_one_quota_to_another), T(test_a_lowered_limit),    T(test_deleted_accounts),
        T(test_accounts_are_counted),      T(test_usages_are_renamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
