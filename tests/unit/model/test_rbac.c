/* SPDX-License-Identifier: MIT */
#include "model/rbac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define ACCESS_ADMIN "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
#define CS_CONTRIBUTOR "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68"
#define CS_USER "a97b65f3-24c7-4388-baec-2e87135dc908"
#define OPENAI_USER "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
#define OPENAI_CONTRIBUTOR "a001fd3d-188f-4b5d-821b-7da978bf7442"
#define USAGES_READER "bba48692-92b0-4667-a9ad-c31c7b334ac2"
#define DATA_READER "b59867f0-fa02-499b-be73-45a86b5b3e1c"
#define IDENTITY_CONTRIBUTOR "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59"
#define IDENTITY_OPERATOR "f1a07417-d97a-45cb-824c-7a7467783830"
#define IDENTITY "Microsoft.ManagedIdentity/userAssignedIdentities/"
#define CUSTOM "11111111-aaaa-bbbb-cccc-000000000001"

#define ME "aaaaaaaa-0000-0000-0000-000000000001"
#define OTHER "aaaaaaaa-0000-0000-0000-000000000002"
#define TEAM "aaaaaaaa-0000-0000-0000-0000000000f1"
#define SUB "/subscriptions/s1"
#define GROUP SUB "/resourceGroups/x"
#define ACCOUNT GROUP "/providers/Microsoft.CognitiveServices/accounts/a"

#define AUTH "Microsoft.Authorization/"
#define RES "Microsoft.Resources/subscriptions/"
#define CS "Microsoft.CognitiveServices/"
#define OPENAI CS "accounts/OpenAI/"
#define CHAT OPENAI "deployments/chat/completions/action"

static const struct rbac_principal me = { .object_id = { ME, sizeof(ME) - 1 } };

/* -- Patterns and scopes --------------------------------------------------------------------- */

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        const char *action;
        bool matches;
    } rows[] = {
        { "*", "", true },
        { "*", "A/b/c", true },
        { "", "", true },
        { "", "a", false },
        { "a", "", false },
        { "A/B/read", "a/b/READ", true },
        { "A/B/read", "A/B/reads", false },
        { "A/B/reads", "A/B/read", false },
        { "*/read", "A/b/c/read", true },
        { "*/read", "read", false },
        { "*/read", "A/readx", false },
        { "*/read", "A/read/action", false },
        { "A/*", "A/b/c/d", true },
        { "A/*", "A", false },
        { "A/*", "AB/c", false },
        { "A/*/Delete", "A/roles/delete", true },
        { "A/*/Delete", "A/a/b/c/delete", true },
        { "A/*/Delete", "A/delete", true },
        { "A/*/Delete", "Adelete", false },
        { "A/*/Delete", "A/deleted", false },
        { "A/*/Delete", "B/delete", false },
        { "A/*Delete", "Adelete", false },
        { "A*/Delete", "Adelete", false },
        { "A/*/b/*/c", "A/b/c", false },
        { "/*/", "/", true },
        { "/*/", "", false },
        { "a*b*c", "abc", true },
        { "a*b*c", "aXbYbZc", true },
        { "a*b*c", "aXbYbZ", false },
        { "**", "x", true },
        { "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false },
        { "*ab", "aab", true },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rbac_matches(rows[i].pattern, str_from(rows[i].action)) != rows[i].matches)
            fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].action);
    }
}

static void test_scopes(void **state)
{
    static const struct {
        const char *assigned;
        const char *scope;
        bool covers;
    } rows[] = {
        { "/", "/", true },
        { "/", ACCOUNT, true },
        { SUB, SUB, true },
        { SUB "/", SUB, true },
        { SUB, ACCOUNT, true },
        { SUB, "/SUBSCRIPTIONS/S1/RESOURCEGROUPS/X", true },
        { SUB, "/subscriptions/s10", false },
        { SUB, "/subscriptions/s2", false },
        { SUB, "/", false },
        { GROUP, GROUP, true },
        { GROUP, ACCOUNT "/deployments/d", true },
        { GROUP, SUB "/resourceGroups/xy", false },
        { GROUP, SUB "/resourceGroups/xy/providers/N/t/n", false },
        { GROUP, SUB, false },
        { ACCOUNT, ACCOUNT "/deployments/d", true },
        { ACCOUNT, GROUP "/providers/Microsoft.CognitiveServices/accounts/ab", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rbac_covers(str_from(rows[i].assigned), str_from(rows[i].scope)) != rows[i].covers)
            fail_msg("'%s' and '%s'", rows[i].assigned, rows[i].scope);
    }
}

/* -- Built-in roles -------------------------------------------------------------------------- */

static struct rbac *with_role(const char *role, const char *scope)
{
    struct rbac_assignment assignment = { me.object_id, str_from(role), str_from(scope) };

    return rbac_new(NULL, 0, &assignment, 1);
}

static const char *const azure_roles[] = { OWNER,        CONTRIBUTOR,          READER,
                                           ACCESS_ADMIN, CS_CONTRIBUTOR,       CS_USER,
                                           OPENAI_USER,  OPENAI_CONTRIBUTOR,   USAGES_READER,
                                           DATA_READER,  IDENTITY_CONTRIBUTOR, IDENTITY_OPERATOR };
/* what each role, in that order, allows on the account */
static const struct {
    enum rbac_kind kind;
    const char *action;
    bool allowed[ARRAY_LEN(azure_roles)];
} decisions[] = {
    { RBAC_ACTION, CS "accounts/read", { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/write", { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/delete", { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/listKeys/action", { 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/regenerateKey/action", { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/deployments/read", { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/deployments/write", { 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/deployments/delete", { 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/raiPolicies/write", { 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "accounts/commitmentPlans/write", { 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0 } },
    { RBAC_ACTION, CS "locations/usages/read", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0 } },
    { RBAC_ACTION, RES "resourceGroups/read", { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1 } },
    { RBAC_ACTION, RES "resourceGroups/write", { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, AUTH "roleAssignments/read", { 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1 } },
    { RBAC_ACTION, AUTH "roleAssignments/write", { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, AUTH "roleAssignments/delete", { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, AUTH "roleDefinitions/write", { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, AUTH "locks/delete", { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, "Microsoft.Insights/metrics/read", { 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION,
      "Microsoft.Insights/diagnosticSettings/write",
      { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_ACTION, IDENTITY "read", { 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1 } },
    { RBAC_ACTION, IDENTITY "write", { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { RBAC_ACTION, IDENTITY "delete", { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 } },
    { RBAC_ACTION, IDENTITY "assign/action", { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
    { RBAC_ACTION, CHAT, { 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION, CHAT, { 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION,
      OPENAI "deployments/completions/action",
      { 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION,
      OPENAI "deployments/embeddings/action",
      { 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION, OPENAI "models/read", { 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0 } },
    { RBAC_DATA_ACTION, OPENAI "responses/write", { 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION, OPENAI "stored-completions/read", { 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0 } },
    { RBAC_DATA_ACTION, OPENAI "fine-tunes/write", { 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION,
      CS "accounts/SpeechServices/x/action",
      { 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 } },
    { RBAC_DATA_ACTION, CS "accounts/read", { 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0 } },
};

static void test_built_in_roles(void **state)
{
    (void)state;
    assert_int_equal(rbac_built_in_role_count, ARRAY_LEN(azure_roles));
    for (size_t r = 0; r < ARRAY_LEN(azure_roles); r++) {
        struct rbac *rbac = with_role(azure_roles[r], GROUP);

        assert_string_equal(rbac_built_in_role(str_from(azure_roles[r]))->id, azure_roles[r]);
        for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
            if (rbac_allows(rbac, &me, decisions[i].kind, str_from(decisions[i].action),
                            STR(ACCOUNT)) != decisions[i].allowed[r])
                fail_msg("%s: %s", rbac_built_in_roles[r].name, decisions[i].action);
            assert_false(
                rbac_allows(rbac, &me, decisions[i].kind, str_from(decisions[i].action), STR(SUB)));
        }
        rbac_unref(rbac);
    }
    assert_null(rbac_built_in_role(STR(CUSTOM)));
}

/* -- Assignments ----------------------------------------------------------------------------- */

static bool may(const struct rbac *r, const struct rbac_principal *who, const char *scope)
{
    return rbac_allows(r, who, RBAC_ACTION, STR(CS "accounts/read"), str_from(scope));
}

static void test_inherited(void **state)
{
    static const char *const scopes[] = { "/", SUB, GROUP, ACCOUNT };
    struct rbac *r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        r = with_role(READER, scopes[i]);
        for (size_t j = 0; j < ARRAY_LEN(scopes); j++)
            assert_int_equal(may(r, &me, scopes[j]), j >= i);
        assert_true(may(r, &me, ACCOUNT "/deployments/d"));
        rbac_unref(r);
    }
}

static void test_principals(void **state)
{
    static const struct str groups[] = { { OTHER, sizeof(OTHER) - 1 }, { TEAM, sizeof(TEAM) - 1 } };
    static const struct rbac_assignment assignments[] = {
        { { TEAM, sizeof(TEAM) - 1 },
          { READER, sizeof(READER) - 1 },
          { GROUP, sizeof(GROUP) - 1 } },
        { { "", 0 }, { OWNER, sizeof(OWNER) - 1 }, { "/", 1 } },
    };
    struct rbac_principal member = me,
                          upper = { .object_id = STR("AAAAAAAA-0000-0000-0000-0000000000F1") };
    struct rbac *r = rbac_new(NULL, 0, assignments, ARRAY_LEN(assignments));

    (void)state;
    member.groups = groups;
    assert_false(may(r, &me, ACCOUNT));
    member.group_count = 1;
    assert_false(may(r, &member, ACCOUNT));
    member.group_count = 2;
    assert_true(may(r, &member, ACCOUNT));
    assert_true(may(r, &upper, ACCOUNT));
    /* who has no id is nobody, whatever the assignments say */
    assert_false(may(r, &(struct rbac_principal){ 0 }, ACCOUNT));
    assert_false(may(NULL, &member, ACCOUNT));
    assert_false(rbac_is_known(NULL, &member, STR(ACCOUNT)));
    assert_null(rbac_ref(NULL));
    rbac_unref(r);
    rbac_unref(NULL);
}

/* Each principal finds its own among many. */
static void test_many(void **state)
{
    enum { MANY = 500 };
    static char ids[MANY][40], scopes[MANY][64];
    static struct rbac_assignment assignments[MANY];
    struct rbac *r;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "aaaaaaaa-0000-0000-0000-%012zu", i / 2);
        snprintf(scopes[i], sizeof(scopes[i]), SUB "/resourceGroups/%zu", i);
        assignments[i] =
            (struct rbac_assignment){ str_from(ids[i]), STR(READER), str_from(scopes[i]) };
    }
    r = rbac_new(NULL, 0, assignments, MANY);
    for (size_t i = 0; i < MANY; i++) {
        struct rbac_principal who = { .object_id = str_from(ids[i]) };

        assert_true(may(r, &who, scopes[i]));
        assert_true(may(r, &who, scopes[i ^ 1]));
        assert_false(may(r, &who, scopes[(i + 2) % MANY]));
        assert_true(rbac_is_known(r, &who, STR(SUB)));
    }
    rbac_unref(r);
}

static void test_unknown_role(void **state)
{
    struct rbac *r = with_role(CUSTOM, SUB);

    (void)state;
    assert_false(may(r, &me, ACCOUNT));
    assert_false(rbac_is_known(r, &me, STR(SUB)));
    rbac_unref(r);
}

static void test_known(void **state)
{
    struct rbac *r = with_role(DATA_READER, GROUP);

    (void)state;
    assert_true(rbac_is_known(r, &me, STR("/")));
    assert_true(rbac_is_known(r, &me, STR(SUB)));
    assert_true(rbac_is_known(r, &me, STR(GROUP)));
    assert_true(rbac_is_known(r, &me, STR(ACCOUNT)));
    assert_false(rbac_is_known(r, &me, STR(SUB "/resourceGroups/xy")));
    assert_false(rbac_is_known(r, &me, STR("/subscriptions/s10")));
    rbac_unref(r);
}

/* -- Custom roles ---------------------------------------------------------------------------- */

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })

/* What one permission refuses, another one of the role may allow; so may another role. */
static void test_refused(void **state)
{
    const struct rbac_permission permissions[] = {
        { { LIST("A/*"), LIST("D/*") }, { LIST("a/*/WRITE", "A/b/read"), LIST("D/x") } },
        { { LIST("A/c/write"), NONE }, { NONE, NONE } },
    };
    const struct rbac_role role = { CUSTOM, "Custom", "", permissions, ARRAY_LEN(permissions) };
    const struct rbac_assignment assignments[] = {
        { me.object_id, STR("11111111-AAAA-BBBB-CCCC-000000000001"), STR(SUB) },
        { me.object_id, STR(READER), STR(GROUP) },
    };
    static const struct {
        enum rbac_kind kind;
        const char *action;
        bool in_subscription, in_group;
    } rows[] = {
        { RBAC_ACTION, "A/b/delete", true, true },      { RBAC_ACTION, "A/b/write", false, false },
        { RBAC_ACTION, "A/c/write", true, true },       { RBAC_ACTION, "A/b/read", false, true },
        { RBAC_ACTION, "B/b/read", false, true },       { RBAC_ACTION, "D/y", false, false },
        { RBAC_DATA_ACTION, "D/y", true, true },        { RBAC_DATA_ACTION, "D/x", false, false },
        { RBAC_DATA_ACTION, "A/b/read", false, false },
    };
    struct rbac *r = rbac_new(&role, 1, assignments, ARRAY_LEN(assignments));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str action = str_from(rows[i].action);

        if (rbac_allows(r, &me, rows[i].kind, action, STR(SUB)) != rows[i].in_subscription ||
            rbac_allows(r, &me, rows[i].kind, action, STR(GROUP)) != rows[i].in_group)
            fail_msg("%s", rows[i].action);
    }
    rbac_unref(r);
}

static void test_next_role(void **state)
{
    static const struct str groups[] = { { TEAM, sizeof(TEAM) - 1 } };
    const struct rbac_principal member = { me.object_id, groups, 1 };
    const struct rbac_assignment assignments[] = {
        { groups[0], STR(READER), STR("/") },
        { me.object_id, STR(CS_USER), STR(ACCOUNT) },
        { STR(OTHER), STR(OWNER), STR("/") },
    };
    struct rbac *r = rbac_new(NULL, 0, assignments, ARRAY_LEN(assignments));
    struct rbac_cursor cursor = { 0 };

    (void)state;
    assert_string_equal(rbac_next_role(r, &member, STR(ACCOUNT), &cursor)->id, CS_USER);
    assert_string_equal(rbac_next_role(r, &member, STR(ACCOUNT), &cursor)->id, READER);
    assert_null(rbac_next_role(r, &member, STR(ACCOUNT), &cursor));
    cursor = (struct rbac_cursor){ 0 };
    assert_string_equal(rbac_next_role(r, &member, STR(SUB), &cursor)->id, READER);
    assert_null(rbac_next_role(r, &member, STR(SUB), &cursor));
    rbac_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),       cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_built_in_roles), cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_principals),     cmocka_unit_test(test_many),
        cmocka_unit_test(test_unknown_role),   cmocka_unit_test(test_known),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_next_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
