/* Sign-in by browser: where codes may go, proof keys, and what pages say.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <openssl/sha.h>

#include "base/format.h"

#define PATH "/" TENANT "/oauth2/v2.0/authorize"
#define LOOPBACK "http://localhost:5000/back"
#define VERIFIER "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
#define SIGN_IN "&username=" ANN "&password=" PASSWORD

/* A request's parameters; `more` begins with '&'. */
static const char *request(struct fixture *f, const char *uri, const char *more)
{
    return text_of(f,
                   "client_id=" CLI "&response_type=code&redirect_uri=%s&scope=" ARM
                   "/.default openid&state=s%%26t%s",
                   escape(f, uri), more);
}

static const char *s256(struct fixture *f, const char *verifier)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const uint8_t *)verifier, strlen(verifier), digest);
    return arena_text(f->arena, format_base64url(f->arena, digest, sizeof(digest)));
}

static const char *challenge(struct fixture *f)
{
    return text_of(f, "&code_challenge=%s&code_challenge_method=S256", s256(f, VERIFIER));
}

static int asked(struct fixture *f, const char *parameters)
{
    return call(f, HTTP_GET, text_of(f, PATH "?%s", parameters), NULL).status;
}

/* Signs in; the code that the client is sent. */
static const char *code_of(struct fixture *f, const char *parameters)
{
    struct answer a = call(f, HTTP_POST, PATH, text_of(f, "%s" SIGN_IN, parameters));
    struct str location = header_of(&a, "Location"), code;
    size_t at = str_find(location, STR("code="));

    if (a.status != 302 || at == SIZE_MAX)
        fail_msg("%d: %.*s", a.status, STR_ARGS(a.text));
    location = str_slice(location, at + 5, SIZE_MAX);
    assert_true(str_split(&location, '&', &code));
    return arena_text(f->arena, code);
}

static const char *grant(struct fixture *f, const char *code, const char *more)
{
    return text_of(f,
                   "grant_type=authorization_code&client_id=" CLI "&code=%s"
                   "&redirect_uri=" LOOPBACK "%s",
                   code, more);
}

/* -- Where codes go -------------------------------------------------------------------------- */

static void a_program_of_the_machine_may_listen_anywhere(void **state)
{
    static const char *const good[] = {
        "http://localhost",        "http://localhost/",       "http://localhost:1",
        "http://localhost:65535/", "http://127.0.0.1:5000/x", "http://[::1]:5000/x?y=z",
        "HTTP://LocalHost:80/",    "http://localhost?x",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (asked(f, request(f, good[i], "")) != 200)
            fail_msg("%s is refused", good[i]);
    }
}

static void nobody_else_gets_a_code(void **state)
{
    static const char *const bad[] = {
        "http://localhost.evil.com/",
        "http://localhost@evil.com/",
        "http://localhost:80@evil.com/",
        "http://localhost:@evil.com/",
        "http://localhost/@evil.com\\",
        "http://localhost:80.evil.com/",
        "http://localhost:x/",
        "http://localhost:123456/",
        "http://localhost\\.evil.com/",
        "http://localhost#.evil.com/",
        "http://localhost/#x",
        "http://127.0.0.1.evil.com/",
        "http://127.0.0.2/",
        "http://[::1].evil.com/",
        "https://evil.com/http://localhost/",
        "//localhost/",
        "localhost",
        " http://localhost/",
        "http://localhost/\r\nSet-Cookie: x=y",
        "http://localhost/ x",
        "http://localhost:80; script-src *",
        "http://localhost/\"><script>",
        "http://localhost/\x80",
        "javascript:alert(1)",
        "data:text/html,x",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct answer a = call(f, HTTP_GET, text_of(f, PATH "?%s", request(f, bad[i], "")), NULL);

        if (a.status != 400 || strcmp(text_at(a.body, "error"), "invalid_request") != 0)
            fail_msg("%s: %d", bad[i], a.status);
        assert_non_null(strstr(text_at(a.body, "error_description"), "AADSTS50011"));
        a = call(f, HTTP_POST, PATH, text_of(f, "%s" SIGN_IN, request(f, bad[i], "")));
        assert_int_equal(a.status, 400);
    }
    assert_int_equal(asked(f, request(f, text_of(f, "http://localhost/%02000d", 0), "")), 200);
    assert_int_equal(asked(f, request(f, text_of(f, "http://localhost/%08000d", 0), "")), 400);
}

static void a_request_must_be_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(asked(f, "response_type=code&redirect_uri=" LOOPBACK "&scope=openid"), 400);
    assert_int_equal(asked(f, "client_id=" CLI "&response_type=code&scope=openid"), 400);
}

/* RFC 6749, 4.1.2.1: once it is certain whose the place is, the client is told there. */
static void the_client_is_told_what_is_wrong(void **state)
{
    static const struct {
        const char *parameters;
        const char *error;
        const char *number;
    } rows[] = {
        { "scope=" ARM "/.default", "invalid_request", "AADSTS900144%3A" },
        { "response_type=token&response_mode=query&scope=" ARM "/.default",
          "unsupported_response_type", "AADSTS700054%3A" },
        { "response_type=code", "invalid_request", "AADSTS900144%3A" },
        { "response_type=code&scope=nothing", "invalid_scope", "AADSTS70011%3A" },
        { "response_type=code&scope=openid&prompt=none", "login_required", "AADSTS50058%3A" },
        { "response_type=code&scope=openid&code_challenge=short", "invalid_request",
          "AADSTS90014" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *form = text_of(f, "client_id=" CLI "&redirect_uri=" LOOPBACK "&state=s%%26t&%s",
                                   rows[i].parameters);
        struct answer a = call(f, HTTP_GET, text_of(f, PATH "?%s", form), NULL);
        struct str location = header_of(&a, "Location");

        if (a.status != 302 ||
            !str_starts_with(location,
                             str_from(text_of(f, LOOPBACK "?error=%s&error_description=%s",
                                              rows[i].error, rows[i].number))) ||
            !str_ends_with(location, STR("&state=s%26t")))
            fail_msg("%s: %d %.*s", rows[i].parameters, a.status, STR_ARGS(location));
    }
}

static void errors_take_the_same_way_as_codes(void **state)
{
    struct fixture *f = *state;
    const char *wrong = "client_id=" CLI "&redirect_uri=" LOOPBACK "&scope=openid&response_type=";
    struct answer a = call(f, HTTP_GET, text_of(f, PATH "?%s%s", wrong, "token"), NULL);

    /* what it was going to get would have come in the fragment */
    assert_true(str_starts_with(header_of(&a, "Location"), STR(LOOPBACK "#error=unsupported_")));
    assert_true(str_find(header_of(&a, "Location"), STR("state=")) == SIZE_MAX);
    a = call(f, HTTP_GET,
             text_of(f, PATH "?%scode&code_challenge=x&response_mode=form_post&state=%%22", wrong),
             NULL);
    assert_int_equal(a.status, 200);
    assert_true(str_find(a.text, STR("action=\"" LOOPBACK "\"")) != SIZE_MAX);
    assert_true(str_find(a.text, STR("name=\"error\" value=\"invalid_request\"")) != SIZE_MAX);
    assert_true(str_find(a.text, STR("name=\"state\" value=\"&quot;\"")) != SIZE_MAX);
    a = call(f, HTTP_POST, PATH, text_of(f, "%scode&code_challenge=x" SIGN_IN, wrong));
    assert_true(str_starts_with(header_of(&a, "Location"), STR(LOOPBACK "?error=invalid_request")));
}

/* Who somebody is: Graph can tell, and the id token does. */
static void a_sign_in_alone_is_for_graph(void **state)
{
    struct fixture *f = *state;
    const char *code =
        code_of(f, text_of(f,
                           "client_id=" CLI "&response_type=code&redirect_uri=" LOOPBACK
                           "&scope=openid profile offline_access%s",
                           challenge(f)));
    yyjson_val *reply = expect_token(f, grant(f, code, "&code_verifier=" VERIFIER)), *again;

    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "aud"),
                        "https://graph.microsoft.com");
    assert_string_equal(text_at(claims_of(f, text_at(reply, "id_token")), "oid"), ANN_ID);
    assert_string_equal(text_at(reply, "scope"),
                        "openid profile https://graph.microsoft.com/User.Read");
    again = expect_token(
        f, text_of(f, "grant_type=refresh_token&client_id=" CLI "&scope=openid&refresh_token=%s",
                   text_at(reply, "refresh_token")));
    assert_null(yyjson_obj_get(again, "refresh_token")); /* was not asked for */
    assert_non_null(yyjson_obj_get(again, "id_token"));
    /* no application is anybody in that sense */
    expect_refusal(f, "invalid_scope", 70011,
                   "grant_type=client_credentials&client_id=" OTHER_APP "&client_secret=" SECRET
                   "&scope=openid");
}

/* Sent back in a header, or within the code. */
static void long_texts_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(asked(f, request(f, LOOPBACK, text_of(f, "&nonce=%01024d", 0))), 200);
    assert_int_equal(asked(f, request(f, LOOPBACK, text_of(f, "&nonce=%01025d", 0))), 302);
    assert_int_equal(asked(f, text_of(f, "state=%08193d&%s", 0, request(f, LOOPBACK, ""))), 400);
    assert_int_equal(asked(f, text_of(f, "client_id=%0129d&%s", 0, request(f, LOOPBACK, ""))), 400);
    assert_int_equal(
        asked(f, text_of(f, "scope=" ARM "/.default %02048d&%s", 0, request(f, LOOPBACK, ""))),
        302);
}

/* -- Codes ----------------------------------------------------------------------------------- */

static void a_code_becomes_tokens_once(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, challenge(f)));
    const char *form = grant(f, code, "&code_verifier=" VERIFIER);
    yyjson_val *reply;

    expect_refusal(f, "invalid_grant", 70000, grant(f, code, "&code_verifier=" VERIFIER "x"));
    reply = expect_token(f, form); /* the wrong try did not use it up */
    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "oid"), ANN_ID);
    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "aud"), ARM);
    expect_refusal(f, "invalid_grant", 70000, form);
    pass(f, 9 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 70000, form);
}

static void a_code_expires(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, challenge(f)));

    pass(f, 10 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 70000, grant(f, code, "&code_verifier=" VERIFIER));
}

static void a_code_is_of_one_client_and_one_place(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, challenge(f)));

    expect_refusal(f, "invalid_grant", 70000,
                   text_of(f,
                           "grant_type=authorization_code&client_id=" OTHER_APP "&code=%s"
                           "&redirect_uri=" LOOPBACK "&code_verifier=" VERIFIER,
                           code));
    expect_refusal(f, "invalid_grant", 70000,
                   text_of(f,
                           "grant_type=authorization_code&client_id=" CLI "&code=%s"
                           "&redirect_uri=" LOOPBACK "/x&code_verifier=" VERIFIER,
                           code));
    expect_token(f, grant(f, code, "&code_verifier=" VERIFIER));
}

static void who_has_no_secret_needs_a_proof(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, ""));

    expect_refusal(f, "invalid_grant", 70000, grant(f, code, ""));
    expect_refusal(f, "invalid_grant", 70000, grant(f, code, "&code_verifier=" VERIFIER));
    code = code_of(f, request(f, LOOPBACK, challenge(f)));
    expect_refusal(f, "invalid_grant", 70000, grant(f, code, ""));
}

static void a_plain_proof_is_compared_as_it_is(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(
        f, request(f, LOOPBACK, "&code_challenge=" VERIFIER "&code_challenge_method=plain"));

    expect_refusal(f, "invalid_grant", 70000,
                   grant(f, code, text_of(f, "&code_verifier=%s", s256(f, VERIFIER))));
    expect_token(f, grant(f, code, "&code_verifier=" VERIFIER));
    code = code_of(f, request(f, LOOPBACK, "&code_challenge=" VERIFIER)); /* plain by default */
    expect_token(f, grant(f, code, "&code_verifier=" VERIFIER));
}

/* RFC 7636, 4.4.1: what is not known is not taken for "plain". */
static void other_ways_of_proof_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        asked(f, request(f, LOOPBACK, "&code_challenge=" VERIFIER "&code_challenge_method=S512")),
        302);
    assert_int_equal(
        asked(f, request(f, LOOPBACK, "&code_challenge=" VERIFIER "&code_challenge_method=s256")),
        302);
    assert_int_equal(asked(f, request(f, LOOPBACK, "&code_challenge=short")), 302);
    assert_int_equal(asked(f, request(f, LOOPBACK, text_of(f, "&code_challenge=%0129d", 0))), 302);
}

static void a_client_with_a_secret_needs_no_proof(void **state)
{
    struct fixture *f = *state;
    const char *parameters =
        text_of(f, "client_id=" OTHER_APP "&response_type=code&redirect_uri=" LOOPBACK "&scope=" ARM
                   "/.default");
    const char *form = text_of(
        f, "grant_type=authorization_code&client_id=" OTHER_APP "&code=%s&redirect_uri=" LOOPBACK,
        code_of(f, parameters));

    expect_refusal(f, "invalid_grant", 70000, form);
    expect_refusal(f, "invalid_client", 7000215, text_of(f, "%s&client_secret=x", form));
    expect_refusal(f, "unauthorized_client", 700016,
                   text_of(f, "%s&client_secret=" SECRET, grant(f, "x", "")));
    expect_token(f, text_of(f, "%s&client_secret=" SECRET, form));
}

static void a_new_password_ends_codes(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, challenge(f)));

    pass(f, MINUTE_MS);
    change(f, ANN_ID, text_of(f, "{\"validFromMs\":%lld}", (long long)clock_now_ms(&f->clock)));
    expect_refusal(f, "invalid_grant", 70000, grant(f, code, "&code_verifier=" VERIFIER));
}

static void a_code_of_someone_gone_is_worth_nothing(void **state)
{
    struct fixture *f = *state;
    const char *code = code_of(f, request(f, LOOPBACK, challenge(f)));

    change(f, ANN_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "invalid_grant", 70000, grant(f, code, "&code_verifier=" VERIFIER));
    change(f, ANN_ID, "{\"accountEnabled\":true}");
    expect_token(f, grant(f, code, "&code_verifier=" VERIFIER)); /* it was not used up */
}

/* -- Pages ----------------------------------------------------------------------------------- */

static void a_wrong_password_shows_the_page_again(void **state)
{
    struct fixture *f = *state;
    struct answer a =
        call(f, HTTP_POST, PATH,
             text_of(f, "%s&username=" ANN "&password=wrong", request(f, LOOPBACK, challenge(f))));

    assert_int_equal(a.status, 200);
    assert_true(str_find(a.text, STR("invalid username or password")) != SIZE_MAX);
    assert_true(str_find(a.text, STR("wrong<")) == SIZE_MAX); /* the password is not in it */
    assert_true(str_find(a.text, STR("value=\"" ANN "\"")) != SIZE_MAX);
}

/* Whatever comes from the request is text in it. */
static void pages_hold_no_foreign_html(void **state)
{
    static const char *const fields[] = { "state", "nonce", "login_hint", "username", "scope" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct answer a = call(f, HTTP_GET,
                               text_of(f, PATH "?%s=%s&%s", fields[i],
                                       escape(f, ARM "/.default \"'><script>alert(1)</script>&<x"),
                                       request(f, LOOPBACK, "")),
                               NULL);

        assert_int_equal(a.status, 200);
        assert_true(str_find(a.text, STR("<script")) == SIZE_MAX);
        assert_true(str_find(a.text, STR("&lt;script&gt;")) != SIZE_MAX);
        assert_true(str_find(a.text, STR("&quot;&#39;&gt;")) != SIZE_MAX);
    }
}

static void nobody_frames_pages_and_forms_go_nowhere_else(void **state)
{
    struct fixture *f = *state;
    struct answer a =
        call(f, HTTP_GET, text_of(f, PATH "?%s", request(f, "http://localhost:5000?x", "")), NULL);
    struct str policy = header_of(&a, "Content-Security-Policy");

    assert_true(str_find(policy, STR("default-src 'none'")) != SIZE_MAX);
    assert_true(str_find(policy, STR("frame-ancestors 'none'")) != SIZE_MAX);
    assert_true(str_find(policy, STR("form-action 'self' http://localhost:5000;")) != SIZE_MAX);
    assert_true(str_equal(header_of(&a, "X-Frame-Options"), STR("DENY")));
    assert_true(str_equal(header_of(&a, "Referrer-Policy"), STR("no-referrer")));
}

static void the_state_comes_back_by_the_way_that_was_asked_for(void **state)
{
    struct fixture *f = *state;
    struct answer a = call(f, HTTP_POST, PATH, text_of(f, "%s" SIGN_IN, request(f, LOOPBACK, "")));

    assert_true(str_starts_with(header_of(&a, "Location"), STR(LOOPBACK "?code=")));
    assert_true(str_ends_with(header_of(&a, "Location"), STR("&state=s%26t")));
    a = call(f, HTTP_POST, PATH, text_of(f, "%s" SIGN_IN, request(f, LOOPBACK "?a=b", "")));
    assert_true(str_starts_with(header_of(&a, "Location"), STR(LOOPBACK "?a=b&code=")));
    a = call(f, HTTP_POST, PATH,
             text_of(f, "%s" SIGN_IN, request(f, LOOPBACK, "&response_mode=fragment")));
    assert_true(str_starts_with(header_of(&a, "Location"), STR(LOOPBACK "#code=")));
    a = call(f, HTTP_POST, PATH,
             text_of(f, "%s" SIGN_IN, request(f, LOOPBACK, "&response_mode=form_post")));
    assert_int_equal(a.status, 200);
    assert_true(str_find(a.text, STR("action=\"" LOOPBACK "\"")) != SIZE_MAX);
    assert_true(str_find(a.text, STR("value=\"s&amp;t\"")) != SIZE_MAX);
}

/* -- The end --------------------------------------------------------------------------------- */

static void who_signs_out_goes_where_the_application_says(void **state)
{
    static const char *const elsewhere[] = {
        "client_id=" OTHER_APP "&post_logout_redirect_uri=https://evil.example/",
        "client_id=" OTHER_APP "&post_logout_redirect_uri=https://shop.example/bye/x",
        "client_id=" OWNER_APP "&post_logout_redirect_uri=https://shop.example/bye",
        "post_logout_redirect_uri=https://shop.example/bye",
        "client_id=" OTHER_APP "&post_logout_redirect_uri=http://localhost:1/",
        "client_id=" OTHER_APP,
        "",
    };
    struct fixture *f = *state;
    struct answer a;

    change(f, OTHER_ID, "{\"web\":{\"redirectUris\":[\"https://shop.example/bye\"]}}");
    a = call(f, HTTP_GET,
             "/" TENANT "/oauth2/v2.0/logout?client_id=" OTHER_APP
             "&post_logout_redirect_uri=https://shop.example/bye&state=a%26b",
             NULL);
    assert_int_equal(a.status, 302);
    assert_true(str_equal(header_of(&a, "Location"), STR("https://shop.example/bye?state=a%26b")));
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        a = call(f, HTTP_GET, text_of(f, "/" TENANT "/oauth2/logout?%s", elsewhere[i]), NULL);
        assert_int_equal(a.status, 200);
        assert_true(str_find(a.text, STR("signed out")) != SIZE_MAX);
        assert_true(str_find(a.text, STR("example")) == SIZE_MAX);
        assert_null(header_of(&a, "Location").data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_of_the_machine_may_listen_anywhere),
        TEST(nobody_else_gets_a_code),
        TEST(a_request_must_be_whole),
        TEST(the_client_is_told_what_is_wrong),
        TEST(errors_take_the_same_way_as_codes),
        TEST(a_sign_in_alone_is_for_graph),
        TEST(long_texts_are_refused),
        TEST(a_code_becomes_tokens_once),
        TEST(a_code_expires),
        TEST(a_code_is_of_one_client_and_one_place),
        TEST(who_has_no_secret_needs_a_proof),
        TEST(a_plain_proof_is_compared_as_it_is),
        TEST(other_ways_of_proof_are_refused),
        TEST(a_client_with_a_secret_needs_no_proof),
        TEST(a_new_password_ends_codes),
        TEST(a_code_of_someone_gone_is_worth_nothing),
        TEST(a_wrong_password_shows_the_page_again),
        TEST(pages_hold_no_foreign_html),
        TEST(nobody_frames_pages_and_forms_go_nowhere_else),
        TEST(the_state_comes_back_by_the_way_that_was_asked_for),
        TEST(who_signs_out_goes_where_the_application_says),
    };

    return RUN_TESTS(tests);
}
