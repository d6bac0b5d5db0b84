/* What is no token, however it is broken: it is refused, and nothing else happens.
 * SPDX-License-Identifier: MIT */
#include "identity/jwt.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define HEADER "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ" /* {"alg":"RS256","kid":"x"} */

static struct arena *a;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    a = arena_new(NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static void expect_refused(struct str text)
{
    struct jwt token;

    assert_false(jwt_parse(a, text, &token, &err));
    assert_int_equal(err.code, ERROR_ARM_BAD_TOKEN);
}

/* Padding does not belong into a token, and a library may not expect it in the middle. */
static void a_part_with_padding_is_refused(void **state)
{
    (void)state;
    for (int before = 0; before < 9; before++) {
        for (int behind = 0; behind < 9; behind++) {
            struct str part =
                arena_printf(a, "%.*s=%.*s", before, "AAAAAAAAA", behind, "AAAAAAAAA");

            expect_refused(arena_printf(a, "%.*s.e30.AAAA", STR_ARGS(part)));
            expect_refused(arena_printf(a, HEADER ".%.*s.AAAA", STR_ARGS(part)));
            expect_refused(arena_printf(a, HEADER ".e30.%.*s", STR_ARGS(part)));
        }
    }
}

static void other_shapes_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "....",
        HEADER,
        HEADER ".e30",
        HEADER ".e30.AAAA.AAAA",
        HEADER ".e3.AAAA",
        HEADER ".e30.A",
        HEADER ".e30.AA A",
        HEADER ".e30.AA+A",
        "A.e30.AAAA",
        "e30.e30.AAAA",
        HEADER "..AAAA",
        HEADER ".\xFF\xFF\xFF.AAAA",
        "eyJhbGciOiJub25lIn0.e30.",      /* alg none */
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", /* HS256 */
        HEADER ".bnVsbA.AAAA",           /* null */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        expect_refused(str_from(texts[i]));
}

static void a_key_with_padding_is_refused(void **state)
{
    (void)state;
    for (int before = 0; before < 9; before++)
        assert_null(
            jwt_key_import(arena_printf(a, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%.*s=AA\"}",
                                        before, "AAAAAAAAA"),
                           &err));
    assert_null(jwt_key_import(STR("{\"kty\":\"oct\",\"k\":\"A=AA\"}"), &err));
    assert_null(jwt_key_import(STR("nothing"), &err));
    assert_int_equal(err.code, ERROR_CONFIG);
}

static void a_good_one_is_read_and_verified(void **state)
{
    struct jwt_key *key = jwt_key_generate(STR("id")), *other = jwt_key_generate(STR("id")), *copy;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *claims = yyjson_mut_obj(doc);
    struct jwt token;
    struct str text;

    (void)state;
    json_set_str(doc, claims, "sub", STR("alice"));
    text = jwt_sign(a, key, "JWT", claims);
    assert_true(jwt_parse(a, text, &token, &err));
    assert_true(str_equal(token.key_id, STR("id")));
    assert_true(str_equal(json_str(json_at(token.claims, "sub")), STR("alice")));
    copy = jwt_key_import(jwt_key_export(key, a, false), &err);
    assert_non_null(copy);
    assert_true(jwt_verify(&token, copy));
    assert_false(jwt_verify(&token, other));
    jwt_key_free(copy);
    jwt_key_free(other);
    jwt_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_with_padding_is_refused),
        cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(a_key_with_padding_is_refused),
        cmocka_unit_test(a_good_one_is_read_and_verified),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
