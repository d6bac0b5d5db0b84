/* What principals may do by their roles.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define AUTH "/providers/Microsoft.Authorization"
#define ROLES AUTH "/roleDefinitions"
#define ASSIGNMENTS AUTH "/roleAssignments"
#define R "?api-version=2022-04-01"
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define OPENAI_USER "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
#define USAGES_READER "bba48692-92b0-4667-a9ad-c31c7b334ac2"
#define CUSTOM "cccccccc-0000-0000-0000-000000000001"
#define ME "aaaaaaaa-0000-0000-0000-000000000001"
#define TEAM "dddddddd-0000-0000-0000-000000000001"
#define OTHER_GROUP S "/resourceGroups/other"
#define DEPLOYMENT "{\"properties\":{\"model\":{\"name\":\"text-embedding-ada-002\"}}}"

static const struct str groups[] = { { TEAM, sizeof(TEAM) - 1 } };
static const struct principal me = {
    .name = STR("11111111-app"), .object_id = STR(ME), .groups = groups, .group_count = 1
};

/* As an administrator; who calls afterwards is `me`. */
static void grant(struct fixture *f, const char *role, const char *scope)
{
    static unsigned count;

    f->caller = NULL;
    expect(
        f, 201, HTTP_PUT,
        arena_printf(f->arena, "%s" ASSIGNMENTS "/eeeeeeee-0000-0000-0000-%012u" R, scope, ++count)
            .data,
        arena_printf(f->arena,
                     "{\"properties\":{\"roleDefinitionId\":\"" ROLES "/%s\",\"principalId\":\"" ME
                     "\"}}",
                     role)
            .data);
    f->caller = &me;
}

static void refused(struct fixture *f, const char *action, const char *scope,
                    enum http_method method, const char *path, const char *body)
{
    expect_error(
        f, 403, "AuthorizationFailed",
        arena_printf(f->arena,
                     "The client '11111111-app' with object id '" ME
                     "' does not have authorization to perform action '%s' over scope "
                     "'%s' or the scope is invalid. If access was recently granted, please "
                     "refresh your credentials.",
                     action, scope)
            .data,
        method, path, body);
}

/* The actions and scopes of all sorts of routes, as a stranger hears of them. */
static void test_actions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum http_method method;
        const char *path, *action, *scope;
    } rows[] = {
        { HTTP_GET, A, "Microsoft.CognitiveServices/accounts/read", A },
        { HTTP_PUT, A, "Microsoft.CognitiveServices/accounts/write", A },
        { HTTP_PATCH, A, "Microsoft.CognitiveServices/accounts/write", A },
        { HTTP_DELETE, A, "Microsoft.CognitiveServices/accounts/delete", A },
        { HTTP_POST, A "/listKeys", "Microsoft.CognitiveServices/accounts/listKeys/action", A },
        { HTTP_POST, A "/LISTKEYS", "Microsoft.CognitiveServices/accounts/listKeys/action", A },
        { HTTP_GET, A "/deployments", "Microsoft.CognitiveServices/accounts/deployments/read", A },
        { HTTP_PUT, A "/deployments/d", "Microsoft.CognitiveServices/accounts/deployments/write",
          A "/deployments/d" },
        { HTTP_GET, A "/usages", "Microsoft.CognitiveServices/accounts/usages/read", A },
        { HTTP_GET, CS "/accounts", "Microsoft.CognitiveServices/accounts/read", CS },
        { HTTP_GET, CS "/locations/eastus/usages",
          "Microsoft.CognitiveServices/locations/usages/read", CS "/locations/eastus" },
        { HTTP_GET, CS "/locations/eastus/models",
          "Microsoft.CognitiveServices/locations/models/read", CS "/locations/eastus" },
        { HTTP_POST, CS "/checkDomainAvailability",
          "Microsoft.CognitiveServices/checkDomainAvailability/action", CS },
        { HTTP_GET, G, "Microsoft.Resources/subscriptions/resourceGroups/read", G },
        { HTTP_HEAD, G, "Microsoft.Resources/subscriptions/resourceGroups/read", G },
        { HTTP_PUT, G, "Microsoft.Resources/subscriptions/resourceGroups/write", G },
        { HTTP_GET, S "/resourceGroups", "Microsoft.Resources/subscriptions/resourceGroups/read",
          S },
        { HTTP_GET, S "/resources", "Microsoft.Resources/subscriptions/resources/read", S },
        { HTTP_GET, S "/locations", "Microsoft.Resources/subscriptions/locations/read", S },
        { HTTP_GET, S, "Microsoft.Resources/subscriptions/read", S },
        { HTTP_GET, S "/providers", "Microsoft.Resources/subscriptions/providers/read", S },
        { HTTP_GET, CS, "Microsoft.Resources/subscriptions/providers/read", CS },
        { HTTP_POST, CS "/register", "Microsoft.CognitiveServices/register/action", CS },
        { HTTP_GET, A ASSIGNMENTS, "Microsoft.Authorization/roleAssignments/read", A AUTH },
        { HTTP_PUT, A ASSIGNMENTS "/x", "Microsoft.Authorization/roleAssignments/write",
          A ASSIGNMENTS "/x" },
        { HTTP_PUT, ASSIGNMENTS "/x", "Microsoft.Authorization/roleAssignments/write",
          ASSIGNMENTS "/x" },
        { HTTP_PUT, A AUTH "/locks/l", "Microsoft.Authorization/locks/write", A AUTH "/locks/l" },
        { HTTP_PATCH, A "/providers/Microsoft.Resources/tags/default",
          "Microsoft.Resources/tags/write", A "/providers/Microsoft.Resources/tags/default" },
        { HTTP_DELETE, CS "/locations/eastus/resourceGroups/myGroup/deletedAccounts/x",
          "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/delete",
          CS "/locations/eastus/resourceGroups/myGroup/deletedAccounts/x" },
        /* whether it is there or not */
        { HTTP_GET, S "/resourceGroups/no", "Microsoft.Resources/subscriptions/resourceGroups/read",
          S "/resourceGroups/no" },
        { HTTP_GET, "/subscriptions/" TENANT, "Microsoft.Resources/subscriptions/read",
          "/subscriptions/" TENANT },
        { HTTP_GET, S "/resourceGroups/no" ASSIGNMENTS "/x",
          "Microsoft.Authorization/roleAssignments/read", S "/resourceGroups/no" ASSIGNMENTS "/x" },
    };

    f->caller = &me;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        refused(f, rows[i].action, rows[i].scope, rows[i].method,
                arena_printf(f->arena, "%s" V, rows[i].path).data, "{}");
}

/* What everybody may ask who has a token. */
static void test_open(void **state)
{
    struct fixture *f = *state;

    f->caller = &me;
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, "/subscriptions" V, NULL)), 0);
    expect(f, 200, HTTP_GET, "/tenants" V, NULL);
    expect(f, 200, HTTP_GET, "/providers/Microsoft.CognitiveServices/operations" V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A AUTH "/permissions" R, NULL)), 0);
}

/* Outside of every scope: the built-in roles for everybody, custom ones for who may read there. */
/* A slip of the pen is none of the roles; strangers learn nothing. */
static void test_no_such_subscription(void **state)
{
    struct fixture *f = *state;
    const char *path = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups" V;

    f->caller = &me;
    expect_error(f, 403, "AuthorizationFailed", "", HTTP_GET, path, NULL);
    expect_error(f, 403, "AuthorizationFailed", "", HTTP_GET,
                 "/subscriptions/mine/resourceGroups" V, NULL);
    grant(f, READER, G);
    expect_error(f, 404, "SubscriptionNotFound", "could not be found", HTTP_GET, path, NULL);
    expect_error(f, 400, "InvalidSubscriptionId", "'mine'", HTTP_GET,
                 "/subscriptions/mine/resourceGroups" V, NULL);
}

static void test_roles_at_the_root(void **state)
{
    struct fixture *f = *state;
    size_t built_in = count_of(expect(f, 200, HTTP_GET, ROLES R, NULL));

    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R,
           "{\"properties\":{\"roleName\":\"Mine\",\"assignableScopes\":[\"" S "\"],"
           "\"permissions\":[{\"actions\":[\"*\"]}]}}");
    f->caller = &me;
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, ROLES R, NULL)), built_in);
    expect(f, 200, HTTP_GET, ROLES "/" READER R, NULL);
    expect_error(f, 404, "RoleDefinitionDoesNotExist", CUSTOM, HTTP_GET, ROLES "/" CUSTOM R, NULL);
    refused(f, "Microsoft.Authorization/roleDefinitions/read", A AUTH, HTTP_GET, A ROLES R, NULL);
    grant(f, READER, "");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, ROLES R, NULL)), built_in + 1);
    expect(f, 200, HTTP_GET, ROLES "/" CUSTOM R, NULL);
}

static void test_reader(void **state)
{
    struct fixture *f = *state;

    grant(f, READER, G);
    expect(f, 200, HTTP_GET, A V, NULL);
    expect(f, 200, HTTP_GET, A "/usages" V, NULL);
    expect(f, 404, HTTP_GET, A "/deployments/d" V, NULL);
    refused(f, "Microsoft.CognitiveServices/accounts/listKeys/action", A, HTTP_POST,
            A "/listKeys" V, NULL);
    refused(f, "Microsoft.CognitiveServices/accounts/deployments/write", A "/deployments/d",
            HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    refused(f, "Microsoft.CognitiveServices/locations/usages/read", CS "/locations/eastus",
            HTTP_GET, CS "/locations/eastus/usages" V, NULL);
    grant(f, USAGES_READER, S);
    expect(f, 200, HTTP_GET, CS "/locations/eastus/usages" V, NULL);
}

/* A contributor changes everything but who may. */
static void test_contributor(void **state)
{
    struct fixture *f = *state;

    grant(f, CONTRIBUTOR, S);
    expect(f, 201, HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    expect(f, 200, HTTP_POST, A "/listKeys" V, NULL);
    expect(f, 200, HTTP_GET, A ASSIGNMENTS R, NULL);
    refused(f, "Microsoft.Authorization/roleAssignments/write", S ASSIGNMENTS "/" CUSTOM, HTTP_PUT,
            S ASSIGNMENTS "/" CUSTOM R,
            "{\"properties\":{\"roleDefinitionId\":\"" ROLES "/" OWNER "\",\"principalId\":\"" ME
            "\"}}");
    refused(f, "Microsoft.Authorization/roleDefinitions/write", S ROLES "/" CUSTOM, HTTP_PUT,
            S ROLES "/" CUSTOM R, "{}");
}

/* An assignment is in force when its writer has the reply, and so is its end. */
static void test_granted_and_revoked(void **state)
{
    struct fixture *f = *state;

    f->caller = &me;
    expect(f, 403, HTTP_GET, A V, NULL);
    f->caller = NULL;
    expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" CUSTOM R,
           "{\"properties\":{\"roleDefinitionId\":\"" ROLES "/" READER "\",\"principalId\":\"" TEAM
           "\",\"principalType\":\"Group\"}}");
    f->caller = &me;
    expect(f, 200, HTTP_GET, A V, NULL);
    f->caller = NULL;
    expect(f, 200, HTTP_DELETE, A ASSIGNMENTS "/" CUSTOM R, NULL);
    f->caller = &me;
    expect(f, 403, HTTP_GET, A V, NULL);
}

/* It stays so after a restart, and when the group that it is about goes. */
static void test_kept(void **state)
{
    struct fixture *f = *state;
    struct answer deleted;

    grant(f, OWNER, G);
    fixture_restart(f);
    expect(f, 200, HTTP_GET, A V, NULL);
    deleted = call(f, HTTP_DELETE, G V, NULL);
    assert_int_equal(deleted.status, 202);
    expect(f, 200, HTTP_GET, deleted.location.data + strlen(BASE), NULL);
    expect(f, 403, HTTP_GET, G V, NULL);
    refused(f, "Microsoft.Resources/subscriptions/resourceGroups/write", G, HTTP_PUT, G V,
            "{\"location\":\"eastus\"}");
}

static void test_custom_role(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R,
           "{\"properties\":{\"roleName\":\"Keys\",\"assignableScopes\":[\"" S "\"],"
           "\"permissions\":[{\"actions\":[\"Microsoft.CognitiveServices/accounts/*\"],"
           "\"notActions\":[\"*/listKeys/action\"]}]}}");
    grant(f, CUSTOM, A);
    expect(f, 200, HTTP_GET, A V, NULL);
    expect(f, 403, HTTP_POST, A "/listKeys" V, NULL);
    f->caller = NULL;
    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R,
           "{\"properties\":{\"roleName\":\"Keys\",\"assignableScopes\":[\"" S "\"],"
           "\"permissions\":[{\"actions\":[\"Microsoft.CognitiveServices/accounts/listKeys/action\""
           "]}]}}");
    f->caller = &me;
    expect(f, 403, HTTP_GET, A V, NULL);
    expect(f, 200, HTTP_POST, A "/listKeys" V, NULL);
}

/* A role can be assigned in other scopes than where its writer may change roles: it would change
 * what its holders may do there. */
static void test_custom_role_reaches_no_further(void **state)
{
    struct fixture *f = *state;
    static const char everywhere[] =
        "{\"properties\":{\"roleName\":\"Mine\",\"permissions\":[{\"actions\":[\"*\"]}],"
        "\"assignableScopes\":[\"" S "\"]}}";
    static const char in_group[] =
        "{\"properties\":{\"roleName\":\"Mine\",\"permissions\":[{\"actions\":[\"*\"]}],"
        "\"assignableScopes\":[\"" G "\"]}}";

    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, everywhere);
    grant(f, OWNER, G);
    expect_error(f, 403, "LinkedAuthorizationFailed", "linked scope", HTTP_PUT,
                 G ROLES "/" CUSTOM R, in_group);
    expect_error(f, 403, "LinkedAuthorizationFailed", "linked scope", HTTP_DELETE,
                 G ROLES "/" CUSTOM R, NULL);
    f->caller = NULL;
    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, in_group);
    f->caller = &me;
    expect_error(f, 403, "LinkedAuthorizationFailed", "linked scope", HTTP_PUT,
                 G ROLES "/" CUSTOM R, everywhere);
    expect(f, 201, HTTP_PUT, G ROLES "/" CUSTOM R, in_group);
    expect(f, 200, HTTP_DELETE, G ROLES "/" CUSTOM R, NULL);
}

/* -- Lists ----------------------------------------------------------------------------------- */

static size_t count_at(struct fixture *f, const char *path)
{
    return count_of(expect(f, 200, HTTP_GET, path, NULL));
}

/* Another group, with an account in it. */
static void make_more(struct fixture *f)
{
    f->caller = NULL;
    expect(f, 201, HTTP_PUT, OTHER_GROUP V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT,
           OTHER_GROUP "/providers/Microsoft.CognitiveServices/accounts/another" V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"s0\"},\"location\":\"eastus\"}");
}

static void test_lists_show_what_may_be_read(void **state)
{
    struct fixture *f = *state;

    make_more(f);
    assert_int_equal(count_at(f, CS "/accounts" V), 2);
    grant(f, READER, G);
    assert_int_equal(count_at(f, "/subscriptions" V), 1);
    expect(f, 200, HTTP_GET, S V, NULL);
    assert_text(item(expect(f, 200, HTTP_GET, S "/resourceGroups" V, NULL), 0), "name", "myGroup");
    assert_int_equal(count_at(f, S "/resourceGroups" V), 1);
    assert_int_equal(count_at(f, CS "/accounts" V), 1);
    assert_int_equal(count_at(f, S "/resources" V), 1);
    assert_int_equal(count_at(f, G "/resources" V), 1);
    expect(f, 403, HTTP_GET, OTHER_GROUP "/resources" V, NULL);
    expect(f, 403, HTTP_GET, OTHER_GROUP V, NULL);
}

/* By pages, too: of the groups that may be seen, not of all. */
static void test_pages_of_what_may_be_read(void **state)
{
    struct fixture *f = *state;
    yyjson_val *page;

    make_more(f);
    expect(f, 201, HTTP_PUT, S "/resourceGroups/zoo" V, "{\"location\":\"eastus\"}");
    grant(f, READER, G);
    grant(f, READER, S "/resourceGroups/zoo");
    page = expect(f, 200, HTTP_GET, S "/resourceGroups" V "&$top=1", NULL);
    assert_text(item(page, 0), "name", "myGroup");
    page = expect(f, 200, HTTP_GET, yyjson_get_str(yyjson_obj_get(page, "nextLink")) + strlen(BASE),
                  NULL);
    assert_text(item(page, 0), "name", "zoo");
    assert_absent(page, "nextLink");
}

static void test_role_at_an_account(void **state)
{
    struct fixture *f = *state;

    make_more(f);
    grant(f, OPENAI_USER, A);
    assert_int_equal(count_at(f, "/subscriptions" V), 1);
    assert_int_equal(count_at(f, CS "/accounts" V), 1);
    assert_int_equal(count_at(f, G "/providers/Microsoft.CognitiveServices/accounts" V), 1);
    assert_int_equal(count_at(f, S "/resourceGroups" V), 0);
    expect(f, 200, HTTP_GET, A "/models" V, NULL);
    expect(f, 403, HTTP_GET, OTHER_GROUP "/providers/Microsoft.CognitiveServices/accounts" V, NULL);
    expect(f, 403, HTTP_GET, S ASSIGNMENTS R, NULL);
    expect(f, 200, HTTP_GET, A ASSIGNMENTS R, NULL);
}

/* A template has what the caller may read. */
static void test_export(void **state)
{
    static const char path[] = G "/exportTemplate" V, body[] = "{\"resources\":[\"*\"]}";
    struct fixture *f = *state;
    yyjson_val *resources;

    expect(f, 201, HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R,
           "{\"properties\":{\"roleName\":\"Mine\",\"assignableScopes\":[\"" S "\"],"
           "\"permissions\":[{\"actions\":[\"Microsoft.Resources/*\","
           "\"Microsoft.CognitiveServices/accounts/deployments/read\"]}]}}");
    resources = json_at(expect(f, 200, HTTP_POST, path, body), "template.resources");
    assert_int_equal(yyjson_arr_size(resources), 2);
    f->caller = &me;
    refused(f, "Microsoft.Resources/subscriptions/resourceGroups/exportTemplate/action", G,
            HTTP_POST, path, body);
    grant(f, CUSTOM, G);
    resources = json_at(expect(f, 200, HTTP_POST, path, body), "template.resources");
    assert_int_equal(yyjson_arr_size(resources), 1);
    assert_text(yyjson_arr_get_first(resources), "type",
                "Microsoft.CognitiveServices/accounts/deployments");
}

/* Who has no role, and asks without end, keeps nobody else from asking. */
static void test_one_that_runs_wild(void **state)
{
    struct fixture *f = *state;

    arm_throttle_bucket(&f->arm->throttle, me.object_id, THROTTLE_READS)->tokens = -100000;
    f->caller = &me;
    expect_error(f, 429, "SubscriptionRequestsThrottled", "", HTTP_GET, A V, NULL);
    f->caller = NULL;
    expect(f, 200, HTTP_GET, A V, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_actions),
        T(test_open),
        T(test_no_such_subscription),
        T(test_roles_at_the_root),
        T(test_reader),
        T(test_contributor),
        T(test_granted_and_revoked),
        T(test_kept),
        T(test_custom_role),
        T(test_custom_role_reaches_no_further),
        T(test_lists_show_what_may_be_read),
        T(test_pages_of_what_may_be_read),
        T(test_role_at_an_account),
        T(test_export),
        T(test_one_that_runs_wild),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
