/* SPDX-License-Identifier: MIT */
#include "arm/type.h"
#include "fixture.h"

#define TAGS "/providers/Microsoft.Resources/tags/default?api-version=2022-09-01"
#define NAMES S "/tagNames"
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
    list = expect(f, 200, HTTP_GET, NAMES V, NULL);
    assert_int_equal(count_of(list), 3);
    assert_number(item_with(list, "tagName", "elsewhere"), "count.value", 1);
    team = item_with(list, "tagName", "Team");
    assert_number(team, "count.value", 2);
    assert_int_equal(yyjson_arr_size(json_at(team, "values")), 2);
    assert_text(yyjson_arr_get(json_at(team, "values"), 1), "tagValue", "b");
    assert_text(yyjson_arr_get(json_at(team, "values"), 1), "id", S "/tagNames/Team/tagValues/b");
}

/* -- Predefined names and values ------------------------------------------------------------- */

static yyjson_val *find_name(struct fixture *f, const char *name)
{
    return item_with(expect(f, 200, HTTP_GET, NAMES V, NULL), "tagName", name);
}

static void test_a_name_that_nobody_uses(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown = expect(f, 201, HTTP_PUT, NAMES "/Phase" V, NULL);

    assert_text(shown, "id", S "/tagNames/Phase");
    assert_text(shown, "tagName", "Phase");
    assert_number(shown, "count.value", 0);
    assert_int_equal(yyjson_arr_size(json_at(shown, "values")), 0);
    assert_text(expect(f, 200, HTTP_PUT, NAMES "/PHASE" V, NULL), "tagName", "Phase");
    shown = expect(f, 201, HTTP_PUT, NAMES "/phase/tagValues/a%20b" V, NULL);
    assert_text(shown, "id", S "/tagNames/Phase/tagValues/a b");
    assert_text(shown, "tagValue", "a b");
    assert_number(shown, "count.value", 0);
    expect(f, 200, HTTP_PUT, NAMES "/Phase/tagValues/a%20b" V, NULL);
    expect(f, 201, HTTP_PUT, NAMES "/Phase/tagValues/A%20B" V, NULL);
    shown = find_name(f, "Phase");
    assert_number(shown, "count.value", 0);
    assert_int_equal(yyjson_arr_size(json_at(shown, "values")), 2);
    expect(f, 200, HTTP_DELETE, NAMES "/Phase/tagValues/a%20b" V, NULL);
    expect(f, 204, HTTP_DELETE, NAMES "/Phase/tagValues/a%20b" V, NULL);
    expect_error(f, 409, "PredefinedTagInUse", "'phase' cannot be deleted. It has one or more",
                 HTTP_DELETE, NAMES "/phase" V, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/phase/tagValues/A%20B" V, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/phase" V, NULL);
    expect(f, 204, HTTP_DELETE, NAMES "/phase" V, NULL);
    assert_null(find_name(f, "Phase"));
}

static void test_predefined_and_in_use(void **state)
{
    static const char words[] =
        "The tag cannot be deleted. It is associated to one or more resources. Tag name 'team' and "
        "tag value 'a'.";
    struct fixture *f = *state;
    yyjson_val *shown;

    expect(f, 201, HTTP_PUT, NAMES "/team" V, NULL);
    expect(f, 201, HTTP_PUT, NAMES "/team/tagValues/a" V, NULL);
    expect(f, 201, HTTP_PUT, NAMES "/team/tagValues/b" V, NULL);
    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"Team\":\"a\"}"));
    expect(f, 200, HTTP_PUT, A TAGS, BODY("{\"team\":\"c\"}"));
    shown = find_name(f, "team");
    assert_number(shown, "count.value", 2);
    assert_int_equal(yyjson_arr_size(json_at(shown, "values")), 3);
    assert_number(yyjson_arr_get(json_at(shown, "values"), 0), "count.value", 1);
    assert_number(yyjson_arr_get(json_at(shown, "values"), 1), "count.value", 0);
    expect_error(f, 409, "PredefinedTagInUse", words, HTTP_DELETE, NAMES "/team/tagValues/a" V,
                 NULL);
    expect_error(f, 409, "PredefinedTagInUse",
                 "'team' cannot be deleted. It is associated to one or more resources.",
                 HTTP_DELETE, NAMES "/team" V, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/team/tagValues/b" V, NULL);
    expect(f, 200, HTTP_DELETE, G TAGS, NULL);
    expect(f, 200, HTTP_DELETE, A TAGS, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/team/tagValues/a" V, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/team" V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, NAMES V, NULL)), 0);
}

/* Also of a name that is only in use values may be defined. */
static void test_a_value_needs_its_name(void **state)
{
    static const char words[] = "Predefined tag name 'team' could not be found.";
    struct fixture *f = *state;

    expect_error(f, 404, "PredefinedTagNameNotFound", words, HTTP_PUT, NAMES "/team/tagValues/a" V,
                 NULL);
    expect_error(f, 404, "PredefinedTagNameNotFound", words, HTTP_DELETE,
                 NAMES "/team/tagValues/a" V, NULL);
    assert_null(find_name(f, "team"));
    expect(f, 200, HTTP_PUT, G TAGS, BODY("{\"team\":\"a\"}"));
    expect(f, 201, HTTP_PUT, NAMES "/team/tagValues/b" V, NULL);
    expect(f, 204, HTTP_DELETE, NAMES "/team/tagValues/c" V, NULL);
    assert_int_equal(yyjson_arr_size(json_at(find_name(f, "team"), "values")), 2);
}

static const char *long_path(struct fixture *f, const char *before, size_t count, const char *what)
{
    struct str path = str_from(before);

    for (size_t i = 0; i < count; i++)
        path = arena_printf(f->arena, "%.*s%s", STR_ARGS(path), what);
    return arena_printf(f->arena, "%.*s" V, STR_ARGS(path)).data;
}

static void test_names_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    static const char *const characters[] = {
        "%3C", "%3E", "%25", "%26", "%5C", "%3F", "%0A", "%C3"
    };
    static const char *const reserved[] = { "Microsoft", "azure.cost", "windowsTeam" };

    for (size_t i = 0; i < ARRAY_LEN(characters); i++)
        assert_text(expect_error(f, 400, "InvalidTagNameCharacters", "reserved characters",
                                 HTTP_PUT, long_path(f, NAMES "/a", 1, characters[i]), NULL),
                    "error.target", "tagName");
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        assert_text(expect_error(f, 400, "ReservedTagName", reserved[i], HTTP_PUT,
                                 long_path(f, NAMES "/", 1, reserved[i]), NULL),
                    "error.target", "tagName");
    assert_text(expect_error(f, 400, "InvalidTagNameLength", "'512' characters", HTTP_PUT,
                             long_path(f, NAMES "/", 513, "n"), NULL),
                "error.target", "tagName");
    expect(f, 201, HTTP_PUT, long_path(f, NAMES "/", 512, "%C3%A9"), NULL);
    expect(f, 201, HTTP_PUT, NAMES "/n" V, NULL);
    assert_text(expect_error(f, 400, "InvalidTagValueLength", "'256' characters", HTTP_PUT,
                             long_path(f, NAMES "/n/tagValues/", 257, "v"), NULL),
                "error.target", "tagValue");
    expect(f, 201, HTTP_PUT, long_path(f, NAMES "/n/tagValues/", 256, "%C3%A9"), NULL);
    assert_text(
        expect_error(f, 400, "BadRequest", "UTF-8", HTTP_PUT, NAMES "/n/tagValues/%C3" V, NULL),
        "error.target", "tagValue");
    expect(f, 201, HTTP_PUT, NAMES "/n/tagValues/%3C%3E%25" V, NULL);
    expect_error(f, 405, "MethodNotAllowed", "'GET'", HTTP_GET, NAMES "/n" V, NULL);
}

static void test_they_are_bounded(void **state)
{
    struct fixture *f = *state;

    fixture_fill(f, NAMES "/n/tagValues/", &arm_tag_values_type, 1999);
    expect(f, 201, HTTP_PUT, NAMES "/n" V, NULL);
    expect_error(f, 400, "BadRequest", "at most 2000", HTTP_PUT, NAMES "/more" V, NULL);
    expect_error(f, 400, "BadRequest", "at most 2000", HTTP_PUT, NAMES "/n/tagValues/x" V, NULL);
    expect(f, 200, HTTP_PUT, NAMES "/n/tagValues/7" V, NULL);
    expect(f, 200, HTTP_DELETE, NAMES "/n/tagValues/7" V, NULL);
    expect(f, 201, HTTP_PUT, NAMES "/n/tagValues/x" V, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_at_a_resource),
        T(test_merge_and_delete),
        T(test_at_other_scopes),
        T(test_refused),
        T(test_names),
        T(test_of_what_names_others),
        T(test_a_name_that_nobody_uses),
        T(test_predefined_and_in_use),
        T(test_a_value_needs_its_name),
        T(test_names_that_cannot_be),
        T(test_they_are_bounded),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
