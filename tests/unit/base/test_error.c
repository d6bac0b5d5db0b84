/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/error.h"

static void takes_the_text_of_the_table(void **state)
{
    struct error err;

    (void)state;
    memset(&err, 'x', sizeof(err));
    assert_false(error_set(&err, ERROR_NO_DEPLOYMENT, NULL));
    assert_int_equal(err.code, ERROR_NO_DEPLOYMENT);
    assert_string_equal(err.text, TEXT_DEPLOYMENT_NOT_FOUND);
    assert_string_equal(err.target, "");
    /* a row without a text */
    assert_false(error_set(&err, ERROR_OPERATION, NULL));
    assert_string_equal(err.text, "");
}

static void formats_and_names_a_target(void **state)
{
    struct error err;

    (void)state;
    assert_false(error_set_target(&err, ERROR_MODEL_VALUE, "temperature", "%d is above %d", 3, 2));
    assert_int_equal(err.code, ERROR_MODEL_VALUE);
    assert_string_equal(err.target, "temperature");
    assert_string_equal(err.text, "3 is above 2");
    /* its own text as an argument */
    assert_false(error_set(&err, ERROR_BAD_REQUEST, "request: %s", err.text));
    assert_string_equal(err.text, "request: 3 is above 2");
    assert_string_equal(err.target, "");
}

static void cuts_what_is_too_long(void **state)
{
    struct error err;
    char longer[2000];

    (void)state;
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_false(error_set_target(&err, ERROR_BAD_REQUEST, longer, "%s", longer));
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(strlen(err.target), sizeof(err.target) - 1);
    /* and a character that is cut in its middle is not left so */
    for (size_t i = 0; i + 2 < sizeof(longer); i += 2)
        memcpy(longer + i, "\xC3\xBC", 2);
    error_set_target(&err, ERROR_BAD_REQUEST, longer, "%s", longer);
    assert_true(str_is_utf8(str_from(err.text)));
    assert_true(str_is_utf8(str_from(err.target)));
}

/* Each row can be sent: a status of HTTP, and what its envelope shows. */
static void rows_are_whole(void **state)
{
    static const enum error_code codes[] = {
#define X(name, status, envelope, code, type, text) ERROR_##name,
        ERRORS(X)
#undef X
    };

    (void)state;
    assert_int_equal(error_info(ERROR_NONE)->status, 200);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const struct error_info *row = error_info(codes[i]);

        assert_in_range(row->status, 400, 599);
        assert_true(strlen(row->name) > 0);
        if (row->envelope != ENVELOPE_MODEL)
            assert_non_null(row->wire_code);
    }
    assert_string_equal(error_info(ERROR_TOO_LARGE)->name, "TOO_LARGE");
    assert_int_equal(error_info(ERROR_TOO_LARGE)->status, 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_text_of_the_table),
        cmocka_unit_test(formats_and_names_a_target),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(rows_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
