/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "fixture.h"

#include "base/format.h"

#define OTHER_GROUP S "/resourceGroups/other"
#define OTHER OTHER_GROUP "/providers/Microsoft.CognitiveServices/accounts/myAccount"
#define BODY "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}"
#define BODY_WITH(properties)                                                 \
    "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"," \
    "\"properties\":{" properties "}}"

/* The account that this key opens, in the directory of now. */
static const char *owner_of(struct fixture *f, const char *key)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_account *account;
    uint8_t digest[KEY_HASH_BYTES];
    const char *name = NULL;

    key_hash_digest(f->key_hash, str_from(key), digest);
    account = directory_by_key_digest(d, digest);
    if (account)
        name = arena_text(f->arena, account->name);
    directory_unref(d);
    return name;
}

/* What the Azure CLI sends, and what it shows then. */
static void test_create(void **state)
{
    struct fixture *f = *state;
    yyjson_val *account = expect(f, 201, HTTP_PUT, A V,
                                 "{\"kind\":\"openai\",\"sku\":{\"name\":\"s0\"},\"location\":"
                                 "\"EastUS\",\"properties\":{},\"type\":\"ignored\"}");
    yyjson_val *rules = json_at(account, "properties.callRateLimit.rules");

    assert_text(account, "id", A);
    assert_text(account, "name", "myAccount");
    assert_text(account, "type", "Microsoft.CognitiveServices/accounts");
    assert_text(account, "kind", "OpenAI");
    assert_text(account, "sku.name", "S0");
    assert_text(account, "location", "EastUS");
    assert_text(account, "properties.provisioningState", "Succeeded");
    assert_text(account, "properties.publicNetworkAccess", "Enabled");
    assert_text(account, "properties.endpoint", BASE "/accounts/myAccount/");
    assert_text(account, "properties.endpoints.OpenAI Language Model Instance API",
                BASE "/accounts/myAccount/");
    assert_text(account, "systemData.createdBy", "dev@contoso.com");
    assert_text(account, "systemData.createdByType", "User");
    assert_int_equal(yyjson_get_len(json_at(account, "properties.internalId")), 32);
    assert_int_equal(yyjson_get_len(json_at(account, "etag")), 38);
    assert_int_equal(yyjson_arr_size(rules), 4);
    assert_text(yyjson_arr_get(rules, 0), "key", "openai.dalle.post");
    assert_int_equal(yyjson_arr_size(json_at(account, "properties.capabilities")), 9);
    assert_false(yyjson_get_bool(json_at(account, "properties.isMigrated")));
    assert_absent(account, "identity");
    assert_absent(account, "facts");
}

static void test_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 404, "ResourceGroupNotFound", "'none'", HTTP_PUT,
                 S "/resourceGroups/none/providers/Microsoft.CognitiveServices/accounts/x" V, BODY);
    expect_error(f, 400, "InvalidApiSetId", "'Face'", HTTP_PUT, A V,
                 "{\"kind\":\"Face\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}");
    expect_error(f, 400, "InvalidSku", "'F9'", HTTP_PUT, A V,
                 "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"F9\"},\"location\":\"eastus\"}");
    expect_error(f, 400, "LocationNotAvailableForResourceType", "'mars'", HTTP_PUT, A V,
                 "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"mars\"}");
    expect_error(f, 400, "InvalidResourceName", "-x", HTTP_PUT,
                 G "/providers/Microsoft.CognitiveServices/accounts/-x" V, BODY);
    expect_error(f, 400, "CustomDomainInvalid", "Sub domain name 'x_y' is not valid.", HTTP_PUT,
                 A V, BODY_WITH("\"customSubDomainName\":\"x_y\""));
    expect_error(f, 400, "InvalidRequestContent", "'properties'", HTTP_PUT, A V,
                 "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\","
                 "\"properties\":5}");
    expect_error(f, 400, "InvalidRequestContent", "disableLocalAuth", HTTP_PUT, A V,
                 BODY_WITH("\"disableLocalAuth\":\"yes\""));
    expect_error(f, 400, "InvalidRequestContent", "'Kind' is given more than once", HTTP_PUT, A V,
                 "{\"kind\":\"OpenAI\",\"Kind\":\"AIServices\",\"sku\":{\"name\":\"S0\"},"
                 "\"location\":\"eastus\"}");
    expect_error(f, 400, "InvalidRequestContent", "U+0000", HTTP_PUT, A V,
                 "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\\u0000x\"}");
    expect_error(f, 400, "InvalidRequestContent", "Enabled|Disabled", HTTP_PUT, A V,
                 BODY_WITH("\"publicNetworkAccess\":\"Maybe\""));
    expect_error(f, 400, "BadRequest", "custom subdomain", HTTP_PUT, A V,
                 BODY_WITH("\"networkAcls\":{\"defaultAction\":\"Deny\"}"));
    expect_error(f, 400, "InvalidRequestContent", "keyVaultProperties.keyName' is required",
                 HTTP_PUT, A V, BODY_WITH("\"encryption\":{\"keySource\":\"Microsoft.KeyVault\"}"));
    expect_error(f, 400, "InvalidRequestContent", "'resourceId'", HTTP_PUT, A V,
                 BODY_WITH("\"userOwnedStorage\":[{\"id\":\"x\"}]"));
    expect(f, 404, HTTP_GET, A V, NULL);
}

static void test_show_and_list(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect_error(f, 404, "ResourceNotFound",
                 "The Resource 'Microsoft.CognitiveServices/accounts/none' under resource group "
                 "'myGroup' was not found. For more details please go to "
                 "https://aka.ms/ARMResourceNotFoundFix",
                 HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/none" V, NULL);
    assert_text(expect(f, 200, HTTP_GET,
                       S "/RESOURCEGROUPS/MYGROUP/PROVIDERS/microsoft.cognitiveservices/ACCOUNTS/"
                         "MYACCOUNT" V,
                       NULL),
                "id", A);
    list = expect(f, 200, HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts" V, NULL);
    assert_int_equal(count_of(list), 1);
    list = expect(f, 200, HTTP_GET, CS "/accounts" V, NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "properties.provisioningState", "Succeeded");
    expect(f, 404, HTTP_GET,
           S "/resourceGroups/none/providers/Microsoft.CognitiveServices/accounts" V, NULL);
}

/* A PUT takes back what a GET gave, and nothing that was decided at creation changes. */
static void test_put_what_get_gave(void **state)
{
    struct fixture *f = *state;
    yyjson_val *keys = expect(f, 200, HTTP_POST, A "/listKeys" V, NULL), *after;
    struct answer before = call(f, HTTP_GET, A V, NULL);

    after = expect(f, 200, HTTP_PUT, A V, arena_text(f->arena, before.text));
    assert_text(after, "properties.internalId",
                yyjson_get_str(json_at(before.body, "properties.internalId")));
    assert_text(after, "properties.dateCreated",
                yyjson_get_str(json_at(before.body, "properties.dateCreated")));
    assert_text(after, "systemData.createdAt",
                yyjson_get_str(json_at(before.body, "systemData.createdAt")));
    assert_string_not_equal(yyjson_get_str(json_at(after, "etag")),
                            yyjson_get_str(json_at(before.body, "etag")));
    assert_text(expect(f, 200, HTTP_POST, A "/listKeys" V, NULL), "key1",
                yyjson_get_str(json_at(keys, "key1")));
}

static void test_patch(void **state)
{
    struct fixture *f = *state;
    yyjson_val *account;

    account = expect(f, 200, HTTP_PATCH, A V,
                     "{\"tags\":{\"a\":\"1\"},\"properties\":{\"customSubDomainName\":\"mine\"}}");
    assert_text(account, "tags.a", "1");
    account =
        expect(f, 200, HTTP_PATCH, A V,
               "{\"sku\":{\"name\":\"S0\"},\"properties\":{\"networkAcls\":{\"defaultAction\":"
               "\"Deny\",\"ipRules\":[{\"value\":\"1.2.3.4\"}]}}}");
    assert_text(account, "tags.a", "1");
    assert_text(account, "properties.customSubDomainName", "mine");
    assert_text(account, "properties.networkAcls.defaultAction", "Deny");
    assert_int_equal(yyjson_arr_size(json_at(account, "properties.networkAcls.ipRules")), 1);
    expect_error(f, 400, "InvalidRequestContent", "'value'", HTTP_PATCH, A V,
                 "{\"properties\":{\"networkAcls\":{\"ipRules\":[{}]}}}");
    account = expect(f, 200, HTTP_PATCH, A V, "{\"properties\":null,\"sku\":null}");
    assert_text(account, "properties.networkAcls.defaultAction", "Deny");
    account = expect(f, 200, HTTP_PATCH, A V, "{\"properties\":{\"networkAcls\":null}}");
    assert_absent(account, "properties.networkAcls");
    expect_error(f, 400, "InvalidRequestContent", "'properties.networkAcls'", HTTP_PATCH, A V,
                 "{\"properties\":{\"networkAcls\":[]}}");
    expect_error(f, 400, "BadRequest", "cannot be changed", HTTP_PATCH, A V,
                 "{\"properties\":{\"customSubDomainName\":\"other\"}}");
    expect_error(f, 409, "InvalidResourceLocation", "already exists in location 'eastus'",
                 HTTP_PATCH, A V, "{\"location\":\"westus\"}");
    assert_text(expect(f, 200, HTTP_PATCH, A V, "{\"kind\":\"AIServices\"}"), "kind", "AIServices");
}

static void test_own_storage(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    shown = expect(f, 200, HTTP_PUT, A V,
                   BODY_WITH("\"userOwnedStorage\":[{\"resourceId\":\"/subscriptions/s\"}]"));
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.userOwnedStorage")), 1);
}

static void test_conditions(void **state)
{
    struct fixture *f = *state;
    struct str etag = call(f, HTTP_GET, A V, NULL).etag;

    f->if_none_match = STR("*");
    expect_error(f, 412, "PreconditionFailed", "condition", HTTP_PUT, A V, BODY);
    f->if_match = STR("\"00000000-0000-0000-0000-000000000000\"");
    expect_error(f, 412, "PreconditionFailed", "condition", HTTP_PATCH, A V, "{}");
    f->if_match = etag;
    expect(f, 200, HTTP_PATCH, A V, "{}");
    f->if_match = etag; /* it changed by that */
    expect(f, 412, HTTP_DELETE, A V, NULL);
    f->if_match = STR("*");
    expect(f, 200, HTTP_DELETE, A V, NULL);
    f->if_match = STR("*");
    expect(f, 412, HTTP_PUT, A V, BODY);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
    f->if_none_match = STR("*");
    expect(f, 201, HTTP_PUT, A V, BODY);
}

static void test_keys(void **state)
{
    struct fixture *f = *state;
    yyjson_val *keys = expect(f, 200, HTTP_POST, A "/listkeys" V, NULL), *later;
    const char *key1 = yyjson_get_str(json_at(keys, "key1"));
    const char *key2 = yyjson_get_str(json_at(keys, "key2"));

    assert_int_equal(strlen(key1), 84);
    assert_string_not_equal(key1, key2);
    assert_string_equal(owner_of(f, key1), "myAccount");
    assert_string_equal(owner_of(f, key2), "myAccount");
    later = expect(f, 200, HTTP_POST, A "/regenerateKey" V, "{\"keyName\":\"key1\"}");
    assert_text(later, "key2", key2);
    assert_string_not_equal(yyjson_get_str(json_at(later, "key1")), key1);
    assert_null(owner_of(f, key1));
    assert_string_equal(owner_of(f, yyjson_get_str(json_at(later, "key1"))), "myAccount");
    fixture_restart(f);
    assert_null(owner_of(f, key1));
    assert_string_equal(owner_of(f, key2), "myAccount");
    expect_error(f, 400, "InvalidRequestContent", "Key1", HTTP_POST, A "/regenerateKey" V,
                 "{\"keyName\":\"Key3\"}");
    expect(f, 200, HTTP_PATCH, A V, "{\"properties\":{\"disableLocalAuth\":true}}");
    expect_error(f, 400, "BadRequest", "Failed to list key. disableLocalAuth is set to be true",
                 HTTP_POST, A "/listKeys" V, NULL);
}

/* Keys lie sealed in the store. */
static bool look_for_keys(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!store_get(t, arena_lower(arena, STR(A)), &r, &found, err))
        return false;
    assert_true(found);
    assert_true(r.secret.len > 2 * 84);
    assert_int_equal(str_find(r.secret, str_from(data)), SIZE_MAX);
    assert_int_equal(str_find(r.body, str_from(data)), SIZE_MAX);
    return true;
}

static void test_keys_are_sealed(void **state)
{
    struct fixture *f = *state;
    yyjson_val *keys = expect(f, 200, HTTP_POST, A "/listKeys" V, NULL);
    struct error err;

    assert_true(store_run(f->store, look_for_keys,
                          arena_text(f->arena, json_str(json_at(keys, "key1"))), &err));
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    const char *key =
        yyjson_get_str(json_at(expect(f, 200, HTTP_POST, A "/listKeys" V, NULL), "key1"));

    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    expect_error(f, 409, "CannotDeleteResource",
                 "'Microsoft.CognitiveServices/accounts/myAccount/deployments/d'", HTTP_DELETE, A V,
                 NULL);
    expect(f, 200, HTTP_DELETE, A "/deployments/d" V, NULL);
    assert_int_equal(call(f, HTTP_DELETE, A V, NULL).text.len, 0);
    assert_null(owner_of(f, key));
    expect(f, 204, HTTP_DELETE, A V, NULL);
    expect(f, 404, HTTP_GET, A V, NULL);
}

/* Two groups may have an account of one name: each has a path of its own, and keeps it. */
static void test_same_name_in_two_groups(void **state)
{
    struct fixture *f = *state;
    struct directory *d;
    const char *endpoint;

    expect(f, 201, HTTP_PUT, OTHER_GROUP V, "{\"location\":\"eastus\"}");
    endpoint =
        yyjson_get_str(json_at(expect(f, 201, HTTP_PUT, OTHER V, BODY), "properties.endpoint"));
    assert_int_equal(strlen(endpoint), strlen(BASE "/accounts/myAccount-12345678/"));
    d = directory_box_get(f->directory);
    assert_true(str_equal(directory_by_name(d, STR("MYACCOUNT"))->resource_group, STR("myGroup")));
    assert_true(
        str_equal(directory_by_name(d, str_slice(str_from(endpoint), strlen(BASE "/accounts/"), 18))
                      ->resource_group,
                  STR("other")));
    directory_unref(d);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_text(expect(f, 200, HTTP_PUT, OTHER V, BODY), "properties.endpoint", endpoint);
}

static void test_subdomain(void **state)
{
    struct fixture *f = *state;
    const char *body = BODY_WITH("\"customSubDomainName\":\"MyDomain\"");
    const char *ask = "{\"subdomainName\":\"mydomain\",\"type\":"
                      "\"Microsoft.CognitiveServices/accounts\"}";
    yyjson_val *answer = expect(f, 200, HTTP_POST, CS "/checkDomainAvailability" V, ask);

    assert_true(yyjson_get_bool(json_at(answer, "isSubdomainAvailable")));
    expect(f, 200, HTTP_PUT, A V, body);
    answer = expect(f, 200, HTTP_POST, CS "/checkDomainAvailability" V, ask);
    assert_false(yyjson_get_bool(json_at(answer, "isSubdomainAvailable")));
    expect(f, 201, HTTP_PUT, OTHER_GROUP V, "{\"location\":\"eastus\"}");
    expect_error(f, 409, "CustomDomainInUse", "The subdomain name 'MyDomain' is not available",
                 HTTP_PUT, OTHER V, body);
    /* a write that leaves it out keeps it */
    assert_text(expect(f, 200, HTTP_PUT, A V, BODY), "properties.customSubDomainName", "MyDomain");
    f->options.data_domain = STR("example.com");
    fixture_restart(f);
    assert_text(expect(f, 200, HTTP_GET, A V, NULL), "properties.endpoint",
                "http://mydomain.openai.example.com:4270/");
    f->options.public_base = STR("https://arm.example.com"); /* counts only where it was set */
    fixture_restart(f);
    assert_text(expect(f, 200, HTTP_GET, A V, NULL), "properties.endpoint",
                "http://mydomain.openai.example.com:4270/");
    f->options.is_public_base_set = true;
    fixture_restart(f);
    assert_text(expect(f, 200, HTTP_GET, A V, NULL), "properties.endpoint",
                "https://mydomain.openai.example.com/");
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect_error(f, 409, "CustomDomainInUse", "purge the deleted resource", HTTP_PUT, OTHER V,
                 body);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
    expect(f, 201, HTTP_PUT, OTHER V, body);
    expect_error(f, 400, "InvalidRequestContent", "'type'", HTTP_POST,
                 CS "/checkDomainAvailability" V, "{\"subdomainName\":\"x\"}");
}

static void test_directory_account(void **state)
{
    struct fixture *f = *state;
    const struct directory_account *account;
    struct directory *d;

    expect(f, 200, HTTP_PATCH, A V,
           "{\"properties\":{\"customSubDomainName\":\"Mine\",\"disableLocalAuth\":true}}");
    d = directory_box_get(f->directory);
    account = directory_by_domain(d, STR("mine"));
    assert_non_null(account);
    assert_true(account->local_auth_disabled);
    assert_false(account->public_access_disabled);
    assert_false(account->denies_by_default);
    assert_true(str_equal(account->kind, STR("OpenAI")));
    assert_true(str_equal(account->location, STR("eastus")));
    assert_true(str_equal(account->region, STR("East US")));
    assert_true(str_equal(account->subscription_id, STR(SUBSCRIPTION)));
    assert_true(str_equal(account->key, arena_lower(f->arena, STR(A))));
    directory_unref(d);
}

static void test_directory_network(void **state)
{
    struct fixture *f = *state;
    const struct directory_account *account;
    struct directory *d;

    expect_error(f, 400, "BadRequest", "'1.2.3'", HTTP_PATCH, A V,
                 "{\"properties\":{\"customSubDomainName\":\"mine\",\"networkAcls\":{\"ipRules\":[{"
                 "\"value\":\"1.2.3\"}]}}}");
    expect(f, 200, HTTP_PATCH, A V,
           "{\"properties\":{\"customSubDomainName\":\"mine\",\"publicNetworkAccess\":\"disabled\","
           "\"networkAcls\":{\"defaultAction\":\"deny\",\"ipRules\":[{\"value\":\"1.2.3.4\"},{"
           "\"value\":\"10.0.0.0/8\"}]}}}");
    d = directory_box_get(f->directory);
    account = directory_by_domain(d, STR("mine"));
    assert_true(account->public_access_disabled);
    assert_true(account->denies_by_default);
    assert_true(str_equal(account->ip_rules, STR("1.2.3.4,10.0.0.0/8")));
    assert_false(account->has_virtual_networks);
    directory_unref(d);
    expect(f, 200, HTTP_PATCH, A V,
           "{\"properties\":{\"networkAcls\":{\"virtualNetworkRules\":[{\"id\":\"/subscriptions/s/"
           "resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/default\"}]}}}");
    d = directory_box_get(f->directory);
    account = directory_by_domain(d, STR("mine"));
    assert_true(account->denies_by_default);
    assert_true(account->has_virtual_networks);
    directory_unref(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_refused, fixture_set_up, fixture_tear_down),
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_show_and_list),
        T(test_put_what_get_gave),
        T(test_patch),
        T(test_own_storage),
        T(test_conditions),
        T(test_keys),
        T(test_keys_are_sealed),
        T(test_delete),
        T(test_same_name_in_two_groups),
        T(test_subdomain),
        T(test_directory_account),
        T(test_directory_network),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
