/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/json_asides.h"
#include "base/memory.h"

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

static bool lies_in(struct str part, struct str whole)
{
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

/* Has what is there of a text looked at after each `step` bytes, each time in another place. */
static void look_as_it_comes(struct json_asides *asides, struct str text, size_t step)
{
    for (size_t come = step; come < text.len; come += step) {
        char *there = memory_realloc(NULL, come);

        memcpy(there, text.data, come);
        json_asides_look(asides, str_of(there, come), text.len);
        free(there);
    }
}

static void counts_right(const struct json_asides *asides, yyjson_doc *doc)
{
    yyjson_val *value = yyjson_doc_get_root(doc);

    for (size_t i = 0; i < yyjson_doc_get_val_count(doc); i++, value++) {
        assert_int_equal(json_asides_count_chars(asides, json_str(value)),
                         str_count_chars(json_str(value)));
        assert_int_equal(json_asides_count_chars(NULL, json_str(value)),
                         str_count_chars(json_str(value)));
    }
}

/* What json_parse_lent makes of a text, which json_parse must make too, be it an error. */
static yyjson_val *parse_in_steps(struct arena *a, struct str text, size_t long_bytes, size_t step)
{
    struct error why = { 0 }, why_lent = { 0 };
    struct json_asides *asides = json_asides_new(a, long_bytes);
    yyjson_doc *doc = json_parse(a, text, &why), *lent;

    look_as_it_comes(asides, text, step);
    lent = json_parse_lent(a, text, asides, &why_lent);

    assert_int_equal(doc == NULL, lent == NULL);
    if (!doc) {
        assert_string_equal(why.text, why_lent.text);
        assert_int_equal(why.code, why_lent.code);
        return NULL;
    }
    if (!yyjson_equals(yyjson_doc_get_root(doc), yyjson_doc_get_root(lent)))
        fail_msg("%.*s", STR_ARGS(text));
    counts_right(asides, lent);
    return yyjson_doc_get_root(lent);
}

static yyjson_val *parse_lent(struct arena *a, struct str text, size_t long_bytes)
{
    yyjson_val *root = parse_in_steps(a, text, long_bytes, SIZE_MAX);
    static const size_t steps[] = { 1, 13, 1000, 9000 };

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (text.len / steps[i] > 150)
            continue; /* takes too long */
        if (!yyjson_equals(root, parse_in_steps(a, text, long_bytes, steps[i])) && root)
            fail_msg("by %zu bytes: %.*s", steps[i], STR_ARGS(text));
    }
    return root;
}

static void means_the_same(void **state)
{
    static const char *const texts[] = {
        "\"a\"",
        "\"\"",
        "[\"\",\"a\",\"bc\",{\"d\":\"e\",\"fg\":[\"h\"]},\"i\",1]",
        "{\"a\":\"-\",\"-\":\"b\",\"b\":\"-\"}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\\\\",\"a\\\"\",\"\\u0000b\"]",
        "[\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\","
        "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\n\xC3\xA9\"]",
        "[123456789012345678901234567890,\"a\"]",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t long_bytes = 1; long_bytes < 5; long_bytes++)
            assert_non_null(parse_lent(*state, str_from(texts[i]), long_bytes));
    }
}

static void is_wrong_in_the_same_place(void **state)
{
    static const char *const texts[] = {
        "",
        "\"",
        "\"a",
        "[\"a\",\"b]",
        "[\"long\" \"long\"]",
        "{\"long\":\"long\",\"long\"}",
        "[\"long\",\"long\",x]",
        "[\"long\",\"a\tb\"]",
        "[\"long\",\"\\x\"]",
        "[\"long\",\"\\",
        "[\"long\",\"\\u12",
        "[\"long\",\"\\u12g4\"]",
        "[\"long\",\"\\ud800\"]",
        "[\"long\",\"\\ud800\\u0041\"]",
        "[\"long\",\"\\ud800\\n\"]",
        "[\"long\",\"\\udc00\\ud800\"]",
        "[\"long\",\"\xFF\"]",
        "[\"long\",\"\xED\xA0\x80\"]",
        "[\"long\",\"\xC3\"]",
        "\"long\"\"long\"",
        "\\\"long\"",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t long_bytes = 1; long_bytes < 5; long_bytes++)
            assert_null(parse_lent(*state, str_from(texts[i]), long_bytes));
    }
}

/* A string of `len` letters with something in it. */
static struct str string_with(struct buf *b, size_t len, size_t at, const char *what)
{
    buf_clear(b);
    assert_true(buf_append(b, STR("[\"")));
    for (size_t i = 0; i < len; i++)
        assert_true(buf_append(b, i == at ? str_from(what) : STR("x")));
    assert_true(buf_append(b, STR("\",1]")));
    return buf_str(b);
}

static void sees_each_byte(void **state)
{
    static const struct {
        const char *text;
        bool is_wrong, is_lent;
    } inside[] = {
        { "x", false, true },    { "\\n", false, false },      { "\\\"", false, false },
        { "\"", true, false },   { "\n", true, false },        { "\\", true, false },
        { "\xFF", true, false }, { "\xC3\xA9", false, false }, { "\x7F", false, true },
    };
    struct buf b;

    buf_init(&b, 16384);
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        /* in each place of what is looked at together, and around where it is asked whether it pays */
        for (size_t at = 0; at < 8400; at += at == 149 ? 3851 : at == 4200 ? 3900 : 1) {
            struct str text = string_with(&b, at < 150 ? 150 : 9000, at, inside[i].text);
            struct arena *a = arena_new(NULL);
            yyjson_val *root = parse_lent(a, text, 100);

            assert_int_equal(root == NULL, inside[i].is_wrong);
            if (root)
                assert_int_equal(lies_in(json_str(yyjson_arr_get_first(root)), text),
                                 inside[i].is_lent);
            arena_free(a);
        }
    }
    buf_done(&b);
    (void)state;
}

static void leaves_short_strings(void **state)
{
    static const struct str text = STR("[\"nine byte\",\"ten bytes!\"]");
    yyjson_val *root = parse_lent(*state, text, 10);

    assert_false(lies_in(json_str(yyjson_arr_get(root, 0)), text));
    assert_true(lies_in(json_str(yyjson_arr_get(root, 1)), text));
}

/* Where quotes and escapes are many, yyjson is as fast, and what comes behind them is its own. */
static void gives_up_where_it_does_not_pay(void **state)
{
    static const struct {
        const char *unit;
        unsigned times;
        bool is_lent;
    } before[] = { { "1,", 5000, true },       { "\"a\",", 50, true },
                   { "\"a\",", 500, false },   { "\"\\n\",", 30, true },
                   { "\"\\n\",", 500, false }, { "\"\xE2\x82\xAC\",", 5, true } };
    struct buf b;

    buf_init(&b, 65536);
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct str text, last;
        yyjson_val *root;

        buf_clear(&b);
        assert_true(buf_append(&b, STR("[")));
        for (unsigned n = 0; n < before[i].times; n++)
            assert_true(buf_append(&b, str_from(before[i].unit)));
        assert_true(buf_append(&b, STR("\"a long string\"]")));
        text = buf_str(&b);
        root = parse_lent(*state, text, 10);
        last = json_str(yyjson_arr_get_last(root));
        assert_true(str_equal(last, STR("a long string")));
        assert_int_equal(lies_in(last, text), before[i].is_lent);
    }
    buf_done(&b);
}

/* The same of text that is no ASCII. */
static void gives_up_on_text_beyond_ascii(void **state)
{
    static const unsigned euros[] = { 100, 30000 };
    struct buf b;

    buf_init(&b, 131072);
    for (size_t i = 0; i < ARRAY_LEN(euros); i++) {
        yyjson_val *root;

        buf_clear(&b);
        assert_true(buf_append(&b, STR("[\"")));
        for (unsigned n = 0; n < euros[i]; n++)
            assert_true(buf_append(&b, STR("\xE2\x82\xAC")));
        assert_true(buf_append(&b, STR("\",\"a long string\"]")));
        root = parse_lent(*state, buf_str(&b), 10);
        assert_int_equal(lies_in(json_str(yyjson_arr_get_last(root)), buf_str(&b)), i == 0);
    }
    buf_done(&b);
}

/* What was found as the text came is not looked for again. */
static void finds_strings_as_they_come(void **state)
{
    static const struct str text = STR("[\"a long string\",\"line\\nline\",1,1,1,1,1,1]");
    char come[64];
    struct str rest;
    struct json_asides *asides = json_asides_new(*state, 5);

    memcpy(come, text.data, text.len);
    json_asides_look(asides, str_of(come, text.len), text.len);
    memset(come, ' ', text.len);
    assert_true(json_asides_take(asides, str_of(come, text.len), &rest));
    assert_int_equal(rest.len, text.len - 12 - 9); /* a byte for either is left */
}

/* Room for a string without its escapes is as large as the text is to be. */
static void takes_no_room_for_what_is_only_claimed(void **state)
{
    static const struct str come = STR("[\"a string with \\n an escape and no end");

    json_asides_look(json_asides_new(*state, 10), come, SIZE_MAX / 4);
}

/* It waits for half of it, and then takes what has come before, too. */
static void takes_escapes_out_of_large_texts(void **state)
{
    struct json_asides *asides;
    struct buf b;
    struct str text, rest;
    yyjson_val *root;

    buf_init(&b, 1000000);
    assert_true(buf_append(&b, STR("[\"")));
    for (unsigned i = 0; i < 5000; i++)
        assert_true(buf_append(&b, STR("a line of text that is not so short as to be dear\\n")));
    assert_true(buf_append(&b, STR("\",\"a long string\"]")));
    text = buf_str(&b);
    root = parse_lent(*state, text, 1000);
    assert_int_equal(yyjson_get_len(yyjson_arr_get_first(root)), 5000 * 50);
    asides = json_asides_new(*state, 1000);
    look_as_it_comes(asides, text, text.len / 3);
    assert_true(json_asides_take(asides, text, &rest));
    assert_true(str_equal(rest, STR("[\"-\",\"a long string\"]")));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(means_the_same),
        TEST(is_wrong_in_the_same_place),
        TEST(sees_each_byte),
        TEST(leaves_short_strings),
        TEST(gives_up_where_it_does_not_pay),
        TEST(gives_up_on_text_beyond_ascii),
        TEST(finds_strings_as_they_come),
        TEST(takes_no_room_for_what_is_only_claimed),
        TEST(takes_escapes_out_of_large_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
