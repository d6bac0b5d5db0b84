/* Microsoft Graph: who is there, and what filters find.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define APPS "/v1.0/applications"
#define USERS "/v1.0/users"
#define SPS "/v1.0/servicePrincipals"

static size_t found(struct fixture *f, const char *kind, const char *filter)
{
    yyjson_val *reply =
        graph(f, 200, HTTP_GET, text_of(f, "/v1.0/%s?$filter=%s", kind, escape(f, filter)), NULL);

    return yyjson_arr_size(yyjson_obj_get(reply, "value"));
}

static void who_has_no_token_for_it_sees_nothing(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect(f, 401, HTTP_GET, USERS, NULL);

    assert_string_equal(text_at(reply, "error.code"), "InvalidAuthenticationToken");
    f->next.authorization = STR("Bearer x");
    expect(f, 401, HTTP_GET, USERS, NULL);
    f->next.authorization = STR("Basic x");
    expect(f, 401, HTTP_GET, USERS, NULL);
    authorize_as(f, OWNER_APP, ARM);
    expect(f, 401, HTTP_GET, USERS, NULL);
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 200, HTTP_GET, USERS, NULL);
}

/* The Azure CLI asks for the service's own address as Graph's; a token for somebody else's service is
 * not good here, whatever name that one calls this service by. */
static void a_token_for_another_service_is_not_for_graph(void **state)
{
    struct fixture *f = *state;

    authorize_as(f, OWNER_APP, BASE "/");
    expect(f, 200, HTTP_GET, USERS, NULL);
    authorize_as(f, OWNER_APP, BASE);
    expect(f, 200, HTTP_GET, USERS, NULL);
    authorize_as(f, OWNER_APP, "https://evil.example");
    f->next.base = STR("https://evil.example");
    expect(f, 401, HTTP_GET, USERS, NULL);
}

static void things_are_shown_without_their_secrets(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = graph(f, 200, HTTP_GET, APPS "/" OTHER_ID, NULL);

    assert_string_equal(text_at(shown, "appId"), OTHER_APP);
    assert_true(yyjson_is_str(
        json_at(yyjson_arr_get_first(yyjson_obj_get(shown, "passwordCredentials")), "keyId")));
    assert_null(
        json_at(yyjson_arr_get_first(yyjson_obj_get(shown, "passwordCredentials")), "hash"));
    shown = graph(f, 200, HTTP_GET, USERS "/" ANN, NULL);
    assert_string_equal(text_at(shown, "id"), ANN_ID);
    assert_null(yyjson_obj_get(shown, "passwordHash"));
    shown = graph(f, 200, HTTP_GET, SPS "/" OTHER_ID, NULL);
    assert_string_equal(text_at(shown, "servicePrincipalType"), "Application");
}

static void one_kind_is_not_another(void **state)
{
    struct fixture *f = *state;

    graph(f, 404, HTTP_GET, USERS "/" OTHER_ID, NULL);
    graph(f, 404, HTTP_GET, APPS "/" ANN_ID, NULL);
    graph(f, 404, HTTP_GET, "/v1.0/groups/" ANN_ID, NULL);
    graph(f, 404, HTTP_GET, USERS "/bob@contoso.com", NULL);
    graph(f, 404, HTTP_GET, USERS "/%00", NULL);
    graph(f, 400, HTTP_GET, "/v1.0/me", NULL); /* an application */
}

static void filters_find_what_they_name(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(found(f, "users", "userPrincipalName eq '" ANN "'"), 1);
    assert_int_equal(found(f, "users", "userPrincipalName eq 'ANN@contoso.com'"), 1);
    assert_int_equal(found(f, "users", "userPrincipalName eq 'bob'"), 0);
    assert_int_equal(found(f, "users", "startswith(userPrincipalName,'ann@')"), 1);
    assert_int_equal(found(f, "users", "startswith(displayName,'nn')"), 0);
    assert_int_equal(found(f, "applications", "appId eq '" OTHER_APP "'"), 1);
    assert_int_equal(found(f, "applications", "displayName eq 'An application'"), 2);
    assert_int_equal(
        found(f, "applications", "displayName eq 'An application' and appId eq '" OTHER_APP "'"),
        1);
    assert_int_equal(
        found(f, "servicePrincipals", "servicePrincipalNames/any(c:c eq '" OTHER_APP "')"), 1);
    assert_int_equal(found(f, "users", "displayName eq 'a and b'"), 0);
}

/* A quote in a text is two of them (OData 4.01, 5.1.1.6.1). */
static void quotes_in_texts_are_understood(void **state)
{
    struct fixture *f = *state;

    change(f, ANN_ID, "{\"displayName\":\"O'Brien' and id eq 'x\"}");
    assert_int_equal(found(f, "users", "displayName eq 'O''Brien'' and id eq ''x'"), 1);
    assert_int_equal(found(f, "users", "displayName eq 'O''Brien'"), 0);
    assert_int_equal(found(f, "users", "displayName eq ''''"), 0);
    assert_int_equal(found(f, "users", "startswith(displayName,'O''B')"), 1);
}

static void what_cannot_be_filtered_is_refused(void **state)
{
    static const char *const filters[] = {
        "x",
        "displayName",
        "displayName eq",
        "displayName eq 'a",
        "displayName ne 'a'",
        "displayName eq 'a' or displayName eq 'b'",
        "displayName eq 'a' and",
        "displayName eq 'a' and x",
        "not displayName eq 'a'",
        "endswith(displayName,'a')",
        "accountEnabled eq true",
        "displayName eq 'a'x",
        "(displayName eq 'a')",
        "passwordHash eq 'a'",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        /* where there is someone, and where there is nobody */
        yyjson_val *reply =
            graph(f, 400, HTTP_GET, text_of(f, USERS "?$filter=%s", escape(f, filters[i])), NULL);

        assert_string_equal(text_at(reply, "error.code"), "Request_UnsupportedQuery");
        graph(f, 400, HTTP_GET, text_of(f, "/v1.0/groups?$filter=%s", escape(f, filters[i])), NULL);
    }
    graph(f, 400, HTTP_GET, USERS "?$search=\"displayName:a\"", NULL);
}

/* Each term is looked at for each object. */
static void a_filter_has_few_terms(void **state)
{
    struct fixture *f = *state;
    const char *filter = "id eq 'a'";

    for (unsigned i = 1; i < 8; i++)
        filter = text_of(f, "%s and id eq 'a'", filter);
    assert_int_equal(found(f, "users", filter), 0);
    filter = text_of(f, "%s and %s and %s", filter, filter, filter);
    graph(f, 400, HTTP_GET, text_of(f, USERS "?$filter=%s", escape(f, filter)), NULL);
}

static void lists_come_in_pages(void **state)
{
    struct fixture *f = *state;
    yyjson_val *page =
        graph(f, 200, HTTP_GET, APPS "?$top=1&$filter=displayName%20eq%20'An%20application'", NULL);
    const char *next = yyjson_get_str(yyjson_obj_get(page, "@odata.nextLink"));

    assert_int_equal(yyjson_arr_size(yyjson_obj_get(page, "value")), 1);
    assert_non_null(next);
    assert_memory_equal(next, BASE APPS "?", strlen(BASE APPS "?"));
    page = graph(f, 200, HTTP_GET, next + strlen(BASE), NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(page, "value")), 1);
    assert_null(yyjson_obj_get(page, "@odata.nextLink"));
    assert_string_equal(
        yyjson_get_str(yyjson_obj_get(yyjson_arr_get_first(yyjson_obj_get(page, "value")), "id")),
        OTHER_ID);
    graph(f, 400, HTTP_GET, APPS "?$top=0", NULL);
    graph(f, 400, HTTP_GET, APPS "?$top=1000", NULL);
    graph(f, 400, HTTP_GET, APPS "?$top=x", NULL);
    graph(f, 400, HTTP_GET, APPS "?$skiptoken=x", NULL);
}

static void ids_become_objects(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = graph(f, 200, HTTP_POST, "/v1.0/directoryObjects/getByIds",
                              "{\"ids\":[\"" ANN_ID "\",\"" OTHER_ID "\",\"x\",7,\"" ANN_ID
                              "\"],\"types\":[\"user\"]}");
    yyjson_val *value = yyjson_obj_get(reply, "value");

    assert_int_equal(yyjson_arr_size(value), 2);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(yyjson_arr_get(value, 0), "@odata.type")),
                        "#microsoft.graph.user");
    graph(f, 400, HTTP_POST, "/v1.0/directoryObjects/getByIds", "{\"ids\":1}");
    graph(f, 400, HTTP_POST, "/v1.0/directoryObjects/getByIds", "{");
    graph(f, 400, HTTP_POST, "/v1.0/directoryObjects/getByIds", "");
}

/* -- Groups ---------------------------------------------------------------------------------- */

static const char *make_group(struct fixture *f, const char *member)
{
    const char *id =
        text_at(graph(f, 201, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"G\"}"), "id");

    graph(f, 204, HTTP_POST, text_of(f, "/v1.0/groups/%s/members/$ref", id),
          text_of(f, "{\"@odata.id\":\"https://x/v1.0/directoryObjects/%s\"}", member));
    return id;
}

static size_t count_at(struct fixture *f, enum http_method method, const char *path,
                       const char *body)
{
    return yyjson_arr_size(yyjson_obj_get(graph(f, 200, method, path, body), "value"));
}

/* As `az ad group member check` and `az ad user get-member-groups` ask. */
static void membership_is_told(void **state)
{
    struct fixture *f = *state;
    const char *inner = make_group(f, ANN_ID), *outer = make_group(f, inner);
    const char *both = text_of(f, "{\"groupIds\":[\"%s\",\"%s\",\"" OTHER_ID "\"]}", inner, outer);
    yyjson_val *reply;

    assert_int_equal(
        count_at(f, HTTP_POST, "/v1.0/directoryObjects/" ANN_ID "/checkMemberGroups", both), 2);
    assert_int_equal(count_at(f, HTTP_POST, "/v1.0/users/" ANN "/checkMemberGroups", both), 2);
    assert_int_equal(
        count_at(f, HTTP_POST, "/v1.0/directoryObjects/" OTHER_ID "/checkMemberGroups", both), 0);
    assert_int_equal(count_at(f, HTTP_POST, "/v1.0/users/" ANN "/getMemberGroups",
                              "{\"securityEnabledOnly\":true}"),
                     2);
    assert_int_equal(
        count_at(f, HTTP_POST, text_of(f, "/v1.0/groups/%s/getMemberGroups", inner), "{}"), 1);
    assert_int_equal(count_at(f, HTTP_GET, "/v1.0/users/" ANN_ID "/transitiveMemberOf", NULL), 2);
    reply = graph(f, 200, HTTP_GET, "/v1.0/users/" ANN_ID "/memberOf", NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(reply, "value")), 1);
    reply = yyjson_arr_get_first(yyjson_obj_get(reply, "value"));
    assert_string_equal(text_at(reply, "id"), inner);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(reply, "@odata.type")),
                        "#microsoft.graph.group");
    graph(f, 404, HTTP_POST, "/v1.0/directoryObjects/" TENANT "/checkMemberGroups", both);
    graph(f, 400, HTTP_POST, "/v1.0/users/" ANN "/checkMemberGroups", "{}");
    graph(f, 400, HTTP_POST, "/v1.0/users/" ANN "/checkMemberGroups",
          "{\"groupIds\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]}");
    expect(f, 401, HTTP_POST, "/v1.0/users/" ANN "/checkMemberGroups", both);
}

/* -- Odds ------------------------------------------------------------------------------------ */

static void an_application_is_found_by_its_client_id(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(
        text_at(graph(f, 200, HTTP_GET, "/v1.0/servicePrincipals(appId='" OTHER_APP "')", NULL),
                "id"),
        OTHER_ID);
    assert_string_equal(
        text_at(graph(f, 200, HTTP_GET, "/v1.0/applications(appId='" OTHER_APP "')", NULL), "id"),
        OTHER_ID);
    graph(f, 200, HTTP_POST, "/v1.0/applications(appId='" OTHER_APP "')/addPassword", "{}");
    graph(f, 404, HTTP_GET, "/v1.0/applications(appId='" OWNER_ID "')", NULL);
    graph(f, 404, HTTP_GET, "/v1.0/users(appId='" OTHER_APP "')", NULL);
}

static void the_tenant_is_the_organization(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = yyjson_obj_get(graph(f, 200, HTTP_GET, "/v1.0/organization", NULL), "value");

    assert_string_equal(text_at(yyjson_arr_get_first(list), "id"), TENANT);
    expect(f, 401, HTTP_GET, "/v1.0/organization", NULL);
}

static void a_member_stands_once(void **state)
{
    static const char *const bad[] = {
        "{\"displayName\":\"a\",\"displayName\":\"b\"}",
        "{\"displayName\":\"a\",\"DisplayName\":\"b\"}",
        "{\"displayName\":\"a\",\"x\":[{\"y\":1,\"y\":2}]}",
        "{\"displayName\":\"a\\u0000\"}",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_string_equal(
            text_at(graph(f, 400, HTTP_PATCH, "/v1.0/users/" ANN_ID, bad[i]), "error.code"),
            "Request_BadRequest");
    graph(f, 400, HTTP_POST, "/v1.0/directoryObjects/getByIds", "{\"ids\":[],\"ids\":[]}");
}

static void every_path_of_graph_is_answered_here(void **state)
{
    struct fixture *f = *state;
    struct error err = { 0 };
    struct str text;

    (void)f;
    assert_true(entra_matches(STR("/v1.0")));
    assert_true(entra_matches(STR("/V1.0/nothing/of/that/name")));
    assert_false(entra_matches(STR("/v1.0x")));
    error_set(&err, ERROR_HEADERS_TOO_LARGE, NULL);
    text = entra_render_error(f->arena, STR("/v1.0/users"), &err);
    assert_true(str_find(text, STR("\"error\":{\"code\":\"BadRequest\"")) != SIZE_MAX);
    text = entra_render_error(f->arena, STR("/common/oauth2/token"), &err);
    assert_true(str_find(text, STR("\"error\":\"invalid_request\"")) != SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_has_no_token_for_it_sees_nothing),
        TEST(a_token_for_another_service_is_not_for_graph),
        TEST(things_are_shown_without_their_secrets),
        TEST(one_kind_is_not_another),
        TEST(filters_find_what_they_name),
        TEST(quotes_in_texts_are_understood),
        TEST(what_cannot_be_filtered_is_refused),
        TEST(a_filter_has_few_terms),
        TEST(lists_come_in_pages),
        TEST(ids_become_objects),
        TEST(membership_is_told),
        TEST(an_application_is_found_by_its_client_id),
        TEST(the_tenant_is_the_organization),
        TEST(a_member_stands_once),
        TEST(every_path_of_graph_is_answered_here),
    };

    return RUN_TESTS(tests);
}
