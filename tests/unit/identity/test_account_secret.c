/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "identity/account_secret.h"
#include "vault_folder.h"

#define VAULT "v.vault.azure.net"
#define OWNER STR("/accounts/x")

static struct vault_folder folder;
static const struct key_reference one = { { VAULT, 17 }, { "k", 1 }, { "one", 3 } };
static const struct key_reference two = { { VAULT, 17 }, { "k", 1 }, { "two", 3 } };

struct fixture {
    struct account_sealer sealer;
    struct secret_box *box;
    struct key_hash *hash;
    struct arena *arena;
    struct account_keys keys;
};

static struct secret_box *box_of(char byte)
{
    uint8_t key[MASTER_KEY_BYTES];

    memset(key, byte, sizeof(key));
    return secret_box_new(key);
}

static void fetch(struct fixture *f, const struct key_reference *r)
{
    struct error err = { 0 };

    if (!key_vault_fetch(f->sealer.vault, r, &err))
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    static const uint8_t secret[KEY_HASH_SECRET_BYTES] = "a test's secret";
    struct fixture *f = calloc(1, sizeof(*f));

    vault_folder_make(&folder);
    vault_folder_put(&folder, VAULT, "k", "one", 'a');
    vault_folder_put(&folder, VAULT, "k", "two", 'b');
    f->box = box_of('m');
    f->hash = key_hash_new(secret);
    f->arena = arena_new(NULL);
    f->sealer = (struct account_sealer){ f->box, key_vault_new(), f->hash };
    vault_folder_use(&folder, f->sealer.vault);
    fetch(f, &one);
    account_keys_generate(&f->keys, ACCOUNT_KEY_LONG);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    key_vault_free(f->sealer.vault);
    secret_box_free(f->box);
    key_hash_free(f->hash);
    arena_free(f->arena);
    free(f);
    vault_folder_remove(&folder);
    return 0;
}

static struct str seal(struct fixture *f, const struct key_reference *wrapper)
{
    struct error err = { 0 };
    struct str sealed;

    if (!account_secret_seal(&f->sealer, f->arena, &f->keys, OWNER, wrapper, &sealed, &err))
        fail_msg("%s", err.text);
    return sealed;
}

static void expect_open(struct fixture *f, struct str sealed, const struct key_reference *by)
{
    struct account_keys keys = { 0 };
    struct key_reference wrapper;
    struct error err = { 0 };

    if (!account_secret_open(&f->sealer, f->arena, sealed, OWNER, &keys, &wrapper, &err))
        fail_msg("%s", err.text);
    assert_memory_equal(&keys, &f->keys, sizeof(keys));
    assert_true(str_equal(wrapper.version, by ? by->version : STR_NONE));
    assert_true(str_equal(wrapper.vault, by ? by->vault : STR_NONE));
}

static void expect_refused(struct fixture *f, struct str sealed, struct str owner,
                           enum error_code code)
{
    struct account_keys keys = { 0 }, none = { 0 };
    struct key_reference wrapper;
    struct error err = { 0 };

    assert_false(account_secret_open(&f->sealer, f->arena, sealed, owner, &keys, &wrapper, &err));
    assert_int_equal(err.code, code);
    assert_memory_equal(&keys, &none, sizeof(keys));
}

static void expect_state(struct fixture *f, struct str sealed, const struct key_reference *by,
                         bool is_locked)
{
    struct account_secret_state state;
    uint8_t digest[KEY_HASH_BYTES];
    struct error err = { 0 };

    if (!account_secret_look(&f->sealer, f->arena, sealed, OWNER, &state, &err))
        fail_msg("%s", err.text);
    assert_int_equal(state.is_wrapped, by != NULL);
    assert_int_equal(state.is_locked, is_locked);
    assert_true(str_equal(state.key.version, by ? by->version : STR_NONE));
    for (size_t i = 0; i < 2; i++) {
        key_hash_digest(f->hash, str_from(f->keys.key[i]), digest);
        assert_memory_equal(state.digests[i], digest, sizeof(digest));
    }
}

static void the_master_key_alone(void **state)
{
    struct fixture *f = *state;
    static const struct key_reference none = { 0 };
    struct str sealed = seal(f, NULL);

    expect_open(f, sealed, NULL);
    expect_state(f, sealed, NULL, false);
    expect_open(f, seal(f, &none), NULL);
    expect_refused(f, sealed, STR("/accounts/y"), ERROR_STORE);
}

static void wrapped_by_a_vaults_key(void **state)
{
    struct fixture *f = *state;
    struct str sealed = seal(f, &one), plain;
    struct error err;

    expect_open(f, sealed, &one);
    expect_state(f, sealed, &one, false);
    expect_refused(f, sealed, STR("/accounts/y"), ERROR_STORE);
    /* the store and the master key do not have them */
    assert_true(secret_box_open(f->box, f->arena, sealed, OWNER, &plain, &err));
    for (size_t i = 0; i < 2; i++)
        assert_true(str_find(plain, str_slice(str_from(f->keys.key[i]), 0, 6)) == SIZE_MAX);
}

static void the_key_has_to_be_there(void **state)
{
    struct fixture *f = *state;
    struct error err = { 0 };
    struct str sealed;

    assert_false(account_secret_seal(&f->sealer, f->arena, &f->keys, OWNER, &two, &sealed, &err));
    assert_int_equal(err.code, ERROR_ARM_KEY_VAULT);
    fetch(f, &two);
    sealed = seal(f, &two);
    vault_folder_delete(&folder, VAULT, "k", "two");
    key_vault_refresh(f->sealer.vault, false);
    expect_refused(f, sealed, OWNER, ERROR_ARM_KEY_VAULT);
    expect_state(f, sealed, &two, true);
    /* another one of that name does not open it either */
    vault_folder_put(&folder, VAULT, "k", "two", 'c');
    key_vault_refresh(f->sealer.vault, false);
    expect_refused(f, sealed, OWNER, ERROR_ARM_KEY_VAULT);
    expect_state(f, sealed, &two, true);
    vault_folder_put(&folder, VAULT, "k", "two", 'b');
    key_vault_refresh(f->sealer.vault, false);
    expect_open(f, sealed, &two);
    expect_state(f, sealed, &two, false);
}

/* The name of the key is bound to what it seals, and so is the account: what the master key's holder
 * puts together anew does not open, though the vault's keys are the same. */
static void nothing_can_be_exchanged(void **state)
{
    struct fixture *f = *state;
    struct str plain, moved;
    struct error err;
    size_t at;
    char *copy;

    vault_folder_put(&folder, VAULT, "k", "two", 'a');
    fetch(f, &two);
    assert_true(secret_box_open(f->box, f->arena, seal(f, &one), OWNER, &plain, &err));
    copy = arena_text(f->arena, plain);
    at = str_find(plain, STR("one\n"));
    assert_true(at != SIZE_MAX);
    memcpy(copy + at, "two", 3);
    moved = secret_box_seal(f->box, f->arena, str_of(copy, plain.len), OWNER);
    expect_refused(f, moved, OWNER, ERROR_ARM_KEY_VAULT);
    moved = secret_box_seal(f->box, f->arena, plain, STR("/accounts/y"));
    expect_refused(f, moved, STR("/accounts/y"), ERROR_ARM_KEY_VAULT);
    moved = secret_box_seal(f->box, f->arena, plain, OWNER);
    expect_open(f, moved, &one);
}

static void what_is_damaged_is_no_key_that_is_missing(void **state)
{
    static const char *const tails[] = {
        "", "v", "v\nk", "v\nk\nones", "\nk\none\nxxxx", "v\n..\none\nxxxx", "v\nk\n\nxxxx"
    };
    struct account_secret_state look;
    struct fixture *f = *state;
    struct error err;

    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        struct str parts[] = { str_of("\2", 1), str_of((char[32]){ 0 }, 32), str_from(tails[i]) };
        struct str sealed =
            secret_box_seal(f->box, f->arena, arena_join(f->arena, parts, 3), OWNER);

        expect_refused(f, sealed, OWNER, ERROR_STORE);
        assert_false(account_secret_look(&f->sealer, f->arena, sealed, OWNER, &look, &err));
        assert_int_equal(err.code, ERROR_STORE);
    }
}

#define T(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_master_key_alone),
        T(wrapped_by_a_vaults_key),
        T(the_key_has_to_be_there),
        T(nothing_can_be_exchanged),
        T(what_is_damaged_is_no_key_that_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
