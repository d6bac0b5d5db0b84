/* SPDX-License-Identifier: MIT */
#include "load/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define START 5000000u
#define SECOND 1000000u

static struct load_schedule s;
static uint64_t planned;

/* How many start until then, all that are due at once. */
static unsigned take_all(uint64_t now)
{
    unsigned count = 0;

    while (load_schedule_take(&s, now, &planned)) {
        assert_true(planned <= now);
        count++;
    }
    return count;
}

static void a_rate_has_planned_times(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 600, 0, 0, false); /* ten a second */
    assert_true(load_schedule_take(&s, START, &planned));
    assert_int_equal(planned, START);
    assert_int_equal(load_schedule_next_us(&s, START), START + SECOND / 10);
    assert_false(load_schedule_take(&s, START + SECOND / 10 - 1, &planned));
    /* nobody was there for three seconds: the plan stands */
    assert_int_equal(load_schedule_behind(&s, START + 3 * SECOND), 30);
    assert_true(load_schedule_take(&s, START + 3 * SECOND, &planned));
    assert_int_equal(planned, START + SECOND / 10);
    assert_int_equal(take_all(START + 3 * SECOND), 29);
    assert_int_equal(load_schedule_behind(&s, START + 3 * SECOND), 0);
}

/* 7 a minute is no whole number of microseconds. */
static void a_rate_does_not_drift(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 7, 0, 0, false);
    assert_int_equal(take_all(START + 3600ull * SECOND - 1), 7 * 60);
}

/* As many as the rate says, and the gaps' deviation is their mean, as of a Poisson process. */
static void random_arrivals(void **state)
{
    double sum = 0, squares = 0, gap;
    uint64_t last = START;
    unsigned count = 0;

    (void)state;
    load_schedule_init(&s, START, 60000, 0, 0, false); /* a thousand a second */
    load_schedule_randomize(&s, 42);
    while (count < 20000) {
        uint64_t next = load_schedule_next_us(&s, last);

        assert_true(next >= last);
        assert_false(next > START && load_schedule_take(&s, next - 1, &planned));
        assert_true(load_schedule_take(&s, next, &planned));
        assert_int_equal(planned, next);
        gap = (double)(next - last);
        sum += gap;
        squares += gap * gap;
        last = next;
        count++;
    }
    assert_true(sum / count > 970 && sum / count < 1030);
    assert_true(squares / count > 1.9 * 1000 * 1000 && squares / count < 2.1 * 1000 * 1000);
    /* nobody was there for ten seconds: they are late, and counted once */
    count = (unsigned)load_schedule_behind(&s, last + 10 * SECOND);
    assert_true(count > 9500 && count < 10500);
    assert_int_equal(take_all(last + 10 * SECOND), count);
}

/* However many have piled up, they are counted in no time. */
static void a_huge_backlog(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 6e7, 0, 0, false); /* a million a second */
    assert_int_equal(load_schedule_behind(&s, START + 36000ull * SECOND - 1), 36000ull * SECOND);
    load_schedule_randomize(&s, 42);
    assert_in_range(load_schedule_behind(&s, START + 36000ull * SECOND), 35900ull * SECOND,
                    36100ull * SECOND);
}

static void without_a_rate_always(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 0, 3, 0, false);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(load_schedule_next_us(&s, START + i), START + i);
        assert_true(load_schedule_take(&s, START + i, &planned));
        assert_int_equal(planned, START + i);
    }
    assert_true(load_schedule_is_over(&s, START + 3));
    assert_false(load_schedule_take(&s, START + 3, &planned));
    assert_int_equal(load_schedule_next_us(&s, START + 3), SCHEDULE_NEVER);
    assert_int_equal(load_schedule_behind(&s, START + 3), 0);
}

static void either_end(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 60, 2, 10, false);
    assert_int_equal(take_all(START + 5 * SECOND), 2);
    assert_true(load_schedule_is_over(&s, START + 5 * SECOND));
    load_schedule_init(&s, START, 60, 100, 10, false);
    assert_int_equal(take_all(START + 4 * SECOND), 5);
    assert_false(load_schedule_is_over(&s, START + 10 * SECOND - 1));
    assert_true(load_schedule_is_over(&s, START + 10 * SECOND));
    assert_false(load_schedule_take(&s, START + 10 * SECOND, &planned));
    /* planned at 5, 6, 7, 8 and 9 s */
    assert_int_equal(load_schedule_behind(&s, START + 10 * SECOND), 5);
    assert_int_equal(load_schedule_behind(&s, START + 60 * SECOND), 5);
}

static void both_ends(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 60, 2, 10, true);
    assert_int_equal(take_all(START + 10 * SECOND - 1), 10);
    assert_true(load_schedule_is_over(&s, START + 10 * SECOND));
    load_schedule_init(&s, START, 60, 20, 10, true);
    assert_int_equal(take_all(START + 15 * SECOND), 16);
    assert_false(load_schedule_is_over(&s, START + 15 * SECOND));
    assert_int_equal(take_all(START + 60 * SECOND), 4);
    assert_true(load_schedule_is_over(&s, START + 60 * SECOND));
    /* one of them alone is an end */
    load_schedule_init(&s, START, 0, 2, 0, true);
    assert_int_equal(take_all(START), 2);
}

static void stopped(void **state)
{
    (void)state;
    load_schedule_init(&s, START, 60, 0, 0, false);
    s.is_stopped = true;
    assert_true(load_schedule_is_over(&s, START));
    assert_false(load_schedule_take(&s, START, &planned));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_has_planned_times),
        cmocka_unit_test(a_rate_does_not_drift),
        cmocka_unit_test(random_arrivals),
        cmocka_unit_test(a_huge_backlog),
        cmocka_unit_test(without_a_rate_always),
        cmocka_unit_test(either_end),
        cmocka_unit_test(both_ends),
        cmocka_unit_test(stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
