/* SPDX-License-Identifier: MIT */
#include "identity/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/macros.h"

static void a_password_matches_its_hash_alone(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str password = STR("correct horse \xC3\xA9"), hash = password_hash(a, password);

    (void)state;
    assert_true(str_starts_with(hash, STR("scrypt$32768$8$3$")));
    assert_true(str_find(hash, STR("horse")) == SIZE_MAX);
    assert_true(password_matches(a, hash, password));
    assert_false(password_matches(a, hash, STR("correct horse e")));
    assert_false(password_matches(a, hash, str_slice(password, 0, password.len - 1)));
    assert_false(password_matches(a, hash, STR_NONE));
    arena_free(a);
}

static void each_hash_has_a_salt_of_its_own(void **state)
{
    struct arena *a = arena_new(NULL);

    (void)state;
    assert_false(str_equal(password_hash(a, STR("12345678")), password_hash(a, STR("12345678"))));
    arena_free(a);
}

/* Of a release whose parameters were others: who has one is not locked out. */
static void a_hash_says_its_own_parameters(void **state)
{
    static const char *const hashes[] = {
        "scrypt$1024$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$PPGGAop7if6u9JGyYr3k8GUQxa9xE/YGjIO5gIcXQsU=",
        "scrypt$65536$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$hJljBypecyGMpBLTdCdmBizZcbAQGf7gLQHldXkPNyI=",
    };
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        assert_true(password_matches(a, str_from(hashes[i]), STR("old password")));
        assert_false(password_matches(a, str_from(hashes[i]), STR("old passwort")));
    }
    arena_free(a);
}

/* A NUL ends nothing, and the longest one counts whole. */
static void all_of_a_password_counts(void **state)
{
    struct arena *a = arena_new(NULL);
    struct str with_nul = STR("abcd\0efgh"), hash = password_hash(a, with_nul);
    char long_text[PASSWORD_LEN_MAX];

    (void)state;
    assert_true(password_matches(a, hash, with_nul));
    assert_false(password_matches(a, hash, STR("abcd")));
    memset(long_text, 'x', sizeof(long_text));
    hash = password_hash(a, str_of(long_text, sizeof(long_text)));
    long_text[sizeof(long_text) - 1] = 'y';
    assert_false(password_matches(a, hash, str_of(long_text, sizeof(long_text))));
    arena_free(a);
}

static void a_hash_of_no_known_form_matches_nothing(void **state)
{
    static const char *const hashes[] = {
        "",
        "scrypt",
        "scrypt$32768$8$3$",
        "scrypt$32768$8$3$AAAA",
        "scrypt$32768$8$3$AAAA$",
        "scrypt$32768$8$3$AAAA$AAAA",
        "scrypt$32768$8$3$!$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$1$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        /* too much of each: these hashes themselves are right */
        "scrypt$262144$8$1$MDEyMzQ1Njc4OWFiY2RlZg==$kVHoNlTg1N+ipnSmlp5iLf0htudBQHei/T/oXKW0YpQ=",
        "scrypt$1024$17$1$MDEyMzQ1Njc4OWFiY2RlZg==$FeoXmb/aNRePv8lfuBBxnBCV3kjABIR6Ey3HNAh5yuQ=",
        "scrypt$1024$8$17$MDEyMzQ1Njc4OWFiY2RlZg==$eSqu6Ocwm/I42z/smec77hjyzuFE9GrJa2P/plbTKCQ=",
        /* what scrypt does not take */
        "scrypt$1000$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$65536$1$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$131072$16$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "scrypt$18446744073709551616$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "$2b$12$abcdefghijklmnopqrstuv",
        "plain",
    };
    struct arena *a = arena_new(NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        assert_false(password_matches(a, str_from(hashes[i]), STR("plain")));
        assert_false(password_matches(a, str_from(hashes[i]), STR_NONE));
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_matches_its_hash_alone),
        cmocka_unit_test(a_hash_says_its_own_parameters),
        cmocka_unit_test(each_hash_has_a_salt_of_its_own),
        cmocka_unit_test(all_of_a_password_counts),
        cmocka_unit_test(a_hash_of_no_known_form_matches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
