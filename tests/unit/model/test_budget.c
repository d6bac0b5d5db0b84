/* SPDX-License-Identifier: MIT */
#include "model/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/macros.h"

#define DAY BUDGET_DAY_MS
#define MIDNIGHT (INT64_C(20000) * DAY)
#define NOON (MIDNIGHT + DAY / 2)

/* 2.50 for a million input tokens, half of it for cached ones, 10 for the answers'; 1 a day. */
static const struct catalog_cost prices = {
    .input_per_million = 2500000,
    .cached_per_million = 1250000,
    .output_per_million = 10000000,
    .per_day = 1000000,
};

static bool admit(struct rate_window *day, int64_t now_ms, uint64_t cost)
{
    int64_t ends_ms;
    bool is_admitted = budget_admit(day, &prices, now_ms, cost, &ends_ms);

    assert_int_equal(ends_ms, (now_ms / DAY + 1) * DAY);
    return is_admitted;
}

static void tokens_cost_what_the_catalog_says(void **state)
{
    static const struct {
        uint64_t prompt, cached, output, cost;
    } rows[] = {
        { 0, 0, 0, 0 },
        { 1000000, 0, 0, 2500000 },
        { 1000000, 1000000, 0, 1250000 },
        { 1000000, 400000, 0, 2000000 },
        { 0, 0, 1000000, 10000000 },
        { 1000, 0, 100, 3500 },
        { 1, 0, 0, 3 },    /* two and a half millionths, rounded up */
        { 10, 20, 0, 13 }, /* not more are cached than there are */
        { 1, 1, 1, 12 },   /* 11.25, rounded once */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(budget_cost(&prices, rows[i].prompt, rows[i].cached, rows[i].output),
                         rows[i].cost);
}

static void absurd_numbers_stay_numbers(void **state)
{
    static const struct catalog_cost dear = { 10000000000, 10000000000, 10000000000, 0 };
    uint64_t cost = budget_cost(&dear, UINT64_MAX, 0, UINT64_MAX);

    (void)state;
    assert_true(cost > UINT64_C(1000000000000));
    assert_int_equal(budget_cost(&dear, UINT64_MAX, UINT64_MAX, UINT64_MAX), cost);
}

static void what_fits_into_the_day_is_admitted(void **state)
{
    struct rate_window day = { 0 };

    (void)state;
    assert_true(admit(&day, MIDNIGHT, 600000));
    assert_false(admit(&day, NOON, 400001));
    assert_int_equal(budget_spent(&day, NOON), 600000); /* what is refused costs nothing */
    assert_true(admit(&day, NOON, 400000));
    assert_false(admit(&day, MIDNIGHT + DAY - 1, 1));
    assert_int_equal(budget_spent(&day, MIDNIGHT + DAY - 1), 1000000);
    assert_true(admit(&day, MIDNIGHT + DAY, 1));
    assert_int_equal(budget_spent(&day, MIDNIGHT + DAY), 1);
}

static void what_it_came_to_counts(void **state)
{
    struct rate_window day = { 0 };
    int64_t ends_ms;

    (void)state;
    assert_true(budget_admit(&day, &prices, NOON, 900000, &ends_ms));
    budget_correct(&day, ends_ms, 900000, 200000);
    assert_int_equal(budget_spent(&day, NOON), 200000);
    assert_true(budget_admit(&day, &prices, NOON, 100000, &ends_ms));
    budget_correct(&day, ends_ms, 100000,
                   1500000); /* longer than it said: it is paid all the same */
    assert_int_equal(budget_spent(&day, NOON), 1700000);
    assert_false(admit(&day, NOON, 1));
    assert_true(admit(&day, NOON + DAY, 5));
    budget_correct(&day, ends_ms, 100000, 0); /* yesterday's */
    assert_int_equal(budget_spent(&day, NOON + DAY), 5);
}

static void without_a_cap_it_is_only_counted(void **state)
{
    struct catalog_cost c = prices;
    struct rate_window day = { 0 };
    int64_t ends_ms;

    (void)state;
    c.per_day = UINT64_MAX;
    for (unsigned i = 0; i < 10; i++)
        assert_true(budget_admit(&day, &c, NOON, 1000000, &ends_ms));
    assert_int_equal(budget_spent(&day, NOON), 10000000);
    c.per_day = 0;
    assert_false(budget_admit(&day, &c, NOON + DAY, 1, &ends_ms));
}

#define THREADS 8
#define EACH 2000

static void *spend(void *data)
{
    uintptr_t admitted = 0;
    int64_t ends_ms;

    for (unsigned i = 0; i < EACH; i++)
        admitted += budget_admit(data, &prices, NOON, 100, &ends_ms);
    return (void *)admitted;
}

/* 16,000 want a hundred each, of which 10,000 fit. */
static void no_more_pass_at_a_time_than_fit(void **state)
{
    struct rate_window day = { 0 };
    pthread_t threads[THREADS];
    uintptr_t sum = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, spend, &day), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *admitted;

        pthread_join(threads[i], &admitted);
        sum += (uintptr_t)admitted;
    }
    assert_int_equal(sum, 10000);
    assert_int_equal(budget_spent(&day, NOON), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_cost_what_the_catalog_says),
        cmocka_unit_test(absurd_numbers_stay_numbers),
        cmocka_unit_test(what_fits_into_the_day_is_admitted),
        cmocka_unit_test(what_it_came_to_counts),
        cmocka_unit_test(without_a_cap_it_is_only_counted),
        cmocka_unit_test(no_more_pass_at_a_time_than_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
