/* SPDX-License-Identifier: MIT */
#include "engine/retry_after.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Sun, 06 Nov 1994 08:49:30 GMT */
#define NOW_MS 784111770000
#define UNSAID RETRY_AFTER_UNSAID

static struct retry_after read_headers(const char *ms, const char *text)
{
    struct http_header items[2];
    struct http_headers headers = { .items = items };

    if (ms)
        items[headers.count++] = (struct http_header){ STR("Retry-After-Ms"), str_from(ms) };
    if (text)
        items[headers.count++] = (struct http_header){ STR("Retry-After"), str_from(text) };
    return retry_after_read(&headers, NOW_MS);
}

static void reads_numbers_and_dates(void **state)
{
    static const struct {
        const char *ms, *text;
        uint64_t by_ms, by_date;
    } cases[] = {
        { NULL, NULL, UNSAID, UNSAID },
        { "250", "7", 250, 7000 },
        { "0", " 0 ", 0, 0 },
        { NULL, "86400", UNSAID, 86400000 },
        { NULL, "Sun, 06 Nov 1994 08:49:37 GMT", UNSAID, 7000 },
        { NULL, "Sunday, 06-Nov-94 08:49:37 GMT", UNSAID, 7000 },
        { NULL, "Sun Nov  6 08:49:37 1994", UNSAID, 7000 },
        { NULL, "Sun, 06 Nov 1994 08:49:00 GMT", UNSAID, UNSAID }, /* past */
        { NULL, "Sun, 06 Nov 1994 08:49:37 GMT, or so", UNSAID, UNSAID },
        { "Sun, 06 Nov 1994 08:49:37 GMT", "soon", UNSAID, UNSAID },
        { "-1", "-1", UNSAID, UNSAID },
        { "1.5", "1e3", UNSAID, UNSAID },
        { "", "", UNSAID, UNSAID },
        { "soon", "3", UNSAID, 3000 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct retry_after r = read_headers(cases[i].ms, cases[i].text);

        if (r.azure_ms != cases[i].by_ms || r.http_ms != cases[i].by_date)
            fail_msg("case %zu", i);
    }
}

static uint64_t hold(const char *ms, const char *text)
{
    struct retry_after r = read_headers(ms, text);

    return retry_after_hold_ms(&r);
}

static void holds_no_longer_than_it_may(void **state)
{
    (void)state;
    assert_int_equal(hold("250", "7"), 250);
    assert_int_equal(hold("soon", "3"), 3000);
    assert_int_equal(hold("1000000000000", "3"), 600000);
    assert_int_equal(hold(NULL, "86400"), 600000);
    assert_int_equal(hold(NULL, "99999999999999999999999"), 600000);
    assert_int_equal(hold(NULL, "Sun, 06 Nov 2094 08:49:37 GMT"), 600000);
    assert_int_equal(hold(NULL, "-5"), 0);
    assert_int_equal(hold(NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers_and_dates),
        cmocka_unit_test(holds_no_longer_than_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
