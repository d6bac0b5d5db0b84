/* SPDX-License-Identifier: MIT */
#include "load/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/macros.h"

#define START 1000000u
#define SECOND ((uint64_t)1000000)

static struct load_stats s;
static struct load_snapshot shown;

static int set_up(void **state)
{
    (void)state;
    load_stats_init(&s, 60, START);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    load_stats_done(&s);
    return 0;
}

/* One that took a second, its first token after a tenth of that, 10 tokens in all, planned earlier. */
static struct load_outcome outcome(uint64_t end_s, uint64_t planned_before_us)
{
    uint64_t end_us = START + end_s * SECOND;

    return (struct load_outcome){ .result = LOAD_DONE,
                                  .status = 200,
                                  .text = "",
                                  .request_id = "",
                                  .planned_us = end_us - SECOND - planned_before_us,
                                  .start_us = end_us - SECOND,
                                  .first_us = end_us - SECOND * 9 / 10,
                                  .last_us = end_us,
                                  .end_us = end_us,
                                  .context_tokens = 20,
                                  .generated_tokens = 10,
                                  .utilization = -1 };
}

static void run_one(const struct load_outcome *o)
{
    load_stats_start(&s, o->planned_us, o->start_us, false);
    load_stats_end(&s, o);
}

static void counts_over_the_elapsed_time_at_first(void **state)
{
    struct load_outcome o = outcome(1, 0);

    (void)state;
    run_one(&o);
    o = outcome(2, 0);
    run_one(&o);
    load_stats_snapshot(&s, START + 4 * SECOND, &shown);
    assert_true(shown.run_s == 4 && shown.done == 2 && shown.completed == 2);
    assert_true(shown.rpm == 30);
    assert_true(shown.context_tpm == 600 && shown.generated_tpm == 300);
    assert_true(shown.e2e.average == 1 && shown.e2e.count == 2);
    assert_true(shown.ttft.average == 0.1 && shown.tbt.average == 0.1);
    assert_int_equal(shown.processing, 0);
}

static void the_window_slides(void **state)
{
    struct load_outcome o;

    (void)state;
    for (unsigned i = 1; i <= 300; i++) {
        o = outcome(i, 0);
        run_one(&o);
    }
    load_stats_snapshot(&s, START + 300 * SECOND + SECOND / 2, &shown);
    assert_int_equal(shown.completed, 300);
    assert_int_equal(shown.done, 60);
    assert_true(shown.rpm > 59 && shown.rpm < 62);
    /* a long time without any */
    load_stats_snapshot(&s, START + 1000 * SECOND, &shown);
    assert_int_equal(shown.done, 0);
    assert_int_equal(shown.e2e.count, 0);
}

static void corrected_is_from_the_planned_time(void **state)
{
    struct load_outcome o = outcome(10, 3 * SECOND);

    (void)state;
    load_stats_start(&s, o.planned_us, o.start_us, true);
    load_stats_end(&s, &o);
    assert_true(histogram_average(&s.totals.e2e) == 1e6);
    assert_true(histogram_average(&s.totals.e2e_corrected) == 4e6);
    assert_true(histogram_average(&s.totals.ttft) == 0.1e6);
    assert_true(histogram_average(&s.totals.ttft_corrected) == 3.1e6);
    assert_int_equal(s.held_count, 1);
    assert_int_equal(s.held_max_us, 3 * SECOND);
    assert_int_equal(s.late_count, 0);
    /* late, though a client was there */
    load_stats_start(&s, START + SECOND, START + SECOND + STATS_LATE_US, false);
    assert_int_equal(s.late_count, 0);
    load_stats_start(&s, START + SECOND, START + 3 * SECOND, false);
    assert_int_equal(s.late_count, 1);
    assert_int_equal(s.late_max_us, 2 * SECOND);
    assert_int_equal(s.held_count, 1);
}

static void failures_have_no_latency(void **state)
{
    struct load_outcome o = outcome(1, 0);

    (void)state;
    o.result = LOAD_THROTTLED;
    o.cause = LOAD_CAUSE_THROTTLED;
    o.status = 429;
    o.utilization = 101.4;
    run_one(&o);
    o.result = LOAD_FAILED;
    o.cause = LOAD_CAUSE_STATUS;
    o.status = 500;
    o.utilization = 99;
    o.text = "it broke";
    o.request_id = "id-1";
    run_one(&o);
    run_one(&o);
    load_stats_snapshot(&s, START + 2 * SECOND, &shown);
    assert_true(shown.completed == 3 && shown.failed == 3 && shown.throttled == 1);
    assert_int_equal(shown.done, 0);
    assert_int_equal(shown.e2e.count, 0);
    assert_true(shown.utilization.count == 3);
    assert_true(shown.utilization.average > 99.79 && shown.utilization.average < 99.81);
    /* 90 percent of the way from 99 to 101.4 */
    assert_true(shown.utilization.p95 > 100.9 && shown.utilization.p95 < 101.4);
    assert_true(shown.utilization.p50 > 98.7 && shown.utilization.p50 < 99.3);
    assert_int_equal(s.failures.count, 2);
    assert_int_equal(s.failures.kinds[1].count, 2);
    assert_int_equal(s.failures.kinds[1].id_count, 2);
    assert_string_equal(s.failures.kinds[1].ids[0], "id-1");
    assert_string_equal(s.failures.kinds[1].text, "it broke");
}

static void numbers_make_no_kinds(void **state)
{
    static const char *const texts[] = { "Please retry after 27 seconds. (id a1-b2)",
                                         "Please retry after 1 second. (id ff-03)",
                                         "Please retry after 3 seconds. (id",
                                         "Please retry after some seconds. (id a1-b2)",
                                         "Please retry after 3 seconds. (id ff-03) now",
                                         "" };
    struct load_outcome o = outcome(1, 0);

    (void)state;
    o.result = LOAD_THROTTLED;
    o.cause = LOAD_CAUSE_THROTTLED;
    for (unsigned i = 0; i < 2 * ARRAY_LEN(texts); i++) {
        o.text = texts[i / 2];
        run_one(&o);
    }
    assert_int_equal(s.failures.count, 5);
    assert_int_equal(s.failures.kinds[0].count, 4);
    assert_string_equal(s.failures.kinds[0].text, texts[0]);
    assert_int_equal(s.failures.kinds[4].count, 2);
}

/* However many kinds of failures and request ids there are, and however long they are. */
static void failures_are_bounded(void **state)
{
    static char text[1000];
    struct load_outcome o = outcome(1, 0);

    (void)state;
    o.result = LOAD_FAILED;
    o.cause = LOAD_CAUSE_ERROR_EVENT;
    o.text = text;
    o.request_id = text;
    for (int i = 0; i < 600; i++) {
        snprintf(text, sizeof(text), "%c%c%-900s", 'a' + i % 26, 'a' + i / 26, "");
        run_one(&o);
    }
    assert_int_equal(s.failures.count, FAILURE_KINDS_MAX);
    assert_int_equal(s.failures.others, 600 - FAILURE_KINDS_MAX);
}

/* Hours: the points become fewer and longer, and nothing is lost. */
static void the_series_is_bounded(void **state)
{
    uint64_t done = 0;

    (void)state;
    for (unsigned i = 1; i <= 5000; i++) {
        struct load_outcome o = outcome(i, 0);

        load_series_add(&s.series, &o, o.end_us);
    }
    assert_true(s.series.count <= SERIES_POINTS_MAX && s.series.count > SERIES_POINTS_MAX / 2);
    for (unsigned i = 0; i < s.series.count; i++) {
        done += s.series.points[i]->done;
        assert_int_equal(s.series.points[i]->e2e.count, s.series.points[i]->done);
    }
    assert_int_equal(done, 5000);
    assert_int_equal(s.series.interval_us, 32 * SECOND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_over_the_elapsed_time_at_first),
        TEST(the_window_slides),
        TEST(corrected_is_from_the_planned_time),
        TEST(failures_have_no_latency),
        TEST(numbers_make_no_kinds),
        TEST(failures_are_bounded),
        TEST(the_series_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
