/* Managed identities: their principals, and lists of them.
 * SPDX-License-Identifier: MIT */
#include "identity/managed_identity.h"

#include "../store/fixture.h"

#include "base/format.h"

#define GROUP "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g"
#define USER_ASSIGNED "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
#define MINE GROUP USER_ASSIGNED "mine"
#define ACCOUNT GROUP "/providers/Microsoft.CognitiveServices/accounts/mine"
#define NOW_MS ((int64_t)1700000000 * 1000)

static int open_one(void **state)
{
    if (set_up(state))
        return -1;
    open_store(*state);
    return 0;
}

static bool run_make(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct managed_identity made, own, read;
    struct principal_record p;
    bool found;

    (void)data;
    assert_true(managed_identity_make(t, a, STR(MINE), true, NOW_MS, &made, err));
    assert_true(managed_identity_make(t, a, STR(ACCOUNT), false, NOW_MS, &own, err));
    assert_true(format_is_guid(made.object_id) && format_is_guid(made.client_id));
    assert_false(str_equal(made.object_id, made.client_id));
    assert_true(principals_find(t, a, made.client_id, &p, &found, err) && found);
    assert_true(managed_identity_read(&p, &read));
    assert_true(str_equal(read.object_id, made.object_id));
    assert_true(str_equal(read.resource_id, STR(MINE)));
    assert_true(read.is_user_assigned);
    assert_true(str_equal(json_str(yyjson_obj_get(p.body, "displayName")), STR("mine")));
    assert_true(principals_get(t, a, own.object_id, &p, &found, err) && found);
    assert_true(managed_identity_read(&p, &read));
    assert_false(read.is_user_assigned);
    p.type = PRINCIPAL_TYPE_APPLICATION;
    assert_false(managed_identity_read(&p, &read));
    return true;
}

static bool run_find(struct store_txn *t, struct arena *a, void *data, struct error *err)
{
    struct managed_identity made, own;
    struct principal_record p;
    bool found;

    (void)data;
    assert_true(managed_identity_make(t, a, STR(ACCOUNT), false, NOW_MS, &own, err));
    assert_true(managed_identity_make(t, a, STR(MINE "2"), true, NOW_MS, &made, err));
    assert_true(managed_identity_make(t, a, STR(MINE), true, NOW_MS, &made, err));
    assert_true(managed_identity_find(t, a, arena_lower(a, STR(MINE)), &p, &found, err));
    assert_true(found);
    assert_true(str_equal(p.object_id, made.object_id));
    assert_true(managed_identity_find(t, a, STR(MINE "3"), &p, &found, err));
    assert_false(found);
    /* an account's own is none that could be chosen by its resource */
    assert_true(managed_identity_find(t, a, STR(ACCOUNT), &p, &found, err));
    assert_false(found);
    return true;
}

static void a_principal_knows_its_resource(void **state)
{
    must_run(*state, run_make, NULL);
}

static void a_resource_has_its_principal(void **state)
{
    must_run(*state, run_find, NULL);
}

static void a_list_has_ids_and_names(void **state)
{
    static const struct {
        const char *list;
        bool has_it;
    } rows[] = {
        { "", false },       { ",", false },
        { "mine", true },    { "other, MINE", true },
        { "min", false },    { "mine2", false },
        { MINE, true },      { "x," MINE, true },
        { MINE "2", false }, { GROUP USER_ASSIGNED, false },
        { "/mine", false },  { "*", false },
    };
    struct managed_identity identity = { .resource_id = STR(MINE), .is_user_assigned = true };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (managed_identity_is_listed(&identity, str_from(rows[i].list)) != rows[i].has_it)
            fail_msg("'%s'", rows[i].list);
    }
    /* of an account's name, or without a resource at all */
    identity = (struct managed_identity){ .resource_id = STR(ACCOUNT) };
    assert_false(managed_identity_is_listed(&identity, STR("mine," ACCOUNT)));
    identity = (struct managed_identity){ .is_user_assigned = true };
    assert_false(managed_identity_is_listed(&identity, STR(",,")));
}

static void names_and_ids_are_told_from_the_rest(void **state)
{
    static const char *const good[] = {
        "a",
        "a-b_C1",
        MINE,
        "/SUBSCRIPTIONS/s/resourcegroups/g/PROVIDERS/microsoft.managedidentity/"
        "userassignedidentities/x",
    };
    static const char *const bad[] = {
        "",
        "a b",
        "a/b",
        "/a",
        "/subscriptions/s",
        ACCOUNT,
        "a.b",
        MINE "/x",
        MINE "/",
        GROUP USER_ASSIGNED,
        "x" MINE,
        "/mine",
        USER_ASSIGNED,
        USER_ASSIGNED "a",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!managed_identity_is_name(str_from(good[i])))
            fail_msg("'%s' is refused", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (managed_identity_is_name(str_from(bad[i])))
            fail_msg("'%s' is taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_principal_knows_its_resource, open_one, tear_down),
        cmocka_unit_test_setup_teardown(a_resource_has_its_principal, open_one, tear_down),
        cmocka_unit_test(a_list_has_ids_and_names),
        cmocka_unit_test(names_and_ids_are_told_from_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
