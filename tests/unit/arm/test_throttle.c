/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "arm/throttle.h"

#define SECOND UINT64_C(1000000)
#define START (100 * SECOND)
#define WRITES 3000

static void test_burst(void **state)
{
    struct arm_throttle_state s;
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, START);
    for (unsigned i = 1; i <= WRITES; i++) {
        s = arm_throttle_take(&t, THROTTLE_WRITES, START);
        assert_int_equal(s.retry_after_s, 0);
        assert_int_equal(s.remaining, WRITES - i);
    }
    s = arm_throttle_take(&t, THROTTLE_WRITES, START);
    assert_int_equal(s.retry_after_s, 1);
    /* the others are not touched by that */
    assert_int_equal(arm_throttle_take(&t, THROTTLE_READS, START).retry_after_s, 0);
    assert_int_equal(arm_throttle_take(&t, THROTTLE_DELETES, START).retry_after_s, 0);
}

static void test_refill(void **state)
{
    struct arm_throttle_state s;
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, START);
    for (unsigned i = 0; i < WRITES; i++)
        arm_throttle_take(&t, THROTTLE_WRITES, START);
    s = arm_throttle_take(&t, THROTTLE_WRITES, START + SECOND);
    assert_int_equal(s.retry_after_s, 0);
    assert_int_equal(s.remaining, 149);
    /* never more than full */
    s = arm_throttle_take(&t, THROTTLE_WRITES, START + 1000 * SECOND);
    assert_int_equal(s.remaining, WRITES - 1);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(arm_throttle_kind_of(HTTP_GET), THROTTLE_READS);
    assert_int_equal(arm_throttle_kind_of(HTTP_HEAD), THROTTLE_READS);
    assert_int_equal(arm_throttle_kind_of(HTTP_PUT), THROTTLE_WRITES);
    assert_int_equal(arm_throttle_kind_of(HTTP_PATCH), THROTTLE_WRITES);
    assert_int_equal(arm_throttle_kind_of(HTTP_POST), THROTTLE_WRITES);
    assert_int_equal(arm_throttle_kind_of(HTTP_DELETE), THROTTLE_DELETES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
