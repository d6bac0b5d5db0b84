/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void tells_addresses_from_other_text(void **state)
{
    (void)state;
    assert_true(address_is_valid(STR("203.0.113.7")));
    assert_true(address_is_valid(STR("::")));
    assert_true(address_is_valid(STR("2001:DB8::1")));
    assert_true(address_is_valid(STR("2001:db8:1111:2222:3333:4444:255.255.255.255")));
    assert_true(address_is_valid(STR("::ffff:203.0.113.7")));
    assert_false(address_is_valid(STR("")));
    assert_false(address_is_valid(STR_NONE));
    assert_false(address_is_valid(STR("unix")));
    assert_false(address_is_valid(STR("203.0.113.7:80")));
    assert_false(address_is_valid(STR("[::1]")));
    assert_false(address_is_valid(STR("fe80::1%eth0")));
    assert_false(address_is_valid(STR("10.0.0.0/8")));
    assert_false(address_is_valid(STR("1.2.3.4\0")));
}

static void tells_ranges_from_other_text(void **state)
{
    static const char *const both[] = { "1.2.3.4", "10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32" };
    static const char *const v6[] = { "::1", "::/0", "2001:db8::/32", "::1/128",
                                      "::ffff:10.0.0.0/104" };
    static const char *const none[] = {
        "",           "/",        "/8",          "1.2.3",      "1.2.3.256",
        "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/8/8", "1.2.3.4/-1", "1.2.3.4, 5.6.7.8",
        "::1/129",    "::1/",     "1::2::3",     "12345::",    "[::1]",
        "x"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        assert_true(address_range_is_valid(str_from(both[i])));
        assert_true(address_range_is_ipv4(str_from(both[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(v6); i++) {
        assert_true(address_range_is_valid(str_from(v6[i])));
        assert_false(address_range_is_ipv4(str_from(v6[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_false(address_range_is_valid(str_from(none[i])));
        assert_false(address_range_is_ipv4(str_from(none[i])));
    }
}

static void finds_addresses_of_ipv4(void **state)
{
    struct str ranges = STR("203.0.113.7,198.51.100.0/25,bad");

    (void)state;
    assert_true(address_ranges_hold(ranges, STR("203.0.113.7")));
    assert_false(address_ranges_hold(ranges, STR("203.0.113.8")));
    assert_true(address_ranges_hold(ranges, STR("198.51.100.127")));
    assert_false(address_ranges_hold(ranges, STR("198.51.100.128")));
    assert_true(address_ranges_hold(ranges, STR("::ffff:203.0.113.7")));
    assert_true(address_ranges_hold(ranges, STR("::FFFF:cb00:7107")));
    assert_false(address_ranges_hold(ranges, STR("::1")));
    assert_false(address_ranges_hold(ranges, STR("::203.0.113.7")));
    assert_false(address_ranges_hold(ranges, STR("")));
    assert_false(address_ranges_hold(ranges, STR("bad")));
    assert_false(address_ranges_hold(STR(""), STR("203.0.113.7")));
    assert_true(address_ranges_hold(STR("0.0.0.0/0"), STR("203.0.113.7")));
    assert_false(address_ranges_hold(STR("0.0.0.0/0"), STR("::1")));
}

static void finds_addresses_of_ipv6(void **state)
{
    struct str ranges = STR("::1,2001:db8:0:4000::/50,fd00::/8,2001:db8:ffff::/127");

    (void)state;
    assert_true(address_ranges_hold(ranges, STR("::1")));
    assert_true(address_ranges_hold(ranges, STR("0:0:0:0:0:0:0:1")));
    assert_false(address_ranges_hold(ranges, STR("::2")));
    assert_true(address_ranges_hold(ranges, STR("2001:DB8:0:7fff:ffff:ffff:ffff:ffff")));
    assert_true(address_ranges_hold(ranges, STR("2001:db8:0:4000::")));
    assert_false(address_ranges_hold(ranges, STR("2001:db8:0:8000::")));
    assert_false(address_ranges_hold(ranges, STR("2001:db8:0:3fff::")));
    assert_true(address_ranges_hold(ranges, STR("fdff::1")));
    assert_false(address_ranges_hold(ranges, STR("fe00::1")));
    assert_true(address_ranges_hold(ranges, STR("2001:db8:ffff::1")));
    assert_false(address_ranges_hold(ranges, STR("2001:db8:ffff::2")));
    assert_false(address_ranges_hold(ranges, STR("0.0.0.1")));
    assert_true(address_ranges_hold(STR("::ffff:10.0.0.0/104"), STR("10.1.2.3")));
    assert_true(address_ranges_hold(STR("::/0"), STR("10.1.2.3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_addresses_from_other_text),
        cmocka_unit_test(tells_ranges_from_other_text),
        cmocka_unit_test(finds_addresses_of_ipv4),
        cmocka_unit_test(finds_addresses_of_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
