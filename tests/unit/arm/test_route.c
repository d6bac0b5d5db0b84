/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define LOCKS "/providers/Microsoft.Authorization/locks?api-version=2016-09-01"

/* Extension resources at a subscription, a group, and resources however deep. */
static void test_scopes(void **state)
{
    struct fixture *f = *state;
    static const char *const scopes[] = {
        S,
        G,
        A,
        A "/deployments/d",
        "/SUBSCRIPTIONS/" SUBSCRIPTION "/resourcegroups/MYGROUP",
        "/subscriptions/" SUBSCRIPTION
        "/resourcegroups/MYGROUP/PROVIDERS/microsoft.cognitiveservices/ACCOUNTS/MYACCOUNT",
    };

    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"text-embedding-ada-002\"}}}");
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        assert_int_equal(count_of(expect(f, 200, HTTP_GET,
                                         arena_printf(f->arena, "%s" LOCKS, scopes[i]).data, NULL)),
                         0);
}

static void test_scopes_that_are_not_there(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 404, "SubscriptionNotFound", "'00000000-0000-0000-0000-000000000000'", HTTP_GET,
                 "/subscriptions/00000000-0000-0000-0000-000000000000" LOCKS, NULL);
    expect_error(f, 400, "InvalidSubscriptionId", "'x'", HTTP_GET, "/subscriptions/x" LOCKS, NULL);
    expect_error(f, 404, "ResourceGroupNotFound", "Resource group 'no' could not be found.",
                 HTTP_GET, S "/resourceGroups/no" LOCKS, NULL);
    expect_error(f, 404, "ResourceGroupNotFound", "'no'", HTTP_GET,
                 S "/resourceGroups/no/providers/Microsoft.CognitiveServices/accounts/a" LOCKS,
                 NULL);
    expect_error(f, 404, "ResourceNotFound",
                 "The Resource 'Microsoft.CognitiveServices/accounts/no' under resource group "
                 "'myGroup' was not found.",
                 HTTP_GET, G "/providers/Microsoft.CognitiveServices/accounts/no" LOCKS, NULL);
    expect_error(f, 404, "ResourceNotFound", "under resource group '<null>'", HTTP_GET,
                 CS "/accounts/no" LOCKS, NULL);
}

/* What is no scope at all, and methods that nobody has. */
static void test_no_scopes(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {
        LOCKS,
        "/subscriptions" LOCKS,
        "/tenants/" TENANT LOCKS,
        G "/providers" LOCKS,
        CS LOCKS,
        CS "/accounts" LOCKS,
        A "/deployments" LOCKS,
        G "/x/Microsoft.CognitiveServices/accounts/a" LOCKS,
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        expect(f, 404, HTTP_GET, paths[i], NULL);
    expect_error(f, 405, "MethodNotAllowed", "'POST'", HTTP_POST, A LOCKS, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_scopes),
        T(test_scopes_that_are_not_there),
        T(test_no_scopes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
