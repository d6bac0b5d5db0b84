/* SPDX-License-Identifier: MIT */
#include "inference/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/json.h"

enum { FEATURE_SEED = 4 };

static const struct field fields[] = {
    { "flag", FIELD_BOOL, 0, 0, 0 },
    { "count", FIELD_INTEGER, 1, 128, 0 },
    { "share", FIELD_NUMBER, -2, 2, 0 },
    { "name", FIELD_STRING, 0, 0, 0 },
    { "stop", FIELD_STRING | FIELD_ARRAY, 1, 4, 0 },
    { "list", FIELD_ARRAY, 1, 3, 0 },
    { "object", FIELD_OBJECT, 0, 0, 0 },
    { "choice", FIELD_STRING | FIELD_OBJECT, 0, 0, 0 },
    { "seed", FIELD_INTEGER, -9223372036854775808.0, 9223372036854775807.0, FEATURE_SEED },
};

static unsigned features;
static struct error err;

static bool check(const char *json)
{
    struct arena *a = arena_new(NULL);
    yyjson_doc *doc = json_parse(a, str_from(json), &err);
    bool ok;

    assert_non_null(doc);
    features = 0;
    err = (struct error){ 0 };
    ok = fields_check(yyjson_doc_get_root(doc), fields, ARRAY_LEN(fields), "top.", &features, &err);
    arena_free(a);
    return ok;
}

static void expect_refused(const char *json, enum error_code code, const char *target,
                           const char *text)
{
    assert_false(check(json));
    assert_string_equal(error_info(err.code)->name, error_info(code)->name);
    assert_string_equal(err.target, target);
    assert_string_equal(err.text, text);
}

static void members_that_fit_pass(void **state)
{
    (void)state;
    assert_true(check("{}"));
    assert_true(check("{\"flag\":true,\"count\":1,\"share\":2,\"name\":\"\",\"stop\":\"x\","
                      "\"list\":[1,2,3],\"object\":{},\"choice\":\"auto\"}"));
    assert_true(check("{\"count\":128,\"share\":-2.0,\"stop\":[\"a\",\"b\"],\"choice\":{}}"));
    assert_int_equal(features, 0);
}

static void null_is_absent(void **state)
{
    (void)state;
    assert_true(check("{\"flag\":null,\"count\":null,\"list\":null,\"seed\":null}"));
    assert_int_equal(features, 0);
}

static void a_field_brings_its_feature(void **state)
{
    (void)state;
    assert_true(check("{\"seed\":-9223372036854775808}"));
    assert_int_equal(features, FEATURE_SEED);
}

static void unknown_members_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"flag\":true,\"nmae\":1}", ERROR_MODEL_REQUEST, "",
                   "Unrecognized request argument supplied: top.nmae");
    /* names end where JSON says so, not at a NUL */
    assert_false(check("{\"flag\\u0000\":true}"));
    assert_false(check("{\"\":true}"));
}

static void types_are_checked(void **state)
{
    (void)state;
    expect_refused("{\"count\":\"5\"}", ERROR_MODEL_TYPE, "top.count",
                   "Invalid type for 'top.count': expected an integer, but got a string instead.");
    expect_refused("{\"count\":1.5}", ERROR_MODEL_TYPE, "top.count",
                   "Invalid type for 'top.count': expected an integer, but got a decimal number "
                   "instead.");
    expect_refused("{\"flag\":1}", ERROR_MODEL_TYPE, "top.flag",
                   "Invalid type for 'top.flag': expected a boolean, but got an integer instead.");
    expect_refused("{\"stop\":{}}", ERROR_MODEL_TYPE, "top.stop",
                   "Invalid type for 'top.stop': expected one of a string or array, but got an "
                   "object instead.");
    expect_refused("{\"object\":[]}", ERROR_MODEL_TYPE, "top.object",
                   "Invalid type for 'top.object': expected an object, but got an array instead.");
    expect_refused("{\"share\":\"1\"}", ERROR_MODEL_TYPE, "top.share",
                   "Invalid type for 'top.share': expected a decimal, but got a string instead.");
}

static void ranges_are_checked(void **state)
{
    (void)state;
    expect_refused("{\"count\":0}", ERROR_MODEL_INTEGER_BELOW, "top.count",
                   "Invalid 'top.count': integer below minimum value. Expected a value >= 1, but "
                   "got 0 instead.");
    expect_refused("{\"count\":129}", ERROR_MODEL_INTEGER_ABOVE, "top.count",
                   "Invalid 'top.count': integer above maximum value. Expected a value <= 128, but "
                   "got 129 instead.");
    expect_refused("{\"share\":2.5}", ERROR_MODEL_DECIMAL_ABOVE, "top.share",
                   "Invalid 'top.share': decimal above maximum value. Expected a value <= 2, but "
                   "got 2.5 instead.");
    expect_refused("{\"share\":-3}", ERROR_MODEL_DECIMAL_BELOW, "top.share",
                   "Invalid 'top.share': decimal below minimum value. Expected a value >= -2, but "
                   "got -3 instead.");
    expect_refused("{\"list\":[]}", ERROR_MODEL_ARRAY_EMPTY, "top.list",
                   "Invalid 'top.list': empty array. Expected an array with minimum length 1, but "
                   "got an array with length 0 instead.");
    expect_refused("{\"list\":[1,2,3,4]}", ERROR_MODEL_ARRAY_LONG, "top.list",
                   "Invalid 'top.list': array too long. Expected an array with maximum length 3, "
                   "but got an array with length 4 instead.");
}

/* Numbers that no C type holds are numbers all the same, and out of every range. */
static void huge_numbers_are_out_of_range(void **state)
{
    (void)state;
    expect_refused("{\"count\":99999999999999999999}", ERROR_MODEL_INTEGER_ABOVE, "top.count",
                   "Invalid 'top.count': integer above maximum value. Expected a value <= 128, but "
                   "got 1e+20 instead.");
    assert_false(check("{\"count\":-99999999999999999999}"));
    assert_int_equal(err.code, ERROR_MODEL_INTEGER_BELOW);
    assert_false(check("{\"share\":1e999}"));
    assert_int_equal(err.code, ERROR_MODEL_DECIMAL_ABOVE);
    assert_false(check("{\"share\":-1e999}"));
    assert_int_equal(err.code, ERROR_MODEL_DECIMAL_BELOW);
    assert_false(check("{\"count\":1e999}"));
    assert_int_equal(err.code, ERROR_MODEL_TYPE);
    assert_false(check("{\"object\":1e999}"));
    assert_int_equal(err.code, ERROR_MODEL_TYPE);
    assert_false(check("{\"seed\":18446744073709551616}"));
    assert_false(check("{\"seed\":-9223372036854775809}"));
    assert_false(check("{\"seed\":9223372036854775808}"));
}

/* Two readers of one text may each take another of the two. */
static void a_member_is_there_once(void **state)
{
    (void)state;
    expect_refused("{\"count\":1,\"flag\":true,\"count\":2}", ERROR_MODEL_REQUEST, "top.count",
                   "Invalid 'top.count': it is given more than once.");
    assert_false(check("{\"count\":null,\"count\":2}"));
}

static void texts_quote_no_cut_character(void **state)
{
    (void)state;
    assert_false(check("{\"0123456789012345678901234567890123456789012345678901234567890123"
                       "\u00e9\":1}"));
    assert_true(str_is_utf8(str_from(err.text)));
    assert_false(check("{\"012345678901234567890123456789012345678901234567890123456789012"
                       "\u00e9\":1}"));
    assert_true(str_is_utf8(str_from(err.text)));
}

static void get_takes_null_for_absent(void **state)
{
    struct arena *a = arena_new(NULL);
    yyjson_doc *doc = json_parse(a, STR("{\"a\":1,\"b\":null}"), &err);
    yyjson_val *root = yyjson_doc_get_root(doc);

    (void)state;
    assert_non_null(fields_get(root, "a"));
    assert_null(fields_get(root, "b"));
    assert_null(fields_get(root, "c"));
    arena_free(a);
    assert_false(fields_missing(&err, "x"));
    assert_string_equal(err.text, "Missing required parameter: 'x'.");
    assert_string_equal(err.target, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_that_fit_pass),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(a_field_brings_its_feature),
        cmocka_unit_test(unknown_members_are_refused),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(huge_numbers_are_out_of_range),
        cmocka_unit_test(a_member_is_there_once),
        cmocka_unit_test(texts_quote_no_cut_character),
        cmocka_unit_test(get_takes_null_for_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
