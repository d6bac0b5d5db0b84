/*
 * Functions of texts, formats, encodings and hashes. Values are those of Microsoft's documentation,
 * where it has an example.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/format.h"
#include "base/json.h"
#include "expression_table.h"

static void makes_texts(void **state)
{
    static const struct expression_row rows[] = {
        { "[concat('prefix', '-', 'a')]", "\"prefix-a\"" },
        { "[concat('a', 1, true())]", "\"a1True\"" },
        { "[concat(parameters('first'), parameters('second'))]",
          "[\"1-1\",\"1-2\",\"2-1\",\"2-2\"]" },
        { "[concat('a', parameters('first'))]",
          "error: Either all or none of the parameters must be an array." },
        { "[concat(parameters('first'), 'a')]",
          "error: Either all or none of the parameters must be an array." },
        { "[concat('a', null())]", "error: The provided value is of type 'Null'" },
        { "[join(parameters('first'), ', ')]", "\"1-1, 1-2\"" },
        { "[join(createArray(1, 2, 3), '')]", "\"123\"" },
        { "[join(createArray(), ',')]", "\"\"" },
        { "[join(createArray(parameters('first')), ',')]", "error: 'Array'" },
        { "[padLeft('123', 10, '0')]", "\"0000000123\"" },
        { "[padLeft(7, 3, '0')]", "\"007\"" },
        { "[padLeft('abc', 5)]", "\"  abc\"" },
        { "[padLeft('abcdef', 5)]", "\"abcdef\"" },
        { "[padLeft('a', 2, '00')]", "error: a single character" },
        { "[padLeft('a', -1)]", "error: must not be negative" },
        { "[padLeft('a', 9223372036854775807)]", "error: too large" },
        { "[padLeft('a', 100000000)]", "error: too large" },
        { "[replace('123-123-1234', '-', '')]", "\"1231231234\"" },
        { "[replace('123-123-1234', '1234', 'xxxx')]", "\"123-123-xxxx\"" },
        { "[replace('aaa', 'aa', 'b')]", "\"ba\"" },
        { "[replace('abc', '', 'b')]", "error: must not be empty" },
        { "[string(parameters('o'))]",
          "\"{\\\"valueA\\\":10,\\\"valueB\\\":\\\"Example Text\\\"}\"" },
        { "[string(createArray('a', 'b', 'c'))]", "\"[\\\"a\\\",\\\"b\\\",\\\"c\\\"]\"" },
        { "[string(5)]", "\"5\"" },
        { "[string(true())]", "\"True\"" },
        { "[toLower('One Two Three')]", "\"one two three\"" },
        { "[toUpper('One Two Three')]", "\"ONE TWO THREE\"" },
        { "[toUpper(1)]", "error: expects its parameter to be of type 'String'. The provided value "
                          "is of type 'Integer'." },
        { "[trim('    one two three   ')]", "\"one two three\"" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows),
                     "{\"first\":[\"1-1\",\"1-2\"],\"second\":[\"2-1\",\"2-2\"],"
                     "\"o\":{\"valueA\":10,\"valueB\":\"Example Text\"}}");
}

static void takes_texts_apart(void **state)
{
    static const struct expression_row rows[] = {
        { "[split('one,two,three', ',')]", "[\"one\",\"two\",\"three\"]" },
        { "[split('one;two,three', createArray(',', ';'))]", "[\"one\",\"two\",\"three\"]" },
        { "[split('', ',')]", "[\"\"]" },
        { "[split(',a,', ',')]", "[\"\",\"a\",\"\"]" },
        { "[split('abc', '')]", "[\"abc\"]" },
        { "[split('a--b', '--')]", "[\"a\",\"b\"]" },
        { "[split('a', createArray(1))]", "error: 'String'" },
        { "[substring('one two three', 4, 3)]", "\"two\"" },
        { "[substring('one two three', 8)]", "\"three\"" },
        { "[substring('abc', 3)]", "\"\"" },
        { "[substring('1234567890', 0, 11)]",
          "error: The index and length parameters must refer to a location within the string. The "
          "index parameter: '0', the length parameter: '11', the length of the string parameter: "
          "'10'." },
        { "[substring('abc', -1)]", "error: must refer to a location" },
        { "[substring('abc', 2, -1)]", "error: must refer to a location" },
        { "[substring('h\xC3\xA9llo', 1, 2)]", "\"\xC3\xA9l\"" },
        { "[first('One Two Three')]", "\"O\"" },
        { "[first(createArray('one', 'two'))]", "\"one\"" },
        { "[first('')]", "\"\"" },
        { "[first(createArray())]", "null" },
        { "[last('One Two Three')]", "\"e\"" },
        { "[last(createArray('one', 'three'))]", "\"three\"" },
        { "[last('\xC3\xA9')]", "\"\xC3\xA9\"" },
        { "[last(5)]",
          "error: expects its parameter be an array or a string. The provided value is" },
        { "[skip(createArray('one', 'two', 'three'), 2)]", "[\"three\"]" },
        { "[skip('one two three', 4)]", "\"two three\"" },
        { "[skip('abc', -1)]", "\"abc\"" },
        { "[skip('abc', 10)]", "\"\"" },
        { "[take(createArray('one', 'two', 'three'), 2)]", "[\"one\",\"two\"]" },
        { "[take('one two three', 2)]", "\"on\"" },
        { "[take('abc', 0)]", "\"\"" },
        { "[take('abc', 10)]", "\"abc\"" },
        { "[take('\xC3\xA9\xC3\xA8', 1)]", "\"\xC3\xA9\"" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void finds_texts(void **state)
{
    static const struct expression_row rows[] = {
        { "[startsWith('abcdef', 'ab')]", "true" },
        { "[startsWith('abcdef', 'A')]", "true" },
        { "[startsWith('abcdef', 'e')]", "false" },
        { "[endsWith('abcdef', 'ef')]", "true" },
        { "[endsWith('abcdef', 'F')]", "true" },
        { "[endsWith('abcdef', 'e')]", "false" },
        { "[indexOf('test', 't')]", "0" },
        { "[lastIndexOf('test', 't')]", "3" },
        { "[indexOf('abcdef', 'CD')]", "2" },
        { "[lastIndexOf('abcdef', 'AB')]", "0" },
        { "[indexOf('abcdef', 'z')]", "-1" },
        { "[lastIndexOf('abcdef', 'z')]", "-1" },
        { "[indexOf('\xC3\xA9t', 't')]", "1" },
        { "[indexOf('abc', '')]", "0" },
        { "[lastIndexOf('abc', '')]", "3" },
        { "[endsWith('one', 100)]",
          "error: expects its parameters to be of type string and string. The provided value is of "
          "type 'String' and 'Integer'." },
        { "[indexOf(createArray('a', 'b', 'b'), 'b')]", "1" },
        { "[lastIndexOf(createArray('a', 'b', 'b'), 'b')]", "2" },
        { "[indexOf(createArray('a', 'b'), 'B')]", "-1" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void formats(void **state)
{
    static const struct expression_row rows[] = {
        { "[format('{0}, {1}. Formatted number: {2:N0}', 'Hello', 'User', 8175133)]",
          "\"Hello, User. Formatted number: 8,175,133\"" },
        { "[format('{0}{1}{0}', 'a', 1)]", "\"a1a\"" },
        { "[format('plain')]", "\"plain\"" },
        { "[format('{{{0}}}', 'a')]", "\"{a}\"" },
        { "[format('{0:D3}', 7)]", "\"007\"" },
        { "[format('{0:D3}', -7)]", "\"-007\"" },
        { "[format('{0:d}', 12)]", "\"12\"" },
        { "[format('{0:N2}|{0:N}|{0:n0}', 1234567)]", "\"1,234,567.00|1,234,567.00|1,234,567\"" },
        { "[format('{0:F1}|{0:F0}|{0:G}', 1234)]", "\"1234.0|1234|1234\"" },
        { "[format('{0:X}|{0:x4}|{0:X8}', 255)]", "\"FF|00ff|000000FF\"" },
        { "[format('{0:P0}|{1:P0}', 12, 0)]", "\"1,200 %|0 %\"" },
        { "[format('{0:000}|{0:#,##0}|{0:0.00}|{0:#}', 1234)]", "\"1234|1,234|1234.00|1234\"" },
        { "[format('{0:00000}|{1:#}|{1:0}', -12, 0)]", "\"-00012||0\"" },
        { "[format('{0,5}|{0,-5}|{1,4:D2}', 'ab', 7)]", "\"   ab|ab   |  07\"" },
        { "[format('{0}|{1}|{2}', true(), null(), createArray(1))]", "\"True||[1]\"" },
        { "[format('{ 0 }', 'a')]", "\"a\"" },
        { "[format('{0}')]", "error: 'Index (zero based) must be greater than or equal to zero and "
                             "less than the size of the argument list.'" },
        { "[format('{1}', 1)]", "error: 'Index (zero based) must be" },
        { "[format('{0', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('0}', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('{}', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('{a}', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('{0,x}', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('{0,99999}', 1)]",
          "error: the format is invalid: 'Input string was not in a correct format.'" },
        { "[format('{0:Q}', 1)]", "error: The format 'Q' of a number is not supported" },
        { "[format('{0:D1000}', 1)]", "error: is not supported" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void encodes(void **state)
{
    static const struct expression_row rows[] = {
        { "[base64('one, two, three')]", "\"b25lLCB0d28sIHRocmVl\"" },
        { "[base64ToString('b25lLCB0d28sIHRocmVl')]", "\"one, two, three\"" },
        { "[base64ToJson(base64('{''one'': ''a'', ''two'': ''b''}'))]",
          "{\"one\":\"a\",\"two\":\"b\"}" },
        { "[base64ToString(concat(base64('abc'), '@'))]",
          "error: The template language function 'base64ToString' was invoked with a parameter "
          "that "
          "is not valid. The value cannot be decoded from base64 representation." },
        { "[base64ToString('/w==')]", "error: cannot be decoded" },
        { "[base64('')]", "\"\"" },
        { "[dataUri('Hello')]", "\"data:text/plain;charset=utf8;base64,SGVsbG8=\"" },
        { "[dataUriToString('data:;base64,SGVsbG8sIFdvcmxkIQ==')]", "\"Hello, World!\"" },
        { "[dataUriToString('data:,a%20b')]", "\"a b\"" },
        { "[dataUri(createArray('one', 'two'))]",
          "\"data:application/json;charset=utf8;base64,WyJvbmUiLCJ0d28iXQ==\"" },
        { "[dataUriToString('data:application/json;charset=UTF-8;base64,MTAw')]", "100" },
        { "[dataUriToString('SGVsbG8=')]",
          "error: The provided value 'SGVsbG8=' was not formatted correctly." },
        { "[uriComponent('http://contoso.com/resources/nested/azuredeploy.json')]",
          "\"http%3A%2F%2Fcontoso.com%2Fresources%2Fnested%2Fazuredeploy.json\"" },
        { "[uriComponentToString('http%3A%2F%2Fcontoso.com%2Fa')]", "\"http://contoso.com/a\"" },
        { "[uriComponentToString('%')]", "error: not a valid URI component" },
        { "[uri('http://contoso.org/firstpath', 'myscript.sh')]",
          "\"http://contoso.org/myscript.sh\"" },
        { "[uri('http://contoso.org/firstpath/', 'myscript.sh')]",
          "\"http://contoso.org/firstpath/myscript.sh\"" },
        { "[uri('http://contoso.org/firstpath/azuredeploy.json', 'myscript.sh')]",
          "\"http://contoso.org/firstpath/myscript.sh\"" },
        { "[uri('http://contoso.org/firstpath/azuredeploy.json/', 'myscript.sh')]",
          "\"http://contoso.org/firstpath/azuredeploy.json/myscript.sh\"" },
        { "[uri('http://contoso.com', 'a/b')]", "\"http://contoso.com/a/b\"" },
        { "[uri('http://contoso.com/a/b/c?q#f', '../d?x=/../y')]",
          "\"http://contoso.com/a/d?x=/../y\"" },
        { "[uri('http://contoso.com/a/b', '/c/./d/..')]", "\"http://contoso.com/c/\"" },
        { "[uri('http://contoso.com/a', 'https://other/b')]", "\"https://other/b\"" },
        { "[uri('http://contoso.com/a', '?q')]", "\"http://contoso.com/a?q\"" },
        { "[uri('http://contoso.com/a', '../../..')]", "\"http://contoso.com/\"" },
        { "[uri('contoso', 'a')]", "error: expects its first argument to be a uri string. The "
                                   "provided value is 'contoso'." },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

/* What templates call resources by these must be what Azure calls them: values that were published.
 * */
static void hashes(void **state)
{
    static const struct expression_row rows[] = {
        { "[uniqueString('/subscriptions/12345678-1234-1234-1234-123456789012/resourceGroups/my-rg'"
          ", 'Microsoft.Storage/storageAccounts')]",
          "\"z22rah77jfqry\"" },
        { "[uniqueString('asd', 'asdf', 'asdf')]", "\"iizpqit7ih3cc\"" },
        { "[length(uniqueString(''))]", "13" },
        { "[guid('www.example.com')]", "\"56982ff6-6ac3-57d0-b8b8-1a788ede8763\"" },
        { "[equals(guid('a', 'b'), guid('a-b'))]", "true" },
        { "[uniqueString(1)]", "error: 'String'" },
        { "[guid()]", "error: at least 1 argument(s) while 0 were provided" },
        { "[length(newGuid())]", "36" },
        { "[equals(newGuid(), newGuid())]", "false" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void knows_now_in_default_values_only(void **state)
{
    static const char *const texts[] = { "[newGuid()]", "[utcNow()]", "[utcNow('d')]" };
    struct arena *a = arena_new(NULL);
    struct template_context x;
    struct template_budget budget;
    yyjson_mut_val *value;
    struct error err;

    (void)state;
    expression_context(&x, &budget, a, NULL);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        x.allows_now = true;
        assert_true(template_evaluate_text(&x, str_from(texts[i]), &value, &err));
        x.allows_now = false;
        assert_false(template_evaluate_text(&x, str_from(texts[i]), &value, &err));
        assert_non_null(strstr(err.text, "is not expected at this location"));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_texts),
        cmocka_unit_test(takes_texts_apart),
        cmocka_unit_test(finds_texts),
        cmocka_unit_test(formats),
        cmocka_unit_test(encodes),
        cmocka_unit_test(hashes),
        cmocka_unit_test(knows_now_in_default_values_only),
    };

    return cmocka_run_group_tests_name("template/functions_text", tests, NULL, NULL);
}
