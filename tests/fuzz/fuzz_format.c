/*
 * Text forms from a stranger. What is read can be written, and comes out as it went in where a
 * value has one text only.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(NULL);
    struct str s = str_of((const char *)data, size), out, again;
    int64_t time_ms, same_ms;

    if (format_parse_time(s, &time_ms)) {
        /* a zone may move the first and last day out of the years that have four digits */
        if (format_parse_time(format_time(a, time_ms), &same_ms))
            check(time_ms == same_ms);
        else
            check(time_ms < -62167219200000 || time_ms > 253402300799999);
    }
    if (format_parse_base64(a, s, &out))
        check(str_equal(format_base64(a, out.data, out.len), s));
    out = format_base64(a, data, size);
    check(format_parse_base64(a, out, &again) && str_equal(again, s));
    if (format_percent_decode(a, s, &out))
        check(format_percent_decode(a, format_percent_encode(a, out), &again) &&
              str_equal(out, again));
    if (format_is_guid(s))
        check(size == GUID_TEXT_LEN);
    arena_free(a);
    return 0;
}
