/* Federated identity credentials: which may be kept, whose there are, and what they go along with.
 * SPDX-License-Identifier: MIT */
#include "identity/federated_credential.h"

#include "../store/fixture.h"

#include "identity/managed_identity.h"

#define EXCHANGE "api://AzureADTokenExchange"
#define GITHUB "https://token.actions.githubusercontent.com"
#define MINE                                                                \
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/" \
    "providers/Microsoft.ManagedIdentity/userAssignedIdentities/Mine"
#define BELOW "/federatedIdentityCredentials/"
#define TYPE "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials"

static yyjson_val *parse(struct arena *a, const char *text)
{
    struct error err;
    yyjson_doc *doc = json_parse(a, str_from(text), &err);

    assert_non_null(doc);
    return yyjson_doc_get_root(doc);
}

/* A text of so many characters, each of two bytes. */
static struct str long_text(struct arena *a, size_t count)
{
    char *text = arena_alloc_bytes(a, 2 * count);

    for (size_t i = 0; i < count; i++)
        memcpy(text + 2 * i, "\xC3\xA4", 2);
    return str_of(text, 2 * count);
}

static void what_may_be_kept(void **state)
{
    static const struct {
        const char *name, *value, *member; /* NULL: nothing is wrong */
    } rows[] = {
        { "ci-1_a", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[\"a\"]}", NULL },
        { "abc", "{\"issuer\":\"http://127.0.0.1/x\",\"subject\":\"s\",\"audiences\":[\"a\"]}",
          NULL },
        { "ab", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "name" },
        { "-abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "name" },
        { "a b c", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "name" },
        { "abc", "{\"subject\":\"s\",\"audiences\":[\"a\"]}", "issuer" },
        { "abc", "{\"issuer\":7,\"subject\":\"s\",\"audiences\":[\"a\"]}", "issuer" },
        { "abc", "{\"issuer\":\"https://\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "issuer" },
        { "abc", "{\"issuer\":\"id.example\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "issuer" },
        { "abc", "{\"issuer\":\"https://a b\",\"subject\":\"s\",\"audiences\":[\"a\"]}", "issuer" },
        { "abc", "{\"issuer\":\"file:///etc/x\",\"subject\":\"s\",\"audiences\":[\"a\"]}",
          "issuer" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"\",\"audiences\":[\"a\"]}", "subject" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"audiences\":[\"a\"]}", "subject" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\"}", "audiences" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[]}", "audiences" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":\"a\"}", "audiences" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[1]}", "audiences" },
        { "abc", "{\"issuer\":\"" GITHUB "\",\"subject\":\"s\",\"audiences\":[\"a\",\"b\"]}",
          "audiences" },
    };
    struct arena *a = arena_new(NULL);
    struct federated_credential f;
    const char *member;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        f = federated_credential_read(str_from(rows[i].name), parse(a, rows[i].value));
        if (!rows[i].member)
            assert_null(federated_credential_fault(&f, &member));
        else if (!federated_credential_fault(&f, &member) || strcmp(member, rows[i].member) != 0)
            fail_msg("row %zu", i);
    }
    f = (struct federated_credential){ STR("abc"), STR(GITHUB), long_text(a, 600), STR("a") };
    assert_null(federated_credential_fault(&f, &member));
    f.subject = long_text(a, 601);
    assert_non_null(federated_credential_fault(&f, &member));
    f = (struct federated_credential){ long_text(a, 1), STR(GITHUB), STR("s"), STR("a") };
    assert_non_null(federated_credential_fault(&f, &member));
    arena_free(a);
}

/* -- Whose there are ------------------------------------------------------------------------- */

static void put_below(struct store_txn *t, struct arena *a, const char *id, const char *body)
{
    struct store_resource r =
        resource(arena_lower(a, str_from(id)), STR(TYPE), arena_lower(a, STR(MINE)));
    struct error err;

    r.id = str_from(id);
    r.body = str_from(body);
    assert_true(store_put(t, &r, &err));
}

static bool run_list(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record p = { .type = PRINCIPAL_TYPE_APPLICATION };
    struct federated_credential *list;
    struct managed_identity made;
    size_t count;
    bool found;

    (void)data;
    p.body = parse(a, "{}");
    assert_true(federated_credentials_list(t, a, &p, &list, &count, err) && count == 0);
    p.body = parse(a, "{\"federatedCredentials\":[{\"name\":\"one\",\"issuer\":\"i\","
                      "\"subject\":\"s\",\"audiences\":[\"a\"]},{\"name\":\"two\"}]}");
    assert_true(federated_credentials_list(t, a, &p, &list, &count, err) && count == 2);
    assert_true(str_equal(list[0].name, STR("one")) && str_equal(list[0].issuer, STR("i")));
    assert_true(str_equal(list[0].subject, STR("s")) && str_equal(list[0].audience, STR("a")));
    assert_true(str_equal(list[1].name, STR("two")) && !list[1].issuer.len);

    assert_true(managed_identity_make(t, a, STR(MINE), true, 1, &made, err));
    assert_true(principals_get(t, a, made.object_id, &p, &found, err) && found);
    assert_true(federated_credentials_list(t, a, &p, &list, &count, err) && count == 0);
    put_below(t, a, MINE BELOW "Ci",
              "{\"properties\":{\"issuer\":\"i\",\"subject\":\"s\",\"audiences\":[\"a\"]}}");
    assert_true(federated_credentials_list(t, a, &p, &list, &count, err) && count == 1);
    assert_true(str_equal(list[0].name, STR("Ci")) && str_equal(list[0].audience, STR("a")));
    /* a resource's own identity has none, whatever lies below the resource */
    assert_true(managed_identity_make(t, a, STR(MINE), false, 1, &made, err));
    assert_true(principals_get(t, a, made.object_id, &p, &found, err) && found);
    assert_true(federated_credentials_list(t, a, &p, &list, &count, err) && count == 0);
    return true;
}

static void whose_there_are(void **state)
{
    open_store(*state);
    must_run(*state, run_list, NULL);
}

/* -- What they go along with ----------------------------------------------------------------- */

static const struct federated_credential credentials[] = {
    { STR("main"), STR(GITHUB), STR("repo:o/r:ref:refs/heads/main"), STR(EXCHANGE) },
    { STR("prod"), STR(GITHUB), STR("repo:o/r:environment:prod"), STR("api://other") },
    { STR("broken"), STR("https://id.example"), STR("s"), STR_NONE },
};

static enum federated_fit fit(struct arena *a, const char *claims)
{
    struct jwt token = { .claims = parse(a, claims) };

    return federated_credentials_fit(credentials, ARRAY_LEN(credentials), &token);
}

#define CLAIMS(iss, sub, aud) "{\"iss\":\"" iss "\",\"sub\":\"" sub "\",\"aud\":" aud "}"
#define MAIN "repo:o/r:ref:refs/heads/main"

static void claims_are_held_against_each(void **state)
{
    struct arena *a = arena_new(NULL);

    (void)state;
    assert_int_equal(fit(a, CLAIMS(GITHUB, MAIN, "\"" EXCHANGE "\"")), FEDERATED_FITS);
    assert_int_equal(fit(a, CLAIMS(GITHUB, MAIN, "[\"x\",\"" EXCHANGE "\"]")), FEDERATED_FITS);
    assert_int_equal(fit(a, CLAIMS(GITHUB, "repo:o/r:environment:prod", "\"api://other\"")),
                     FEDERATED_FITS);
    assert_int_equal(fit(a, CLAIMS(GITHUB, MAIN, "\"api://other\"")), FEDERATED_OTHER_AUDIENCE);
    assert_int_equal(fit(a, CLAIMS(GITHUB, MAIN, "\"api://azureadtokenexchange\"")),
                     FEDERATED_OTHER_AUDIENCE);
    assert_int_equal(fit(a, CLAIMS(GITHUB, MAIN, "[]")), FEDERATED_OTHER_AUDIENCE);
    assert_int_equal(fit(a, CLAIMS(GITHUB, "repo:O/r:environment:prod", "\"api://other\"")),
                     FEDERATED_OTHER_SUBJECT);
    assert_int_equal(fit(a, CLAIMS(GITHUB, "", "\"" EXCHANGE "\"")), FEDERATED_OTHER_SUBJECT);
    assert_int_equal(fit(a, CLAIMS(GITHUB "/", MAIN, "\"" EXCHANGE "\"")), FEDERATED_OTHER_ISSUER);
    assert_int_equal(fit(a, CLAIMS("https://id.example", "s", "\"\"")), FEDERATED_OTHER_AUDIENCE);
    assert_int_equal(fit(a, "{}"), FEDERATED_OTHER_ISSUER);
    assert_int_equal(fit(a, "{\"iss\":[\"" GITHUB "\"]}"), FEDERATED_OTHER_ISSUER);
    arena_free(a);
}

static void a_subject_has_one(void **state)
{
    struct federated_credential wanted = credentials[1];
    size_t count = ARRAY_LEN(credentials);

    (void)state;
    assert_ptr_equal(federated_credentials_find(credentials, count, &wanted, STR("new")),
                     &credentials[1]);
    assert_null(federated_credentials_find(credentials, count, &wanted, STR("PROD")));
    wanted.subject = STR("repo:o/r:environment:test");
    assert_null(federated_credentials_find(credentials, count, &wanted, STR("new")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_kept),
        cmocka_unit_test_setup_teardown(whose_there_are, set_up, tear_down),
        cmocka_unit_test(claims_are_held_against_each),
        cmocka_unit_test(a_subject_has_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
