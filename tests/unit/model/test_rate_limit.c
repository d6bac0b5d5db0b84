/* SPDX-License-Identifier: MIT */
#include "model/rate_limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/macros.h"

#define MINUTE ((int64_t)RATE_MINUTE_MS)
#define NOON (28000000 * MINUTE)

/* 10 units of a model of 1,000 tokens and 6 requests a minute each. */
static const struct rate_limits ten_units = { 10000, 10, 10000 };

static void test_table(void **state)
{
    static const struct {
        int64_t at_ms; /* after noon */
        uint64_t tokens;
        enum rate_verdict verdict;
        bool is_hopeless;
        uint64_t requests_used, tokens_used;
        int64_t retry_at_ms; /* after noon */
    } rows[] = {
        { 0, 4000, RATE_ADMITTED, false, 1, 4000, 0 },
        { 1, 6000, RATE_ADMITTED, false, 2, 10000, 0 },           /* up to the limit */
        { 2, 1, RATE_TOO_MANY_TOKENS, false, 3, 10001, 60000 },   /* which is reached */
        { 3, 500, RATE_TOO_MANY_TOKENS, false, 4, 10501, 60000 }, /* what is refused counts */
        { 4, 10001, RATE_TOO_MANY_TOKENS, true, 5, 10501,
          60000 }, /* never fits, counts no tokens */
        { 60000, 10000, RATE_ADMITTED, false, 1, 10000, 0 },
        { 120000, 1, RATE_ADMITTED, false, 1, 1, 0 },
        { 120001, 1, RATE_ADMITTED, false, 2, 2, 0 },
        { 120002, 1, RATE_ADMITTED, false, 3, 3, 0 },
        { 120003, 1, RATE_ADMITTED, false, 4, 4, 0 },
        { 120004, 1, RATE_ADMITTED, false, 5, 5, 0 },
        { 120005, 1, RATE_ADMITTED, false, 6, 6, 0 },
        { 120006, 1, RATE_ADMITTED, false, 7, 7, 0 },
        { 120007, 1, RATE_ADMITTED, false, 8, 8, 0 },
        { 120008, 1, RATE_ADMITTED, false, 9, 9, 0 },
        { 129999, 1, RATE_ADMITTED, false, 10, 10, 0 },
        { 129999, 1, RATE_TOO_MANY_REQUESTS, false, 11, 10, 130000 },
        { 130000, 1, RATE_ADMITTED, false, 1, 11, 0 },
    };
    struct rate_counters c = { 0 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rate_decision d =
            rate_limit_admit(&c, &ten_units, NOON + rows[i].at_ms, rows[i].tokens);

        assert_int_equal(d.verdict, rows[i].verdict);
        assert_int_equal(d.is_hopeless, rows[i].is_hopeless);
        assert_int_equal(d.requests.used, rows[i].requests_used);
        assert_int_equal(d.tokens.used, rows[i].tokens_used);
        if (d.verdict != RATE_ADMITTED)
            assert_int_equal(d.retry_at_ms, NOON + rows[i].retry_at_ms);
    }
}

static void test_what_is_not_limited(void **state)
{
    const struct rate_limits none = { 0 };
    struct rate_counters c = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(rate_limit_admit(&c, &none, NOON, UINT64_MAX).verdict, RATE_ADMITTED);
}

static void test_a_bad_request_counts_as_a_request(void **state)
{
    struct rate_counters c = { 0 };
    struct rate_refusals r = { 0 };

    (void)state;
    for (int i = 0; i < 10; i++)
        rate_limit_count_invalid(&c, &r, &ten_units, NOON);
    assert_int_equal(rate_limit_look(&c, &ten_units, NOON).requests.used, 10);
    assert_int_equal(rate_limit_look(&c, &ten_units, NOON).tokens.used, 0);
    assert_int_equal(rate_limit_admit(&c, &ten_units, NOON, 1).verdict, RATE_TOO_MANY_REQUESTS);
}

/* Whoever is refused and comes again when it is told to passes: an hour back, too. */
static void test_a_clock_that_jumps(void **state)
{
    static const int64_t jumps[] = { 3600000, -3600000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
        struct rate_counters c = { 0 };
        struct rate_decision d;

        (void)rate_limit_admit(&c, &ten_units, NOON, 10000);
        assert_int_equal(rate_limit_admit(&c, &ten_units, NOON, 1).verdict, RATE_TOO_MANY_TOKENS);
        d = rate_limit_admit(&c, &ten_units, NOON + jumps[i], 10000);
        assert_int_equal(d.verdict, RATE_ADMITTED);
        d = rate_limit_admit(&c, &ten_units, NOON + jumps[i], 1);
        assert_int_equal(d.verdict, RATE_TOO_MANY_TOKENS);
        assert_int_equal(d.retry_at_ms, NOON + jumps[i] + MINUTE);
    }
}

/* -- Random histories against a slow, obvious reference ---------------------------------------- */

#define EVENTS 20000

struct event {
    int64_t at_ms;
    uint64_t tokens;
    bool is_admitted;
};

/* Every event so far is looked at again: which count in the period of the newest one? */
static bool reference_admits(const struct rate_limits *l, const struct event *events, size_t at,
                             const bool *counts_tokens, bool *counts)
{
    const struct event *now = &events[at];
    uint64_t requests = 1, tokens = now->tokens;

    for (size_t i = at; i-- > 0;) {
        if (events[i].at_ms / MINUTE != now->at_ms / MINUTE)
            break;
        requests += events[i].at_ms / l->period_ms == now->at_ms / l->period_ms;
        tokens += counts_tokens[i] ? events[i].tokens : 0;
    }
    *counts = requests <= l->requests_per_period && now->tokens <= l->tokens_per_minute;
    return *counts && tokens <= l->tokens_per_minute;
}

static void run_history(unsigned seed, const struct rate_limits *limits, int64_t gap_max_ms,
                        uint64_t tokens_max)
{
    static struct event events[EVENTS];
    static bool counts[EVENTS];
    struct rate_counters c = { 0 };
    int64_t now_ms = NOON;

    for (size_t i = 0; i < EVENTS; i++) {
        now_ms += rand_r(&seed) % (gap_max_ms + 1);
        events[i] = (struct event){ now_ms, (uint64_t)rand_r(&seed) % (tokens_max + 1), false };
        events[i].is_admitted =
            rate_limit_admit(&c, limits, now_ms, events[i].tokens).verdict == RATE_ADMITTED;
        assert_int_equal(events[i].is_admitted,
                         reference_admits(limits, events, i, counts, &counts[i]));
    }
    /* Never beyond the rate in any period; never starved: the first of a period that could fit does. */
    for (size_t i = 0, first = 0; i < EVENTS; i++) {
        uint64_t tokens = 0;

        if (events[i].at_ms / MINUTE != events[first].at_ms / MINUTE || i == 0) {
            first = i;
            if (events[i].tokens <= limits->tokens_per_minute)
                assert_true(events[i].is_admitted);
        }
        for (size_t k = first; k <= i; k++)
            tokens += events[k].is_admitted ? events[k].tokens : 0;
        assert_true(tokens <= limits->tokens_per_minute);
    }
}

static void test_random_histories(void **state)
{
    static const struct rate_limits one_unit = { 1000, 1, 10000 }, by_minute = { 12000, 2, 60000 };

    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        run_history(seed, &ten_units, 300, 1200);
        run_history(seed, &ten_units, 3000, 11000);
        run_history(seed, &one_unit, 8000, 900);
        run_history(seed, &by_minute, 20000, 9000);
    }
}

/* -- What filled the windows of a refused request ---------------------------------------------- */

struct tally {
    int64_t period, minute;
    struct rate_filling filling; /* tokens_counted is not kept */
};

static void begin_windows(struct tally *t, const struct rate_limits *limits, int64_t now_ms)
{
    struct rate_filling *f = &t->filling;

    if (now_ms / limits->period_ms != t->period)
        f->requests_admitted = f->requests_refused = f->requests_invalid = 0;
    if (now_ms / MINUTE != t->minute)
        f->tokens_admitted = f->tokens_refused = 0;
    t->period = now_ms / limits->period_ms;
    t->minute = now_ms / MINUTE;
}

/* It is known to the request what came before it, and when it would pass. */
static void check_refused(struct tally *t, const struct rate_limits *limits,
                          struct rate_counters *c, struct rate_refusals *r,
                          const struct rate_decision *d, uint64_t tokens)
{
    struct rate_filling f = rate_limit_note_refused(r, limits, d, tokens);
    struct rate_counters later;
    int64_t fits_ms = rate_limit_fits_at_ms(limits, d, tokens);
    bool counts = d->verdict == RATE_TOO_MANY_TOKENS && !d->is_hopeless;

    assert_int_equal(f.requests_admitted, t->filling.requests_admitted);
    assert_int_equal(f.requests_refused, t->filling.requests_refused++);
    assert_int_equal(f.requests_invalid, t->filling.requests_invalid);
    assert_int_equal(f.tokens_admitted, t->filling.tokens_admitted);
    assert_int_equal(f.tokens_refused, t->filling.tokens_refused);
    assert_int_equal(f.tokens_counted, counts ? tokens : 0);
    t->filling.tokens_refused += f.tokens_counted;
    if (d->is_hopeless)
        return;
    later = *c;
    assert_int_equal(rate_limit_admit(&later, limits, fits_ms, tokens).verdict, RATE_ADMITTED);
    later = *c;
    assert_int_not_equal(rate_limit_admit(&later, limits, fits_ms - 1, tokens).verdict,
                         RATE_ADMITTED);
}

/* The last one that was admitted turns out to be wrong: at once, or when its windows are over. */
static void make_invalid(struct tally *t, const struct rate_limits *limits, struct rate_counters *c,
                         struct rate_refusals *r, const struct rate_decision *d, int64_t now_ms,
                         uint64_t tokens)
{
    bool is_in_time = rate_limit_make_invalid(c, r, limits, d, now_ms, tokens);

    if (now_ms < d->requests.ends_ms) {
        t->filling.requests_admitted--;
        t->filling.requests_invalid++;
    }
    if (now_ms < d->tokens.ends_ms) {
        assert_true(is_in_time);
        t->filling.tokens_admitted -= tokens;
    }
}

static void run_filling(unsigned seed, const struct rate_limits *limits, int gap_max_ms,
                        uint64_t tokens_max)
{
    struct rate_counters c = { 0 };
    struct rate_refusals r = { 0 };
    struct tally t = { 0 };
    struct rate_decision last = { 0 };
    uint64_t last_tokens = 0;
    int64_t now_ms = NOON;

    for (int i = 0; i < EVENTS; i++) {
        uint64_t tokens = (uint64_t)rand_r(&seed) % (tokens_max + 1);
        struct rate_decision d;

        now_ms += rand_r(&seed) % (gap_max_ms + 1);
        begin_windows(&t, limits, now_ms);
        if (rand_r(&seed) % 8 == 0) {
            rate_limit_count_invalid(&c, &r, limits, now_ms);
            t.filling.requests_invalid++;
            continue;
        }
        if (last.requests.used && rand_r(&seed) % 4 == 0) {
            make_invalid(&t, limits, &c, &r, &last, now_ms, last_tokens);
            last.requests.used = 0;
            continue;
        }
        d = rate_limit_admit(&c, limits, now_ms, tokens);
        if (d.verdict != RATE_ADMITTED) {
            check_refused(&t, limits, &c, &r, &d, tokens);
            continue;
        }
        t.filling.requests_admitted++;
        t.filling.tokens_admitted += tokens;
        last = d;
        last_tokens = tokens;
    }
}

static void test_what_filled_the_windows(void **state)
{
    static const struct rate_limits one_unit = { 1000, 1, 10000 }, by_minute = { 12000, 2, 60000 };

    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        run_filling(seed, &ten_units, 300, 1200);
        run_filling(seed, &ten_units, 3000, 11000);
        run_filling(seed, &one_unit, 8000, 900);
        run_filling(seed, &by_minute, 20000, 9000);
    }
}

/* -- Many at a time ---------------------------------------------------------------------------- */

#define THREADS 64
#define CALLS 500

struct caller {
    struct rate_counters *counters;
    const struct rate_limits *limits;
    uint64_t admitted;
};

static void *call_many(void *data)
{
    struct caller *c = data;

    for (int i = 0; i < CALLS; i++)
        c->admitted += rate_limit_admit(c->counters, c->limits, NOON, 3).verdict == RATE_ADMITTED;
    return NULL;
}

static void check_threads(const struct rate_limits *limits, uint64_t expected)
{
    struct rate_counters counters = { 0 };
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    uint64_t sum = 0;

    for (size_t i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){ &counters, limits, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, call_many, &callers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += callers[i].admitted;
    }
    assert_int_equal(sum, expected);
}

static void test_exact_among_threads(void **state)
{
    const struct rate_limits by_tokens = { 30001, 0, 0 }, by_requests = { 0, 7777, 10000 };

    (void)state;
    check_threads(&by_tokens, 10000);
    check_threads(&by_requests, 7777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_what_is_not_limited),
        cmocka_unit_test(test_a_bad_request_counts_as_a_request),
        cmocka_unit_test(test_a_clock_that_jumps),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_what_filled_the_windows),
        cmocka_unit_test(test_exact_among_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
