/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prefetch.h"

static void keeps_places_in_their_order(void **state)
{
    static const char memory[1024];
    struct prefetch p = { 0 };

    (void)state;
    for (unsigned i = 0; i < PREFETCH_PLACES_MAX; i++)
        prefetch_add(&p, memory + i, i + 1);
    assert_int_equal(p.count, PREFETCH_PLACES_MAX);
    for (unsigned i = 0; i < PREFETCH_PLACES_MAX; i++) {
        assert_ptr_equal(p.at[i], memory + i);
        assert_int_equal(p.lines[i], i + 1);
    }
}

static void counts_lines_that_are_begun(void **state)
{
    (void)state;
    assert_int_equal(PREFETCH_LINES(0), 0);
    assert_int_equal(PREFETCH_LINES(1), 1);
    assert_int_equal(PREFETCH_LINES(64), 1);
    assert_int_equal(PREFETCH_LINES(65), 2);
}

static void reads_nothing(void **state)
{
    struct prefetch p = { 0 };

    (void)state;
    prefetch_all(&p);
    prefetch_add(&p, NULL, 2);
    prefetch_add(&p, (const void *)&p, UINT8_MAX); /* far beyond its end */
    prefetch_all(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_places_in_their_order),
        cmocka_unit_test(counts_lines_that_are_begun),
        cmocka_unit_test(reads_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
