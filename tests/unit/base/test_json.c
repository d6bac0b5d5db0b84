/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/json_edit.h"

static int set_up(void **state)
{
    *state = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static yyjson_val *parse(struct arena *a, const char *text)
{
    struct error err = { 0 };
    yyjson_doc *doc = json_parse(a, str_from(text), &err);

    if (!doc)
        fail_msg("%s: %s", text, err.text);
    return yyjson_doc_get_root(doc);
}

static void keeps_text_as_it_was(void **state)
{
    static const char *const texts[] = {
        "null",
        "\"\"",
        "[]",
        "{}",
        "[1,-1,0,18446744073709551615,-9223372036854775808]",
        "[9007199254740993,0.1,1.5e300,-0.0]",
        "[123456789012345678901234567890,-18446744073709551616,1e999]",
        "{\"b\":1,\"a\":{\"d\":[],\"c\":null}}",
        "[\"a/b\",\"\\u0000\",\"\\n\\t\\\\\\\"\",\"\xC3\xBC\xF0\x9F\x98\x80\"]",
    };
    struct arena *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        yyjson_val *root = parse(a, texts[i]);
        yyjson_mut_doc *copy = json_copy(a, root);

        assert_string_equal(json_write(a, root).data, texts[i]);
        assert_int_equal(json_write(a, root).len, strlen(texts[i]));
        assert_string_equal(json_write_mut(a, yyjson_mut_doc_get_root(copy)).data, texts[i]);
    }
}

static void text_need_not_outlive_the_call(void **state)
{
    struct arena *a = *state;
    char text[] = "{\"name\":\"value\"}";
    struct error err;
    yyjson_doc *doc = json_parse(a, str_of(text, strlen(text)), &err);

    memset(text, 'x', sizeof(text));
    assert_true(str_equal(json_str(json_at(yyjson_doc_get_root(doc), "name")), STR("value")));
}

static void refuses_what_is_not_json(void **state)
{
    static const char *const texts[] = {
        "",      " ",        "{",           "[1,]",   "{\"a\":1,}", "{a:1}", "'a'",
        "01",    "1.",       ".5",          "+1",     "NaN",        "nul",   "[1]x",
        "//\n1", "\"\xFF\"", "\"\\ud800\"", "\"\n\"", "\"\\x\"",    "[1 2]", "\xEF\xBB\xBF[]",
    };
    struct arena *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = { 0 };

        assert_null(json_parse(a, str_from(texts[i]), &err));
        assert_int_equal(err.code, ERROR_BAD_REQUEST);
        assert_true(strlen(err.text) > 0);
    }
}

static void says_where_it_is_wrong(void **state)
{
    struct error err;

    assert_null(json_parse(*state, STR("{\"a\":tru}"), &err));
    assert_non_null(strstr(err.text, "at byte 5"));
}

static struct str nested(struct arena *a, size_t depth, const char *open, const char *shut)
{
    struct str text = STR_NONE;

    for (size_t i = 0; i < depth; i++)
        text = arena_printf(a, "%.*s%s", STR_ARGS(text), open);
    text = arena_printf(a, "%.*s1", STR_ARGS(text));
    for (size_t i = 0; i < depth; i++)
        text = arena_printf(a, "%.*s%s", STR_ARGS(text), shut);
    return text;
}

static void limits_the_depth(void **state)
{
    struct arena *a = *state;
    struct error err = { 0 };
    struct str beside = arena_printf(a, "[%.*s,%.*s]", STR_ARGS(nested(a, 63, "[", "]")),
                                     STR_ARGS(nested(a, 63, "{\"a\":", "}")));

    assert_non_null(json_parse(a, nested(a, JSON_DEPTH_MAX, "[", "]"), &err));
    assert_non_null(json_parse(a, nested(a, JSON_DEPTH_MAX, "{\"a\":", "}"), &err));
    assert_non_null(json_parse(a, beside, &err));
    assert_null(json_parse(a, nested(a, JSON_DEPTH_MAX + 1, "[", "]"), &err));
    assert_non_null(strstr(err.text, "64"));
    assert_null(json_parse(a, nested(a, JSON_DEPTH_MAX + 1, "{\"a\":", "}"), &err));
    assert_null(json_parse(a, nested(a, 1000, "[[],", "]"), &err));
}

/* "[1,1,1 ... ]" */
static struct str ones(struct arena *a, size_t count)
{
    char *text = arena_alloc_bytes(a, 2 * count + 1);

    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        text[2 * i + 1] = '1';
        text[2 * i + 2] = ',';
    }
    text[2 * count] = ']';
    return str_of(text, 2 * count + 1);
}

static void limits_the_memory(void **state)
{
    struct arena *a = *state;
    struct error err = { 0 };
    yyjson_doc *doc = json_parse(a, ones(a, 1000000), &err);

    assert_int_equal(yyjson_arr_size(yyjson_doc_get_root(doc)), 1000000);
    assert_null(json_parse(a, ones(a, 9000000), &err));
    assert_non_null(strstr(err.text, "too many values"));
}

static void looks_up(void **state)
{
    struct arena *a = *state;
    yyjson_val *root = parse(a, "{\"sku\":{\"name\":\"S0\",\"n\":{\"a.b\":1}},"
                                "\"Kind\":\"OpenAI\"}");
    yyjson_mut_val *copy = yyjson_mut_doc_get_root(json_copy(a, root));

    assert_true(str_equal(json_str(json_at(root, "sku.name")), STR("S0")));
    assert_true(str_equal(json_mut_str(json_mut_at(copy, "sku.name")), STR("S0")));
    assert_null(json_at(root, "sku.name.deeper"));
    assert_null(json_at(root, "sku.missing.x"));
    assert_null(json_at(root, "sku.n.a.b"));
    assert_null(json_at(NULL, "sku"));
    assert_null(json_mut_at(copy, "sku.missing.x"));
    assert_null(json_mut_at(NULL, "sku"));
    assert_null(json_str(json_at(root, "sku")).data);
    assert_null(json_str(NULL).data);
    assert_null(json_mut_str(NULL).data);
    assert_true(str_equal(json_str(json_get_nocase(root, STR("kind"))), STR("OpenAI")));
    assert_null(json_get_nocase(root, STR("kin")));
    assert_null(json_get_nocase(NULL, STR("kind")));
}

static void sets(void **state)
{
    struct arena *a = *state;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *deeper;
    char text[] = "value";

    yyjson_mut_doc_set_root(doc, root);
    json_set_str(doc, root, "text", str_of(text, 5));
    memset(text, 'x', 5);
    json_set_int(doc, root, "n", INT64_MIN);
    json_set_bool(doc, root, "yes", true);
    json_set_str(doc, root, "none", STR_NONE);
    deeper = json_set_object(doc, root, "deeper");
    json_set_int(doc, deeper, "x", 1);
    assert_ptr_equal(json_set_object(doc, root, "deeper"), deeper);
    assert_string_equal(json_write_mut(a, root).data,
                        "{\"text\":\"value\",\"n\":-9223372036854775808,\"yes\":true,"
                        "\"none\":\"\",\"deeper\":{\"x\":1}}");
    json_set_bool(doc, root, "n", false);
    json_set_object(doc, root, "yes");
    json_set(doc, root, "deeper", yyjson_mut_null(doc));
    assert_string_equal(json_write_mut(a, root).data,
                        "{\"text\":\"value\",\"n\":false,\"yes\":{},\"none\":\"\","
                        "\"deeper\":null}");
}

static void always_writes_valid_json(void **state)
{
    struct arena *a = *state;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_arr(doc);
    struct error err;
    struct str text;

    json_set_str(doc, root, "cut", STR("100\xE2\x82"));
    json_set_str(doc, root, "raw", STR("a\xFFz\xC3\xBC"));
    json_set_str(doc, root, "k\xFE", STR("v"));
    yyjson_mut_arr_add_strn(doc, list, "\xED\xA0\x80", 3);
    yyjson_mut_arr_add_real(doc, list, NAN);
    yyjson_mut_arr_add_real(doc, list, -INFINITY);
    json_set(doc, root, "list", list);
    text = json_write_mut(a, root);
    assert_string_equal(text.data,
                        "{\"cut\":\"100\xEF\xBF\xBD\xEF\xBF\xBD\","
                        "\"raw\":\"a\xEF\xBF\xBDz\xC3\xBC\",\"k\xEF\xBF\xBD\":\"v\","
                        "\"list\":[\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\",null,null]}");
    assert_non_null(json_parse(a, text, &err));
}

static void may_keep_numbers_as_text(void **state)
{
    static const char text[] = "[1,-0.10,1.0E+2,{\"a\":9007199254740993.0}]";
    struct arena *a = *state;
    struct error err;
    yyjson_doc *doc = json_parse_numbers_as_text(a, str_from(text), &err);

    assert_non_null(doc);
    assert_true(yyjson_is_raw(yyjson_arr_get_first(yyjson_doc_get_root(doc))));
    assert_string_equal(json_write(a, yyjson_doc_get_root(doc)).data, text);
    assert_null(json_parse_numbers_as_text(a, STR("[01]"), &err));
    assert_null(json_parse_numbers_as_text(a, STR("[1.]"), &err));
}

/* What yyjson itself writes of the same document. */
static void assert_written_as_by_yyjson(struct arena *a, const char *text)
{
    yyjson_val *root = parse(a, text);
    char *expected = yyjson_val_write(root, 0, NULL);

    assert_string_equal(json_write(a, root).data, expected);
    free(expected);
}

static void writes_as_yyjson_does(void **state)
{
    static const char *const texts[] = {
        "0",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
        "[1.5,-0.0,1e300,5e-324,0.1,-0.0523,123456789.125]",
        "[true,false,null,{},[],\"\",[[]]]",
        "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\"\\\\/\\u007f\"",
        "\"1234567\\\"\"",
        "\"12345678\\n123456789\\\\\"",
        "\"\xC3\xBC 12345678 \xF0\x9F\x98\x80 \\n\"",
        "{\"k\\\"\":{\"\\u0001\":[\"a\",\"b\"]}}",
    };
    struct arena *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_written_as_by_yyjson(a, texts[i]);
}

/* The text grows beyond its first room at each kind of value. */
static void writes_long_texts(void **state)
{
    static const char end[] = "\\n\",-12,{\"k\":1.5},true]";
    struct arena *a = *state;
    size_t size = 1000000;
    char *text = arena_alloc_bytes(a, 2 * size);

    for (size_t len = 2030; len < 2060; len++) {
        memset(text, 'x', len);
        memcpy(text, "[\"", 2);
        memcpy(text + len, end, sizeof(end));
        assert_written_as_by_yyjson(a, text);
    }
    memset(text, ' ', size);
    text[0] = '"';
    for (size_t i = 1; i + 2 < size; i += 2)
        memcpy(text + i, "\\t", 2);
    memcpy(text + size - 1 - size % 2, "\"", 2);
    assert_written_as_by_yyjson(a, text);
}

static void sorts_keys(void **state)
{
    struct arena *a = *state;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(json_copy(
        a, parse(a, "{\"usage\":{\"b\":1,\"a\":2},\"choices\":[{\"z\":1,\"index\":0},[{\"y\":1,"
                    "\"x\":2}]],\"id\":\"3\",\"\":0,\"Z\":1,\"\xC3\xBC\":1,\"ids\":{}}")));
    const char *sorted = "{\"\":0,\"Z\":1,\"choices\":[{\"index\":0,\"z\":1},[{\"x\":2,\"y\":1}]],"
                         "\"id\":\"3\",\"ids\":{},\"usage\":{\"a\":2,\"b\":1},\"\xC3\xBC\":1}";

    assert_string_equal(json_write_sorted(a, root).data, sorted);
    assert_string_equal(json_write_sorted(a, root).data, sorted);
    /* of members of one name the first, which is the one that is read */
    root = yyjson_mut_doc_get_root(json_copy(a, parse(a, "{\"b\":0,\"a\":1,\"a\":2,\"a\":3}")));
    assert_string_equal(json_write_sorted(a, root).data, "{\"a\":1,\"b\":0}");
}

static void writes_edits(void **state)
{
    struct arena *a = *state;
    yyjson_val *root = parse(a, "{\"z\":[2,{\"b\":1,\"a\":2}],\"model\":\"m\",\"timings\":{},"
                                "\"choices\":[{\"text\":\"t\",\"index\":0},{}],\"modelled\":1}");
    yyjson_val *choices = yyjson_obj_get(root, "choices");
    enum { COUNT = 4 };
    struct json_edit *items = json_edit_list(a, COUNT), first, edit;

    for (size_t i = 0; i < COUNT; i++)
        json_edit_init(&items[i], a, yyjson_arr_get(choices, i), 2);
    json_edit_text(&items[0], STR("finish_reason"), STR("null"));
    json_edit_string(&items[0], STR("text"), STR("\"\n"));
    json_edit_text(&items[2], STR("finish_reason"), STR("null"));
    json_edit_init(&first, a, NULL, 0);
    json_edit_init(&edit, a, root, 6);
    json_edit_integer(&edit, STR("created"), -7);
    json_edit_array(&edit, STR("choices"), items, COUNT);
    json_edit_string(&edit, STR("model"), STR("gpt"));
    json_edit_object(&edit, STR("first"), &first);
    json_edit_drop(&edit, STR("timings"));
    json_edit_drop(&edit, STR("absent"));
    assert_string_equal(
        json_write_edit(a, &edit).data,
        "{\"choices\":[{\"finish_reason\":null,\"index\":0,\"text\":\"\\\"\\n\"},{},"
        "{\"finish_reason\":null},{}],\"created\":-7,\"first\":{},"
        "\"model\":\"gpt\",\"modelled\":1,\"z\":[2,{\"a\":2,\"b\":1}]}");
}

/* A member that comes several times is changed once; more members than are sorted in place. */
static void writes_edits_of_odd_objects(void **state)
{
    struct arena *a = *state;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *many = yyjson_mut_obj(doc);
    struct json_edit edit;
    struct str text;
    struct error err;

    json_edit_init(&edit, a, parse(a, "{\"a\":1,\"b\":0,\"a\":2}"), 1);
    json_edit_integer(&edit, STR("a"), 3);
    assert_string_equal(json_write_edit(a, &edit).data, "{\"a\":3,\"b\":0}");
    for (int i = 0; i < 100; i++)
        yyjson_mut_obj_add_int(doc, many, arena_printf(a, "name%02d", 99 - i).data, i);
    edit.object = yyjson_doc_get_root(json_freeze(a, many));
    text = json_write_edit(a, &edit);
    assert_true(str_starts_with(text, STR("{\"a\":3,\"name00\":99,\"name01\":98,")));
    assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(json_parse(a, text, &err))), 101);
}

/* The first fifteen are the cases of RFC 7396, appendix A, that have an object on both sides. */
static void merges(void **state)
{
    static const char *const cases[][3] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        { "{\"a\":1}", "{\"a\":{\"b\":null,\"c\":[null]}}", "{\"a\":{\"c\":[null]}}" },
        { "{\"a\":1}", "{}", "{\"a\":1}" },
        { "{}", "{}", "{}" },
        { "{\"a\":{\"x\":1},\"b\":2}", "{\"a\":{}}", "{\"a\":{\"x\":1},\"b\":2}" },
        /* order: the target's members stay where they are, new ones follow in the patch's order */
        { "{\"c\":1,\"b\":2,\"a\":3}", "{\"z\":1,\"y\":2,\"a\":4,\"b\":null}",
          "{\"c\":1,\"a\":4,\"z\":1,\"y\":2}" },
        /* a name given twice in a patch: the last one counts */
        { "{\"a\":1}", "{\"a\":2,\"a\":3}", "{\"a\":3}" },
        { "{\"a\":1}", "{\"a\":2,\"a\":null}", "{}" },
        { "{}", "{\"a\":null,\"a\":2}", "{\"a\":2}" },
    };
    struct arena *a = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        yyjson_mut_doc *target = json_copy(a, parse(a, cases[i][0]));
        yyjson_mut_val *root = yyjson_mut_doc_get_root(target);

        json_merge(target, root, parse(a, cases[i][1]));
        assert_string_equal(json_write_mut(a, root).data, cases[i][2]);
    }
}

/* Looking each of these up in the target would take 10^10 steps, which no test survives. */
static void merges_many_members(void **state)
{
    enum { COUNT = 200000 };
    struct arena *a = *state;
    yyjson_mut_doc *target = json_new(a), *patch = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(target), *changes = yyjson_mut_obj(patch);
    struct error err;
    yyjson_doc *parsed;

    for (size_t i = 0; i < COUNT; i++) {
        struct str mine = arena_printf(a, "t%zu", i), theirs = arena_printf(a, "p%zu", i);

        yyjson_mut_obj_add_uint(target, root, mine.data, i);
        yyjson_mut_obj_add_uint(patch, changes, theirs.data, i);
    }
    parsed = json_parse(a, json_write_mut(a, changes), &err);
    json_merge(target, root, yyjson_doc_get_root(parsed));
    assert_int_equal(yyjson_mut_obj_size(root), 2 * COUNT);
}

static const struct {
    const char *json;
    const char *twice; /* NULL: none */
    bool has_nul;
} doubts[] = {
    { "{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}", NULL, false },
    { "[]", NULL, false },
    { "{}", NULL, false },
    { "{\"a\":1,\"b\":2,\"a\":3}", "a", false },
    { "{\"a\":1,\"b\":2,\"A\":3}", "a", false },
    { "{\"a\":1,\"\\u0061\":3}", "a", false },
    { "{\"\":1,\"\":3}", "", false },
    { "[{\"b\":[1,{\"x\":1,\"xy\":2,\"X\":{}}]}]", "x", false },
    { "{\"a\\u0000\":1,\"a\":2}", NULL, true },
    { "{\"a\":[\"x\\u0000y\"]}", NULL, true },
    { "\"\\u0000\"", NULL, true },
};

static void finds_what_is_in_doubt(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(doubts); i++) {
        struct arena *a = arena_new(NULL);
        struct error err;
        yyjson_doc *doc = json_parse(a, str_from(doubts[i].json), &err);
        struct str name;
        bool has_nul;

        assert_non_null(doc);
        json_find_doubts(a, doc, &name, &has_nul);
        assert_int_equal(has_nul, doubts[i].has_nul);
        assert_int_equal(name.data != NULL, doubts[i].twice != NULL);
        if (name.data)
            assert_int_equal(str_compare_nocase(name, str_from(doubts[i].twice)), 0);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_text_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_need_not_outlive_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_not_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_where_it_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_the_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_the_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(may_keep_numbers_as_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(looks_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(always_writes_valid_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_as_yyjson_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_long_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sorts_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_edits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_edits_of_odd_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(merges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(merges_many_members, set_up, tear_down),
        cmocka_unit_test(finds_what_is_in_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
