/* Deployments of templates. SPDX-License-Identifier: MIT */
#include "deployment_request.h"

#include <stdio.h>

#define TEMPLATE_BYTES (1u << 16)
#define ACCOUNT(name, more)                                     \
    "{\"type\":\"Microsoft.CognitiveServices/"                  \
    "accounts\",\"apiVersion\":\"2024-10-01\",\"name\":\"" name \
    "\",\"location\":\"eastus\",\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"}" more "}"
#define MODEL(name, model, more)                                                   \
    "{\"type\":\"Microsoft.CognitiveServices/accounts/"                            \
    "deployments\",\"apiVersion\":\"2024-10-01\","                                 \
    "\"name\":\"" name                                                             \
    "\",\"sku\":{\"name\":\"Standard\",\"capacity\":1},\"properties\":{\"model\":" \
    "{\"format\":\"OpenAI\",\"name\":\"" model "\"}}" more "}"

static void refused(struct fixture *f, const char *code, const char *words, const char *members)
{
    expect_error(f, 400, code, words, HTTP_PUT, D "/d" DV, request(f, members, ""));
    expect_error(f, 400, code, words, HTTP_POST, D "/d/validate" DV, request(f, members, ""));
}

static struct str read_file(struct fixture *f, const char *name)
{
    char *text = arena_alloc(f->arena, TEMPLATE_BYTES);
    FILE *file = fopen(name, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, TEMPLATE_BYTES, file);
    fclose(file);
    return str_of(text, len);
}

static const char *openai(struct fixture *f, const char *parameters)
{
    return arena_printf(
               f->arena,
               "{\"properties\":{\"mode\":\"Incremental\",\"parameters\":{%s},template:%.*s}}",
               parameters, STR_ARGS(read_file(f, SOURCE_DIR "/tests/templates/openai.json")))
        .data;
}

/* What Bicep makes of an account with all that belongs to it. */
static void test_openai(void **state)
{
    struct fixture *f = *state;
    const char *body = openai(f, "\"note\":{\"value\":\"do not show\"},\"lock\":{\"value\":true}");
    yyjson_val *shown, *outputs;
    const char *account;

    shown = expect(f, 200, HTTP_POST, D "/main/validate" DV, body);
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.validatedResources")), 7);
    expect_error(f, 404, "DeploymentNotFound", "'main'", HTTP_GET, D "/main" DV, NULL);

    shown = expect(f, 201, HTTP_PUT, D "/main" DV, body);
    assert_text(shown, "id", D "/main");
    assert_text(shown, "type", "Microsoft.Resources/deployments");
    assert_text(shown, "properties.provisioningState", "Succeeded");
    assert_text(shown, "properties.mode", "Incremental");
    assert_text(shown, "properties.parameters.prefix.value", "openai");
    assert_text(shown, "properties.parameters.note.type", "SecureString");
    assert_absent(shown, "properties.parameters.note.value");
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.outputResources")), 7);
    outputs = json_at(shown, "properties.outputs");
    account = yyjson_get_str(json_at(outputs, "accountId.value"));
    assert_absent(outputs, "key.value");
    assert_text(outputs, "key.type", "SecureString");
    assert_true(yyjson_get_int(json_at(outputs, "keyLength.value")) >= 32);
    assert_text(outputs, "policy.value", "strict");
    assert_string_equal(json_write(f->arena, json_at(outputs, "deploymentNames.value")).data,
                        "[\"gpt-35-turbo\",\"text-embedding-ada-002\"]");
    assert_string_equal(json_write(f->arena, json_at(outputs, "states.value")).data,
                        "[\"Succeeded\",\"Succeeded\"]");

    shown = expect(f, 200, HTTP_GET, arena_printf(f->arena, "%s" V, account).data, NULL);
    assert_text(shown, "properties.endpoint", yyjson_get_str(json_at(outputs, "endpoint.value")));
    shown =
        expect(f, 200, HTTP_GET, arena_printf(f->arena, "%s/deployments" V, account).data, NULL);
    assert_int_equal(count_of(shown), 2);
    assert_number(item_with(shown, "name", "gpt-35-turbo"), "sku.capacity", 10);
    shown = expect(
        f, 200, HTTP_GET,
        arena_printf(f->arena, "%s/raiPolicies/strict?api-version=2024-10-01", account).data, NULL);
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.contentFilters")), 2);
    shown = expect(f, 200, HTTP_GET,
                   arena_printf(f->arena,
                                "%s/providers/Microsoft.Authorization/locks?api-version=2020-05-01",
                                account)
                       .data,
                   NULL);
    assert_text(item(shown, 0), "properties.notes", "do not show");

    /* again: nothing changes; the module has a deployment of its own */
    assert_text(expect(f, 200, HTTP_PUT, D "/main" DV, body), "properties.provisioningState",
                "Succeeded");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, D DV, NULL)), 2);
    assert_text(expect(f, 200, HTTP_GET, D "/main-policies" DV, NULL),
                "properties.outputs.policyName.value", "strict");
    shown = expect(f, 200, HTTP_POST, D "/main/whatIf" DV, body);
    assert_text(shown, "status", "Succeeded");
    for (size_t i = 0; i < yyjson_arr_size(json_at(shown, "properties.changes")); i++) {
        yyjson_val *change = yyjson_arr_get(json_at(shown, "properties.changes"), i);

        if (!yyjson_equals_str(json_at(change, "changeType"), "NoChange"))
            assert_text(change, "changeType", "Ignore");
    }
}

static void test_life(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;
    const char *id;

    shown = deploy(f, 201,
                   ",\"resources\":[" ACCOUNT(
                       "one", "") "],\"outputs\":{\"o\":{\"type\":\"int\",\"value\":7}}");
    assert_number(shown, "properties.outputs.o.value", 7);
    assert_text(shown, "properties.outputs.o.type", "Int");
    assert_string_equal(json_write(f->arena, expect(f, 200, HTTP_GET, D "/D" DV, NULL)).data,
                        json_write(f->arena, shown).data);
    expect(f, 204, HTTP_HEAD, D "/d" DV, NULL);
    expect(f, 404, HTTP_HEAD, D "/none" DV, NULL);
    assert_text(expect(f, 200, HTTP_POST, D "/d/exportTemplate" DV, NULL),
                "template.contentVersion", "1.0.0.0");
    assert_text(expect(f, 200, HTTP_GET, D "/d/operationStatuses/x" DV, NULL), "status",
                "Succeeded");
    expect_error(f, 409, "DeploymentNotRunning", "'Succeeded'", HTTP_POST, D "/d/cancel" DV, NULL);
    shown = expect(f, 200, HTTP_GET, D "/d/operations" DV, NULL);
    assert_int_equal(count_of(shown), 2);
    assert_text(item(shown, 0), "properties.provisioningOperation", "Create");
    assert_text(item(shown, 0), "properties.statusCode", "Created");
    assert_text(item(shown, 0), "properties.targetResource.resourceName", "one");
    assert_text(item(shown, 1), "properties.provisioningOperation", "EvaluateDeploymentOutput");
    id = yyjson_get_str(json_at(item(shown, 0), "id"));
    assert_text(expect(f, 200, HTTP_GET, arena_printf(f->arena, "%s" DV, id).data, NULL), "id", id);
    expect(f, 404, HTTP_GET, D "/d/operations/none" DV, NULL);
    expect(f, 202, HTTP_DELETE, D "/d" DV, NULL);
    expect(f, 204, HTTP_DELETE, D "/d" DV, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, D DV, NULL)), 0);
    /* what it has deployed stays */
    expect(f, 200, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/one" V, NULL);
}

#define UNKNOWN_TYPE                 \
    "{\"type\":\"Microsoft.Storage/" \
    "storageAccounts\",\"apiVersion\":\"2023-01-01\",\"name\":\"s\"}"

static void test_refusals(void **state)
{
    struct fixture *f = *state;

    refused(f, "InvalidTemplate", "'Circular dependency detected on resource: '" G "/providers",
            ",\"resources\":[" ACCOUNT("one", ",\"dependsOn\":[\"two\"]") "," ACCOUNT(
                "two", ",\"dependsOn\":[\"one\"]") "]");
    refused(
        f, "InvalidTemplate", "Circular dependency",
        ",\"resources\":[" ACCOUNT(
            "one",
            ",\"tags\":{\"a\":\"[reference('two').endpoint]\"}") "," ACCOUNT("two",
                                                                             ",\"tags\":{\"a\":\"["
                                                                             "reference('one')."
                                                                             "endpoint]\"}") "]");
    refused(f, "InvalidTemplate", "The resource 'none' is not defined in the template",
            ",\"resources\":[" ACCOUNT("one", ",\"dependsOn\":[\"none\"]") "]");
    refused(f, "InvalidTemplate", "incorrect segment lengths",
            ",\"resources\":[" ACCOUNT("one/two", "") "]");
    refused(f, "InvalidTemplate", "defined multiple times",
            ",\"resources\":[" ACCOUNT("one", "") "," ACCOUNT("ONE", "") "]");
    refused(f, "InvalidTemplate", "The value for the template parameter 'p' is not provided",
            ",\"parameters\":{\"p\":{\"type\":\"string\"}},\"resources\":[]");
    refused(f, "InvalidTemplate", "The template output 'o' is not valid",
            ",\"outputs\":{\"o\":{\"type\":\"int\",\"value\":\"[parameters('p')]\"}}");
    refused(f, "InvalidTemplateDeployment", "See inner errors for details",
            ",\"resources\":[" UNKNOWN_TYPE "]");
    assert_text(
        yyjson_arr_get_first(json_at(expect(f, 400, HTTP_PUT, D "/d" DV,
                                            request(f, ",\"resources\":[" UNKNOWN_TYPE "]", "")),
                                     "error.details")),
        "code", "InvalidResourceNamespace");
    expect_error(f, 400, "InvalidContentLink", "https://contoso.com/t.json", HTTP_PUT, D "/d" DV,
                 "{\"properties\":{\"mode\":\"Incremental\",\"templateLink\":{\"uri\":\"https://"
                 "contoso.com/t.json\"}}}");
    expect_error(f, 400, "InvalidRequestContent", "'properties.mode' is required", HTTP_PUT,
                 D "/d" DV, "{\"properties\":{\"template\":{}}}");
    expect_error(f, 400, "InvalidDeploymentName", "'a b'", HTTP_PUT, D "/a%20b" DV,
                 request(f, "", ""));
    expect_error(f, 404, "ResourceGroupNotFound", "'none'", HTTP_PUT,
                 S "/resourceGroups/none/providers/Microsoft.Resources/deployments/d" DV,
                 request(f, "", ""));
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, D DV, NULL)), 0);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, G "/resources" V, NULL)), 0);
}

/* What is before it stays; what needs it is not begun; what does not need it is. */
static void test_failure(void **state)
{
    struct fixture *f = *state;
    const char *members =
        ",\"resources\":[" ACCOUNT("one", "") "," MODEL("none/m", "gpt-35-turbo", "") "," ACCOUNT(
            "after",
            ",\"dependsOn\":[\"none/m\"]") "," MODEL("one/m", "gpt-35-turbo",
                                                     ",\"dependsOn\":[\"one\"]") "],\"outputs\":{"
                                                                                 "\"o\":{\"type\":"
                                                                                 "\"int\","
                                                                                 "\"value\":1}}";
    struct answer a = call(f, HTTP_PUT, D "/d" DV, request(f, members, ""));
    yyjson_val *error, *detail, *shown;

    /* validation does not find what is missing besides the template */
    expect(f, 200, HTTP_POST, D "/d/validate" DV, request(f, members, ""));
    assert_int_equal(a.status, 201);
    assert_text(a.body, "properties.provisioningState", "Failed");
    assert_absent(a.body, "properties.outputs");
    error = json_at(a.body, "properties.error");
    assert_text(error, "code", "DeploymentFailed");
    assert_text(error, "target", D "/d");
    assert_int_equal(yyjson_arr_size(json_at(error, "details")), 1);
    detail = yyjson_arr_get_first(json_at(error, "details"));
    assert_text(detail, "code", "ParentResourceNotFound");
    assert_text(detail, "target",
                G "/providers/Microsoft.CognitiveServices/accounts/none/deployments/m");
    assert_true(str_starts_with(a.operation, STR(BASE D "/d/operationStatuses/")));
    shown = expect(f, 200, HTTP_GET, str_slice(a.operation, sizeof(BASE) - 1, SIZE_MAX).data, NULL);
    assert_text(shown, "status", "Failed");
    assert_text(shown, "error.code", "DeploymentFailed");
    expect(f, 200, HTTP_GET,
           G "/providers/Microsoft.CognitiveServices/accounts/one/deployments/m" V, NULL);
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/after" V, NULL);
    shown = expect(f, 200, HTTP_GET, D "/d/operations" DV, NULL);
    assert_int_equal(count_of(shown), 3);
    assert_text(item_with(shown, "properties.provisioningState", "Failed"),
                "properties.statusMessage.error.code", "ParentResourceNotFound");
    assert_int_equal(
        count_of(expect(f, 200, HTTP_GET, D DV "&$filter=provisioningState%20eq%20'Failed'", NULL)),
        1);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET,
                                     D DV "&$filter=provisioningState%20eq%20'Succeeded'", NULL)),
                     0);
}

/* A name or a tenant's id is put next to these. */
static void test_environment(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = deploy(
        f, 201,
        ",\"outputs\":{\"o\":{\"type\":\"array\",\"value\":["
        "\"[environment().authentication.loginEndpoint]\",\"[environment().resourceManager]\","
        "\"[environment().suffixes.keyvaultDns]\",\"[environment().suffixes.acrLoginServer]\","
        "\"[environment().suffixes.sqlServerHostname]\",\"[environment().suffixes.storage]\"]}}");

    assert_string_equal(json_write(f->arena, json_at(shown, "properties.outputs.o.value")).data,
                        "[\"" BASE "/\",\"" BASE "/\",\".vault.azure.net\",\".azurecr.io\","
                        "\".database.windows.net\",\"core.windows.net\"]");
}

/* A model that is not there is found before anything is done. */
static void test_validation(void **state)
{
    struct fixture *f = *state;
    const char *body = request(f,
                               ",\"resources\":[" ACCOUNT("one", "") "," MODEL(
                                   "one/m", "gpt-none", ",\"dependsOn\":[\"one\"]") "]",
                               "");
    yyjson_val *error = json_at(expect(f, 400, HTTP_POST, D "/d/validate" DV, body), "error");

    assert_text(error, "code", "InvalidTemplateDeployment");
    assert_text(yyjson_arr_get_first(json_at(error, "details")), "code",
                "DeploymentModelNotSupported");
    expect(f, 400, HTTP_POST, D "/d/whatIf" DV, body);
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/one" V, NULL);
    assert_text(expect(f, 201, HTTP_PUT, D "/d" DV, body), "properties.error.code",
                "DeploymentFailed");
}

static void test_what_if(void **state)
{
    struct fixture *f = *state;
    const char *change = ",\"resources\":[" ACCOUNT(
        "myAccount", ",\"tags\":{\"a\":\"b\"}") "," ACCOUNT("new", "") "]";
    yyjson_val *shown, *changes, *one;

    expect(f, 201, HTTP_PUT, G "/providers/Microsoft.CognitiveServices/accounts/other" V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}");
    shown = expect(f, 200, HTTP_POST, D "/d/whatIf" DV, request(f, change, ""));
    changes = json_at(shown, "properties.changes");
    assert_int_equal(yyjson_arr_size(changes), 3);
    one = yyjson_arr_get(changes, 0);
    assert_text(one, "resourceId", A);
    assert_text(one, "changeType", "Modify");
    assert_text(yyjson_arr_get_first(json_at(one, "delta")), "path", "tags");
    assert_text(yyjson_arr_get_first(json_at(one, "delta")), "propertyChangeType", "Create");
    assert_text(one, "after.tags.a", "b");
    one = yyjson_arr_get(changes, 1);
    assert_text(one, "changeType", "Create");
    assert_text(one, "after.name", "new");
    one = yyjson_arr_get(changes, 2);
    assert_text(one, "changeType", "Ignore");
    assert_text(one, "before.name", "other");
    assert_absent(expect(f, 200, HTTP_GET, A V, NULL), "tags");
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/new" V, NULL);
}

static void test_complete(void **state)
{
    struct fixture *f = *state;
    const char *body =
        arena_printf(f->arena, "{\"properties\":{\"mode\":\"Complete\",\"template\":{" HEAD
                               ",\"resources\":[" ACCOUNT("kept", "") "]}}}")
            .data;
    yyjson_val *shown;

    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    shown = expect(f, 200, HTTP_POST, D "/d/whatIf" DV, body);
    assert_text(yyjson_arr_get(json_at(shown, "properties.changes"), 1), "changeType", "Delete");
    shown = expect(f, 201, HTTP_PUT, D "/d" DV, body);
    assert_text(shown, "properties.provisioningState", "Succeeded");
    assert_text(shown, "properties.mode", "Complete");
    expect(f, 404, HTTP_GET, A V, NULL);
    expect(f, 200, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/kept" V, NULL);
}

/* A template for a subscription makes a group and deploys into it. */
static void test_subscription(void **state)
{
    struct fixture *f = *state;
    const char *template =
        "{" SUBSCRIPTION_SCHEMA "\"contentVersion\":\"1.0.0.0\",\"resources\":["
        "{\"type\":\"Microsoft.Resources/"
        "resourceGroups\",\"apiVersion\":\"2022-09-01\",\"name\":\"made\",\"location\":\"westus\"},"
        "{\"type\":\"Microsoft.Resources/"
        "deployments\",\"apiVersion\":\"2022-09-01\",\"name\":\"inner\",\"resourceGroup\":\"made\","
        "\"dependsOn\":[\"[subscriptionResourceId('Microsoft.Resources/resourceGroups','made')]\"],"
        "\"properties\":{\"mode\":\"Incremental\",\"expressionEvaluationOptions\":{\"scope\":"
        "\"inner\"},"
        "\"template\":{" HEAD ",\"resources\":[" ACCOUNT(
            "[concat('in-', resourceGroup().name)]",
            "") "],"
                "\"outputs\":{\"where\":{\"type\":\"string\",\"value\":\"[resourceGroup().location]"
                "\"}}}}}],"
                "\"outputs\":{\"where\":{\"type\":\"string\",\"value\":\"[reference("
                "extensionResourceId(concat(subscription().id, "
                "'/resourceGroups/made'), 'Microsoft.Resources/deployments', "
                "'inner')).outputs.where.value]\"}}}";
    const char *body =
        arena_printf(
            f->arena,
            "{\"location\":\"East US\",\"properties\":{\"mode\":\"Incremental\",\"template\":%s}}",
            template)
            .data;
    yyjson_val *shown = expect(f, 201, HTTP_PUT, SD "/d" DV, body);

    assert_text(shown, "properties.provisioningState", "Succeeded");
    assert_text(shown, "location", "eastus");
    assert_text(shown, "id", SD "/d");
    assert_text(shown, "properties.outputs.where.value", "westus");
    expect(f, 200, HTTP_GET,
           S "/resourceGroups/made/providers/Microsoft.CognitiveServices/accounts/in-made" V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, SD DV, NULL)), 1);
    expect(f, 202, HTTP_DELETE, S "/resourceGroups/made" V, NULL);
    expect(f, 201, HTTP_PUT, S "/resourceGroups/made" V, "{\"location\":\"westus\"}");
    assert_int_equal(
        count_of(expect(f, 200, HTTP_GET,
                        S "/resourceGroups/made/providers/Microsoft.Resources/deployments" DV,
                        NULL)),
        0);
    expect_error(f, 400, "LocationRequired", "", HTTP_PUT, SD "/e" DV,
                 arena_printf(f->arena,
                              "{\"properties\":{\"mode\":\"Incremental\",\"template\":%s}}",
                              template)
                     .data);
}

/* A lock is in force for what a template deploys, too. */
static void test_lock(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    expect(f, 201, HTTP_PUT, A "/providers/Microsoft.Authorization/locks/l?api-version=2020-05-01",
           "{\"properties\":{\"level\":\"ReadOnly\"}}");
    shown = deploy(f, 201, ",\"resources\":[" ACCOUNT("myAccount", "") "]");
    assert_text(yyjson_arr_get_first(json_at(shown, "properties.error.details")), "code",
                "ScopeLocked");
}

/* A message that quotes a secret is kept without it. */
static void test_secret_in_message(void **state)
{
    struct fixture *f = *state;
    struct answer a;

#define SECURE(type) "\"parameters\":{\"p\":{\"type\":\"secure" type "\"}}"
    /* what a reference is in can be evaluated only when its resource is there */
#define WITH_REFERENCE                                                                        \
    "\"resources\":[{\"type\":\"Microsoft.ManagedIdentity/userAssignedIdentities\","          \
    "\"apiVersion\":\"2023-01-31\",\"name\":\"mine\",\"location\":\"eastus\"}],\"outputs\":{" \
    "\"o\":{"                                                                                 \
    "\"type\":\"int\",\"value\":\"[int(concat(parameters('p'),reference(resourceId("          \
    "'Microsoft.ManagedIdentity/userAssignedIdentities','mine')).clientId))]\"}}"
    a = call(
        f, HTTP_PUT, D "/d" DV,
        request(f, "," SECURE("string") "," WITH_REFERENCE, "\"p\":{\"value\":\"open sesame\"}"));
    assert_int_equal(a.status, 201);
    assert_non_null(strstr(a.text.data, "(secure)"));
    assert_null(strstr(a.text.data, "open sesame"));
    a = call(f, HTTP_PUT, D "/d" DV,
             request(f,
                     "," SECURE(
                         "object") ",\"outputs\":{\"o\":{\"type\":\"int\",\"value\":"
                                   "\"[fail(concat(parameters('p').k,'-',parameters('p').k))]\"}}",
                     "\"p\":{\"value\":{\"k\":\"open sesame\"}}"));
    assert_non_null(strstr(a.text.data, "'(secure)-(secure)'"));
    expect_error(f, 400, "InvalidTemplate", "(secure)", HTTP_POST, D "/d/validate" DV,
                 request(f,
                         "," SECURE("string") ",\"resources\":[{\"type\":\"a/b\",\"apiVersion\":"
                                              "\"1\",\"name\":\"[int(parameters('p'))]\"}]",
                         "\"p\":{\"value\":\"open sesame\"}"));
}

/* Nor with what a deployment within it says in detail, here and in its operations. */
static void test_secret_within(void **state)
{
    static const struct {
        const char *path;
        enum http_method method;
    } asked[] = {
        { D "/d" DV, HTTP_PUT },
        { D "/d/validate" DV, HTTP_POST },
        { D "/d/whatIf" DV, HTTP_POST },
        { D "/d/operations" DV, HTTP_GET },
    };
    struct fixture *f = *state;
    const char *body =
        request(f,
                ",\"parameters\":{\"p\":{\"type\":\"secureString\"}},\"resources\":[{\"type\":"
                "\"Microsoft.Resources/deployments\",\"apiVersion\":\"2022-09-01\",\"name\":\"in\","
                "\"properties\":{\"mode\":\"Incremental\",\"template\":{" HEAD ",\"resources\":[{"
                "\"type\":\"Microsoft.CognitiveServices/accounts\",\"name\":\"a\",\"apiVersion\":"
                "\"[parameters('p')]\"}]}}}]",
                "\"p\":{\"value\":\"open \\\"sesame\\\"\"}");

    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct answer a =
            call(f, asked[i].method, asked[i].path, asked[i].method == HTTP_GET ? NULL : body);

        assert_non_null(strstr(a.text.data, "(secure)"));
        assert_null(strstr(a.text.data, "sesame"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_openai, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_life, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_failure, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_environment, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_validation, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_what_if, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_complete, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_subscription, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_secret_in_message, fixture_set_up_account,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_secret_within, fixture_set_up_account,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_lock, fixture_set_up_account, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
