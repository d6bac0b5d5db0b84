/* Clients that show what a foreign issuer says of them: which of it is believed, and what is said of the
 * rest.
 * SPDX-License-Identifier: MIT */
#include "entra/client_assertion.h"

#include "fixture.h"

#include "identity/managed_identity.h"

#define ISSUER "https://id.example/realms/lab"
#define PINNED "https://pinned.example"
#define EXCHANGE "api://AzureADTokenExchange"
#define MINE                                                      \
    "/subscriptions/" SUBSCRIPTION "/resourceGroups/g/providers/" \
    "Microsoft.ManagedIdentity/userAssignedIdentities/mine"

static struct jwt_key *key, *strange; /* both are called "k" */
static struct issuer_keys_box *foreign;

/* One that is for federation only, and one of which one tenant is trusted; both sign by the same key. */
static void trust(struct fixture *f)
{
    static const char file[] = "issuers:\n"
                               "  - issuer: " ISSUER "\n"
                               "    federation_only: true\n"
                               "  - issuer: " PINNED "\n"
                               "    audiences: [" ARM "]\n"
                               "    tenant_id: T1\n"
                               "  - issuer: https://silent.example\n"
                               "    federation_only: true\n";
    struct error err = { 0 };
    struct issuers *list = issuers_parse(str_from(file), "identity.yaml", &err);
    struct str json =
        arena_printf(f->arena, "{\"keys\":[%.*s]}", STR_ARGS(jwt_key_export(key, f->arena, false)));
    struct jwks *set = jwks_parse(f->arena, json, &err);

    assert_non_null(list);
    assert_non_null(set);
    foreign = issuer_keys_box_new();
    issuer_keys_box_swap(foreign, issuer_keys_new(list, (struct jwks *const[]){ set, set, NULL }));
    jwks_unref(set);
    issuers_unref(list);
    authority_trust(f->authority, foreign);
}

static int open_one(void **state)
{
    if (set_up(state))
        return -1;
    trust(*state);
    return 0;
}

static int close_one(void **state)
{
    int rc = tear_down(state);

    issuer_keys_box_free(foreign);
    return rc;
}

#define FEDERATED(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

static int open_all(void **state)
{
    key = jwt_key_generate(STR("k"));
    strange = jwt_key_generate(STR("k"));
    return open_group(state);
}

static int close_all(void **state)
{
    jwt_key_free(key);
    jwt_key_free(strange);
    return close_group(state);
}

/* -- Assertions ------------------------------------------------------------------------------ */

static const char *form_of(struct fixture *f, const char *client, const char *token)
{
    return text_of(f,
                   "grant_type=client_credentials&client_id=%s&scope=" ARM
                   "/.default&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:"
                   "jwt-bearer&client_assertion=%s",
                   client, token);
}

/* With claims that replace or (null) take away those of a good one. */
static const char *token_by(struct fixture *f, const struct jwt_key *by, const char *changes)
{
    long long now_s = (long long)clock_now_ms(&f->clock) / 1000;
    struct error err = { 0 };
    yyjson_doc *usual =
        json_parse(f->arena,
                   arena_printf(f->arena,
                                "{\"iss\":\"" ISSUER "\",\"sub\":\"runner\",\"aud\":\"" EXCHANGE
                                "\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld}",
                                now_s, now_s, now_s + 600),
                   &err);
    yyjson_doc *patch = json_parse(f->arena, str_from(changes), &err);
    yyjson_mut_doc *claims = json_copy(f->arena, yyjson_doc_get_root(usual));

    assert_non_null(patch);
    json_merge(claims, yyjson_mut_doc_get_root(claims), yyjson_doc_get_root(patch));
    return arena_text(f->arena, jwt_sign(f->arena, by, "JWT", yyjson_mut_doc_get_root(claims)));
}

static const char *form_with(struct fixture *f, const char *changes)
{
    return form_of(f, OTHER_APP, token_by(f, key, changes));
}

static void federate(struct fixture *f, const char *issuer)
{
    change(f, OTHER_ID,
           text_of(f,
                   "{\"federatedCredentials\":[{\"id\":\"1\",\"name\":\"ci\",\"issuer\":\"%s\","
                   "\"subject\":\"runner\",\"audiences\":[\"" EXCHANGE "\"]}]}",
                   issuer));
}

/* -- Tests ----------------------------------------------------------------------------------- */

static void a_token_of_the_issuer_is_as_good_as_a_secret(void **state)
{
    struct fixture *f = *state;
    const char *form = form_with(f, "{}");
    yyjson_val *claims;

    expect_refusal(f, "invalid_client", 700211, form);
    federate(f, ISSUER);
    claims = claims_of(f, text_at(expect_token(f, form), "access_token"));
    assert_string_equal(text_at(claims, "appid"), OTHER_APP);
    assert_string_equal(text_at(claims, "oid"), OTHER_ID);
    assert_string_equal(text_at(claims, "appidacr"), "2");
    assert_string_equal(text_at(claims, "aud"), ARM);
    expect_token(f, form); /* as often as it is shown */
    expect_token(f, form_with(f, "{\"aud\":[\"x\",\"" EXCHANGE "\"]}"));
    expect_token(f, form_with(f, "{\"nbf\":null,\"iat\":null}"));
    /* of another application that does not know the runner */
    expect_refusal(f, "invalid_client", 700211, form_of(f, OWNER_APP, token_by(f, key, "{}")));
}

static void each_claim_is_held_against_the_credential(void **state)
{
    struct fixture *f = *state;
    long long now_s = (long long)clock_now_ms(&f->clock) / 1000;

    federate(f, ISSUER);
    expect_token(f, form_with(f, "{}"));
    expect_refusal(f, "invalid_client", 700211, form_with(f, "{\"iss\":\"" ISSUER "/\"}"));
    expect_refusal(f, "invalid_client", 700211, form_with(f, "{\"iss\":\"https://other\"}"));
    expect_refusal(f, "invalid_client", 700027, form_with(f, "{\"iss\":null}"));
    expect_refusal(f, "invalid_client", 700213, form_with(f, "{\"sub\":\"Runner\"}"));
    expect_refusal(f, "invalid_client", 700213, form_with(f, "{\"sub\":null}"));
    expect_refusal(f, "invalid_client", 700212, form_with(f, "{\"aud\":\"" ARM "\"}"));
    expect_refusal(f, "invalid_client", 700212, form_with(f, "{\"aud\":[]}"));
    expect_refusal(f, "invalid_client", 700212, form_with(f, "{\"aud\":null}"));
    expect_refusal(f, "invalid_client", 700024, form_with(f, text_of(f, "{\"exp\":%lld}", now_s)));
    expect_refusal(f, "invalid_client", 700024, form_with(f, "{\"exp\":null}"));
    expect_refusal(f, "invalid_client", 700024, form_with(f, "{\"exp\":\"4000000000\"}"));
    expect_refusal(f, "invalid_client", 700024,
                   form_with(f, text_of(f, "{\"nbf\":%lld}", now_s + 3600)));
    expect_refusal(f, "invalid_client", 700024, form_with(f, "{\"nbf\":\"0\"}"));
    expect_refusal(f, "invalid_client", 700024, form_with(f, "{\"nbf\":1e12}"));
    assert_non_null(strstr(arena_text(f->arena, f->audit.details), "id=" OTHER_ID));
    assert_non_null(strstr(arena_text(f->arena, f->audit.details), "reason=AADSTS700024"));
}

/* Whoever cannot sign for the issuer learns no subject by trying. */
static void another_key_says_nothing(void **state)
{
    struct fixture *f = *state;

    federate(f, ISSUER);
    expect_refusal(f, "invalid_client", 700027, form_of(f, OTHER_APP, token_by(f, strange, "{}")));
    expect_refusal(f, "invalid_client", 700027,
                   form_of(f, OTHER_APP, token_by(f, strange, "{\"sub\":\"other\"}")));
    expect_refusal(f, "invalid_client", 700027,
                   form_of(f, OTHER_APP, token_by(f, strange, "{\"aud\":\"x\",\"exp\":1}")));
    expect_refusal(f, "invalid_client", 700027, form_of(f, OTHER_APP, "eyJhbGciOiJub25lIn0.e30."));
    expect_refusal(f, "invalid_client", 700027, form_of(f, OTHER_APP, "x"));
}

/* A credential may name any issuer; what it says is believed when the operator lists it. */
static void an_issuer_must_be_listed_and_known(void **state)
{
    struct fixture *f = *state;

    federate(f, "https://unlisted.example");
    expect_refusal(f, "invalid_client", 700211,
                   form_with(f, "{\"iss\":\"https://unlisted.example\"}"));
    federate(f, "https://silent.example"); /* of which no key has been fetched yet */
    expect_refusal(f, "invalid_client", 700027,
                   form_with(f, "{\"iss\":\"https://silent.example\"}"));
    federate(f, ISSUER);
    authority_trust(f->authority, NULL);
    expect_refusal(f, "invalid_client", 700211, form_with(f, "{}"));
}

static void of_an_issuer_with_tenants_one_is_trusted(void **state)
{
    struct fixture *f = *state;

    federate(f, PINNED);
    expect_token(f, form_with(f, "{\"iss\":\"" PINNED "\",\"tid\":\"t1\"}"));
    expect_refusal(f, "invalid_client", 700027,
                   form_with(f, "{\"iss\":\"" PINNED "\",\"tid\":\"T2\"}"));
    expect_refusal(f, "invalid_client", 700027, form_with(f, "{\"iss\":\"" PINNED "\"}"));
}

/* What the service has signed itself proves nothing of a workload. */
static void ones_own_tokens_are_none(void **state)
{
    struct fixture *f = *state;
    const char *own = text_at(expect_token(f, "grant_type=client_credentials&client_id=" OTHER_APP
                                              "&client_secret=" SECRET "&scope=" ARM "/.default"),
                              "access_token");

    federate(f, "https://sts.windows.net/" TENANT "/");
    expect_refusal(f, "invalid_client", 700222, form_of(f, OTHER_APP, own));
    federate(f, BASE "/" TENANT "/v2.0");
    expect_refusal(f, "invalid_client", 700222,
                   form_with(f, "{\"iss\":\"" BASE "/" TENANT "/v2.0\"}"));
}

static void an_issuer_for_federation_bears_no_tokens(void **state)
{
    static const struct str audiences[] = { STR(EXCHANGE), STR(ARM) };
    struct token_audiences surface = { audiences, ARRAY_LEN(audiences) };
    struct fixture *f = *state;
    struct principal who = { 0 };
    struct error err = { 0 };
    int64_t until_ms;

    assert_false(authority_check(f->authority, f->arena, str_from(token_by(f, key, "{}")), &surface,
                                 &who, &until_ms, &err));
    assert_int_equal(err.code, ERROR_ARM_TOKEN_ISSUER);
    assert_true(authority_check(
        f->authority, f->arena,
        str_from(token_by(f, key, "{\"iss\":\"" PINNED "\",\"aud\":\"" ARM "\",\"tid\":\"T1\"}")),
        &surface, &who, &until_ms, &err));
}

static void who_is_switched_off_or_lost_it_gets_nothing(void **state)
{
    struct fixture *f = *state;

    federate(f, ISSUER);
    change(f, OTHER_ID, "{\"accountEnabled\":false}");
    expect_refusal(f, "unauthorized_client", 700016, form_with(f, "{}"));
    change(f, OTHER_ID, "{\"accountEnabled\":true}");
    expect_token(f, form_with(f, "{}"));
    change(f, OTHER_ID, "{\"federatedCredentials\":[]}");
    expect_refusal(f, "invalid_client", 700211, form_with(f, "{}"));
}

/* -- Managed identities ---------------------------------------------------------------------- */

struct made {
    struct fixture *f;
    const char *resource_id;
    bool is_user_assigned;
    const char *client_id;
};

/* An identity with a credential below its resource, as ARM keeps it. */
static bool run_make(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct made *made = data;
    struct managed_identity identity;
    struct str id = arena_printf(a, "%s/federatedIdentityCredentials/ci", made->resource_id);
    struct store_resource r = {
        .key = arena_lower(a, id),
        .id = id,
        .type =
            STR("microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"),
        .parent = arena_lower(a, str_from(made->resource_id)),
        .etag = STR("e"),
        .body = STR("{\"properties\":{\"issuer\":\"" ISSUER "\",\"subject\":\"runner\","
                    "\"audiences\":[\"" EXCHANGE "\"]}}"),
    };

    if (!managed_identity_make(t, a, str_from(made->resource_id), made->is_user_assigned, 0,
                               &identity, err) ||
        !store_put(t, &r, err))
        return false;
    made->client_id = arena_text(made->f->arena, identity.client_id);
    return true;
}

static const char *make_identity(struct fixture *f, const char *resource_id, bool is_user_assigned)
{
    struct made made = { f, resource_id, is_user_assigned, NULL };
    struct error err = { 0 };

    assert_true(store_run(f->store, run_make, &made, &err));
    return made.client_id;
}

static void a_managed_identity_has_no_other_proof(void **state)
{
    struct fixture *f = *state;
    const char *mine = make_identity(f, MINE, true);
    const char *accounts = make_identity(f, "/subscriptions/" SUBSCRIPTION "/x", false);
    yyjson_val *claims = claims_of(
        f, text_at(expect_token(f, form_of(f, mine, token_by(f, key, "{}"))), "access_token"));

    assert_string_equal(text_at(claims, "appid"), mine);
    assert_string_equal(text_at(claims, "xms_mirid"), MINE);
    expect_refusal(f, "invalid_client", 700213,
                   form_of(f, mine, token_by(f, key, "{\"sub\":\"x\"}")));
    expect_refusal(f, "invalid_client", 700211, form_of(f, accounts, token_by(f, key, "{}")));
    expect_refusal(f, "unauthorized_client", 700016,
                   text_of(f,
                           "grant_type=client_credentials&client_id=%s&client_secret=x&scope=" ARM
                           "/.default",
                           mine));
    expect_refusal(f, "invalid_client", 700027,
                   form_of(f, mine, token_by(f, key, text_of(f, "{\"iss\":\"%s\"}", mine))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FEDERATED(a_token_of_the_issuer_is_as_good_as_a_secret),
        FEDERATED(each_claim_is_held_against_the_credential),
        FEDERATED(another_key_says_nothing),
        FEDERATED(an_issuer_must_be_listed_and_known),
        FEDERATED(of_an_issuer_with_tenants_one_is_trusted),
        FEDERATED(ones_own_tokens_are_none),
        FEDERATED(an_issuer_for_federation_bears_no_tokens),
        FEDERATED(who_is_switched_off_or_lost_it_gets_nothing),
        FEDERATED(a_managed_identity_has_no_other_proof),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
