/* SPDX-License-Identifier: MIT */
#include "entra/client_assertion.h"

#include "fixture.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/format.h"

#define APP "grant_type=client_credentials&client_id=" OTHER_APP "&scope=" ARM "/.default"

struct client {
    EVP_PKEY *pkey;
    const char *pem; /* as JSON text */
};

static struct client make_client(struct fixture *f, int64_t lives_s)
{
    struct client client = { .pkey = EVP_RSA_gen(2048) };
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    X509_gmtime_adj(X509_getm_notBefore(certificate), -1000000);
    X509_gmtime_adj(X509_getm_notAfter(certificate), lives_s);
    X509_set_pubkey(certificate, client.pkey);
    assert_true(X509_sign(certificate, client.pkey, EVP_sha256()) > 0);
    assert_true(PEM_write_bio_X509(bio, certificate));
    len = BIO_get_mem_data(bio, &data);
    client.pem = arena_text(f->arena, json_quote(f->arena, str_of(data, (size_t)len)));
    BIO_free(bio);
    X509_free(certificate);
    return client;
}

static struct str encode(struct fixture *f, const char *text)
{
    return format_base64url(f->arena, text, strlen(text));
}

static const char *assertion_of(struct fixture *f, const struct client *client, const char *claims)
{
    struct str input = arena_printf(f->arena, "%.*s.%.*s",
                                    STR_ARGS(encode(f, "{\"alg\":\"RS256\",\"x5t\":\"x\"}")),
                                    STR_ARGS(encode(f, claims)));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t signature[512];
    size_t len = sizeof(signature);

    assert_true(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, client->pkey) == 1);
    assert_true(EVP_DigestSign(context, signature, &len, (const uint8_t *)input.data, input.len) ==
                1);
    EVP_MD_CTX_free(context);
    return text_of(f,
                   APP "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:"
                       "jwt-bearer&client_assertion=%.*s.%.*s",
                   STR_ARGS(input), STR_ARGS(format_base64url(f->arena, signature, len)));
}

static const char *claims(struct fixture *f, const char *issuer, const char *audience,
                          int64_t from_now_s)
{
    return text_of(f, "{\"iss\":\"%s\",\"sub\":\"" OTHER_APP "\",\"aud\":\"%s\",\"exp\":%lld}",
                   issuer, audience,
                   (long long)clock_now_ms(&f->clock) / 1000 + (long long)from_now_s);
}

#define AUDIENCE BASE "/" TENANT "/oauth2/v2.0/token"

static void a_certificate_is_as_good_as_a_secret(void **state)
{
    struct fixture *f = *state;
    struct client mine = make_client(f, 3600), strange = make_client(f, 3600);
    const char *form;
    yyjson_val *reply;

    change(f, OTHER_ID, text_of(f, "{\"certificates\":[{\"pem\":%s}]}", mine.pem));
    reply = expect_token(f, assertion_of(f, &mine, claims(f, OTHER_APP, AUDIENCE, 600)));
    assert_string_equal(text_at(claims_of(f, text_at(reply, "access_token")), "appidacr"), "2");
    expect_refusal(f, "invalid_client", 700027,
                   assertion_of(f, &strange, claims(f, OTHER_APP, AUDIENCE, 600)));
    expect_refusal(f, "invalid_client", 700027,
                   assertion_of(f, &mine, claims(f, OWNER_APP, AUDIENCE, 600)));
    expect_refusal(f, "invalid_client", 700024,
                   assertion_of(f, &mine, claims(f, OTHER_APP, AUDIENCE, 0)));
    expect_refusal(f, "invalid_client", 700027,
                   assertion_of(f, &mine, claims(f, OTHER_APP, "https://evil.example/", 600)));
    expect_refusal(f, "invalid_client", 700027,
                   assertion_of(f, &mine, claims(f, OTHER_APP, BASE ".evil.example/" TENANT, 600)));
    /* good for its whole life, as in Entra */
    form = assertion_of(f, &mine, claims(f, OTHER_APP, AUDIENCE, 600));
    expect_token(f, form);
    expect_token(f, form);
    expect_refusal(f, "invalid_client", 700027, assertion_of(f, &mine, "{}"));
    expect_refusal(f, "invalid_client", 700027, APP "&client_assertion_type=x&client_assertion=x");
    EVP_PKEY_free(mine.pkey);
    EVP_PKEY_free(strange.pkey);
}

/* Who was sent an assertion for another service could show it here under that one's name. */
static void an_assertion_is_for_this_tenant(void **state)
{
    static const char *const audiences[] = { BASE "/11111111-8888-7777-6666-555555555555/v2.0",
                                             BASE "/common/oauth2/v2.0/token",
                                             BASE "/realms/" TENANT, BASE "/" TENANT "0/v2.0",
                                             BASE "/" };
    struct fixture *f = *state;
    struct client mine = make_client(f, 3600);

    change(f, OTHER_ID, text_of(f, "{\"certificates\":[{\"pem\":%s}]}", mine.pem));
    expect_token(f, assertion_of(f, &mine, claims(f, OTHER_APP, BASE "/" TENANT "/v2.0", 600)));
    for (size_t i = 0; i < ARRAY_LEN(audiences); i++)
        expect_refusal(f, "invalid_client", 700027,
                       assertion_of(f, &mine, claims(f, OTHER_APP, audiences[i], 600)));
    EVP_PKEY_free(mine.pkey);
}

/* Whoever passes on what was meant for them can send any Host along. */
static void an_assertion_is_for_a_name_of_the_service(void **state)
{
    static const struct {
        const char *audience;
        bool is_good;
    } rows[] = {
        { "https://127.0.0.1:4270/" TENANT "/oauth2/v2.0/token", true },
        { "https://LOCALHOST/" TENANT "/oauth2/token", true },
        { "http://[::1]:4270/" TENANT, true },
        { "https://localhost/common/oauth2/token", false },
        { "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token", true },
        { "https://login.microsoftonline.com/common/oauth2/v2.0/token", false },
        { "https://login.microsoftonline.com/88888888-8888-7777-6666-555555555555/v2.0", false },
        { "https://relay.example/" TENANT "/oauth2/v2.0/token", false },
        { "https://localhost.relay.example/" TENANT "/oauth2/v2.0/token", false },
        { "https://localhost@relay.example/" TENANT "/oauth2/v2.0/token", false },
        { "https://localhost:8443@relay.example/" TENANT "/oauth2/v2.0/token", false },
        { "https://me@localhost/" TENANT "/oauth2/v2.0/token", false },
        { "https://[::1].relay.example/" TENANT "/oauth2/v2.0/token", false },
        { "https://[::1/" TENANT "/oauth2/v2.0/token", false },
        { "https://localhost", false },
        { "https://localhost/x/" TENANT "/token", false },
        { "https:///" TENANT "/token", false },
        { "localhost/" TENANT "/token", false },
    };
    struct fixture *f = *state;
    struct client mine = make_client(f, 3600);
    const char *form;

    change(f, OTHER_ID, text_of(f, "{\"certificates\":[{\"pem\":%s}]}", mine.pem));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        form = assertion_of(f, &mine, claims(f, OTHER_APP, rows[i].audience, 600));
        f->next.base = STR("https://relay.example");
        if (rows[i].is_good)
            expect_token(f, form);
        else
            expect_refusal(f, "invalid_client", 700027, form);
    }
    f->entra->has_any_name = true;
    f->next.base = STR("https://relay.example");
    expect_token(f,
                 assertion_of(f, &mine,
                              claims(f, OTHER_APP, "https://relay.example/" TENANT "/token", 600)));
    EVP_PKEY_free(mine.pkey);
}

static void a_certificate_that_has_ended_is_none(void **state)
{
    struct fixture *f = *state;
    struct client mine = make_client(f, 3600);

    change(f, OTHER_ID, text_of(f, "{\"certificates\":[{\"pem\":%s}]}", mine.pem));
    expect_token(f, assertion_of(f, &mine, claims(f, OTHER_APP, AUDIENCE, 600)));
    pass(f, 61 * MINUTE_MS);
    expect_refusal(f, "invalid_client", 700027,
                   assertion_of(f, &mine, claims(f, OTHER_APP, AUDIENCE, 600)));
    EVP_PKEY_free(mine.pkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_certificate_is_as_good_as_a_secret),
        TEST(an_assertion_is_for_this_tenant),
        TEST(an_assertion_is_for_a_name_of_the_service),
        TEST(a_certificate_that_has_ended_is_none),
    };

    return RUN_TESTS(tests);
}
