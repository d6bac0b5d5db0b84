/* Microsoft Graph: applications and their service principals, secrets, certificates and redirect URIs.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <openssl/x509.h>

#include "base/format.h"
#include "identity/managed_identity.h"

#define APPS "/v1.0/applications"
#define USERS "/v1.0/users"

static yyjson_val *make_application(struct fixture *f, const char *more)
{
    return graph(f, 201, HTTP_POST, APPS, text_of(f, "{\"displayName\":\"New\"%s}", more));
}

static const char *client(struct fixture *f, const char *app, const char *secret)
{
    return text_of(
        f, "grant_type=client_credentials&client_id=%s&client_secret=%s&scope=" ARM "/.default",
        app, secret);
}

static void an_application_needs_its_service_principal(void **state)
{
    struct fixture *f = *state;
    yyjson_val *app = make_application(f, ""), *sp;
    const char *body = text_of(f, "{\"appId\":\"%s\"}", text_at(app, "appId"));
    const char *secret =
        text_at(graph(f, 200, HTTP_POST, text_of(f, APPS "/%s/addPassword", id_of(app)), "{}"),
                "secretText");

    expect_refusal(f, "unauthorized_client", 700016, client(f, text_at(app, "appId"), secret));
    sp = graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals", body);
    expect_token(f, client(f, text_at(app, "appId"), secret));
    graph(f, 400, HTTP_POST, "/v1.0/servicePrincipals", body); /* twice */
    graph(f, 400, HTTP_POST, "/v1.0/servicePrincipals", "{\"appId\":\"" ANN "\"}");
    graph(f, 400, HTTP_POST, "/v1.0/servicePrincipals", "{}");
    graph(f, 204, HTTP_DELETE, text_of(f, "/v1.0/servicePrincipals/%s", id_of(sp)), NULL);
    expect_refusal(f, "unauthorized_client", 700016, client(f, text_at(app, "appId"), secret));
    graph(f, 204, HTTP_DELETE, text_of(f, APPS "/%s", id_of(app)), NULL);
    graph(f, 404, HTTP_GET, text_of(f, APPS "/%s", id_of(app)), NULL);
}

#define MINE                                                      \
    "/subscriptions/" SUBSCRIPTION "/resourceGroups/g/providers/" \
    "Microsoft.ManagedIdentity/userAssignedIdentities/mine"

struct made {
    struct fixture *f;
    struct str object_id, client_id;
};

static bool run_make(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct managed_identity identity;
    struct made *made = data;

    if (!managed_identity_make(t, a, STR(MINE), true, 0, &identity, err))
        return false;
    made->object_id = arena_copy(made->f->arena, identity.object_id);
    made->client_id = arena_copy(made->f->arena, identity.client_id);
    return true;
}

/* It is found like an application's service principal, and changed by its resource only. */
static void a_managed_identity_follows_its_resource(void **state)
{
    struct fixture *f = *state;
    struct made made = { .f = f };
    struct error err = { 0 };
    yyjson_val *shown, *names;
    const char *path;

    assert_true(store_run(f->store, run_make, &made, &err));
    path = text_of(f, "/v1.0/servicePrincipals/%.*s", STR_ARGS(made.object_id));
    shown = graph(f, 200, HTTP_GET, path, NULL);
    assert_string_equal(text_at(shown, "displayName"), "mine");
    assert_string_equal(text_at(shown, "servicePrincipalType"), "ManagedIdentity");
    assert_true(str_equal(str_from(text_at(shown, "appId")), made.client_id));
    names = yyjson_obj_get(shown, "alternativeNames");
    assert_string_equal(yyjson_get_str(yyjson_arr_get(names, 0)), "isExplicit=True");
    assert_string_equal(yyjson_get_str(yyjson_arr_get(names, 1)), MINE);
    shown = graph(f, 200, HTTP_GET,
                  text_of(f, "/v1.0/servicePrincipals?$filter=%s",
                          escape(f, text_of(f, "servicePrincipalNames/any(c:c eq '%.*s')",
                                            STR_ARGS(made.client_id)))),
                  NULL);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(shown, "value")), 1);
    graph(f, 404, HTTP_GET, text_of(f, APPS "/%.*s", STR_ARGS(made.object_id)), NULL);
    graph(f, 400, HTTP_POST, text_of(f, "%s/addPassword", path), "{}");
    graph(f, 400, HTTP_DELETE, path, NULL);
    graph(f, 200, HTTP_GET, path, NULL);
}

/* Application and service principal have one object id: what was issued in the first one's life is dead. */
static void a_service_principal_that_is_made_again_has_no_old_tokens(void **state)
{
    struct fixture *f = *state;
    struct str old;

    authorize_as(f, OTHER_APP, GRAPH);
    old = f->next.authorization;
    expect(f, 200, HTTP_GET, USERS, NULL);
    pass(f, MINUTE_MS);
    graph(f, 204, HTTP_DELETE, "/v1.0/servicePrincipals/" OTHER_ID, NULL);
    graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals", "{\"appId\":\"" OTHER_APP "\"}");
    f->next.authorization = old;
    expect(f, 401, HTTP_GET, USERS, NULL);
    authorize_as(f, OTHER_APP, GRAPH);
    expect(f, 200, HTTP_GET, USERS, NULL);
}

static void a_secret_is_good_until_it_is_removed(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made = graph(f, 200, HTTP_POST, APPS "/" OTHER_ID "/addPassword",
                             "{\"passwordCredential\":{\"displayName\":\"second\"}}");
    const char *removal = text_of(f, "{\"keyId\":\"%s\"}", text_at(made, "keyId"));

    assert_null(yyjson_obj_get(made, "hash"));
    expect_token(f, client(f, OTHER_APP, text_at(made, "secretText")));
    expect_token(f, client(f, OTHER_APP, SECRET));
    graph(f, 204, HTTP_POST, APPS "/" OTHER_ID "/removePassword", removal);
    expect_refusal(f, "invalid_client", 7000215, client(f, OTHER_APP, text_at(made, "secretText")));
    expect_token(f, client(f, OTHER_APP, SECRET));
    graph(f, 400, HTTP_POST, APPS "/" OTHER_ID "/removePassword", removal);
    graph(f, 400, HTTP_POST, APPS "/" OTHER_ID "/removePassword", "{}");
}

/* As Microsoft's SDK for Java names them. */
static void an_action_may_be_named_in_full(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made =
        graph(f, 200, HTTP_POST, APPS "/" OTHER_ID "/microsoft.graph.addPassword", "{}");

    expect_token(f, client(f, OTHER_APP, text_at(made, "secretText")));
    graph(f, 204, HTTP_POST, APPS "/" OTHER_ID "/microsoft.graph.removePassword",
          text_of(f, "{\"keyId\":\"%s\"}", text_at(made, "keyId")));
}

static void a_secret_has_a_time_and_a_short_name(void **state)
{
    struct fixture *f = *state;
    const char *path = APPS "/" OTHER_ID "/addPassword", *secret;
    struct str end = format_time_seconds(f->arena, clock_now_ms(&f->clock) + 10 * MINUTE_MS);

    graph(f, 400, HTTP_POST, path, "{\"passwordCredential\":{\"endDateTime\":\"tomorrow\"}}");
    graph(f, 400, HTTP_POST, path, "{\"passwordCredential\":{\"endDateTime\":7}}");
    graph(f, 400, HTTP_POST, path,
          "{\"passwordCredential\":{\"endDateTime\":\"2020-01-01T00:00:00Z\"}}");
    graph(f, 400, HTTP_POST, path,
          text_of(f, "{\"passwordCredential\":{\"displayName\":\"%0257d\"}}", 0));
    secret = text_at(
        graph(f, 200, HTTP_POST, path,
              text_of(f, "{\"passwordCredential\":{\"endDateTime\":\"%.*s\"}}", STR_ARGS(end))),
        "secretText");
    expect_token(f, client(f, OTHER_APP, secret));
    pass(f, 11 * MINUTE_MS);
    expect_refusal(f, "invalid_client", 7000215, client(f, OTHER_APP, secret));
}

static void there_are_fifty_secrets_at_most(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 1; i < 50; i++)
        graph(f, 200, HTTP_POST, APPS "/" OTHER_ID "/addPassword", "{}");
    graph(f, 400, HTTP_POST, APPS "/" OTHER_ID "/addPassword", "{}");
}

static void principals_have_a_limit(void **state)
{
    struct fixture *f = *state;
    yyjson_val *app = graph(f, 201, HTTP_POST, APPS, "{\"displayName\":\"the last one\"}");

    f->entra->principals_max = 3;
    graph(f, 403, HTTP_POST, APPS, "{\"displayName\":\"one more\"}");
    graph(f, 403, HTTP_POST, "/v1.0/groups", "{\"displayName\":\"one more\"}");
    /* what is there may change, and become a service principal */
    graph(f, 201, HTTP_POST, "/v1.0/servicePrincipals",
          text_of(f, "{\"appId\":\"%s\"}", text_at(app, "appId")));
    f->entra->principals_max = 100;
    graph(f, 201, HTTP_POST, APPS, "{\"displayName\":\"one more\"}");
}

/* -- Where codes go -------------------------------------------------------------------------- */

static int asked(struct fixture *f, yyjson_val *app, const char *uri)
{
    return call(f, HTTP_GET,
                text_of(f,
                        "/common/oauth2/v2.0/authorize?client_id=%s&response_type=code&scope=" ARM
                        "/.default&redirect_uri=%s",
                        text_at(app, "appId"), escape(f, uri)),
                NULL)
        .status;
}

static void codes_go_where_the_application_says(void **state)
{
    struct fixture *f = *state;
    yyjson_val *app =
        make_application(f, ",\"web\":{\"redirectUris\":[\"https://a.example/back\"]},"
                            "\"publicClient\":{\"redirectUris\":[\"msal://b\"]}");
    const char *path = text_of(f, APPS "/%s", id_of(app));

    assert_int_equal(asked(f, app, "https://a.example/back"), 200);
    assert_int_equal(asked(f, app, "msal://b"), 200);
    assert_int_equal(asked(f, app, "https://a.example/back/"), 400);
    assert_int_equal(asked(f, app, "https://a.example/back?x"), 400);
    assert_int_equal(asked(f, app, "https://A.example/back"), 400);
    graph(f, 204, HTTP_PATCH, path, "{\"displayName\":\"x\"}");
    assert_int_equal(asked(f, app, "msal://b"), 200);
    graph(f, 204, HTTP_PATCH, path, "{\"web\":{\"redirectUris\":[]}}"); /* the others stay */
    assert_int_equal(asked(f, app, "https://a.example/back"), 400);
    assert_int_equal(asked(f, app, "msal://b"), 200);
    graph(f, 204, HTTP_PATCH, path, "{\"publicClient\":{\"redirectUris\":[\"msal://c\"]}}");
    assert_int_equal(asked(f, app, "msal://b"), 400);
    assert_int_equal(asked(f, app, "msal://c"), 200);
}

static void codes_go_to_no_script(void **state)
{
    static const char *const uris[] = { "7",
                                        "\"\"",
                                        "\"a.example\"",
                                        "\"javascript:alert(1)\"",
                                        "\"JavaScript:alert(1)\"",
                                        "\"data:text/html,x\"",
                                        "\"vbscript:x\"",
                                        "\"http://a.example/\"",
                                        "\"https://a.example/#x\"",
                                        "\"https://a.example/ x\"",
                                        "\"https://*.example/\\u0000\"" };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(uris); i++)
        graph(f, 400, HTTP_POST, APPS,
              text_of(f, "{\"displayName\":\"x\",\"web\":{\"redirectUris\":[%s]}}", uris[i]));
    graph(f, 400, HTTP_POST, APPS,
          "{\"displayName\":\"x\",\"web\":{\"redirectUris\":\"https://a\"}}");
    make_application(f, ",\"web\":{\"redirectUris\":[\"http://localhost:1/\",\"https://a.b/?c=d\","
                        "\"urn:ietf:wg:oauth:2.0:oob\",\"com.example.app://x\"]}");
}

/* -- Certificates ---------------------------------------------------------------------------- */

static void certificates_must_be_ones(void **state)
{
    static const char *const keys[] = {
        "\"key\":\"\"",
        "\"key\":\"AAAA\"",
        "\"key\":7",
        "\"x\":1",
        ("\"key\":\"Proc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00000000000000000000000000000000"
         "\\n\\nAAAA\""),
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        graph(f, 400, HTTP_PATCH, APPS "/" OTHER_ID,
              text_of(f, "{\"keyCredentials\":[{%s}]}", keys[i]));
    graph(f, 204, HTTP_PATCH, APPS "/" OTHER_ID, "{\"keyCredentials\":[]}");
}

/* Microsoft's SDK for Java writes it in the alphabet for URLs. */
static void a_certificate_comes_in_either_alphabet(void **state)
{
    struct fixture *f = *state;
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    X509 *certificate = X509_new();
    unsigned char *der = NULL;
    struct str texts[2];
    int len;

    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
    X509_set_pubkey(certificate, pkey);
    assert_true(X509_sign(certificate, pkey, EVP_sha256()) > 0);
    len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    texts[0] = format_base64(f->arena, der, (size_t)len);
    texts[1] = format_base64url(f->arena, der, (size_t)len);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        graph(
            f, 204, HTTP_PATCH, APPS "/" OTHER_ID,
            text_of(f, "{\"keyCredentials\":[{\"key\":\"%s\"}]}", arena_text(f->arena, texts[i])));
    OPENSSL_free(der);
    X509_free(certificate);
    EVP_PKEY_free(pkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_application_needs_its_service_principal),
        TEST(a_managed_identity_follows_its_resource),
        TEST(a_service_principal_that_is_made_again_has_no_old_tokens),
        TEST(a_secret_is_good_until_it_is_removed),
        TEST(an_action_may_be_named_in_full),
        TEST(a_secret_has_a_time_and_a_short_name),
        TEST(there_are_fifty_secrets_at_most),
        TEST(principals_have_a_limit),
        TEST(codes_go_where_the_application_says),
        TEST(codes_go_to_no_script),
        TEST(certificates_must_be_ones),
        TEST(a_certificate_comes_in_either_alphabet),
    };

    return RUN_TESTS(tests);
}
