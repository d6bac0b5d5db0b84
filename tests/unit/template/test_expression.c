/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "expression_table.h"

static void evaluates_texts(void **state)
{
    static const struct expression_row rows[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "[[test value]", "\"[test value]\"" },
        { "[test] value", "\"[test] value\"" },
        { "[[test] value", "\"[[test] value\"" },
        { "[concat('a', 'b''c', 'd')]", "\"ab'cd\"" },
        { "[ concat ( 'a' ,\n 'b' )\t]", "\"ab\"" },
        { "[CONCAT('', '')]", "\"\"" },
        { "['a']", "\"a\"" },
        { "[-17]", "-17" },
        { "[1.5]", "1.5" },
        { "[parameters('o').inner.LIST[1].x]", "7" },
        { "[parameters('o')['inner'].list[sub(3, 2)]['x']]", "7" },
        { "[Contoso.Echo(3)]", "3" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), "{\"o\":{\"inner\":{\"list\":[0,{\"x\":7}]}}}");
}

static void refuses_what_is_no_expression(void **state)
{
    static const struct expression_row rows[] = {
        { "[]", "error: expected token 'Identifier' and actual 'EndOfData'" },
        { "[concat('a']", "error: expected token 'RightParenthesis' and actual 'EndOfData'" },
        { "[concat('a',)]", "error: expected token 'Identifier' and actual 'RightParenthesis'" },
        { "[concat('a') 'b']", "error: expected token 'EndOfData' and actual 'StringLiteral'" },
        { "[concat]", "error: expected token 'LeftParenthesis' and actual 'EndOfData'" },
        { "[concat('a]", "error: the string literal is not terminated" },
        { "[concat('a'')]", "error: the string literal is not terminated" },
        { "[']", "error: the string literal is not terminated" },
        { "[a() ? 1]", "error: unexpected character" },
        { "[9223372036854775808]", "error: the number is not valid" },
        { "[1a]", "error: the number is not valid" },
        { "[-]", "error: the number is not valid" },
        { "[1.2.3]", "error: the number is not valid" },
        { "[nothing()]", "error: The template function 'nothing' is not valid." },
        { "[add(1)]", "error: function requires 2 argument(s) while 1 were provided" },
        { "[if(true(), 1)]", "error: function requires 3 argument(s) while 2 were provided" },
        { "[concat()]", "error: function requires at least 1 argument(s) while 0 were provided" },
        { "[parameters('o').y]",
          "error: property 'y' doesn't exist, available properties are 'x'" },
        { "[parameters('o')[0]]",
          "error: of type 'Integer' can't be evaluated on a value of type" },
        { "[parameters('o').x[2]]", "error: array index '2' is out of bounds" },
        { "[parameters('o').x[-1]]", "error: array index '-1' is out of bounds" },
        { "[parameters('o').x.y]", "error: a value of type 'Array' has no properties" },
        { "[parameters('o').]", "error: expected token 'Identifier' and actual 'EndOfData'" },
        { "[parameters('o')[]]",
          "error: expected token 'Identifier' and actual 'RightSquareBracket'" },
        { "[parameters('none')]", "error: no such parameter" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), "{\"o\":{\"x\":[1,2]}}");
}

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

static void evaluates_values(void **state)
{
    static const char in[] =
        "{\"a\":\"[add(1, 2)]\",\"[concat('b', 'c')]\":[\"[[x]\",null,1.5,true,{\"d\":\"e\"}],"
        "\"[[n]\":\"[parameters('o')]\",\"again\":\"[parameters('o')]\"}";
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    yyjson_doc *doc;
    struct error err;

    expression_context(&x, &budget, *state, "{\"o\":{\"p\":[1]}}");
    doc = json_parse(*state, str_from(in), &err);
    assert_true(template_evaluate(&x, yyjson_doc_get_root(doc), &value, &err));
    assert_string_equal(json_write_mut(*state, value).data,
                        "{\"a\":3,\"bc\":[\"[x]\",null,1.5,true,{\"d\":\"e\"}],"
                        "\"[n]\":{\"p\":[1]},\"again\":{\"p\":[1]}}");
    /* a copy: what it was made of stays as it is */
    json_set_int(x.doc, json_mut_at(value, "again"), "p", 2);
    assert_string_equal(json_write_mut(*state, json_mut_at(value, "[n]")).data, "{\"p\":[1]}");
    assert_string_equal(json_write_mut(*state, x.data).data, "{\"o\":{\"p\":[1]}}");
    doc = json_parse(*state, STR("{\"[add(1, 2)]\":1}"), &err);
    assert_false(template_evaluate(&x, yyjson_doc_get_root(doc), &value, &err));
    assert_non_null(strstr(err.text, "The name of a property must be a string"));
}

/* An expression that was parsed is found again by its text, wherever that lies. */
static void remembers_what_it_parsed(void **state)
{
    char text[32];
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, *state, NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "[string(%d)]", i % 100);
        assert_true(template_evaluate_text(&x, str_from(text), &value, &err));
        snprintf(text, sizeof(text), "%d", i % 100);
        assert_true(str_equal(json_mut_str(value), str_from(text)));
    }
    assert_ptr_equal(template_parse(&x, STR("[add(1, 2)]"), &err),
                     template_parse(&x, STR("[add(1, 2)]"), &err));
    assert_null(template_parse(&x, STR("[outer(]"), &err));
}

/* -- Bounds -------------------------------------------------------------------------------- */

/* An expression that is `depth` calls of array() inside each other. */
static struct str nested(struct arena *a, size_t depth)
{
    char *text = arena_alloc(a, 8 * depth + 16), *at = text;

    *at++ = '[';
    for (size_t i = 0; i < depth; i++)
        at += sprintf(at, "array(");
    *at++ = '1';
    for (size_t i = 0; i < depth; i++)
        *at++ = ')';
    *at++ = ']';
    return str_from(text);
}

static void bounds_nesting(void **state)
{
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, *state, NULL);
    assert_true(template_evaluate_text(&x, nested(*state, TEMPLATE_NESTING_MAX - 1), &value, &err));
    assert_false(template_evaluate_text(&x, nested(*state, TEMPLATE_NESTING_MAX), &value, &err));
    assert_non_null(strstr(err.text, "nested too deep"));
    assert_int_equal(budget.depth, 0);
}

/* A value grows by a level at each turn. */
static void bounds_depth_of_values(void **state)
{
    static const char text[] = "[reduce(range(0, %d), 1, lambda('c', 'n', "
                               "createArray(lambdaVariables('c'))))]";
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, *state, NULL);
    assert_true(template_evaluate_text(&x, arena_printf(*state, text, TEMPLATE_VALUE_DEPTH_MAX),
                                       &value, &err));
    assert_false(template_evaluate_text(
        &x, arena_printf(*state, text, TEMPLATE_VALUE_DEPTH_MAX + 1), &value, &err));
    assert_string_equal(err.text, "A value is nested deeper than 40 levels.");
}

static void bounds_length(void **state)
{
    char *text = arena_alloc(*state, TEMPLATE_EXPRESSION_MAX + 4);
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, *state, NULL);
    memset(text, ' ', TEMPLATE_EXPRESSION_MAX + 4);
    memcpy(text, "[1", 2);
    text[TEMPLATE_EXPRESSION_MAX + 1] = ']';
    assert_true(
        template_evaluate_text(&x, str_of(text, TEMPLATE_EXPRESSION_MAX + 2), &value, &err));
    text[TEMPLATE_EXPRESSION_MAX + 1] = ' ';
    text[TEMPLATE_EXPRESSION_MAX + 2] = ']';
    assert_false(
        template_evaluate_text(&x, str_of(text, TEMPLATE_EXPRESSION_MAX + 3), &value, &err));
    assert_non_null(strstr(err.text, "Limit: '24576' and actual: '24577'"));
}

/* A user function that calls itself. */
static enum template_answer recurse(void *data, struct template_context *x, struct str name,
                                    yyjson_mut_val **args, size_t count, yyjson_mut_val **result,
                                    struct error *err)
{
    (void)data;
    (void)name;
    (void)args;
    (void)count;
    return template_evaluate_text(x, STR("[again()]"), result, err) ? TEMPLATE_DONE
                                                                    : TEMPLATE_FAILED;
}

static void bounds_recursion(void **state)
{
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    expression_context(&x, &budget, *state, NULL);
    x.call = recurse;
    assert_false(template_evaluate_text(&x, STR("[again()]"), &value, &err));
    assert_non_null(strstr(err.text, "nested too deep"));
    assert_int_equal(budget.depth, 0);
}

/* What grows by each step, or takes many steps, ends by the budget. */
static void bounds_work(void **state)
{
    static const char *const texts[] = {
        "[map(range(0, 10000), lambda('x', map(range(0, 10000), lambda('y', "
        "lambdaVariables('y')))))]",
        "[reduce(range(0, 10000), 'a', lambda('c', 'n', concat(lambdaVariables('c'), "
        "lambdaVariables('c'))))]",
        "[reduce(range(0, 10000), createArray(1), lambda('c', 'n', "
        "createArray(lambdaVariables('c'), "
        "lambdaVariables('c'))))]",
        "[reduce(range(0, 10000), 'aaaaaaaaaaaa', lambda('c', 'n', replace(lambdaVariables('c'), "
        "'a',"
        " 'aa')))]",
        "[map(range(0, 10000), lambda('x', padLeft('', 1000000)))]",
        "[map(range(0, 10000), lambda('x', json('[[[[[[[[[[],[],[],[],[],[]]]]]]]]]]')))]",
        "[map(range(0, 10000), lambda('x', lastIndexOf(padLeft('b', 100000, 'a'), padLeft('c', "
        "50000,"
        " 'a'))))]",
        "[map(range(0, 10000), lambda('x', format('{0,10000}', 1)))]",
        "[toObject(range(0, 10000), lambda('x', string(lambdaVariables('x'))))]",
        "[sort(range(0, 10000), lambda('a', 'b', equals(string(range(0, 1000)), 1)))]",
        "[map(range(0, 10000), lambda('x', length(split(padLeft('', 1000, ','), ','))))]",
        "[split(padLeft('', 500000), concat(padLeft('', 250000), 'x'))]",
        "[map(createArray(padLeft('', 400000)), lambda('l', map(range(0, 10000), lambda('x', "
        "padLeft(lambdaVariables('l'), 1)))))]",
        "[toObject(range(0, 100), lambda('x', padLeft(string(lambdaVariables('x')), 9000)))]",
    };
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct arena *a = arena_new(NULL);

        expression_context(&x, &budget, a, NULL);
        budget.steps /= 20; /* which sanitizers need */
        budget.bytes /= 20;
        if (template_evaluate_text(&x, str_from(texts[i]), &value, &err))
            fail_msg("%s", texts[i]);
        assert_string_equal(err.text,
                            "The template's expressions take too long or too much memory.");
        /* nothing is left for what comes after it */
        assert_false(template_evaluate_text(&x, STR("[add(1, 2)]"), &value, &err));
        arena_free(a);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluates_texts),
        cmocka_unit_test(refuses_what_is_no_expression),
        cmocka_unit_test_setup_teardown(evaluates_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remembers_what_it_parsed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_nesting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_depth_of_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bounds_recursion, set_up, tear_down),
        cmocka_unit_test(bounds_work),
    };

    return cmocka_run_group_tests_name("template/expression", tests, NULL, NULL);
}
