/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_run.h"
#include "base/macros.h"
#include "base/memory.h"

/* Longer than what is looked at together, some times over. */
#define LEN_MAX ((size_t)300)

static size_t run_of(struct str s, bool *is_plain)
{
    size_t run = 0;

    *is_plain = true;
    while (run < s.len && s.data[run] != '"' && s.data[run] != '\\') {
        unsigned char c = (unsigned char)s.data[run++];

        *is_plain = *is_plain && c >= ' ' && c < 0x80;
    }
    return run;
}

/* Of memory that ends where the text does. */
static void check(struct str s)
{
    static size_t (*const functions[])(struct str s, bool *is_plain) = { json_run, json_run_by_16 };
    char *text = memory_realloc(NULL, s.len ? s.len : 1);
    bool wanted, is_plain;

    memcpy(text, s.data, s.len);
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        assert_int_equal(functions[i](str_of(text, s.len), &is_plain), run_of(s, &wanted));
        assert_int_equal(is_plain, wanted);
    }
    free(text);
}

static void sees_each_byte_in_each_place(void **state)
{
    char text[LEN_MAX];

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < LEN_MAX; at++) {
            memset(text, 'x', LEN_MAX);
            text[at] = (char)byte;
            check(str_of(text, LEN_MAX));
        }
    }
}

static void sees_runs_of_each_length(void **state)
{
    char text[LEN_MAX];

    (void)state;
    memset(text, 'x', LEN_MAX);
    for (size_t len = 0; len <= LEN_MAX; len++)
        check(str_of(text, len));
}

/* What stands behind the run's end is none of its. */
static void ends_before_what_is_wrong(void **state)
{
    char text[LEN_MAX];

    (void)state;
    for (size_t at = 0; at + 1 < LEN_MAX; at++) {
        memset(text, 'x', LEN_MAX);
        text[at] = '"';
        text[at + 1] = '\n';
        check(str_of(text, LEN_MAX));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_each_byte_in_each_place),
        cmocka_unit_test(sees_runs_of_each_length),
        cmocka_unit_test(ends_before_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
