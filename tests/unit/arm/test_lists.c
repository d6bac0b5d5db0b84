/* What the control plane tells without anything having been made: subscriptions, providers, models,
 * SKUs; and what it makes of api-versions and of paths that it does not have.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arm/authorize.h"
#include "arm/type.h"
#include "arm/types/provider_operation.h"
#include "fixture.h"

static void test_subscriptions(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, "/subscriptions?api-version=2022-12-01", NULL);
    yyjson_val *one = expect(f, 200, HTTP_GET, S "?api-version=2019-11-01", NULL);

    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "id", S);
    assert_text(one, "subscriptionId", SUBSCRIPTION);
    assert_text(one, "displayName", "Tests");
    assert_text(one, "state", "Enabled");
    assert_text(one, "tenantId", TENANT);
    assert_absent(one, "systemData");
    expect_error(f, 404, "SubscriptionNotFound", "could not be found", HTTP_GET,
                 "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups" V, NULL);
    expect_error(f, 400, "InvalidSubscriptionId", "'me'", HTTP_GET,
                 "/subscriptions/me/resourceGroups" V, NULL);
    expect_error(f, 405, "MethodNotAllowed", "PUT", HTTP_PUT, S V, "{}");
    expect(f, 404, HTTP_PUT, "/subscriptions/00000000-0000-0000-0000-000000000001" V, "{}");
}

static void test_tenants_and_locations(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, "/tenants?api-version=2022-12-01", NULL);

    assert_text(item(list, 0), "tenantId", TENANT);
    list = expect(f, 200, HTTP_GET, S "/locations?api-version=2022-12-01", NULL);
    assert_int_equal(count_of(list), 2);
    assert_text(item(list, 0), "name", "eastus");
    assert_text(item(list, 0), "displayName", "East US");
    assert_text(item(list, 0), "regionalDisplayName", "East US");
    assert_text(item(list, 0), "metadata.regionType", "Physical");
}

static void test_providers(void **state)
{
    struct fixture *f = *state;
    yyjson_val *provider =
        expect(f, 200, HTTP_POST, S "/providers/microsoft.cognitiveservices/register" V, NULL);
    yyjson_val *types = yyjson_obj_get(provider, "resourceTypes");
    yyjson_val *list = expect(f, 200, HTTP_GET, S "/providers" V, NULL);

    assert_text(provider, "namespace", "Microsoft.CognitiveServices");
    assert_text(provider, "registrationState", "Registered");
    assert_text(yyjson_arr_get(types, 0), "resourceType", "accounts");
    /* clients take the first that is no preview */
    assert_true(yyjson_equals_str(
        yyjson_arr_get(json_at(yyjson_arr_get(types, 0), "apiVersions"), 1), "2026-05-01"));
    assert_non_null(item_with(list, "namespace", "Microsoft.Insights"));
    expect_error(f, 404, "InvalidResourceNamespace", "'Microsoft.Nothing'", HTTP_GET,
                 S "/providers/Microsoft.Nothing" V, NULL);
    list = expect(f, 200, HTTP_GET, "/providers/Microsoft.CognitiveServices/operations" V, NULL);
    assert_non_null(item_with(list, "name", "Microsoft.CognitiveServices/accounts/write"));
}

/* The list that who writes a custom role looks into has what each route asks for. */
static void test_each_action_is_listed(void **state)
{
    struct fixture *f = *state;
    struct arm_call c = { .arena = f->arena,
                          .names = { STR(SUBSCRIPTION), STR("Microsoft.Resources") } };
    struct str action;

    for (size_t i = 0; i < arm_type_count; i++) {
        for (size_t n = 0; n < arm_types[i]->route_count; n++) {
            c.route = &arm_types[i]->routes[n];
            action = arm_action(&c);
            if (str_equal(action, STR("Microsoft.Resources/subscriptions/write")))
                continue; /* the program's own */
            if (str_equal(arm_provider_operation_title(action), action))
                fail_msg("no row for %.*s", STR_ARGS(action));
        }
    }
}

#define STATE(name, action) S "/providers/" name action V
#define IDENTITY G "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine"
#define IDENTITY_VERSION "?api-version=2023-01-31"
#define EAST "{\"location\":\"eastus\"}"

static void test_a_provider_that_is_not_registered(void **state)
{
    static const char words[] =
        "The subscription is not registered to use namespace 'Microsoft.ManagedIdentity'. See "
        "https://aka.ms/rps-not-found for how to register subscriptions.";
    struct fixture *f = *state;
    yyjson_val *shown =
        expect(f, 200, HTTP_POST, STATE("microsoft.managedidentity", "/unregister"), NULL);

    assert_text(shown, "namespace", "Microsoft.ManagedIdentity");
    assert_text(shown, "registrationState", "Unregistered");
    shown = expect(f, 200, HTTP_GET, STATE("Microsoft.ManagedIdentity", ""), NULL);
    assert_text(shown, "registrationState", "Unregistered");
    shown = expect(f, 200, HTTP_GET, S "/providers" V, NULL);
    assert_text(item_with(shown, "namespace", "Microsoft.ManagedIdentity"), "registrationState",
                "Unregistered");
    assert_text(item_with(shown, "namespace", "Microsoft.Insights"), "registrationState",
                "Registered");
    shown = expect_error(f, 409, "MissingSubscriptionRegistration", words, HTTP_PUT,
                         IDENTITY IDENTITY_VERSION, EAST);
    assert_absent(shown, "error.target");
    shown = yyjson_arr_get_first(json_at(shown, "error.details"));
    assert_text(shown, "code", "MissingSubscriptionRegistration");
    assert_text(shown, "target", "Microsoft.ManagedIdentity");
    assert_text(shown, "message", words);
    expect(f, 404, HTTP_GET, IDENTITY IDENTITY_VERSION, NULL);
    expect(f, 204, HTTP_DELETE, IDENTITY IDENTITY_VERSION, NULL);
    expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{}}"); /* of another provider */
    fixture_restart(f);
    shown = expect(f, 200, HTTP_POST, STATE("Microsoft.ManagedIdentity", "/unregister"), NULL);
    assert_text(shown, "registrationState", "Unregistered");
    shown = expect(f, 200, HTTP_POST, STATE("Microsoft.ManagedIdentity", "/register"), NULL);
    assert_text(shown, "registrationState", "Registered");
    expect(f, 201, HTTP_PUT, IDENTITY IDENTITY_VERSION, EAST);
    expect_error(f, 409, "CannotUnregisterProvider",
                 "of the type 'Microsoft.ManagedIdentity/userAssignedIdentities'", HTTP_POST,
                 STATE("Microsoft.ManagedIdentity", "/unregister"), NULL);
}

static void test_providers_that_stay_registered(void **state)
{
    static const char *const paths[] = { STATE("Microsoft.Resources", "/unregister"),
                                         STATE("microsoft.authorization", "/unregister") };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        expect_error(f, 409, "CannotUnregisterProvider", "registered in every subscription",
                     HTTP_POST, paths[i], NULL);
    assert_text(expect(f, 200, HTTP_GET, STATE("Microsoft.Resources", ""), NULL),
                "registrationPolicy", "RegistrationFree");
    expect_error(f, 404, "InvalidResourceNamespace", "'Microsoft.Nothing'", HTTP_POST,
                 STATE("Microsoft.Nothing", "/unregister"), NULL);
    expect_error(f, 409, "CannotUnregisterProvider", "'Microsoft.CognitiveServices/accounts'",
                 HTTP_POST, STATE("Microsoft.CognitiveServices", "/unregister"), NULL);
}

/* What was deleted is kept for 48 hours, and may be purged; it comes back once the provider does. */
static void test_no_provider_for_what_was_deleted(void **state)
{
    static const char restore[] = "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}";
    struct fixture *f = *state;

    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 200, HTTP_POST, STATE("Microsoft.CognitiveServices", "/unregister"), NULL);
    expect_error(f, 409, "MissingSubscriptionRegistration", "'Microsoft.CognitiveServices'",
                 HTTP_PUT, A V, restore);
    expect_error(f, 409, "MissingSubscriptionRegistration", "'Microsoft.CognitiveServices'",
                 HTTP_POST, CS "/checkDomainAvailability" V, "{}");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/accounts" V, NULL)), 0);
    expect(f, 200, HTTP_GET, CS "/locations/eastus/usages" V, NULL);
    expect(f, 200, HTTP_POST, STATE("Microsoft.CognitiveServices", "/register"), NULL);
    expect(f, 201, HTTP_PUT, A V, restore);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 200, HTTP_POST, STATE("Microsoft.CognitiveServices", "/unregister"), NULL);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
}

/* The operations of a type, in what a provider has. */
static yyjson_val *operations_of(yyjson_val *provider, const char *name)
{
    yyjson_val *type;
    size_t i, count;

    yyjson_arr_foreach(json_at(provider, "resourceTypes"), i, count, type)
    {
        if (yyjson_equals_str(yyjson_obj_get(type, "name"), name))
            return yyjson_obj_get(type, "operations");
    }
    return NULL;
}

static void test_provider_operations(void **state)
{
#define PATH "/providers/Microsoft.Authorization/providerOperations"
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, PATH V, NULL), *one, *found;

    assert_int_equal(count_of(list), 5);
    one = expect(f, 200, HTTP_GET, PATH "/microsoft.cognitiveservices" V, NULL);
    assert_text(one, "id", PATH "/Microsoft.CognitiveServices");
    assert_true(yyjson_equals(one, item_with(list, "name", "Microsoft.CognitiveServices")));
    assert_text(one, "displayName", "Microsoft Cognitive Services");
    assert_text(yyjson_arr_get(json_at(one, "operations"), 0), "name",
                "Microsoft.CognitiveServices/register/action");
    found = yyjson_arr_get(operations_of(one, "accounts/OpenAI/deployments/chat"), 0);
    assert_text(found, "name",
                "Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action");
    assert_true(yyjson_is_true(json_at(found, "isDataAction")));
    found = operations_of(one, "accounts");
    assert_int_equal(yyjson_arr_size(found), 5);
    assert_true(yyjson_is_false(json_at(yyjson_arr_get(found, 0), "isDataAction")));
    expect_error(f, 404, "ProviderNotFound", "'Microsoft.Nothing'", HTTP_GET,
                 PATH "/Microsoft.Nothing" V, NULL);
#undef PATH
}

static void test_models(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list =
        expect(f, 200, HTTP_GET, CS "/locations/EastUS/models?api-version=2024-10-01", NULL);
    yyjson_val *m = json_at(item(list, 0), "model");

    assert_int_equal(count_of(list), 2 * 4); /* two kinds of accounts */
    assert_text(item(list, 0), "kind", "OpenAI");
    assert_text(item(list, 0), "skuName", "S0");
    assert_text(m, "name", "text-embedding-ada-002");
    assert_text(m, "version", "1");
    assert_text(m, "format", "OpenAI");
    assert_text(m, "lifecycleStatus", "GenerallyAvailable");
    assert_text(m, "deprecation.inference", "2027-04-15T00:00:00Z");
    assert_text(m, "capabilities.embeddings", "true");
    assert_text(m, "systemData.createdAt", "2022-12-15T00:00:00Z");
    assert_text(yyjson_arr_get(json_at(m, "skus"), 0), "usageName",
                "OpenAI.Standard.text-embedding-ada-002");
    assert_non_null(item_with(list, "model.lifecycleStatus", "Deprecated"));
    /* whom the word was not yet known to is not shown it */
    list = expect(f, 200, HTTP_GET, CS "/locations/eastus/models" V, NULL);
    assert_null(item_with(list, "model.lifecycleStatus", "Deprecated"));
    list = expect(f, 200, HTTP_GET, A "/models" V, NULL);
    assert_int_equal(count_of(list), 4);
    assert_text(item(list, 3), "version", "0613");
    assert_true(yyjson_get_bool(json_at(item(list, 3), "isDefaultVersion")));
    assert_false(yyjson_get_bool(json_at(item(list, 2), "isDefaultVersion")));
    expect(f, 400, HTTP_GET, CS "/locations/mars/models" V, NULL);
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/no/models" V, NULL);
}

static void test_skus(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, CS "/skus" V, NULL);

    assert_text(item(list, 0), "resourceType", "accounts");
    assert_text(item(list, 0), "name", "S0");
    assert_true(
        yyjson_equals_str(yyjson_arr_get(json_at(item(list, 0), "locations"), 0), "EASTUS"));
    assert_non_null(item_with(list, "kind", "AIServices"));
    list = expect(f, 200, HTTP_GET, A "/skus" V, NULL);
    assert_text(item(list, 0), "sku.name", "S0");
    list = expect(f, 200, HTTP_POST, CS "/locations/westus/checkSkuAvailability" V,
                  "{\"skus\":[\"S0\",\"F9\"],\"kind\":\"OpenAI\",\"type\":"
                  "\"Microsoft.CognitiveServices/accounts\"}");
    assert_true(yyjson_get_bool(json_at(item(list, 0), "skuAvailable")));
    assert_false(yyjson_get_bool(json_at(item(list, 1), "skuAvailable")));
    expect_error(f, 400, "InvalidRequestContent", "required", HTTP_POST,
                 CS "/locations/westus/checkSkuAvailability" V, "{\"skus\":[\"S0\"]}");
}

/* Nothing is there yet, or never. */
static void test_empty(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {
        CS "/deletedAccounts" V,
        CS "/commitmentPlans" V,
        CS "/locations/eastus/commitmentTiers" V,
        G "/providers/Microsoft.CognitiveServices/commitmentPlans" V,
        A "/commitmentPlans" V,
        A "/privateEndpointConnections" V,
        G "/providers/Microsoft.Authorization/locks?api-version=2016-09-01",
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(count_of(expect(f, 200, HTTP_GET, paths[i], NULL)), 0);
    expect(f, 404, HTTP_GET,
           G "/providers/Microsoft.CognitiveServices/accounts/no/privateLinkResources" V, NULL);
    expect(f, 404, HTTP_GET, S "/resourceGroups/no/providers/Microsoft.Authorization/locks" V,
           NULL);
}

static void test_api_versions(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {
        "2016-02-01-preview", "2017-04-18", "2023-05-01",         "2026-05-15-preview",
        "2026-05-15-PREVIEW", "2031-01-01", "2031-01-01-preview",
    };
    static const char *const malformed[] = { "1",           "2023-5-1",
                                             "2023-02-31",  "2023-05-01preview",
                                             "2023-05-01-", "latest" };

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        expect(f, 200, HTTP_GET, arena_printf(f->arena, A "?api-version=%s", good[i]).data, NULL);
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
        expect_error(f, 400, "InvalidApiVersionParameter", "The supported versions are '", HTTP_GET,
                     arena_printf(f->arena, A "?api-version=%s", malformed[i]).data, NULL);
    expect_error(f, 400, "NoRegisteredProviderFound", "'2023-05-02'", HTTP_GET,
                 A "?api-version=2023-05-02", NULL);
    expect_error(f, 400, "MissingApiVersionParameter",
                 "The api-version query parameter (?api-version=) is required for all requests.",
                 HTTP_GET, A, NULL);
    /* its name is taken in any case, as ARM does */
    expect(f, 200, HTTP_GET, A "?Api-Version=2023-05-01", NULL);
    /* there are more versions of Microsoft.Resources than anybody lists */
    expect(f, 200, HTTP_GET, G "?api-version=2019-03-01", NULL);
}

static void test_unknown_paths(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 404, "InvalidResourceType", "'Microsoft.CognitiveServices'", HTTP_GET,
                 G "/providers/Microsoft.CognitiveServices/things/x" V, NULL);
    expect_error(f, 404, "InvalidResourceNamespace", "'Microsoft.Web'", HTTP_GET,
                 G "/providers/Microsoft.Web/sites/x" V, NULL);
    expect_error(f, 404, "NotFound", "not found", HTTP_GET, S "/nothing" V, NULL);
    /* the generic resource clients of the SDKs send an empty parent so */
    expect(f, 200, HTTP_GET, G "/providers/Microsoft.CognitiveServices//accounts/myAccount" V,
           NULL);
    expect_error(f, 404, "NotFound", "not found", HTTP_GET, S "/resourceGroups/a%2Fb" V, NULL);
    expect_error(f, 404, "NotFound", "not found", HTTP_GET, S "/resourceGroups/%zz" V, NULL);
    expect_error(f, 405, "MethodNotAllowed",
                 "The requested resource does not support http method 'POST'.", HTTP_POST, A V,
                 NULL);
    expect_error(f, 404, "NotFound", "not found", HTTP_GET,
                 "/subscriptions/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z" V, NULL);
}

static void test_matches(void **state)
{
    (void)state;
    assert_true(arm_matches(STR("/subscriptions")));
    assert_true(arm_matches(STR("/Subscriptions/x")));
    assert_true(arm_matches(STR("/providers/Microsoft.CognitiveServices/operations")));
    assert_true(arm_matches(STR("/tenants")));
    assert_true(arm_matches(STR("//subscriptions/x")));
    assert_true(arm_matches(STR("///providers")));
    assert_false(arm_matches(STR("//")));
    assert_false(arm_matches(STR("//openai")));
    assert_false(arm_matches(STR("/subscriptionsx")));
    assert_false(arm_matches(STR("/openai/deployments")));
    assert_false(arm_matches(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_subscriptions),
        T(test_tenants_and_locations),
        T(test_providers),
        T(test_a_provider_that_is_not_registered),
        T(test_providers_that_stay_registered),
        T(test_no_provider_for_what_was_deleted),
        T(test_each_action_is_listed),
        T(test_provider_operations),
        T(test_models),
        T(test_skus),
        T(test_empty),
        T(test_api_versions),
        T(test_unknown_paths),
        cmocka_unit_test(test_matches),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
