/* SPDX-License-Identifier: MIT */
#include "load/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "engine/retry_after.h"
#include "load/schedule.h"

#define SECOND ((uint64_t)1000000)

static void utilizations(void **state)
{
    (void)state;
    assert_true(load_utilization(STR("87%")) == 87);
    assert_true(load_utilization(STR("0%")) == 0);
    assert_true(load_utilization(STR("101.5%")) == 101.5);
    assert_true(load_utilization(STR("")) < 0);
    assert_true(load_utilization(STR("%")) < 0);
    assert_true(load_utilization(STR("87")) < 0);
    assert_true(load_utilization(STR("x%")) < 0);
    assert_true(load_utilization(STR("-3%")) < 0);
    assert_true(load_utilization(STR("nan%")) < 0);
    assert_true(load_utilization(STR("8 7%")) < 0);
    assert_true(load_utilization(STR("1e300%")) < 0);
    assert_true(load_utilization(STR("11111111111111111111111%")) < 0);
}

static void waits_as_asked(void **state)
{
    uint64_t random = 1;

    (void)state;
    assert_int_equal(load_retry_us(1500, 0, 0, &random), 1500000);
    assert_int_equal(load_retry_us(60000, 0, 0, &random), 60 * SECOND);
    /* it would be too late */
    assert_int_equal(load_retry_us(60000, 0, 1, &random), SCHEDULE_NEVER);
    assert_int_equal(load_retry_us(1000, 3, 59 * SECOND + 1, &random), SCHEDULE_NEVER);
    assert_int_equal(load_retry_us(UINT64_MAX - 1, 0, 0, &random), SCHEDULE_NEVER);
}

static void backs_off_otherwise(void **state)
{
    uint64_t random = 1, wait, longest[3] = { 0 };

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        /* "at once" is not said by who refuses */
        wait = load_retry_us(i % 2 ? RETRY_AFTER_UNSAID : 0, i % 3, 0, &random);
        assert_true(wait <= SECOND << i % 3);
        if (wait > longest[i % 3])
            longest[i % 3] = wait;
    }
    for (unsigned i = 0; i < 3; i++)
        assert_true(longest[i] > (SECOND << i) * 9 / 10);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(load_retry_us(RETRY_AFTER_UNSAID, 40, 50 * SECOND, &random) <= 10 * SECOND);
    assert_int_equal(load_retry_us(RETRY_AFTER_UNSAID, 0, 60 * SECOND, &random), SCHEDULE_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(utilizations),
                                        cmocka_unit_test(waits_as_asked),
                                        cmocka_unit_test(backs_off_otherwise) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
