/* SPDX-License-Identifier: MIT */
#include "arm/type.h"
#include "fixture.h"

#define LATE "?api-version=2024-10-01"
#define EXPORT G "/exportTemplate?api-version=2021-04-01"
#define ALL "{\"resources\":[\"*\"]"
#define RESOURCES "template.resources"
#define ACCOUNTS "Microsoft.CognitiveServices/accounts"
#define PARAMETER "parameters('accounts_myAccount_name')"

static yyjson_val *export_all(struct fixture *f, const char *body)
{
    return expect(f, 200, HTTP_POST, EXPORT, body);
}

/* The one of that name; NULL: there is none. */
static yyjson_val *find(yyjson_val *exported, const char *name)
{
    yyjson_val *resource;
    size_t i, count;

    yyjson_arr_foreach(json_at(exported, RESOURCES), i, count, resource)
    {
        if (yyjson_equals_str(yyjson_obj_get(resource, "name"), name))
            return resource;
    }
    return NULL;
}

static void expect_depends(yyjson_val *resource, size_t n, const char *on)
{
    yyjson_val *item = yyjson_arr_get(json_at(resource, "dependsOn"), n);

    if (on)
        assert_string_equal(yyjson_get_str(item), on);
    else
        assert_null(item);
}

static void make_children(struct fixture *f)
{
    expect(f, 201, HTTP_PUT, A "/raiBlocklists/words" LATE, "{}");
    expect(f, 201, HTTP_PUT, A "/raiBlocklists/words/raiBlocklistItems/one" LATE,
           "{\"properties\":{\"pattern\":\"[a-z]\"}}");
    expect(f, 201, HTTP_PUT, A "/raiPolicies/mine" LATE,
           "{\"properties\":{\"basePolicyName\":\"Microsoft.Default\",\"customBlocklists\":[{"
           "\"blocklistName\":\"words\",\"source\":\"Prompt\"}]}}");
    expect(f, 201, HTTP_PUT, A "/deployments/d" LATE,
           "{\"sku\":{\"name\":\"Standard\",\"capacity\":3},\"properties\":{\"model\":{\"name\":"
           "\"gpt-35-turbo\"},\"raiPolicyName\":\"mine\"}}");
}

static void test_an_account(void **state)
{
    struct fixture *f = *state;
    yyjson_val *exported = export_all(f, ALL "}"), *account;

    assert_text(exported, "template.$schema",
                "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#");
    assert_text(exported, "template.contentVersion", "1.0.0.0");
    assert_text(exported, "template.parameters.accounts_myAccount_name.type", "String");
    assert_absent(exported, "template.parameters.accounts_myAccount_name.defaultValue");
    assert_int_equal(yyjson_arr_size(json_at(exported, RESOURCES)), 1);
    account = find(exported, "[" PARAMETER "]");
    assert_text(account, "type", ACCOUNTS);
    assert_text(account, "apiVersion", "2026-05-01");
    assert_text(account, "location", "eastus");
    assert_text(account, "kind", "OpenAI");
    assert_text(account, "sku.name", "S0");
    assert_absent(account, "dependsOn");
    assert_absent(account, "facts");
    assert_absent(account, "systemData");
    assert_absent(account, "properties.endpoint");
}

static void test_what_waits_for_what(void **state)
{
    struct fixture *f = *state;
    yyjson_val *exported, *found;

    make_children(f);
    exported = export_all(f, ALL "}");
    assert_int_equal(yyjson_arr_size(json_at(exported, RESOURCES)), 5);
    found = find(exported, "[concat(" PARAMETER ", '/d')]");
    assert_text(found, "type", ACCOUNTS "/deployments");
    assert_number(found, "sku.capacity", 3);
    expect_depends(found, 0, "[resourceId('" ACCOUNTS "', " PARAMETER ")]");
    expect_depends(found, 1, "[resourceId('" ACCOUNTS "/raiPolicies', " PARAMETER ", 'mine')]");
    expect_depends(found, 2, NULL);
    found = find(exported, "[concat(" PARAMETER ", '/mine')]");
    expect_depends(found, 1, "[resourceId('" ACCOUNTS "/raiBlocklists', " PARAMETER ", 'words')]");
    found = find(exported, "[concat(" PARAMETER ", '/words/one')]");
    expect_depends(found, 0, "[resourceId('" ACCOUNTS "', " PARAMETER ")]");
    expect_depends(found, 1, "[resourceId('" ACCOUNTS "/raiBlocklists', " PARAMETER ", 'words')]");
    expect_depends(found, 2, NULL);
    assert_text(found, "properties.pattern", "[[a-z]"); /* no expression */
}

static void test_options(void **state)
{
    struct fixture *f = *state;
    yyjson_val *exported;

    make_children(f);
    exported = export_all(f, ALL ",\"options\":\"IncludeComments, includeParameterDefaultValue\"}");
    assert_text(exported, "template.parameters.accounts_myAccount_name.defaultValue", "myAccount");
    exported =
        export_all(f, ALL ",\"options\":\"SkipAllParameterization\",\"outputFormat\":\"json\"}");
    assert_int_equal(yyjson_obj_size(json_at(exported, "template.parameters")), 0);
    assert_non_null(find(exported, "myAccount"));
    expect_depends(find(exported, "myAccount/d"), 0, "[resourceId('" ACCOUNTS "', 'myAccount')]");
    exported = export_all(f, "{\"resources\":[\"" A "/DEPLOYMENTS/D\"],\"options\":null}");
    assert_int_equal(yyjson_arr_size(json_at(exported, RESOURCES)), 1);
    assert_non_null(find(exported, "[concat(" PARAMETER ", '/d')]"));
}

/* "a-b" and "a_b" would have one parameter. */
static void test_names_that_could_be_taken_for_one(void **state)
{
    static const char body[] = "{\"location\":\"eastus\"}";
    struct fixture *f = *state;
    yyjson_val *exported;

#define IDENTITY(name)                                                                            \
    G "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" name "?api-version=2023-01-" \
      "31"
    expect(f, 201, HTTP_PUT, IDENTITY("a-bcd"), body);
    expect(f, 201, HTTP_PUT, IDENTITY("a_bcd"), body);
    exported = export_all(f, ALL "}");
    assert_non_null(find(exported, "[parameters('userAssignedIdentities_a_bcd_name')]"));
    assert_text(find(exported, "a_bcd"), "apiVersion", "2026-05-31");
    assert_int_equal(yyjson_obj_size(json_at(exported, "template.parameters")), 2);
}

static void test_refused(void **state)
{
    static const struct {
        const char *body, *code, *target, *words;
    } cases[] = {
        { "{}", "InvalidRequestContent", "resources", "must be an array of 1 to 200" },
        { "{\"resources\":[]}", "InvalidRequestContent", "resources",
          "must be an array of 1 to 200" },
        { "{\"resources\":[5]}", "InvalidRequestContent", "resources",
          "must be an array of strings" },
        { ALL ",\"options\":5}", "InvalidRequestContent", "options", "must be a string" },
        { ALL ",\"options\":\"Everything\"}", "InvalidRequestContent", "options",
          "has an option that" },
        { ALL ",\"outputFormat\":\"Bicep\"}", "InvalidRequestContent", "outputFormat",
          "must be 'Json'" },
        { "{\"resources\":[\"" A "none\"]}", "BadRequest", "resources", "None of the resources" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_text(
            expect_error(f, 400, cases[i].code, cases[i].words, HTTP_POST, EXPORT, cases[i].body),
            "error.target", cases[i].target);
    expect_error(f, 404, "ResourceGroupNotFound", "'none'", HTTP_POST,
                 S "/resourceGroups/none/exportTemplate" V, ALL "}");
}

/* With the account one more than a template has. */
static void test_it_is_bounded(void **state)
{
    struct fixture *f = *state;

    fixture_fill(f, A "/raiBlocklists/b", &arm_rai_blocklist_type, 800);
    expect_error(f, 400, "BadRequest", "at most 800 resources", HTTP_POST, EXPORT, ALL "}");
    export_all(f, "{\"resources\":[\"" A "\"]}");
    expect(f, 202, HTTP_DELETE, A "/raiBlocklists/b7" LATE, NULL);
    assert_int_equal(yyjson_arr_size(json_at(export_all(f, ALL "}"), RESOURCES)), 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_an_account), T(test_what_waits_for_what),
        T(test_options),    T(test_names_that_could_be_taken_for_one),
        T(test_refused),    T(test_it_is_bounded),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
