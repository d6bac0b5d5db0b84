/* SPDX-License-Identifier: MIT */
#include "inference/logit_bias.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/json.h"

static struct error err;

static void expect_error(enum error_code code, const char *target, const char *text)
{
    assert_string_equal(error_info(err.code)->name, error_info(code)->name);
    assert_string_equal(err.target, target);
    assert_string_equal(err.text, text);
}

static bool check_bias(const char *json)
{
    struct arena *a = arena_new(NULL);
    bool ok;

    err = (struct error){ 0 };
    ok = logit_bias_check(yyjson_doc_get_root(json_parse(a, str_from(json), &err)), &err);
    arena_free(a);
    return ok;
}

static void a_bias_is_of_a_token(void **state)
{
    (void)state;
    assert_true(check_bias("{}"));
    assert_true(check_bias("{\"logit_bias\":null}"));
    assert_true(check_bias("{\"logit_bias\":{\"0\":-100,\"50256\":1.5}}"));
    assert_false(check_bias("{\"logit_bias\":{\"AI\":5}}"));
    expect_error(ERROR_MODEL_REQUEST, "logit_bias",
                 "Invalid key in 'logit_bias': AI. You should only be submitting non-negative "
                 "integers.");
    assert_false(check_bias("{\"logit_bias\":{\"-1\":5}}"));
    assert_false(check_bias("{\"logit_bias\":{\"\":5}}"));
    assert_false(check_bias("{\"logit_bias\":{\"99999999999\":5}}"));
    assert_false(check_bias("{\"logit_bias\":{\"5\":101}}"));
    expect_error(
        ERROR_MODEL_DECIMAL_ABOVE, "logit_bias.5",
        "Invalid 'logit_bias.5': decimal above maximum value. Expected a value <= 100, but "
        "got 101 instead.");
    assert_false(check_bias("{\"logit_bias\":{\"5\":1e999}}"));
    assert_int_equal(err.code, ERROR_MODEL_DECIMAL_ABOVE);
    assert_false(check_bias("{\"logit_bias\":{\"5\":-100.5}}"));
    assert_int_equal(err.code, ERROR_MODEL_DECIMAL_BELOW);
    assert_false(check_bias("{\"logit_bias\":{\"5\":\"x\"}}"));
    assert_int_equal(err.code, ERROR_MODEL_TYPE);
    assert_false(check_bias("{\"logit_bias\":{\"5\":null}}"));
    assert_int_equal(err.code, ERROR_MODEL_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bias_is_of_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
