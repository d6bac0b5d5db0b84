/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void test_create_and_show(void **state)
{
    struct fixture *f = *state;
    yyjson_val *group = expect(f, 201, HTTP_PUT, S "/resourcegroups/New_(1).x" V,
                               "{\"location\":\"East US\",\"tags\":{\"owner\":\"user\"}}");

    assert_text(group, "id", S "/resourceGroups/New_(1).x");
    assert_text(group, "name", "New_(1).x");
    assert_text(group, "type", "Microsoft.Resources/resourceGroups");
    assert_text(group, "location", "eastus");
    assert_text(group, "tags.owner", "user");
    assert_text(group, "properties.provisioningState", "Succeeded");
    assert_absent(group, "systemData");
    assert_absent(group, "etag");
    expect(f, 200, HTTP_PUT, S "/resourcegroups/New_(1).x" V, "{\"location\":\"eastus\"}");
    group = expect(f, 200, HTTP_GET, S "/RESOURCEGROUPS/new_(1).X/" V, NULL);
    assert_text(group, "name", "New_(1).x");
    assert_absent(group, "tags");
}

static void test_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 404, "ResourceGroupNotFound", "Resource group 'none' could not be found.",
                 HTTP_GET, S "/resourceGroups/none" V, NULL);
    expect_error(f, 409, "InvalidResourceGroupLocation",
                 "Invalid resource group location 'westus'. The Resource group already exists in "
                 "location 'eastus'.",
                 HTTP_PUT, G V, "{\"location\":\"westus\"}");
    expect_error(f, 400, "LocationNotAvailableForResourceGroup", "'mars'", HTTP_PUT,
                 S "/resourceGroups/new" V, "{\"location\":\"mars\"}");
    expect_error(f, 400, "LocationRequired", "location", HTTP_PUT, S "/resourceGroups/new" V, "{}");
    expect_error(f, 400, "InvalidResourceGroup", "new.", HTTP_PUT, S "/resourceGroups/new." V,
                 "{\"location\":\"eastus\"}");
    expect_error(f, 400, "InvalidResourceGroup", "a b", HTTP_PUT, S "/resourceGroups/a%20b" V,
                 "{\"location\":\"eastus\"}");
    expect_error(f, 400, "InvalidRequestContent", "'tags'", HTTP_PUT, G V,
                 "{\"location\":\"eastus\",\"tags\":{\"a\":1}}");
    expect_error(f, 400, "InvalidRequestContent", "at byte", HTTP_PUT, G V, "{\"location\":");
    expect_error(f, 400, "InvalidRequestContent", "must be an object", HTTP_PUT, G V, "[]");
    expect_error(f, 400, "InvalidRequestContent", "empty", HTTP_PUT, G V, NULL);
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect(f, 201, HTTP_PUT, S "/resourceGroups/b" V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, S "/resourceGroups/a" V, "{\"location\":\"westus\"}");
    list = expect(f, 200, HTTP_GET, S "/resourcegroups" V, NULL);
    assert_int_equal(count_of(list), 3);
    assert_text(item(list, 0), "name", "a");
    assert_absent(list, "nextLink");
}

/* The links lead through all pages, each group once. */
static void test_pages(void **state)
{
    struct fixture *f = *state;
    const char *path = S "/resourcegroups?api-version=2021-04-01&$top=1";
    const char *const names[] = { "a", "b", "myGroup" };
    yyjson_val *list;
    const char *next;

    expect(f, 201, HTTP_PUT, S "/resourceGroups/b" V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, S "/resourceGroups/a" V, "{\"location\":\"westus\"}");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        list = expect(f, 200, HTTP_GET, path, NULL);
        assert_int_equal(count_of(list), 1);
        assert_text(item(list, 0), "name", names[i]);
        next = yyjson_get_str(yyjson_obj_get(list, "nextLink"));
        assert_int_equal(next != NULL, i + 1 < ARRAY_LEN(names));
        if (next) {
            assert_int_equal(strncmp(next, BASE S, strlen(BASE S)), 0);
            assert_non_null(strstr(next, "api-version=2021-04-01&$top=1&$skipToken="));
            path = next + strlen(BASE);
        }
    }
    expect_error(f, 400, "BadRequest", "$top", HTTP_GET, S "/resourcegroups" V "&$top=0", NULL);
    expect_error(f, 400, "BadRequest", "$skipToken", HTTP_GET,
                 S "/resourcegroups" V "&$skipToken=%21", NULL);
}

static void test_head(void **state)
{
    struct fixture *f = *state;

    expect(f, 204, HTTP_HEAD, G V, NULL);
    expect(f, 404, HTTP_HEAD, S "/resourceGroups/none" V, NULL);
}

static void test_patch_replaces_tags(void **state)
{
    struct fixture *f = *state;
    yyjson_val *group;

    expect(f, 200, HTTP_PUT, G V, "{\"location\":\"eastus\",\"tags\":{\"a\":\"1\",\"b\":\"2\"}}");
    group = expect(f, 200, HTTP_PATCH, G V, "{\"tags\":{\"c\":\"3\"}}");
    assert_text(group, "tags.c", "3");
    assert_absent(group, "tags.a");
    group = expect(f, 200, HTTP_PATCH, G V, "{}");
    assert_text(group, "tags.c", "3");
    expect(f, 404, HTTP_PATCH, S "/resourceGroups/none" V, "{}");
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    struct answer a = call(f, HTTP_DELETE, S "/resourcegroups/MYGROUP" V, NULL);

    assert_int_equal(a.status, 202);
    assert_true(str_starts_with(a.location, STR(BASE S "/operationresults/")));
    a = call(f, HTTP_GET, arena_text(f->arena, str_slice(a.location, strlen(BASE), SIZE_MAX)),
             NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.text.len, 0);
    expect(f, 404, HTTP_GET, G V, NULL);
    expect(f, 404, HTTP_DELETE, G V, NULL);
    expect(f, 404, HTTP_GET, S "/operationresults/none" V, NULL);
}

static struct str delete_one_group(struct fixture *f)
{
    struct answer a;

    expect(f, 201, HTTP_PUT, S "/resourceGroups/short" V, "{\"location\":\"eastus\"}");
    a = call(f, HTTP_DELETE, S "/resourceGroups/short" V, NULL);
    assert_int_equal(a.status, 202);
    return str_slice(a.location, strlen(BASE), SIZE_MAX);
}

static void assert_result(struct fixture *f, struct str location, int status)
{
    assert_int_equal(call(f, HTTP_GET, arena_text(f->arena, location), NULL).status, status);
}

/* A result can be asked for during a day. Then it goes when others come, however many there are. */
static void test_old_results_go(void **state)
{
    struct fixture *f = *state;
    struct str old[20], kept;

    for (size_t i = 0; i < ARRAY_LEN(old); i++)
        old[i] = delete_one_group(f);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + 23 * 3600000);
    kept = delete_one_group(f);
    assert_result(f, old[0], 200);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + 2 * 3600000);
    for (size_t i = 0; i < 3; i++)
        delete_one_group(f);
    for (size_t i = 0; i < ARRAY_LEN(old); i++)
        assert_result(f, old[i], 404);
    assert_result(f, kept, 200);
}

/* What is in a group goes with it, also out of the directory, and its names are free again once it
 * is purged. */
static void test_delete_with_accounts(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\","
                       "\"properties\":{\"customSubDomainName\":\"mydomain\"}}";
    struct directory *d;

    expect(f, 201, HTTP_PUT, A V, body);
    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    d = directory_box_get(f->directory);
    assert_non_null(directory_by_name(d, STR("myaccount")));
    directory_unref(d);
    expect(f, 202, HTTP_DELETE, G V, NULL);
    d = directory_box_get(f->directory);
    assert_int_equal(directory_count(d), 0);
    directory_unref(d);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/accounts" V, NULL)), 0);
    expect(f, 201, HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    expect(f, 404, HTTP_GET, A V, NULL);
    expect_error(f, 409, "FlagMustBeSetForRestore", "purge it first", HTTP_PUT, A V, body);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
    assert_text(expect(f, 201, HTTP_PUT, A V, body), "properties.endpoint",
                BASE "/accounts/myAccount/");
}

static void test_resources(void **state)
{
    struct fixture *f = *state;
    const char *body = "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}";
    yyjson_val *list;

    expect(f, 201, HTTP_PUT, A V, body);
    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    expect(f, 201, HTTP_PUT, S "/resourceGroups/other" V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT,
           S "/resourceGroups/other/providers/Microsoft.CognitiveServices/accounts/second" V, body);
    list = expect(f, 200, HTTP_GET, G "/resources" V, NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "id", A);
    assert_text(item(list, 0), "kind", "OpenAI");
    assert_absent(item(list, 0), "properties");
    list = expect(f, 200, HTTP_GET, S "/resources" V, NULL);
    assert_int_equal(count_of(list), 2);
    list = expect(f, 200, HTTP_GET,
                  S "/resources" V "&$filter=resourceGroup%20eq%20'OTHER'%20and%20resourceType%20"
                    "eq%20'Microsoft.CognitiveServices/accounts'&$expand=createdTime,"
                    "changedTime,provisioningState",
                  NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "name", "second");
    assert_text(item(list, 0), "provisioningState", "Succeeded");
    assert_non_null(json_at(item(list, 0), "createdTime"));
    list = expect(f, 200, HTTP_GET,
                  S "/resources" V "&$filter=resourceType%20eq%20'Microsoft.Web/sites'", NULL);
    assert_int_equal(count_of(list), 0);
    list = expect(f, 200, HTTP_GET, S "/resources" V "&$top=1", NULL);
    assert_int_equal(count_of(list), 1);
    list = expect(f, 200, HTTP_GET, yyjson_get_str(yyjson_obj_get(list, "nextLink")) + strlen(BASE),
                  NULL);
    assert_int_equal(count_of(list), 1);
    assert_absent(list, "nextLink");
    expect_error(f, 400, "InvalidFilterInQueryString", "filter", HTTP_GET,
                 S "/resources" V "&$filter=plan%20eq%20'x'", NULL);
    expect_error(f, 400, "InvalidFilterInQueryString", "filter", HTTP_GET,
                 S "/resources" V "&$filter=name%20ne%20'x'", NULL);
    expect_error(f, 400, "InvalidFilterInQueryString", "filter", HTTP_GET,
                 S "/resources" V "&$filter=resourceGroup%20eq%20'x", NULL);
}

static void test_filter_by_tag(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect(f, 201, HTTP_PUT, S "/resourceGroups/a" V,
           "{\"location\":\"westus\",\"tags\":{\"team\":\"it's\"}}");
    expect(f, 201, HTTP_PUT, S "/resourceGroups/b" V,
           "{\"location\":\"eastus\",\"tags\":{\"team\":\"blue\"}}");
    list = expect(f, 200, HTTP_GET,
                  S "/resourcegroups" V "&$filter=tagname%20eq%20'Team'%20and%20tagvalue%20eq%20"
                    "'it''s'",
                  NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "name", "a");
    list = expect(f, 200, HTTP_GET, S "/resourcegroups" V "&$filter=tagName%20eq%20'team'&$top=1",
                  NULL);
    assert_int_equal(count_of(list), 1);
    list = expect(f, 200, HTTP_GET, yyjson_get_str(yyjson_obj_get(list, "nextLink")) + strlen(BASE),
                  NULL);
    assert_text(item(list, 0), "name", "b");
    assert_absent(list, "nextLink");
    list = expect(f, 200, HTTP_GET, S "/resourcegroups" V "&$filter=location%20eq%20'West%20US'",
                  NULL);
    assert_int_equal(count_of(list), 1);
    expect_error(f, 400, "InvalidFilterInQueryString", "filter", HTTP_GET,
                 S "/resourcegroups" V "&$filter=tagName%20eq%20'team'%20or", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(test_create_and_show), T(test_refused),        T(test_list),
        T(test_pages),           T(test_head),           T(test_patch_replaces_tags),
        T(test_delete),          T(test_old_results_go), T(test_delete_with_accounts),
        T(test_resources),       T(test_filter_by_tag),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
