/* SPDX-License-Identifier: MIT */
#include "model/minute_meter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MINUTE ((int64_t)RATE_MINUTE_MS)
#define NOON (28000000 * MINUTE)
#define THREADS 4
#define MINUTES 20
#define ADDS 2000
#define SUM (UINT64_C(3) * THREADS * ADDS)

static void test_tells_the_last_whole_minute(void **state)
{
    struct minute_meter m = { 0 };

    (void)state;
    assert_int_equal(minute_meter_last(&m, NOON), 0);
    minute_meter_add(&m, NOON, 10);
    minute_meter_add(&m, NOON + 59999, 5);
    assert_int_equal(minute_meter_last(&m, NOON + 59999), 0); /* it is not over */
    assert_int_equal(minute_meter_last(&m, NOON + MINUTE), 15);
    minute_meter_add(&m, NOON + MINUTE, 1);
    minute_meter_add(&m, NOON + MINUTE + 1, 1);
    assert_int_equal(minute_meter_last(&m, NOON + MINUTE + 2), 15);
    assert_int_equal(minute_meter_last(&m, NOON + 2 * MINUTE), 2);
}

static void test_a_minute_without_anything_is_0(void **state)
{
    struct minute_meter m = { 0 };

    (void)state;
    minute_meter_add(&m, NOON, 10);
    assert_int_equal(minute_meter_last(&m, NOON + 2 * MINUTE), 0);
    minute_meter_add(&m, NOON + 3 * MINUTE, 1);
    assert_int_equal(minute_meter_last(&m, NOON + 3 * MINUTE), 0);
}

/* All add in a minute, and then in the next one, whose first ones keep the sum of the one before. */
struct crowd {
    struct minute_meter meter;
    pthread_barrier_t barrier;
};

static void *add_in_minutes(void *data)
{
    struct crowd *c = data;

    for (int minute = 0; minute < MINUTES; minute++) {
        for (int i = 0; i < ADDS; i++)
            minute_meter_add(&c->meter, NOON + minute * MINUTE + i, 3);
        pthread_barrier_wait(&c->barrier); /* the minute is over for all */
        if (minute_meter_last(&c->meter, NOON + (minute + 1) * MINUTE) != SUM ||
            (minute && minute_meter_last(&c->meter, NOON + minute * MINUTE) != SUM))
            return c; /* a minute's sum is lost */
        pthread_barrier_wait(&c->barrier);
    }
    return NULL;
}

static void test_threads_lose_nothing(void **state)
{
    struct crowd c = { .meter = { { 0 } } };
    pthread_t threads[THREADS];
    void *fault;

    (void)state;
    assert_int_equal(pthread_barrier_init(&c.barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_in_minutes, &c), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
    assert_int_equal(minute_meter_last(&c.meter, NOON + MINUTES * MINUTE), SUM);
    pthread_barrier_destroy(&c.barrier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_the_last_whole_minute),
        cmocka_unit_test(test_a_minute_without_anything_is_0),
        cmocka_unit_test(test_threads_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
