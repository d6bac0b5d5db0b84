/* SPDX-License-Identifier: MIT */
#include "model/minute_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MINUTE ((int64_t)RATE_MINUTE_MS)
#define NOON (28000000 * MINUTE)

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

static void test_takes_back(void **state)
{
    struct minute_meter m = { 0 };

    (void)state;
    minute_meter_add(&m, NOON, 10);
    minute_meter_add(&m, NOON + 1, -4);
    assert_int_equal(minute_meter_last(&m, NOON + MINUTE), 6);
    minute_meter_add(&m, NOON + MINUTE, -4); /* no minute is below 0 */
    minute_meter_add(&m, NOON + MINUTE, 3);
    assert_int_equal(minute_meter_last(&m, NOON + MINUTE), 6);
    assert_int_equal(minute_meter_last(&m, NOON + 2 * MINUTE), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_the_last_whole_minute),
        cmocka_unit_test(test_a_minute_without_anything_is_0),
        cmocka_unit_test(test_takes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
