/* SPDX-License-Identifier: MIT */
#include "model/directory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "default_catalog.h"

#define SUB "/subscriptions/s/resourcegroups/"
#define CS "/providers/microsoft.cognitiveservices/accounts/"

static struct arena *arena;

static int set_up(void **state)
{
    arena = arena_new(NULL);
    return default_catalog_set_up(state);
}

static int tear_down(void **state)
{
    arena_free(arena);
    return default_catalog_tear_down(state);
}

static void make_digest(uint8_t digest[KEY_DIGEST_BYTES], unsigned number, unsigned key)
{
    size_t i;

    for (i = 0; i < KEY_DIGEST_BYTES; i++)
        digest[i] = (uint8_t)((number * 2 + key + 1) * 2654435761u >> (i % 4 * 8));
}

static struct str key_of(const char *group, const char *name)
{
    return arena_lower(arena, arena_printf(arena, SUB "%s" CS "%s", group, name));
}

/* An account whose keys have the digests of `number`, with the named deployments. */
static struct directory_entry *make_in(const char *group, const char *name, unsigned number,
                                       const struct directory_entry *previous,
                                       const char *const *deployments, size_t count)
{
    struct directory_account a = {
        .key = key_of(group, name),
        .name = str_from(name),
        .kind = STR("OpenAI"),
        .location = STR("eastus"),
        .domain = arena_lower(arena, arena_printf(arena, "%s-domain", name)),
    };
    struct directory_entry *e;
    size_t i;

    make_digest(a.key_digests[0], number, 0);
    make_digest(a.key_digests[1], number, 1);
    e = directory_entry_new(&a, NULL);
    for (i = 0; i < count; i++) {
        struct directory_deployment d = {
            .key = arena_lower(
                arena, arena_printf(arena, "%.*s/deployments/%s", STR_ARGS(a.key), deployments[i])),
            .name = str_from(deployments[i]),
            .model = catalog_find_model(catalog, STR("OpenAI"), STR("gpt-4"), STR_NONE),
            .sku = STR("Standard"),
            .capacity = 10,
            .is_ready = true,
        };

        directory_entry_put(e, &d, catalog, previous);
    }
    return e;
}

static struct directory_entry *make(const char *name, unsigned number)
{
    static const char *const deployments[] = { "gpt-4", "Embed", "chat" };

    return make_in("rg", name, number, NULL, deployments, ARRAY_LEN(deployments));
}

static const char *name_at(unsigned i)
{
    return arena_printf(arena, "Account-%u", i).data;
}

static struct directory *make_directory(unsigned count)
{
    struct directory_entry **entries = ARENA_ARRAY(arena, struct directory_entry *, count);
    unsigned i;

    for (i = 0; i < count; i++)
        entries[i] = make(name_at(i), i);
    return directory_new(catalog, entries, count);
}

/* -- Looking up ------------------------------------------------------------------------------ */

static void assert_found(const struct directory *d, unsigned i)
{
    const struct directory_account *a = directory_by_name(d, str_from(name_at(i)));
    uint8_t digest[KEY_DIGEST_BYTES];
    unsigned key;

    assert_non_null(a);
    assert_true(str_equal(a->name, str_from(name_at(i))));
    assert_ptr_equal(a, directory_entry_account(directory_entry_of(d, key_of("rg", name_at(i)))));
    assert_ptr_equal(a, directory_by_domain(d, arena_printf(arena, "ACCOUNT-%u-domain", i)));
    for (key = 0; key < 2; key++) {
        make_digest(digest, i, key);
        assert_ptr_equal(a, directory_by_key_digest(d, digest));
    }
}

static void assert_missing(const struct directory *d, unsigned i)
{
    uint8_t digest[KEY_DIGEST_BYTES];

    make_digest(digest, i, 0);
    assert_null(directory_by_key_digest(d, digest));
    assert_null(directory_by_name(d, str_from(name_at(i))));
    assert_null(directory_by_domain(d, arena_printf(arena, "account-%u-domain", i)));
    assert_null(directory_entry_of(d, key_of("rg", name_at(i))));
}

static void test_finds_by_each_way(void **state)
{
    struct directory *d = make_directory(100);
    unsigned i;

    (void)state;
    assert_int_equal(directory_count(d), 100);
    assert_ptr_equal(directory_catalog(d), catalog);
    for (i = 0; i < 100; i++)
        assert_found(d, i);
    assert_missing(d, 100);
    assert_null(directory_by_name(d, STR_NONE));
    assert_null(directory_by_domain(d, STR_NONE));
    directory_unref(d);
}

static void test_an_empty_directory_finds_nothing(void **state)
{
    struct directory *d = directory_new(catalog, NULL, 0);

    (void)state;
    assert_int_equal(directory_count(d), 0);
    assert_missing(d, 0);
    directory_unref(d);
}

static void test_one_wrong_bit_of_a_digest_is_no_key(void **state)
{
    struct directory *d = make_directory(3);
    uint8_t digest[KEY_DIGEST_BYTES];
    size_t i;

    (void)state;
    for (i = 0; i < KEY_DIGEST_BYTES; i++) {
        make_digest(digest, 1, 0);
        digest[i] ^= 1;
        assert_null(directory_by_key_digest(d, digest));
    }
    directory_unref(d);
}

static void test_finds_deployments_in_any_case(void **state)
{
    struct directory *d = make_directory(1);
    const struct directory_account *a = directory_by_name(d, STR("ACCOUNT-0"));
    const struct directory_deployment *found;

    (void)state;
    found = directory_deployment(a, STR("GPT-4"));
    assert_non_null(found);
    assert_true(str_equal(found->name, STR("gpt-4")));
    found = directory_deployment(a, STR("embed"));
    assert_non_null(found);
    assert_true(str_equal(found->name, STR("Embed"))); /* as it was given */
    assert_non_null(directory_deployment(a, STR("chat")));
    assert_null(directory_deployment(a, STR("gpt-")));
    assert_null(directory_deployment(a, STR("gpt-45")));
    assert_null(directory_deployment(a, STR_NONE));
    directory_unref(d);
}

/* Account names are unique in a resource group only. */
static void test_of_two_with_a_name_the_first_by_key_counts(void **state)
{
    struct directory_entry *entries[] = {
        make_in("zebra", "twin", 1, NULL, NULL, 0),
        make_in("ant", "twin", 2, NULL, NULL, 0),
    };
    struct directory *d = directory_new(catalog, entries, 2), *next;

    (void)state;
    assert_true(str_equal(directory_by_name(d, STR("Twin"))->key, key_of("ant", "twin")));
    next = directory_with(d, key_of("ant", "twin"), NULL);
    assert_true(str_equal(directory_by_name(next, STR("Twin"))->key, key_of("zebra", "twin")));
    assert_true(directory_has(next, STR("Twin"), STR_NONE));
    directory_unref(d);
    directory_unref(next);
}

/* -- Successors ------------------------------------------------------------------------------ */

static void test_a_successor_leaves_the_one_before_alone(void **state)
{
    struct directory *first = make_directory(20), *second, *third;

    (void)state;
    second = directory_with(first, key_of("rg", name_at(20)), make(name_at(20), 20));
    third = directory_with(second, key_of("RG", name_at(7)), NULL);
    assert_int_equal(directory_count(first), 20);
    assert_int_equal(directory_count(second), 21);
    assert_int_equal(directory_count(third), 20);
    assert_missing(first, 20);
    assert_found(second, 20);
    assert_found(second, 7);
    assert_missing(third, 7);
    assert_found(third, 20);
    assert_ptr_equal(directory_by_name(first, STR("account-3")),
                     directory_by_name(third, STR("account-3")));
    directory_unref(first);
    directory_unref(second);
    assert_found(third, 20);
    directory_unref(third);
}

/* Roles stay when accounts change, and accounts when roles do. */
static void test_roles(void **state)
{
    struct rbac *roles = rbac_new(NULL, 0, NULL, 0), *others = rbac_new(NULL, 0, NULL, 0);
    struct directory *first = make_directory(2), *second, *third, *fourth;

    (void)state;
    assert_null(directory_roles(first));
    second = directory_with_roles(first, roles);
    third = directory_with(second, key_of("rg", name_at(1)), NULL);
    fourth = directory_with_roles(third, others);
    directory_unref(first);
    assert_ptr_equal(directory_roles(second), roles);
    assert_found(second, 1);
    directory_unref(second);
    assert_ptr_equal(directory_roles(third), roles);
    directory_unref(third);
    assert_ptr_equal(directory_roles(fourth), others);
    assert_found(fourth, 0);
    assert_missing(fourth, 1);
    directory_unref(fourth);
}

static void test_a_replaced_account_has_only_its_new_keys(void **state)
{
    struct directory *first = make_directory(5), *second;
    uint8_t digest[KEY_DIGEST_BYTES];

    (void)state;
    second = directory_with(first, key_of("rg", name_at(2)), make(name_at(2), 77));
    assert_int_equal(directory_count(second), 5);
    make_digest(digest, 2, 0);
    assert_null(directory_by_key_digest(second, digest));
    assert_non_null(directory_by_key_digest(first, digest));
    make_digest(digest, 77, 1);
    assert_ptr_equal(directory_by_key_digest(second, digest),
                     directory_by_name(second, STR("account-2")));
    directory_unref(first);
    directory_unref(second);
}

static void test_removing_what_is_not_there(void **state)
{
    struct directory *first = make_directory(2);
    struct directory *second = directory_with(first, key_of("rg", "nobody"), NULL);

    (void)state;
    assert_int_equal(directory_count(second), 2);
    directory_unref(first);
    directory_unref(second);
}

/* Tables grow and shrink, and what is behind a removed slot is still found. */
static void test_many_changes(void **state)
{
    struct directory *d = directory_new(catalog, NULL, 0), *next;
    unsigned i;

    (void)state;
    for (i = 0; i < 300; i++) {
        next = directory_with(d, key_of("rg", name_at(i)), make(name_at(i), i));
        directory_unref(d);
        d = next;
    }
    for (i = 0; i < 300; i += 3) {
        next = directory_with(d, key_of("rg", name_at(i)), NULL);
        directory_unref(d);
        d = next;
    }
    assert_int_equal(directory_count(d), 200);
    for (i = 0; i < 300; i++) {
        if (i % 3)
            assert_found(d, i);
        else
            assert_missing(d, i);
    }
    directory_unref(d);
}

static void test_counters_survive_a_replacement(void **state)
{
    static const char *const before[] = { "a", "b" }, *const after[] = { "c", "A" };
    struct directory_entry *e = make_in("rg", "acc", 1, NULL, before, 2);
    struct directory *first = directory_new(catalog, &e, 1), *second;
    const struct directory_account *old = directory_by_name(first, STR("acc")), *new;
    struct deployment_counters *a = directory_deployment(old, STR("a"))->counters;

    (void)state;
    (void)rate_window_add(&a->rates.tokens, RATE_MINUTE_MS, 1000, 5);
    atomic_fetch_add(&a->in_flight, 1);
    second = directory_with(
        first, key_of("rg", "acc"),
        make_in("rg", "acc", 1, directory_entry_of(first, key_of("rg", "acc")), after, 2));
    directory_unref(first);
    new = directory_by_name(second, STR("acc"));
    assert_ptr_equal(directory_deployment(new, STR("a"))->counters, a);
    assert_int_equal(rate_window_look(&a->rates.tokens, RATE_MINUTE_MS, 1000).used, 5);
    assert_int_equal(atomic_load(&a->in_flight), 1);
    assert_int_equal(atomic_load(&directory_deployment(new, STR("c"))->counters->in_flight), 0);
    directory_unref(second);
}

static void test_an_entry_owns_its_strings(void **state)
{
    char name[] = "short-lived", domain[] = "dom";
    struct directory_account a = { .key = str_from(name),
                                   .name = str_from(name),
                                   .domain = str_from(domain) };
    struct directory_entry *e = directory_entry_new(&a, NULL);
    struct directory *d = directory_new(catalog, &e, 1);

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    memset(domain, 'x', sizeof(domain) - 1);
    assert_non_null(directory_by_name(d, STR("short-lived")));
    assert_non_null(directory_by_domain(d, STR("dom")));
    directory_unref(d);
}

/* -- The current snapshot -------------------------------------------------------------------- */

static void test_a_view_sees_a_swap_at_once(void **state)
{
    struct directory *first = make_directory(1), *held, *seen, *second;
    struct directory_box *box = directory_box_new(first);
    struct directory_view view;

    (void)state;
    directory_view_init(&view, box);
    held = directory_view_get(&view);
    assert_ptr_equal(held, first);
    second = directory_with(first, key_of("rg", name_at(1)), make(name_at(1), 1));
    directory_box_swap(box, second);
    seen = directory_view_get(&view);
    assert_ptr_equal(seen, second);
    assert_missing(held, 1); /* an exchange keeps the one that it began with */
    assert_found(seen, 1);
    directory_unref(held);
    directory_unref(seen);
    seen = directory_box_get(box);
    assert_ptr_equal(seen, second);
    directory_unref(seen);
    directory_view_done(&view);
    directory_box_free(box);
}

/* A loop that goes on to the next snapshot must not be the one that frees a whole directory. */
static void test_what_was_replaced_is_kept_until_the_next_swap(void **state)
{
    struct directory *first = make_directory(1), *second = make_directory(2);
    struct directory_box *box = directory_box_new(first);
    struct directory_view view;

    (void)state;
    directory_view_init(&view, box);
    directory_box_swap(box, second);
    directory_unref(directory_view_get(&view));
    assert_int_equal(directory_count(first), 1); /* AddressSanitizer knows */
    directory_box_swap(box, make_directory(3));
    assert_int_equal(directory_count(second), 2);
    directory_view_done(&view);
    directory_box_free(box);
}

#define READERS 3
#define SWAPS 10000

struct reading {
    struct directory_box *box;
    struct str first, second; /* one of the two is there in every snapshot, never both */
    atomic_bool *is_over;
    bool failed;
};

/* Everybody may read in every snapshot, whichever roles it has. */
static bool may_read(const struct directory *d)
{
    static const struct rbac_principal anybody = { .object_id = STR("anybody") };

    return rbac_allows(directory_roles(d), &anybody, RBAC_ACTION, STR("A/read"), STR("/x"));
}

static struct rbac *make_roles(void)
{
    static const struct rbac_assignment reader = { STR("anybody"),
                                                   STR("acdd72a7-3385-48ef-bd42-f606fba81ae7"),
                                                   STR("/") };

    return rbac_new(NULL, 0, &reader, 1);
}

static void *read_on(void *data)
{
    struct reading *r = data;
    struct directory_view view;

    directory_view_init(&view, r->box);
    while (!atomic_load(r->is_over)) {
        struct directory *d = directory_view_get(&view);
        const struct directory_account *a = directory_by_name(d, r->first);
        const struct directory_account *b = directory_by_name(d, r->second);

        if (!a == !b || !directory_deployment(a ? a : b, STR("chat")) || !may_read(d))
            r->failed = true;
        else
            atomic_fetch_add(&directory_deployment(a ? a : b, STR("chat"))->counters->in_flight, 1);
        directory_unref(d);
    }
    directory_view_done(&view);
    return NULL;
}

static void test_readers_and_a_writer(void **state)
{
    struct directory_entry *e = make("even", 0);
    struct directory *without = directory_new(catalog, &e, 1);
    struct directory_box *box = directory_box_new(directory_with_roles(without, make_roles()));
    struct str even = key_of("rg", "even"), odd = key_of("rg", "odd");
    struct reading readings[READERS];
    pthread_t threads[READERS];
    atomic_bool is_over = false;
    unsigned i;

    (void)state;
    directory_unref(without);
    for (i = 0; i < READERS; i++) {
        readings[i] = (struct reading){ box, STR("even"), STR("odd"), &is_over, false };
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readings[i]), 0);
    }
    for (i = 0; i < SWAPS; i++) {
        struct directory *now = directory_box_get(box);

        if (i % 8 == 0)
            directory_box_swap(box, directory_with_roles(now, make_roles()));
        without = directory_with(now, i % 2 ? odd : even, NULL);
        directory_box_swap(box, directory_with(without, i % 2 ? even : odd,
                                               i % 2 ? make("even", i) : make("odd", i)));
        directory_unref(without);
        directory_unref(now);
    }
    atomic_store(&is_over, true);
    for (i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(readings[i].failed);
    }
    directory_box_free(box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_each_way),
        cmocka_unit_test(test_an_empty_directory_finds_nothing),
        cmocka_unit_test(test_one_wrong_bit_of_a_digest_is_no_key),
        cmocka_unit_test(test_finds_deployments_in_any_case),
        cmocka_unit_test(test_of_two_with_a_name_the_first_by_key_counts),
        cmocka_unit_test(test_a_successor_leaves_the_one_before_alone),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_a_replaced_account_has_only_its_new_keys),
        cmocka_unit_test(test_removing_what_is_not_there),
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_counters_survive_a_replacement),
        cmocka_unit_test(test_an_entry_owns_its_strings),
        cmocka_unit_test(test_a_view_sees_a_swap_at_once),
        cmocka_unit_test(test_what_was_replaced_is_kept_until_the_next_swap),
        cmocka_unit_test(test_readers_and_a_writer),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
