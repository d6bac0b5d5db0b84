/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fixture.h"

#define V24 "?api-version=2024-06-01-preview"
#define QUERY V24 "&modelFormat=OpenAI&modelName=gpt-35-turbo&modelVersion=0613"
#define CALCULATE CS "/calculateModelCapacity" V24
#define MORE                                                                               \
    "quotas:\n  - { usage: OpenAI.Standard.gpt-35-turbo, location: eastus, limit: 300 }\n" \
    "  - { usage: OpenAI.Standard.gpt-35-turbo, limit: 7 }\n"

static yyjson_val *capacity_of(yyjson_val *list, const char *id)
{
    return item_with(list, "id", id);
}

/* As the example of Azure's specification, for each location and SKU. */
static void test_what_is_left(void **state)
{
    static const char at[] = CS "/locations/EastUS/models/OpenAI.gpt-35-turbo.0613/skuCapacities/";
    struct fixture *f = *state;
    yyjson_val *list, *one;

    fixture_restart_with(f, MORE);
    expect(f, 201, HTTP_PUT, A "/deployments/a" V24,
           "{\"sku\":{\"name\":\"Standard\",\"capacity\":40},\"properties\":{\"model\":{\"name\":"
           "\"gpt-35-turbo\",\"version\":\"0613\"}}}");
    list = expect(f, 200, HTTP_GET, CS "/modelCapacities" QUERY, NULL);
    assert_int_equal(count_of(list), 4);
    one = capacity_of(list, arena_printf(f->arena, "%sStandard", at).data);
    assert_text(one, "type", "Microsoft.CognitiveServices/locations/models/skuCapacities");
    assert_text(one, "name", "Standard");
    assert_text(one, "location", "EastUS");
    assert_text(one, "properties.model.format", "OpenAI");
    assert_text(one, "properties.model.name", "gpt-35-turbo");
    assert_text(one, "properties.model.version", "0613");
    assert_text(one, "properties.skuName", "Standard");
    assert_number(one, "properties.availableCapacity", 260);
    assert_number(one, "properties.availableFinetuneCapacity", 0);
    one = capacity_of(list, arena_printf(f->arena, "%sProvisionedManaged", at).data);
    assert_number(one, "properties.availableCapacity", 100000);
    list = expect(f, 200, HTTP_GET, CS "/locations/West%20US/modelCapacities" QUERY, NULL);
    assert_int_equal(count_of(list), 2);
    assert_number(item(list, 0), "properties.availableCapacity", 7);
    assert_text(item(list, 0), "location", "WestUS");
}

static void test_queries(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "BadRequest", "'modelFormat' is required", HTTP_GET,
                 CS "/modelCapacities" V24, NULL);
    expect_error(f, 400, "BadRequest", "'modelVersion' is required", HTTP_GET,
                 CS "/locations/eastus/modelCapacities" V24 "&modelFormat=OpenAI&modelName=gpt-4",
                 NULL);
    expect_error(f, 400, "LocationNotAvailableForResourceType", "mars", HTTP_GET,
                 CS "/locations/mars/modelCapacities" QUERY, NULL);
    /* one that is not there, and one that is retired */
    assert_int_equal(count_of(expect(f, 200, HTTP_GET,
                                     CS "/modelCapacities" V24
                                        "&modelFormat=OpenAI&modelName=ada&modelVersion=1",
                                     NULL)),
                     0);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET,
                                     CS "/modelCapacities" V24 "&modelFormat=OpenAI&modelName="
                                        "gpt-35-turbo&modelVersion=0301",
                                     NULL)),
                     0);
}

#define MODEL "\"model\":{\"format\":\"OpenAI\",\"name\":\"gpt-35-turbo\",\"version\":\"0613\"}"
#define LOAD(calls, prompt, output)                                                      \
    "{\"requestPerMinute\":" calls ",\"requestParameters\":{\"avgPromptTokens\":" prompt \
    ",\"avgGeneratedTokens\":" output "}}"

static void test_what_is_needed(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 200, HTTP_POST, CALCULATE,
                               "{" MODEL ",\"skuName\":\"standard\",\"workloads\":[" LOAD(
                                   "10", "30", "50") "," LOAD("20", "600", "20") "]}");

    assert_text(shown, "model.name", "gpt-35-turbo");
    assert_text(shown, "model.version", "0613");
    assert_text(shown, "skuName", "Standard");
    assert_number(shown, "estimatedCapacity.value", 14); /* 13,200 tokens a minute */
    assert_number(shown, "estimatedCapacity.deployableValue", 14);
}

static void test_throughput_units(void **state)
{
    static const char with_figure[] =
        "engines: [{ name: sim, sim: {} }]\n"
        "models:\n  - name: gpt-35-turbo\n    operations: [chat]\n    engine: sim\n"
        "    ptu: { input_tokens_per_minute: 100, output_ratio: 3 }\n"
        "    skus: [{ name: ProvisionedManaged, minimum: 50, step: 50, maximum: 200 }]\n"
        "    versions: [{ version: \"0613\" }]\n";
    struct fixture *f = *state;
    struct error err;
    yyjson_val *shown;

    expect_error(f, 400, "InvalidResourceProperties", "no figure", HTTP_POST, CALCULATE,
                 "{" MODEL
                 ",\"skuName\":\"ProvisionedManaged\",\"workloads\":[" LOAD("1", "1", "1") "]}");
    catalog_unref(f->catalog);
    f->catalog = catalog_parse(str_from(with_figure), "with a figure", &err);
    assert_non_null(f->catalog);
    fixture_restart(f);
    shown = expect(f, 200, HTTP_POST, CALCULATE,
                   "{" MODEL ",\"skuName\":\"ProvisionedManaged\",\"workloads\":[" LOAD("10", "500",
                                                                                        "21") "]}");
    assert_number(shown, "estimatedCapacity.value", 57); /* 5,630 / 100 */
    assert_number(shown, "estimatedCapacity.deployableValue", 100);
    expect_error(f, 400, "InvalidCapacity", "need a capacity of 201, which is more than the 200",
                 HTTP_POST, CALCULATE,
                 "{" MODEL ",\"skuName\":\"ProvisionedManaged\",\"workloads\":[" LOAD("1", "20001",
                                                                                      "0") "]}");
}

static void test_bad_workloads(void **state)
{
    static const struct {
        const char *workloads, *words;
    } rows[] = {
        { "null", "'workloads' must be an array" },
        { "[]", "'workloads' must be an array" },
        { "[1]", "'workloads.requestPerMinute' must be a whole number" },
        { "[" LOAD("-1", "1", "1") "]", "'workloads.requestPerMinute' must be" },
        { "[" LOAD("1.5", "1", "1") "]", "'workloads.requestPerMinute' must be" },
        { "[" LOAD("1", "1e30", "1") "]", "'workloads.requestParameters.avgPromptTokens' must" },
        { "[" LOAD("1", "1", "1000000001") "]", "avgGeneratedTokens' must be a whole number" },
        { "[" LOAD("1", "1", "\"1\"") "]", "avgGeneratedTokens' must be a whole number" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_error(f, 400, "InvalidRequestContent", rows[i].words, HTTP_POST, CALCULATE,
                     arena_printf(f->arena, "{" MODEL ",\"skuName\":\"Standard\",\"workloads\":%s}",
                                  rows[i].workloads)
                         .data);
    expect_error(f, 400, "InvalidRequestContent", "are required", HTTP_POST, CALCULATE, "{}");
    expect_error(f, 400, "DeploymentModelNotSupported", "Name:gpt-9", HTTP_POST, CALCULATE,
                 "{\"model\":{\"format\":\"OpenAI\",\"name\":\"gpt-9\"},\"skuName\":\"Standard\"}");
    expect_error(f, 400, "InvalidResourceProperties", "SKU 'Standart'", HTTP_POST, CALCULATE,
                 "{" MODEL ",\"skuName\":\"Standart\"}");
    expect_error(f, 400, "InvalidRequestContent", "", HTTP_POST, CALCULATE, "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_what_is_left),     T(test_queries),       T(test_what_is_needed),
        T(test_throughput_units), T(test_bad_workloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
