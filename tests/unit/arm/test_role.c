/* Role definitions, assignments, permissions: what is kept and shown.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "identity/principals.h"

#define AUTH "/providers/Microsoft.Authorization"
#define ROLES AUTH "/roleDefinitions"
#define ASSIGNMENTS AUTH "/roleAssignments"
#define R "?api-version=2022-04-01"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define BUILT_IN 12 /* roles */
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CUSTOM "cccccccc-0000-0000-0000-000000000001"
#define OTHER_CUSTOM "cccccccc-0000-0000-0000-000000000002"
#define ONE "eeeeeeee-0000-0000-0000-000000000001"
#define TWO "eeeeeeee-0000-0000-0000-000000000002"
#define THREE "eeeeeeee-0000-0000-0000-000000000003"
#define ALICE "aaaaaaaa-0000-0000-0000-000000000001"
#define BOB "bbbbbbbb-0000-0000-0000-000000000001"
#define TEAM "dddddddd-0000-0000-0000-000000000001"
#define INNER_TEAM "dddddddd-0000-0000-0000-000000000002"

static const char *assign(struct fixture *f, const char *role, const char *principal)
{
    return arena_printf(f->arena,
                        "{\"properties\":{\"roleDefinitionId\":\"" S ROLES
                        "/%s\",\"principalId\":\"%s\"}}",
                        role, principal)
        .data;
}

static const char *custom_role(struct fixture *f, const char *name, const char *scope)
{
    return arena_printf(f->arena,
                        "{\"properties\":{\"roleName\":\"%s\",\"description\":\"What it is for\","
                        "\"permissions\":[{\"actions\":[\"Microsoft.CognitiveServices/*/read\"],"
                        "\"notActions\":[],\"dataActions\":[\"Microsoft.CognitiveServices/*\"]}],"
                        "\"assignableScopes\":[\"%s\"]}}",
                        name, scope)
        .data;
}

/* -- Definitions ----------------------------------------------------------------------------- */

static void test_built_in(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, S ROLES R, NULL), *role;

    assert_int_equal(count_of(list), BUILT_IN);
    role = item_with(list, "properties.roleName", "Reader");
    assert_text(role, "id", S ROLES "/" READER);
    assert_text(role, "name", READER);
    assert_text(role, "type", "Microsoft.Authorization/roleDefinitions");
    assert_text(role, "properties.type", "BuiltInRole");
    assert_string_equal(
        yyjson_get_str(yyjson_arr_get_first(json_at(role, "properties.assignableScopes"))), "/");
    role = yyjson_arr_get_first(json_at(role, "properties.permissions"));
    assert_string_equal(yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(role, "actions"))),
                        "*/read");
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(role, "notDataActions")), 0);
    /* shown from the root, from a subscription, from below */
    assert_text(expect(f, 200, HTTP_GET, ROLES "/" READER R, NULL), "id", ROLES "/" READER);
    assert_text(expect(f, 200, HTTP_GET, A ROLES "/" READER R, NULL), "id", S ROLES "/" READER);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, ROLES R, NULL)), BUILT_IN);
    expect_error(f, 404, "RoleDefinitionDoesNotExist", CUSTOM, HTTP_GET, S ROLES "/" CUSTOM R,
                 NULL);
    expect_error(f, 400, "BuiltInRoleDefinitionNotModifiable", READER, HTTP_PUT,
                 S ROLES "/" READER R, custom_role(f, "Mine", S));
    expect_error(f, 400, "BuiltInRoleDefinitionNotModifiable", READER, HTTP_DELETE,
                 S ROLES "/" READER R, NULL);
}

static void test_filter_definitions(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *filter;
        size_t count;
    } rows[] = {
        { "roleName%20eq%20'Reader'", 1 },
        { "roleName%20eq%20'cognitive%20services%20openai%20user'", 1 },
        { "type%20eq%20'BuiltInRole'", BUILT_IN },
        { "type%20eq%20'CustomRole'", 1 },
        { "type%20eq%20'CustomRole'%20and%20roleName%20eq%20'Reader'", 0 },
        { "atScope()", BUILT_IN + 1 },
        { "roleName%20eq%20'It''s%20mine'", 1 },
        { "atScopeAndBelow()%20and%20type%20eq%20'CustomRole'", 2 },
    };
    static const char *const bad[] = { "roleName%20eq",   "name%20eq%20'x'",
                                       "atScope(",        "atScope()%20or%20atScope()",
                                       "atScope()%20and", "eq" };

    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, custom_role(f, "It's mine", S));
    expect(f, 201, HTTP_PUT, S ROLES "/" OTHER_CUSTOM R, custom_role(f, "Below", G));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = arena_printf(f->arena, S ROLES R "&$filter=%s", rows[i].filter).data;
        size_t count = count_of(expect(f, 200, HTTP_GET, path, NULL));

        if (count != rows[i].count)
            fail_msg("%s: %zu instead of %zu", path, count, rows[i].count);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect_error(f, 400, "InvalidFilterInQueryString", "atScopeAndBelow", HTTP_GET,
                     arena_printf(f->arena, S ROLES R "&$filter=%s", bad[i]).data, NULL);
}

static void test_custom(void **state)
{
    struct fixture *f = *state;
    yyjson_val *role = expect(f, 201, HTTP_PUT, G ROLES "/" CUSTOM R, custom_role(f, "Mine", G));

    assert_text(role, "id", S ROLES "/" CUSTOM);
    assert_text(role, "properties.type", "CustomRole");
    assert_text(role, "properties.description", "What it is for");
    assert_absent(role, "facts");
    role = yyjson_arr_get_first(json_at(role, "properties.permissions"));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(role, "notDataActions")), 0);
    assert_string_equal(yyjson_get_str(yyjson_arr_get_first(yyjson_obj_get(role, "dataActions"))),
                        "Microsoft.CognitiveServices/*");
    /* the tenant's, so that it is the same from everywhere; listed where it can be assigned */
    expect(f, 200, HTTP_GET, A ROLES "/" CUSTOM R, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A ROLES R, NULL)), BUILT_IN + 1);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S ROLES R, NULL)), BUILT_IN);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, ROLES R, NULL)), BUILT_IN + 1);
    assert_text(expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, custom_role(f, "Renamed", S)),
                "properties.roleName", "Renamed");
    expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" ONE R, assign(f, CUSTOM, ALICE));
    expect_error(f, 400, "RoleDefinitionHasAssignments", "existing role assignments", HTTP_DELETE,
                 S ROLES "/" CUSTOM R, NULL);
    expect(f, 200, HTTP_DELETE, A ASSIGNMENTS "/" ONE R, NULL);
    assert_text(expect(f, 200, HTTP_DELETE, S ROLES "/" CUSTOM R, NULL), "name", CUSTOM);
    expect(f, 204, HTTP_DELETE, S ROLES "/" CUSTOM R, NULL);
}

static void test_custom_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *code, *words, *body;
    } rows[] = {
        { "InvalidRequestContent", "roleName",
          "{\"properties\":{\"assignableScopes\":[\"" S "\"]}}" },
        { "InvalidRequestContent", "assignableScopes", "{\"properties\":{\"roleName\":\"x\"}}" },
        { "InvalidRequestContent", "assignable scope",
          "{\"properties\":{\"roleName\":\"x\",\"assignableScopes\":[\"/\"]}}" },
        { "InvalidRequestContent", "assignable scope",
          "{\"properties\":{\"roleName\":\"x\",\"assignableScopes\":[\"/subscriptions/x\"]}}" },
        { "InvalidActionOrNotAction", "'read'",
          "{\"properties\":{\"roleName\":\"x\",\"assignableScopes\":[\"" S "\"],\"permissions\":"
          "[{\"actions\":[\"read\"]}]}}" },
        { "InvalidActionOrNotAction", "''",
          "{\"properties\":{\"roleName\":\"x\",\"assignableScopes\":[\"" S "\"],\"permissions\":"
          "[{\"notDataActions\":[7]}]}}" },
        { "InvalidRequestContent", "'notActions'",
          "{\"properties\":{\"roleName\":\"x\",\"assignableScopes\":[\"" S "\"],\"permissions\":"
          "[{\"notActions\":\"*\"}]}}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_error(f, 400, rows[i].code, rows[i].words, HTTP_PUT, S ROLES "/" CUSTOM R,
                     rows[i].body);
    expect_error(f, 400, "InvalidRoleDefinitionId", "GUID", HTTP_PUT, S ROLES "/mine" R,
                 custom_role(f, "Mine", S));
    expect_error(f, 409, "RoleDefinitionWithSameNameExists", "same name", HTTP_PUT,
                 S ROLES "/" CUSTOM R, custom_role(f, "reader", S));
    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, custom_role(f, "Mine", S));
    expect_error(f, 409, "RoleDefinitionWithSameNameExists", "same name", HTTP_PUT,
                 S ROLES "/" OTHER_CUSTOM R, custom_role(f, "MINE", S));
}

/* -- Assignments ----------------------------------------------------------------------------- */

static void test_assign(void **state)
{
    struct fixture *f = *state;
    static const struct principal who = { .name = STR("someone"),
                                          .object_id = STR(BOB),
                                          .is_administrator = true };
    yyjson_val *made;

    f->caller = &who;
    made = expect(f, 201, HTTP_PUT, G ASSIGNMENTS "/" ONE R, assign(f, READER, ALICE));
    assert_text(made, "id", G ASSIGNMENTS "/" ONE);
    assert_text(made, "name", ONE);
    assert_text(made, "type", "Microsoft.Authorization/roleAssignments");
    assert_text(made, "properties.roleDefinitionId", S ROLES "/" READER);
    assert_text(made, "properties.principalId", ALICE);
    assert_text(made, "properties.principalType", "ServicePrincipal");
    assert_text(made, "properties.scope", G);
    assert_text(made, "properties.createdBy", BOB);
    assert_true(yyjson_is_null(json_at(made, "properties.condition")));
    assert_true(yyjson_is_null(json_at(made, "properties.description")));
    assert_absent(made, "facts");
    f->caller = NULL;
    made = expect(f, 200, HTTP_PUT, G ASSIGNMENTS "/" ONE R,
                  "{\"properties\":{\"roleDefinitionId\":\"" ROLES "/" READER
                  "\",\"principalId\":\"AAAAAAAA-0000-0000-0000-000000000001\","
                  "\"description\":\"why\",\"condition\":null}}");
    assert_text(made, "properties.description", "why");
    assert_text(made, "properties.createdBy", BOB);
    assert_true(yyjson_is_null(json_at(made, "properties.updatedBy")));
    assert_text(expect(f, 200, HTTP_GET,
                       "/subscriptions/" SUBSCRIPTION "/resourcegroups/MYGROUP" ASSIGNMENTS
                       "/" ONE R,
                       NULL),
                "id", G ASSIGNMENTS "/" ONE);
    assert_text(expect(f, 200, HTTP_DELETE, G ASSIGNMENTS "/" ONE R, NULL), "name", ONE);
    expect(f, 204, HTTP_DELETE, G ASSIGNMENTS "/" ONE R, NULL);
    expect_error(f, 404, "RoleAssignmentNotFound", ONE, HTTP_GET, G ASSIGNMENTS "/" ONE R, NULL);
}

static void test_assign_at_root(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made =
        expect(f, 201, HTTP_PUT, ASSIGNMENTS "/" ONE R,
               "{\"properties\":{\"roleDefinitionId\":\"" ROLES "/" OWNER "\",\"principalId\":"
               "\"" ALICE "\",\"principalType\":\"user\"}}");

    assert_text(made, "id", ASSIGNMENTS "/" ONE);
    assert_text(made, "properties.scope", "/");
    assert_text(made, "properties.roleDefinitionId", ROLES "/" OWNER);
    assert_text(made, "properties.principalType", "User");
    assert_text(item(expect(f, 200, HTTP_GET, A ASSIGNMENTS R "&$filter=atScope()", NULL), 0),
                "properties.roleDefinitionId", S ROLES "/" OWNER);
    expect(f, 200, HTTP_DELETE, ASSIGNMENTS "/" ONE R, NULL);
}

static void test_assign_refused(void **state)
{
    struct fixture *f = *state;
    yyjson_val *error;

    expect(f, 201, HTTP_PUT, G ASSIGNMENTS "/" ONE R, assign(f, READER, ALICE));
    expect_error(f, 409, "RoleAssignmentExists", "The role assignment already exists.", HTTP_PUT,
                 G ASSIGNMENTS "/" TWO R, assign(f, READER, ALICE));
    expect_error(f, 400, "RoleAssignmentUpdateNotPermitted", "not allowed to be updated", HTTP_PUT,
                 G ASSIGNMENTS "/" ONE R, assign(f, OWNER, ALICE));
    expect_error(f, 400, "RoleAssignmentUpdateNotPermitted", "not allowed to be updated", HTTP_PUT,
                 G ASSIGNMENTS "/" ONE R, assign(f, READER, BOB));
    error = expect(f, 400, HTTP_PUT, G ASSIGNMENTS "/" TWO R, assign(f, CUSTOM, ALICE));
    assert_text(error, "error.code", "RoleDefinitionDoesNotExist");
    assert_text(error, "error.target", "properties.roleDefinitionId");
    expect_error(f, 400, "InvalidPrincipalId", "valid principal ID", HTTP_PUT,
                 G ASSIGNMENTS "/" TWO R, assign(f, READER, "alice"));
    expect_error(f, 400, "InvalidRoleAssignmentId", "GUID", HTTP_PUT, G ASSIGNMENTS "/mine" R,
                 assign(f, READER, ALICE));
    expect_error(f, 400, "InvalidRequestContent", "roleDefinitionId", HTTP_PUT,
                 G ASSIGNMENTS "/" TWO R, "{\"properties\":{\"principalId\":\"" ALICE "\"}}");
    expect_error(f, 400, "BadRequest", "Conditions", HTTP_PUT, G ASSIGNMENTS "/" TWO R,
                 "{\"properties\":{\"principalId\":\"" BOB "\",\"roleDefinitionId\":\"" ROLES
                 "/" READER "\",\"condition\":\"true\",\"conditionVersion\":\"2.0\"}}");
    expect_error(f, 404, "ResourceGroupNotFound", "'no'", HTTP_PUT,
                 S "/resourceGroups/no" ASSIGNMENTS "/" TWO R, assign(f, READER, ALICE));
    expect(f, 201, HTTP_PUT, S ROLES "/" CUSTOM R, custom_role(f, "Mine", A));
    expect_error(f, 400, "RoleAssignmentScopeNotAssignableToRoleDefinition", CUSTOM, HTTP_PUT,
                 G ASSIGNMENTS "/" TWO R, assign(f, CUSTOM, ALICE));
    /* the same at another scope, or of another role, is another one */
    assert_true(yyjson_is_null(
        json_at(expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" TWO R,
                       "{\"properties\":{\"principalId\":\"" ALICE
                       "\",\"roleDefinitionId\":\"" ROLES "/" READER "\",\"condition\":\"\"}}"),
                "properties.condition")));
    expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" THREE R, assign(f, CUSTOM, ALICE));
}

static bool make_principals(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record user = { .type = PRINCIPAL_TYPE_USER,
                                     .object_id = STR(BOB),
                                     .name = STR("bob@contoso.com") };
    struct principal_record group = { .type = PRINCIPAL_TYPE_GROUP,
                                      .object_id = STR(TEAM),
                                      .name = STR(TEAM) };
    struct principal_record inner = group;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *of_group = yyjson_mut_obj(doc), *of_inner = yyjson_mut_obj(doc);

    (void)data;
    inner.object_id = inner.name = STR(INNER_TEAM);
    json_set(doc, of_group, "members", yyjson_mut_arr(doc));
    yyjson_mut_arr_add_str(doc, yyjson_mut_obj_get(of_group, "members"), INNER_TEAM);
    json_set(doc, of_inner, "members", yyjson_mut_arr(doc));
    yyjson_mut_arr_add_str(doc, yyjson_mut_obj_get(of_inner, "members"), BOB);
    return principals_put(t, a, &user, yyjson_mut_obj(doc), err) &&
           principals_put(t, a, &group, of_group, err) &&
           principals_put(t, a, &inner, of_inner, err);
}

static void test_lists(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        size_t count;
    } rows[] = {
        { S ASSIGNMENTS R, 3 },
        { G ASSIGNMENTS R, 3 },
        { A ASSIGNMENTS R, 3 },
        { S ASSIGNMENTS R "&$filter=atScope()", 1 },
        { G ASSIGNMENTS R "&$filter=atScope()", 2 },
        { A ASSIGNMENTS R "&$filter=atScope()", 3 },
        { ASSIGNMENTS R, 3 },
        { ASSIGNMENTS R "&$filter=atScope()", 0 },
        { S ASSIGNMENTS R "&$filter=principalId%20eq%20'" ALICE "'", 1 },
        { S ASSIGNMENTS R "&$filter=principalId%20eq%20" ALICE, 1 },
        { S ASSIGNMENTS R "&$filter=principalId%20eq%20'" BOB "'", 1 },
        { S ASSIGNMENTS R "&$filter=assignedTo('" BOB "')", 2 },
        { S ASSIGNMENTS R "&$filter=assignedTo('" ALICE "')", 1 },
        { G ASSIGNMENTS R "&$filter=atScope()%20and%20assignedTo('" BOB "')", 1 },
    };
    struct error err;

    if (!store_run(f->store, make_principals, NULL, &err))
        fail_msg("%s", err.text);
    expect(f, 201, HTTP_PUT, S ASSIGNMENTS "/" ONE R, assign(f, READER, ALICE));
    assert_text(expect(f, 201, HTTP_PUT, G ASSIGNMENTS "/" TWO R, assign(f, READER, TEAM)),
                "properties.principalType", "Group");
    assert_text(expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" THREE R, assign(f, READER, BOB)),
                "properties.principalType", "User");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t count = count_of(expect(f, 200, HTTP_GET, rows[i].path, NULL));

        if (count != rows[i].count)
            fail_msg("%s: %zu instead of %zu", rows[i].path, count, rows[i].count);
    }
    expect_error(f, 400, "InvalidFilterInQueryString", "assignedTo", HTTP_GET,
                 S ASSIGNMENTS R "&$filter=roleName%20eq%20'x'", NULL);
    expect_error(f, 404, "ResourceGroupNotFound", "'no'", HTTP_GET,
                 S "/resourceGroups/no" ASSIGNMENTS R, NULL);
}

/* What belongs to an account does not keep it, and goes with it. */
static void test_goes_with_its_resource(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, A ASSIGNMENTS "/" ONE R, assign(f, READER, ALICE));
    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S ASSIGNMENTS R, NULL)), 0);
    assert_int_equal(
        count_of(expect(f, 200, HTTP_GET, S "/resources?api-version=2021-04-01", NULL)), 0);
}

static void test_permissions(void **state)
{
    struct fixture *f = *state;
    static const struct principal alice = { .name = STR("alice"), .object_id = STR(ALICE) };
    yyjson_val *list = expect(f, 200, HTTP_GET, A AUTH "/permissions" R, NULL);

    assert_int_equal(count_of(list), 1);
    expect(f, 201, HTTP_PUT, G ASSIGNMENTS "/" ONE R, assign(f, READER, ALICE));
    f->caller = &alice;
    list = expect(f, 200, HTTP_GET, A AUTH "/permissions" R, NULL);
    assert_int_equal(count_of(list), 1);
    assert_string_equal(yyjson_get_str(yyjson_arr_get_first(json_at(item(list, 0), "actions"))),
                        "*/read");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S AUTH "/permissions" R, NULL)), 0);
}

static void test_provider(void **state)
{
    struct fixture *f = *state;
    yyjson_val *provider = expect(f, 200, HTTP_GET, S AUTH "?api-version=2021-04-01", NULL), *types;

    assert_text(provider, "namespace", "Microsoft.Authorization");
    types = json_at(provider, "resourceTypes");
    assert_int_equal(yyjson_arr_size(types), 5);
    expect(f, 200, HTTP_GET, S ROLES "?api-version=2015-07-01", NULL);
    expect(f, 200, HTTP_GET, S ROLES "?api-version=2018-01-01-preview", NULL);
    expect(f, 200, HTTP_GET, S ROLES "?api-version=2031-01-01", NULL);
    expect_error(f, 400, "NoRegisteredProviderFound", "2014-01-01", HTTP_GET,
                 S ROLES "?api-version=2014-01-01", NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_built_in),
        T(test_filter_definitions),
        T(test_custom),
        T(test_custom_refused),
        T(test_assign),
        T(test_assign_at_root),
        T(test_assign_refused),
        T(test_lists),
        T(test_goes_with_its_resource),
        T(test_permissions),
        T(test_provider),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
