/* The deployments of an account, which successive snapshots share.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/random.h"
#include "default_catalog.h"
#include "model/directory.h"

#define KEY STR("/subscriptions/s/resourcegroups/g/accounts/a")
#define NAMES 500

/* -- Successors ------------------------------------------------------------------------------ */

static struct str name_of(char text[16], unsigned n)
{
    snprintf(text, 16, "D-%u", n);
    return str_from(text);
}

/* An account with nothing in it. */
static struct directory *make_directory(void)
{
    struct directory_account account = { .key = KEY, .name = STR("a") };
    struct directory_entry *e = directory_entry_new(&account, NULL);

    return directory_new(catalog, &e, 1);
}

static const struct directory_account *account_of(const struct directory *d)
{
    return directory_by_name(d, STR("A"));
}

static struct directory_entry *successor_of(const struct directory *d)
{
    return directory_entry_new(account_of(d), directory_entry_of(d, KEY));
}

/* With deployment n, of that capacity. */
static struct directory *with(const struct directory *d, unsigned n, unsigned capacity)
{
    struct directory_entry *e = successor_of(d);
    struct directory_deployment deployment = { .key = STR("k"), .capacity = capacity };
    char text[16];

    deployment.name = name_of(text, n);
    directory_entry_put(e, &deployment, catalog, directory_entry_of(d, KEY));
    return directory_with(d, KEY, e);
}

static struct directory *without(const struct directory *d, unsigned n)
{
    struct directory_entry *e = successor_of(d);
    char text[16];

    directory_entry_remove(e, name_of(text, n));
    return directory_with(d, KEY, e);
}

static const struct directory_deployment *find(const struct directory *d, unsigned n)
{
    char text[16];

    return directory_deployment(account_of(d), name_of(text, n));
}

static struct directory *with_all(unsigned count)
{
    struct directory *d = make_directory(), *next;

    for (unsigned n = 0; n < count; n++) {
        next = with(d, n, n + 1);
        directory_unref(d);
        d = next;
    }
    return d;
}

/* -- One thread ------------------------------------------------------------------------------ */

/* A snapshot, and what must be in it: the capacity of each deployment, 0 where there is none. */
struct kept {
    struct directory *directory;
    unsigned capacity[NAMES];
};

static void assert_holds(const struct kept *k)
{
    for (unsigned n = 0; n < NAMES; n++) {
        const struct directory_deployment *d = find(k->directory, n);

        assert_int_equal(d ? d->capacity : 0, k->capacity[n]);
    }
}

static void test_each_snapshot_keeps_what_it_had(void **state)
{
    static struct kept kept[8]; /* the last ones, in turn */
    struct kept now = { .directory = make_directory() }, *oldest;
    struct directory *next;
    uint64_t random = 4711;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n = random_next(&random) % NAMES;
        bool removes = random_next(&random) % 3 == 0;

        next = removes ? without(now.directory, n) : with(now.directory, n, i + 1);
        oldest = &kept[i % ARRAY_LEN(kept)];
        if (oldest->directory && i % 100 < ARRAY_LEN(kept))
            assert_holds(oldest);
        directory_unref(oldest->directory);
        *oldest = now;
        now.directory = next;
        now.capacity[n] = removes ? 0 : i + 1;
    }
    assert_holds(&now);
    directory_unref(now.directory);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        assert_holds(&kept[i]);
        directory_unref(kept[i].directory);
    }
}

static void test_a_change_touches_no_other_deployment(void **state)
{
    struct directory *first = with_all(NAMES), *second = with(first, 7, 1000);
    struct directory *third = without(second, 8);

    (void)state;
    assert_int_equal(find(first, 7)->capacity, 8);
    assert_int_equal(find(third, 7)->capacity, 1000);
    assert_non_null(find(second, 8));
    assert_null(find(third, 8));
    for (unsigned n = 9; n < NAMES; n++)
        assert_ptr_equal(find(first, n), find(third, n));
    directory_unref(first);
    directory_unref(second);
    directory_unref(third);
}

static void test_removing_what_is_not_there_changes_nothing(void **state)
{
    struct directory *first = with_all(3), *second = without(first, 3);

    (void)state;
    for (unsigned n = 0; n < 3; n++)
        assert_ptr_equal(find(first, n), find(second, n));
    directory_unref(first);
    directory_unref(second);
}

/* A deployment that replaces one counts on; one that comes after one was deleted begins anew. */
static void test_counters(void **state)
{
    struct directory *first = with_all(1), *changed = with(first, 0, 50);
    struct directory *deleted = without(changed, 0), *again = with(deleted, 0, 1);
    struct deployment_counters *counters = find(first, 0)->counters;

    (void)state;
    atomic_fetch_add(&counters->in_flight, 1);
    assert_ptr_equal(find(changed, 0)->counters, counters);
    assert_ptr_not_equal(find(again, 0)->counters, counters);
    assert_int_equal(atomic_load(&find(again, 0)->counters->in_flight), 0);
    directory_unref(first);
    directory_unref(deleted);
    directory_unref(again);
    assert_int_equal(atomic_load(&find(changed, 0)->counters->in_flight), 1);
    directory_unref(changed);
}

/* Names that come in order would make a list of a tree without balance, which is slow to fill, and
 * too deep a recursion to end. */
static void test_names_in_order(void **state)
{
    struct directory *d = with_all(10000);

    (void)state;
    assert_int_equal(find(d, 0)->capacity, 1);
    assert_int_equal(find(d, 9999)->capacity, 10000);
    directory_unref(d);
}

/* -- Several --------------------------------------------------------------------------------- */

#define READERS 3
#define CHANGES 4000
#define PAIRS 16

struct reading {
    struct directory_box *box;
    atomic_bool *is_over;
    bool failed;
};

/* In every snapshot one of each pair is there, never both. */
static void *read_on(void *data)
{
    struct reading *r = data;
    struct directory_view view;

    directory_view_init(&view, r->box);
    while (!atomic_load(r->is_over)) {
        struct directory *d = directory_view_get(&view);

        for (unsigned pair = 0; pair < PAIRS; pair++) {
            const struct directory_deployment *even = find(d, 2 * pair);
            const struct directory_deployment *odd = find(d, 2 * pair + 1);

            if (!even == !odd)
                r->failed = true;
            else
                atomic_fetch_add(&(even ? even : odd)->counters->in_flight, 1);
        }
        directory_unref(d);
    }
    directory_view_done(&view);
    return NULL;
}

static void test_readers_and_a_writer(void **state)
{
    struct directory_box *box;
    struct reading readings[READERS];
    pthread_t threads[READERS];
    atomic_bool is_over = false;
    struct directory *now = make_directory(), *next;
    uint64_t random = 42;

    (void)state;
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        next = with(now, 2 * pair, 1);
        directory_unref(now);
        now = next;
    }
    box = directory_box_new(now);
    for (unsigned i = 0; i < READERS; i++) {
        readings[i] = (struct reading){ box, &is_over, false };
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readings[i]), 0);
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        unsigned pair = random_next(&random) % PAIRS;
        bool is_even;

        now = directory_box_get(box);
        is_even = find(now, 2 * pair) != NULL;
        next = without(now, 2 * pair + !is_even);
        directory_box_swap(box, with(next, 2 * pair + is_even, i + 1));
        directory_unref(next);
        directory_unref(now);
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(readings[i].failed);
    }
    directory_box_free(box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_snapshot_keeps_what_it_had),
        cmocka_unit_test(test_a_change_touches_no_other_deployment),
        cmocka_unit_test(test_removing_what_is_not_there_changes_nothing),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_names_in_order),
        cmocka_unit_test(test_readers_and_a_writer),
    };

    return cmocka_run_group_tests(tests, default_catalog_set_up, default_catalog_tear_down);
}
