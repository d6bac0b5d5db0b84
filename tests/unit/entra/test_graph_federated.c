/* Microsoft Graph: the federated identity credentials of applications.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define CREDENTIALS "/v1.0/applications/" OTHER_ID "/federatedIdentityCredentials"
#define ISSUER "https://token.actions.githubusercontent.com"
#define AUDIENCES "\"audiences\":[\"api://AzureADTokenExchange\"]"

static const char *body_of(struct fixture *f, const char *name, const char *subject)
{
    return text_of(f,
                   "{\"name\":\"%s\",\"issuer\":\"" ISSUER "\",\"subject\":\"%s\"," AUDIENCES "}",
                   name, subject);
}

static yyjson_val *make(struct fixture *f, const char *name, const char *subject)
{
    return graph(f, 201, HTTP_POST, CREDENTIALS, body_of(f, name, subject));
}

static size_t count(struct fixture *f)
{
    return yyjson_arr_size(yyjson_obj_get(graph(f, 200, HTTP_GET, CREDENTIALS, NULL), "value"));
}

static void the_life_of_one(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made = make(f, "ci-main", "repo:o/r:ref:refs/heads/main"), *shown;
    const char *path = text_of(f, CREDENTIALS "/%s", id_of(made));

    assert_non_null(strstr(arena_text(f->arena, f->audit.details),
                           "change=federated_credential_added kind=application id=" OTHER_ID));
    assert_string_equal(text_at(made, "name"), "ci-main");
    assert_true(yyjson_is_null(yyjson_obj_get(made, "description")));
    shown = graph(f, 200, HTTP_GET, path, NULL);
    assert_true(yyjson_equals(made, shown));
    assert_true(yyjson_equals(made, graph(f, 200, HTTP_GET, CREDENTIALS "/CI-main", NULL)));
    shown = graph(f, 200, HTTP_GET,
                  "/v1.0/applications(appId='" OTHER_APP "')/federatedIdentityCredentials", NULL);
    assert_true(yyjson_equals(made, yyjson_arr_get_first(yyjson_obj_get(shown, "value"))));

    graph(f, 204, HTTP_PATCH, path,
          "{\"name\":\"ci-main\",\"subject\":\"repo:o/r:environment:prod\",\"description\":\"d\"}");
    shown = graph(f, 200, HTTP_GET, path, NULL);
    assert_string_equal(text_at(shown, "subject"), "repo:o/r:environment:prod");
    assert_string_equal(text_at(shown, "description"), "d");
    assert_string_equal(text_at(shown, "issuer"), ISSUER);
    graph(f, 204, HTTP_PATCH, path, "{\"description\":null}");
    assert_true(yyjson_is_null(yyjson_obj_get(graph(f, 200, HTTP_GET, path, NULL), "description")));

    graph(f, 204, HTTP_DELETE, path, NULL);
    graph(f, 404, HTTP_GET, path, NULL);
    graph(f, 404, HTTP_DELETE, path, NULL);
    graph(f, 404, HTTP_PATCH, path, "{}");
    assert_int_equal(count(f), 0);
}

static void a_deleted_one_is_the_one_that_was_named(void **state)
{
    struct fixture *f = *state;

    make(f, "one", "1");
    make(f, "two", "2");
    make(f, "three", "3");
    graph(f, 204, HTTP_DELETE, CREDENTIALS "/two", NULL);
    graph(f, 200, HTTP_GET, CREDENTIALS "/one", NULL);
    graph(f, 200, HTTP_GET, CREDENTIALS "/three", NULL);
    assert_int_equal(count(f), 2);
}

static void expect_refused(struct fixture *f, const char *code, int status, enum http_method method,
                           const char *path, const char *body)
{
    yyjson_val *reply = graph(f, status, method, path, body);

    assert_string_equal(text_at(reply, "error.code"), code);
}

static void what_is_refused(void **state)
{
    static const char invalid[] = "InvalidFederatedIdentityCredentialValue";
    static const char *const bodies[] = {
        "{}",
        "{\"name\":\"a b\",\"issuer\":\"" ISSUER "\",\"subject\":\"s\"," AUDIENCES "}",
        "{\"name\":\"abc\",\"subject\":\"s\"," AUDIENCES "}",
        "{\"name\":\"abc\",\"issuer\":\"x\",\"subject\":\"s\"," AUDIENCES "}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER "\"," AUDIENCES "}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER "\",\"subject\":null," AUDIENCES "}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER "\",\"subject\":\"s\"}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER
        "\",\"subject\":\"s\",\"audiences\":[\"a\",\"b\"]}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER "\",\"subject\":\"s\",\"description\":1," AUDIENCES
        "}",
        "{\"name\":\"abc\",\"issuer\":\"" ISSUER
        "\",\"claimsMatchingExpression\":{\"value\":\"x\",\"languageVersion\":1}," AUDIENCES "}",
    };
    struct fixture *f = *state;
    char long_one[601 + 1];

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        expect_refused(f, invalid, 400, HTTP_POST, CREDENTIALS, bodies[i]);
    memset(long_one, 'x', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    expect_refused(f, invalid, 400, HTTP_POST, CREDENTIALS, body_of(f, "abc", long_one));
    expect_refused(f, invalid, 400, HTTP_POST, CREDENTIALS,
                   text_of(f,
                           "{\"name\":\"abc\",\"issuer\":\"" ISSUER
                           "\",\"subject\":\"s\",\"description\":\"%s\"," AUDIENCES "}",
                           long_one));
    assert_int_equal(count(f), 0);
    make(f, "abc", "s");
    expect_refused(f, "Request_MultipleObjectsWithSameKeyValue", 409, HTTP_POST, CREDENTIALS,
                   body_of(f, "ABC", "t"));
    expect_refused(f, invalid, 400, HTTP_POST, CREDENTIALS, body_of(f, "other", "s"));
    make(f, "other", "t");
    expect_refused(f, invalid, 400, HTTP_PATCH, CREDENTIALS "/other", "{\"subject\":\"s\"}");
    expect_refused(f, invalid, 400, HTTP_PATCH, CREDENTIALS "/other", "{\"name\":\"another\"}");
    expect_refused(f, invalid, 400, HTTP_PATCH, CREDENTIALS "/other", "{\"audiences\":null}");
    expect_refused(f, "Request_UnsupportedQuery", 400, HTTP_GET,
                   CREDENTIALS "?$filter=audiences%20eq%20'abc'", NULL);
}

static void a_list_can_be_filtered(void **state)
{
    static const struct {
        const char *filter;
        size_t count;
    } rows[] = {
        { "name%20eq%20'one'", 1 },
        { "subject%20eq%20'repo:o/r'", 1 },
        { "issuer%20eq%20'" ISSUER "'", 2 },
        { "issuer%20eq%20'" ISSUER "'%20and%20subject%20eq%20'2'", 1 },
        { "subject%20eq%20'other'", 0 },
    };
    struct fixture *f = *state;

    make(f, "one", "repo:o/r");
    make(f, "two", "2");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        yyjson_val *list =
            graph(f, 200, HTTP_GET, text_of(f, CREDENTIALS "?$filter=%s", rows[i].filter), NULL);

        assert_int_equal(yyjson_arr_size(yyjson_obj_get(list, "value")), rows[i].count);
    }
}

static void there_are_twenty_at_most(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++)
        make(f, text_of(f, "name-%d", i), text_of(f, "subject-%d", i));
    expect_refused(f, "InvalidFederatedIdentityCredentialValue", 400, HTTP_POST, CREDENTIALS,
                   body_of(f, "name-20", "subject-20"));
    graph(f, 204, HTTP_DELETE, CREDENTIALS "/name-7", NULL);
    make(f, "name-20", "subject-20");
}

/* Everybody with a token may read them, as the rest of the directory; who may not assign roles may not
 * make one. */
static void they_are_for_who_may(void **state)
{
    struct fixture *f = *state;

    make(f, "abc", "s");
    expect(f, 401, HTTP_GET, CREDENTIALS, NULL);
    expect(f, 401, HTTP_POST, CREDENTIALS, body_of(f, "new", "t"));
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_POST, CREDENTIALS, body_of(f, "new", "t"));
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_DELETE, CREDENTIALS "/abc", NULL);
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 403, HTTP_PATCH, CREDENTIALS "/abc", "{}");
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 200, HTTP_GET, CREDENTIALS "/abc", NULL);
    graph(f, 404, HTTP_GET, "/v1.0/applications/" ANN_ID "/federatedIdentityCredentials", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_life_of_one),          TEST(a_deleted_one_is_the_one_that_was_named),
        TEST(what_is_refused),          TEST(a_list_can_be_filtered),
        TEST(there_are_twenty_at_most), TEST(they_are_for_who_may),
    };

    return RUN_TESTS(tests);
}
