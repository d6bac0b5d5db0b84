/* Managed identities: as resources, at accounts, and the principals behind them.
 * SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "arm/execute.h"
#include "arm/publish.h"
#include "base/format.h"
#include "identity/managed_identity.h"

#define I "?api-version=2023-01-31"
#define R "?api-version=2022-04-01"
#define IDENTITIES "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
#define MINE G IDENTITIES "/mine"
#define OTHER_GROUP S "/resourceGroups/other"
#define NEW "{\"location\":\"eastus\",\"tags\":{\"a\":\"1\"}}"
#define OWN A "/providers/Microsoft.ManagedIdentity/identities/default"
#define ASSIGNMENTS "/providers/Microsoft.Authorization/roleAssignments"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define COGNITIVE_CONTRIBUTOR "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68"
#define IDENTITY_OPERATOR "f1a07417-d97a-45cb-824c-7a7467783830"
#define ME "aaaaaaaa-0000-0000-0000-000000000001"

/* -- Who is there ---------------------------------------------------------------------------- */

struct look {
    const char *object_id;
    struct managed_identity identity;
    bool found;
    struct arena *keep;
};

static bool run_look(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct look *look = data;
    struct principal_record p;

    if (!principals_get(t, a, str_from(look->object_id), &p, &look->found, err) || !look->found)
        return !look->found;
    assert_true(managed_identity_read(&p, &look->identity));
    look->identity.client_id = arena_copy(look->keep, look->identity.client_id);
    look->identity.resource_id = arena_copy(look->keep, look->identity.resource_id);
    return true;
}

/* Is there a principal of that id? */
static bool is_there(struct fixture *f, const char *object_id, struct managed_identity *identity)
{
    struct look look = { .object_id = object_id, .keep = f->arena };
    struct error err = { 0 };

    assert_true(store_run(f->store, run_look, &look, &err));
    if (identity)
        *identity = look.identity;
    return look.found;
}

static const char *text_at(yyjson_val *root, const char *path)
{
    const char *text = yyjson_get_str(json_at(root, path));

    if (!text)
        fail_msg("no text at '%s'", path);
    return text;
}

/* -- Resources ------------------------------------------------------------------------------- */

static void an_identity_is_a_tracked_resource(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made = expect(f, 201, HTTP_PUT, MINE I, NEW), *again;
    int64_t at_ms;

    assert_text(made, "id", MINE);
    assert_text(made, "name", "mine");
    assert_text(made, "type", "Microsoft.ManagedIdentity/userAssignedIdentities");
    assert_text(made, "location", "eastus");
    assert_text(made, "tags.a", "1");
    assert_text(made, "properties.tenantId", TENANT);
    assert_absent(made, "systemData");
    assert_absent(made, "facts");
    /* its ids stay; what a client says of them is not looked at */
    again = expect(f, 200, HTTP_PUT, MINE I,
                   "{\"location\":\"eastus\",\"properties\":{\"principalId\":\"" ME
                   "\",\"clientId\":\"" ME "\"}}");
    assert_true(
        yyjson_equals(yyjson_obj_get(made, "properties"), yyjson_obj_get(again, "properties")));
    assert_int_equal(yyjson_obj_size(yyjson_obj_get(again, "tags")), 0);
    again = expect(f, 200, HTTP_PATCH, MINE I, "{\"tags\":{\"b\":\"2\"}}");
    assert_text(again, "tags.b", "2");
    assert_true(yyjson_equals(again, expect(f, 200, HTTP_GET, MINE I, NULL)));
    again = item(expect(f, 200, HTTP_GET,
                        S "/resources?api-version=2021-04-01&$expand=createdTime,changedTime,"
                          "provisioningState",
                        NULL),
                 1);
    assert_text(again, "id", MINE);
    assert_text(again, "provisioningState", "Succeeded");
    assert_true(format_parse_time(json_str(json_at(again, "createdTime")), &at_ms));
    assert_true(format_parse_time(json_str(json_at(again, "changedTime")), &at_ms));
}

static void identities_are_listed(void **state)
{
    struct fixture *f = *state;
    yyjson_val *list;

    expect(f, 201, HTTP_PUT, OTHER_GROUP V, "{\"location\":\"westus\"}");
    expect(f, 201, HTTP_PUT, MINE I, NEW);
    expect(f, 201, HTTP_PUT, OTHER_GROUP IDENTITIES "/mine" I, "{\"location\":\"westus\"}");
    list = expect(f, 200, HTTP_GET, G IDENTITIES I, NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "id", MINE);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S IDENTITIES I, NULL)), 2);
}

static void bad_identities_are_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "LocationRequired", "", HTTP_PUT, MINE I, "{}");
    expect_error(f, 400, "InvalidResourceName", "3 to 128", HTTP_PUT, G IDENTITIES "/ab" I, NEW);
    expect_error(f, 400, "InvalidResourceName", "'-mine'", HTTP_PUT, G IDENTITIES "/-mine" I, NEW);
    expect_error(f, 400, "InvalidResourceName", "'a.b.c'", HTTP_PUT, G IDENTITIES "/a.b.c" I, NEW);
    expect_error(f, 404, "ResourceGroupNotFound", "'other'", HTTP_PUT,
                 OTHER_GROUP IDENTITIES "/mine" I, NEW);
    expect_error(f, 404, "ResourceNotFound", "userAssignedIdentities/mine", HTTP_GET, MINE I, NULL);
    expect_error(f, 400, "NoRegisteredProviderFound", "2018-11-30", HTTP_GET,
                 MINE "?api-version=2019-01-01", NULL);
    expect(f, 201, HTTP_PUT, MINE I, NEW);
    expect_error(f, 409, "InvalidResourceLocation", "eastus", HTTP_PUT, MINE I,
                 "{\"location\":\"westus\"}");
    expect_error(f, 400, "InvalidRequestContent", "None|Regional", HTTP_PATCH, MINE I,
                 "{\"properties\":{\"isolationScope\":\"x\"}}");
}

static void later_members_are_shown_later(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I,
           "{\"location\":\"eastus\",\"properties\":{\"isolationScope\":\"regional\"}}");
    assert_absent(expect(f, 200, HTTP_GET, MINE I, NULL), "properties.isolationScope");
    assert_text(expect(f, 200, HTTP_GET, MINE "?api-version=2024-11-30", NULL),
                "properties.isolationScope", "Regional");
}

/* -- Principals ------------------------------------------------------------------------------ */

static void a_principal_comes_and_goes_with_the_resource(void **state)
{
    struct fixture *f = *state;
    uint64_t generation = authority_generation(f->authority);
    yyjson_val *made = expect(f, 201, HTTP_PUT, MINE I, NEW), *again;
    const char *principal = text_at(made, "properties.principalId");
    struct managed_identity identity;

    assert_true(is_there(f, principal, &identity));
    assert_true(str_equal(identity.client_id, str_from(text_at(made, "properties.clientId"))));
    assert_true(str_equal(identity.resource_id, STR(MINE)));
    assert_true(identity.is_user_assigned);
    assert_int_equal(authority_generation(f->authority), generation + 1);
    /* what does not change who is there is not published */
    expect(f, 200, HTTP_PATCH, MINE I, "{\"tags\":{}}");
    assert_int_equal(authority_generation(f->authority), generation + 1);
    expect(f, 200, HTTP_DELETE, MINE I, NULL);
    assert_false(is_there(f, principal, NULL));
    assert_int_equal(authority_generation(f->authority), generation + 2);
    expect(f, 204, HTTP_DELETE, MINE I, NULL);
    again = expect(f, 201, HTTP_PUT, MINE I, NEW);
    assert_string_not_equal(text_at(again, "properties.principalId"), principal);
    /* with its group, too */
    principal = text_at(again, "properties.principalId");
    expect(f, 202, HTTP_DELETE, G V, NULL);
    assert_false(is_there(f, principal, NULL));
}

static bool run_count(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct principal_record *list;

    return principals_list(t, a, STR_NONE, 0, &list, data, err);
}

/* Two jobs: one of the control plane, and one that writes another principal before the first one's is
 * in force, as Graph does. */
static bool run_both(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct fixture *f = data;
    struct principal_record other = { .type = PRINCIPAL_TYPE_APPLICATION,
                                      .object_id = STR(ME),
                                      .name = STR(ME) };
    struct arm_request request = { .method = HTTP_PUT,
                                   .path = STR(MINE),
                                   .query = STR("api-version=2023-01-31"),
                                   .body = STR(NEW),
                                   .base = STR(BASE),
                                   .principal = { .is_administrator = true } };
    struct arm_call c = { .arm = f->arm, .txn = t, .arena = a, .request = &request };
    struct authority_state *next;

    if (!arm_execute(&c, err) || !principals_put(t, a, &other, yyjson_mut_obj(json_new(a)), err))
        return false;
    authority_note_change(f->authority, other.object_id);
    next = authority_read_changed(f->authority, t, a, true, err);
    assert_non_null(next);
    arm_publish(f->arm, c.publications);
    authority_publish(f->authority, next);
    return true;
}

static void principals_of_one_commit_are_all_there(void **state)
{
    struct fixture *f = *state;
    struct authority_state *now;
    struct error err = { 0 };

    expect(f, 201, HTTP_PUT, MINE "2" I, NEW);
    assert_true(store_run(f->store, run_both, f, &err));
    now = authority_state(f->authority);
    assert_int_equal(authority_count(now), 3);
    authority_state_unref(now);
}

/* A write that fails late has made its principal by then. */
static void a_refused_write_leaves_no_principal(void **state)
{
    struct fixture *f = *state;
    uint64_t generation = authority_generation(f->authority);
    struct error err = { 0 };
    size_t count;

    expect_error(f, 400, "FailedIdentityOperation", "", HTTP_PATCH, A V,
                 "{\"identity\":{\"type\":\"SystemAssigned, UserAssigned\","
                 "\"userAssignedIdentities\":{\"" MINE "\":{}}}}");
    assert_true(store_run(f->store, run_count, &count, &err));
    assert_int_equal(count, 0);
    assert_int_equal(authority_generation(f->authority), generation);
}

static void roles_of_a_principal_that_is_gone_are_kept(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made = expect(f, 201, HTTP_PUT, MINE I, NEW), *list;
    const char *principal = text_at(made, "properties.principalId");
    const char *body =
        arena_printf(f->arena,
                     "{\"properties\":{\"roleDefinitionId\":\"/providers/Microsoft.Authorization/"
                     "roleDefinitions/" READER "\",\"principalId\":\"%s\"}}",
                     principal)
            .data;

    list = expect(f, 201, HTTP_PUT, S ASSIGNMENTS "/eeeeeeee-0000-0000-0000-000000000001" R, body);
    assert_text(list, "properties.principalType", "ServicePrincipal");
    expect(f, 200, HTTP_DELETE, MINE I, NULL);
    list = expect(f, 200, HTTP_GET, S ASSIGNMENTS R, NULL);
    assert_int_equal(count_of(list), 1);
    assert_text(item(list, 0), "properties.principalId", principal);
    assert_text(item(list, 0), "properties.principalType", "ServicePrincipal");
    /* and it can be taken away */
    expect(f, 200, HTTP_DELETE, S ASSIGNMENTS "/eeeeeeee-0000-0000-0000-000000000001" R, NULL);
}

/* -- An account's own ------------------------------------------------------------------------ */

static void an_account_has_an_identity_of_its_own(void **state)
{
    struct fixture *f = *state;
    yyjson_val *account =
        expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"systemassigned\"}}");
    const char *principal = text_at(account, "identity.principalId");
    struct managed_identity identity;
    yyjson_val *own;

    assert_text(account, "identity.type", "SystemAssigned");
    assert_text(account, "identity.tenantId", TENANT);
    assert_true(is_there(f, principal, &identity));
    assert_true(str_equal(identity.resource_id, STR(A)));
    assert_false(identity.is_user_assigned);
    own = expect(f, 200, HTTP_GET, OWN I, NULL);
    assert_text(own, "id", OWN);
    assert_text(own, "type", "Microsoft.ManagedIdentity/identities");
    assert_text(own, "location", "eastus");
    assert_text(own, "properties.principalId", principal);
    assert_text(own, "properties.clientId", arena_text(f->arena, identity.client_id));
    /* over updates it stays, also those that do not speak of it */
    account = expect(f, 200, HTTP_PUT, A V,
                     "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"s0\"},\"location\":\"eastus\","
                     "\"identity\":{\"type\":\"SystemAssigned\"}}");
    assert_text(account, "identity.principalId", principal);
    account = expect(f, 200, HTTP_PUT, A V,
                     "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"s0\"},\"location\":\"eastus\"}");
    assert_text(account, "identity.principalId", principal);
    assert_text(expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{\"a\":\"1\"},\"identity\":null}"),
                "identity.principalId", principal);
}

static void an_account_does_without(void **state)
{
    static const char *const without[] = {
        "{\"identity\":{\"type\":\"None\"}}",
        "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" MINE "\":{}}}}",
    };
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    for (size_t i = 0; i < ARRAY_LEN(without); i++) {
        yyjson_val *account =
            expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"SystemAssigned\"}}");
        const char *principal = text_at(account, "identity.principalId");

        account = expect(f, 200, HTTP_PATCH, A V, without[i]);
        assert_absent(account, "identity.principalId");
        assert_false(is_there(f, principal, NULL));
        expect_error(f, 404, "ResourceNotFound", "identities/default", HTTP_GET, OWN I, NULL);
        account = expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"SystemAssigned\"}}");
        assert_string_not_equal(text_at(account, "identity.principalId"), principal);
    }
    expect_error(f, 404, "ResourceNotFound", "identities/other", HTTP_GET,
                 A "/providers/Microsoft.ManagedIdentity/identities/other" I, NULL);
    expect_error(f, 404, "ResourceNotFound", "", HTTP_GET,
                 G "/providers/Microsoft.ManagedIdentity/identities/default" I, NULL);
}

/* An account that is restored is somebody else. */
static void an_identity_goes_when_the_account_is_deleted(void **state)
{
    struct fixture *f = *state;
    yyjson_val *account =
        expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"SystemAssigned\"}}");
    const char *principal = text_at(account, "identity.principalId"), *next;

    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_false(is_there(f, principal, NULL));
    account = expect(f, 201, HTTP_PUT, A V,
                     "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}");
    next = text_at(account, "identity.principalId");
    assert_string_not_equal(next, principal);
    assert_true(is_there(f, next, NULL));
    expect(f, 202, HTTP_DELETE, G V, NULL);
    assert_false(is_there(f, next, NULL));
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
}

/* -- User-assigned identities of an account --------------------------------------------------- */

static yyjson_val *identity_of(yyjson_val *account, const char *id)
{
    return yyjson_obj_get(json_at(account, "identity.userAssignedIdentities"), id);
}

static void an_account_shows_the_ids_of_others(void **state)
{
    struct fixture *f = *state;
    yyjson_val *made = expect(f, 201, HTTP_PUT, MINE I, NEW), *mine, *again;
    struct answer shown;

    expect(f, 201, HTTP_PUT, MINE "2" I, NEW);
    expect(f, 200, HTTP_PATCH, A V,
           "{\"identity\":{\"type\":\"SystemAssigned, "
           "UserAssigned\",\"userAssignedIdentities\":{\"" S "/RESOURCEGROUPS/mygroup" IDENTITIES
           "/MINE\":{}}}}");
    shown = call(f, HTTP_GET, A V, NULL);
    mine = identity_of(shown.body, MINE);
    assert_text(mine, "principalId", text_at(made, "properties.principalId"));
    assert_text(mine, "clientId", text_at(made, "properties.clientId"));
    assert_non_null(json_at(shown.body, "identity.principalId"));
    /* a GET's body can be put back */
    again = expect(f, 200, HTTP_PUT, A V, arena_text(f->arena, shown.text));
    assert_true(yyjson_equals(mine, identity_of(again, MINE)));
    /* null takes one away; another type than theirs all */
    again =
        expect(f, 200, HTTP_PATCH, A V,
               "{\"identity\":{\"userAssignedIdentities\":{\"" MINE "2\":{},\"" MINE "\":null}}}");
    assert_null(identity_of(again, MINE));
    assert_non_null(identity_of(again, MINE "2"));
    again = expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"SystemAssigned\"}}");
    assert_absent(again, "identity.userAssignedIdentities");
}

/* In another case than the identity was made with, too. */
static void one_is_taken_away_by_any_spelling(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    expect(f, 201, HTTP_PUT, MINE "2" I, NEW);
    expect(f, 200, HTTP_PATCH, A V,
           "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" MINE
           "\":{},\"" MINE "2\":{}}}}");
    assert_null(identity_of(expect(f, 200, HTTP_PATCH, A V,
                                   "{\"identity\":{\"userAssignedIdentities\":{\"" G IDENTITIES
                                   "/MINE\":null}}}"),
                            MINE));
}

static void an_identity_that_is_gone_stays_assigned(void **state)
{
    struct fixture *f = *state;
    yyjson_val *mine;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    mine = identity_of(
        expect(f, 200, HTTP_PATCH, A V,
               "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" MINE
               "\":{}}}}"),
        MINE);
    expect(f, 200, HTTP_DELETE, MINE I, NULL);
    expect(f, 201, HTTP_PUT, MINE I, NEW);
    assert_true(yyjson_equals(
        mine, identity_of(expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{\"a\":\"b\"}}"), MINE)));
    /* who assigns it again has the new one */
    assert_false(yyjson_equals(
        mine, identity_of(expect(f, 200, HTTP_PATCH, A V,
                                 "{\"identity\":{\"userAssignedIdentities\":{\"" MINE "\":{}}}}"),
                          MINE)));
}

static void what_cannot_be_assigned_is_refused(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "InvalidRequestContent", "userAssignedIdentities", HTTP_PATCH, A V,
                 "{\"identity\":{\"type\":\"UserAssigned\"}}");
    expect_error(
        f, 400, "LinkedInvalidPropertyId", "'mine'", HTTP_PATCH, A V,
        "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"mine\":{}}}}");
    expect_error(f, 400, "LinkedInvalidPropertyId", A, HTTP_PATCH, A V,
                 "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" A
                 "\":{}}}}");
    expect_error(
        f, 400, "FailedIdentityOperation", "Resource '" MINE "' was not found.", HTTP_PATCH, A V,
        "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" MINE "\":{}}}}");
}

/* -- Who may assign -------------------------------------------------------------------------- */

static const struct principal me = { .name = STR("11111111-app"), .object_id = STR(ME) };

/* As an administrator; who calls afterwards is `me`. */
static void grant(struct fixture *f, const char *role, const char *scope, unsigned number)
{
    f->caller = NULL;
    expect(
        f, 201, HTTP_PUT,
        arena_printf(f->arena, "%s" ASSIGNMENTS "/eeeeeeee-0000-0000-0000-%012u" R, scope, number)
            .data,
        arena_printf(f->arena,
                     "{\"properties\":{\"roleDefinitionId\":\"/providers/"
                     "Microsoft.Authorization/roleDefinitions/%s\",\"principalId\":\"" ME "\"}}",
                     role)
            .data);
    f->caller = &me;
}

static void the_identity_must_be_ones_to_give(void **state)
{
    static const char body[] =
        "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"" MINE "\":{}}}}";
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, MINE I, NEW);
    grant(f, COGNITIVE_CONTRIBUTOR, A, 1);
    expect_error(f, 403, "LinkedAuthorizationFailed",
                 "does not have permission to perform action(s) "
                 "'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked "
                 "scope(s) '" MINE "'",
                 HTTP_PATCH, A V, body);
    expect(f, 200, HTTP_PATCH, A V, "{\"identity\":{\"type\":\"SystemAssigned\"}}");
    expect_error(f, 403, "AuthorizationFailed",
                 "'Microsoft.ManagedIdentity/userAssignedIdentities/read'", HTTP_GET, MINE I, NULL);
    expect_error(f, 403, "AuthorizationFailed",
                 "'Microsoft.ManagedIdentity/userAssignedIdentities/delete'", HTTP_DELETE, MINE I,
                 NULL);
    expect_error(f, 403, "AuthorizationFailed", "'Microsoft.ManagedIdentity/identities/read'",
                 HTTP_GET, OWN I, NULL);
    grant(f, IDENTITY_OPERATOR, MINE, 2);
    expect(f, 200, HTTP_GET, MINE I, NULL);
    expect(f, 200, HTTP_PATCH, A V, body);
    expect(f, 403, HTTP_DELETE, MINE I, NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        T(an_identity_is_a_tracked_resource),
        T(identities_are_listed),
        T(bad_identities_are_refused),
        T(later_members_are_shown_later),
        T(a_principal_comes_and_goes_with_the_resource),
        T(principals_of_one_commit_are_all_there),
        T(a_refused_write_leaves_no_principal),
        T(roles_of_a_principal_that_is_gone_are_kept),
        T(an_account_has_an_identity_of_its_own),
        T(an_account_does_without),
        T(an_identity_goes_when_the_account_is_deleted),
        T(an_account_shows_the_ids_of_others),
        T(one_is_taken_away_by_any_spelling),
        T(an_identity_that_is_gone_stays_assigned),
        T(what_cannot_be_assigned_is_refused),
        T(the_identity_must_be_ones_to_give),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
