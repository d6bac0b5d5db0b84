/* SPDX-License-Identifier: MIT */
#include "model/rate_window.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/macros.h"

#define MINUTE ((int64_t)RATE_MINUTE_MS)
#define NOON (28000000 * MINUTE)
#define AMOUNT_MAX ((UINT64_C(1) << 40) - 1)

static uint64_t add(struct rate_window *w, int64_t now_ms, uint64_t amount)
{
    return rate_window_add(w, MINUTE, now_ms, amount).used;
}

static uint64_t used(const struct rate_window *w, int64_t now_ms)
{
    return rate_window_look(w, MINUTE, now_ms).used;
}

static void test_adds_up_within_a_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(used(&w, NOON), 0);
    assert_int_equal(add(&w, NOON, 10), 10);
    assert_int_equal(add(&w, NOON + 59999, 5), 15);
    assert_int_equal(used(&w, NOON + 59999), 15);
}

static void test_is_empty_at_the_next_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    add(&w, NOON + 59999, 10);
    assert_int_equal(used(&w, NOON + 60000), 0);
    assert_int_equal(add(&w, NOON + 60000, 1), 1);
}

/* A thread whose clock reading is a little older must not throw the new minute away. */
static void test_a_late_thread_counts_in_the_new_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    add(&w, NOON + 60000, 7);
    assert_int_equal(add(&w, NOON + 59999, 1), 8);
    assert_int_equal(used(&w, NOON + 60001), 8);
}

static void test_goes_on_from_what_was_kept(void **state)
{
    struct rate_window w = { 0 }, next = { 0 }, moved_back = { 0 };

    (void)state;
    assert_int_equal(rate_window_save(&w).used, 0);
    add(&w, NOON, 7);
    assert_int_equal(rate_window_save(&w).number, 28000000 % (1 << 24));
    rate_window_resume(&next, rate_window_save(&w));
    assert_int_equal(used(&next, NOON + 59999), 7);
    assert_int_equal(used(&next, NOON + 60000), 0); /* in the next period it begins anew, */
    assert_int_equal(add(&next, NOON + 60000, 1), 1);
    rate_window_resume(&moved_back, rate_window_save(&w));
    assert_int_equal(add(&moved_back, NOON - 600000, 1), 1); /* and in one long before, too */
    rate_window_resume(&next, (struct rate_count){ 28000000, UINT64_MAX });
    assert_int_equal(used(&next, NOON), AMOUNT_MAX);
}

static void test_a_clock_moved_back_begins_anew(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    add(&w, NOON + 100 * MINUTE, 7);
    assert_int_equal(used(&w, NOON), 0);
    assert_int_equal(add(&w, NOON, 1), 1);
}

static void test_stops_at_its_maximum(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(add(&w, NOON, UINT64_MAX), AMOUNT_MAX);
    assert_int_equal(add(&w, NOON, 1), AMOUNT_MAX);
    assert_int_equal(used(&w, NOON + MINUTE), 0);
}

static void test_tells_when_it_ends(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(rate_window_look(&w, MINUTE, NOON).ends_ms, NOON + MINUTE);
    assert_int_equal(rate_window_add(&w, MINUTE, NOON + 59999, 1).ends_ms, NOON + MINUTE);
    assert_int_equal(rate_window_add(&w, MINUTE, NOON + MINUTE, 1).ends_ms, NOON + 2 * MINUTE);
    /* counted with those of the next minute, so it ends with that */
    assert_int_equal(rate_window_add(&w, MINUTE, NOON + 59999, 1).ends_ms, NOON + 2 * MINUTE);
}

static void test_other_periods(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(rate_window_add(&w, 10000, NOON, 2).ends_ms, NOON + 10000);
    assert_int_equal(rate_window_add(&w, 10000, NOON + 9999, 1).used, 3);
    assert_int_equal(rate_window_add(&w, 10000, NOON + 10000, 1).used, 1);
    assert_int_equal(rate_window_of(&w, 10000, NOON + 12345), 1);
    assert_int_equal(rate_window_of(&w, 10000, NOON + 9999), 0);
}

static void test_adds_what_fits(void **state)
{
    struct rate_window w = { 0 };
    struct rate_use use;

    (void)state;
    assert_true(rate_window_add_within(&w, MINUTE, NOON, 7, 10, &use));
    assert_int_equal(use.used, 7);
    assert_false(rate_window_add_within(&w, MINUTE, NOON + 1, 4, 10, &use));
    assert_int_equal(use.used, 7);
    assert_int_equal(use.ends_ms, NOON + MINUTE);
    assert_true(rate_window_add_within(&w, MINUTE, NOON + 1, 3, 10, &use));
    assert_false(rate_window_add_within(&w, MINUTE, NOON + MINUTE, 11, 10, &use));
    assert_int_equal(use.used, 0);
    assert_true(rate_window_add_within(&w, MINUTE, NOON + MINUTE, 10, 10, &use));
}

static void test_corrects_only_its_own_period(void **state)
{
    struct rate_window w = { 0 };
    int64_t ends_ms = rate_window_add(&w, MINUTE, NOON, 100).ends_ms;

    (void)state;
    rate_window_correct(&w, MINUTE, ends_ms, -30);
    assert_int_equal(used(&w, NOON), 70);
    rate_window_correct(&w, MINUTE, ends_ms, 5);
    assert_int_equal(used(&w, NOON), 75);
    rate_window_correct(&w, MINUTE, ends_ms, -1000);
    assert_int_equal(used(&w, NOON), 0);
    rate_window_correct(&w, MINUTE, ends_ms, INT64_MAX);
    assert_int_equal(used(&w, NOON), AMOUNT_MAX);
    add(&w, NOON + MINUTE, 7);
    rate_window_correct(&w, MINUTE, ends_ms, -7);
    assert_int_equal(used(&w, NOON + MINUTE), 7);
}

#define THREADS 4
#define ADDS 20000

static void *add_many(void *data)
{
    int i;

    for (i = 0; i < ADDS; i++)
        add(data, NOON, 3);
    return NULL;
}

static void test_threads_lose_nothing(void **state)
{
    struct rate_window w = { 0 };
    pthread_t threads[THREADS];
    size_t i;

    (void)state;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &w), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(used(&w, NOON), 3 * THREADS * ADDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds_up_within_a_minute),
        cmocka_unit_test(test_is_empty_at_the_next_minute),
        cmocka_unit_test(test_a_late_thread_counts_in_the_new_minute),
        cmocka_unit_test(test_goes_on_from_what_was_kept),
        cmocka_unit_test(test_a_clock_moved_back_begins_anew),
        cmocka_unit_test(test_stops_at_its_maximum),
        cmocka_unit_test(test_tells_when_it_ends),
        cmocka_unit_test(test_other_periods),
        cmocka_unit_test(test_adds_what_fits),
        cmocka_unit_test(test_corrects_only_its_own_period),
        cmocka_unit_test(test_threads_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
