/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "template/jsonc.h"

struct row {
    const char *text;
    const char *wanted; /* as strict JSON, or a part of the error's text */
};

static void reads_what_templates_have(void **state)
{
    static const struct row rows[] = {
        { "{\"properties\": {\"parameters\": {}, \"mode\": \"Incremental\", template:{\n  \"a\": "
          "1\n}}}",
          "{\"properties\":{\"parameters\":{},\"mode\":\"Incremental\",\"template\":{\"a\":1}}}" },
        { "// first\n{ /* in\nbetween */ \"a\" : [ 1, // one\n 2 /* two */ ] } // end",
          "{\"a\":[1,2]}" },
        { "{\"a\":[1,2,],\"b\":{\"c\":3,},}", "{\"a\":[1,2],\"b\":{\"c\":3}}" },
        { "{\"a\":[1, /* no more */ ]}", "{\"a\":[1]}" },
        { "{\"a\": \"[concat(\n  'b',\t'c')]\r\n\"}",
          "{\"a\":\"[concat(\\n  'b',\\t'c')]\\r\\n\"}" },
        { "{'a': 'it''s'}", "Invalid JSON: " },
        { "{'one': 'a', 'two': 'say \"b\"'}", "{\"one\":\"a\",\"two\":\"say \\\"b\\\"\"}" },
        { "{'a': 'it\\'s', \"b\": \"it\\'s\"}", "{\"a\":\"it's\",\"b\":\"it's\"}" },
        { "{a: true, b_1 : null, $c: -1.5e+3}", "{\"a\":true,\"b_1\":null,\"$c\":-1500.0}" },
        { "{\"url\": \"https://x/*y*/\", \"c\": \"a // b\"}",
          "{\"url\":\"https://x/*y*/\",\"c\":\"a // b\"}" },
        { "\xEF\xBB\xBF{}", "{}" },
        { " \"\\u00e9\\n\\\\\" ", "\"\xC3\xA9\\n\\\\\"" },
        { "[]", "[]" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(NULL);
        yyjson_doc *doc = template_jsonc_parse(a, str_from(rows[i].text), &err);

        if (doc)
            assert_string_equal(json_write(a, yyjson_doc_get_root(doc)).data, rows[i].wanted);
        else if (!strstr(err.text, rows[i].wanted))
            fail_msg("%s: %s", rows[i].text, err.text);
        arena_free(a);
    }
}

static void refuses_what_is_no_json(void **state)
{
    static const struct row rows[] = {
        { "", "the text is empty" },
        { "// nothing", "the text is empty" },
        { "{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, position 3" },
        { "{\"a\": /* x }", "the comment does not end, line 1, position 7" },
        { "{\n\"a\": \"b}", "the text does not end, line 2, position 6" },
        { "{\"a\": \"b\\", "the text does not end, line 1, position 9" },
        { "{\"a\": 'b\"}", "the text does not end, line 1, position 7" },
        { "[1/**/2]", "line 1, position 7" },
        { "/* nothing */", "empty" },
        { "[,]", "unexpected character, line 1, position 2" },
        { "[1,,]", "unexpected character, line 1, position 4" },
        { "{\"a\":,}", "unexpected character, line 1, position 6" },
        { "{\"a\": @}", "unexpected character, line 1, position 7" },
        { "{\"a\": b}", "line 1, position 7" },
        { "{} {}", "line 1, position 4" },
        { "{\"a\": \"\x01\"}", "line 1, position 8" },
        { "{\"a\": \"\xFF\"}", "line 1, position 8" },
        { "[1 2]", "line 1, position 4" },
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *a = arena_new(NULL);

        assert_null(template_jsonc_parse(a, str_from(rows[i].text), &err));
        assert_int_equal(err.code, ERROR_BAD_REQUEST);
        if (!strstr(err.text, rows[i].wanted))
            fail_msg("%s: %s", rows[i].text, err.text);
        arena_free(a);
    }
}

/* Depth is json_parse's to limit; what is beyond it comes back as an error and not as a crash. */
static void bounds_depth(void **state)
{
    size_t depth = 100000;
    char *text = malloc(depth);
    struct arena *a = arena_new(NULL);
    struct error err;

    (void)state;
    memset(text, '[', depth);
    assert_null(template_jsonc_parse(a, str_of(text, depth), &err));
    memset(text, ']', depth);
    memset(text, '[', depth / 2);
    assert_null(template_jsonc_parse(a, str_of(text, depth), &err));
    assert_non_null(strstr(err.text, "deeper"));
    arena_free(a);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_templates_have),
        cmocka_unit_test(refuses_what_is_no_json),
        cmocka_unit_test(bounds_depth),
    };

    return cmocka_run_group_tests_name("template/jsonc", tests, NULL, NULL);
}
