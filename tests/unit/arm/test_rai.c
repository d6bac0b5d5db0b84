/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define LATE "?api-version=2024-10-01"
#define POLICY A "/raiPolicies/mine" LATE
#define LIST A "/raiBlocklists/words"
#define ITEM(name) LIST "/raiBlocklistItems/" name LATE
#define FILTER(members) "{\"properties\":{\"contentFilters\":[{" members "}]}}"

static void test_system_policies(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list = expect(f, 200, HTTP_GET, A "/raiPolicies" LATE, NULL), *shown;

    assert_int_equal(count_of(list), 2);
    shown = item_with(list, "name", "Microsoft.DefaultV2");
    assert_text(shown, "properties.type", "SystemManaged");
    assert_text(shown, "id", A "/raiPolicies/Microsoft.DefaultV2");
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.contentFilters")), 11);
    shown = expect(f, 200, HTTP_GET, A "/raiPolicies/microsoft.default" LATE, NULL);
    assert_text(shown, "name", "Microsoft.Default");
    assert_int_equal(yyjson_arr_size(json_at(shown, "properties.contentFilters")), 8);
    expect_error(f, 400, "BadRequest", "managed by the system", HTTP_PUT,
                 A "/raiPolicies/Microsoft.Default" LATE, "{}");
    expect_error(f, 400, "BadRequest", "managed by the system", HTTP_DELETE,
                 A "/raiPolicies/Microsoft.Default" LATE, NULL);
    expect(f, 404, HTTP_GET,
           G "/providers/Microsoft.CognitiveServices/accounts/none/raiPolicies/"
             "Microsoft.Default" LATE,
           NULL);
}

static void test_policy(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown =
        expect(f, 201, HTTP_PUT, POLICY,
               "{\"properties\":{\"mode\":\"asynchronous_filter\",\"basePolicyName\":"
               "\"microsoft.defaultv2\",\"contentFilters\":[{\"name\":\"Hate\",\"enabled\":true,"
               "\"blocking\":true,\"severityThreshold\":\"High\",\"source\":\"Prompt\"}]}}");
    struct answer a;

    assert_text(shown, "properties.type", "UserManaged");
    assert_text(shown, "properties.mode", "Asynchronous_filter");
    assert_text(shown, "properties.basePolicyName", "Microsoft.DefaultV2");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A "/raiPolicies" LATE, NULL)), 3);
    a = call(f, HTTP_GET, POLICY, NULL);
    expect(f, 200, HTTP_PUT, POLICY, arena_text(f->arena, a.text));
    a = call(f, HTTP_DELETE, POLICY, NULL);
    assert_int_equal(a.status, 202);
    assert_int_equal(
        call(f, HTTP_GET, arena_text(f->arena, str_slice(a.location, strlen(BASE), SIZE_MAX)), NULL)
            .status,
        200);
    expect(f, 204, HTTP_DELETE, POLICY, NULL);
}

static void test_policy_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *code;
        const char *target;
        const char *body;
    } rows[] = {
        { "InvalidRequestContent", "properties.contentFilters[0].name",
          FILTER("\"source\":\"Prompt\"") },
        { "BadRequest", "properties.contentFilters[0].name", FILTER("\"name\":\"Hat\"") },
        { "BadRequest", "properties.contentFilters[0].name", FILTER("\"name\":\"Hatee\"") },
        { "InvalidRequestContent", "properties.contentFilters[0].severityThreshold",
          FILTER("\"name\":\"Hate\",\"severityThreshold\":\"Some\"") },
        { "InvalidRequestContent", "properties.contentFilters[0].source",
          FILTER("\"name\":\"Hate\",\"source\":\"Both\"") },
        { "InvalidRequestContent", "properties.contentFilters[1]",
          "{\"properties\":{\"contentFilters\":[{\"name\":\"Hate\"},5]}}" },
        { "InvalidRequestContent", "properties.customBlocklists[0].blocklistName",
          "{\"properties\":{\"customBlocklists\":[{}]}}" },
        { "BadRequest", "properties.customBlocklists[0].blocklistName",
          "{\"properties\":{\"customBlocklists\":[{\"blocklistName\":\"none\"}]}}" },
        { "BadRequest", "properties.basePolicyName",
          "{\"properties\":{\"basePolicyName\":\"none\"}}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        yyjson_val *error = expect(f, 400, HTTP_PUT, POLICY, rows[i].body);

        assert_text(error, "error.code", rows[i].code);
        assert_text(error, "error.target", rows[i].target);
    }
    expect(f, 404, HTTP_GET, POLICY, NULL);
}

/* As Azure's own pages and the portal write them; what nobody knows of an item is dropped. */
static void test_names_of_filters(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "hate", "Protected Material Text", "indirect_attack",
                                         "protected_material_code", "IndirectAttack" };
    yyjson_val *shown;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str body = arena_printf(
            f->arena, FILTER("\"name\":\"%s\",\"source\":\"prompt\",\"other\":1"), names[i]);

        shown = expect(f, i ? 200 : 201, HTTP_PUT, POLICY, body.data);
        shown = yyjson_arr_get_first(json_at(shown, "properties.contentFilters"));
        assert_text(shown, "name", names[i]);
        assert_text(shown, "source", "Prompt");
        assert_absent(shown, "other");
    }
}

static void test_policy_of_a_deployment(void **state)
{
    struct fixture *f = *state;
    const char *path = A "/deployments/d" LATE;
    const char *body = "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"},"
                       "\"raiPolicyName\":\"Mine\"}}";

    expect_error(f, 400, "InvalidResourceProperties", "'Mine' of account deployment", HTTP_PUT,
                 path, body);
    expect(f, 201, HTTP_PUT, POLICY, "{}");
    assert_text(expect(f, 201, HTTP_PUT, path, body), "properties.raiPolicyName", "mine");
    expect_error(f, 409, "CannotDeleteResource", "used by the deployment 'd'", HTTP_DELETE, POLICY,
                 NULL);
    assert_text(expect(f, 200, HTTP_PATCH, path,
                       "{\"properties\":{\"raiPolicyName\":\"microsoft.defaultv2\"}}"),
                "properties.raiPolicyName", "Microsoft.DefaultV2");
    expect(f, 202, HTTP_DELETE, POLICY, NULL);
}

static void test_blocklist(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    expect_error(f, 404, "ParentResourceNotFound", "raiBlocklists/words", HTTP_PUT, ITEM("a"),
                 "{\"properties\":{\"pattern\":\"x\"}}");
    shown = expect(f, 201, HTTP_PUT, LIST LATE, "{\"properties\":{\"description\":\"d\"}}");
    assert_text(shown, "properties.description", "d");
    shown = expect(f, 201, HTTP_PUT, ITEM("a"), "{\"properties\":{\"pattern\":\"x\"}}");
    assert_text(shown, "id", LIST "/raiBlocklistItems/a");
    assert_false(yyjson_get_bool(json_at(shown, "properties.isRegex")));
    expect_error(f, 400, "InvalidRequestContent", "1 to 1000 characters", HTTP_PUT, ITEM("b"),
                 "{}");
    expect(f, 201, HTTP_PUT, POLICY,
           "{\"properties\":{\"customBlocklists\":[{\"blocklistName\":\"words\",\"blocking\":true,"
           "\"source\":\"Prompt\"}]}}");
    expect(f, 202, HTTP_DELETE, ITEM("a"), NULL);
    expect(f, 201, HTTP_PUT, ITEM("a"), "{\"properties\":{\"pattern\":\"x\"}}");
    expect(f, 202, HTTP_DELETE, LIST LATE, NULL);
    expect(f, 404, HTTP_GET, ITEM("a"), NULL);
}

/* Many items at once: all, or none. */
static void test_batches(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    expect(f, 404, HTTP_POST, LIST "/addRaiBlocklistItems" LATE, "[]");
    expect(f, 201, HTTP_PUT, LIST LATE, "{}");
    expect_error(f, 400, "InvalidRequestContent", "must be an array", HTTP_POST,
                 LIST "/addRaiBlocklistItems" LATE, "{}");
    expect_error(
        f, 400, "InvalidResourceName", "''", HTTP_POST, LIST "/addRaiBlocklistItems" LATE,
        "[{\"name\":\"a\",\"properties\":{\"pattern\":\"x\"}},{\"properties\":{\"pattern\":"
        "\"y\"}}]");
    expect(f, 404, HTTP_GET, ITEM("a"), NULL);
    shown = expect(f, 200, HTTP_POST, LIST "/addRaiBlocklistItems" LATE,
                   "[{\"name\":\"a\",\"properties\":{\"pattern\":\"x\",\"isRegex\":true}},"
                   "{\"name\":\"b\",\"properties\":{\"pattern\":\"y\"}}]");
    assert_text(shown, "name", "words");
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, LIST "/raiBlocklistItems" LATE, NULL)), 2);
    assert_int_equal(
        call(f, HTTP_POST, LIST "/deleteRaiBlocklistItems" LATE, "[\"A\",\"none\"]").status, 204);
    expect(f, 404, HTTP_GET, ITEM("a"), NULL);
    expect(f, 200, HTTP_GET, ITEM("b"), NULL);
    expect_error(f, 400, "InvalidRequestContent", "array of strings", HTTP_POST,
                 LIST "/deleteRaiBlocklistItems" LATE, "[5]");
}

static void test_content_filters(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list =
        expect(f, 200, HTTP_GET, CS "/locations/East%20US/raiContentFilters" LATE, NULL);

    assert_int_equal(count_of(list), 13);
    assert_text(expect(f, 200, HTTP_GET,
                       CS "/locations/eastus/raiContentFilters/indirectAttack" LATE, NULL),
                "id", CS "/locations/eastus/raiContentFilters/IndirectAttack");
    expect(f, 404, HTTP_GET, CS "/locations/eastus/raiContentFilters/none" LATE, NULL);
    expect(f, 400, HTTP_GET, CS "/locations/mars/raiContentFilters" LATE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_system_policies),
        T(test_policy),
        T(test_policy_refused),
        T(test_names_of_filters),
        T(test_policy_of_a_deployment),
        T(test_blocklist),
        T(test_batches),
        T(test_content_filters),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
