/* People and their passwords: lockout, and who is not told what.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define PERSON "grant_type=password&client_id=" CLI "&username=" ANN "&scope=" ARM "/.default"
#define GOOD PERSON "&password=" PASSWORD
#define WRONG PERSON "&password=wrong"

static void fail_times(struct fixture *f, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        expect_refusal(f, "invalid_grant", 50126, WRONG);
}

static void ten_failures_lock_for_a_minute(void **state)
{
    struct fixture *f = *state;

    fail_times(f, 10);
    assert_int_equal(f->hashed, 10);
    expect_refusal(f, "invalid_grant", 50053, WRONG);
    expect_refusal(f, "invalid_grant", 50053, GOOD);
    assert_int_equal(f->hashed, 10); /* no work for who is locked out */
    pass(f, MINUTE_MS - 1000);
    expect_refusal(f, "invalid_grant", 50053, GOOD);
    pass(f, 1500);
    expect_token(f, GOOD);
    fail_times(f, 9); /* counted anew */
    expect_token(f, GOOD);
}

static void a_clock_that_was_ahead_locks_nobody_out_until_then(void **state)
{
    struct fixture *f = *state;

    pass(f, 4000 * 24 * 60 * MINUTE_MS);
    fail_times(f, 10);
    expect_refusal(f, "invalid_grant", 50053, GOOD);
    pass(f, -4000 * 24 * 60 * MINUTE_MS);
    expect_token(f, GOOD);
}

static void a_success_forgets_failures(void **state)
{
    struct fixture *f = *state;

    fail_times(f, 9);
    expect_token(f, GOOD);
    fail_times(f, 9);
    expect_token(f, GOOD);
}

static void names_are_compared_without_case(void **state)
{
    struct fixture *f = *state;

    expect_token(f, "grant_type=password&client_id=" CLI "&username=Ann@Contoso.COM&scope=" ARM
                    "/.default&password=" PASSWORD);
}

/* Who is not there takes as much work, and gets the same words. */
static void strangers_learn_nothing_of_names(void **state)
{
    struct fixture *f = *state;

    expect_refusal(f, "invalid_grant", 50126,
                   "grant_type=password&client_id=" CLI "&username=bob@contoso.com&scope=" ARM
                   "/.default&password=wrong");
    assert_int_equal(f->hashed, 1);
    fail_times(f, 1);
    assert_int_equal(f->hashed, 2);
}

static void a_long_password_is_no_work(void **state)
{
    struct fixture *f = *state;

    expect_refusal(f, "invalid_grant", 50126, text_of(f, PERSON "&password=%0257d", 0));
    assert_int_equal(f->hashed, 0);
    expect_refusal(f, "invalid_grant", 50126, text_of(f, PERSON "&password=%0256d", 0));
    assert_int_equal(f->hashed, 1);
}

/* A user without a password, and an application whose secret is no password. */
static void only_users_with_a_password_sign_in(void **state)
{
    struct fixture *f = *state;

    change(f, ANN_ID, "{\"passwordHash\":null}");
    expect_refusal(f, "invalid_grant", 50126, GOOD);
    expect_refusal(f, "invalid_request", 900144, PERSON "&password=");
    change(f, ANN_ID, "{\"passwordHash\":\"\"}");
    expect_refusal(f, "invalid_grant", 50126, GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_failures_lock_for_a_minute),
        TEST(a_clock_that_was_ahead_locks_nobody_out_until_then),
        TEST(a_success_forgets_failures),
        TEST(names_are_compared_without_case),
        TEST(strangers_learn_nothing_of_names),
        TEST(a_long_password_is_no_work),
        TEST(only_users_with_a_password_sign_in),
    };

    return RUN_TESTS(tests);
}
