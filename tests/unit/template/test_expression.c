/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluates_texts),
        cmocka_unit_test(refuses_what_is_no_expression),
    };

    return cmocka_run_group_tests_name("template/expression", tests, NULL, NULL);
}
