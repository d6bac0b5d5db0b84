/* SPDX-License-Identifier: MIT */
#include "identity/admin_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void only_the_token_matches(void **state)
{
    struct admin_token *t = admin_token_new(STR("the token"));

    (void)state;
    assert_true(admin_token_matches(t, STR("the token")));
    assert_false(admin_token_matches(t, STR("the tokem")));
    assert_false(admin_token_matches(t, STR("the toke")));
    assert_false(admin_token_matches(t, STR("the token ")));
    assert_false(admin_token_matches(t, STR_NONE));
    admin_token_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(only_the_token_matches) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
