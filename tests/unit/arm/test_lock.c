/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define LOCKS "/providers/Microsoft.Authorization/locks"
#define LV "?api-version=2016-09-01"
#define LOCK LOCKS "/mine" LV
#define LEVEL(level) "{\"properties\":{\"level\":\"" level "\",\"notes\":\"n\"}}"
#define DEPLOYMENT "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}"
#define ACCOUNT "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}"

static void expect_locked(struct fixture *f, const char *words, enum http_method method,
                          const char *path, const char *body)
{
    expect_error(f, 409, "ScopeLocked", words, method, path, body);
}

static void test_crud(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 201, HTTP_PUT, A LOCK, LEVEL("cannotdelete"));

    assert_text(shown, "id", A LOCKS "/mine");
    assert_text(shown, "name", "mine");
    assert_text(shown, "type", "Microsoft.Authorization/locks");
    assert_text(shown, "properties.level", "CanNotDelete");
    assert_text(shown, "properties.notes", "n");
    expect(f, 200, HTTP_PUT, A LOCK, LEVEL("ReadOnly"));
    assert_text(expect(f, 200, HTTP_GET, A LOCK, NULL), "properties.level", "ReadOnly");
    expect(f, 200, HTTP_DELETE, A LOCK, NULL);
    expect(f, 204, HTTP_DELETE, A LOCK, NULL);
    expect(f, 404, HTTP_GET, A LOCK, NULL);
    expect_error(f, 400, "InvalidRequestContent", "'properties.level' is required", HTTP_PUT,
                 A LOCK, "{}");
    expect_error(f, 400, "InvalidRequestContent", "CanNotDelete|ReadOnly", HTTP_PUT, A LOCK,
                 LEVEL("Some"));
    expect_error(f, 400, "InvalidResourceName", "lock name", HTTP_PUT, A LOCKS "/a%3Fb" LV,
                 LEVEL("ReadOnly"));
    expect(f, 404, HTTP_PUT, S "/resourceGroups/none" LOCK, LEVEL("ReadOnly"));
}

/* It holds for what is below and, of a deletion, above. */
static void test_cannot_delete(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, A LOCK, LEVEL("CanNotDelete"));
    expect_locked(f,
                  "The scope '" A "/deployments/d' cannot perform delete operation because "
                  "following scope(s) are locked: '" A "'. Please remove the lock and try again.",
                  HTTP_DELETE, A "/deployments/d" V, NULL);
    expect_locked(f, "scope '" A "' cannot perform delete", HTTP_DELETE, A V, NULL);
    expect_locked(f, "locked: '" A "'", HTTP_DELETE, G V, NULL);
    expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{\"a\":\"b\"}}");
    expect(f, 201, HTTP_PUT, A "/deployments/e" V, DEPLOYMENT);
    expect(f, 200, HTTP_POST, A "/listKeys" V, NULL);
    /* a neighbour whose name begins in the same way */
    expect(f, 201, HTTP_PUT, A "2" V, ACCOUNT);
    expect(f, 200, HTTP_DELETE, A "2" V, NULL);
    expect(f, 200, HTTP_DELETE, A LOCK, NULL);
    expect(f, 202, HTTP_DELETE, G V, NULL);
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, G LOCK, LEVEL("ReadOnly"));
    expect_locked(f,
                  "cannot perform write operation because following scope(s) are locked: '" G "'",
                  HTTP_PATCH, A V, "{}");
    expect_locked(f, "write", HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    expect_locked(f, "write", HTTP_POST, A "/listKeys" V, NULL);
    expect_locked(f, "write", HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    expect_locked(f, "write", HTTP_PUT, A "/providers/Microsoft.Resources/tags/default" V,
                  "{\"properties\":{\"tags\":{}}}");
    expect_locked(f, "delete", HTTP_DELETE, A V, NULL);
    expect(f, 200, HTTP_GET, A V, NULL);
    expect(f, 201, HTTP_PUT, S "/resourceGroups/other" V, "{\"location\":\"eastus\"}");
    /* locks are not locked */
    expect(f, 201, HTTP_PUT, A LOCK, LEVEL("CanNotDelete"));
    expect(f, 200, HTTP_DELETE, G LOCK, NULL);
    expect(f, 200, HTTP_PATCH, A V, "{}");
}

static void test_at_the_subscription(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, S LOCK, LEVEL("CanNotDelete"));
    expect(f, 201, HTTP_PUT, A LOCK, LEVEL("ReadOnly"));
    expect_locked(f, "locked: '" S "," A "'", HTTP_DELETE, A V, NULL);
    expect(f, 201, HTTP_PUT, S "/resourceGroups/other" V, "{\"location\":\"eastus\"}");
    expect_locked(f, "locked: '" S "'", HTTP_DELETE, S "/resourceGroups/other" V, NULL);
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    const char *here = G LOCKS LV "&$filter=atScope()";

    expect(f, 201, HTTP_PUT, S LOCKS "/s" LV, LEVEL("CanNotDelete"));
    expect(f, 201, HTTP_PUT, G LOCKS "/g" LV, LEVEL("CanNotDelete"));
    expect(f, 201, HTTP_PUT, A LOCKS "/a" LV, LEVEL("CanNotDelete"));
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S LOCKS LV, NULL)), 3);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, G LOCKS LV, NULL)), 2);
    assert_null(item_with(expect(f, 200, HTTP_GET, here, NULL), "name", "a"));
    assert_non_null(item_with(expect(f, 200, HTTP_GET, here, NULL), "name", "s"));
    expect_error(f, 400, "InvalidFilterInQueryString", "atScope()", HTTP_GET,
                 G LOCKS LV "&$filter=name%20eq%20'a'", NULL);
    expect(f, 404, HTTP_GET, S "/resourceGroups/none" LOCKS LV, NULL);
}

/* With what they are on, they go. */
static void test_goes_with_its_resource(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, S "/resourceGroups/other" V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, A "/deployments/d" V, DEPLOYMENT);
    expect(f, 201, HTTP_PUT, A "/deployments/d" LOCK, LEVEL("ReadOnly"));
    expect_locked(f, "deployments/d'", HTTP_DELETE, A V, NULL);
    expect(f, 200, HTTP_DELETE, A "/deployments/d" LOCK, NULL);
    expect(f, 200, HTTP_DELETE, A "/deployments/d" V, NULL);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S LOCKS LV, NULL)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_crud),      T(test_cannot_delete),
        T(test_read_only), T(test_at_the_subscription),
        T(test_list),      T(test_goes_with_its_resource),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
