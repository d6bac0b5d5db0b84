/* SPDX-License-Identifier: MIT */
#include "identity/credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"

static void expect(struct http_header *items, size_t count, bool bearer_may_be_key,
                   enum credential_kind kind, const char *value)
{
    struct http_headers headers = { .items = items, .count = count };
    struct credential c = credential_of(&headers, bearer_may_be_key);

    assert_int_equal(c.kind, kind);
    assert_true(str_equal(c.value, str_from(value)));
}

static void expect_of(struct str name, struct str value, bool bearer_may_be_key,
                      enum credential_kind kind, const char *wanted)
{
    struct http_header header = { name, value };

    expect(&header, 1, bearer_may_be_key, kind, wanted);
}

static void a_key_has_two_headers(void **state)
{
    (void)state;
    expect_of(STR("API-Key"), STR("k"), false, CREDENTIAL_KEY, "k");
    expect_of(STR("Ocp-Apim-Subscription-Key"), STR("k"), false, CREDENTIAL_KEY, "k");
    expect(NULL, 0, true, CREDENTIAL_NONE, "");
}

static void a_key_decides_before_a_token(void **state)
{
    struct http_header both[] = {
        { STR("authorization"), STR("Bearer " JWT) },
        { STR("ocp-apim-subscription-key"), STR("second") },
        { STR("api-key"), STR("") },
    };

    (void)state;
    expect(both, 2, true, CREDENTIAL_KEY, "second");
    expect(both, 3, true, CREDENTIAL_KEY, ""); /* there, if empty: it will not match */
}

static void a_bearer_is_a_token(void **state)
{
    (void)state;
    expect_of(STR("Authorization"), STR("Bearer " JWT), false, CREDENTIAL_TOKEN, JWT);
    expect_of(STR("Authorization"), STR("bearer   " JWT), false, CREDENTIAL_TOKEN, JWT);
    expect_of(STR("Authorization"), STR("Bearer key"), false, CREDENTIAL_TOKEN, "key");
    expect_of(STR("Authorization"), STR("Bearer "), false, CREDENTIAL_NONE, "");
    expect_of(STR("Authorization"), STR("Basic a2V5"), true, CREDENTIAL_NONE, "");
}

static void on_v1_a_bearer_may_be_a_key(void **state)
{
    (void)state;
    expect_of(STR("Authorization"), STR("Bearer key"), true, CREDENTIAL_KEY, "key");
    expect_of(STR("Authorization"), STR("Bearer sk.with.dots"), true, CREDENTIAL_KEY,
              "sk.with.dots");
    expect_of(STR("Authorization"), STR("Bearer " JWT), true, CREDENTIAL_TOKEN, JWT);
}

static void its_headers_are_known(void **state)
{
    (void)state;
    assert_true(credential_is_header(STR("API-Key")));
    assert_true(credential_is_header(STR("Authorization")));
    assert_true(credential_is_header(STR("ocp-apim-subscription-key")));
    assert_true(credential_is_header(STR("x-ms-authorization-auxiliary")));
    assert_false(credential_is_header(STR("api_key")));
    assert_false(credential_is_header(STR("Proxy-Authorization")));
    assert_false(credential_is_header(STR("")));
}

static void either_key_matches(void **state)
{
    struct directory_account account = { .key_digests = { { 1, 2, 3 }, { 4, 5, 6 } } };
    uint8_t first[KEY_DIGEST_BYTES] = { 1, 2, 3 }, second[KEY_DIGEST_BYTES] = { 4, 5, 6 };
    uint8_t other[KEY_DIGEST_BYTES] = { 1, 2, 3 };

    (void)state;
    other[KEY_DIGEST_BYTES - 1] = 1;
    assert_true(credential_matches(&account, first));
    assert_true(credential_matches(&account, second));
    assert_false(credential_matches(&account, other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_two_headers), cmocka_unit_test(a_key_decides_before_a_token),
        cmocka_unit_test(a_bearer_is_a_token),   cmocka_unit_test(on_v1_a_bearer_may_be_a_key),
        cmocka_unit_test(its_headers_are_known), cmocka_unit_test(either_key_matches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
