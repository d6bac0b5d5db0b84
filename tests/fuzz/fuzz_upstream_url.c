/*
 * Text as the URL of an upstream's address, and as the value of its Retry-After.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "engine/retry_after.h"
#include "engine/upstream_url.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str text = str_of((const char *)data, size);
    struct http_header header = { STR("retry-after"), text };
    const struct http_headers headers = { .items = &header, .count = 1 };
    struct retry_after after = retry_after_read(&headers, 0);
    struct upstream_url url;
    struct error err;

    if (upstream_url_parse(a, text, &url, &err) &&
        (url.unix_path ? url.unix_path[0] != '/' : !url.host[0] || !url.port || url.port > 65535))
        abort();
    if (retry_after_hold_ms(&after) > RETRY_AFTER_HELD_MAX_MS)
        abort();
    arena_free(a);
    return 0;
}
