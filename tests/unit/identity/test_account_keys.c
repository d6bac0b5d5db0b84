/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "identity/account_keys.h"

static int set_up(void **state)
{
    struct error err;

    *state =
        secret_box_new_from_command("printf a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", &err);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    secret_box_free(*state);
    return 0;
}

static void makes_both_forms(void **state)
{
    struct account_keys k, other;

    (void)state;
    account_keys_generate(&k, ACCOUNT_KEY_LONG);
    account_keys_generate(&other, ACCOUNT_KEY_CLASSIC);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(strlen(k.key[i]), 84);
        assert_int_equal(strspn(k.key[i], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "abcdefghijklmnopqrstuvwxyz"),
                         84);
        assert_int_equal(strlen(other.key[i]), 32);
        assert_int_equal(strspn(other.key[i], "0123456789abcdef"), 32);
    }
    assert_string_not_equal(k.key[0], k.key[1]);
    assert_string_not_equal(other.key[0], other.key[1]);
    other = k;
    account_keys_regenerate(&k, 1, ACCOUNT_KEY_LONG);
    assert_string_equal(k.key[0], other.key[0]);
    assert_string_not_equal(k.key[1], other.key[1]);
    account_keys_wipe(&k);
    for (size_t i = 0; i < sizeof(k); i++)
        assert_int_equal(((const char *)&k)[i], 0);
}

static void seals_and_opens(void **state)
{
    static const enum account_key_form forms[] = { ACCOUNT_KEY_LONG, ACCOUNT_KEY_CLASSIC };
    struct arena *a = arena_new(NULL);

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct account_keys k, out = { 0 };
        struct error err;
        struct str sealed;

        account_keys_generate(&k, forms[i]);
        account_keys_regenerate(&k, 0, forms[1 - i]); /* one of each */
        sealed = account_keys_seal(*state, a, &k, STR("/accounts/x"));
        assert_true(str_find(sealed, str_slice(str_from(k.key[0]), 0, 8)) == SIZE_MAX);
        assert_false(account_keys_open(*state, a, sealed, STR("/accounts/y"), &out, &err));
        assert_int_equal(err.code, ERROR_STORE);
        assert_string_equal(out.key[0], "");
        assert_true(account_keys_open(*state, a, sealed, STR("/accounts/x"), &out, &err));
        assert_string_equal(out.key[0], k.key[0]);
        assert_string_equal(out.key[1], k.key[1]);
    }
    arena_free(a);
}

/* Sealed by us, but no account's keys. */
static void refuses_what_holds_no_keys(void **state)
{
    static const char *const texts[] = { "",
                                         "\n",
                                         "0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef\n",
                                         "short\n0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef\nshort" };
    struct arena *a = arena_new(NULL);

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str sealed = secret_box_seal(*state, a, str_from(texts[i]), STR("owner"));
        struct account_keys out = { 0 };
        struct error err;

        assert_false(account_keys_open(*state, a, sealed, STR("owner"), &out, &err));
        assert_int_equal(err.code, ERROR_STORE);
        assert_string_equal(out.key[0], "");
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_both_forms),
        cmocka_unit_test(seals_and_opens),
        cmocka_unit_test(refuses_what_holds_no_keys),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
