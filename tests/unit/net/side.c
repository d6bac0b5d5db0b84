/* SPDX-License-Identifier: MIT */
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"

void side_init(struct side *side)
{
    *side = (struct side){ .starts_reading = true };
    buf_init(&side->got, SIZE_MAX / 4);
}

void side_done(struct side *side)
{
    buf_done(&side->got);
}

void side_close(struct side *side)
{
    struct stream *s = side->s;

    side->s = NULL;
    if (s) {
        side->is_inside = true;
        stream_close(s, side->flushes);
        side->is_inside = false;
    }
    if (side->closes_too)
        side_close(side->closes_too);
}

bool side_write(struct side *side, struct str bytes)
{
    bool ok;

    side->is_inside = true;
    ok = stream_write(side->s, &bytes, 1);
    side->is_inside = false;
    return ok;
}

static struct side *open_side(void *data)
{
    struct side *side = data;

    assert_non_null(side); /* else an event came after stream_close */
    assert_non_null(side->s);
    assert_false(side->is_inside);
    return side;
}

static void on_connect(void *data)
{
    struct side *side = open_side(data);

    side->connects++;
    if (side->says.len)
        assert_true(side_write(side, side->says));
    if (side->closes_on_connect || side->closes_after_says)
        side_close(side);
    else if (side->starts_reading)
        stream_read_start(side->s);
}

static void on_connect_failed(void *data, const struct error *err)
{
    struct side *side = open_side(data);

    side->refusals++;
    side->err = *err;
    side_close(side);
}

static struct stream_space on_space(void *data)
{
    struct side *side = open_side(data);
    size_t len = side->space_len ? side->space_len : sizeof(side->space);

    side->spaces++;
    return (struct stream_space){ side->space, len };
}

static void on_read(void *data, struct str bytes)
{
    struct side *side = open_side(data);

    side->reads++;
    assert_true(bytes.len > 0);
    assert_true(buf_append(&side->got, bytes));
    if (side->echoes)
        side_write(side, bytes);
    if (side->has_enough)
        stream_read_enough(side->s);
    if (side->stops_at_bytes && buf_len(&side->got) >= side->stops_at_bytes)
        stream_read_stop(side->s);
    if (side->closes_at_bytes && buf_len(&side->got) >= side->closes_at_bytes)
        side_close(side);
}

static void on_end(void *data, enum stream_end why)
{
    struct side *side = open_side(data);

    if (why == STREAM_END_EOF)
        side->eofs++;
    else
        side->resets++;
    if (!side->stays_on_end || why == STREAM_END_RESET)
        side_close(side);
}

static void on_drain(void *data)
{
    struct side *side = open_side(data);

    side->drains++;
    assert_int_equal(stream_pending(side->s), 0);
    if (side->closes_on_drain)
        side_close(side);
}

static void on_shut(void *data)
{
    open_side(data)->shuts++;
}

const struct stream_events side_events = {
    .on_connect = on_connect,
    .on_connect_failed = on_connect_failed,
    .on_space = on_space,
    .on_read = on_read,
    .on_end = on_end,
    .on_shut = on_shut,
    .on_drain = on_drain,
};

struct stream *side_connect(struct side *side, struct loop *l, const struct stream_address *address,
                            uint64_t timeout_ms)
{
    side->is_inside = true;
    side->s = stream_connect(l, address, timeout_ms, &side_events, side);
    side->is_inside = false;
    return side->s;
}

void side_accept(void *data, struct stream *s)
{
    struct side *side = data;

    assert_null(side->s);
    side->connects++;
    side->s = s;
    stream_set_events(s, &side_events, side);
    if (side->starts_reading)
        stream_read_start(s);
}

void side_assert_got(const struct side *side, struct str expected)
{
    assert_int_equal(buf_len(&side->got), expected.len);
    assert_memory_equal(buf_str(&side->got).data, expected.data, expected.len);
}

struct str pattern_make(size_t len)
{
    char *bytes = memory_alloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i % 251);
    return str_of(bytes, len);
}

void pattern_free(struct str bytes)
{
    free((void *)(uintptr_t)bytes.data);
}
