/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/sim_schema.h"

static struct arena *a;

static yyjson_val *parse(struct str text)
{
    struct error err;
    yyjson_doc *doc = json_parse(a, text, &err);

    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

static yyjson_val *sample(struct str schema, uint64_t seed)
{
    return parse(sim_schema_sample(a, parse(schema), seed));
}

static int set_up(void **state)
{
    (void)state;
    a = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static void fills_what_is_required(void **state)
{
    yyjson_val *v = sample(STR("{\"type\":\"object\",\"properties\":{"
                               "\"city\":{\"type\":\"string\"},"
                               "\"unit\":{\"type\":\"string\",\"enum\":[\"C\",\"F\"]},"
                               "\"days\":{\"type\":\"integer\",\"minimum\":30,\"maximum\":31},"
                               "\"skip\":{\"type\":\"string\"}},"
                               "\"required\":[\"city\",\"unit\",\"days\",\"loose\"]}"),
                           1);

    (void)state;
    assert_true(yyjson_is_str(yyjson_obj_get(v, "city")));
    assert_int_equal(json_str(yyjson_obj_get(v, "unit")).len, 1);
    assert_in_range(yyjson_get_int(yyjson_obj_get(v, "days")), 30, 31);
    assert_true(yyjson_is_str(yyjson_obj_get(v, "loose")));
    assert_null(yyjson_obj_get(v, "skip"));
}

static void keeps_to_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        yyjson_val *v = sample(STR("{\"type\":\"array\",\"minItems\":3,\"items\":{"
                                   "\"type\":\"number\",\"exclusiveMinimum\":0,"
                                   "\"exclusiveMaximum\":0.1}}"),
                               seed);
        yyjson_val *item;
        size_t i, count;

        assert_int_equal(yyjson_arr_size(v), 3);
        yyjson_arr_foreach(v, i, count, item)
            assert_true(yyjson_get_num(item) > 0 && yyjson_get_num(item) < 0.1);
        v = sample(STR("{\"type\":\"string\",\"minLength\":30,\"maxLength\":30}"), seed);
        assert_int_equal(yyjson_get_len(v), 30);
        v = sample(STR("{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":50,\"maximum\":56}"),
                   seed);
        assert_int_equal(yyjson_get_int(v), 56);
    }
}

static void follows_choices_and_references(void **state)
{
    yyjson_val *v = sample(STR("{\"$defs\":{\"P\":{\"type\":\"object\",\"properties\":{"
                               "\"x\":{\"const\":4}},\"required\":[\"x\"]}},"
                               "\"type\":\"object\",\"properties\":{"
                               "\"p\":{\"$ref\":\"#/$defs/P\"},"
                               "\"a\":{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"null\"}]},"
                               "\"m\":{\"allOf\":[{\"$ref\":\"#/$defs/P\"},"
                               "{\"properties\":{\"y\":{\"const\":5}},\"required\":[\"y\"]}]},"
                               "\"n\":{\"type\":[\"null\",\"integer\"]}},"
                               "\"required\":[\"p\",\"a\",\"m\",\"n\"]}"),
                           3);

    (void)state;
    assert_int_equal(yyjson_get_int(json_at(v, "p.x")), 4);
    assert_true(yyjson_is_bool(yyjson_obj_get(v, "a")));
    assert_int_equal(yyjson_get_int(json_at(v, "m.x")), 4);
    assert_int_equal(yyjson_get_int(json_at(v, "m.y")), 5);
    assert_true(yyjson_is_int(yyjson_obj_get(v, "n")));
}

static void ends_on_hostile_schemas(void **state)
{
    (void)state;
    sample(STR("{\"$ref\":\"#\"}"), 1);
    sample(
        STR("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"}},"
            "\"required\":[\"a\",\"b\"]}"),
        1);
    sample(STR("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}"), 1);
    sample(STR("{\"type\":\"array\",\"minItems\":1e9,\"items\":{\"$ref\":\"#\"}}"), 1);
    sample(STR("{\"type\":\"string\",\"minLength\":1e300,\"maxLength\":-4}"), 1);
    sample(STR("{\"type\":\"integer\",\"minimum\":1e300,\"multipleOf\":-1}"), 1);
    assert_int_equal(sim_schema_sample(a, NULL, 1).len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fills_what_is_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_to_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(follows_choices_and_references, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_on_hostile_schemas, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
