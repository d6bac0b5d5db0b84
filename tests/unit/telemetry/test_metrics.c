/* SPDX-License-Identifier: MIT */
#include "telemetry/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define OUT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define CHAT_LABELS "account=\"a\",deployment=\"d\",operation=\"Chat\",status=\"200\",stream="

static struct buf out;

static const struct metrics_request chat = {
    .account = { "a", 1 },
    .deployment = { "d", 1 },
    .operation = "Chat",
    .status = 200,
    .duration_us = 30000,
    .first_byte_us = 2000,
    .prompt_tokens = 5,
    .completion_tokens = 7,
};

static void write_all(struct metrics *m, const struct metrics_gauge *gauges, size_t count)
{
    buf_clear(&out);
    assert_true(metrics_write(m, gauges, count, &out));
}

static void expect_line(const char *line)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "%s\n", line);
    if (str_find(buf_str(&out), str_from(whole)) == SIZE_MAX)
        fail_msg("no line '%s' in\n%.*s", line, STR_ARGS(buf_str(&out)));
}

/* Before the histograms, which are long. */
static size_t count_of(struct str needle)
{
    struct str rest = buf_str(&out);
    size_t count = 0, at = str_find(rest, STR("# HELP lazuli_request_duration_seconds"));

    rest = str_slice(rest, 0, at);
    while ((at = str_find(rest, needle)) != SIZE_MAX) {
        count++;
        rest = str_slice(rest, at + needle.len, rest.len);
    }
    return count;
}

static void requests_are_summed_over_shards(void **state)
{
    struct metrics *m = metrics_new(3);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        metrics_record_request(metrics_shard(m, i), &chat);
    write_all(m, NULL, 0);
    expect_line("# TYPE lazuli_requests_total counter");
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"false\",is_spillover=\"false\"} 3");
    expect_line("lazuli_tokens_total{" CHAT_LABELS
                "\"false\",is_spillover=\"false\",kind=\"prompt\"} 15");
    expect_line("lazuli_tokens_total{" CHAT_LABELS
                "\"false\",is_spillover=\"false\",kind=\"completion\"} 21");
    assert_int_equal(count_of(STR("# HELP lazuli_tokens_total")), 1);
    metrics_free(m);
}

static void buckets_are_cumulative(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;

    (void)state;
    metrics_record_request(metrics_shard(m, 0), &r); /* 30 ms */
    r.duration_us = 1000;                            /* its bucket's own bound */
    metrics_record_request(metrics_shard(m, 0), &r);
    r.duration_us = 500000000; /* beyond the last bound */
    metrics_record_request(metrics_shard(m, 0), &r);
    write_all(m, NULL, 0);
#define DURATION(what) \
    "lazuli_request_duration_seconds_" what "{" CHAT_LABELS "\"false\",is_spillover=\"false\""
    expect_line("# TYPE lazuli_request_duration_seconds histogram");
    expect_line(DURATION("bucket") ",le=\"0.001\"} 1");
    expect_line(DURATION("bucket") ",le=\"0.025\"} 1");
    expect_line(DURATION("bucket") ",le=\"0.05\"} 2");
    expect_line(DURATION("bucket") ",le=\"120\"} 2");
    expect_line(DURATION("bucket") ",le=\"+Inf\"} 3");
    expect_line(DURATION("count") "} 3");
    expect_line(DURATION("sum") "} 500.031000");
    metrics_free(m);
}

static void an_answer_without_a_byte_has_no_first_one(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;

    (void)state;
    r.first_byte_us = 0;
    metrics_record_request(metrics_shard(m, 0), &r);
    write_all(m, NULL, 0);
    expect_line("lazuli_time_to_first_byte_seconds_count{" CHAT_LABELS
                "\"false\",is_spillover=\"false\"} 0");
    metrics_free(m);
}

static void labels_tell_series_apart(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;

    (void)state;
    metrics_record_request(metrics_shard(m, 0), &r);
    r.streamed = true;
    metrics_record_request(metrics_shard(m, 0), &r);
    r.is_spillover = true;
    metrics_record_request(metrics_shard(m, 0), &r);
    r.is_spillover = false;
    r.status = 429;
    metrics_record_request(metrics_shard(m, 0), &r);
    r.account = STR_NONE;
    r.deployment = STR("ad"); /* not "a" and "d" */
    metrics_record_request(metrics_shard(m, 0), &r);
    write_all(m, NULL, 0);
    assert_int_equal(count_of(STR("\nlazuli_requests_total{")), 5);
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"true\",is_spillover=\"false\"} 1");
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"true\",is_spillover=\"true\"} 1");
    expect_line("lazuli_requests_total{account=\"\",deployment=\"ad\",operation=\"Chat\","
                "status=\"429\",stream=\"true\",is_spillover=\"false\"} 1");
    metrics_free(m);
}

static void names_of_any_length_are_kept_apart_and_bounded(void **state)
{
    static char name[400];
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;

    (void)state;
    memset(name, 'n', sizeof(name));
    r.account = r.deployment = str_of(name, sizeof(name));
    metrics_record_request(metrics_shard(m, 0), &r);
    write_all(m, NULL, 0);
    assert_int_equal(count_of(STR("\nlazuli_requests_total{")), 1);
    metrics_free(m);
}

/* What comes after so many series is not counted, but takes no memory either. */
static void series_are_bounded(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;
    char name[120];

    (void)state;
    memset(name, 'n', sizeof(name));
    r.account = str_of(name, 100); /* the longest that is written */
    for (unsigned i = 0; i < 4100; i++) {
        snprintf(name, sizeof(name), "%0100u", i);
        r.deployment = str_of(name, 100);
        metrics_record_request(metrics_shard(m, 0), &r);
    }
    write_all(m, NULL, 0);
    assert_int_equal(count_of(STR("\nlazuli_requests_total{")), 4000);
    metrics_free(m);
}

/* -- Forgetting -------------------------------------------------------------------------------- */

static size_t series_count(struct metrics *m)
{
    write_all(m, NULL, 0);
    return count_of(STR("\nlazuli_requests_total{"));
}

/* All but the deployment "d" of the account "a". */
static bool is_not_d(void *data, struct str account, struct str deployment)
{
    (void)data;
    assert_true(str_equal(account, STR("a")));
    return !str_equal(deployment, STR("d"));
}

static void what_is_gone_is_forgotten_after_a_time(void **state)
{
    struct metrics *m = metrics_new(2);
    struct metrics_request r = chat;
    int64_t now_ms = 1000;

    (void)state;
    metrics_record_request(metrics_shard(m, 0), &chat);
    r.deployment = STR("gone");
    metrics_record_request(metrics_shard(m, 0), &r);
    metrics_record_request(metrics_shard(m, 1), &r);
    metrics_forget(m, now_ms, is_not_d, NULL);
    now_ms += METRICS_KEPT_MS - 1;
    metrics_forget(m, now_ms, is_not_d, NULL);
    assert_int_equal(series_count(m), 2);
    metrics_record_request(metrics_shard(m, 1), &r);
    metrics_forget(m, ++now_ms, is_not_d, NULL);
    assert_int_equal(series_count(m), 2);
    expect_line("lazuli_requests_total{account=\"a\",deployment=\"gone\",operation=\"Chat\","
                "status=\"200\",stream=\"false\",is_spillover=\"false\"} 2");
    metrics_forget(m, now_ms + METRICS_KEPT_MS, is_not_d, NULL);
    assert_int_equal(series_count(m), 1);
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"false\",is_spillover=\"false\"} 1");
    metrics_record_request(metrics_shard(m, 0), &r); /* it is there again, and counts from 0 */
    assert_int_equal(series_count(m), 2);
    metrics_free(m);
}

static void a_clock_that_is_set_back_forgets_nothing_early(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;

    (void)state;
    r.deployment = STR("gone");
    metrics_record_request(metrics_shard(m, 0), &r);
    metrics_forget(m, 2 * METRICS_KEPT_MS, is_not_d, NULL);
    metrics_forget(m, METRICS_KEPT_MS / 2, is_not_d, NULL);
    metrics_forget(m, METRICS_KEPT_MS, is_not_d, NULL);
    assert_int_equal(series_count(m), 1);
    metrics_forget(m, METRICS_KEPT_MS + METRICS_KEPT_MS / 2, is_not_d, NULL);
    assert_int_equal(series_count(m), 0);
    metrics_free(m);
}

/* Many more than there is room for, over time. */
static void deployments_that_come_and_go_leave_room(void **state)
{
    struct metrics *m = metrics_new(1);
    struct metrics_request r = chat;
    int64_t now_ms = 1;
    char name[20];

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        r.deployment = str_from(name);
        metrics_record_request(metrics_shard(m, 0), &r);
        if (i % 1000 == 999) {
            metrics_forget(m, now_ms, is_not_d, NULL);
            now_ms += METRICS_KEPT_MS / 2;
        }
    }
    metrics_record_request(metrics_shard(m, 0), &chat);
    write_all(m, NULL, 0);
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"false\",is_spillover=\"false\"} 1");
    metrics_free(m);
}

static void gauges_of_one_name_share_a_head(void **state)
{
    static const struct metrics_gauge gauges[] = {
        { "lazuli_up", "Whether it is.", "gauge", NULL, 1 },
        { "lazuli_engine", "Its state.", "gauge", "engine=\"a\"", 2.5 },
        { "lazuli_engine", "Its state.", "gauge", "engine=\"b\"", 0 },
    };
    struct metrics *m = metrics_new(1);
    struct str help = STR("# HELP lazuli_engine ");
    size_t first;

    (void)state;
    write_all(m, gauges, ARRAY_LEN(gauges));
    first = str_find(buf_str(&out), help);
    assert_int_not_equal(first, SIZE_MAX);
    expect_line("lazuli_up 1");
    expect_line("lazuli_engine{engine=\"a\"} 2.5");
    expect_line("lazuli_engine{engine=\"b\"} 0");
    assert_int_equal(str_find(str_slice(buf_str(&out), first + 1, SIZE_MAX - first - 1), help),
                     SIZE_MAX);
    metrics_free(m);
}

static void a_full_buffer_is_said(void **state)
{
    struct metrics *m = metrics_new(1);
    struct buf small;

    (void)state;
    metrics_record_request(metrics_shard(m, 0), &chat);
    buf_init(&small, 500);
    assert_false(metrics_write(m, NULL, 0, &small));
    buf_done(&small);
    metrics_free(m);
}

#define THREADS 4
#define RECORDS 2000

static void *record_many(void *data)
{
    for (unsigned i = 0; i < RECORDS; i++)
        metrics_record_request(data, &chat);
    return NULL;
}

static void a_scrape_does_not_disturb_workers(void **state)
{
    struct metrics *m = metrics_new(THREADS);
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, metrics_shard(m, i)), 0);
    for (unsigned i = 0; i < 20; i++)
        write_all(m, NULL, 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    write_all(m, NULL, 0);
    expect_line("lazuli_requests_total{" CHAT_LABELS "\"false\",is_spillover=\"false\"} 8000");
    metrics_free(m);
}

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_summed_over_shards),
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(an_answer_without_a_byte_has_no_first_one),
        cmocka_unit_test(labels_tell_series_apart),
        cmocka_unit_test(names_of_any_length_are_kept_apart_and_bounded),
        cmocka_unit_test(series_are_bounded),
        cmocka_unit_test(what_is_gone_is_forgotten_after_a_time),
        cmocka_unit_test(a_clock_that_is_set_back_forgets_nothing_early),
        cmocka_unit_test(deployments_that_come_and_go_leave_room),
        cmocka_unit_test(gauges_of_one_name_share_a_head),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(a_scrape_does_not_disturb_workers),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
