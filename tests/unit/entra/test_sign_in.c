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

/* -- What the log says ----------------------------------------------------------------------- */

static void expect_line(struct fixture *f, const char *event, const char *details)
{
    assert_non_null(f->audit.event);
    assert_string_equal(f->audit.event, event);
    if (!str_equal(f->audit.details, str_from(details)))
        fail_msg("%.*s", STR_ARGS(f->audit.details));
}

static void failures_leave_a_trace(void **state)
{
    struct fixture *f = *state;

    fail_times(f, 9);
    expect_line(f, "sign_in_failed",
                "kind=user id=" ANN_ID " client=" CLI " reason=AADSTS50126 left_out=0");
    assert_false(f->audit.is_of_change); /* told even if nothing is kept */
    fail_times(f, 1);
    expect_line(f, "sign_in_locked",
                "kind=user id=" ANN_ID " client=" CLI " reason=AADSTS50126 left_out=0");
    expect_refusal(f, "invalid_grant", 50053, GOOD);
    expect_line(f, "sign_in_locked",
                "kind=user id=" ANN_ID " client=" CLI " reason=AADSTS50053 left_out=0");
    pass(f, MINUTE_MS);
    expect_token(f, GOOD);
    assert_null(f->audit.event);
    change(f, ANN_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "invalid_grant", 50057, GOOD);
    expect_line(f, "sign_in_failed",
                "kind=user id=" ANN_ID " client=" CLI " reason=AADSTS50057 left_out=0");
}

/* People type their password into the field of the name; and a client's id may be any text. */
static void what_somebody_typed_is_not_in_it(void **state)
{
    struct fixture *f = *state;

    expect_refusal(f, "invalid_grant", 50126,
                   "grant_type=password&client_id=x%20y&username=typed&scope=" ARM
                   "/.default&password=wrong");
    expect_line(f, "sign_in_failed",
                "kind=unknown id=unknown client=unknown reason=AADSTS50126 left_out=0");
}

static void applications_leave_a_trace_and_fill_no_disk(void **state)
{
    static const char wrong[] = "grant_type=client_credentials&client_id=" OTHER_APP
                                "&client_secret=wrong&scope=" ARM "/.default";
    struct fixture *f = *state;
    unsigned told = 0;

    for (unsigned i = 0; i < 25; i++) {
        expect_refusal(f, "invalid_client", 7000215, wrong);
        told += f->audit.event != NULL;
    }
    assert_in_range(told, 20, 25); /* a second may begin meanwhile */
    pass(f, MINUTE_MS);
    expect_refusal(f, "invalid_client", 7000215, wrong);
    expect_line(f, "sign_in_failed",
                text_of(f,
                        "kind=application id=" OTHER_ID " client=" OTHER_APP
                        " reason=AADSTS7000215 left_out=%u",
                        25 - told));
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
        TEST(failures_leave_a_trace),
        TEST(what_somebody_typed_is_not_in_it),
        TEST(applications_leave_a_trace_and_fill_no_disk),
    };

    return RUN_TESTS(tests);
}
