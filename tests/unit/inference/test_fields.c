/* SPDX-License-Identifier: MIT */
#include "inference/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/json.h"

enum { FEATURE_SEED = 4 };

static const char *const kinds[] = { "small", "large", "huge", NULL };
static const char *const two[] = { "yes", "no", NULL };

enum kind { SMALL = 1 << 0, LARGE = 1 << 1, HUGE_KIND = 1 << 2 };

/* What is told apart by `kind`. */
static const struct field item_list[] = {
    FIELD("kind", FIELD_STRING, .values = kinds),
    FIELD("size", FIELD_INTEGER, 0, 9, .only = SMALL, .required = SMALL),
    FIELD("label", FIELD_STRING | FIELD_NAME, .required = LARGE | HUGE_KIND),
    FIELD("size", FIELD_STRING, .only = LARGE),
};
static const struct fields item_fields = FIELDS_BY(item_list, "kind");

static const struct field top_list[] = {
    FIELD("flag", FIELD_BOOL),
    FIELD("count", FIELD_INTEGER, 1, 128),
    FIELD("share", FIELD_NUMBER, -2, 2),
    FIELD("name", FIELD_STRING),
    FIELD("stop", FIELD_STRING | FIELD_ARRAY | FIELD_FILLED, 1, 4, .items = FIELD_STRING),
    FIELD("list", FIELD_ARRAY, 1, 3),
    FIELD("object", FIELD_OBJECT),
    FIELD("choice", FIELD_STRING | FIELD_OBJECT),
    FIELD("answer", FIELD_STRING, .values = two),
    FIELD("seed", FIELD_INTEGER, FIELD_INT64_MIN, FIELD_INT64_MAX, FEATURE_SEED),
    FIELD("items", FIELD_ARRAY, .items = FIELD_OBJECT, .members = &item_fields),
};
static const struct fields top_fields = FIELDS(top_list);

static const struct field request_list[] = {
    FIELD("top", FIELD_OBJECT, .required = FIELD_ALWAYS, .members = &top_fields),
};
static const struct fields request_fields = FIELDS(request_list);

static struct catalog_engine engine = { .kind = ENGINE_SIM };
static struct directory_deployment deployment = { .engine = &engine };
static struct exchange exchange = { .deployment = &deployment };
static struct error err;

static bool check_request(const char *json)
{
    struct arena *a = arena_new(NULL);
    yyjson_doc *doc = json_parse(a, str_from(json), &err);
    bool ok;

    assert_non_null(doc);
    exchange.facts.features = 0;
    err = (struct error){ 0 };
    ok = fields_check(&exchange, yyjson_doc_get_root(doc), &request_fields, &err);
    arena_free(a);
    return ok;
}

/* Of the member `top`. */
static bool check(const char *json)
{
    static char request[1024];

    snprintf(request, sizeof(request), "{\"top\":%s}", json);
    return check_request(request);
}

static void expect_error(enum error_code code, const char *target, const char *text)
{
    assert_string_equal(error_info(err.code)->name, error_info(code)->name);
    assert_string_equal(err.target, target);
    assert_string_equal(err.text, text);
}

static void expect_refused(const char *json, enum error_code code, const char *target,
                           const char *text)
{
    assert_false(check(json));
    expect_error(code, target, text);
}

static void members_that_fit_pass(void **state)
{
    (void)state;
    assert_true(check("{}"));
    assert_true(check("{\"flag\":true,\"count\":1,\"share\":2,\"name\":\"\",\"stop\":\"x\","
                      "\"list\":[1,2,3],\"object\":{},\"choice\":\"auto\"}"));
    assert_true(check("{\"count\":128,\"share\":-2.0,\"stop\":[\"a\",\"b\"],\"choice\":{}}"));
    assert_int_equal(exchange.facts.features, 0);
}

static void null_is_absent(void **state)
{
    (void)state;
    assert_true(check("{\"flag\":null,\"count\":null,\"list\":null,\"seed\":null}"));
    assert_int_equal(exchange.facts.features, 0);
}

static void a_field_brings_its_feature(void **state)
{
    (void)state;
    assert_true(check("{\"seed\":-9223372036854775808}"));
    assert_int_equal(exchange.facts.features, FEATURE_SEED);
}

static void unknown_members_are_refused(void **state)
{
    (void)state;
    assert_false(check_request("{\"top\":{},\"nmae\":1,\"more\":2}"));
    expect_error(ERROR_MODEL_REQUEST, "", "Unrecognized request arguments supplied: nmae, more");
    assert_false(check_request("{\"a\":1,\"b\":2,\"top\":{},\"c\":3,\"d\":4,\"e\":5}"));
    expect_error(ERROR_MODEL_REQUEST, "", "Unrecognized request arguments supplied: a, b, c, d");
    assert_false(check_request("{\"top\":{},\"nmae\":1}"));
    expect_error(ERROR_MODEL_REQUEST, "", "Unrecognized request argument supplied: nmae");
    expect_refused("{\"flag\":true,\"nmae\":1}", ERROR_MODEL_REQUEST, "",
                   "Additional properties are not allowed ('nmae' was unexpected) - 'top'");
    expect_refused("{\"nmae\":1,\"more\":null}", ERROR_MODEL_REQUEST, "",
                   "Additional properties are not allowed ('nmae', 'more' were unexpected) - "
                   "'top'");
    expect_refused("{\"items\":[{\"kind\":\"small\",\"size\":1,\"weight\":5}]}",
                   ERROR_MODEL_REQUEST, "",
                   "Additional properties are not allowed ('weight' was unexpected) - "
                   "'top.items.0'");
    exchange.surface = SURFACE_V1;
    expect_refused("{\"items\":[{\"kind\":\"small\",\"size\":1,\"weight\":5}]}",
                   ERROR_MODEL_UNKNOWN, "top.items[0].weight",
                   "Unknown parameter: 'top.items[0].weight'.");
    exchange.surface = SURFACE_DATED;
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
                   "Invalid type for 'top.stop': expected one of a string or array of strings, but "
                   "got an object instead.");
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
                   "got an empty array instead.");
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
                   "got 99999999999999999999 instead.");
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
    expect_refused("{\"seed\":18446744073709551616}", ERROR_MODEL_INTEGER_ABOVE, "top.seed",
                   "Invalid 'top.seed': integer above maximum value. Expected a value <= "
                   "9223372036854775807, but got 18446744073709551616 instead.");
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

static void what_must_be_there_is_missed(void **state)
{
    (void)state;
    assert_false(check_request("{}"));
    expect_error(ERROR_MODEL_MISSING, "top", "Missing required parameter: 'top'.");
    assert_false(check_request("{\"top\":null}"));
    expect_error(ERROR_MODEL_MISSING, "top", "Missing required parameter: 'top'.");
}

static void texts_may_be_of_a_few(void **state)
{
    (void)state;
    assert_true(check("{\"answer\":\"no\"}"));
    expect_refused("{\"answer\":\"perhaps\"}", ERROR_MODEL_VALUE, "top.answer",
                   "Invalid value: 'perhaps'. Supported values are: 'yes' and 'no'.");
    expect_refused("{\"answer\":5}", ERROR_MODEL_TYPE, "top.answer",
                   "Invalid type for 'top.answer': expected one of 'yes' or 'no', but got an "
                   "integer instead.");
    expect_refused("{\"answer\":[\"no\"]}", ERROR_MODEL_TYPE, "top.answer",
                   "Invalid type for 'top.answer': expected one of 'yes' or 'no', but got an "
                   "array instead.");
}

static void texts_may_have_to_say_something(void **state)
{
    (void)state;
    expect_refused("{\"stop\":\"\"}", ERROR_MODEL_STRING_EMPTY, "top.stop",
                   "Invalid 'top.stop': empty string. Expected a string with minimum length 1, but "
                   "got an empty string instead.");
    expect_refused("{\"stop\":[\"a\",\"\"]}", ERROR_MODEL_STRING_EMPTY, "top.stop[1]",
                   "Invalid 'top.stop[1]': empty string. Expected a string with minimum length 1, "
                   "but got an empty string instead.");
    expect_refused("{\"stop\":[\"a\",5]}", ERROR_MODEL_TYPE, "top.stop[1]",
                   "Invalid type for 'top.stop[1]': expected a string, but got an integer "
                   "instead.");
    expect_refused("{\"stop\":[null]}", ERROR_MODEL_TYPE, "top.stop[0]",
                   "Invalid type for 'top.stop[0]': expected a string, but got null instead.");
}

#define LARGE_ITEM(label) "{\"items\":[{\"kind\":\"large\",\"label\":\"" label "\"}]}"

static void names_have_a_pattern_and_a_length(void **state)
{
    (void)state;
    assert_true(check(LARGE_ITEM("Ab_c-9")));
    assert_true(
        check(LARGE_ITEM("0123456789012345678901234567890123456789012345678901234567890123")));
    expect_refused(LARGE_ITEM("a b"), ERROR_MODEL_VALUE, "top.items[0].label",
                   "Invalid 'top.items[0].label': string does not match pattern. Expected a string "
                   "that matches the pattern '^[a-zA-Z0-9_-]+$'.");
    expect_refused(LARGE_ITEM("a.b"), ERROR_MODEL_VALUE, "top.items[0].label", err.text);
    expect_refused(LARGE_ITEM(""), ERROR_MODEL_STRING_EMPTY, "top.items[0].label",
                   "Invalid 'top.items[0].label': empty string. Expected a string with minimum "
                   "length 1, but got an empty string instead.");
    expect_refused(
        LARGE_ITEM("01234567890123456789012345678901234567890123456789012345678901234"),
        ERROR_MODEL_STRING_LONG, "top.items[0].label",
        "Invalid 'top.items[0].label': string too long. Expected a string with maximum length 64, "
        "but got a string with length 65 instead.");
}

static void a_tag_says_what_else_is_there(void **state)
{
    (void)state;
    assert_true(check("{\"items\":[{\"size\":1,\"kind\":\"small\"},"
                      "{\"kind\":\"large\",\"size\":\"x\",\"label\":\"x\"}]}"));
    assert_true(check("{\"items\":[{\"kind\":\"huge\",\"label\":\"a\",\"size\":null}]}"));
    expect_refused("{\"items\":[{\"kind\":\"huge\",\"label\":\"a\",\"size\":1}]}",
                   ERROR_MODEL_REQUEST, "",
                   "Additional properties are not allowed ('size' was unexpected) - "
                   "'top.items.0'");
    expect_refused("{\"items\":[{\"kind\":\"small\"}]}", ERROR_MODEL_MISSING, "top.items[0].size",
                   "Missing required parameter: 'top.items[0].size'.");
    expect_refused("{\"items\":[{\"kind\":\"large\",\"label\":\"a\",\"size\":1}]}",
                   ERROR_MODEL_TYPE, "top.items[0].size",
                   "Invalid type for 'top.items[0].size': expected a string, but got an integer "
                   "instead.");
    expect_refused("{\"items\":[{}]}", ERROR_MODEL_MISSING, "top.items[0].kind",
                   "Missing required parameter: 'top.items[0].kind'.");
    expect_refused("{\"items\":[{\"kind\":null}]}", ERROR_MODEL_MISSING, "top.items[0].kind",
                   "Missing required parameter: 'top.items[0].kind'.");
    expect_refused("{\"items\":[{\"kind\":true}]}", ERROR_MODEL_TYPE, "top.items[0].kind",
                   "Invalid type for 'top.items[0].kind': expected one of 'small', 'large', or "
                   "'huge', but got a boolean instead.");
    expect_refused("{\"items\":[{\"kind\":\"tiny\"}]}", ERROR_MODEL_VALUE, "top.items[0].kind",
                   "Invalid value: 'tiny'. Supported values are: 'small', 'large', and 'huge'.");
    expect_refused("{\"items\":[{\"kind\":\"small\",\"size\":1,\"kind\":\"large\"}]}",
                   ERROR_MODEL_REQUEST, "top.items[0].kind",
                   "Invalid 'top.items[0].kind': it is given more than once.");
    expect_refused("{\"items\":[5]}", ERROR_MODEL_TYPE, "top.items[0]",
                   "Invalid type for 'top.items[0]': expected an object, but got an integer "
                   "instead.");
    expect_refused("{\"items\":{}}", ERROR_MODEL_TYPE, "top.items",
                   "Invalid type for 'top.items': expected an array of objects, but got an object "
                   "instead.");
}

static void what_the_engine_lacks_is_refused(void **state)
{
    (void)state;
    exchange.facts.lacks = FEATURE_SEED;
    expect_refused("{\"seed\":1}", ERROR_MODEL_UNSUPPORTED, "top.seed",
                   "Unsupported parameter: 'top.seed' is not supported with this model.");
    assert_true(check("{\"seed\":null}"));
    exchange.facts.lacks = 0;
}

static const char *const lookalikes[] = {
    "Count",        "COUNT",         "\\u017Ftop",   "\\u017Feed",   "\\u017Fhare",
    "count\\u0000", "count\\u0000x", "\\u0000count", "other\\u0000",
};

/* An engine whose reader goes by other rules than lazuli's would see what nobody has checked. */
static void lookalikes_are_not_passed_on(void **state)
{
    char json[64];

    (void)state;
    engine.kind = ENGINE_UPSTREAM;
    for (size_t i = 0; i < ARRAY_LEN(lookalikes); i++) {
        snprintf(json, sizeof(json), "{\"%s\":1}", lookalikes[i]);
        if (check(json))
            fail_msg("%s is passed on", json);
        assert_int_equal(err.code, ERROR_MODEL_REQUEST);
    }
    assert_false(check("{\"items\":[{\"kind\":\"small\",\"size\":1,\"Kind\":\"large\"}]}"));
    /* "kind" with the Kelvin sign */
    assert_false(check("{\"items\":[{\"kind\":\"small\",\"size\":1,\"\\u212Aind\":\"large\"}]}"));
    assert_true(check("{\"counts\":1,\"coun\":1,\"\":1,\"\\u212Aount\":1,\"c\xC5\xBFount\":1}"));
    engine.kind = ENGINE_SIM;
}

static void names_are_shown_beyond_a_nul(void **state)
{
    (void)state;
    assert_false(check("{\"a\\u0000b\":1}"));
    expect_error(ERROR_MODEL_REQUEST, "",
                 "Additional properties are not allowed ('a?b' was unexpected) - 'top'");
    assert_false(check("{\"answer\":\"ye\\u0000s\"}"));
    expect_error(ERROR_MODEL_VALUE, "top.answer",
                 "Invalid value: 'ye?s'. Supported values are: 'yes' and 'no'.");
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
        cmocka_unit_test(what_must_be_there_is_missed),
        cmocka_unit_test(texts_may_be_of_a_few),
        cmocka_unit_test(texts_may_have_to_say_something),
        cmocka_unit_test(names_have_a_pattern_and_a_length),
        cmocka_unit_test(a_tag_says_what_else_is_there),
        cmocka_unit_test(what_the_engine_lacks_is_refused),
        cmocka_unit_test(lookalikes_are_not_passed_on),
        cmocka_unit_test(names_are_shown_beyond_a_nul),
        cmocka_unit_test(get_takes_null_for_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
