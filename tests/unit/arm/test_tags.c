/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#define TAGS "/providers/Microsoft.Resources/tags/default?api-version=2022-09-01"
#define BODY(tags) "{\"properties\":{\"tags\":" tags "}}"
#define CHANGE(operation, tags) \
    "{\"operation\":\"" operation "\",\"properties\":{\"tags\":" tags "}}"

static size_t count_tags(yyjson_val *shown)
{
    return yyjson_obj_size(json_at(shown, "properties.tags"));
}

static void test_at_a_resource(void **state)
{
    struct fixture *f = *state;
    yyjson_val *before = expect(f, 200, HTTP_GET, A V, NULL), *shown;

    shown = expect(f, 200, HTTP_GET, A TAGS, NULL);
    assert_text(shown, "id", A "/providers/Microsoft.Resources/tags/default");
    assert_text(shown, "type", "Microsoft.Resources/tags");
    assert_text(shown, "name", "default");
    assert_int_equal(count_tags(shown), 0);
    shown = expect(f, 200, HTTP_PUT, A TAGS, BODY("{\"team\":\"a\",\"cost\":\"1\"}"));
    assert_int_equal(count_tags(shown), 2);
    shown = expect(f, 200, HTTP_GET, A V, NULL);
    assert_text(shown, "tags.team", "a");
    assert_text(shown, "kind", "OpenAI");
    assert_string_not_equal(yyjson_get_str(json_at(shown, "etag")),
                            yyjson_get_str(json_at(before, "etag")));
    shown = expect(f, 200, HTTP_PUT, A TAGS, BODY("{\"other\":\"x\"}"));
    assert_int_equal(count_tags(shown), 1);
    expect(f, 200, HTTP_DELETE, A TAGS, NULL);
    assert_int_equal(yyjson_obj_size(json_at(expect(f, 200, HTTP_GET, A V, NULL), "tags")), 0);
}

static void test_merge_and_delete(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"Team\":\"a\",\"cost\":\"1\"}"));
    shown = expect(f, 200, HTTP_PATCH, G TAGS, CHANGE("Merge", "{\"team\":\"b\",\"x\":\"y\"}"));
    assert_int_equal(count_tags(shown), 3);
    assert_text(shown, "properties.tags.team", "b");
    shown = expect(f, 200, HTTP_PATCH, G TAGS,
                   CHANGE("delete", "{\"cost\":\"2\",\"X\":\"y\",\"none\":\"\"}"));
    assert_int_equal(count_tags(shown), 2);
    assert_text(shown, "properties.tags.cost", "1");
    shown = expect(f, 200, HTTP_PATCH, G TAGS, CHANGE("Delete", "{\"COST\":\"\"}"));
    assert_int_equal(count_tags(shown), 1);
    shown = expect(f, 200, HTTP_PATCH, G TAGS, CHANGE("Replace", "{\"only\":\"this\"}"));
    assert_int_equal(count_tags(shown), 1);
    assert_text(expect(f, 200, HTTP_GET, G V, NULL), "tags.only", "this");
}

static void test_at_other_scopes(void **state)
{
    struct fixture *f = *state;

    expect(f, 200, HTTP_PUT, S TAGS, BODY("{\"a\":\"b\"}"));
    assert_text(expect(f, 200, HTTP_GET, S V, NULL), "tags.a", "b");
    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"},"
           "\"versionUpgradeOption\":\"NoAutoUpgrade\"}}");
    expect(f, 200, HTTP_PUT, A "/deployments/d" TAGS, BODY("{\"a\":\"b\"}"));
    assert_text(expect(f, 200, HTTP_GET, A "/deployments/d?api-version=2024-10-01", NULL), "tags.a",
                "b");
    assert_text(expect(f, 200, HTTP_GET, A "/deployments/d" V, NULL),
                "properties.versionUpgradeOption", "NoAutoUpgrade");
    expect(f, 404, HTTP_GET, S "/resourceGroups/none" TAGS, NULL);
    expect(f, 404, HTTP_GET, G "/providers/Microsoft.Resources/tags/other" V, NULL);
}

/* What names others of its account: these are looked for, although the path is the tags'. */
static void test_of_what_names_others(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        const char *body;
    } rows[] = {
        { A "/raiBlocklists/words", "{}" },
        { A "/raiPolicies/mine",
          "{\"properties\":{\"basePolicyName\":\"Microsoft.Default\",\"customBlocklists\":[{"
          "\"blocklistName\":\"words\",\"source\":\"Prompt\"}]}}" },
        { A "/deployments/d", "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"},"
                              "\"raiPolicyName\":\"mine\"}}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = arena_printf(f->arena, "%s?api-version=2024-10-01", rows[i].path).data;
        const char *tags = arena_printf(f->arena, "%s" TAGS, rows[i].path).data;

        expect(f, 201, HTTP_PUT, path, rows[i].body);
        expect(f, 200, HTTP_PUT, tags, BODY("{\"a\":\"b\"}"));
        assert_text(expect(f, 200, HTTP_GET, path, NULL), "tags.a", "b");
    }
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct str many = STR("{\"operation\":\"Merge\",\"properties\":{\"tags\":{");

    expect_error(f, 400, "InvalidRequestContent", "'properties.tags' is required", HTTP_PUT, G TAGS,
                 "{}");
    expect_error(f, 400, "InvalidRequestContent", "properties.tags", HTTP_PUT, G TAGS,
                 BODY("{\"a\":1}"));
    expect_error(f, 400, "InvalidRequestContent", "'operation' is required", HTTP_PATCH, G TAGS,
                 BODY("{\"a\":\"1\"}"));
    expect_error(f, 400, "InvalidRequestContent", "Merge|Replace|Delete", HTTP_PATCH, G TAGS,
                 CHANGE("Add", "{}"));
    expect_error(f, 400, "InvalidTagNameCharacters", "'a<b>' have reserved", HTTP_PUT, G TAGS,
                 BODY("{\"a<b>\":\"1\"}"));
    expect_error(f, 400, "InvalidTagNameCharacters", "reserved characters", HTTP_PATCH, A V,
                 "{\"tags\":{\"cost/center\":\"1\"}}");
    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"hidden-link: x.y_z#+='\":\"<>%&\"}"));
    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"one\":\"more\"}"));
    for (int i = 0; i < 50; i++)
        many = arena_printf(f->arena, "%.*s%s\"t%d\":\"\"", STR_ARGS(many), i ? "," : "", i);
    many = arena_printf(f->arena, "%.*s}}}", STR_ARGS(many));
    expect_error(f, 400, "InvalidRequestContent", "at most 50 tags", HTTP_PATCH, G TAGS, many.data);
    f->if_match = STR("\"wrong\"");
    expect_error(f, 412, "PreconditionFailed", "condition", HTTP_PUT, G TAGS, BODY("{}"));
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list, *team;

    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"Team\":\"a\"}"));
    expect(f, 200, HTTP_PUT, A TAGS, BODY("{\"team\":\"b\",\"cost\":\"1\"}"));
    expect(f, 200, HTTP_PUT, S TAGS, BODY("{\"elsewhere\":\"1\"}"));
    list = expect(f, 200, HTTP_GET, S "/tagNames?api-version=2022-09-01", NULL);
    assert_int_equal(count_of(list), 2);
    team = item_with(list, "tagName", "Team");
    assert_number(team, "count.value", 2);
    assert_int_equal(yyjson_arr_size(json_at(team, "values")), 2);
    assert_text(yyjson_arr_get(json_at(team, "values"), 1), "tagValue", "b");
    assert_text(yyjson_arr_get(json_at(team, "values"), 1), "id", S "/tagNames/Team/tagValues/b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_at_a_resource),   T(test_merge_and_delete),
        T(test_at_other_scopes), T(test_refused),
        T(test_names),           T(test_of_what_names_others),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
