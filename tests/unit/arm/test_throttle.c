/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "arm/throttle.h"

#define SECOND UINT64_C(1000000)
#define START (100 * SECOND)
#define WRITES 3000
#define SEED 4711
#define ANN STR("11111111-2222-3333-4444-555555555555")
#define BEN STR("99999999-8888-7777-6666-555555555555")

static void test_burst(void **state)
{
    struct arm_throttle_state s;
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, SEED, START);
    for (unsigned i = 1; i <= WRITES; i++) {
        s = arm_throttle_take(&t, ANN, THROTTLE_WRITES, START);
        assert_int_equal(s.retry_after_s, 0);
        assert_int_equal(s.remaining, WRITES - i);
    }
    s = arm_throttle_take(&t, ANN, THROTTLE_WRITES, START);
    assert_int_equal(s.retry_after_s, 1);
    /* the others are not touched by that */
    assert_int_equal(arm_throttle_take(&t, ANN, THROTTLE_READS, START).retry_after_s, 0);
    assert_int_equal(arm_throttle_take(&t, ANN, THROTTLE_DELETES, START).retry_after_s, 0);
}

/* What is charged besides has to be paid back before the next request. */
static void test_charge(void **state)
{
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, SEED, START);
    arm_throttle_charge(&t, ANN, THROTTLE_WRITES, WRITES + 299);
    assert_int_equal(arm_throttle_take(&t, ANN, THROTTLE_WRITES, START).retry_after_s, 2);
    assert_int_equal(arm_throttle_take(&t, BEN, THROTTLE_WRITES, START).retry_after_s, 0);
    assert_int_equal(arm_throttle_take(&t, ANN, THROTTLE_WRITES, START + 2 * SECOND).retry_after_s,
                     0);
}

static void test_refill(void **state)
{
    struct arm_throttle_state s;
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, SEED, START);
    for (unsigned i = 0; i < WRITES; i++)
        arm_throttle_take(&t, ANN, THROTTLE_WRITES, START);
    s = arm_throttle_take(&t, ANN, THROTTLE_WRITES, START + SECOND);
    assert_int_equal(s.retry_after_s, 0);
    assert_int_equal(s.remaining, 149);
    /* never more than full */
    s = arm_throttle_take(&t, ANN, THROTTLE_WRITES, START + 1000 * SECOND);
    assert_int_equal(s.remaining, WRITES - 1);
}

static void test_callers(void **state)
{
    struct arm_throttle t;

    (void)state;
    arm_throttle_init(&t, SEED, START);
    for (unsigned i = 0; i < WRITES; i++)
        arm_throttle_take(&t, ANN, THROTTLE_WRITES, START);
    assert_int_equal(arm_throttle_take(&t, ANN, THROTTLE_WRITES, START).retry_after_s, 1);
    assert_int_equal(arm_throttle_take(&t, BEN, THROTTLE_WRITES, START).remaining, WRITES - 1);
    assert_int_equal(arm_throttle_take(&t, STR_NONE, THROTTLE_WRITES, START).remaining, WRITES - 1);
}

/* Nobody shares the admin token's, and which of the others do, nobody can tell beforehand. */
static void test_shared_buckets(void **state)
{
    struct arm_throttle one, other;
    size_t same = 0;
    char id[32];

    (void)state;
    arm_throttle_init(&one, SEED, START);
    arm_throttle_init(&other, SEED + 1, START);
    for (unsigned i = 0; i < 2000; i++) {
        struct arm_throttle_bucket *a, *b;

        snprintf(id, sizeof(id), "caller-%u", i);
        a = arm_throttle_bucket(&one, str_from(id), THROTTLE_READS);
        b = arm_throttle_bucket(&other, str_from(id), THROTTLE_READS);
        assert_ptr_not_equal(a, arm_throttle_bucket(&one, STR_NONE, THROTTLE_READS));
        same += (char *)a - (char *)&one == (char *)b - (char *)&other;
    }
    assert_true(same < 20);
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
        cmocka_unit_test(test_burst),   cmocka_unit_test(test_refill),
        cmocka_unit_test(test_callers), cmocka_unit_test(test_shared_buckets),
        cmocka_unit_test(test_kinds),   cmocka_unit_test(test_charge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
