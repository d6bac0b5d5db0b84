/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_unescape.h"
#include "base/macros.h"
#include "base/memory.h"

struct outcome {
    size_t end;
    size_t len;
    char *value;
};

/* Goes on in what is there of the text, of memory that ends where that does. */
static enum json_unescaped go_on(struct json_unescape *u, struct str part, bool is_whole)
{
    char *lent = memory_realloc(NULL, part.len ? part.len : 1);
    enum json_unescaped said;

    memcpy(lent, part.data, part.len);
    said = json_unescape(u, str_of(lent, part.len), is_whole);
    free(lent);
    return said;
}

/* Of a text that comes in pieces of `step` bytes. */
static struct outcome unescape_in_steps(struct str text, size_t step)
{
    struct outcome o = { .value = memory_alloc(text.len + JSON_UNESCAPE_ROOM) };
    struct json_unescape u = { .to = o.value };
    enum json_unescaped said = JSON_UNESCAPE_MORE;

    for (size_t come = step; said == JSON_UNESCAPE_MORE && come < text.len; come += step)
        said = go_on(&u, str_slice(text, 0, come), false);
    if (said == JSON_UNESCAPE_MORE)
        said = go_on(&u, text, true);
    o.end = said == JSON_UNESCAPED ? u.at : SIZE_MAX;
    o.len = u.len;
    return o;
}

/* However it comes, it is the same. */
static struct outcome unescape(struct str text)
{
    struct outcome o = unescape_in_steps(text, text.len + 1);

    for (size_t step = 1; step < 20; step++) {
        struct outcome other = unescape_in_steps(text, step);

        assert_int_equal(o.end, other.end);
        if (o.end != SIZE_MAX) {
            assert_int_equal(o.len, other.len);
            assert_memory_equal(o.value, other.value, o.len);
        }
        free(other.value);
    }
    return o;
}

static void means_what_it_says(void **state)
{
    static const struct {
        struct str text, value;
    } rows[] = {
        { STR("\""), STR("") },
        { STR("a\"b"), STR("a") },
        { STR("\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t") },
        { STR("fifteen letters\\n16 and a letter.\""), STR("fifteen letters\n16 and a letter.") },
        { STR("\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\""),
          STR("A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") },
        { STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F\""),
          STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\x7F") },
        { STR("\\u0000\""), STR("\0") },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = unescape(rows[i].text);

        assert_int_not_equal(o.end, SIZE_MAX);
        assert_int_equal(rows[i].text.data[o.end], '"');
        assert_true(str_equal(str_of(o.value, o.len), rows[i].value));
        free(o.value);
    }
}

static void refuses(void **state)
{
    static const struct str texts[] = {
        STR(""),
        STR("no quote"),
        STR("\\"),
        STR("\\\""),
        STR("\\x\""),
        STR("\\u12g4\""),
        STR("\\u123"),
        STR("\\ud800\""),
        STR("\\ud800\\n\""),
        STR("\\ud800\\u0041\""),
        STR("\\udc00\\ud800\""),
        STR("a\nb\""),
        STR("\xFF\""),
        STR("\xC3\""),
        STR("\xED\xA0\x80\""),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct outcome o = unescape(texts[i]);

        assert_int_equal(o.end, SIZE_MAX);
        free(o.value);
    }
}

/* `count` escapes, each behind so many letters. */
static bool is_taken(unsigned count, unsigned letters)
{
    char *text = memory_alloc((size_t)count * (letters + 2) + 1), *at = text;
    struct outcome o;

    for (unsigned i = 0; i < count; i++) {
        memset(at, 'x', letters);
        memcpy(at + letters, "\\n", 2);
        at += letters + 2;
    }
    *at++ = '"';
    o = unescape_in_steps(str_of(text, (size_t)(at - text)), 999);
    if (o.end != SIZE_MAX)
        assert_int_equal(o.len, count * (letters + 1));
    free(o.value);
    free(text);
    return o.end != SIZE_MAX;
}

static void gives_up_where_another_is_as_fast(void **state)
{
    (void)state;
    assert_true(is_taken(32, 0));
    assert_false(is_taken(40, 0));
    assert_true(is_taken(1000, 30));
    assert_false(is_taken(1000, 15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_what_it_says),
        cmocka_unit_test(refuses),
        cmocka_unit_test(gives_up_where_another_is_as_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
