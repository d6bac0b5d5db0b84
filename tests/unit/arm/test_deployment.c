/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/format.h"
#include "fixture.h"

#define D A "/deployments/myModel"
#define ADA                                                                       \
    "{\"sku\":{\"name\":\"Standard\",\"capacity\":1},\"properties\":{\"model\":{" \
    "\"format\":\"OpenAI\",\"name\":\"text-embedding-ada-002\",\"version\":\"1\"}}}"
#define TURBO_WITH(more)                                                    \
    "{\"sku\":{\"name\":\"Standard\",\"capacity\":1},\"properties\":{" more \
    "\"model\":{\"name\":\"gpt-35-turbo\"}}}"

/* The limit of that key. */
static yyjson_val *limit(yyjson_val *deployment, const char *key)
{
    yyjson_val *limits = json_at(deployment, "properties.rateLimits"), *value;
    size_t i, count;

    yyjson_arr_foreach(limits, i, count, value)
    {
        if (yyjson_equals_str(yyjson_obj_get(value, "key"), key))
            return value;
    }
    fail_msg("no limit '%s'", key);
    return NULL;
}

/* The Azure CLI's walk-through: what it sends, and what it shows then. */
static void test_create(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d = expect(f, 201, HTTP_PUT, D V, ADA);

    assert_text(d, "id", D);
    assert_text(d, "name", "myModel");
    assert_text(d, "type", "Microsoft.CognitiveServices/accounts/deployments");
    assert_text(d, "sku.name", "Standard");
    assert_number(d, "sku.capacity", 1);
    assert_text(d, "properties.capabilities.embeddings", "true");
    assert_text(d, "properties.capabilities.embeddingsMaxInputs", "1");
    assert_text(d, "properties.model.format", "OpenAI");
    assert_text(d, "properties.model.name", "text-embedding-ada-002");
    assert_text(d, "properties.model.version", "1");
    assert_text(d, "properties.provisioningState", "Succeeded");
    assert_text(d, "properties.versionUpgradeOption", "OnceNewDefaultVersionAvailable");
    assert_number(limit(d, "request"), "renewalPeriod", 10);
    assert_number(limit(d, "request"), "count", 1);
    assert_number(limit(d, "token"), "renewalPeriod", 60);
    assert_number(limit(d, "token"), "count", 1000);
    assert_text(d, "systemData.createdBy", "dev@contoso.com");
    assert_int_equal(yyjson_get_len(json_at(d, "etag")), 38);
    assert_absent(d, "properties.raiPolicyName");
    assert_absent(d, "properties.scaleSettings");
    assert_absent(d, "properties.currentCapacity");
}

/* What later versions have added is not shown in an earlier one. */
static void test_members_of_versions(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d = expect(f, 201, HTTP_PUT, D "?api-version=2023-10-01-preview",
                           "{\"tags\":{\"a\":\"b\"},\"sku\":{\"name\":\"Standard\",\"capacity\":1},"
                           "\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");

    assert_number(d, "properties.currentCapacity", 1);
    assert_text(d, "tags.a", "b");
    d = expect(f, 200, HTTP_GET, D "?api-version=2023-05-01", NULL);
    assert_absent(d, "properties.currentCapacity");
    assert_absent(d, "tags");
    assert_number(limit(d, "token"), "count", 1000);
    d = expect(f, 200, HTTP_GET, D "?api-version=2022-12-01", NULL);
    assert_absent(d, "sku");
    assert_absent(d, "properties.rateLimits");
    assert_absent(d, "properties.versionUpgradeOption");
    assert_number(d, "properties.scaleSettings.capacity", 1);
    d = expect(f, 200, HTTP_GET, D "?api-version=2024-10-01", NULL);
    assert_text(d, "tags.a", "b");
    assert_number(d, "properties.currentCapacity", 1);
}

/* The example of "Update & deploy models via the API". */
static void test_update(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d;

    expect(f, 201, HTTP_PUT, D V, TURBO_WITH(""));
    d = expect(f, 200, HTTP_PUT, D V,
               "{\"sku\":{\"name\":\"Standard\",\"capacity\":120},\"properties\": {\"model\": "
               "{\"format\": \"OpenAI\",\"name\": \"gpt-35-turbo\",\"version\": \"0613\"},"
               "\"versionUpgradeOption\":\"OnceCurrentVersionExpired\",\"raiPolicyName\":"
               "\"Microsoft.Default\"}}");
    assert_number(limit(d, "request"), "count", 120);
    assert_number(limit(d, "token"), "count", 120000);
    assert_text(d, "properties.versionUpgradeOption", "OnceCurrentVersionExpired");
    assert_text(d, "properties.raiPolicyName", "Microsoft.Default");
    assert_number(d, "sku.capacity", 120);
}

static void test_names_take_the_catalogs_case(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d = expect(f, 201, HTTP_PUT, D V,
                           "{\"sku\":{\"name\":\"provisionedmanaged\",\"capacity\":100},"
                           "\"properties\":{\"model\":{\"format\":\"openai\",\"name\":"
                           "\"GPT-35-Turbo\"}}}");

    assert_text(d, "properties.model.format", "OpenAI");
    assert_text(d, "properties.model.name", "gpt-35-turbo");
    assert_text(d, "properties.model.version", "0613"); /* the default one */
    assert_text(d, "sku.name", "ProvisionedManaged");
    assert_number(limit(d, "request"), "count", 300);
}

/* Three values and null, which is not shown; what is left out stays. */
static void test_upgrade_option(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d;

    expect(f, 201, HTTP_PUT, D V, TURBO_WITH("\"versionUpgradeOption\":\"noautoupgrade\","));
    d = expect(f, 200, HTTP_GET, D V, NULL);
    assert_text(d, "properties.versionUpgradeOption", "NoAutoUpgrade");
    d = expect(f, 200, HTTP_PUT, D V, TURBO_WITH(""));
    assert_text(d, "properties.versionUpgradeOption", "NoAutoUpgrade");
    d = expect(f, 200, HTTP_PUT, D V, TURBO_WITH("\"versionUpgradeOption\":null,"));
    assert_absent(d, "properties.versionUpgradeOption");
    d = expect(f, 200, HTTP_PUT, D V, TURBO_WITH(""));
    assert_absent(d, "properties.versionUpgradeOption");
    d = expect(f, 200, HTTP_PATCH, D V,
               "{\"properties\":{\"versionUpgradeOption\":\"OnceNewDefaultVersionAvailable\"}}");
    assert_text(d, "properties.versionUpgradeOption", "OnceNewDefaultVersionAvailable");
    d = expect(f, 200, HTTP_PATCH, D V, "{\"properties\":{\"versionUpgradeOption\":null}}");
    assert_absent(d, "properties.versionUpgradeOption");
    expect_error(f, 400, "InvalidRequestContent", "versionUpgradeOption", HTTP_PUT, D V,
                 TURBO_WITH("\"versionUpgradeOption\":\"Sometimes\","));
    expect(f, 201, HTTP_PUT, A "/deployments/second" V,
           TURBO_WITH("\"versionUpgradeOption\":null,"));
    assert_absent(expect(f, 200, HTTP_GET, A "/deployments/second" V, NULL),
                  "properties.versionUpgradeOption");
}

static void test_patch(void **state)
{
    struct fixture *f = *state;
    yyjson_val *d;

    expect(f, 404, HTTP_PATCH, D V, "{}");
    expect(f, 201, HTTP_PUT, D V, ADA);
    d = expect(f, 200, HTTP_PATCH, D "?api-version=2024-10-01",
               "{\"sku\":{\"capacity\":7},\"tags\":{\"team\":\"a\"}}");
    assert_number(d, "sku.capacity", 7);
    assert_text(d, "sku.name", "Standard");
    assert_text(d, "tags.team", "a");
    assert_text(d, "properties.model.version", "1");
}

static void test_put_what_get_gave(void **state)
{
    struct fixture *f = *state;
    struct answer got;
    yyjson_val *d;

    expect(f, 201, HTTP_PUT, D V, ADA);
    got = call(f, HTTP_GET, D V, NULL);
    d = expect(f, 200, HTTP_PUT, D V, arena_text(f->arena, got.text));
    assert_text(d, "properties.model.version", "1");
    assert_number(d, "sku.capacity", 1);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 404, "ParentResourceNotFound",
                 "Failed to perform 'write' on resource(s) of type 'accounts/deployments'",
                 HTTP_PUT, G "/providers/Microsoft.CognitiveServices/accounts/none/deployments/d" V,
                 ADA);
    expect_error(f, 400, "DeploymentModelNotSupported",
                 "The model 'Format:OpenAI,Name:gpt-9,Version:1' of account deployment is not "
                 "supported.",
                 HTTP_PUT, D V,
                 "{\"properties\":{\"model\":{\"format\":\"OpenAI\",\"name\":\"gpt-9\","
                 "\"version\":\"1\"}}}");
    expect_error(f, 400, "ServiceModelDeprecated",
                 "The model 'Format:OpenAI,Name:gpt-35-turbo,Version:0301' has been deprecated "
                 "since 02/13/2025 00:00:00.",
                 HTTP_PUT, D V,
                 "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\",\"version\":\"0301\"}}}");
    expect_error(f, 400, "InvalidResourceProperties",
                 "The specified SKU 'GlobalStandard' of account deployment is not supported by the "
                 "model 'gpt-35-turbo' version: '0613'.",
                 HTTP_PUT, D V,
                 "{\"sku\":{\"name\":\"GlobalStandard\"},\"properties\":{\"model\":{\"name\":"
                 "\"gpt-35-turbo\"}}}");
    expect(f, 400, HTTP_PUT, D V,
           "{\"sku\":{\"name\":\"ProvisionedManaged\",\"capacity\":60},\"properties\":{\"model\":{"
           "\"name\":\"gpt-35-turbo\"}}}");
    expect(f, 400, HTTP_PUT, D V,
           "{\"sku\":{\"name\":\"Standard\",\"capacity\":0},\"properties\":{\"model\":{"
           "\"name\":\"gpt-35-turbo\"}}}");
    expect_error(
        f, 400, "InvalidRequestContent", "sku.capacity", HTTP_PUT, D V,
        "{\"sku\":{\"name\":\"Standard\",\"capacity\":\"many\"},\"properties\":{\"model\":{"
        "\"name\":\"gpt-35-turbo\"}}}");
    expect_error(f, 400, "InvalidRequestContent", "properties.model.name", HTTP_PUT, D V, "{}");
    expect_error(f, 400, "InvalidResourceName", "a b", HTTP_PUT, A "/deployments/a%20b" V, ADA);
    expect_error(f, 400, "InvalidResourceName", "'..'", HTTP_PUT, A "/deployments/.." V, ADA);
    expect(f, 404, HTTP_GET, D V, NULL);
}

/* Clients from before 2023-05-01 scale so; later ones are told to use the SKU. */
static void test_scale_settings(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"properties\":{\"model\":{\"format\":\"OpenAI\",\"name\":"
                       "\"text-embedding-ada-002\",\"version\":\"1\"},\"scaleSettings\":{"
                       "\"scaleType\":\"Standard\",\"capacity\":3}}}";
    yyjson_val *d = expect(f, 201, HTTP_PUT, D "?api-version=2022-12-01", body);

    assert_text(d, "properties.scaleSettings.scaleType", "Standard");
    assert_number(d, "properties.scaleSettings.capacity", 3);
    d = expect(f, 200, HTTP_GET, D V, NULL);
    assert_number(d, "sku.capacity", 3);
    assert_absent(d, "properties.scaleSettings");
    expect_error(f, 400, "InvalidResourceProperties",
                 "The scale settings of account deployment is deprecated since API version "
                 "'2023-05-01', please use 'sku' instead.",
                 HTTP_PUT, D V, body);
}

static void test_list_and_delete(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect(f, 201, HTTP_PUT, D V, ADA);
    expect(f, 201, HTTP_PUT, A "/deployments/another" V, TURBO_WITH(""));
    list = expect(f, 200, HTTP_GET, A "/deployments" V, NULL);
    assert_int_equal(count_of(list), 2);
    assert_text(item(list, 0), "name", "another");
    list = expect(f, 200, HTTP_GET, D "/skus" V, NULL);
    assert_text(item(list, 0), "sku.name", "Standard");
    assert_number(item(list, 0), "sku.capacity", 1);
    assert_number(item(list, 0), "capacity.minimum", 1);
    assert_int_equal(call(f, HTTP_DELETE, D V, NULL).text.len, 0);
    expect(f, 204, HTTP_DELETE, D V, NULL);
    list = expect(f, 200, HTTP_GET, A "/deployments" V, NULL);
    assert_int_equal(count_of(list), 1);
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/no/deployments" V,
           NULL);
}

/* The data plane finds a deployment as soon as its write is answered, and no more when it goes;
 * its counters stay when it changes. */
static void test_directory(void **state)
{
    struct fixture *f = *state;
    struct directory *before, *after;
    const struct directory_deployment *old, *now;

    expect(f, 201, HTTP_PUT, D V, TURBO_WITH(""));
    before = directory_box_get(f->directory);
    old = directory_deployment(directory_by_name(before, STR("myAccount")), STR("MYMODEL"));
    assert_non_null(old);
    assert_true(old->is_ready);
    assert_string_equal(old->model->name, "gpt-35-turbo");
    assert_int_equal(old->engine->kind, ENGINE_SIM);
    assert_int_equal(old->limits.tokens_per_minute, 1000);
    assert_int_equal(old->requests_per_minute, 6);
    assert_int_equal(old->limits.requests_per_period, 1);
    assert_int_equal(old->limits.period_ms, 10000);
    expect(f, 200, HTTP_PATCH, D V, "{\"sku\":{\"capacity\":2}}");
    after = directory_box_get(f->directory);
    now = directory_deployment(directory_by_name(after, STR("myAccount")), STR("myModel"));
    assert_int_equal(now->limits.tokens_per_minute, 2000);
    assert_ptr_equal(now->counters, old->counters);
    directory_unref(before);
    directory_unref(after);
    expect(f, 200, HTTP_DELETE, D V, NULL);
    after = directory_box_get(f->directory);
    assert_null(directory_deployment(directory_by_name(after, STR("myAccount")), STR("myModel")));
    directory_unref(after);
}

static void move_clock(struct fixture *f, const char *date)
{
    int64_t now_ms;

    assert_true(format_parse_time(str_from(date), &now_ms));
    clock_move_to(&f->clock, now_ms);
    fixture_restart(f);
}

static bool is_served(struct fixture *f, const char *deployment, const char **version)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_deployment *found =
        directory_deployment(directory_by_name(d, STR("myAccount")), str_from(deployment));
    bool is_ready = found && found->is_ready;

    *version = found ? arena_text(f->arena, str_from(found->model->version)) : NULL;
    directory_unref(d);
    return is_ready;
}

#define OLD_TURBO(option)                                                                  \
    "{\"sku\":{\"name\":\"Standard\",\"capacity\":1},\"properties\":{\"model\":{\"name\":" \
    "\"gpt-35-turbo\",\"version\":\"0301\"},\"versionUpgradeOption\":\"" option "\"}}"

/* A version's end moves a deployment to the default version, or stops it. */
static void test_retirement(void **state)
{
    struct fixture *f = *state;
    const char *version;
    struct answer got;
    yyjson_val *d;

    move_clock(f, "2025-01-01");
    expect(f, 201, HTTP_PUT, A "/deployments/stays" V, OLD_TURBO("NoAutoUpgrade"));
    expect(f, 201, HTTP_PUT, A "/deployments/moves" V, OLD_TURBO("OnceCurrentVersionExpired"));
    assert_true(is_served(f, "stays", &version));
    assert_string_equal(version, "0301");
    move_clock(f, "2025-02-13");
    assert_false(is_served(f, "stays", &version));
    assert_true(is_served(f, "moves", &version));
    assert_string_equal(version, "0613");
    d = expect(f, 200, HTTP_GET, A "/deployments/moves" V, NULL);
    assert_text(d, "properties.model.version", "0613");
    /* what does not touch the model may still be changed */
    expect(f, 200, HTTP_PATCH, A "/deployments/stays" V, "{\"sku\":{\"capacity\":2}}");
    expect(f, 200, HTTP_PATCH, A "/deployments/moves" V, "{\"sku\":{\"capacity\":2}}");
    expect_error(f, 400, "ServiceModelDeprecated", "0301", HTTP_PUT, A "/deployments/moves" V,
                 OLD_TURBO("NoAutoUpgrade"));
    /* what GET gave may be put back, though a new deployment could not have it */
    got = call(f, HTTP_GET, A "/deployments/stays" V, NULL);
    d = expect(f, 200, HTTP_PUT, A "/deployments/stays" V, arena_text(f->arena, got.text));
    assert_text(d, "properties.model.version", "0301");
    assert_number(d, "sku.capacity", 2);
    assert_false(is_served(f, "stays", &version));
    expect_error(f, 400, "ServiceModelDeprecated", "0301", HTTP_PUT, A "/deployments/new" V,
                 arena_text(f->arena, got.text));
    expect(f, 200, HTTP_PUT, A "/deployments/stays" V, TURBO_WITH(""));
    assert_true(is_served(f, "stays", &version));
    assert_string_equal(version, "0613");
}

static void test_usages(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list, *usage;

    expect(f, 200, HTTP_GET, A "/usages" V, NULL);
    expect(f, 201, HTTP_PUT, D V, TURBO_WITH(""));
    expect(f, 201, HTTP_PUT, A "/deployments/b" V,
           "{\"sku\":{\"name\":\"Standard\",\"capacity\":40},\"properties\":{\"model\":{\"name\":"
           "\"gpt-35-turbo\"}}}");
    list = expect(f, 200, HTTP_GET, CS "/locations/eastus/usages" V, NULL);
    usage = item_with(list, "name.value", "OpenAI.Standard.gpt-35-turbo");
    assert_number(usage, "currentValue", 41);
    assert_text(usage, "unit", "Count");
    assert_text(usage, "name.localizedValue", "Tokens Per Minute (thousands) - GPT-35-Turbo");
    usage = item_with(list, "name.value", "OpenAI.Standard.text-embedding-ada-002");
    assert_number(usage, "currentValue", 0);
    assert_text(usage, "name.localizedValue",
                "Tokens Per Minute (thousands) - Text-Embedding-Ada-002");
    usage = item_with(list, "name.value", "AccountCount");
    assert_number(usage, "currentValue", 1);
    assert_number(usage, "limit", 200);
    assert_text(usage, "name.localizedValue", "Maximum Resources per Region");
    list = expect(f, 200, HTTP_GET, CS "/locations/westus/usages" V, NULL);
    assert_number(item_with(list, "name.value", "AccountCount"), "currentValue", 0);
    assert_number(item_with(list, "name.value", "OpenAI.Standard.gpt-35-turbo"), "currentValue", 0);
    list = expect(f, 200, HTTP_GET, A "/usages" V, NULL);
    assert_number(item_with(list, "name.value", "OpenAI.Standard.gpt-35-turbo"), "currentValue",
                  41);
    assert_null(item_with(list, "name.value", "AccountCount"));
    expect(f, 400, HTTP_GET, CS "/locations/mars/usages" V, NULL);
}

#define FILTER V "&$filter="
#define NAMED(name) "name.value%20eq%20'" name "'"

static void test_usages_by_name(void **state)
{
    static const char *const wrong[] = {
        "name.value",
        "name.value%20eq%20AccountCount",
        "name.value%20ne%20'AccountCount'",
        "unit%20eq%20'Count'",
        NAMED("a") "%20and%20" NAMED("b"),
        NAMED("a") "%20or",
    };
    struct fixture *f = *state;
    yyjson_val *list;
    char path[512];

    list = expect(
        f, 200, HTTP_GET,
        CS "/locations/eastus/usages" FILTER NAMED("openai.standard.gpt-35-turbo") "%20or%20" NAMED(
            "AccountCount") "%20or%20" NAMED("nobody"),
        NULL);
    assert_int_equal(yyjson_arr_size(json_at(list, "value")), 2);
    assert_non_null(item_with(list, "name.value", "AccountCount"));
    assert_non_null(item_with(list, "name.value", "OpenAI.Standard.gpt-35-turbo"));
    list = expect(f, 200, HTTP_GET, A "/usages" FILTER NAMED("OpenAI.ProvisionedManaged"), NULL);
    assert_int_equal(yyjson_arr_size(json_at(list, "value")), 1);
    list = expect(f, 200, HTTP_GET, A "/usages" FILTER, NULL);
    assert_true(yyjson_arr_size(json_at(list, "value")) > 1);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        snprintf(path, sizeof(path), A "/usages" FILTER "%s", wrong[i]);
        expect(f, 400, HTTP_GET, path, NULL);
        snprintf(path, sizeof(path), CS "/locations/eastus/usages" FILTER "%s", wrong[i]);
        expect(f, 400, HTTP_GET, path, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_create),
        T(test_update),
        T(test_names_take_the_catalogs_case),
        T(test_upgrade_option),
        T(test_patch),
        T(test_put_what_get_gave),
        T(test_members_of_versions),
        T(test_refused),
        T(test_scale_settings),
        T(test_list_and_delete),
        T(test_directory),
        T(test_retirement),
        T(test_usages),
        T(test_usages_by_name),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
