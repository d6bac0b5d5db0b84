/* The grant by which a service calls another one in a person's name.
 * SPDX-License-Identifier: MIT */
#include "entra/on_behalf_of.h"

#include "fixture.h"

#define TOKEN_OF_ANN                                                                \
    "grant_type=password&username=" ANN "&password=correct%%20horse&client_id=" CLI \
    "&scope=%s/.default%%20openid%%20offline_access"
#define OBO                                                                       \
    "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&requested_token_use=" \
    "on_behalf_of&client_id=" OTHER_APP "&client_secret=" SECRET "&scope=" ARM    \
    "/.default%%20openid%%20profile%%20offline_access&assertion=%s"

/* What the client got when Ann signed in to it for that resource. */
static const char *token_for(struct fixture *f, const char *resource, const char *member)
{
    return text_at(expect_token(f, text_of(f, TOKEN_OF_ANN, resource)), member);
}

static void a_person_is_passed_on(void **state)
{
    static const char *const names[] = { OTHER_APP, "api://" OTHER_APP, "api://shop" };
    struct fixture *f = *state;
    yyjson_val *reply, *claims;

    graph(f, 204, HTTP_PATCH, "/v1.0/applications/" OTHER_ID,
          "{\"identifierUris\":[\"api://shop\"]}");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        reply = expect_token(f, text_of(f, OBO, token_for(f, names[i], "access_token")));
        claims = claims_of(f, text_at(reply, "access_token"));
        assert_string_equal(text_at(claims, "oid"), ANN_ID);
        assert_string_equal(text_at(claims, "upn"), ANN);
        assert_string_equal(text_at(claims, "aud"), ARM);
        assert_string_equal(text_at(claims, "appid"), OTHER_APP);
        assert_string_equal(text_at(claims, "appidacr"), "1");
        assert_string_equal(text_at(claims, "scp"), "user_impersonation");
        assert_string_equal(text_at(claims_of(f, text_at(reply, "id_token")), "aud"), OTHER_APP);
    }
    /* tokens of version 2.0 are its own, too, under whichever name it was reached */
    change(f, OTHER_ID, "{\"tokenVersion\":2}");
    f->next.base = STR("https://127.0.0.1:4270");
    expect_token(f, text_of(f, OBO, token_for(f, "api://shop", "access_token")));
}

/* What it gets to go on with is of no use to who has not its secret. */
static void its_refresh_token_is_the_clients(void **state)
{
    static const char form[] = "grant_type=refresh_token&client_id=" OTHER_APP "&scope=" ARM
                               "/.default&refresh_token=%s%s";
    struct fixture *f = *state;
    const char *refresh = text_at(
        expect_token(f, text_of(f, OBO, token_for(f, OTHER_APP, "access_token"))), "refresh_token");

    expect_refusal(f, "invalid_client", 7000218, text_of(f, form, refresh, ""));
    expect_token(f, text_of(f, form, refresh, "&client_secret=" SECRET));
}

/* The head and the claims of one, and what was signed of another. */
static const char *with_another_signature(struct fixture *f, const char *token, const char *other)
{
    return text_of(f, "%.*s%s", (int)(strrchr(token, '.') - token), token, strrchr(other, '.'));
}

static void what_is_no_assertion(void **state)
{
    struct fixture *f = *state;
    const char *good = token_for(f, OTHER_APP, "access_token");
    const char *apps =
        text_at(expect_token(f, "grant_type=client_credentials&client_id=" OWNER_APP
                                "&client_secret=" SECRET "&scope=" OTHER_APP "/.default"),
                "access_token");
    const char *other = token_for(f, ARM, "access_token");

    expect_token(f, text_of(f, OBO, good));
    expect_refusal(f, "invalid_request", 50027, text_of(f, OBO, "x"));
    expect_refusal(f, "invalid_request", 50027, text_of(f, OBO, "eyJhbGciOiJub25lIn0.e30."));
    expect_refusal(f, "invalid_grant", 7000114, text_of(f, OBO, apps));
    expect_refusal(f, "invalid_grant", 500131, text_of(f, OBO, token_for(f, ARM, "access_token")));
    expect_refusal(f, "invalid_grant", 500131,
                   text_of(f, OBO, token_for(f, OWNER_APP, "access_token")));
    assert_non_null(strstr(arena_text(f->arena, f->audit.details), "reason=AADSTS500131"));
    expect_refusal(f, "invalid_grant", 50013, text_of(f, OBO, token_for(f, ARM, "id_token")));
    expect_refusal(f, "invalid_grant", 50013,
                   text_of(f, OBO, with_another_signature(f, good, other)));
    pass(f, 61 * MINUTE_MS);
    expect_refusal(f, "invalid_grant", 500133, text_of(f, OBO, good));
}

static void an_id_token_is_none_even_for_the_client(void **state)
{
    struct fixture *f = *state;
    yyjson_val *reply = expect_token(f, text_of(f, OBO, token_for(f, OTHER_APP, "access_token")));

    expect_refusal(f, "invalid_grant", 50013, text_of(f, OBO, text_at(reply, "id_token")));
}

static void a_key_that_is_not_ours_signs_nothing(void **state)
{
    struct fixture *f = *state;
    struct jwt_key *key = jwt_key_generate(STR("k"));
    yyjson_mut_doc *claims =
        json_copy(f->arena, claims_of(f, token_for(f, OTHER_APP, "access_token")));
    struct str token = jwt_sign(f->arena, key, "JWT", yyjson_mut_doc_get_root(claims));

    expect_refusal(f, "invalid_grant", 50013, text_of(f, OBO, arena_text(f->arena, token)));
    jwt_key_free(key);
}

static void the_client_must_prove_itself(void **state)
{
    struct fixture *f = *state;
    const char *good = token_for(f, OTHER_APP, "access_token");
#define WITHOUT                                                                                 \
    "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&client_id=" OTHER_APP "&scope=" ARM \
    "/.default"

    expect_refusal(f, "invalid_client", 7000218,
                   text_of(f, WITHOUT "&requested_token_use=on_behalf_of&assertion=%s", good));
    expect_refusal(f, "invalid_client", 7000215,
                   text_of(f,
                           WITHOUT "&requested_token_use=on_behalf_of&client_secret=x"
                                   "&assertion=%s",
                           good));
    expect_refusal(f, "invalid_request", 900144,
                   text_of(f, WITHOUT "&client_secret=" SECRET "&assertion=%s", good));
    expect_refusal(
        f, "invalid_request", 90014,
        text_of(f, WITHOUT "&requested_token_use=x&client_secret=" SECRET "&assertion=%s", good));
    expect_refusal(f, "invalid_request", 900144,
                   WITHOUT "&requested_token_use=on_behalf_of&client_secret=" SECRET);
}

static void who_is_gone_is_not_passed_on(void **state)
{
    struct fixture *f = *state;
    const char *form = text_of(f, OBO, token_for(f, OTHER_APP, "access_token"));

    change(f, ANN_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "invalid_grant", 50013, form);
    change(f, ANN_ID, "{\"accountEnabled\":true}");
    expect_token(f, form);
    pass(f, MINUTE_MS);
    change(f, ANN_ID, text_of(f, "{\"validFromMs\":%lld}", (long long)clock_now_ms(&f->clock)));
    expect_refusal(f, "invalid_grant", 50013, form);
}

/* Who exchanges one each second has one of that second: it must not outlive the password. */
static void the_second_of_another_password_is_not_passed_on(void **state)
{
    struct fixture *f = *state;
    const char *before = text_of(f, OBO, token_for(f, OTHER_APP, "access_token"));
    long long changed_ms = (long long)clock_now_ms(&f->clock) + 1;

    assert_int_not_equal(changed_ms % 1000, 0);
    expect_token(f, before);
    change(f, ANN_ID, text_of(f, "{\"validFromMs\":%lld}", changed_ms));
    expect_refusal(f, "invalid_grant", 50013, before);
    pass(f, 1);
    expect_token(f, text_of(f, OBO, token_for(f, OTHER_APP, "access_token")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_person_is_passed_on),
        TEST(its_refresh_token_is_the_clients),
        TEST(what_is_no_assertion),
        TEST(an_id_token_is_none_even_for_the_client),
        TEST(a_key_that_is_not_ours_signs_nothing),
        TEST(the_client_must_prove_itself),
        TEST(who_is_gone_is_not_passed_on),
        TEST(the_second_of_another_password_is_not_passed_on),
    };

    return RUN_TESTS(tests);
}
