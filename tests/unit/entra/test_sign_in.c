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

/* What the store cannot take is counted all the same, and nobody guesses on. */
static void a_full_disk_lets_nobody_guess(void **state)
{
    struct fixture *f = *state;

    fail_times(f, 1);
    assert_null(f->entra->lockouts); /* kept */
    f->is_disk_full = true;
    for (int i = 0; i < 9; i++)
        assert_int_equal(call(f, HTTP_POST, "/common/oauth2/v2.0/token", WRONG).status, 503);
    expect_refusal(f, "invalid_grant", 50053, GOOD);
    assert_int_equal(f->hashed, 10);
    pass(f, MINUTE_MS + 500);
    expect_token(f, GOOD); /* nothing to write */
    f->is_disk_full = false;
    fail_times(f, 9);
    assert_null(f->entra->lockouts);
    expect_token(f, GOOD);
}

/* Who knows the password is not kept out by wrong ones before it, which are forgotten as ever. */
static void a_full_disk_keeps_nobody_out(void **state)
{
    struct fixture *f = *state;

    f->is_disk_full = true;
    assert_int_equal(call(f, HTTP_POST, "/common/oauth2/v2.0/token", WRONG).status, 503);
    expect_token(f, GOOD);
    expect_token(f, GOOD); /* nothing to write */
    for (int i = 0; i < 9; i++)
        assert_int_equal(call(f, HTTP_POST, "/common/oauth2/v2.0/token", WRONG).status, 503);
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

/* -- Passwords that must be changed ---------------------------------------------------------- */

#define AUTHORIZE "/" TENANT "/oauth2/v2.0/authorize"
#define ASKED                                                                          \
    "client_id=" CLI "&response_type=code&redirect_uri=http://localhost:1/&scope=" ARM \
    "/.default&username=" ANN "&password=" PASSWORD
#define NEW "&new_password=battery staple&new_password_again=battery staple"
#define MUST_CHANGE "{\"mustChangePassword\":true}"

static bool page_has(const struct answer *a, const char *text)
{
    assert_int_equal(a->status, 200);
    return str_find(a->text, str_from(text)) != SIZE_MAX;
}

static void the_password_grant_takes_no_expired_one(void **state)
{
    struct fixture *f = *state;

    change(f, ANN_ID, MUST_CHANGE);
    expect_refusal(f, "invalid_grant", 50055, GOOD);
    expect_refusal(f, "invalid_grant", 50126, WRONG);
    expect_refusal(f, "invalid_grant", 50055, GOOD NEW); /* that is a page's */
    expect_refusal(f, "invalid_grant", 50055, GOOD);
}

static void a_page_asks_for_a_new_password(void **state)
{
    static const char *const bad[][2] = {
        { "", "Choose a new password" },
        { "&new_password=short&new_password_again=short", "must have 8" },
        { "&new_password=battery staple&new_password_again=battery stable", "not the same" },
        { "&new_password=" PASSWORD "&new_password_again=" PASSWORD, "another one" },
    };
    struct fixture *f = *state;
    struct answer a;

    change(f, ANN_ID, MUST_CHANGE);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        a = call(f, HTTP_POST, AUTHORIZE, text_of(f, ASKED "%s", bad[i][0]));
        assert_true(page_has(&a, "name=\"new_password_again\""));
        assert_true(page_has(&a, bad[i][1]));
        assert_false(page_has(&a, "battery"));
    }
    a = call(f, HTTP_POST, AUTHORIZE, ASKED NEW);
    assert_int_equal(a.status, 302);
    assert_true(str_starts_with(header_of(&a, "Location"), STR("http://localhost:1/?code=")));
    expect_line(f, "principal_changed", "change=password_set kind=user id=" ANN_ID " by=" ANN_ID);
    expect_refusal(f, "invalid_grant", 50126, GOOD);
    expect_token(f, PERSON "&password=battery staple");
}

/* Neither who knows no password, nor who need not, changes it by the page. */
static void only_who_must_changes_it_by_the_page(void **state)
{
    struct fixture *f = *state;
    struct answer a = call(f, HTTP_POST, AUTHORIZE, ASKED NEW);

    assert_int_equal(a.status, 302);
    expect_token(f, GOOD);
    change(f, ANN_ID, MUST_CHANGE);
    a = call(f, HTTP_POST, AUTHORIZE, ASKED "x" NEW);
    assert_true(page_has(&a, "invalid username or password"));
    assert_false(page_has(&a, "new_password"));
    change(f, ANN_ID, "{\"accountEnabled\":false}");
    a = call(f, HTTP_POST, AUTHORIZE, ASKED NEW);
    assert_true(page_has(&a, "disabled"));
    change(f, ANN_ID, "{\"accountEnabled\":true}");
    expect_refusal(f, "invalid_grant", 50055, GOOD); /* still the old one */
}

static void a_new_password_by_the_page_ends_old_tokens(void **state)
{
    struct fixture *f = *state;
    const char *refresh =
        text_at(expect_token(f, PERSON " offline_access&password=" PASSWORD), "refresh_token");
    const char *form = text_of(
        f, "grant_type=refresh_token&client_id=" CLI "&scope=" ARM "/.default&refresh_token=%s",
        refresh);

    change(f, ANN_ID, MUST_CHANGE);
    pass(f, MINUTE_MS);
    assert_int_equal(call(f, HTTP_POST, AUTHORIZE, ASKED NEW).status, 302);
    expect_refusal(f, "invalid_grant", 70000, form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_failures_lock_for_a_minute),
        TEST(a_clock_that_was_ahead_locks_nobody_out_until_then),
        TEST(a_success_forgets_failures),
        TEST(a_full_disk_lets_nobody_guess),
        TEST(a_full_disk_keeps_nobody_out),
        TEST(names_are_compared_without_case),
        TEST(strangers_learn_nothing_of_names),
        TEST(a_long_password_is_no_work),
        TEST(only_users_with_a_password_sign_in),
        TEST(failures_leave_a_trace),
        TEST(what_somebody_typed_is_not_in_it),
        TEST(applications_leave_a_trace_and_fill_no_disk),
        TEST(the_password_grant_takes_no_expired_one),
        TEST(a_page_asks_for_a_new_password),
        TEST(only_who_must_changes_it_by_the_page),
        TEST(a_new_password_by_the_page_ends_old_tokens),
    };

    return RUN_TESTS(tests);
}
