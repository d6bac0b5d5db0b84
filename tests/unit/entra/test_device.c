/* Sign-in on another device.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#define BEGIN "/" TENANT "/oauth2/v2.0/devicecode"
#define PAGE "/common/oauth2/deviceauth"
#define FORM "client_id=" CLI "&scope=" ARM "/.default offline_access openid"

struct codes {
    const char *user;
    const char *form; /* of the grant */
};

static struct codes begin(struct fixture *f)
{
    yyjson_val *reply = expect(f, 200, HTTP_POST, BEGIN, FORM);

    return (struct codes){
        text_at(reply, "user_code"),
        text_of(f,
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=" CLI
                "&device_code=%s",
                text_at(reply, "device_code")),
    };
}

/* What the page says. */
static struct str sign_in(struct fixture *f, const char *user_code, const char *password)
{
    struct answer a =
        call(f, HTTP_POST, PAGE,
             text_of(f, "user_code=%s&username=" ANN "&password=%s", user_code, password));

    assert_int_equal(a.status, 200);
    return a.text;
}

static bool says(struct str page, const char *words)
{
    return str_find(page, str_from(words)) != SIZE_MAX;
}

static void a_code_becomes_tokens_once(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);
    yyjson_val *reply;

    expect_refusal(f, "authorization_pending", 70016, codes.form);
    assert_true(says(sign_in(f, codes.user, "wrong"), "invalid username or password"));
    expect_refusal(f, "authorization_pending", 70016, codes.form);
    assert_true(says(sign_in(f, codes.user, PASSWORD), "You have signed in"));
    reply = expect_token(f, codes.form);
    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "oid"), ANN_ID);
    assert_non_null(yyjson_obj_get(reply, "refresh_token"));
    expect_refusal(f, "expired_token", 70020, codes.form);
}

static void v1_tells_the_same_in_other_members(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply =
        expect(f, 200, HTTP_POST, "/common/oauth2/devicecode", "client_id=" CLI "&resource=" ARM);

    assert_string_equal(text_at(reply, "expires_in"), "900");
    assert_string_equal(text_at(reply, "verification_url"), BASE "/common/oauth2/deviceauth");
    sign_in(f, text_at(reply, "user_code"), PASSWORD);
    expect(f, 200, HTTP_POST, "/common/oauth2/token",
           text_of(f, "grant_type=device_code&client_id=" CLI "&resource=" ARM "&code=%s",
                   text_at(reply, "device_code")));
}

static void a_code_is_of_one_client(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);
    const char *others = text_of(f, "grant_type=device_code&client_id=" OTHER_APP "&%s",
                                 strstr(codes.form, "device_code="));

    expect_refusal(f, "invalid_grant", 70000, others);
    sign_in(f, codes.user, PASSWORD);
    expect_refusal(f, "invalid_grant", 70000, others);
    expect_token(f, codes.form);
}

/* The user's part, which people see and say aloud, is not enough. */
static void the_user_code_alone_gets_nothing(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);
    static const char *const tails[] = { "", ".", ".x",
                                         ".0000000000000000000000000000000000000000000" };

    sign_in(f, codes.user, PASSWORD);
    for (size_t i = 0; i < ARRAY_LEN(tails); i++)
        expect_refusal(f, "expired_token", 70020,
                       text_of(f, "grant_type=device_code&client_id=" CLI "&device_code=%s%s",
                               codes.user, tails[i]));
    expect_token(f, codes.form);
}

static void a_code_expires(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);

    pass(f, 15 * MINUTE_MS);
    expect_refusal(f, "expired_token", 70020, codes.form);
    assert_true(says(sign_in(f, codes.user, PASSWORD), "not known, or has expired"));
}

static void a_code_is_entered_once(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);

    assert_true(says(sign_in(f, "BBBBBBBBB", PASSWORD), "not known, or has expired"));
    assert_true(says(sign_in(f, "", PASSWORD), "not known, or has expired"));
    assert_int_equal(f->hashed, 0);
    sign_in(f, codes.user, PASSWORD);
    assert_true(says(sign_in(f, codes.user, PASSWORD), "not known, or has expired"));
}

static void a_new_password_ends_what_was_entered(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);

    sign_in(f, codes.user, PASSWORD);
    pass(f, MINUTE_MS);
    change(f, ANN_ID, text_of(f, "{\"validFromMs\":%lld}", (long long)clock_now_ms(&f->clock)));
    expect_refusal(f, "authorization_declined", 70017, codes.form);
}

static void a_request_must_be_whole(void **state)
{
    struct fixture *f = *state;

    expect(f, 400, HTTP_POST, BEGIN, "scope=" ARM "/.default");
    expect(f, 400, HTTP_POST, BEGIN, "client_id=" CLI);
    expect(f, 400, HTTP_POST, BEGIN, "client_id=" CLI "&scope=nothing");
}

/* Strangers may begin sign-ins; what they send is kept, so it must be short. */
static void long_texts_are_refused(void **state)
{
    struct fixture *f = *state;

    expect(f, 400, HTTP_POST, BEGIN, text_of(f, "client_id=%0300d&scope=" ARM "/.default", 0));
    expect(f, 400, HTTP_POST, BEGIN,
           text_of(f, "client_id=" CLI "&scope=" ARM "/.default %05000d", 0));
}

/* 2000 wait at most; who was begun before is not kept from the end by those behind. */
static void strangers_do_not_shut_out_who_has_a_code(void **state)
{
    struct fixture *f = *state;
    struct codes codes = begin(f);
    unsigned begun = 1;

    while (call(f, HTTP_POST, BEGIN, FORM).status == 200 && begun < 3000)
        begun++;
    assert_int_equal(begun, 2000);
    assert_true(says(sign_in(f, codes.user, PASSWORD), "You have signed in"));
    expect_token(f, codes.form);
    pass(f, 16 * MINUTE_MS);
    begin(f);
}

static void codes_of_a_clock_that_was_ahead_shut_nobody_out(void **state)
{
    struct fixture *f = *state;

    pass(f, 4000 * 24 * 60 * MINUTE_MS);
    while (call(f, HTTP_POST, BEGIN, FORM).status == 200)
        ;
    pass(f, -4000 * 24 * 60 * MINUTE_MS);
    begin(f);
}

static void the_page_holds_no_foreign_html(void **state)
{
    struct fixture *f = *state;
    struct answer a =
        call(f, HTTP_GET,
             text_of(f, PAGE "?user_code=%s", escape(f, "\"><script>alert(1)</script>")), NULL);

    assert_int_equal(a.status, 200);
    assert_false(says(a.text, "<script"));
    a = call(f, HTTP_GET, "/a.b%22%3E'%3Cscript%3E/oauth2/deviceauth", NULL);
    assert_false(says(a.text, "<script"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_code_becomes_tokens_once),
        TEST(v1_tells_the_same_in_other_members),
        TEST(a_code_is_of_one_client),
        TEST(the_user_code_alone_gets_nothing),
        TEST(a_code_expires),
        TEST(a_code_is_entered_once),
        TEST(a_new_password_ends_what_was_entered),
        TEST(a_request_must_be_whole),
        TEST(long_texts_are_refused),
        TEST(strangers_do_not_shut_out_who_has_a_code),
        TEST(codes_of_a_clock_that_was_ahead_shut_nobody_out),
        TEST(the_page_holds_no_foreign_html),
    };

    return RUN_TESTS(tests);
}
