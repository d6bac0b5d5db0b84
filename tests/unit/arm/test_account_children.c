/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define LATE "?api-version=2024-06-01-preview"
#define PEC A "/privateEndpointConnections/mine"
#define STATE(status) \
    "{\"properties\":{\"privateLinkServiceConnectionState\":{\"status\":\"" status "\"}}}"
#define ENDPOINT                                                                                  \
    "{\"properties\":{\"privateEndpoint\":{\"id\":\"/subscriptions/s/resourceGroups/g/providers/" \
    "Microsoft.Network/privateEndpoints/e\"},\"privateLinkServiceConnectionState\":{\"status\":"  \
    "\"Pending\",\"description\":\"please\"}}}"
#define PLAN                                                                                  \
    "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\",\"properties\":{" \
    "\"hostingModel\":\"web\",\"planType\":\"PTU\",\"autoRenew\":true,\"current\":{\"tier\":" \
    "\"T1\",\"count\":2}}}"
#define SHARED G "/providers/Microsoft.CognitiveServices/commitmentPlans/shared"

/* -- Private endpoints ----------------------------------------------------------------------- */

static void test_connection(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 200, HTTP_PUT, PEC V, ENDPOINT);

    assert_text(shown, "id", PEC);
    assert_text(shown, "type", "Microsoft.CognitiveServices/accounts/privateEndpointConnections");
    assert_text(shown, "properties.provisioningState", "Succeeded");
    assert_text(shown, "properties.privateLinkServiceConnectionState.status", "Pending");
    assert_text(shown, "properties.privateLinkServiceConnectionState.actionsRequired", "None");
    /* who approves says no more than that */
    shown = expect(f, 200, HTTP_PUT, PEC V, STATE("approved"));
    assert_text(shown, "properties.privateLinkServiceConnectionState.status", "Approved");
    assert_text(shown, "properties.privateEndpoint.id",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/e");
    assert_true(
        yyjson_equals_str(yyjson_arr_get(json_at(shown, "properties.groupIds"), 0), "account"));
    shown = expect(f, 200, HTTP_GET, A V, NULL);
    shown = yyjson_arr_get(json_at(shown, "properties.privateEndpointConnections"), 0);
    assert_text(shown, "id", PEC);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A "/privateEndpointConnections" V, NULL)),
                     1);
    expect(f, 200, HTTP_PUT, PEC V, STATE("Rejected"));
    expect(f, 200, HTTP_PUT, PEC V, STATE("Disconnected"));
    expect_error(f, 400, "BadRequest", "can only be deleted", HTTP_PUT, PEC V, STATE("Approved"));
    expect(f, 200, HTTP_DELETE, PEC V, NULL);
    expect(f, 204, HTTP_DELETE, PEC V, NULL);
    shown = expect(f, 200, HTTP_GET, A V, NULL);
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.privateEndpointConnections")), 0);
}

static void test_connection_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "InvalidRequestContent", "Pending|Approved|Rejected|Disconnected",
                 HTTP_PUT, PEC V, STATE("Maybe"));
    expect_error(f, 400, "InvalidRequestContent", "status' is required", HTTP_PUT, PEC V, "{}");
    expect_error(f, 404, "ParentResourceNotFound", "accounts/none", HTTP_PUT,
                 G "/providers/Microsoft.CognitiveServices/accounts/none/"
                   "privateEndpointConnections/x" V,
                 ENDPOINT);
}

static void test_link_resources(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = item(expect(f, 200, HTTP_GET, A "/privateLinkResources" V, NULL), 0);

    assert_text(shown, "properties.groupId", "account");
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.requiredZoneNames")), 2);
}

/* They go with the account, and come back with it. */
static void test_with_the_account(void **state)
{
    struct fixture *f = *state;

    expect(f, 200, HTTP_PUT, PEC V, ENDPOINT);
    expect(f, 201, HTTP_PUT, A "/commitmentPlans/p" V, PLAN);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 201, HTTP_PUT, A V, "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}");
    expect(f, 200, HTTP_GET, PEC V, NULL);
    expect(f, 200, HTTP_GET, A "/commitmentPlans/p" V, NULL);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
    expect(f, 201, HTTP_PUT, A V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}");
    expect(f, 404, HTTP_GET, PEC V, NULL);
}

/* -- Commitment plans ------------------------------------------------------------------------ */

static void test_plan(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 201, HTTP_PUT, A "/commitmentPlans/p" V, PLAN);
    const char *guid = yyjson_get_str(json_at(shown, "properties.commitmentPlanGuid"));

    assert_text(shown, "type", "Microsoft.CognitiveServices/accounts/commitmentPlans");
    assert_text(shown, "properties.hostingModel", "Web");
    assert_number(shown, "properties.current.count", 2);
    assert_text(shown, "properties.provisioningState", "Succeeded");
    shown = expect(f, 200, HTTP_PUT, A "/commitmentPlans/p" V, PLAN);
    assert_text(shown, "properties.commitmentPlanGuid", guid);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A "/commitmentPlans" V, NULL)), 1);
    expect_error(f, 400, "InvalidRequestContent", "'properties.planType' is required", HTTP_PUT,
                 A "/commitmentPlans/q" V, "{\"properties\":{\"hostingModel\":\"Web\"}}");
    expect(f, 200, HTTP_DELETE, A "/commitmentPlans/p" V, NULL);
    expect(f, 404, HTTP_GET, A "/commitmentPlans/p" V, NULL);
}

static void test_shared_plan(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 201, HTTP_PUT, SHARED V, PLAN);

    assert_text(shown, "type", "Microsoft.CognitiveServices/commitmentPlans");
    assert_text(shown, "location", "eastus");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/commitmentPlans" V, NULL)), 1);
    assert_int_equal(
        count_of(expect(f, 200, HTTP_GET,
                        G "/providers/Microsoft.CognitiveServices/commitmentPlans" V, NULL)),
        1);
    assert_non_null(item_with(expect(f, 200, HTTP_GET, G "/resources" V, NULL), "id", SHARED));
    shown = expect(f, 200, HTTP_PATCH, SHARED V, "{\"tags\":{\"a\":\"b\"}}");
    assert_text(shown, "tags.a", "b");
    assert_text(shown, "properties.planType", "PTU");
    expect_error(f, 400, "LocationRequired", "location", HTTP_PUT, SHARED "2" V,
                 "{\"properties\":{\"hostingModel\":\"Web\",\"planType\":\"PTU\"}}");
}

static void test_association(void **state)
{
    struct fixture *f = *state;
    const char *path = SHARED "/accountAssociations/a" V;
    yyjson_val *shown;

    expect_error(f, 404, "ParentResourceNotFound", "commitmentPlans/shared", HTTP_PUT, path,
                 "{\"properties\":{\"accountId\":\"" A "\"}}");
    expect(f, 201, HTTP_PUT, SHARED V, PLAN);
    expect_error(f, 400, "BadRequest", "The account '" G "' could not be found.", HTTP_PUT, path,
                 "{\"properties\":{\"accountId\":\"" G "\"}}");
    shown = expect(f, 201, HTTP_PUT, path, "{\"properties\":{\"accountId\":\"" A "\"}}");
    assert_text(shown, "properties.accountId", A);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, SHARED "/accountAssociations" V, NULL)), 1);
    expect_error(f, 409, "CannotDeleteResource", "accountAssociations/a", HTTP_DELETE, SHARED V,
                 NULL);
    expect(f, 200, HTTP_DELETE, path, NULL);
    expect(f, 200, HTTP_DELETE, SHARED V, NULL);
}

/* -- Encryption scopes ----------------------------------------------------------------------- */

static void test_encryption_scope(void **state)
{
    struct fixture *f = *state;
    const char *path = A "/encryptionScopes/s" LATE;
    yyjson_val *shown = expect(
        f, 201, HTTP_PUT, path,
        "{\"properties\":{\"keySource\":\"Microsoft.KeyVault\",\"keyVaultProperties\":{"
        "\"keyName\":\"k\",\"keyVersion\":\"1\",\"keyVaultUri\":\"https://v.vault.azure.net/\"}}}");
    struct answer a;

    assert_text(shown, "properties.state", "Enabled");
    assert_text(shown, "properties.keyVaultProperties.keyName", "k");
    expect_error(f, 400, "InvalidRequestContent", "'properties.keyVaultProperties.keyName'",
                 HTTP_PUT, path, "{\"properties\":{\"keySource\":\"Microsoft.KeyVault\"}}");
    a = call(f, HTTP_DELETE, path, NULL);
    assert_int_equal(a.status, 202);
    assert_true(a.operation.len > 0);
    expect(f, 204, HTTP_DELETE, path, NULL);
}

/* -- Settings of other services -------------------------------------------------------------- */

/* Also once the account was deleted, and has come back. */
static void test_defender_setting(void **state)
{
    struct fixture *f = *state;
    const char *path = A "/defenderForAISettings/Default" LATE;

    expect(f, 404, HTTP_PATCH, path, "{}");
    assert_text(expect(f, 201, HTTP_PUT, path, "{}"), "properties.state", "Disabled");
    assert_text(expect(f, 200, HTTP_PATCH, path, "{\"properties\":{\"state\":\"enabled\"}}"),
                "properties.state", "Enabled");
    expect_error(f, 400, "InvalidRequestContent", "Disabled|Enabled", HTTP_PATCH, path,
                 "{\"properties\":{\"state\":\"On\"}}");
    expect_error(f, 405, "MethodNotAllowed", "'DELETE'", HTTP_DELETE, path, NULL);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 404, HTTP_GET, path, NULL);
    expect(f, 201, HTTP_PUT, A V, "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}");
    assert_text(expect(f, 200, HTTP_GET, path, NULL), "properties.state", "Enabled");
}

static void test_network_perimeters(void **state)
{
#define PERIMETERS A "/networkSecurityPerimeterConfigurations"
    struct fixture *f = *state;

    assert_int_equal(count_of(expect(f, 200, HTTP_GET, PERIMETERS LATE, NULL)), 0);
    expect_error(f, 404, "ResourceNotFound", "networkSecurityPerimeterConfigurations/one", HTTP_GET,
                 PERIMETERS "/one" LATE, NULL);
    expect_error(f, 404, "ResourceNotFound", "networkSecurityPerimeterConfigurations/one",
                 HTTP_POST, PERIMETERS "/one/reconcile" LATE, NULL);
#undef PERIMETERS
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_connection),
        T(test_connection_refused),
        T(test_link_resources),
        T(test_with_the_account),
        T(test_plan),
        T(test_shared_plan),
        T(test_association),
        T(test_encryption_scope),
        T(test_defender_setting),
        T(test_network_perimeters),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
