/* SPDX-License-Identifier: MIT */
#include "server/bootstrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/format.h"
#include "server/key_secret.h"

#define BASE STR("http://127.0.0.1:4270")

/* A data folder with all that a start opens. */
struct place {
    char folder[40], key[64], database[64];
    struct secret_box *box;
    struct key_vault *vault;
    struct store *store;
    struct key_hash *hash;
    struct catalog *catalog;
    struct directory_box *directory;
    struct clock clock;
    struct arm *arm;
    struct arena *arena;
    struct bootstrap_info info;
};

static const struct bootstrap_endpoint endpoint = {
    .public_base = { "http://127.0.0.1:4270", 21 },
    .secure_base = { "https://127.0.0.1:4270", 22 },
    .authority_file = { "tls/ca.pem", 10 },
};
static struct error err;

static void must(bool ok)
{
    if (!ok)
        fail_msg("%s", err.text);
}

static void start(struct place *p)
{
    struct arm_options options;

    p->arena = arena_new(NULL);
    p->box = secret_box_new_from_file(p->key, true, &err);
    must(p->box);
    p->vault = key_vault_new();
    p->store = store_open(p->database, &err);
    must(p->store);
    must(key_secret_open(p->store, p->box, &p->hash, &err));
    p->catalog = catalog_parse(catalog_default_text(), "built-in catalog", &err);
    must(p->catalog);
    p->directory = directory_box_new(directory_new(p->catalog, NULL, 0));
    must(bootstrap_identity(p->store, p->box, &endpoint, p->arena, &p->info, &err));
    options = (struct arm_options){
        .store = p->store,
        .clock = &p->clock,
        .catalog = p->catalog,
        .directory = p->directory,
        .box = p->box,
        .vault = p->vault,
        .key_hash = p->hash,
        .tenant_id = p->info.tenant_id,
        .public_base = BASE,
    };
    p->arm = arm_new(&options);
    must(arm_load_directory(p->arm, &err));
}

static void stop(struct place *p)
{
    store_close(p->store);
    arm_free(p->arm);
    directory_box_free(p->directory);
    catalog_unref(p->catalog);
    key_hash_free(p->hash);
    key_vault_free(p->vault);
    secret_box_free(p->box);
    arena_free(p->arena);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    snprintf(p->folder, sizeof(p->folder), "/tmp/lazuli-boot-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->key, sizeof(p->key), "%s/key", p->folder);
    snprintf(p->database, sizeof(p->database), "%s/lazuli.db", p->folder);
    start(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[64];

    stop(p);
    snprintf(command, sizeof(command), "rm -r %s", p->folder);
    free(p);
    return system(command);
}

static const struct directory_account *account(struct place *p, struct directory **d)
{
    *d = directory_box_get(p->directory);
    return directory_by_name(*d, STR(BOOTSTRAP_ACCOUNT));
}

static void ids_and_token_are_made_once(void **state)
{
    struct place *p = *state;
    char tenant[64], token[64];

    assert_true(format_is_guid(p->info.tenant_id));
    assert_true(format_is_guid(p->info.subscription_id));
    assert_false(str_equal(p->info.tenant_id, p->info.subscription_id));
    assert_int_equal(p->info.admin_token.len, 43);
    snprintf(tenant, sizeof(tenant), "%.*s", STR_ARGS(p->info.tenant_id));
    snprintf(token, sizeof(token), "%.*s", STR_ARGS(p->info.admin_token));
    stop(p);
    start(p);
    assert_true(str_equal(p->info.tenant_id, str_from(tenant)));
    assert_true(str_equal(p->info.admin_token, str_from(token)));
}

static void the_quickstart_makes_what_its_pages_call(void **state)
{
    static const char *const names[] = { "gpt-35-turbo", "gpt-4", "text-embedding-ada-002" };
    const struct directory_account *a;
    struct place *p = *state;
    struct bootstrap_info info;
    uint8_t digest[KEY_HASH_BYTES];
    struct directory *d;

    must(bootstrap_resources(p->store, p->arm, true, &p->info, &err));
    must(arm_load_directory(p->arm, &err));
    a = account(p, &d);
    assert_non_null(a);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct directory_deployment *deployment = directory_deployment(a, str_from(names[i]));

        assert_non_null(deployment);
        assert_true(deployment->is_ready);
    }
    must(bootstrap_read(p->store, p->box, p->vault, p->arena, &info, &err));
    assert_true(str_equal(info.account, STR(BOOTSTRAP_ACCOUNT)));
    assert_true(str_equal(info.resource_group, STR(BOOTSTRAP_GROUP)));
    assert_true(str_equal(info.endpoint.public_base, endpoint.public_base));
    assert_true(str_equal(info.endpoint.secure_base, endpoint.secure_base));
    assert_true(str_equal(info.endpoint.authority_file, endpoint.authority_file));
    assert_true(str_equal(info.admin_token, p->info.admin_token));
    key_hash_digest(p->hash, info.key1, digest);
    assert_memory_equal(digest, a->key_digests[0], sizeof(digest));
    directory_unref(d);
}

static void a_second_start_changes_nothing(void **state)
{
    struct bootstrap_info first, second;
    struct place *p = *state;
    struct directory *d;
    char key[128];

    must(bootstrap_resources(p->store, p->arm, true, &p->info, &err));
    must(bootstrap_read(p->store, p->box, p->vault, p->arena, &first, &err));
    snprintf(key, sizeof(key), "%.*s", STR_ARGS(first.key1));
    stop(p);
    start(p);
    must(bootstrap_resources(p->store, p->arm, true, &p->info, &err));
    must(bootstrap_read(p->store, p->box, p->vault, p->arena, &second, &err));
    assert_true(str_equal(second.key1, str_from(key)));
    must(arm_load_directory(p->arm, &err));
    assert_non_null(account(p, &d));
    directory_unref(d);
}

static void without_the_quickstart_there_is_no_account(void **state)
{
    struct place *p = *state;
    struct bootstrap_info info;
    struct directory *d;

    must(bootstrap_resources(p->store, p->arm, false, &p->info, &err));
    must(bootstrap_read(p->store, p->box, p->vault, p->arena, &info, &err));
    assert_int_equal(info.account.len, 0);
    assert_int_equal(info.key1.len, 0);
    assert_null(account(p, &d));
    directory_unref(d);
}

static bool owns_subscription(struct place *p)
{
    const struct rbac_principal who = { .object_id = p->info.object_id };
    struct directory *d = directory_box_get(p->directory);
    struct str scope =
        arena_printf(p->arena, "/subscriptions/%.*s", STR_ARGS(p->info.subscription_id));
    bool owns = rbac_allows(directory_roles(d), &who, RBAC_ACTION,
                            STR("Microsoft.Authorization/roleAssignments/write"), scope);

    directory_unref(d);
    return owns;
}

static bool delete_assignments(struct store_txn *t, struct arena *arena, void *data,
                               struct error *e)
{
    struct store_query query = { .type = STR("microsoft.authorization/roleassignments") };
    struct store_resource *found;
    struct place *p = data;
    struct str reply;
    size_t count;
    int status;

    if (!store_list(t, &query, &found, &count, e))
        return false;
    assert_int_equal(count, 1);
    return arm_apply(p->arm, t, arena, HTTP_DELETE,
                     arena_printf(arena, "%.*s?api-version=2022-04-01", STR_ARGS(found[0].id)),
                     STR_NONE, &status, &reply, e);
}

/* Once: who has taken that away does not find it again after the next start. */
static void the_first_principal_owns_the_subscription(void **state)
{
    struct place *p = *state;

    must(bootstrap_resources(p->store, p->arm, false, &p->info, &err));
    assert_false(owns_subscription(p));
    must(arm_load_directory(p->arm, &err));
    assert_true(owns_subscription(p));
    stop(p);
    start(p);
    must(bootstrap_resources(p->store, p->arm, false, &p->info, &err));
    must(arm_load_directory(p->arm, &err));
    assert_true(owns_subscription(p));
    must(store_run(p->store, delete_assignments, p, &err));
    must(bootstrap_resources(p->store, p->arm, false, &p->info, &err));
    must(arm_load_directory(p->arm, &err));
    assert_false(owns_subscription(p));
}

static void an_empty_folder_tells_nothing(void **state)
{
    struct place *p = *state;
    struct bootstrap_info info;
    struct store *empty;
    char path[64];

    snprintf(path, sizeof(path), "%s/empty.db", p->folder);
    empty = store_open(path, &err);
    must(empty);
    must(bootstrap_read(empty, p->box, p->vault, p->arena, &info, &err));
    assert_int_equal(info.tenant_id.len + info.admin_token.len + info.account.len, 0);
    store_close(empty);
}

/* The secret of the hash stays: digests in the store must match after a restart. */
static void the_hash_is_the_same_after_a_restart(void **state)
{
    uint8_t before[KEY_HASH_BYTES], after[KEY_HASH_BYTES];
    struct place *p = *state;

    key_hash_digest(p->hash, STR("a key"), before);
    stop(p);
    start(p);
    key_hash_digest(p->hash, STR("a key"), after);
    assert_memory_equal(before, after, sizeof(before));
}

static void another_master_key_opens_nothing(void **state)
{
    struct place *p = *state;
    struct secret_box *other;
    struct bootstrap_info info;
    struct key_hash *hash = NULL;
    char path[64];

    snprintf(path, sizeof(path), "%s/other", p->folder);
    other = secret_box_new_from_file(path, true, &err);
    must(other);
    assert_false(key_secret_open(p->store, other, &hash, &err));
    assert_int_equal(err.code, ERROR_STORE);
    assert_non_null(strstr(err.text, "master key"));
    assert_null(hash);
    assert_false(bootstrap_read(p->store, other, p->vault, p->arena, &info, &err));
    secret_box_free(other);
}

static void the_endpoint_is_that_of_the_last_start(void **state)
{
    const struct bootstrap_endpoint later = { .public_base = STR("http://127.0.0.1:4271") };
    struct bootstrap_info info;
    struct place *p = *state;

    must(bootstrap_note_endpoint(p->store, &later, p->arena, &err));
    must(bootstrap_read(p->store, p->box, p->vault, p->arena, &info, &err));
    assert_true(str_equal(info.endpoint.public_base, later.public_base));
    assert_true(str_is_empty(info.endpoint.secure_base));
    assert_true(str_is_empty(info.endpoint.authority_file));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_and_token_are_made_once),
        TEST(the_quickstart_makes_what_its_pages_call),
        TEST(a_second_start_changes_nothing),
        TEST(without_the_quickstart_there_is_no_account),
        TEST(an_empty_folder_tells_nothing),
        TEST(the_hash_is_the_same_after_a_restart),
        TEST(another_master_key_opens_nothing),
        TEST(the_first_principal_owns_the_subscription),
        TEST(the_endpoint_is_that_of_the_last_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
