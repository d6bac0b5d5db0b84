/* What deployments of templates may take, and how many are kept. SPDX-License-Identifier: MIT */
#include "deployment_request.h"

/* The oldest go, with their templates; one that is made again is a new one. */
static void test_history(void **state)
{
    struct fixture *f = *state;
    const char *body = request(f, ",\"resources\":[]", "");

    for (int i = 0; i < 800; i++)
        expect(f, 201, HTTP_PUT, arena_printf(f->arena, D "/d%d" DV, i).data, body);
    expect(f, 200, HTTP_PUT, D "/d0" DV, body);
    expect(f, 201, HTTP_PUT, D "/d800" DV, body);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, D DV "&$top=1000", NULL)), 800);
    expect(f, 404, HTTP_GET, D "/d1" DV, NULL);
    expect(f, 404, HTTP_POST, D "/d1/exportTemplate" DV, NULL);
    expect(f, 200, HTTP_GET, D "/d0" DV, NULL);
    assert_text(item(expect(f, 200, HTTP_GET, D DV "&$top=1", NULL), 0), "name", "d800");
}

/* The next page begins where the one before ended. */
static void test_pages(void **state)
{
    struct fixture *f = *state;
    const char *body = request(f, ",\"resources\":[]", "");
    yyjson_val *page;

    for (int i = 0; i < 3; i++)
        expect(f, 201, HTTP_PUT, arena_printf(f->arena, D "/d%d" DV, i).data, body);
    page = expect(f, 200, HTTP_GET, D DV "&$top=2", NULL);
    assert_text(item(page, 1), "name", "d1");
    page = expect(f, 200, HTTP_GET, yyjson_get_str(json_at(page, "nextLink")) + strlen(BASE), NULL);
    assert_int_equal(count_of(page), 1);
    assert_text(item(page, 0), "name", "d0");
    assert_absent(page, "nextLink");
}

/* What is too large to be kept is left out, and said. */
static void test_size(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown =
        deploy(f, 201,
               ",\"outputs\":{\"o\":{\"type\":\"string\","
               "\"value\":\"[padLeft('', 16000, 'x')]\"},\"p\":{\"type\":\"array\",\"copy\":"
               "{\"count\":20,\"input\":\"[padLeft('', 16000, 'x')]\"}}}");

    assert_text(shown, "properties.provisioningState", "Failed");
    assert_text(shown, "properties.error.code", "DeploymentSizeExceeded");
    assert_absent(shown, "properties.outputs");
}

/* As many resources as a template may have, each after the one before: nothing of it is too large to be told. */
static void test_many(void **state)
{
    struct fixture *f = *state;
    double before;
    struct arm_throttle_bucket *bucket =
        arm_throttle_bucket(&f->arm->throttle, STR_NONE, THROTTLE_WRITES);
    yyjson_val *shown;

    before = bucket->tokens;
    shown = deploy(f, 201,
                   ",\"resources\":[{\"type\":\"Microsoft.ManagedIdentity/userAssignedIdentities\","
                   "\"apiVersion\":\"2023-01-31\",\"name\":\"[concat('identity', copyIndex())]\","
                   "\"location\":\"eastus\",\"copy\":{\"name\":\"l\",\"count\":800,\"mode\":"
                   "\"serial\",\"batchSize\":1}}],"
                   "\"outputs\":{\"o\":{\"type\":\"int\",\"value\":1}}");
    assert_text(shown, "properties.provisioningState", "Succeeded");
    assert_int_equal(yyjson_get_int(json_at(shown, "properties.outputs.o.value")), 1);
    /* the time that it took counts */
    assert_true(bucket->tokens < before - 2);
}

static void test_many_failures(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown =
        deploy(f, 201,
               ",\"resources\":[{\"type\":\"Microsoft.ManagedIdentity/userAssignedIdentities\","
               "\"apiVersion\":\"2023-01-31\",\"name\":\"[concat('-', copyIndex())]\","
               "\"location\":\"eastus\",\"copy\":{\"name\":\"l\",\"count\":800}}]");
    yyjson_val *error = json_at(shown, "properties.error");

    assert_text(error, "code", "DeploymentFailed");
    assert_in_range(yyjson_arr_size(json_at(error, "details")), 50, 400);
    assert_text(yyjson_arr_get_first(json_at(error, "details")), "code", "InvalidResourceName");
    shown = expect(f, 200, HTTP_GET, D "/d/operations" DV, NULL);
    assert_int_equal(yyjson_arr_size(json_at(shown, "value")), 800);
}

static void test_large_list(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    for (int i = 0; i < 40; i++) {
        const char *path = arena_printf(f->arena, D "/d%d" DV, i).data;

        expect(f, 201, HTTP_PUT, path,
               request(f,
                       ",\"outputs\":{\"p\":{\"type\":\"array\",\"copy\":{\"count\":15,"
                       "\"input\":\"[padLeft('', 16000, 'x')]\"}}}",
                       ""));
    }
    shown = expect(f, 200, HTTP_GET, D DV, NULL);
    assert_in_range(yyjson_arr_size(json_at(shown, "value")), 30, 39);
    assert_non_null(json_at(shown, "nextLink"));
}

static void test_tags_of_deployment(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "InvalidRequestContent", "must be an object", HTTP_PUT, D "/d" DV,
                 "{\"tags\":[1],\"properties\":{\"mode\":\"Incremental\",\"template\":{" HEAD
                 "}}}");
    expect(f, 201, HTTP_PUT, D "/d" DV,
           "{\"tags\":{\"a\":\"b\"},\"properties\":{\"mode\":\"Incremental\",\"template\":{" HEAD
           "}}}");
}

/* However they are nested. */
static void test_many_within(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = deploy(
        f, 201,
        ",\"resources\":[{\"type\":\"Microsoft.Resources/deployments\",\"apiVersion\":"
        "\"2022-09-01\",\"name\":\"[concat('n', copyIndex())]\",\"copy\":{\"name\":\"l\","
        "\"count\":7},\"properties\":{\"mode\":\"Incremental\",\"expressionEvaluationOptions\":"
        "{\"scope\":\"inner\"},\"template\":{" HEAD ",\"resources\":[{\"type\":"
        "\"Microsoft.ManagedIdentity/userAssignedIdentities\",\"apiVersion\":\"2023-01-31\","
        "\"name\":\"[concat('identity', copyIndex())]\",\"condition\":false,\"copy\":{\"name\":"
        "\"l\",\"count\":500}}]}}}]");
    yyjson_val *details = json_at(shown, "properties.error.details");

    assert_int_equal(yyjson_arr_size(details), 1);
    assert_text(yyjson_arr_get_first(details), "code", "InvalidTemplate");
    expect(f, 200, HTTP_GET, D "/n5" DV, NULL);
    expect(f, 404, HTTP_GET, D "/n6" DV, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_history, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_pages, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_size, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_many, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_many_failures, fixture_set_up_account,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_large_list, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_tags_of_deployment, fixture_set_up_account,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_many_within, fixture_set_up_account,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
