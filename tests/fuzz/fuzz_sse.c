/*
 * A stream of server-sent events, cut once whole and once in pieces: the same events come out. The
 * first byte says how long the pieces are.
 * SPDX-License-Identifier: MIT
 */
#include "net/sse.h"
#include "fuzz.h"

static bool note(void *data, struct str event)
{
    struct buf *seen = data;

    check(buf_append(seen, event) && buf_append(seen, STR("\r")));
    return true;
}

/* False when an event was too large. */
static bool split(struct str bytes, size_t step, struct buf *seen, bool *is_partial)
{
    struct sse_splitter s;
    bool fits = true;

    buf_init(seen, SIZE_MAX / 4);
    sse_splitter_init(&s, 256);
    for (size_t at = 0; fits && at < bytes.len; at += step)
        fits = sse_split(&s, str_slice(bytes, at, step), note, seen);
    *is_partial = sse_is_partial(&s);
    sse_splitter_done(&s);
    return fits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    bool is_partial[2], fits[2];
    struct buf seen[2];

    if (!size)
        return 0;
    bytes = str_slice(bytes, 1, size);
    fits[0] = split(bytes, size, &seen[0], &is_partial[0]);
    fits[1] = split(bytes, 1 + data[0] % 32, &seen[1], &is_partial[1]);
    check(fits[0] == fits[1] && (!fits[0] || is_partial[0] == is_partial[1]));
    check(str_equal(buf_str(&seen[0]), buf_str(&seen[1])));
    buf_done(&seen[0]);
    buf_done(&seen[1]);
    return 0;
}
