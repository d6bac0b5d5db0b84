/* SPDX-License-Identifier: MIT */
#include "engine/retry_after.h"

#include <stdio.h>
#include <time.h>

/* Beyond a hundred thousand years it does not matter any more. */
#define NUMBER_MAX ((uint64_t)1000000000000000)
/* "Wednesday, 09-Nov-94 08:49:37 GMT" is the longest. */
#define DATE_BYTES_MAX 40

static uint64_t read_number(struct str text)
{
    uint64_t number;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return RETRY_AFTER_UNSAID;
    }
    if (!text.len)
        return RETRY_AFTER_UNSAID;
    return str_to_u64(text, NUMBER_MAX, &number) ? number : NUMBER_MAX;
}

/* In any of the three forms that a recipient must know (RFC 9110, 5.6.7). */
static uint64_t read_date(struct str text, int64_t wall_now_ms)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
    };
    char copy[DATE_BYTES_MAX];

    if (text.len >= sizeof(copy))
        return RETRY_AFTER_UNSAID;
    snprintf(copy, sizeof(copy), "%.*s", STR_ARGS(text));
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct tm date = { 0 };
        const char *end = strptime(copy, forms[i], &date);

        if (end && !*end) {
            int64_t at_ms = (int64_t)timegm(&date) * 1000;

            return at_ms > wall_now_ms ? (uint64_t)(at_ms - wall_now_ms) : RETRY_AFTER_UNSAID;
        }
    }
    return RETRY_AFTER_UNSAID;
}

struct retry_after retry_after_read(const struct http_headers *headers, int64_t wall_now_ms)
{
    struct str ms = str_trim(http_headers_get(headers, STR("retry-after-ms")));
    struct str date = str_trim(http_headers_get(headers, STR("retry-after")));
    uint64_t seconds = read_number(date);

    return (struct retry_after){
        .azure_ms = read_number(ms),
        .http_ms = seconds == RETRY_AFTER_UNSAID ? read_date(date, wall_now_ms) : seconds * 1000,
    };
}

struct retry_after retry_after_read_now(const struct http_headers *headers)
{
    return retry_after_read(headers, (int64_t)time(NULL) * 1000);
}

uint64_t retry_after_hold_ms(const struct retry_after *r)
{
    uint64_t hold_ms = r->azure_ms != RETRY_AFTER_UNSAID ? r->azure_ms : r->http_ms;

    if (hold_ms == RETRY_AFTER_UNSAID)
        return 0;
    return hold_ms < RETRY_AFTER_HELD_MAX_MS ? hold_ms : RETRY_AFTER_HELD_MAX_MS;
}
