/* SPDX-License-Identifier: MIT */
#include "model/rate_window.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/macros.h"

#define MINUTE ((int64_t)RATE_WINDOW_MS)
#define NOON (28000000 * MINUTE)

static void test_adds_up_within_a_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(rate_window_used(&w, NOON), 0);
    assert_int_equal(rate_window_add(&w, NOON, 10), 10);
    assert_int_equal(rate_window_add(&w, NOON + 59999, 5), 15);
    assert_int_equal(rate_window_used(&w, NOON + 59999), 15);
}

static void test_is_empty_at_the_next_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    rate_window_add(&w, NOON + 59999, 10);
    assert_int_equal(rate_window_used(&w, NOON + 60000), 0);
    assert_int_equal(rate_window_add(&w, NOON + 60000, 1), 1);
}

/* A thread whose clock reading is a little older must not throw the new minute away. */
static void test_a_late_thread_counts_in_the_new_minute(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    rate_window_add(&w, NOON + 60000, 7);
    assert_int_equal(rate_window_add(&w, NOON + 59999, 1), 8);
    assert_int_equal(rate_window_used(&w, NOON + 60001), 8);
}

static void test_a_clock_moved_back_begins_anew(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    rate_window_add(&w, NOON + 100 * MINUTE, 7);
    assert_int_equal(rate_window_used(&w, NOON), 0);
    assert_int_equal(rate_window_add(&w, NOON, 1), 1);
}

static void test_stops_at_its_maximum(void **state)
{
    struct rate_window w = { 0 };

    (void)state;
    assert_int_equal(rate_window_add(&w, NOON, UINT64_MAX), UINT32_MAX);
    assert_int_equal(rate_window_add(&w, NOON, 1), UINT32_MAX);
    assert_int_equal(rate_window_used(&w, NOON + MINUTE), 0);
}

static void test_reset_in_whole_seconds(void **state)
{
    (void)state;
    assert_int_equal(rate_window_reset_s(NOON), 60);
    assert_int_equal(rate_window_reset_s(NOON + 1), 60);
    assert_int_equal(rate_window_reset_s(NOON + 1000), 59);
    assert_int_equal(rate_window_reset_s(NOON + 59000), 1);
    assert_int_equal(rate_window_reset_s(NOON + 59999), 1);
}

#define THREADS 4
#define ADDS 20000

static void *add_many(void *data)
{
    int i;

    for (i = 0; i < ADDS; i++)
        rate_window_add(data, NOON, 3);
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
    assert_int_equal(rate_window_used(&w, NOON), 3 * THREADS * ADDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds_up_within_a_minute),
        cmocka_unit_test(test_is_empty_at_the_next_minute),
        cmocka_unit_test(test_a_late_thread_counts_in_the_new_minute),
        cmocka_unit_test(test_a_clock_moved_back_begins_anew),
        cmocka_unit_test(test_stops_at_its_maximum),
        cmocka_unit_test(test_reset_in_whole_seconds),
        cmocka_unit_test(test_threads_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
