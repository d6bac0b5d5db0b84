/*
 * Text as the value of an answer's Retry-After.
 * SPDX-License-Identifier: MIT
 */
#include "engine/retry_after.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header header = { STR("retry-after"), str_of((const char *)data, size) };
    const struct http_headers headers = { .items = &header, .count = 1 };
    struct retry_after after = retry_after_read(&headers, 0);

    check(retry_after_hold_ms(&after) <= RETRY_AFTER_HELD_MAX_MS);
    return 0;
}
