/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <time.h>

#include "base/clock.h"

static void shows_the_wall_clock(void **state)
{
    struct clock c = { 0 };
    int64_t before = (int64_t)time(NULL) * 1000, now = clock_now_ms(&c);

    (void)state;
    assert_true(now >= before);
    assert_true(now <= (int64_t)(time(NULL) + 1) * 1000);
}

static void goes_on_from_where_it_was_moved(void **state)
{
    const int64_t retirement = 1807747200000; /* 2027-04-15 */
    struct clock moved = { 0 }, other = { 0 };
    int64_t first, second;

    (void)state;
    clock_move_to(&moved, retirement);
    first = clock_now_ms(&moved);
    second = clock_now_ms(&moved);
    assert_true(first >= retirement);
    assert_true(second >= first);
    assert_true(first < retirement + 3600 * 1000);
    assert_true(clock_now_ms(&other) < retirement);
    /* and back */
    clock_move_to(&moved, 0);
    assert_true(clock_now_ms(&moved) < 3600 * 1000);
}

static void steady_goes_only_forward(void **state)
{
    struct clock moved = { 0 }, other = { 0 };
    int64_t hour = 3600 * 1000, before = clock_steady_ms(&moved), now;

    (void)state;
    clock_move_to(&moved, clock_now_ms(&moved) + hour);
    now = clock_steady_ms(&moved);
    assert_true(now >= before + hour - CLOCK_LATE_MS && now < before + 2 * hour);
    clock_move_to(&moved, clock_now_ms(&moved) - 2 * hour);
    assert_true(clock_steady_ms(&moved) >= now);
    assert_true(clock_steady_ms(&moved) < now + hour);
    assert_true(clock_steady_ms(&other) < before + hour);
}

static void monotonic_never_goes_back(void **state)
{
    uint64_t last = clock_monotonic_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_us();

        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_wall_clock),
        cmocka_unit_test(goes_on_from_where_it_was_moved),
        cmocka_unit_test(steady_goes_only_forward),
        cmocka_unit_test(monotonic_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
