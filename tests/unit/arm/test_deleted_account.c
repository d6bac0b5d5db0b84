/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/format.h"

#define HOUR_MS (3600 * 1000)
#define NEW "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}"
#define RESTORE "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}"

/* Is the account of that key in the directory, with a deployment of that name? NULL: with any. */
static bool serves(struct fixture *f, const char *key, const char *deployment)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_account *account;
    uint8_t digest[KEY_HASH_BYTES];
    bool found;

    key_hash_digest(f->key_hash, str_from(key), digest);
    account = directory_by_key_digest(d, digest);
    found = account && (!deployment || directory_deployment(account, str_from(deployment)));
    directory_unref(d);
    return found;
}

static const char *key_of(struct fixture *f)
{
    return yyjson_get_str(yyjson_obj_get(expect(f, 200, HTTP_POST, A "/listKeys" V, NULL), "key1"));
}

static void test_is_listed_and_shown(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

    expect(f, 200, HTTP_PATCH, A V, "{\"properties\":{\"customSubDomainName\":\"mine\"}}");
    expect(f, 404, HTTP_GET, DELETED V, NULL);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/accounts" V, NULL)), 0);
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, S "/resources" V, NULL)), 0);
    shown = item(expect(f, 200, HTTP_GET, CS "/deletedAccounts" V, NULL), 0);
    assert_text(shown, "id", DELETED);
    assert_text(shown, "name", "myAccount");
    assert_text(shown, "type", "Microsoft.CognitiveServices/deletedAccounts");
    assert_text(shown, "kind", "OpenAI");
    assert_text(shown, "properties.customSubDomainName", "mine");
    shown =
        expect(f, 200, HTTP_GET,
               CS "/locations/East%20US/resourceGroups/MYGROUP/deletedAccounts/MYACCOUNT" V, NULL);
    assert_text(shown, "id", DELETED);
    expect_error(f, 404, "ResourceNotFound", "deletedAccounts/myAccount' was not found", HTTP_GET,
                 CS "/locations/westus/resourceGroups/myGroup/deletedAccounts/myAccount" V, NULL);
    expect(f, 404, HTTP_POST, A "/listKeys" V, NULL);
}

/* Two days lie between the dates that it shows. */
static void test_dates(void **state)
{
    struct fixture *f = *state;
    int64_t deleted_ms, purged_ms;
    yyjson_val *shown;

    expect(f, 200, HTTP_DELETE, A V, NULL);
    shown = expect(f, 200, HTTP_GET, DELETED V, NULL);
    assert_true(
        format_parse_time(json_str(json_at(shown, "properties.deletionDate")), &deleted_ms));
    assert_true(
        format_parse_time(json_str(json_at(shown, "properties.scheduledPurgeDate")), &purged_ms));
    assert_int_equal(purged_ms - deleted_ms, 48 * HOUR_MS);
}

static void test_restore(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f);
    yyjson_val *before =
        expect(f, 200, HTTP_PATCH, A V,
               "{\"tags\":{\"a\":\"1\"},\"identity\":{\"type\":\"SystemAssigned\"},"
               "\"properties\":{\"customSubDomainName\":\"mine\"}}");
    yyjson_val *after;

    expect(f, 200, HTTP_DELETE, A V, NULL);
    assert_false(serves(f, key, NULL));
    expect_error(f, 409, "FlagMustBeSetForRestore",
                 "An existing resource with ID '" A "' has been soft-deleted. To restore the "
                 "resource, you must specify 'restore' to be 'true' in the property. If you don't "
                 "want to restore existing resource, please purge it first.",
                 HTTP_PUT, A V, NEW);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + HOUR_MS);
    after = expect(f, 201, HTTP_PUT, A V, RESTORE);
    assert_text(after, "id", A);
    assert_text(after, "kind", "OpenAI");
    assert_text(after, "sku.name", "S0");
    assert_text(after, "tags.a", "1");
    assert_text(after, "properties.customSubDomainName", "mine");
    assert_text(after, "properties.internalId",
                yyjson_get_str(json_at(before, "properties.internalId")));
    assert_string_not_equal(yyjson_get_str(json_at(after, "identity.principalId")),
                            yyjson_get_str(json_at(before, "identity.principalId")));
    assert_absent(after, "properties.deletionDate");
    assert_absent(after, "properties.restore");
    assert_string_not_equal(yyjson_get_str(json_at(after, "systemData.createdAt")),
                            yyjson_get_str(json_at(before, "systemData.createdAt")));
    assert_string_equal(key_of(f), key);
    assert_true(serves(f, key, NULL));
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/deletedAccounts" V, NULL)), 0);
    expect(f, 204, HTTP_DELETE, DELETED V, NULL);
    expect(f, 200, HTTP_PUT, A V, NEW);
}

static void test_nothing_to_restore(void **state)
{
    struct fixture *f = *state;

    expect_error(f, 400, "CanNotRestoreANonExistingResource",
                 "Could not locate a resource to restore.", HTTP_PUT,
                 G "/providers/Microsoft.CognitiveServices/accounts/none" V, RESTORE);
    /* of one that is there, it is not looked at */
    expect(f, 200, HTTP_PUT, A V, RESTORE);
}

/* What went with the group comes back, too, once there is a group again. */
static void test_restore_after_the_group_went(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f);

    expect(f, 201, HTTP_PUT, A "/deployments/d" V,
           "{\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}");
    expect(f, 202, HTTP_DELETE, G V, NULL);
    assert_false(serves(f, key, NULL));
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, CS "/deletedAccounts" V, NULL)), 1);
    expect_error(f, 404, "ResourceGroupNotFound", "myGroup", HTTP_PUT, A V, RESTORE);
    expect(f, 201, HTTP_PUT, G V, "{\"location\":\"eastus\"}");
    expect(f, 201, HTTP_PUT, A V, RESTORE);
    assert_true(serves(f, key, "d"));
    assert_int_equal(count_of(expect(f, 200, HTTP_GET, A "/deployments" V, NULL)), 1);
    fixture_restart(f);
    assert_true(serves(f, key, "d"));
    expect_error(f, 409, "CannotDeleteResource", "deployments/d", HTTP_DELETE, A V, NULL);
}

/* Follows the links of an answer 202. */
static void test_purge(void **state)
{
    struct fixture *f = *state;
    const char *const begin = BASE CS "/locations/eastus/operationResults/";
    yyjson_val *status;
    struct answer a;

    expect(f, 200, HTTP_DELETE, A V, NULL);
    a = call(f, HTTP_DELETE, DELETED V, NULL);
    assert_int_equal(a.status, 202);
    assert_int_equal(a.text.len, 0);
    assert_true(str_starts_with(a.operation, str_from(begin)));
    assert_true(str_starts_with(a.location, str_from(begin)));
    status = expect(f, 200, HTTP_GET,
                    arena_text(f->arena, str_slice(a.operation, strlen(BASE), SIZE_MAX)), NULL);
    assert_text(status, "status", "Succeeded");
    assert_non_null(json_at(status, "endTime"));
    a = call(f, HTTP_GET, arena_text(f->arena, str_slice(a.location, strlen(BASE), SIZE_MAX)),
             NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.text.len, 0);
    expect(f, 404, HTTP_GET, DELETED V, NULL);
    expect(f, 204, HTTP_DELETE, DELETED V, NULL);
    expect(f, 201, HTTP_PUT, A V, NEW);
}

/* It purges itself when its time has come, and not before. */
static void test_overdue(void **state)
{
    struct fixture *f = *state;
    const char *taken = "{\"subdomainName\":\"mine\",\"type\":"
                        "\"Microsoft.CognitiveServices/accounts\"}";

    expect(f, 200, HTTP_PATCH, A V, "{\"properties\":{\"customSubDomainName\":\"mine\"}}");
    expect(f, 200, HTTP_DELETE, A V, NULL);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + 47 * HOUR_MS);
    fixture_restart(f);
    expect(f, 200, HTTP_GET, DELETED V, NULL);
    clock_move_to(&f->clock, clock_now_ms(&f->clock) + 2 * HOUR_MS);
    fixture_restart(f);
    expect(f, 404, HTTP_GET, DELETED V, NULL);
    assert_true(yyjson_get_bool(
        yyjson_obj_get(expect(f, 200, HTTP_POST, CS "/checkDomainAvailability" V, taken),
                       "isSubdomainAvailable")));
    assert_text(expect(f, 201, HTTP_PUT, A V, NEW), "properties.endpoint",
                BASE "/accounts/myAccount/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up_account, fixture_tear_down)
        T(test_is_listed_and_shown),
        T(test_dates),
        T(test_restore),
        T(test_nothing_to_restore),
        T(test_restore_after_the_group_went),
        T(test_purge),
        T(test_overdue),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
