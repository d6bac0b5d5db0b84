/*
 * Functions of values other than texts. Values are those of Microsoft's documentation, where it has
 * an example.
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "expression_table.h"

static void compares(void **state)
{
    static const struct expression_row rows[] = {
        { "[equals(1, 1)]", "true" },
        { "[equals('a', 'a')]", "true" },
        { "[equals('a', 'A')]", "false" },
        { "[equals(1, '1')]", "false" },
        { "[equals(1, json('1.0'))]", "true" },
        { "[equals(createArray('a', 'b'), createArray('a', 'b'))]", "true" },
        { "[equals(createArray('a', 'b'), createArray('a', 'c'))]", "false" },
        { "[equals(createObject('a', 1, 'b', 2), createObject('B', 2, 'A', 1))]", "true" },
        { "[equals(createObject('a', 1), createObject('a', 1, 'b', 2))]", "false" },
        { "[equals(createObject('a', 1), createObject('b', 1))]", "false" },
        { "[equals(null(), null())]", "true" },
        { "[equals(true(), bool('True'))]", "true" },
        { "[less(1, 2)]", "true" },
        { "[less('banana', 'apple')]", "false" },
        { "[lessOrEquals(2, 2)]", "true" },
        { "[greater(1, 2)]", "false" },
        { "[greater('banana', 'apple')]", "true" },
        { "[greaterOrEquals(1, 2)]", "false" },
        { "[greaterOrEquals('a', 'a')]", "true" },
        { "[less(1, 'a')]",
          "error: expects two parameters of matching types. The function was invoked with values "
          "of type 'Integer' and 'String' that do not match." },
        { "[less(true(), true())]", "error: values of type 'Boolean' and 'Boolean' that" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void decides(void **state)
{
    static const struct expression_row rows[] = {
        { "[and(true(), bool(0))]", "false" },
        { "[or(bool('true'), false())]", "true" },
        { "[or(false(), false(), true())]", "true" },
        { "[not(bool(1))]", "false" },
        { "[if(equals('a', 'a'), 'yes', 'no')]", "\"yes\"" },
        { "[if(false(), fail('not here'), 'no')]", "\"no\"" },
        { "[and(false(), fail('not here'))]", "false" },
        { "[or(true(), fail('not here'))]", "true" },
        { "[coalesce(null(), 'a', fail('not here'))]", "\"a\"" },
        { "[coalesce(parameters('o').null1, parameters('o').string)]", "\"default\"" },
        { "[coalesce(null(), null())]", "null" },
        { "[if('true', 1, 2)]",
          "error: parameter 1 to be of type 'Boolean'. The provided value is" },
        { "[and(true(), 1)]", "error: parameter 2 to be of type 'Boolean'" },
        { "[not(1)]", "error: 'Boolean'" },
        { "[bool('yes')]", "error: cannot be converted to the target type" },
        { "[bool('FALSE')]", "false" },
        { "[fail('The name is taken.')]", "error: The name is taken." },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), "{\"o\":{\"null1\":null,\"string\":\"default\"}}");
}

static void counts(void **state)
{
    static const struct expression_row rows[] = {
        { "[add(5, 3)]", "8" },
        { "[sub(7, 3)]", "4" },
        { "[mul(5, 3)]", "15" },
        { "[div(8, 3)]", "2" },
        { "[mod(7, 3)]", "1" },
        { "[div(-8, 3)]", "-2" },
        { "[mod(-7, 3)]", "-1" },
        { "[min(createArray(0, 3, 2, 5, 4))]", "0" },
        { "[max(0, 3, 2, 5, 4)]", "5" },
        { "[max(createArray(0, 3, 2, 5, 4))]", "5" },
        { "[min(3, -2)]", "-2" },
        { "[int('4')]", "4" },
        { "[int('-4')]", "-4" },
        { "[int(json('2.9'))]", "2" },
        { "[int('asdf')]", "error: The template language function 'int' cannot convert provided "
                           "value 'asdf' to integer value." },
        { "[int(true())]", "error: cannot be converted to the target type" },
        { "[int('')]", "error: cannot convert" },
        { "[int('9223372036854775808')]", "error: cannot convert" },
        { "[int(json('1e300'))]", "error: not an integer of 64 bits" },
        { "[add(9223372036854775807, 1)]", "error: not an integer of 64 bits" },
        { "[sub(-9223372036854775807, 2)]", "error: not an integer of 64 bits" },
        { "[mul(9223372036854775807, 2)]", "error: not an integer of 64 bits" },
        { "[div(sub(-9223372036854775807, 1), -1)]", "error: not an integer of 64 bits" },
        { "[mod(sub(-9223372036854775807, 1), -1)]", "error: not an integer of 64 bits" },
        { "[div(1, 0)]", "error: must not be zero" },
        { "[mod(1, 0)]", "error: must not be zero" },
        { "[add(1, 'a')]", "error: parameter 2 to be of type 'Integer'" },
        { "[max(createArray())]", "error: must not be empty" },
        { "[max(1, 'a')]", "error: All values must be integers" },
        { "[max(createArray(1), 2)]", "error: must be the only parameter" },
        { "[add(json('18446744073709551615'), 1)]", "error: 'Integer'" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void handles_arrays(void **state)
{
    static const struct expression_row rows[] = {
        { "[array(1)]", "[1]" },
        { "[array('efgh')]", "[\"efgh\"]" },
        { "[array(createObject('a', 'b', 'c', 'd'))]", "[{\"a\":\"b\",\"c\":\"d\"}]" },
        { "[array(createArray(1))]", "[1]" },
        { "[createArray()]", "[]" },
        { "[createArray(1, 'a', createArray(2))]", "[1,\"a\",[2]]" },
        { "[contains('OneTwoThree', 'e')]", "true" },
        { "[contains('OneTwoThree', 'z')]", "false" },
        { "[contains('OneTwoThree', 'onet')]", "false" },
        { "[contains('a1', 1)]", "true" },
        { "[contains(parameters('o'), 'one')]", "true" },
        { "[contains(parameters('o'), 'ONE')]", "true" },
        { "[contains(parameters('o'), 'a')]", "false" },
        { "[contains(createArray('one', 'two'), 'two')]", "true" },
        { "[contains(createArray('one', 'two'), 'four')]", "false" },
        { "[contains(createArray(createArray(1)), createArray(1))]", "true" },
        { "[contains(1, 1)]",
          "error: expects its parameter to be an object, an array, or a string. The" },
        { "[empty(createArray())]", "true" },
        { "[empty(createObject())]", "true" },
        { "[empty('')]", "true" },
        { "[empty(null())]", "true" },
        { "[empty('a')]", "false" },
        { "[empty(1)]",
          "error: expects its parameter to be an object, an array, or a string. The" },
        { "[length(createArray('one', 'two', 'three'))]", "3" },
        { "[length('One Two Three')]", "13" },
        { "[length('\xC3\xA9')]", "1" },
        { "[length(parameters('o'))]", "3" },
        { "[length(1)]",
          "error: expects its parameter to be an object, an array, or a string. The" },
        { "[range(5, 3)]", "[5,6,7]" },
        { "[range(-1, 2)]", "[-1,0]" },
        { "[range(0, 0)]", "[]" },
        { "[length(range(0, 10000))]", "10000" },
        { "[range(0, 10001)]", "error: between 0 and 10000" },
        { "[range(0, -1)]", "error: between 0 and 10000" },
        { "[range(2147483640, 10)]", "error: must not be greater than 2147483647" },
        { "[flatten(createArray(createArray('one', 'two'), createArray('three')))]",
          "[\"one\",\"two\",\"three\"]" },
        { "[flatten(createArray(1, createArray(createArray(2))))]", "[1,[2]]" },
        { "[flatten('a')]", "error: 'Array'" },
        { "[indexFromEnd(createArray('a', 'b', 'c'), 1)]", "\"c\"" },
        { "[indexFromEnd(createArray('a', 'b', 'c'), 3)]", "\"a\"" },
        { "[indexFromEnd(createArray('a'), 2)]", "error: array index '^2' is out of bounds" },
        { "[indexFromEnd(createArray('a'), 0)]", "error: array index '^0' is out of bounds" },
        { "[tryIndexFromEnd(createArray('a'), 1)]", "\"a\"" },
        { "[tryIndexFromEnd(createArray('a'), 2)]", "null" },
        { "[tryIndexFromEnd(createArray(parameters('o')), 1, 'two')]", "\"b\"" },
        { "[tryIndexFromEnd(createArray(parameters('o')), 2, 'two')]", "null" },
        { "[tryIndexFromEnd(null(), 1)]", "null" },
        { "[tryIndexFromEnd('a', 1)]", "error: 'Array'" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows),
                     "{\"o\":{\"one\":\"a\",\"two\":\"b\",\"three\":\"c\"}}");
}

static void handles_objects(void **state)
{
    static const struct expression_row rows[] = {
        { "[createObject('intProp', 1, 'stringProp', 'abc', 'boolProp', true(), 'arrayProp', "
          "createArray('a', 'b', 'c'), 'objectProp', createObject('key1', 'value1'))]",
          "{\"intProp\":1,\"stringProp\":\"abc\",\"boolProp\":true,\"arrayProp\":[\"a\",\"b\","
          "\"c\"]"
          ",\"objectProp\":{\"key1\":\"value1\"}}" },
        { "[createObject()]", "{}" },
        { "[createObject('a', 1, 'A', 2)]", "{\"a\":2}" },
        { "[createObject('a')]", "error: must have a value" },
        { "[createObject(1, 'a')]", "error: 'String'" },
        { "[json('{\"a\": \"b\"}')]", "{\"a\":\"b\"}" },
        { "[json('null')]", "null" },
        { "[json('[1,2,3]')]", "[1,2,3]" },
        { "[json('\"test\"')]", "\"test\"" },
        { "[json(format('{{\"a\": \"{0}\"}}', 'demo value'))]", "{\"a\":\"demo value\"}" },
        { "[json('{')]", "error: The value is not valid JSON." },
        { "[items(parameters('entities'))]",
          "[{\"key\":\"item001\",\"value\":{\"number\":300}},{\"key\":\"item002\",\"value\":"
          "{\"number\":200}}]" },
        { "[items('a')]", "error: 'Object'" },
        { "[objectKeys(parameters('entities'))]", "[\"item001\",\"item002\"]" },
        { "[tryGet(parameters('entities'), 'item001', 'number')]", "300" },
        { "[tryGet(parameters('entities'), 'ITEM001').number]", "300" },
        { "[tryGet(parameters('entities'), 'none', 'number')]", "null" },
        { "[tryGet(parameters('entities'), 'item001', 'none')]",
          "error: property 'none' doesn't exist, available properties are 'number'" },
        { "[tryGet(null(), 'item001', 'none')]", "null" },
        { "[tryGet(createArray(1, 2, 3), createObject('value', 2, 'fromEnd', true()))]", "2" },
        { "[tryGet(createArray(1, 2, 3), createObject('value', 4, 'fromEnd', true()))]", "null" },
        { "[tryGet(createArray(1, 2, 3), createObject('value', 2, 'fromEnd', false()))]", "3" },
        { "[tryGet(createObject('a', 1), createObject('value', 'a'))]", "1" },
        { "[tryGet(createArray(1), createObject())]", "error: 'Integer'" },
        { "[tryIndexFromEnd(createArray(createArray(1, 2)), 1, createObject('value', 2, 'fromEnd', "
          "true()))]",
          "1" },
        { "[tryGet(createArray('a', createArray('b')), 1, 0)]", "\"b\"" },
        { "[tryGet(createArray('a'), 1)]", "null" },
        { "[tryGet(createArray('a'), -1)]", "null" },
        { "[tryGet('a', 'b')]", "null" },
        { "[tryGet(createArray('a'), true())]", "error: 'Integer'" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows),
                     "{\"entities\":{\"item002\":{\"number\":200},\"item001\":{\"number\":300}}}");
}

static void merges_objects(void **state)
{
    static const struct expression_row rows[] = {
        { "[union(createObject('one', 'a', 'two', 'b', 'three', 'c1'), createObject('three', 'c2', "
          "'four', 'd', 'five', 'e'))]",
          "{\"one\":\"a\",\"two\":\"b\",\"three\":\"c2\",\"four\":\"d\",\"five\":\"e\"}" },
        { "[union(createArray('one', 'two', 'three'), createArray('three', 'four'))]",
          "[\"one\",\"two\",\"three\",\"four\"]" },
        { "[union(json('{\"property\":{\"one\":\"a\",\"two\":\"b\",\"three\":\"c1\"},"
          "\"nestedArray\""
          ":[1,2]}'), json('{\"property\":{\"three\":\"c2\",\"four\":\"d\",\"five\":\"e\"},"
          "\"nestedArray\":[3,4]}'))]",
          "{\"property\":{\"one\":\"a\",\"two\":\"b\",\"three\":\"c2\",\"four\":\"d\",\"five\":"
          "\"e\"}"
          ",\"nestedArray\":[3,4]}" },
        { "[union(json('[[\"one\",\"two\"],[\"three\"]]'), "
          "json('[[\"three\"],[\"four\",\"two\"]]'))]",
          "[[\"one\",\"two\"],[\"three\"],[\"four\",\"two\"]]" },
        { "[union(createObject('a', 1), createArray())]", "error: 'Object'" },
        { "[union(createArray(), createObject('a', 1))]", "error: 'Array'" },
        { "[shallowMerge(createArray(json('{\"p\":{\"one\":1},\"q\":1}'), "
          "json('{\"p\":{\"two\":2}}')))]",
          "{\"p\":{\"two\":2},\"q\":1}" },
        { "[shallowMerge(createArray(1))]", "error: 'Object'" },
        { "[intersection(createObject('one', 'a', 'two', 'b', 'three', 'c'), createObject('one', "
          "'a', 'two', 'z', 'three', 'c'))]",
          "{\"one\":\"a\",\"three\":\"c\"}" },
        { "[intersection(createArray('one', 'two', 'three'), createArray('two', 'three'))]",
          "[\"two\",\"three\"]" },
        { "[intersection(createArray(1, 1, 2), createArray(1), createArray(1))]", "[1]" },
        { "[intersection(createArray(1), 1)]", "error: 'Array'" },
        { "[intersection(createObject(), 1)]", "error: 'Object'" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void applies_lambdas(void **state)
{
    static const struct expression_row rows[] = {
        { "[map(filter(parameters('dogs'), lambda('dog', "
          "greaterOrEquals(lambdaVariables('dog').age,"
          " 5))), lambda('dog', lambdaVariables('dog').name))]",
          "[\"Evie\",\"Kira\"]" },
        { "[filter(range(0, 10), lambda('i', equals(0, mod(lambdaVariables('i'), 2))))]",
          "[0,2,4,6,8]" },
        { "[filter(createArray('a', 'b', 'c'), lambda('val', 'i', greater(lambdaVariables('i'), "
          "0)))]",
          "[\"b\",\"c\"]" },
        { "[map(parameters('dogs'), lambda('dog', format('Hello {0}!', "
          "lambdaVariables('dog').name)))]",
          "[\"Hello Evie!\",\"Hello Casper!\",\"Hello Indy!\",\"Hello Kira!\"]" },
        { "[map(createArray('a', 'b'), lambda('v', 'i', concat(lambdaVariables('v'), "
          "lambdaVariables('i'))))]",
          "[\"a0\",\"b1\"]" },
        { "[map(range(0, 2), lambda('x', map(range(0, 2), lambda('y', "
          "add(mul(lambdaVariables('x'), "
          "10), lambdaVariables('y'))))))]",
          "[[0,1],[10,11]]" },
        { "[map(range(0, 2), lambda('x', map(range(5, 1), lambda('x', lambdaVariables('x')))))]",
          "[[5],[5]]" },
        { "[reduce(map(parameters('dogs'), lambda('d', lambdaVariables('d').age)), 0, "
          "lambda('cur', "
          "'next', add(lambdaVariables('cur'), lambdaVariables('next'))))]",
          "18" },
        { "[reduce(createArray(createObject('foo', 123), createObject('bar', 456), "
          "createObject('baz', 789)), createObject(), lambda('cur', 'next', "
          "union(lambdaVariables('cur'), lambdaVariables('next'))))]",
          "{\"foo\":123,\"bar\":456,\"baz\":789}" },
        { "[reduce(createArray('a', 'b'), '', lambda('c', 'n', 'i', concat(lambdaVariables('c'), "
          "lambdaVariables('n'), lambdaVariables('i'))))]",
          "\"a0b1\"" },
        { "[map(sort(parameters('dogs'), lambda('a', 'b', less(lambdaVariables('a').age, "
          "lambdaVariables('b').age))), lambda('d', lambdaVariables('d').name))]",
          "[\"Indy\",\"Casper\",\"Evie\",\"Kira\"]" },
        { "[sort(createArray(3, 1, 2, 5, 4), lambda('a', 'b', less(lambdaVariables('a'), "
          "lambdaVariables('b'))))]",
          "[1,2,3,4,5]" },
        { "[sort(createArray(), lambda('a', 'b', true()))]", "[]" },
        { "[mapValues(toObject(parameters('dogs'), lambda('e', lambdaVariables('e').name)), "
          "lambda('v', lambdaVariables('v').age))]",
          "{\"Evie\":5,\"Casper\":3,\"Indy\":2,\"Kira\":8}" },
        { "[toObject(parameters('dogs'), lambda('e', lambdaVariables('e').name), lambda('e', "
          "lambdaVariables('e').age))]",
          "{\"Evie\":5,\"Casper\":3,\"Indy\":2,\"Kira\":8}" },
        { "[groupBy(createArray('foo', 'bar', 'baz'), lambda('x', substring(lambdaVariables('x'), "
          "0, "
          "1)))]",
          "{\"f\":[\"foo\"],\"b\":[\"bar\",\"baz\"]}" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows),
                     "{\"dogs\":[{\"name\":\"Evie\",\"age\":5},{\"name\":\"Casper\",\"age\":3},"
                     "{\"name\":\"Indy\",\"age\":2},{\"name\":\"Kira\",\"age\":8}]}");
}

static void refuses_other_lambdas(void **state)
{
    static const struct expression_row rows[] = {
        { "[lambda('x', 1)]", "error: only as a parameter" },
        { "[lambdaVariables('x')]", "error: The lambda variable 'x' is not found" },
        { "[map(range(0, 1), 1)]", "error: Parameter 2 must be a lambda function" },
        { "[map(range(0, 1), lambda(1))]", "error: must have between 1 and 2 variables" },
        { "[map(range(0, 1), lambda('a', 'b', 'c', 1))]", "error: between 1 and 2 variables" },
        { "[map(range(0, 1), lambda(1, 2))]", "error: must be string literals" },
        { "[filter(range(0, 1), lambda('x', 1))]", "error: parameter 2 to be of type 'Boolean'" },
        { "[sort(range(0, 2), lambda('a', 'b', 1))]",
          "error: parameter 2 to be of type 'Boolean'" },
        { "[map('a', lambda('x', 1))]", "error: parameter 1 to be of type 'Array'" },
        { "[mapValues(range(0, 1), lambda('x', 1))]", "error: parameter 1 to be of type 'Object'" },
        { "[groupBy(range(0, 1), lambda('x', 1))]", "error: parameter 2 to be of type 'String'" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void handles_ranges_of_addresses(void **state)
{
    static const struct expression_row rows[] = {
        { "[parseCidr('10.144.0.0/20')]",
          "{\"network\":\"10.144.0.0\",\"netmask\":\"255.255.240.0\",\"broadcast\":"
          "\"10.144.15.255\",\"firstUsable\":\"10.144.0.1\",\"lastUsable\":\"10.144.15.254\","
          "\"cidr\":20}" },
        { "[parseCidr('fdad:3236:5555::/48')]",
          "{\"network\":\"fdad:3236:5555::\",\"netmask\":\"ffff:ffff:ffff::\",\"firstUsable\":"
          "\"fdad:3236:5555::\",\"lastUsable\":\"fdad:3236:5555:ffff:ffff:ffff:ffff:ffff\","
          "\"cidr\":48}" },
        { "[parseCidr('10.0.0.1/32').lastUsable]", "\"10.0.0.1\"" },
        { "[map(range(0, 5), lambda('i', cidrSubnet('10.144.0.0/20', 24, lambdaVariables('i'))))]",
          "[\"10.144.0.0/24\",\"10.144.1.0/24\",\"10.144.2.0/24\",\"10.144.3.0/24\","
          "\"10.144.4.0/24\"]" },
        { "[map(range(0, 2), lambda('i', cidrSubnet('fdad:3236:5555::/48', 52, "
          "lambdaVariables('i'))))]",
          "[\"fdad:3236:5555::/52\",\"fdad:3236:5555:1000::/52\"]" },
        { "[cidrSubnet('10.0.0.0/8', 9, 1)]", "\"10.128.0.0/9\"" },
        { "[cidrSubnet('10.0.0.0/8', 8, 0)]", "\"10.0.0.0/8\"" },
        { "[cidrSubnet('::/0', 128, 9223372036854775807)]", "\"::7fff:ffff:ffff:ffff/128\"" },
        { "[cidrSubnet('10.144.0.0/20', 24, 16)]", "error: no subnet of that index" },
        { "[cidrSubnet('10.144.0.0/20', 24, -1)]", "error: no subnet of that index" },
        { "[cidrSubnet('10.144.0.0/20', 19, 0)]", "error: must be between 20 and 32" },
        { "[cidrSubnet('10.144.0.0/20', 33, 0)]", "error: must be between 20 and 32" },
        { "[map(range(0, 3), lambda('i', cidrHost('10.144.3.0/24', lambdaVariables('i'))))]",
          "[\"10.144.3.1\",\"10.144.3.2\",\"10.144.3.3\"]" },
        { "[cidrHost('fdad:3236:5555:3000::/52', 4)]", "\"fdad:3236:5555:3000::5\"" },
        { "[cidrHost('10.144.3.0/24', 255)]", "error: no host of that index" },
        { "[cidrHost('255.255.255.0/24', 4294967295)]", "error: no host of that index" },
        { "[parseCidr('10.0.0.0')]", "error: not a network in CIDR notation" },
        { "[parseCidr('10.0.0.0/33')]", "error: not a network in CIDR notation" },
        { "[parseCidr('10.0.0/8')]", "error: not a network in CIDR notation" },
        { "[parseCidr('x/8')]", "error: not a network in CIDR notation" },
        { "[parseCidr('/8')]", "error: not a network in CIDR notation" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

static void tells_time(void **state)
{
    static const struct expression_row rows[] = {
        { "[utcNow()]", "\"20240305T140709Z\"" },
        { "[utcNow('d')]", "\"03/05/2024\"" },
        { "[utcNow('M d')]", "\"3 5\"" },
        { "[utcNow('u')]", "\"2024-03-05 14:07:09Z\"" },
        { "[utcNow('o')]", "\"2024-03-05T14:07:09.1230000Z\"" },
        { "[utcNow('R')]", "\"Tue, 05 Mar 2024 14:07:09 GMT\"" },
        { "[utcNow('D')]", "\"Tuesday, 05 March 2024\"" },
        { "[utcNow('s')]", "\"2024-03-05T14:07:09\"" },
        { "[utcNow('yyyy-MM-dd')]", "\"2024-03-05\"" },
        { "[utcNow('yy y MMM MMMM ddd dddd')]", "\"24 24 Mar March Tue Tuesday\"" },
        { "[utcNow('h:mm tt, hh t, H m s')]", "\"2:07 PM, 02 P, 14 7 9\"" },
        { "[utcNow('fff|FFFF|s.FFFFFFF|zzz|K|%d')]", "\"123|123|9.123|+00:00|Z|5\"" },
        { "[utcNow('''at'' HH \"h\" \\d')]", "\"at 14 h d\"" },
        { "[utcNow('q')]", "error: The format of a date is not valid" },
        { "[utcNow('ffffffff')]", "error: The format of a date is not valid" },
        { "[utcNow('''a')]", "error: The format of a date is not valid" },
        { "[utcNow('')]", "error: The format of a date is not valid" },
        { "[dateTimeAdd('2023-09-11 14:42:56Z', 'P2Y')]", "\"2025-09-10T14:42:56Z\"" },
        { "[dateTimeAdd('2022-09-01T00:00:00Z', 'P10Y')]", "\"2032-08-29T00:00:00Z\"" },
        { "[dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')]", "\"2020-03-29T14:53:14Z\"" },
        { "[dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H', 'u')]", "\"2020-04-07 15:53:14Z\"" },
        { "[dateTimeAdd('20200407T145314Z', 'P1M1WT1M1.5S', 'o')]",
          "\"2020-05-14T14:54:15.5000000Z\"" },
        { "[dateTimeAdd('2020-04-07T14:53+02:00', 'PT0S')]", "\"2020-04-07T12:53:00Z\"" },
        { "[dateTimeAdd('2020-02-29', 'P1D')]", "\"2020-03-01T00:00:00Z\"" },
        { "[dateTimeAdd('9999-12-31', 'P1D')]", "error: out of range" },
        { "[dateTimeAdd('2020-01-01', 'P2147483647Y')]",
          "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'P')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'PT')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'P1H')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'P1D1Y')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'P1.5D')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2020-01-01', 'D')]", "error: is not a valid ISO8601 Duration string" },
        { "[dateTimeAdd('2021-02-29', 'P1D')]", "error: not a date and time" },
        { "[dateTimeAdd('0000-01-01', 'P1D')]", "error: not a date and time" },
        { "[dateTimeAdd('2021-01-01T24:00', 'P1D')]", "error: not a date and time" },
        { "[dateTimeAdd('2021-01-01T23:00:00.', 'P1D')]", "error: not a date and time" },
        { "[dateTimeAdd('2021-01-01x', 'P1D')]", "error: not a date and time" },
        { "[dateTimeFromEpoch(1683040573)]", "\"2023-05-02T15:16:13Z\"" },
        { "[dateTimeFromEpoch(-1)]", "\"1969-12-31T23:59:59Z\"" },
        { "[dateTimeFromEpoch(9223372036854775807)]", "error: out of range" },
        { "[dateTimeFromEpoch(253402300800)]", "error: out of range" },
        { "[dateTimeToEpoch('2023-05-02T15:16:13Z')]", "1683040573" },
        { "[dateTimeToEpoch('1969-12-31T23:59:59.5Z')]", "-1" },
    };

    (void)state;
    expression_check(rows, ARRAY_LEN(rows), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(decides),
        cmocka_unit_test(counts),
        cmocka_unit_test(handles_arrays),
        cmocka_unit_test(handles_objects),
        cmocka_unit_test(merges_objects),
        cmocka_unit_test(applies_lambdas),
        cmocka_unit_test(refuses_other_lambdas),
        cmocka_unit_test(handles_ranges_of_addresses),
        cmocka_unit_test(tells_time),
    };

    return cmocka_run_group_tests_name("template/functions", tests, NULL, NULL);
}
