/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>

#include "base/str.h"

static void compares(void **state)
{
    (void)state;
    assert_true(str_equal(STR("ab"), STR("ab")));
    assert_false(str_equal(STR("ab"), STR("aB")));
    assert_false(str_equal(STR("ab"), STR("abc")));
    assert_true(str_equal(STR_NONE, STR("")));
    assert_true(str_equal_nocase(STR("Content-Type"), STR("content-TYPE")));
    assert_false(str_equal_nocase(STR("a"), STR("b")));
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("b"), STR("a")) > 0);
    assert_true(str_compare(STR("a"), STR("ab")) < 0);
    assert_true(str_compare(STR("ab"), STR("a")) > 0);
    assert_int_equal(str_compare(STR_NONE, STR("")), 0);
    /* bytes above 127 come last: they are not negative */
    assert_true(str_compare(STR("\xC3\xA4"), STR("z")) > 0);
}

static void knows_starts_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts_with(STR("/openai/models"), STR("/openai/")));
    assert_false(str_starts_with(STR("/open"), STR("/openai/")));
    assert_false(str_starts_with(STR("/OpenAI/"), STR("/openai/")));
    assert_true(str_starts_with_nocase(STR("Bearer x"), STR("bearer ")));
    assert_false(str_starts_with_nocase(STR("Bear"), STR("bearer ")));
    assert_true(str_ends_with(STR("a.json"), STR(".json")));
    assert_false(str_ends_with(STR("json"), STR(".json")));
    assert_true(str_starts_with(STR("x"), STR_NONE));
    assert_true(str_ends_with(STR("x"), STR_NONE));
}

static void finds(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("data: [DONE]"), STR("[DONE]")), 6);
    assert_true(str_find(STR("data"), STR("datum")) == SIZE_MAX);
    assert_int_equal(str_find(STR("data"), STR_NONE), 0);
    assert_true(str_find(STR_NONE, STR("x")) == SIZE_MAX);
    assert_int_equal(str_find_char(STR("a=b"), '='), 1);
    assert_true(str_find_char(STR("ab"), '=') == SIZE_MAX);
    assert_true(str_find_char(STR_NONE, '=') == SIZE_MAX);
    /* a byte outside the string is not looked at */
    assert_true(str_find(str_of("abc", 2), STR("c")) == SIZE_MAX);
}

static void slices_within_bounds(void **state)
{
    (void)state;
    assert_true(str_equal(str_slice(STR("hello"), 1, 3), STR("ell")));
    assert_true(str_equal(str_slice(STR("hello"), 3, 99), STR("lo")));
    assert_true(str_is_empty(str_slice(STR("hello"), 9, 1)));
    assert_true(str_is_empty(str_slice(STR_NONE, 0, 1)));
    assert_true(str_equal(str_slice(STR("hello"), 1, SIZE_MAX), STR("ello")));
}

static void trims(void **state)
{
    (void)state;
    assert_true(str_equal(str_trim(STR(" \t a b \t")), STR("a b")));
    assert_true(str_is_empty(str_trim(STR("   "))));
    assert_true(str_equal(str_trim(STR("\na\n")), STR("\na\n")));
}

static void splits(void **state)
{
    struct str rest = STR("a,,b,"), part;

    (void)state;
    assert_true(str_split(&rest, ',', &part));
    assert_true(str_equal(part, STR("a")));
    assert_true(str_split(&rest, ',', &part));
    assert_true(str_is_empty(part));
    assert_true(str_split(&rest, ',', &part));
    assert_true(str_equal(part, STR("b")));
    assert_true(str_split(&rest, ',', &part));
    assert_true(str_is_empty(part));
    assert_false(str_split(&rest, ',', &part));
}

static void reads_numbers(void **state)
{
    static const char *const refused[] = { "",
                                           "-1",
                                           "+1",
                                           " 1",
                                           "1 ",
                                           "1a",
                                           "0x1",
                                           "9:",
                                           "18446744073709551616",
                                           "000000000000000000001" };
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_false(str_to_u64(str_from(refused[i]), UINT64_MAX, &value));
    assert_int_equal(value, 7);
    assert_false(str_to_u64(STR("101"), 100, &value));
    assert_true(str_to_u64(STR("100"), 100, &value));
    assert_int_equal(value, 100);
    assert_true(str_to_u64(STR("007"), 100, &value));
    assert_int_equal(value, 7);
    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
}

static void knows_utf8(void **state)
{
    static const char *const valid[] = { "",
                                         "plain",
                                         "gr\xC3\xBC\xC3\x9F",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x98\x80",
                                         "\xF4\x8F\xBF\xBF",
                                         "\xED\x9F\xBF" };
    static const char *const invalid[] = {
        "\x80",             /* continuation alone */
        "\xC3",             /* cut */
        "\xE2\x82",         /* cut */
        "\xF0\x9F\x98",     /* cut */
        "\xC0\xAF",         /* overlong */
        "\xE0\x9F\xBF",     /* overlong */
        "\xF0\x8F\xBF\xBF", /* overlong */
        "\xED\xA0\x80",     /* surrogate */
        "\xF4\x90\x80\x80", /* above U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xC3(",
        "\xE2\x82(",
        "ok\xFF",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++)
        assert_true(str_is_utf8(str_from(valid[i])));
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
        assert_false(str_is_utf8(str_from(invalid[i])));
    assert_true(str_is_utf8(str_of("a\0b", 3)));
}

static void counts_characters(void **state)
{
    static char many[5000];

    (void)state;
    assert_int_equal(str_count_chars(STR_NONE), 0);
    assert_int_equal(str_count_chars(STR("abc")), 3);
    assert_int_equal(str_count_chars(STR("a\0b")), 3);
    assert_int_equal(str_count_chars(STR("gr\xC3\xBC\xC3\x9F\xF0\x9F\x98\x80")), 5);
    memset(many, 0x80, sizeof(many));
    for (size_t len = 1; len <= sizeof(many); len++) { /* one that is continued for long */
        many[0] = '\xF0';
        assert_int_equal(str_count_chars(str_of(many, len)), 1);
        many[len - 1] = 'a';
        assert_int_equal(str_count_chars(str_of(many, len)), len > 1 ? 2 : 1);
        many[len - 1] = '\x80';
    }
}

static void repairs_utf8(void **state)
{
    char valid[] = "gr\xC3\xBC\xC3\x9F\xF0\x9F\x98\x80", cut[] = "ab\xE2\x82";
    char mixed[] = "\xFFz\xC3(\xE2\x82\xAC\x80", none[] = "";

    (void)state;
    str_repair_utf8(valid);
    assert_string_equal(valid, "gr\xC3\xBC\xC3\x9F\xF0\x9F\x98\x80");
    str_repair_utf8(cut);
    assert_string_equal(cut, "ab??");
    str_repair_utf8(mixed);
    assert_string_equal(mixed, "?z?(\xE2\x82\xAC?");
    str_repair_utf8(none);
    assert_string_equal(none, "");
}

static void masks_controls(void **state)
{
    char text[] = "a\x1b[2J\nb\x7F\xC3\xBC", plain[] = "a b";

    (void)state;
    str_mask_controls(text, strlen(text));
    assert_string_equal(text, "a?[2J?b?\xC3\xBC");
    str_mask_controls(plain, strlen(plain));
    assert_string_equal(plain, "a b");
}

static void knows_visible_text(void **state)
{
    (void)state;
    assert_true(str_is_visible(STR("!~key-0")));
    assert_true(str_is_visible(STR_NONE));
    assert_false(str_is_visible(STR("a b")));
    assert_false(str_is_visible(STR("a\n")));
    assert_false(str_is_visible(STR("\x7F")));
    assert_false(str_is_visible(STR("gr\xC3\xBC")));
}

static void shows_text_that_has_nuls(void **state)
{
    char out[5];

    (void)state;
    assert_string_equal(str_show(STR("a\0b"), out, sizeof(out)), "a?b");
    assert_string_equal(str_show(STR("\0abcd"), out, sizeof(out)), "?abc");
    assert_string_equal(str_show(STR("abcd"), out, sizeof(out)), "abcd");
    assert_string_equal(str_show(STR_NONE, out, sizeof(out)), "");
}

static void knows_letters_and_digits(void **state)
{
    (void)state;
    assert_true(str_is_alnum_or(STR("azAZ09-_."), "-._"));
    assert_true(str_is_alnum_or(STR_NONE, ""));
    assert_false(str_is_alnum_or(STR("a.b"), "-"));
    assert_false(str_is_alnum_or(STR("a\0b"), "-"));
    assert_false(str_is_alnum_or(STR("a@b"), ""));
    assert_false(str_is_alnum_or(STR("a[b"), ""));
    assert_false(str_is_alnum_or(STR("gr\xC3\xBC"), ""));
    for (size_t i = 0; i < 40; i++) { /* wherever it stands, whatever stands there */
        char text[41] = "0123456789abcdefghijklmnopqrstuvwxyzABCZ";

        assert_true(str_is_alnum_or(str_of(text, i), ""));
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            assert_int_equal(str_is_alnum_or(str_of(text, 40), "-"),
                             c == '-' || (c < 128 && isalnum(c)));
        }
    }
}

static void compares_without_case(void **state)
{
    (void)state;
    assert_int_equal(str_compare_nocase(STR("Ab"), STR("aB")), 0);
    assert_true(str_compare_nocase(STR("ab"), STR("ABC")) < 0);
    assert_true(str_compare_nocase(STR("B"), STR("abc")) > 0);
    assert_true(str_compare_nocase(STR_NONE, STR("a")) < 0);
    assert_int_equal(str_compare_nocase(STR_NONE, STR("")), 0);
}

/* Values of the authors' own test suite (FNV-1a, 64 bits). */
static void hashes(void **state)
{
    (void)state;
    assert_true(str_hash(STR_HASH_START, STR("")) == 0xCBF29CE484222325u);
    assert_true(str_hash(STR_HASH_START, STR("a")) == 0xAF63DC4C8601EC8Cu);
    assert_true(str_hash(STR_HASH_START, STR("foobar")) == 0x85944171F73967E8u);
    assert_true(str_hash(str_hash(STR_HASH_START, STR("foo")), STR("bar")) == 0x85944171F73967E8u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(compares_without_case),
        cmocka_unit_test(hashes),
        cmocka_unit_test(knows_starts_and_ends),
        cmocka_unit_test(finds),
        cmocka_unit_test(slices_within_bounds),
        cmocka_unit_test(trims),
        cmocka_unit_test(splits),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(counts_characters),
        cmocka_unit_test(repairs_utf8),
        cmocka_unit_test(masks_controls),
        cmocka_unit_test(knows_visible_text),
        cmocka_unit_test(shows_text_that_has_nuls),
        cmocka_unit_test(knows_letters_and_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
