/* What the directory holds after writes: always what a start would read out of the store.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arm/publish.h"
#include "fixture.h"

#define OTHER G "/providers/Microsoft.CognitiveServices/accounts/other"
#define NEW_ACCOUNT \
    "{\"kind\":\"OpenAI\",\"sku\":{\"name\":\"S0\"},\"location\":\"eastus\",\"properties\":{}}"
#define CAPACITY(n)                                         \
    "{\"sku\":{\"name\":\"Standard\",\"capacity\":" #n "}," \
    "\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}}}"

#define SPILLING(more)                                            \
    "{\"sku\":{\"name\":\"ProvisionedManaged\",\"capacity\":50}," \
    "\"properties\":{\"model\":{\"name\":\"gpt-35-turbo\"}" more "}}"

static const char *const accounts[] = { "myAccount", "other" };
static const char *const deployments[] = { "a", "b", "c", "d" };

static void assert_same_deployment(const struct directory_deployment *x,
                                   const struct directory_deployment *y)
{
    assert_int_equal(x != NULL, y != NULL);
    if (!x || !y)
        return;
    assert_true(str_equal(x->key, y->key));
    assert_true(str_equal(x->name, y->name));
    assert_ptr_equal(x->model, y->model);
    assert_ptr_equal(x->engine, y->engine);
    assert_int_equal(x->capacity, y->capacity);
    assert_memory_equal(&x->limits, &y->limits, sizeof(x->limits));
    assert_int_equal(x->is_ready, y->is_ready);
    assert_true(str_equal(x->spillover, y->spillover));
}

/* The directory as writes have made it, and as a start makes it of the store. */
static void assert_as_stored(struct fixture *f)
{
    struct directory *now = directory_box_get(f->directory), *loaded;
    struct error err;

    assert_true(arm_load_directory(f->arm, &err));
    loaded = directory_box_get(f->directory);
    assert_int_equal(directory_count(now), directory_count(loaded));
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        const struct directory_account *x = directory_by_name(now, str_from(accounts[i]));
        const struct directory_account *y = directory_by_name(loaded, str_from(accounts[i]));

        assert_int_equal(x != NULL, y != NULL);
        if (!x || !y)
            continue;
        assert_memory_equal(x->key_digests, y->key_digests, sizeof(x->key_digests));
        assert_int_equal(x->local_auth_disabled, y->local_auth_disabled);
        assert_int_equal(x->is_locked, y->is_locked);
        for (size_t k = 0; k < ARRAY_LEN(deployments); k++)
            assert_same_deployment(directory_deployment(x, str_from(deployments[k])),
                                   directory_deployment(y, str_from(deployments[k])));
    }
    /* on with the one that writes have made */
    directory_box_swap(f->directory, now);
    directory_unref(loaded);
}

/* NULL: it names none. */
static void expect_spillover(struct fixture *f, const char *deployment, const char *wanted)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_deployment *found =
        directory_deployment(directory_by_name(d, STR("myaccount")), str_from(deployment));

    assert_non_null(found);
    assert_true(str_equal(found->spillover, wanted ? str_from(wanted) : STR_NONE));
    directory_unref(d);
}

static unsigned capacity_of(struct fixture *f, const char *account, const char *deployment)
{
    struct directory *d = directory_box_get(f->directory);
    const struct directory_deployment *found =
        directory_deployment(directory_by_name(d, str_from(account)), str_from(deployment));
    unsigned capacity = found ? found->capacity : 0;

    directory_unref(d);
    return capacity;
}

static void test_each_write(void **state)
{
    static const struct {
        int status;
        enum http_method method;
        const char *path, *body;
    } writes[] = {
        { 201, HTTP_PUT, A "/deployments/b" V, CAPACITY(1) },
        { 201, HTTP_PUT, A "/deployments/a" V, CAPACITY(2) },
        { 201, HTTP_PUT, OTHER V, NEW_ACCOUNT },
        { 201, HTTP_PUT, OTHER "/deployments/b" V, CAPACITY(3) },
        { 200, HTTP_PUT, A "/deployments/B" V, CAPACITY(4) },
        { 201, HTTP_PUT, A "/deployments/c" V, CAPACITY(5) },
        { 200, HTTP_POST, A "/regenerateKey" V, "{\"keyName\":\"Key1\"}" },
        { 200, HTTP_PATCH, A V, "{\"properties\":{\"disableLocalAuth\":true}}" },
        { 200, HTTP_DELETE, A "/deployments/A" V, NULL },
        { 204, HTTP_DELETE, A "/deployments/a" V, NULL },
        { 200, HTTP_PUT, A V, NEW_ACCOUNT },
        { 200, HTTP_DELETE, OTHER "/deployments/b" V, NULL },
        { 200, HTTP_DELETE, OTHER V, NULL },
        { 201, HTTP_PUT, A "/deployments/d" V, CAPACITY(6) },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        expect(f, writes[i].status, writes[i].method, writes[i].path, writes[i].body);
        assert_as_stored(f);
    }
    assert_int_equal(capacity_of(f, "myAccount", "a"), 0);
    assert_int_equal(capacity_of(f, "myAccount", "b"), 4);
    assert_int_equal(capacity_of(f, "myAccount", "d"), 6);
    expect(f, 202, HTTP_DELETE, G V, NULL);
    assert_as_stored(f);
}

static void test_where_requests_spill_over_to(void **state)
{
    struct fixture *f = *state;

    expect(f, 201, HTTP_PUT, A "/deployments/a" V, CAPACITY(1));
    expect(f, 201, HTTP_PUT, A "/deployments/b" V, SPILLING(",\"spilloverDeploymentName\":\"a\""));
    assert_as_stored(f);
    expect_spillover(f, "b", "a");
    expect_spillover(f, "a", NULL);
    expect(f, 200, HTTP_PUT, A "/deployments/b" V, SPILLING(""));
    assert_as_stored(f);
    expect_spillover(f, "b", NULL);
}

/* Who was in flight stays counted, whatever is written of the deployment or its account. */
static void test_counters_stay(void **state)
{
    static const char *const writes[][2] = {
        { A "/deployments/a" V, CAPACITY(2) },
        { A V, NEW_ACCOUNT },
        { A "/deployments/b" V, CAPACITY(1) },
    };
    struct fixture *f = *state;
    struct deployment_counters *counters;
    struct directory *first, *now;

    expect(f, 201, HTTP_PUT, A "/deployments/a" V, CAPACITY(1));
    first = directory_box_get(f->directory);
    counters = directory_deployment(directory_by_name(first, STR("myaccount")), STR("a"))->counters;
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        call(f, HTTP_PUT, writes[i][0], writes[i][1]);
        now = directory_box_get(f->directory);
        assert_ptr_not_equal(now, first);
        assert_ptr_equal(
            directory_deployment(directory_by_name(now, STR("myaccount")), STR("a"))->counters,
            counters);
        directory_unref(now);
    }
    directory_unref(first);
}

/* What parts of a call change is published once with it, where that reads all there is. */
static void test_parts(void **state)
{
    struct fixture *f = *state;
    struct arm_call outer = { .arm = f->arm, .arena = f->arena };
    unsigned roles = 0, principals = 0, changed = 0;

    for (int i = 0; i < 3; i++) {
        struct arm_call part = { .arm = f->arm, .arena = f->arena };

        arm_publish_roles(&part);
        arm_publish_account(&part, STR("/a"));
        arm_publish_principal(&part, STR("someone"));
        arm_publish_adopt(&outer, &part);
    }
    for (const struct arm_publication *p = outer.publications; p; p = p->next) {
        roles += p->has_roles;
        principals += p->has_principals;
        changed += p->account_key.len > 0;
    }
    assert_int_equal(roles, 1);
    assert_int_equal(principals, 1);
    assert_int_equal(changed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_write, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_parts, fixture_set_up_account, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_where_requests_spill_over_to, fixture_set_up_account,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_counters_stay, fixture_set_up_account,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
