/* Microsoft Graph: members of groups, and owners of groups, applications and service principals.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define GROUP "{\"displayName\":\"g\",\"mailNickname\":\"g\"%s}"
#define LINK(id) "https://graph/v1.0/directoryObjects/" id
#define NOBODY "bbbbbbbb-0000-0000-0000-00000000000f"

static const char *make_group(struct fixture *f, const char *more)
{
    return text_at(graph(f, 201, HTTP_POST, "/v1.0/groups", text_of(f, GROUP, more)), "id");
}

/* Who stands in the list, by their ids. */
static void expect_ids(struct fixture *f, const char *path, const char *first, const char *second)
{
    yyjson_val *value = yyjson_obj_get(graph(f, 200, HTTP_GET, path, NULL), "value");
    const char *const ids[] = { first, second };

    assert_int_equal(yyjson_arr_size(value), (first != NULL) + (second != NULL));
    for (size_t i = 0; i < yyjson_arr_size(value); i++)
        assert_string_equal(text_at(yyjson_arr_get(value, i), "id"), ids[i]);
}

static void each_kind_has_owners(void **state)
{
    struct fixture *f = *state;
    const char *const paths[] = {
        text_of(f, "/v1.0/groups/%s/owners", make_group(f, "")),
        "/v1.0/applications/" OTHER_ID "/owners",
        "/v1.0/servicePrincipals/" OTHER_ID "/owners",
    };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const char *refs = text_of(f, "%s/$ref", paths[i]);

        expect_ids(f, paths[i], NULL, NULL);
        graph(f, 204, HTTP_POST, refs, "{\"@odata.id\":\"" LINK(ANN_ID) "\"}");
        graph(f, 204, HTTP_POST, refs, "{\"@odata.id\":\"" LINK(OWNER_ID) "\"}");
        graph(f, 400, HTTP_POST, refs, "{\"@odata.id\":\"" LINK(ANN_ID) "\"}");
        graph(f, 404, HTTP_POST, refs, "{\"@odata.id\":\"" LINK(NOBODY) "\"}");
        graph(f, 404, HTTP_POST, refs, "{\"@odata.id\":7}");
        expect_ids(f, paths[i], ANN_ID, OWNER_ID);
        graph(f, 204, HTTP_DELETE, text_of(f, "%s/" ANN_ID "/$ref", paths[i]), NULL);
        graph(f, 404, HTTP_DELETE, text_of(f, "%s/" ANN_ID "/$ref", paths[i]), NULL);
        expect_ids(f, paths[i], OWNER_ID, NULL);
        graph(f, 204, HTTP_DELETE, text_of(f, "%s/" OWNER_ID "/$ref", paths[i]), NULL);
    }
}

/* They share a document and an id. */
static void an_application_and_its_service_principal_have_each_their_own(void **state)
{
    struct fixture *f = *state;

    graph(f, 204, HTTP_POST, "/v1.0/applications/" OTHER_ID "/owners/$ref",
          "{\"@odata.id\":\"" LINK(ANN_ID) "\"}");
    expect_ids(f, "/v1.0/servicePrincipals/" OTHER_ID "/owners", NULL, NULL);
    graph(f, 204, HTTP_POST, "/v1.0/servicePrincipals/" OTHER_ID "/owners/$ref",
          "{\"@odata.id\":\"" LINK(OWNER_ID) "\"}");
    expect_ids(f, "/v1.0/applications/" OTHER_ID "/owners", ANN_ID, NULL);
    graph(f, 204, HTTP_DELETE, "/v1.0/servicePrincipals/" OTHER_ID, NULL);
    graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals", "{\"appId\":\"" OTHER_APP "\"}");
    expect_ids(f, "/v1.0/servicePrincipals/" OTHER_ID "/owners", NULL, NULL);
    expect_ids(f, "/v1.0/applications/" OTHER_ID "/owners", ANN_ID, NULL);
}

static void a_group_owns_nothing(void **state)
{
    struct fixture *f = *state;
    const char *group = make_group(f, "");
    const char *link = text_of(f, "{\"@odata.id\":\"" LINK("%s") "\"}", group);
    yyjson_val *reply =
        graph(f, 400, HTTP_POST, "/v1.0/applications/" OTHER_ID "/owners/$ref", link);

    assert_non_null(strstr(text_at(reply, "error.message"), "of type 'Group' is invalid"));
    graph(f, 204, HTTP_POST, text_of(f, "/v1.0/groups/%s/members/$ref", make_group(f, "")), link);
}

static void some_come_with_what_is_made(void **state)
{
    struct fixture *f = *state;
    const char *group =
        make_group(f, ",\"owners@odata.bind\":[\"" LINK(ANN_ID) "\"],"
                                                                "\"members@odata.bind\":[\"" LINK(
                                                                    OWNER_ID) "\"]");
    yyjson_val *app = graph(f, 201, HTTP_POST, "/v1.0/applications",
                            "{\"displayName\":\"a\",\"owners@odata.bind\":[\"" LINK(ANN_ID) "\"]}");
    const char *id = text_at(app, "id"), *app_id = text_at(app, "appId");

    expect_ids(f, text_of(f, "/v1.0/groups/%s/owners", group), ANN_ID, NULL);
    expect_ids(f, text_of(f, "/v1.0/groups/%s/members", group), OWNER_ID, NULL);
    graph(f, 204, HTTP_PATCH, text_of(f, "/v1.0/groups/%s", group),
          "{\"members@odata.bind\":[\"" LINK(ANN_ID) "\"]}");
    expect_ids(f, text_of(f, "/v1.0/groups/%s/members", group), OWNER_ID, ANN_ID);
    expect_ids(f, text_of(f, "/v1.0/applications/%s/owners", id), ANN_ID, NULL);
    graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals",
          text_of(f, "{\"appId\":\"%s\",\"owners@odata.bind\":[\"" LINK(OWNER_ID) "\"]}", app_id));
    expect_ids(f, text_of(f, "/v1.0/servicePrincipals/%s/owners", id), OWNER_ID, NULL);
    graph(f, 400, HTTP_POST, "/v1.0/groups", text_of(f, GROUP, ",\"owners@odata.bind\":5"));
    graph(f, 404, HTTP_POST, "/v1.0/groups",
          text_of(f, GROUP, ",\"owners@odata.bind\":[\"" LINK(NOBODY) "\"]"));
}

static void there_is_a_limit(void **state)
{
    struct fixture *f = *state;
    const char *links = "";

    for (unsigned i = 0; i < 21; i++)
        links = text_of(f, "%s%s\"" LINK(ANN_ID) "\"", links, i ? "," : "");
    graph(f, 400, HTTP_POST, "/v1.0/groups",
          text_of(f, GROUP, text_of(f, ",\"members@odata.bind\":[%s]", links)));
}

static void who_may_not_assign_roles_changes_none(void **state)
{
    struct fixture *f = *state;

    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_POST, "/v1.0/applications/" OTHER_ID "/owners/$ref",
           "{\"@odata.id\":\"" LINK(OTHER_ID) "\"}");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_DELETE, "/v1.0/applications/" OTHER_ID "/owners/" ANN_ID "/$ref", NULL);
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 200, HTTP_GET, "/v1.0/applications/" OTHER_ID "/owners", NULL);
    expect(f, 401, HTTP_GET, "/v1.0/applications/" OTHER_ID "/owners", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_has_owners),
        TEST(an_application_and_its_service_principal_have_each_their_own),
        TEST(a_group_owns_nothing),
        TEST(some_come_with_what_is_made),
        TEST(there_is_a_limit),
        TEST(who_may_not_assign_roles_changes_none),
    };

    return RUN_TESTS(tests);
}
