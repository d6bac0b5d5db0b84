/* The federated identity credentials of managed identities, as resources; whom they let in is tested of
 * identity/ and entra/.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "identity/federated_credential.h"

#define I "?api-version=2024-11-30"
#define MINE G "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mine"
#define CREDENTIALS MINE "/federatedIdentityCredentials"
#define NEW "{\"location\":\"eastus\"}"
#define ISSUER "https://token.actions.githubusercontent.com"

static const char *body_of(struct fixture *f, const char *issuer, const char *subject)
{
    return arena_printf(f->arena,
                        "{\"properties\":{\"issuer\":\"%s\",\"subject\":\"%s\",\"audiences\":"
                        "[\"api://AzureADTokenExchange\"]}}",
                        issuer, subject)
        .data;
}

static void the_life_of_one(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made, *list;

    expect_error(f, 404, "ParentResourceNotFound", "mine", HTTP_PUT, CREDENTIALS "/ci" I,
                 body_of(f, ISSUER, "s"));
    expect(f, 201, HTTP_PUT, MINE I, NEW);
    made = expect(f, 201, HTTP_PUT, CREDENTIALS "/Ci-1" I, body_of(f, ISSUER, "s"));
    assert_text(made, "id", CREDENTIALS "/Ci-1");
    assert_text(made, "name", "Ci-1");
    assert_text(made, "type",
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials");
    assert_text(made, "properties.issuer", ISSUER);
    assert_text(made, "properties.subject", "s");
    assert_absent(made, "systemData");
    assert_true(yyjson_equals(made, expect(f, 200, HTTP_GET, CREDENTIALS "/ci-1" I, NULL)));
    made = expect(f, 200, HTTP_PUT, CREDENTIALS "/ci-1" I, body_of(f, ISSUER, "t"));
    assert_text(made, "properties.subject", "t");
    expect(f, 201, HTTP_PUT, CREDENTIALS "/other" I, body_of(f, ISSUER, "s"));
    list = expect(f, 200, HTTP_GET, CREDENTIALS I, NULL);
    assert_int_equal(count_of(list), 2);
    expect(f, 200, HTTP_DELETE, CREDENTIALS "/other" I, NULL);
    expect(f, 204, HTTP_DELETE, CREDENTIALS "/other" I, NULL);
    /* it goes with the identity, and one that is made by the same name has none */
    expect(f, 200, HTTP_DELETE, MINE I, NULL);
    expect(f, 201, HTTP_PUT, MINE I, NEW);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CREDENTIALS I, NULL)), 0);
}

static void expect_target(struct fixture *f, const char *target, const char *body)
{
    assert_text(
        expect_error(f, 400, "InvalidRequestContent", target, HTTP_PUT, CREDENTIALS "/abc" I, body),
        "error.target", target);
}

static void what_is_refused(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    expect_error(f, 400, "InvalidResourceName", "3 to 120", HTTP_PUT, CREDENTIALS "/ab" I,
                 body_of(f, ISSUER, "s"));
    expect_target(f, "properties.issuer", "{}");
    expect_target(f, "properties.issuer", body_of(f, "x", "s"));
    expect_target(f, "properties.subject", body_of(f, ISSUER, ""));
    expect_target(f, "properties.audiences",
                  "{\"properties\":{\"issuer\":\"" ISSUER
                  "\",\"subject\":\"s\",\"audiences\":[\"a\",\"b\"]}}");
    expect(f, 201, HTTP_PUT, CREDENTIALS "/abc" I, body_of(f, ISSUER, "s"));
    expect_error(f, 409, "RequestConflict", "Issuer and subject", HTTP_PUT, CREDENTIALS "/other" I,
                 body_of(f, ISSUER, "s"));
    expect(f, 200, HTTP_PUT, CREDENTIALS "/ABC" I, body_of(f, ISSUER, "s"));
}

static void there_are_twenty_at_most(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    for (int i = 0; i <= FEDERATED_CREDENTIALS_MAX; i++) {
        const char *path = arena_printf(f->arena, CREDENTIALS "/name-%d" I, i).data;
        const char *body = body_of(f, ISSUER, arena_printf(f->arena, "%d", i).data);

        if (i < FEDERATED_CREDENTIALS_MAX)
            expect(f, 201, HTTP_PUT, path, body);
        else
            expect_error(f, 400, "BadRequest", "20 at most", HTTP_PUT, path, body);
    }
    expect(f, 200, HTTP_PUT, CREDENTIALS "/name-3" I, body_of(f, ISSUER, "other"));
}

/* Who lets workloads in must be allowed to write credentials of identities. */
static void they_are_for_who_may(void **state)
{
    struct fixture *f = *state;
    struct principal nobody = { .kind = PRINCIPAL_USER,
                                .name = STR("ann@contoso.com"),
                                .object_id = STR("aaaaaaaa-0000-0000-0000-000000000001") };

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    f->caller = &nobody;
    expect_error(f, 403, "AuthorizationFailed",
                 "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/"
                 "write",
                 HTTP_PUT, CREDENTIALS "/abc" I, body_of(f, ISSUER, "s"));
    f->caller = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        T(the_life_of_one),
        T(what_is_refused),
        T(there_are_twenty_at_most),
        T(they_are_for_who_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
