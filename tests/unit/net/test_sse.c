/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/sse.h"

#define MAX 4096

/* Events written as "data;" one after another. */
struct seen {
    struct buf text;
    unsigned count;
    unsigned stop_at; /* 0: never */
};

static bool on_event(void *data, struct str event)
{
    struct seen *seen = data;

    assert_true(buf_append(&seen->text, event));
    assert_true(buf_append(&seen->text, STR(";")));
    return ++seen->count != seen->stop_at;
}

/* A splitter's answer to `stream` given in pieces of `step` bytes. */
static bool split(struct str stream, size_t step, size_t max, struct seen *seen, bool *is_partial)
{
    struct sse_splitter s;
    bool ok = true;

    *seen = (struct seen){ 0 };
    buf_init(&seen->text, SIZE_MAX / 4);
    sse_splitter_init(&s, max);
    for (size_t at = 0; at < stream.len && ok; at += step)
        ok = sse_split(&s, str_slice(stream, at, step), on_event, seen);
    *is_partial = sse_is_partial(&s);
    sse_splitter_done(&s);
    return ok;
}

static const struct {
    struct str stream;
    const char *events;
    bool is_partial;
} cases[] = {
    { STR("data: a\n\n"), "a;", false },
    { STR("data:a\n\ndata:  b\n\n"), "a; b;", false },
    { STR("data: a\r\n\r\ndata: b\r\rdata: c\n\r\n"), "a;b;c;", false },
    { STR("event: ping\ndata: {}\n\n"), "{};", false },
    { STR("data: {}\nevent: late\nid: 7\nretry: 10\n\n"), "{};", false },
    { STR("data: a\ndata: b\ndata\ndata:\n\n"), "a\nb\n\n;", false },
    { STR("data: a\r\ndata: b\r\n\r\n"), "a\nb;", false },
    { STR("data\n\ndata:\n\ndata: \n\n"), "", false }, /* heartbeats */
    { STR(": a comment\n\ndata: a\n\n"), "a;", false },
    { STR(": first\ndata: a\n: between\ndata: b\n\n"), "a\nb;", false },
    { STR("event: no data\n\ndata: a\n\n"), "a;", false },
    { STR("\n\n\r\n\rdata: a\n\n\n\n"), "a;", false },
    { STR("\xEF\xBB\xBF"
          "data: a\n\n"),
      "a;", false },
    { STR("\xEF\xBB\xBF\n"
          "data: a\n\n"),
      "a;", false },
    { STR("data: a\n\n\xEF\xBB\xBF"
          "data: b\n\n"),
      "a;", false },
    { STR("\xEF\xBB"
          "data: a\n\n"),
      "", false },
    { STR("data: a\n\ndata: cut"), "a;", true },
    { STR("data: a\n\ndata: cut\n"), "a;", true },
    { STR("data: a\n\ndata: cut\r\n"), "a;", true },
    { STR("Data: x\ndatax: y\n data: z\n\n"), "", false },
    { STR("data: [DONE]\n\n"), "[DONE];", false },
    { STR("event: a\nevent: b\ndata: c: d\n\n"), "c: d;", false },
    { STR(""), "", false },
};

static void splits_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 1; step <= cases[i].stream.len + 1; step++) {
            struct seen seen;
            bool is_partial;

            assert_true(split(cases[i].stream, step, MAX, &seen, &is_partial));
            if (!str_equal(buf_str(&seen.text), str_from(cases[i].events)) ||
                is_partial != cases[i].is_partial)
                fail_msg("case %zu in steps of %zu: '%.*s' %d", i, step,
                         STR_ARGS(buf_str(&seen.text)), is_partial);
            buf_done(&seen.text);
        }
    }
}

/* Any two cuts of made-up streams of the characters that matter give the same events. */
static void cuts_do_not_matter(void **state)
{
    static const char alphabet[] = "\n\n\r\r::dat a\xEF\xBB\xBF";
    uint64_t random = 88172645463325252u;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        char stream[64] = "data:x\ndata:";
        size_t len = strlen(stream);
        struct seen whole;
        bool whole_is_partial;

        while (len < sizeof(stream)) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if (random % 7 == 0 && len + 5 <= sizeof(stream)) {
                memcpy(stream + len, "data:", 5);
                len += 5;
            } else {
                stream[len++] = alphabet[random / 7 % (sizeof(alphabet) - 1)];
            }
        }
        assert_true(split(str_of(stream, len), len, MAX, &whole, &whole_is_partial));
        for (size_t step = 1; step < 9; step++) {
            struct seen cut;
            bool is_partial;

            assert_true(split(str_of(stream, len), step, MAX, &cut, &is_partial));
            assert_true(str_equal(buf_str(&cut.text), buf_str(&whole.text)));
            assert_int_equal(is_partial, whole_is_partial);
            buf_done(&cut.text);
        }
        buf_done(&whole.text);
    }
}

static void keeps_its_maximum(void **state)
{
    struct str stream = STR("data: 123456789\n\ndata: 1234567890\n\ndata: after\n\n");

    (void)state;
    for (size_t step = 1; step <= stream.len; step++) {
        struct seen seen;
        bool is_partial;

        /* "data: 123456789" and its line end are 16 bytes */
        assert_false(split(stream, step, 16, &seen, &is_partial));
        assert_true(str_equal(buf_str(&seen.text), STR("123456789;")));
        buf_done(&seen.text);
        assert_true(split(stream, step, 17, &seen, &is_partial));
        assert_int_equal(seen.count, 3);
        buf_done(&seen.text);
    }
}

/* A line that never ends is refused when it is too long, not when it ends. */
static void bounds_a_line_without_end(void **state)
{
    struct sse_splitter s;
    struct seen seen = { 0 };
    unsigned fed = 0;

    (void)state;
    sse_splitter_init(&s, 1000);
    while (sse_split(&s, STR("0123456789"), on_event, &seen))
        fed += 10;
    assert_int_equal(fed, 1000);
    sse_splitter_done(&s);
}

static const char *lent;

static bool keep_pointer(void *data, struct str event)
{
    (void)data;
    lent = event.data;
    return true;
}

static void lends_what_lies_whole(void **state)
{
    struct sse_splitter s;
    struct str stream = STR("data: first\n\ndata: second\n\n");

    (void)state;
    sse_splitter_init(&s, MAX);
    assert_true(sse_split(&s, stream, keep_pointer, NULL));
    assert_ptr_equal(lent, stream.data + 19);
    assert_null(s.pending.data);
    sse_splitter_done(&s);
}

static void stops_when_told(void **state)
{
    struct sse_splitter s;
    struct seen seen = { .stop_at = 2 };

    (void)state;
    buf_init(&seen.text, MAX);
    sse_splitter_init(&s, MAX);
    assert_true(sse_split(&s, STR("data: a\n\ndata: b\n\ndata: c\n\ndata: d"), on_event, &seen));
    assert_int_equal(seen.count, 2);
    assert_false(sse_is_partial(&s));
    buf_done(&seen.text);
    sse_splitter_done(&s);
}

/* Behind the last event, with and without line ends; nothing when that was whole. */
static void takes_the_rest_for_an_event(void **state)
{
    static const char *const streams[] = { "data: a\n\ndata: b", "data: a\n\ndata: b\n",
                                           "data: a\n\ndata: b\r", "data: a\n\ndata: b\n\n" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        struct sse_splitter s;
        struct seen seen = { 0 };

        buf_init(&seen.text, MAX);
        sse_splitter_init(&s, MAX);
        assert_true(sse_split(&s, str_from(streams[i]), on_event, &seen));
        assert_true(sse_split_rest(&s, on_event, &seen));
        assert_int_equal(seen.count, 2);
        assert_false(sse_is_partial(&s));
        buf_done(&seen.text);
        sse_splitter_done(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_however_it_is_cut),    cmocka_unit_test(cuts_do_not_matter),
        cmocka_unit_test(keeps_its_maximum),           cmocka_unit_test(bounds_a_line_without_end),
        cmocka_unit_test(lends_what_lies_whole),       cmocka_unit_test(stops_when_told),
        cmocka_unit_test(takes_the_rest_for_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
