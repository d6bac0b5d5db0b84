/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "model/network_rules.h"

static void test_valid(void **state)
{
    (void)state;
    assert_true(network_rule_is_valid(STR("1.2.3.4")));
    assert_true(network_rule_is_valid(STR("10.0.0.0/8")));
    assert_true(network_rule_is_valid(STR("0.0.0.0/0")));
    assert_true(network_rule_is_valid(STR("1.2.3.4/32")));
    assert_false(network_rule_is_valid(STR("")));
    assert_false(network_rule_is_valid(STR("1.2.3")));
    assert_false(network_rule_is_valid(STR("1.2.3.256")));
    assert_false(network_rule_is_valid(STR("1.2.3.4/33")));
    assert_false(network_rule_is_valid(STR("1.2.3.4/")));
    assert_false(network_rule_is_valid(STR("1.2.3.4/8/8")));
    assert_false(network_rule_is_valid(STR("::1")));
    assert_false(network_rule_is_valid(STR("1.2.3.4, 5.6.7.8")));
}

static void test_allow(void **state)
{
    struct str rules = STR("203.0.113.7,198.51.100.0/25,bad");

    (void)state;
    assert_true(network_rules_allow(rules, STR("203.0.113.7")));
    assert_false(network_rules_allow(rules, STR("203.0.113.8")));
    assert_true(network_rules_allow(rules, STR("198.51.100.127")));
    assert_false(network_rules_allow(rules, STR("198.51.100.128")));
    assert_true(network_rules_allow(rules, STR("::ffff:203.0.113.7")));
    assert_false(network_rules_allow(rules, STR("::1")));
    assert_false(network_rules_allow(rules, STR("")));
    assert_false(network_rules_allow(STR(""), STR("203.0.113.7")));
    assert_true(network_rules_allow(STR("0.0.0.0/0"), STR("203.0.113.7")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_allow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
