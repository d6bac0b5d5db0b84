/* SPDX-License-Identifier: MIT */
#include "load/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/random.h"

#define VALUES 20000

static struct histogram h, other;

static int empty(void **state)
{
    (void)state;
    h = other = (struct histogram){ 0 };
    return 0;
}

static void nothing_is_zero(void **state)
{
    (void)state;
    assert_true(histogram_average(&h) == 0);
    assert_true(histogram_percentile(&h, 0.95) == 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t i = 0; i <= 100; i++)
        histogram_add(&h, i);
    assert_true(histogram_average(&h) == 50);
    assert_true(histogram_percentile(&h, 0) == 0);
    assert_true(histogram_percentile(&h, 0.5) == 50);
    assert_true(histogram_percentile(&h, 0.95) == 95);
    assert_true(histogram_percentile(&h, 1) == 100);
}

/* numpy.percentile([10, 20], 95) is 19.5 */
static void between_two_values(void **state)
{
    (void)state;
    histogram_add(&h, 10);
    histogram_add(&h, 20);
    assert_true(histogram_percentile(&h, 0.95) > 19.49 && histogram_percentile(&h, 0.95) < 19.51);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Against the sorted values themselves, over eight powers of ten. */
static void large_values_are_close(void **state)
{
    static uint64_t values[VALUES];
    uint64_t random = 7;

    (void)state;
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = random_next(&random) >> (30 + random_next(&random) % 30);
        histogram_add(i % 2 ? &h : &other, values[i]);
    }
    histogram_merge(&h, &other);
    qsort(values, VALUES, sizeof(*values), compare);
    assert_int_equal(h.count, VALUES);
    assert_int_equal(h.min, values[0]);
    assert_int_equal(h.max, values[VALUES - 1]);
    for (unsigned i = 1; i < VALUES; i += 97) {
        double exact = (double)values[i];
        double found = histogram_percentile(&h, (double)i / (VALUES - 1));

        assert_true(found >= exact * 0.99 - 1 && found <= exact * 1.01 + 1);
    }
}

static void beyond_the_range(void **state)
{
    (void)state;
    histogram_add(&h, 1);
    histogram_add(&h, UINT64_MAX);
    assert_true(histogram_percentile(&h, 1) == (double)UINT64_MAX);
    assert_true(histogram_percentile(&h, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_zero, empty),
        cmocka_unit_test_setup(small_values_are_exact, empty),
        cmocka_unit_test_setup(between_two_values, empty),
        cmocka_unit_test_setup(large_values_are_close, empty),
        cmocka_unit_test_setup(beyond_the_range, empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
