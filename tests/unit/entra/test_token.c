/* The token endpoint: the errors of each grant, and what tokens say.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/format.h"

#define APP "grant_type=client_credentials&client_id=" OTHER_APP
#define SCOPE "&scope=" ARM "/.default"
#define PERSON "grant_type=password&client_id=" CLI "&username=" ANN
#define GOOD_PERSON PERSON "&password=" PASSWORD "&scope=" ARM "/.default openid offline_access"

static void an_application_gets_a_token_by_its_secret(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect_token(f, APP "&client_secret=" SECRET "&scope=" ARM "//.default");
    yyjson_val *claims = claims_of(f, text_at(reply, "access_token"));
    struct principal who;
    int64_t expires_at_ms;
    struct error err = { 0 };

    assert_int_equal(yyjson_get_int(yyjson_obj_get(reply, "expires_in")), 3599);
    assert_null(yyjson_obj_get(reply, "refresh_token"));
    assert_string_equal(text_at(claims, "aud"), ARM "/");
    assert_string_equal(text_at(claims, "iss"), "https://sts.windows.net/" TENANT "/");
    assert_string_equal(text_at(claims, "appid"), OTHER_APP);
    assert_string_equal(text_at(claims, "oid"), OTHER_ID);
    assert_string_equal(text_at(claims, "idtyp"), "app");
    assert_true(authority_check(f->authority, f->arena, str_from(text_at(reply, "access_token")),
                                &token_audiences_arm, &who, &expires_at_ms, &err));
    assert_true(str_equal(who.object_id, STR(OTHER_ID)));
    assert_int_equal(who.kind, PRINCIPAL_APPLICATION);
}

/* Terraform's azurerm knows ARM and Graph by the address of the service, and asks by it for either. */
static void a_token_for_the_service_itself_is_for_all_that_controls_it(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = { BASE, BASE "/", "http://LOCALHOST:8443" };
    static const char *const other[] = { BASE "1", BASE "/openai", "https://evil.example",
                                         "https://evil.example/" BASE, GRAPH };
    struct principal who;
    int64_t expires_at_ms;
    struct error err = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct str token = str_from(text_at(
            expect_token(f, text_of(f, APP "&client_secret=" SECRET "&scope=%s/.default", good[i])),
            "access_token"));

        assert_true(authority_check(f->authority, f->arena, token, &token_audiences_control, &who,
                                    &expires_at_ms, &err));
        assert_false(authority_check(f->authority, f->arena, token, &token_audiences_data, &who,
                                     &expires_at_ms, &err));
    }
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        struct str token = str_from(
            text_at(expect_token(
                        f, text_of(f, APP "&client_secret=" SECRET "&scope=%s/.default", other[i])),
                    "access_token"));

        assert_false(authority_check(f->authority, f->arena, token, &token_audiences_control, &who,
                                     &expires_at_ms, &err));
        assert_int_equal(err.code, ERROR_ARM_TOKEN_AUDIENCE);
    }
}

static void v1_tells_the_same_in_other_members(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect(f, 200, HTTP_POST, "/" TENANT "/oauth2/token",
                               APP "&client_secret=" SECRET "&resource=" ARM "/");

    assert_string_equal(text_at(reply, "expires_in"), "3599");
    assert_string_equal(text_at(reply, "resource"), ARM "/");
    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "aud"), ARM "/");
}

static void the_client_may_name_itself_in_a_header(void **state)
{
    struct fixture *f = *state;
    struct str pair = STR(OTHER_APP ":" SECRET), bad = STR(OTHER_APP ":" SECRET "x");

    f->next.authorization = arena_printf(f->arena, "Basic %.*s",
                                         STR_ARGS(format_base64(f->arena, pair.data, pair.len)));
    expect_token(f, "grant_type=client_credentials" SCOPE);
    f->next.authorization =
        arena_printf(f->arena, "Basic %.*s", STR_ARGS(format_base64(f->arena, bad.data, bad.len)));
    expect_refusal(f, "invalid_client", 7000215, "grant_type=client_credentials" SCOPE);
    f->next.authorization = STR("Basic !");
    expect_refusal(f, "invalid_request", 900144, "grant_type=client_credentials" SCOPE);
}

static void each_error_has_its_number(void **state)
{
    struct fixture *f = *state;

    expect_refusal(f, "invalid_request", 900144, "");
    expect_refusal(f, "invalid_request", 900144, "grant_type=");
    expect_refusal(f, "unsupported_grant_type", 70003, "grant_type=implicit");
    expect_refusal(f, "invalid_request", 900144, "grant_type=client_credentials" SCOPE);
    expect_refusal(f, "unauthorized_client", 700016,
                   "grant_type=client_credentials&client_id=" CLI "&client_secret=x" SCOPE);
    expect_refusal(f, "unauthorized_client", 700016,
                   "grant_type=client_credentials&client_id=" ANN "&client_secret=x" SCOPE);
    expect_refusal(f, "unauthorized_client", 700016,
                   "grant_type=client_credentials&client_id=../x&client_secret=x" SCOPE);
    expect_refusal(f, "invalid_client", 7000218, APP SCOPE);
    expect_refusal(f, "invalid_client", 7000215, APP "&client_secret=wrong" SCOPE);
    expect_refusal(f, "invalid_request", 900144, APP "&client_secret=" SECRET);
    expect_refusal(f, "invalid_scope", 70011, APP "&client_secret=" SECRET "&scope=openid");
    expect_refusal(f, "invalid_scope", 70011, APP "&client_secret=" SECRET "&scope=%00");
    expect_refusal(f, "invalid_request", 900144, PERSON SCOPE);
    expect_refusal(f, "invalid_grant", 50126, PERSON "&password=wrong" SCOPE);
    expect_refusal(f, "invalid_grant", 50126,
                   "grant_type=password&client_id=" CLI "&username=bob@contoso.com&password="
                   "wrong" SCOPE);
    expect_refusal(f, "invalid_grant", 50126,
                   "grant_type=password&client_id=" CLI "&username=" OTHER_APP
                   "&password=" SECRET SCOPE);
    expect_refusal(f, "invalid_client", 7000215,
                   "grant_type=password&client_id=" OTHER_APP "&client_secret=x&username=" ANN
                   "&password=" PASSWORD SCOPE);
    expect_refusal(f, "invalid_request", 900144, "grant_type=refresh_token&client_id=" CLI SCOPE);
    expect_refusal(f, "invalid_grant", 70000,
                   "grant_type=refresh_token&client_id=" CLI "&refresh_token=abc" SCOPE);
    expect_refusal(f, "invalid_request", 900144, "grant_type=authorization_code&client_id=" CLI);
    expect_refusal(f, "invalid_grant", 70000,
                   "grant_type=authorization_code&client_id=" CLI "&code=abc");
    expect_refusal(f, "expired_token", 70020,
                   "grant_type=device_code&client_id=" CLI "&device_code=abc");
    expect_refusal(f, "expired_token", 70020, "grant_type=device_code&client_id=" CLI);
}

static void only_this_tenant_is_served(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect(f, 400, HTTP_POST, "/" SUBSCRIPTION "/oauth2/v2.0/token",
                               APP "&client_secret=" SECRET SCOPE);

    assert_non_null(strstr(text_at(reply, "error_description"), "AADSTS90002: Tenant"));
    expect(f, 400, HTTP_POST, "/nowhere/oauth2/v2.0/token", APP "&client_secret=" SECRET SCOPE);
    expect(f, 200, HTTP_POST, "/common/oauth2/v2.0/token", APP "&client_secret=" SECRET SCOPE);
    expect(f, 200, HTTP_POST, "/contoso.com/oauth2/v2.0/token", APP "&client_secret=" SECRET SCOPE);
}

static void who_is_switched_off_gets_nothing(void **state)
{
    struct fixture *f = *state;
    const char *refresh = text_at(expect_token(f, GOOD_PERSON), "refresh_token");

    change(f, OTHER_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "unauthorized_client", 700016, APP "&client_secret=" SECRET SCOPE);
    change(f, OTHER_ID, "{\"accountEnabled\":true,\"isServicePrincipal\":false}");
    expect_refusal(f, "unauthorized_client", 700016, APP "&client_secret=" SECRET SCOPE);
    change(f, ANN_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "invalid_grant", 50057, GOOD_PERSON);
    expect_refusal(f, "invalid_grant", 50126, PERSON "&password=wrong" SCOPE);
    expect_refusal(
        f, "invalid_grant", 70000,
        text_of(f, "grant_type=refresh_token&client_id=" CLI "&refresh_token=%s" SCOPE, refresh));
}

/* -- People ---------------------------------------------------------------------------------- */

static void a_person_gets_all_three_tokens(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect_token(f, GOOD_PERSON);
    yyjson_val *claims = claims_of(f, text_at(reply, "access_token"));
    yyjson_val *identity = claims_of(f, text_at(reply, "id_token"));

    assert_string_equal(text_at(claims, "upn"), ANN);
    assert_string_equal(text_at(claims, "idtyp"), "user");
    assert_string_equal(text_at(identity, "aud"), CLI);
    assert_string_equal(text_at(identity, "oid"), ANN_ID);
    assert_string_equal(text_at(identity, "iss"), BASE "/" TENANT "/v2.0");
    reply = expect_token(f, PERSON "&password=" PASSWORD SCOPE);
    assert_null(yyjson_obj_get(reply, "id_token"));
    assert_null(yyjson_obj_get(reply, "refresh_token"));
}

/* Whatever the client calls itself: an id token opens nothing. */
static void an_id_token_is_no_access_token(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply =
        expect_token(f, "grant_type=password&username=" ANN "&password=" PASSWORD
                        "&client_id=https://management.azure.com/&scope=openid " GRAPH "/.default");
    struct principal who;
    int64_t expires_at_ms;
    struct error err = { 0 };

    assert_string_equal(text_at(claims_of(f, text_at(reply, "id_token")), "aud"), ARM "/");
    assert_false(authority_check(f->authority, f->arena, str_from(text_at(reply, "id_token")),
                                 &token_audiences_arm, &who, &expires_at_ms, &err));
    assert_int_equal(err.code, ERROR_ARM_TOKEN_ISSUER);
}

static void a_refresh_token_gets_others(void **state)
{
    struct fixture *f = *state;
    const char *refresh = text_at(expect_token(f, GOOD_PERSON), "refresh_token");
    const char *form = text_of(f,
                               "grant_type=refresh_token&client_id=" CLI "&refresh_token=%s"
                               "&scope=https://cognitiveservices.azure.com/.default",
                               refresh);
    yyjson_val *reply = expect_token(f, form);

    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "aud"),
                        "https://cognitiveservices.azure.com");
    expect_refusal(f, "invalid_grant", 70000,
                   text_of(f,
                           "grant_type=refresh_token&client_id=" OTHER_APP "&client_secret=" SECRET
                           "&refresh_token=%s" SCOPE,
                           refresh));
    expect_refusal(
        f, "invalid_grant", 70000,
        text_of(f, "grant_type=refresh_token&client_id=" CLI "&refresh_token=%sA" SCOPE, refresh));
    pass(f, 91 * 1440 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 70000, form);
}

/* As Entra has it: a new one at each use, good for 90 days from then; the old one ends when it would
 * have anyway. */
static void each_use_of_a_refresh_token_gives_another_one(void **state)
{
    struct fixture *f = *state;
    static const char form[] =
        "grant_type=refresh_token&client_id=" CLI "&refresh_token=%s" SCOPE " offline_access";
    const char *old = text_at(expect_token(f, GOOD_PERSON), "refresh_token"), *next;

    pass(f, 80 * 1440 * MINUTE_MS);
    next = text_at(expect_token(f, text_of(f, form, old)), "refresh_token");
    assert_string_not_equal(next, old);
    expect_token(f, text_of(f, form, old));
    pass(f, 11 * 1440 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 70000, text_of(f, form, old));
    expect_token(f, text_of(f, form, next));
    pass(f, 80 * 1440 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 70000, text_of(f, form, next));
}

/* Texts are sealed for one purpose each. */
static void one_sort_of_token_is_not_another(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect_token(f, GOOD_PERSON);
    static const char *const grants[] = { "refresh_token&refresh_token", "authorization_code&code",
                                          "device_code&device_code" };
    static const char *const tokens[] = { "refresh_token", "access_token", "id_token" };

    for (size_t g = 0; g < ARRAY_LEN(grants); g++) {
        for (size_t t = 0; t < ARRAY_LEN(tokens); t++) {
            struct answer a;

            if (g == t)
                continue;
            a = call(f, HTTP_POST, "/" TENANT "/oauth2/v2.0/token",
                     text_of(f, "grant_type=%s=%s&client_id=" CLI SCOPE, grants[g],
                             text_at(reply, tokens[t])));
            assert_int_equal(a.status, 400);
            assert_non_null(yyjson_obj_get(a.body, "error"));
        }
    }
}

/* The password was changed: what was issued before is not good any more. */
static void a_new_password_ends_refresh_tokens(void **state)
{
    struct fixture *f = *state;
    const char *refresh = text_at(expect_token(f, GOOD_PERSON), "refresh_token");
    const char *form =
        text_of(f, "grant_type=refresh_token&client_id=" CLI "&refresh_token=%s" SCOPE, refresh);

    expect_token(f, form);
    pass(f, MINUTE_MS);
    change(f, ANN_ID, text_of(f, "{\"validFromMs\":%lld}", (long long)clock_now_ms(&f->clock)));
    expect_refusal(f, "invalid_grant", 70000, form);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_application_gets_a_token_by_its_secret),
        TEST(a_token_for_the_service_itself_is_for_all_that_controls_it),
        TEST(v1_tells_the_same_in_other_members),
        TEST(the_client_may_name_itself_in_a_header),
        TEST(each_error_has_its_number),
        TEST(only_this_tenant_is_served),
        TEST(who_is_switched_off_gets_nothing),
        TEST(a_person_gets_all_three_tokens),
        TEST(an_id_token_is_no_access_token),
        TEST(a_refresh_token_gets_others),
        TEST(each_use_of_a_refresh_token_gives_another_one),
        TEST(one_sort_of_token_is_not_another),
        TEST(a_new_password_ends_refresh_tokens),
    };

    return RUN_TESTS(tests);
}
