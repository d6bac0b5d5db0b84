/* Applications as what tokens are for: their roles, their URIs, and version 2.0 of access tokens.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/format.h"

#define APPS "/v1.0/applications"
#define PRINCIPALS "/v1.0/servicePrincipals"
#define READ_ID "cccccccc-0000-0000-0000-000000000001"
#define WRITE_ID "cccccccc-0000-0000-0000-000000000002"
#define ROLE(id, value, types)                                                                     \
    "{\"id\":\"" id "\",\"value\":\"" value "\",\"displayName\":\"" value "\",\"isEnabled\":true," \
    "\"allowedMemberTypes\":[" types "]}"
#define ROLES                                                                         \
    "[" ROLE(READ_ID, "Read", "\"User\",\"Application\"") "," ROLE(WRITE_ID, "Write", \
                                                                   "\"Application\"") "]"
#define WITH_ROLES \
    "{\"appRoles\":" ROLES ",\"identifierUris\":[\"api://Shop\",\"https://shop.example\"]}"

/* OTHER is the resource. */
static void expose(struct fixture *f)
{
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, WITH_ROLES);
}

static yyjson_val *claims_for(struct fixture *f, const char *resource)
{
    yyjson_val *reply = expect_token(f, text_of(f,
                                                "grant_type=client_credentials&client_id=" OWNER_APP
                                                "&client_secret=" SECRET "&scope=%s/.default",
                                                resource));

    return claims_of(f, text_at(reply, "access_token"));
}

static yyjson_val *claims_of_ann(struct fixture *f, const char *resource)
{
    yyjson_val *reply =
        expect_token(f, text_of(f,
                                "grant_type=password&client_id=" CLI "&username=" ANN
                                "&password=" PASSWORD "&scope=%s/.default",
                                resource));

    return claims_of(f, text_at(reply, "access_token"));
}

static const char *assignment(struct fixture *f, const char *principal, const char *role)
{
    return text_of(f,
                   "{\"principalId\":\"%s\",\"resourceId\":\"" OTHER_ID "\",\"appRoleId\":\"%s\"}",
                   principal, role);
}

static const char *assign(struct fixture *f, const char *principal, const char *role)
{
    return text_at(graph(f, 201, HTTP_POST, PRINCIPALS "/" OTHER_ID "/appRoleAssignedTo",
                         assignment(f, principal, role)),
                   "id");
}

static void expect_roles(yyjson_val *claims, const char *first, const char *second)
{
    yyjson_val *roles = yyjson_obj_get(claims, "roles");

    assert_int_equal(yyjson_arr_size(roles), (first != NULL) + (second != NULL));
    if (first)
        assert_string_equal(yyjson_get_str(yyjson_arr_get(roles, 0)), first);
    if (second)
        assert_string_equal(yyjson_get_str(yyjson_arr_get(roles, 1)), second);
}

/* -- Roles ----------------------------------------------------------------------------------- */

static void roles_that_are_assigned_are_in_tokens(void **state)
{
    struct fixture *f = *state;
    const char *id;

    expose(f);
    expect_roles(claims_for(f, "api://shop"), NULL, NULL);
    id = assign(f, OWNER_ID, READ_ID);
    assign(f, OWNER_ID, WRITE_ID);
    assign(f, ANN_ID, READ_ID);
    expect_roles(claims_for(f, "api://shop"), "Read", "Write");
    expect_roles(claims_for(f, "https://shop.example"), "Read", "Write");
    expect_roles(claims_for(f, OTHER_APP), "Read", "Write");
    expect_roles(claims_for(f, "api://" OTHER_APP), "Read", "Write");
    expect_roles(claims_for(f, ARM), NULL, NULL);
    expect_roles(claims_of_ann(f, "api://shop"), "Read", NULL);
    graph(f, 204, HTTP_DELETE, text_of(f, PRINCIPALS "/" OTHER_ID "/appRoleAssignedTo/%s", id),
          NULL);
    expect_roles(claims_for(f, "api://shop"), "Write", NULL);
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"appRoles\":[]}");
    expect_roles(claims_for(f, "api://shop"), NULL, NULL);
}

static void groups_lend_their_roles(void **state)
{
    struct fixture *f = *state;
    const char *group =
        text_at(graph(f, 201, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"G\"}"), "id");

    expose(f);
    assign(f, group, READ_ID);
    expect_roles(claims_of_ann(f, "api://shop"), NULL, NULL);
    graph(f, 204, HTTP_POST, text_of(f, "/v1.0/groups/%s/members/$ref", group),
          "{\"@odata.id\":\"https://x/" ANN_ID "\"}");
    expect_roles(claims_of_ann(f, "api://shop"), "Read", NULL);
}

static void assignments_are_listed_from_both_ends(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list, *item;
    const char *id;

    expose(f);
    id = text_at(graph(f, 201, HTTP_POST, "/v1.0/users/" ANN "/appRoleAssignments",
                       assignment(f, ANN_ID, READ_ID)),
                 "id");
    assign(f, OWNER_ID, READ_ID);
    list = yyjson_obj_get(
        graph(f, 200, HTTP_GET, PRINCIPALS "/" OTHER_ID "/appRoleAssignedTo", NULL), "value");
    assert_int_equal(yyjson_arr_size(list), 2);
    list = yyjson_obj_get(
        graph(f, 200, HTTP_GET, "/v1.0/users/" ANN_ID "/appRoleAssignments", NULL), "value");
    assert_int_equal(yyjson_arr_size(list), 1);
    item = yyjson_arr_get_first(list);
    assert_string_equal(text_at(item, "id"), id);
    assert_string_equal(text_at(item, "principalType"), "User");
    assert_string_equal(text_at(item, "principalDisplayName"), "Ann");
    assert_string_equal(text_at(item, "resourceId"), OTHER_ID);
    graph(f, 404, HTTP_DELETE, text_of(f, PRINCIPALS "/" OWNER_ID "/appRoleAssignments/%s", id),
          NULL); /* another's */
    graph(f, 204, HTTP_DELETE, text_of(f, "/v1.0/users/" ANN_ID "/appRoleAssignments/%s", id),
          NULL);
    graph(f, 204, HTTP_DELETE, PRINCIPALS "/" OWNER_ID, NULL);
}

static void what_cannot_be_assigned(void **state)
{
    struct fixture *f = *state;
    const char *path = PRINCIPALS "/" OTHER_ID "/appRoleAssignedTo";

    expose(f);
    graph(f, 400, HTTP_POST, path, assignment(f, ANN_ID, WRITE_ID)); /* for applications only */
    graph(f, 400, HTTP_POST, path, assignment(f, ANN_ID, ANN_ID));
    graph(f, 404, HTTP_POST, path, assignment(f, READ_ID, READ_ID));
    graph(f, 400, HTTP_POST, PRINCIPALS "/" OWNER_ID "/appRoleAssignedTo",
          assignment(f, ANN_ID, READ_ID));
    assign(f, ANN_ID, READ_ID);
    graph(f, 400, HTTP_POST, path, assignment(f, ANN_ID, READ_ID));
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_POST, path, assignment(f, OTHER_ID, WRITE_ID));
}

static void roles_have_a_form(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[1]",
        "[{\"id\":\"x\",\"value\":\"x\",\"allowedMemberTypes\":[\"User\"]}]",
        "[" ROLE(READ_ID, "x y", "\"User\"") "]",
        "[" ROLE(READ_ID, "x", "\"Group\"") "]",
        "[" ROLE(READ_ID, "x", "") "]",
        "[" ROLE(READ_ID, "x", "\"User\"") "," ROLE(READ_ID, "y", "\"User\"") "]",
        "[" ROLE(READ_ID, "x", "\"User\"") "," ROLE(WRITE_ID, "x", "\"User\"") "]",
    };
    struct fixture *f = *state;
    struct str all = STR("{}");

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID, text_of(f, "{\"appRoles\":%s}", bad[i]));
    for (unsigned i = 0; i < 100; i++)
        all = arena_printf(f->arena, "%.*s,{}", STR_ARGS(all));
    graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID,
          text_of(f, "{\"appRoles\":[%.*s]}", STR_ARGS(all)));
}

/* -- URIs ------------------------------------------------------------------------------------ */

static void uris_are_one_applications(void **state)
{
    static const char *const bad[] = { ARM,      (GRAPH "/"), "https://cognitiveservices.azure.com",
                                       "api://", "http://x",  "api://a b",
                                       "x",      "https://",  "api://\\u0000" };
    struct fixture *f = *state;
    const char *made;
    yyjson_val *list;

    expose(f);
    graph(f, 400, HTTP_POST, APPS, "{\"displayName\":\"x\",\"identifierUris\":[\"API://shop\"]}");
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"displayName\":\"the same\"}");
    expose(f);
    list = graph(f, 200, HTTP_GET, APPS "?$filter=identifierUris/any(s:s eq 'api://Shop')", NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(list, "value")), 1);
    list = graph(f, 200, HTTP_GET,
                 PRINCIPALS "?$filter=servicePrincipalNames/any(c:c eq 'api://shop')", NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(list, "value")), 1);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID,
              text_of(f, "{\"identifierUris\":[\"%s\"]}", bad[i]));
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"identifierUris\":[]}");
    made = text_at(graph(f, 201, HTTP_POST, APPS,
                         "{\"displayName\":\"x\",\"identifierUris\":[\"api://shop\"]}"),
                   "id");
    graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID, "{\"identifierUris\":[\"api://shop\"]}");
    /* each has "api://" and its id by itself, which is no other one's to take */
    graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID, "{\"identifierUris\":[\"api://" OWNER_APP "\"]}");
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"identifierUris\":[\"api://" OTHER_APP "\"]}");
    graph(f, 204, HTTP_DELETE, text_of(f, APPS "/%s", made), NULL);
    expose(f); /* with it, its URIs went */
}

/* -- Version 2.0 ----------------------------------------------------------------------------- */

static void tokens_of_version_2_are_for_who_wants_them(void **state)
{
    struct fixture *f = *state;
    yyjson_val *claims;

    expose(f);
    claims = claims_for(f, "api://shop");
    assert_string_equal(text_at(claims, "ver"), "1.0");
    assert_string_equal(text_at(claims, "aud"), "api://shop");
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"api\":{\"requestedAccessTokenVersion\":2}}");
    assert_int_equal(yyjson_get_int(json_at(graph(f, 200, HTTP_GET, APPS "/" OTHER_ID, NULL),
                                            "api.requestedAccessTokenVersion")),
                     2);
    claims = claims_for(f, "api://shop");
    assert_string_equal(text_at(claims, "ver"), "2.0");
    assert_string_equal(text_at(claims, "iss"), BASE "/" TENANT "/v2.0");
    assert_string_equal(text_at(claims, "aud"), OTHER_APP);
    assert_string_equal(text_at(claims, "azp"), OWNER_APP);
    assert_string_equal(text_at(claims, "azpacr"), "1");
    assert_null(yyjson_obj_get(claims, "appid"));
    claims = claims_of_ann(f, "api://shop");
    assert_string_equal(text_at(claims, "azp"), CLI);
    assert_string_equal(text_at(claims, "preferred_username"), ANN);
    assert_string_equal(text_at(claims, "iss"), BASE "/" TENANT "/v2.0");
    assert_null(yyjson_obj_get(claims, "upn"));
    assert_string_equal(text_at(claims_for(f, ARM), "ver"), "1.0");
    graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID, "{\"api\":{\"requestedAccessTokenVersion\":3}}");
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID,
          "{\"api\":{\"requestedAccessTokenVersion\":null}}");
    assert_string_equal(text_at(claims_for(f, "api://shop"), "ver"), "1.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(roles_that_are_assigned_are_in_tokens),
        TEST(groups_lend_their_roles),
        TEST(assignments_are_listed_from_both_ends),
        TEST(what_cannot_be_assigned),
        TEST(roles_have_a_form),
        TEST(uris_are_one_applications),
        TEST(tokens_of_version_2_are_for_who_wants_them),
    };

    return RUN_TESTS(tests);
}
