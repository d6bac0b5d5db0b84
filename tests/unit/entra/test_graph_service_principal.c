/* Microsoft Graph: changing service principals and groups; grants.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define SP "/v1.0/servicePrincipals/" OTHER_ID
#define SIGNS_IN                                                                                \
    "grant_type=client_credentials&client_id=" OTHER_APP "&client_secret=" SECRET "&scope=" ARM \
    "/.default"

static void what_is_its_own_is_kept_and_shown(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = graph(f, 200, HTTP_GET, SP, NULL);

    assert_true(yyjson_is_false(yyjson_obj_get(shown, "appRoleAssignmentRequired")));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(shown, "tags")), 0);
    graph(f, 204, HTTP_PATCH, SP,
          "{\"appRoleAssignmentRequired\":true,\"description\":\"d\",\"notes\":\"n\",\"tags\":["
          "\"a\",\"b\"],\"alternativeNames\":[\"x\"],\"loginUrl\":null,\"id\":\"other\",\"other\":"
          "1}");
    shown = graph(f, 200, HTTP_GET, SP, NULL);
    assert_true(yyjson_is_true(yyjson_obj_get(shown, "appRoleAssignmentRequired")));
    assert_string_equal(text_at(shown, "description"), "d");
    assert_string_equal(text_at(shown, "id"), OTHER_ID);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(shown, "tags")), 2);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(shown, "alternativeNames")), 1);
    assert_null(yyjson_obj_get(shown, "other"));
    assert_null(
        yyjson_obj_get(graph(f, 200, HTTP_GET, "/v1.0/applications/" OTHER_ID, NULL), "notes"));
    graph(f, 204, HTTP_PATCH, SP, "{\"tags\":null,\"notes\":null}");
    shown = graph(f, 200, HTTP_GET, SP, NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(shown, "tags")), 0);
    assert_true(yyjson_is_null(yyjson_obj_get(shown, "notes")));
    assert_string_equal(text_at(shown, "description"), "d");
}

/* As az sends it: all that GET gave, with a change. */
static void what_get_gave_is_taken_back(void **state)
{
    struct fixture *f = *state;
    yyjson_val *before = graph(f, 200, HTTP_GET, SP, NULL);
    struct str text = json_write(f->arena, before);

    graph(f, 204, HTTP_PATCH, SP, text.data);
    assert_string_equal(json_write(f->arena, graph(f, 200, HTTP_GET, SP, NULL)).data, text.data);
}

static void wrong_values_are_refused(void **state)
{
    static const char *const bodies[] = {
        "{\"accountEnabled\":null}",
        "{\"accountEnabled\":1}",
        "{\"appRoleAssignmentRequired\":\"yes\"}",
        "{\"notes\":5}",
        "{\"tags\":\"a\"}",
        "{\"tags\":[5]}",
        "{\"displayName\":\"another\"}",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        graph(f, 400, HTTP_PATCH, SP, bodies[i]);
    graph(f, 404, HTTP_PATCH, "/v1.0/servicePrincipals/" ANN_ID, "{}");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_PATCH, SP, "{}");
}

static void one_that_is_disabled_gets_no_token(void **state)
{
    struct fixture *f = *state;

    expect_token(f, SIGNS_IN);
    graph(f, 204, HTTP_PATCH, SP, "{\"accountEnabled\":false}");
    assert_int_equal(call(f, HTTP_POST, "/" TENANT "/oauth2/v2.0/token", SIGNS_IN).status, 400);
    graph(f, 204, HTTP_PATCH, SP, "{\"accountEnabled\":true}");
    expect_token(f, SIGNS_IN);
    graph(f, 204, HTTP_PATCH, SP, "{\"accountEnabled\":false,\"notes\":\"n\"}");
    graph(f, 204, HTTP_DELETE, SP, NULL);
    graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals", "{\"appId\":\"" OTHER_APP "\"}");
    assert_true(yyjson_is_null(yyjson_obj_get(graph(f, 200, HTTP_GET, SP, NULL), "notes")));
    expect_token(f, SIGNS_IN);
}

static void a_group_is_changed(void **state)
{
    struct fixture *f = *state;
    const char *path =
        text_of(f, "/v1.0/groups/%s",
                text_at(graph(f, 201, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"g\"}"), "id"));
    yyjson_val *shown;

    graph(f, 204, HTTP_PATCH, path, "{\"displayName\":\"h\",\"description\":\"d\",\"other\":1}");
    shown = graph(f, 200, HTTP_GET, path, NULL);
    assert_string_equal(text_at(shown, "displayName"), "h");
    assert_string_equal(text_at(shown, "description"), "d");
    graph(f, 400, HTTP_PATCH, path, "{\"displayName\":null}");
    graph(f, 400, HTTP_PATCH, path, "{\"securityEnabled\":\"yes\"}");
    graph(f, 404, HTTP_PATCH, "/v1.0/groups/" ANN_ID, "{}");
}

static void nobody_has_consented_to_anything(void **state)
{
    static const char *const paths[] = {
        "/v1.0/oauth2PermissionGrants",
        "/v1.0/users/" ANN_ID "/oauth2PermissionGrants",
        SP "/oauth2PermissionGrants",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        yyjson_val *value = yyjson_obj_get(graph(f, 200, HTTP_GET, paths[i], NULL), "value");

        assert_true(yyjson_is_arr(value) && !yyjson_arr_size(value));
        expect(f, 401, HTTP_GET, paths[i], NULL);
    }
    graph(f, 404, HTTP_GET, "/v1.0/servicePrincipals/" ANN_ID "/oauth2PermissionGrants", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_its_own_is_kept_and_shown),
        TEST(what_get_gave_is_taken_back),
        TEST(wrong_values_are_refused),
        TEST(one_that_is_disabled_gets_no_token),
        TEST(a_group_is_changed),
        TEST(nobody_has_consented_to_anything),
    };

    return RUN_TESTS(tests);
}
