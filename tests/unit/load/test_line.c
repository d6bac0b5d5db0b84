/* SPDX-License-Identifier: MIT */
#include "load/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"

static char *text;
static size_t text_len;

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static const char *human(const struct load_snapshot *s)
{
    FILE *out = open_memstream(&text, &text_len);

    line_write_human(out, s, 1697739666);
    fclose(out);
    return text;
}

static const char *json(const struct load_snapshot *s)
{
    FILE *out = open_memstream(&text, &text_len);

    line_write_json(out, s, 1697739666);
    fclose(out);
    return text;
}

/* The example of Azure's tool, but for a number. */
static const struct load_snapshot one = {
    .run_s = 60.2,
    .processing = 1,
    .completed = 1,
    .done = 1,
    .rpm = 1,
    .context_tpm = 501,
    .generated_tpm = 103,
    .ttft = { .count = 1, .average = 0.7362 },
    .tbt = { .count = 1, .average = 0.088 },
    .e2e = { .count = 1, .average = 1.8449 },
    .utilization = { .count = 1, .average = 0 },
};

static void as_azure_writes_it(void **state)
{
    (void)state;
    assert_string_equal(
        human(&one),
        "2023-10-19 18:21:06 rpm: 1.0   processing: 1    completed: 1     failures: 0    "
        "throttled: 0    requests: 1     tpm: 604.0  ttft_avg: 0.736  ttft_95th: n/a    "
        "tbt_avg: 0.088  tbt_95th: n/a    e2e_avg: 1.845  e2e_95th: n/a    util_avg: 0.0%   "
        "util_95th: n/a   \n");
}

static void nothing_yet(void **state)
{
    const struct load_snapshot none = { .run_s = 1, .processing = 20 };

    (void)state;
    assert_string_equal(
        human(&none),
        "2023-10-19 18:21:06 rpm: n/a   processing: 20   completed: 0     failures: 0    "
        "throttled: 0    requests: 0     tpm: 0      ttft_avg: n/a    ttft_95th: n/a    "
        "tbt_avg: n/a    tbt_95th: n/a    e2e_avg: n/a    e2e_95th: n/a    util_avg: n/a    "
        "util_95th: n/a   \n");
}

static void as_json(void **state)
{
    struct load_snapshot s = one;

    (void)state;
    s.e2e = (struct load_latency){ .count = 2, .average = 2, .p95 = 2.5 };
    s.utilization = (struct load_latency){ .count = 2, .average = 45.25, .p95 = 91 };
    assert_string_equal(
        json(&s),
        "{\"run_seconds\": 60, \"timestamp\": \"2023-10-19 18:21:06\", \"rpm\": 1.0, "
        "\"processing\": 1, \"completed\": 1, \"failures\": 0, \"throttled\": 0, \"requests\": 1, "
        "\"tpm\": {\"context\": 501.0, \"gen\": 103.0, \"total\": 604.0}, "
        "\"e2e\": {\"avg\": 2.0, \"95th\": 2.5}, \"ttft\": {\"avg\": 0.736, \"95th\": \"n/a\"}, "
        "\"tbt\": {\"avg\": 0.088, \"95th\": \"n/a\"}, "
        "\"util\": {\"avg\": \"45.2%\", \"95th\": \"91.0%\"}}\n");
}

static void numbers(void **state)
{
    static const struct {
        double value;
        int decimals;
        const char *text;
    } rows[] = { { 0, 3, "0.0" },           { 12.05, 3, "12.05" }, { 0.1234, 3, "0.123" },
                 { 100, 1, "100.0" },       { 604.4, 0, "604.0" }, { 604.6, 0, "605.0" },
                 { 1e9, 0, "1000000000.0" } };
    char out[LINE_NUMBER_BYTES];

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        line_number(out, rows[i].value, rows[i].decimals);
        assert_string_equal(out, rows[i].text);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(as_azure_writes_it), TEST(nothing_yet), TEST(as_json),
                                        TEST(numbers) };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
