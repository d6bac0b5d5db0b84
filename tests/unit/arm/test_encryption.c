/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <string.h>

#include "../identity/vault_folder.h"

#define VAULT "v.vault.azure.net"
#define KEY_OF(name, version)                                                           \
    "{\"keySource\":\"microsoft.keyvault\",\"keyVaultProperties\":{\"keyName\":\"" name \
    "\",\"keyVaultUri\":\"https://V.vault.azure.net/\",\"keyVersion\":" version "}}"
#define ENCRYPT(name, version) \
    "{\"properties\":{\"encryption\":" KEY_OF(name, "\"" version "\"") "}}"
#define NEWEST "{\"properties\":{\"encryption\":" KEY_OF("k", "null") "}}"
#define BY_THE_SERVICE \
    "{\"properties\":{\"encryption\":{\"keySource\":\"Microsoft.CognitiveServices\"}}}"
#define ENCRYPTED_ACCOUNT(encryption)                                                        \
    "\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\",\"properties\":{" \
    "\"encryption\":" encryption "}"
#define NEW_ACCOUNT(encryption) "{" ENCRYPTED_ACCOUNT(encryption) "}"
#define OTHER G "/providers/Microsoft.CognitiveServices/accounts/other"

#define GONE G "/providers/Microsoft.CognitiveServices/accounts/gone"

static struct vault_folder folder;

/* Instead of key_vault_resolve, for whoever calls it. */
bool resolve_and_rotate(struct key_vault *v, struct arena *a,
                        struct key_reference *r) __asm__("__wrap_key_vault_resolve");
bool resolve(struct key_vault *v, struct arena *a,
             struct key_reference *r) __asm__("__real_key_vault_resolve");

/* That each newest version has a newer one as soon as it was told: the next one of these, or NULL. */
static const char *const *rotation;

bool resolve_and_rotate(struct key_vault *v, struct arena *a, struct key_reference *r)
{
    struct key_reference newest = { r->vault, r->name, STR_NONE };
    bool is_rotated = rotation && *rotation && !r->version.len, ok = resolve(v, a, r);
    struct error err = { 0 };

    if (!is_rotated)
        return ok;
    vault_folder_write(&folder, VAULT, "k", "current", *rotation++);
    if (!key_vault_fetch(v, &newest, &err))
        fail_msg("%s", err.text);
    return ok;
}

static int set_up(void **state)
{
    struct fixture *f;

    fixture_set_up_account(state);
    f = *state;
    vault_folder_make(&folder);
    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    vault_folder_put(&folder, VAULT, "k", "two", 'b');
    vault_folder_write(&folder, VAULT, "k", "current", "one");
    vault_folder_use(&folder, f->vault);
    return 0;
}

static int tear_down(void **state)
{
    vault_folder_remove(&folder);
    return fixture_tear_down(state);
}

/* As at SIGHUP: the vaults are asked, and what follows is in force. */
static void refresh(struct fixture *f)
{
    struct error err = { 0 };

    key_vault_refresh(f->vault, false);
    if (!arm_load_directory(f->arm, &err))
        fail_msg("%s", err.text);
}

/* As after a restart: nothing is known of any key. */
static void restart(struct fixture *f)
{
    key_vault_free(f->vault);
    f->vault = key_vault_new();
    f->options.vault = f->vault;
    vault_folder_use(&folder, f->vault);
    fixture_restart(f);
}

/* The account's first key, by which the data plane finds it. */
static const char *key_of(struct fixture *f, const char *account)
{
    struct str path = arena_printf(f->arena, "%s/listKeys" V, account);

    return yyjson_get_str(json_at(expect(f, 200, HTTP_POST, path.data, NULL), "key1"));
}

static void expect_served(struct fixture *f, const char *key, bool is_locked)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_account *account;
    uint8_t digest[KEY_DIGEST_BYTES];

    key_hash_digest(f->key_hash, str_from(key), digest);
    account = directory_by_key_digest(d, digest);
    assert_non_null(account);
    assert_int_equal(account->is_locked, is_locked);
    directory_unref(d);
}

struct reading {
    struct fixture *f;
    const char *id;
    bool is_deleted;
    struct str secret; /* in the fixture's arena */
};

static bool read_secret(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct reading *reading = data;
    struct str owner = arena_lower(arena, str_from(reading->id)), key = owner;
    struct fixture *f = reading->f;
    struct store_resource r;
    bool found;

    if (reading->is_deleted)
        key = arena_printf(arena, "/deleted%.*s", STR_ARGS(owner));
    if (!store_get(t, key, &r, &found, err))
        return false;
    assert_true(found);
    return secret_box_open(f->box, f->arena, r.secret, owner, &reading->secret, err);
}

/* The version that wraps an account's keys in the store; empty: none does. */
static struct str wrapper_in(struct fixture *f, const char *id, bool is_deleted)
{
    struct reading reading = { f, id, is_deleted, STR_NONE };
    struct error err = { 0 };
    struct str rest, part;

    if (!store_run(f->store, read_secret, &reading, &err))
        fail_msg("%s", err.text);
    rest = reading.secret;
    if (rest.data[0] != 2)
        return STR_NONE;
    rest = str_slice(rest, 33, SIZE_MAX);
    assert_true(str_split(&rest, '\n', &part) && str_equal(part, STR(VAULT)));
    assert_true(str_split(&rest, '\n', &part) && str_split(&rest, '\n', &part));
    return part;
}

static void expect_wrapper_in(struct fixture *f, const char *id, bool is_deleted,
                              const char *version)
{
    struct str is = wrapper_in(f, id, is_deleted);

    if (!str_equal(is, str_from(version)))
        fail_msg("'%.*s' instead of '%s'", STR_ARGS(is), version);
}

static void expect_wrapper(struct fixture *f, const char *version)
{
    expect_wrapper_in(f, A, false, version);
}

/* -- Naming a key ------------------------------------------------------------------------------ */

static void test_the_key_that_is_named_wraps(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A);
    yyjson_val *shown;

    expect_wrapper(f, "");
    shown = expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    assert_text(shown, "properties.encryption.keySource", "Microsoft.KeyVault");
    assert_text(shown, "properties.encryption.keyVaultProperties.keyName", "k");
    assert_text(shown, "properties.encryption.keyVaultProperties.keyVersion", "one");
    expect_wrapper(f, "one");
    assert_string_equal(key_of(f, A), key);
    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "two"));
    expect_wrapper(f, "two");
    assert_string_equal(key_of(f, A), key);
    expect(f, 200, HTTP_PATCH, A V, BY_THE_SERVICE);
    expect_wrapper(f, "");
    assert_string_equal(key_of(f, A), key);
    expect_served(f, key, false);
}

static void test_an_account_that_is_made_with_one(void **state)
{
    struct fixture *f = *state;
    const char *key;

    expect(f, 201, HTTP_PUT, OTHER V, NEW_ACCOUNT(KEY_OF("k", "\"two\"")));
    key = key_of(f, OTHER);
    expect_served(f, key, false);
    restart(f);
    assert_string_equal(key_of(f, OTHER), key);
    vault_folder_delete(&folder, VAULT, "k", "two");
    refresh(f);
    expect_served(f, key, true);
}

/* Of a template, each account may have a key of its own. */
static void test_accounts_of_a_template(void **state)
{
    struct fixture *f = *state;
    yyjson_val *shown;

#define IN_TEMPLATE(name, version)                              \
    "{\"type\":\"Microsoft.CognitiveServices/"                  \
    "accounts\",\"apiVersion\":\"2024-10-01\",\"name\":\"" name \
    "\"," ENCRYPTED_ACCOUNT(KEY_OF("k", "\"" version "\"")) "}"
    shown = expect(f, 201, HTTP_PUT,
                   G "/providers/Microsoft.Resources/deployments/d?api-version=2022-09-01",
                   "{\"properties\":{\"mode\":\"Incremental\",\"template\":{\"$schema\":\"https://"
                   "schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\","
                   "\"contentVersion\":\"1.0.0.0\",\"resources\":[" IN_TEMPLATE(
                       "first", "one") "," IN_TEMPLATE("second", "two") "]}}}");
    assert_text(shown, "properties.provisioningState", "Succeeded");
}

static void test_a_new_key_is_wrapped_too(void **state)
{
    struct fixture *f = *state;
    const char *before = key_of(f, A), *after;

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    after = yyjson_get_str(
        json_at(expect(f, 200, HTTP_POST, A "/regenerateKey" V, "{\"keyName\":\"Key1\"}"), "key1"));
    assert_string_not_equal(before, after);
    expect_wrapper(f, "one");
    restart(f);
    assert_string_equal(key_of(f, A), after);
}

/* A write that says nothing of encryption leaves it alone, and asks no vault. */
static void test_other_writes(void **state)
{
    struct fixture *f = *state;

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    key_vault_configure(f->vault, &(struct key_vault_source){ 0 });
    expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{\"a\":\"b\"}}");
    expect(f, 200, HTTP_PUT, A V,
           "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\"}");
    assert_text(expect(f, 200, HTTP_GET, A V, NULL),
                "properties.encryption.keyVaultProperties.keyVersion", "one");
    expect(f, 200, HTTP_PUT, A V, NEW_ACCOUNT(KEY_OF("k", "\"one\"")));
    expect_wrapper(f, "one");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *body, *code, *target, *words;
    } cases[] = {
        { ENCRYPT("none", "one"), "BadRequest", "properties.encryption.keyVaultProperties",
          "Unable to access the key 'none' of the key vault 'https://v.vault.azure.net/'" },
        { ENCRYPT("k", "three"), "BadRequest", "properties.encryption.keyVaultProperties",
          "Unable to access the key 'k'" },
        { ENCRYPT("../k", "one"), "BadRequest", "properties.encryption.keyVaultProperties.keyName",
          "1 to 127 letters" },
        { ENCRYPT("k", "a.b"), "BadRequest", "properties.encryption.keyVaultProperties.keyVersion",
          "'a.b'" },
        { "{\"properties\":{\"encryption\":{\"keyVaultProperties\":{\"keyName\":\"k\","
          "\"keyVaultUri\":\"http://v/\"}}}}",
          "BadRequest", "properties.encryption.keyVaultProperties.keyVaultUri", "'http://v/'" },
        { "{\"properties\":{\"encryption\":{\"keyVaultProperties\":{\"keyName\":\"k\"}}}}",
          "InvalidRequestContent", "properties.encryption.keyVaultProperties.keyVaultUri",
          "required" },
        { "{\"properties\":{\"encryption\":{\"keyVaultProperties\":{\"keyName\":\"k\","
          "\"keyVaultUri\":\"https://v/\",\"identityClientId\":\"me\"}}}}",
          "BadRequest", "properties.encryption.keyVaultProperties.identityClientId", "a GUID" },
    };
    struct fixture *f = *state;
    const char *key = key_of(f, A);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_error(f, 400, cases[i].code, cases[i].words, HTTP_PATCH, A V, cases[i].body);
        assert_text(call(f, HTTP_PATCH, A V, cases[i].body).body, "error.target", cases[i].target);
    }
    expect_wrapper(f, "");
    assert_absent(expect(f, 200, HTTP_GET, A V, NULL), "properties.encryption");
    assert_string_equal(key_of(f, A), key);
    expect_error(f, 400, "BadRequest", "Unable to access", HTTP_PUT, OTHER V,
                 NEW_ACCOUNT(KEY_OF("none", "\"one\"")));
    expect(f, 404, HTTP_GET, OTHER V, NULL);
    key_vault_configure(f->vault, &(struct key_vault_source){ 0 });
    expect_error(f, 400, "BadRequest", "Unable to access", HTTP_PATCH, A V, ENCRYPT("k", "one"));
}

static size_t count_events(struct fixture *f)
{
    return count_of(expect(f, 200, HTTP_GET,
                           S "/providers/Microsoft.Insights/eventtypes/management/values"
                             "?api-version=2015-04-01"
                             "&$filter=eventTimestamp%20ge%20'2000-01-01T00:00:00Z'",
                           NULL));
}

/* The activity log has one event of a write, though it was tried twice. */
static void test_a_write_is_one_event(void **state)
{
    struct fixture *f = *state;
    size_t before = count_events(f);

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    assert_int_equal(count_events(f), before + 1);
    expect(f, 400, HTTP_PATCH, A V, ENCRYPT("none", "one"));
    assert_int_equal(count_events(f), before + 2);
}

/* -- Losing it ---------------------------------------------------------------------------------- */

static void expect_locked(struct fixture *f)
{
    static const char words[] = "The key vault key is not found to unwrap the encryption key.";
    static const char code[] = "KeyVaultEncryptionKeyNotFound";

    expect_error(f, 403, code, words, HTTP_POST, A "/listKeys" V, NULL);
    expect_error(f, 403, code, words, HTTP_POST, A "/regenerateKey" V, "{\"keyName\":\"Key1\"}");
    expect_error(f, 403, code, words, HTTP_PATCH, A V, BY_THE_SERVICE);
    expect_error(f, 403, code, words, HTTP_PATCH, A V, ENCRYPT("k", "two"));
    expect(f, 200, HTTP_GET, A V, NULL);
    expect(f, 200, HTTP_PATCH, A V, "{\"tags\":{\"a\":\"b\"}}");
}

static void test_without_its_key_an_account_is_locked(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A), *other;

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    expect(f, 201, HTTP_PUT, OTHER V, NEW_ACCOUNT(KEY_OF("k", "\"two\"")));
    other = key_of(f, OTHER);
    vault_folder_delete(&folder, VAULT, "k", "one");
    refresh(f);
    expect_locked(f);
    expect_served(f, key, true);
    expect_served(f, other, false);
    restart(f);
    expect_locked(f);
    expect_served(f, key, true);
    expect_served(f, other, false);
    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    refresh(f);
    expect_served(f, key, false);
    assert_string_equal(key_of(f, A), key);
}

static void test_a_locked_account_can_be_deleted(void **state)
{
    struct fixture *f = *state;

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    vault_folder_delete(&folder, VAULT, "k", "one");
    refresh(f);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 202, HTTP_DELETE, DELETED V, NULL);
}

/* -- Rotation ----------------------------------------------------------------------------------- */

static void test_the_newest_version_wraps(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A);
    struct str etag;

    expect(f, 200, HTTP_PATCH, A V, NEWEST);
    expect_wrapper(f, "one");
    etag = call(f, HTTP_GET, A V, NULL).etag;
    vault_folder_write(&folder, VAULT, "k", "current", "two\n");
    refresh(f);
    expect_wrapper(f, "two");
    assert_absent(expect(f, 200, HTTP_GET, A V, NULL),
                  "properties.encryption.keyVaultProperties.keyVersion");
    assert_true(str_equal(call(f, HTTP_GET, A V, NULL).etag, etag));
    vault_folder_delete(&folder, VAULT, "k", "one");
    refresh(f);
    restart(f);
    assert_string_equal(key_of(f, A), key);
    expect_served(f, key, false);
}

/* The newest version is not to be had: the one that wraps goes on. */
static void test_a_rotation_that_does_not_come_to_be(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A);

    expect(f, 200, HTTP_PATCH, A V, NEWEST);
    vault_folder_write(&folder, VAULT, "k", "current", "three");
    refresh(f);
    expect_wrapper(f, "one");
    restart(f);
    assert_string_equal(key_of(f, A), key);
    vault_folder_write(&folder, VAULT, "k", "current", "two");
    vault_folder_delete(&folder, VAULT, "k", "one");
    refresh(f);
    expect_served(f, key, true);
    expect_wrapper(f, "one");
    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    refresh(f);
    expect_served(f, key, false);
    expect_wrapper(f, "two");
}

static void expect_wrappers(struct fixture *f, const char *version)
{
    expect_wrapper_in(f, A, false, version);
    expect_wrapper_in(f, OTHER, false, version);
    expect_wrapper_in(f, GONE, true, version);
}

/* What is heard of the vault in the middle of a look does not part accounts with one key. A refresh, as at
 * the start, looks twice: each look goes on to the version that it has heard of first. */
static void test_a_look_goes_on_to_one_version(void **state)
{
    static const char *const newer[] = { "three", "four", "five", "six", "seven", NULL };
    struct fixture *f = *state;

    for (size_t i = 0; newer[i]; i++)
        vault_folder_put(&folder, VAULT, "k", newer[i], (char)('c' + i));
    expect(f, 200, HTTP_PATCH, A V, NEWEST);
    expect(f, 201, HTTP_PUT, OTHER V, NEW_ACCOUNT(KEY_OF("k", "null")));
    expect(f, 201, HTTP_PUT, GONE V, NEW_ACCOUNT(KEY_OF("k", "null")));
    expect(f, 200, HTTP_DELETE, GONE V, NULL);
    expect_wrappers(f, "one");
    vault_folder_write(&folder, VAULT, "k", "current", "two");
    rotation = newer;
    refresh(f);
    rotation = NULL;
    expect_wrappers(f, "three");
    refresh(f);
    expect_wrappers(f, "four");
}

/* A named version stays, whatever the newest is. */
static void test_a_version_that_is_named_is_not_rotated(void **state)
{
    struct fixture *f = *state;

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    vault_folder_write(&folder, VAULT, "k", "current", "two");
    refresh(f);
    expect_wrapper(f, "one");
    expect(f, 200, HTTP_PATCH, A V,
           "{\"properties\":{\"encryption\":{\"keyVaultProperties\":{\"keyName\":\"k\"}}}}");
    expect_wrapper(f, "two");
    expect(f, 200, HTTP_PATCH, A V,
           "{\"properties\":{\"encryption\":{\"keyVaultProperties\":{\"keyVersion\":\"one\"}}}}");
    expect_wrapper(f, "one");
    expect(f, 200, HTTP_PATCH, A V, NEWEST);
    expect_wrapper(f, "two");
}

/* -- Soft delete -------------------------------------------------------------------------------- */

static void test_a_deleted_account_is_rotated_too(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A);

    expect(f, 200, HTTP_PATCH, A V, NEWEST);
    expect(f, 200, HTTP_DELETE, A V, NULL);
    vault_folder_write(&folder, VAULT, "k", "current", "two");
    refresh(f);
    vault_folder_delete(&folder, VAULT, "k", "one");
    restart(f);
    expect(f, 201, HTTP_PUT, A V, "{\"location\":\"eastus\",\"properties\":{\"restore\":true}}");
    assert_string_equal(key_of(f, A), key);
    expect_served(f, key, false);
    expect_wrapper(f, "two");
}

static void test_restored_with_another_key(void **state)
{
    struct fixture *f = *state;
    const char *key = key_of(f, A);

    expect(f, 200, HTTP_PATCH, A V, ENCRYPT("k", "one"));
    expect(f, 200, HTTP_DELETE, A V, NULL);
    expect(f, 201, HTTP_PUT, A V,
           "{\"location\":\"eastus\",\"properties\":{\"restore\":true,\"encryption\":" KEY_OF(
               "k", "\"two\"") "}}");
    expect_wrapper(f, "two");
    assert_string_equal(key_of(f, A), key);
}

#define T(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_key_that_is_named_wraps),
        T(test_accounts_of_a_template),
        T(test_an_account_that_is_made_with_one),
        T(test_a_new_key_is_wrapped_too),
        T(test_other_writes),
        T(test_what_is_refused),
        T(test_a_write_is_one_event),
        T(test_without_its_key_an_account_is_locked),
        T(test_a_locked_account_can_be_deleted),
        T(test_the_newest_version_wraps),
        T(test_a_rotation_that_does_not_come_to_be),
        T(test_a_look_goes_on_to_one_version),
        T(test_a_version_that_is_named_is_not_rotated),
        T(test_a_deleted_account_is_rotated_too),
        T(test_restored_with_another_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
