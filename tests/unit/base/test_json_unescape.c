/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/json_unescape.h"
#include "base/macros.h"
#include "base/memory.h"

struct outcome {
    size_t end;
    size_t len;
    char *value;
};

/* Of memory that ends where the text does. */
static struct outcome unescape(struct str text)
{
    char *lent = memory_alloc(text.len + 1);
    struct outcome o = { .value = memory_alloc(text.len + JSON_UNESCAPE_ROOM) };

    lent = memory_realloc(lent, text.len ? text.len : 1);
    memcpy(lent, text.data, text.len);
    o.end = json_unescape(str_of(lent, text.len), o.value, &o.len);
    free(lent);
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
    o = unescape(str_of(text, (size_t)(at - text)));
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
