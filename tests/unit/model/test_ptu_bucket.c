/* SPDX-License-Identifier: MIT */
#include "model/ptu_bucket.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/macros.h"

/* 50 PTU of a model of 1,200 input tokens a minute each: 1,000 a second, 60,000 in the bucket. */
#define RATE 60000
#define MINUTE_MS 60000
static const struct ptu_limit minute = { RATE, MINUTE_MS };

static void test_work(void **state)
{
    (void)state;
    assert_int_equal(ptu_work(100, 0, 20, 4), 180);
    assert_int_equal(ptu_work(100, 60, 20, 4), 120); /* cached tokens cost nothing */
    assert_int_equal(ptu_work(100, 200, 20, 4), 80); /* nor do they give any back */
    assert_int_equal(ptu_work(99999920, 0, 20, 4), 100000000);
    assert_int_equal(ptu_work(99999921, 0, 20, 4), 100000000); /* no request has more */
    assert_int_equal(ptu_work(0, 0, 99999999, 4), 100000000);
    assert_int_equal(ptu_work(UINT64_MAX, 0, UINT64_MAX, 8), 100000000);
}

static void test_is_admitted_up_to_100_percent(void **state)
{
    struct ptu_bucket b = { 0 };
    struct ptu_decision d;

    (void)state;
    assert_int_equal(ptu_bucket_permille(&b, &minute, 5000), 0);
    d = ptu_bucket_admit(&b, &minute, 5000, 27120);
    assert_true(d.is_admitted);
    assert_int_equal(d.permille, 452);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 5000), 452);
    d = ptu_bucket_admit(&b, &minute, 5000, 32880); /* 100 % */
    assert_true(d.is_admitted);
    assert_int_equal(d.permille, 1000);
    d = ptu_bucket_admit(&b, &minute, 5000, 30000); /* a burst goes beyond */
    assert_true(d.is_admitted);
    assert_int_equal(d.permille, 1500);
    d = ptu_bucket_admit(&b, &minute, 5000, 1);
    assert_false(d.is_admitted);
    assert_int_equal(d.permille, 1500); /* what is refused adds nothing */
    assert_int_equal(d.retry_after_ms, 30000);
    assert_false(ptu_bucket_admit(&b, &minute, 5000 + 29999, 1).is_admitted);
    assert_true(ptu_bucket_admit(&b, &minute, 5000 + 30000, 1).is_admitted);
}

static void test_drains_to_0_and_not_below(void **state)
{
    struct ptu_bucket b = { 0 };

    (void)state;
    (void)ptu_bucket_admit(&b, &minute, 0, 30000);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 15000), 250);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 30000), 0);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 90000), 0);
    (void)ptu_bucket_admit(&b, &minute, 90000, 6000);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 90000), 100);
}

static void test_corrects_the_estimate(void **state)
{
    struct ptu_bucket b = { 0 };

    (void)state;
    (void)ptu_bucket_admit(&b, &minute, 0, 30000);
    ptu_bucket_correct(&b, &minute, 10000, -12000); /* 20,000 were left */
    assert_int_equal(ptu_bucket_permille(&b, &minute, 10000), 133);
    ptu_bucket_correct(&b, &minute, 10000, 4000);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 10000), 200);
    ptu_bucket_correct(&b, &minute, 10000, -1000000);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 10000), 0);
    (void)ptu_bucket_admit(&b, &minute, 10000, 6000);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 10000), 100);
}

/* Twice the units: the work that is there is half as much of what they can do. */
static void test_another_capacity(void **state)
{
    const struct ptu_limit twice = { 2 * RATE, MINUTE_MS };
    struct ptu_bucket b = { 0 };

    (void)state;
    (void)ptu_bucket_admit(&b, &minute, 0, 90000);
    assert_false(ptu_bucket_admit(&b, &minute, 0, 1).is_admitted);
    assert_int_equal(ptu_bucket_permille(&b, &twice, 0), 750);
    assert_true(ptu_bucket_admit(&b, &twice, 0, 0).is_admitted);
    assert_int_equal(ptu_bucket_permille(&b, &minute, 0), 1500);
}

/* Five seconds' drain is 100 %: as much goes through, in smaller bursts. */
static void test_a_shorter_burst(void **state)
{
    const struct ptu_limit five = { RATE, 5000 };
    struct ptu_bucket b = { 0 };
    struct ptu_decision d;

    (void)state;
    d = ptu_bucket_admit(&b, &five, 1000, 2500);
    assert_true(d.is_admitted);
    assert_int_equal(d.permille, 500);
    assert_true(ptu_bucket_admit(&b, &five, 1000, 6000).is_admitted);
    d = ptu_bucket_admit(&b, &five, 1000, 1);
    assert_false(d.is_admitted);
    assert_int_equal(d.permille, 1700);
    assert_int_equal(d.retry_after_ms, 3500);
    assert_false(ptu_bucket_admit(&b, &five, 1000 + 3499, 1).is_admitted);
    assert_true(ptu_bucket_admit(&b, &five, 1000 + 3500, 1).is_admitted);
    /* The work that is there stays when the burst becomes another one. */
    assert_int_equal(ptu_bucket_permille(&b, &minute, 1000 + 3500), 83);
}

/* The largest answers at the smallest rate, and the largest step from one rate to another. */
static void test_never_turns_over(void **state)
{
    static const uint64_t rates[] = { 1, UINT64_C(10000000000000), 1, RATE };
    const struct ptu_limit least = { 1, 60000 };
    struct ptu_bucket b = { 0 };

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        const struct ptu_limit limit = { rates[i % 4], 60000 };

        (void)ptu_bucket_admit(&b, &limit, 1000, 60);
        ptu_bucket_correct(&b, &limit, 1000, 100000000);
        ptu_bucket_correct(&b, &limit, 1000, 100000000);
        assert_false(ptu_bucket_admit(&b, &least, 1000, 1).is_admitted);
        assert_true(ptu_bucket_permille(&b, &least, 1000) > 1000);
    }
}

/* -- Random histories against a slow, obvious reference ---------------------------------------- */

#define EVENTS 4000

/* The level, in tokens, is what was added less what drained since: summed up step by step. */
struct reference {
    double level;
    int64_t at_ms;
};

static void drain_to(struct reference *r, double rate, int64_t now_ms)
{
    r->level -= fmin(r->level, rate * (double)(now_ms - r->at_ms) / MINUTE_MS);
    r->at_ms = now_ms;
}

static void run_history(unsigned seed, struct ptu_limit limit, int64_t gap_max_ms,
                        uint64_t work_max)
{
    double rate = (double)limit.tokens_per_minute, full = rate * (double)limit.full_ms / MINUTE_MS;
    struct ptu_bucket b = { 0 };
    struct reference r = { 0 };
    int64_t now_ms = 1;

    r.at_ms = now_ms;
    for (int i = 0; i < EVENTS; i++) {
        uint64_t work = (uint64_t)rand_r(&seed) % (work_max + 1);
        struct ptu_decision d;

        now_ms += rand_r(&seed) % (gap_max_ms + 1);
        drain_to(&r, rate, now_ms);
        if (rand_r(&seed) % 3 == 0) { /* a request that ends with less than was thought */
            ptu_bucket_correct(&b, &limit, now_ms, -(int64_t)work / 2);
            r.level = fmax(0, r.level - (double)(work / 2));
            continue;
        }
        d = ptu_bucket_admit(&b, &limit, now_ms, work);
        if (fabs(r.level - full) > 0.01) /* but at the very edge */
            assert_int_equal(d.is_admitted, r.level < full);
        if (d.is_admitted)
            r.level += (double)work;
        else /* the wait is right to the millisecond */
            assert_true(fabs((double)d.retry_after_ms - (r.level - full) * MINUTE_MS / rate) <=
                        1.01);
        assert_true(fabs((double)d.permille - r.level * 1000 / full) <= 1.01);
    }
}

static void test_random_histories(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 10; seed++) {
        run_history(seed, minute, 1000, 3000);
        run_history(seed, (struct ptu_limit){ 3450, MINUTE_MS }, 20000, 4000); /* 15 PTU of o1 */
        /* 100,000 PTU of gpt-4o */
        run_history(seed, (struct ptu_limit){ 250000000, MINUTE_MS }, 10, 4000000);
        run_history(seed, minute, 60000, 200000); /* requests larger than the bucket */
        run_history(seed, (struct ptu_limit){ RATE, 1000 }, 1000, 3000);
    }
}

/* What is admitted over a long time is what drains in it and one bucket, and the last request. */
static void test_never_beyond_the_rate(void **state)
{
    struct ptu_bucket b = { 0 };
    uint64_t admitted = 0;

    (void)state;
    for (int64_t now_ms = 1; now_ms <= 3600000; now_ms += 100)
        admitted += ptu_bucket_admit(&b, &minute, now_ms, 500).is_admitted ? 500 : 0;
    assert_true(admitted <= 60 * RATE + RATE + 500);
    assert_true(admitted >= 60 * RATE);
}

#define THREADS 16
#define CALLS 2000

static struct ptu_bucket shared;

static void *call_many(void *data)
{
    uint64_t *admitted = data;

    for (int i = 0; i < CALLS; i++) {
        *admitted += ptu_bucket_admit(&shared, &minute, 1000, 10).is_admitted;
        ptu_bucket_correct(&shared, &minute, 1000, 0);
    }
    return NULL;
}

static void test_exact_among_threads(void **state)
{
    uint64_t admitted[THREADS] = { 0 }, sum = 0;
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &admitted[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += admitted[i];
    }
    assert_int_equal(sum, RATE / 10 + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_is_admitted_up_to_100_percent),
        cmocka_unit_test(test_drains_to_0_and_not_below),
        cmocka_unit_test(test_corrects_the_estimate),
        cmocka_unit_test(test_another_capacity),
        cmocka_unit_test(test_never_turns_over),
        cmocka_unit_test(test_a_shorter_burst),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_never_beyond_the_rate),
        cmocka_unit_test(test_exact_among_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
