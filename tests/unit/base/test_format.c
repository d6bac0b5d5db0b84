/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/format.h"

#define TIME_MS 1698766553082 /* 2023-10-31T15:35:53.082Z */

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

static void writes_times(void **state)
{
    struct arena *a = *state;
    char date[30];

    assert_string_equal(format_time(a, TIME_MS).data, "2023-10-31T15:35:53.0820000Z");
    assert_string_equal(format_time(a, 0).data, "1970-01-01T00:00:00.0000000Z");
    assert_string_equal(format_time(a, -1).data, "1969-12-31T23:59:59.9990000Z");
    assert_string_equal(format_time_seconds(a, TIME_MS).data, "2023-10-31T15:35:53Z");
    format_http_date(date, TIME_MS);
    assert_string_equal(date, "Tue, 31 Oct 2023 15:35:53 GMT");
    format_http_date(date, 951782400000);
    assert_string_equal(date, "Tue, 29 Feb 2000 00:00:00 GMT");
}

static void reads_times(void **state)
{
    static const struct {
        const char *text;
        int64_t time_ms;
    } valid[] = {
        { "2023-10-31T15:35:53.0820000Z", TIME_MS },
        { "2023-10-31T15:35:53.082999999Z", TIME_MS },
        { "2023-10-31t17:05:53.082+01:30", TIME_MS },
        { "2023-10-31T05:35:53.082-10:00", TIME_MS },
        { "2023-10-31T15:35:53z", TIME_MS - 82 },
        { "2023-10-31T15:35:53.1Z", TIME_MS + 18 },
        { "1970-01-01", 0 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "2027-04-15", 1807747200000 },
        { "2024-02-29", 1709164800000 },
        { "0001-01-01", -62135596800000 },
        { "9999-12-31T23:59:59Z", 253402300799000 },
    };
    int64_t time_ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        assert_true(format_parse_time(str_from(valid[i].text), &time_ms));
        assert_true(time_ms == valid[i].time_ms);
    }
}

static void refuses_malformed_times(void **state)
{
    static const char *const invalid[] = {
        "",
        "2023",
        "2023-10",
        "2023-10-31T",
        "2023-10-31T15:35:53",
        "2023-10-31T15:35Z",
        "2023-10-31 15:35:53Z",
        "2023-10-31T15:35:53Zx",
        "2023-10-31T15:35:53.Z",
        "2023-10-31T15:35:53.0123456789Z",
        "2023-10-31T15:35:53+0100",
        "2023-10-31T15:35:53+24:00",
        "2023-10-31T15:35:53+01:60",
        "2023-10-31T24:00:00Z",
        "2023-10-31T15:60:00Z",
        "2023-10-31T15:35:60Z",
        "2023-02-29",
        "2023-02-30",
        "2023-04-31",
        "2023-00-10",
        "2023-13-10",
        "2023-10-00",
        "2023-10-32",
        "2023-1-1",
        "+023-10-31",
        "2023-10-31Z",
    };
    int64_t time_ms = 5;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
        assert_false(format_parse_time(str_from(invalid[i]), &time_ms));
    assert_int_equal(time_ms, 5);
}

/* Every digit, at an even and at an odd place; version and variant in theirs. */
static void writes_guids(void **state)
{
    static const uint8_t bytes[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                       0x3e, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 };
    char text[GUID_TEXT_LEN + 1];

    (void)state;
    format_guid_of(bytes, text);
    assert_string_equal(text, "01234567-89ab-4def-bedc-ba9876543210");
}

static void makes_guids(void **state)
{
    char one[GUID_TEXT_LEN + 1], other[GUID_TEXT_LEN + 1];

    (void)state;
    format_guid(one);
    format_guid(other);
    assert_string_not_equal(one, other);
    assert_true(format_is_guid(str_from(one)));
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
    assert_true(format_is_guid(STR("00000000-0000-0000-0000-00000000000F")));
    assert_false(format_is_guid(STR("00000000-0000-0000-0000-00000000000g")));
    assert_false(format_is_guid(STR("00000000-0000-0000-0000-0000000000000")));
    assert_false(format_is_guid(STR("0000000000000000000000000000000000000")));
    assert_false(format_is_guid(STR("00000000000000-0000-0000-000000000000")));
    assert_false(format_is_guid(STR("00000000-0000-0000-000000000000-00000")));
    assert_false(format_is_guid(STR_NONE));
}

/* As printf does, whatever the number of digits, and no byte beyond them. */
static void decimal(void **state)
{
    struct arena *a = *state;
    char found[FORMAT_DECIMAL_MAX + 2], expected[FORMAT_DECIMAL_MAX + 2];

    for (uint64_t n = 1, i = 0; i < 130; i++, n = n * 7 + i) {
        memset(found, 'x', sizeof(found));
        snprintf(expected, sizeof(expected), "%llux", (unsigned long long)(n >> i % 64));
        assert_ptr_equal(format_put_decimal(found, n >> i % 64), found + strlen(expected) - 1);
        assert_memory_equal(found, expected, strlen(expected));
    }
    assert_string_equal(format_decimal(a, INT64_MIN).data, "-9223372036854775808");
    assert_string_equal(format_decimal(a, -1).data, "-1");
    assert_string_equal(format_decimal(a, 0).data, "0");
    assert_string_equal(format_decimal(a, INT64_MAX).data, "9223372036854775807");
    *format_put_decimal(found, UINT64_MAX) = '\0';
    assert_string_equal(found, "18446744073709551615");
    assert_string_equal(format_grouped(a, STR("999")).data, "999");
    assert_string_equal(format_grouped(a, STR("1000")).data, "1,000");
    assert_string_equal(format_grouped(a, STR("1234567")).data, "1,234,567");
    assert_int_equal(format_grouped(a, STR("1234567")).len, 9);
    assert_string_equal(format_grouped(a, STR_NONE).data, "");
}

static void hexadecimal(void **state)
{
    struct arena *a = *state;

    assert_string_equal(format_hex(a, "\x00\x7f\xff", 3).data, "007fff");
    assert_string_equal(format_hex(a, NULL, 0).data, "");
}

/* The vectors of RFC 4648, 10. */
static void base64(void **state)
{
    static const char *const pairs[][2] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff", "+/8=" },
    };
    struct arena *a = *state;
    struct str out;

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct str text = format_base64(a, pairs[i][0], strlen(pairs[i][0]));

        assert_string_equal(text.data, pairs[i][1]);
        assert_int_equal(text.len, strlen(pairs[i][1]));
        assert_true(format_parse_base64(a, text, &out));
        assert_true(str_equal(out, str_from(pairs[i][0])));
    }
}

static void refuses_malformed_base64(void **state)
{
    static const char *const invalid[] = {
        "Zg",   "Zg=",  "Zg===",    "Z===",       "====",      "=",
        "Zg=a", "Zm=v", "Zm9v\n",   " Zm9",       "Zm9v Zm9v", "Zm-_",
        "Zh==", "Zm9=", "Zg==Zg==", "Z\xC3\xBCv", "Zm9vZm9v=",
    };
    struct arena *a = *state;
    struct str out = STR("untouched");

    for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
        assert_false(format_parse_base64(a, str_from(invalid[i]), &out));
    assert_false(format_parse_base64(a, str_of("Zg=\0", 4), &out));
    assert_true(str_equal(out, STR("untouched")));
}

static void percent(void **state)
{
    static const char *const invalid[] = { "%", "%4", "a%4", "%zz", "%4z", "%00", "a%00b", "%-1" };
    struct arena *a = *state;
    struct str out;

    assert_true(format_percent_decode(a, STR("gpt%2D4o+x%20y%2fz"), &out));
    assert_string_equal(out.data, "gpt-4o+x y/z");
    assert_true(format_percent_decode(a, STR("%c3%BC"), &out));
    assert_string_equal(out.data, "\xC3\xBC");
    assert_true(format_percent_decode(a, STR_NONE, &out));
    assert_int_equal(out.len, 0);
    /* decoded once, not twice */
    assert_true(format_percent_decode(a, STR("%2541"), &out));
    assert_string_equal(out.data, "%41");
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
        assert_false(format_percent_decode(a, str_from(invalid[i]), &out));
    assert_false(format_percent_decode(a, str_of("a\0b", 3), &out));
    assert_string_equal(format_percent_encode(a, STR("aZ09-._~")).data, "aZ09-._~");
    assert_string_equal(format_percent_encode(a, STR("a/b c%+\xC3\xBC")).data,
                        "a%2Fb%20c%25%2B%C3%BC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_times, set_up, tear_down),
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_malformed_times),
        cmocka_unit_test(writes_guids),
        cmocka_unit_test(makes_guids),
        cmocka_unit_test_setup_teardown(decimal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hexadecimal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_malformed_base64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(percent, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
