/* SPDX-License-Identifier: MIT */
#include "identity/jwks.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct error err;
static struct arena *a;
static struct str public; /* members of a key, "id" its kid */

static int set_up(void **state)
{
    struct jwt_key *key = jwt_key_generate(STR("id"));

    (void)state;
    a = arena_new(NULL);
    public = jwt_key_export(key, a, false);
    public = str_slice(public, 1, public.len - 2); /* without its braces */
    jwt_key_free(key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct jwks *parse(struct str json)
{
    return jwks_parse(a, json, &err);
}

static void expect_refused(const char *json, const char *words)
{
    assert_null(parse(str_from(json)));
    assert_int_equal(err.code, ERROR_IO);
    if (str_find(str_from(err.text), str_from(words)) == SIZE_MAX)
        fail_msg("'%s' is not in '%s'", words, err.text);
}

static void a_key_is_found_by_its_id(void **state)
{
    struct jwks *set = parse(arena_printf(
        a, "{\"keys\":[{%.*s,\"use\":\"sig\",\"alg\":\"RS256\",\"x5c\":[\"MIIC\"],\"more\":{}}]}",
        STR_ARGS(public)));

    (void)state;
    assert_non_null(set);
    assert_int_equal(jwks_count(set), 1);
    assert_non_null(jwks_find(set, STR("id")));
    assert_null(jwks_find(set, STR("ID")));
    assert_null(jwks_find(set, STR("other")));
    assert_ptr_equal(jwks_find(set, STR_NONE), jwks_find(set, STR("id"))); /* there is no other */
    assert_ptr_equal(jwks_ref(set), set);
    jwks_unref(set);
    jwks_unref(set);
}

static void keys_for_other_uses_are_left_out(void **state)
{
    struct jwks *set =
        parse(arena_printf(a,
                           "{\"keys\":[{%.*s,\"use\":\"enc\"},{%.*s,\"alg\":\"RS512\"},"
                           "{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"id\"},"
                           "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"id\"},"
                           "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"kid\":\"id\"},"
                           "null,7,\"x\",[],{},{%.*s}]}",
                           STR_ARGS(public), STR_ARGS(public), STR_ARGS(public)));

    (void)state;
    assert_non_null(set);
    assert_int_equal(jwks_count(set), 1);
    jwks_unref(set);
}

static void what_is_no_set_is_refused(void **state)
{
    struct str many = STR("{\"keys\":[{}");

    (void)state;
    expect_refused("", "no JSON");
    expect_refused("<html>", "no JSON");
    expect_refused("[]", "no list 'keys'");
    expect_refused("{\"keys\":{}}", "no list 'keys'");
    expect_refused("{\"keys\":[]}", "none of its 0 keys");
    expect_refused("{\"keys\":[{\"kty\":\"EC\"}]}", "none of its 1 keys");
    for (int i = 0; i < JWKS_KEYS_MAX; i++)
        many = arena_printf(a, "%.*s,{}", STR_ARGS(many));
    expect_refused(arena_printf(a, "%.*s]}", STR_ARGS(many)).data, "more than 64 keys");
}

static void discovery_says_where_the_keys_are(void **state)
{
    struct str uri;

    (void)state;
    assert_true(
        jwks_parse_discovery(a, STR("{\"issuer\":\"https://a\",\"jwks_uri\":\"https://a/keys\"}"),
                             STR("https://a"), &uri, &err));
    assert_true(str_equal(uri, STR("https://a/keys")));
    assert_false(
        jwks_parse_discovery(a, STR("{\"issuer\":\"https://a/\",\"jwks_uri\":\"https://a/keys\"}"),
                             STR("https://a"), &uri, &err));
    assert_non_null(strstr(err.text, "of the issuer 'https://a/'"));
    assert_false(
        jwks_parse_discovery(a, STR("{\"issuer\":\"https://a\"}"), STR("https://a"), &uri, &err));
    assert_non_null(strstr(err.text, "no jwks_uri"));
    assert_false(jwks_parse_discovery(a, STR("{\"issuer\":\"https://a\",\"jwks_uri\":7}"),
                                      STR("https://a"), &uri, &err));
    assert_false(jwks_parse_discovery(a, STR("nothing"), STR("https://a"), &uri, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_by_its_id),
        cmocka_unit_test(keys_for_other_uses_are_left_out),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(discovery_says_where_the_keys_are),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
