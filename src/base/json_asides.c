/* SPDX-License-Identifier: MIT */
#include "base/json_asides.h"

#include <assert.h>
#include <string.h>

#include "base/bytes16.h"
#include "base/json_unescape.h"
#include "base/memory.h"

/* What a text may have for this to pay: so many quotes and escapes outside of long strings, and one more
 * for each so many bytes. Each takes some 8 ns to step over, 128 of them what is won by 4 kB. The rest of
 * a text that has more is yyjson's. */
#define STOPS_FREE 128
#define STOP_BYTES 256
/* Short strings beyond ASCII do not pay: so many bytes of them count as a stop. */
#define NON_ASCII_BYTES 128
/* After so many bytes it is asked again whether it pays. */
#define RUN_BYTES_MAX ((size_t)4096)

struct json_aside {
    struct str text;  /* between its quotes */
    struct str value; /* what it means: the same, or without escapes, in the arena */
    size_t at;        /* of the byte in its place, in the rest */
    struct json_aside *next;
};

struct scan {
    struct arena *arena;
    struct str text;
    size_t at;
    size_t stops; /* quotes and escapes before `at`, and what counts as them */
    char *out;    /* where the next value without its escapes goes; NULL before the first one */
};

static char next(const struct scan *s)
{
    return s->at < s->text.len ? s->text.data[s->at] : '\0';
}

/* The string from `begin` on without its escapes; goes to its end. False, and goes nowhere: it is for
 * yyjson. */
static bool unescape(struct scan *s, size_t begin, struct str *value)
{
    struct str text = str_slice(s->text, begin, s->text.len);
    size_t run, len;

    /* for this one and all that come: none is longer than its text */
    if (!s->out)
        s->out = arena_alloc_bytes(s->arena, text.len + JSON_UNESCAPE_ROOM);
    run = json_unescape(text, s->out, &len);
    if (run == SIZE_MAX)
        return false;
    *value = str_of(s->out, len);
    s->out += len;
    s->at = begin + run;
    return true;
}

static bytes16 is_quote(bytes16 v)
{
    return v == '"';
}

static bytes16 ends_or_escapes(bytes16 v)
{
    return (v == '"') | (v == '\\');
}

/* Of a control character, which no string may have, or of a byte that is no ASCII. */
static bytes16 is_doubtful(bytes16 v)
{
    return v < ' ';
}

/* Goes to the next quote or escape, or as far as one run may go; true when nothing doubtful was on the
 * way. */
static bool skip_run(struct scan *s)
{
    const size_t each = sizeof(bytes16);
    const char *from = s->text.data + s->at;
    size_t left = s->text.len - s->at, run = 0, last;
    bytes16 doubts = { 0 };
    bool is_plain;

    if (left > RUN_BYTES_MAX)
        left = RUN_BYTES_MAX;
    for (; left - run >= 4 * each; run += 4 * each) {
        bytes16 v[] = { bytes16_load(from + run), bytes16_load(from + run + each),
                        bytes16_load(from + run + 2 * each), bytes16_load(from + run + 3 * each) };

        if (bytes16_any(ends_or_escapes(v[0]) | ends_or_escapes(v[1]) | ends_or_escapes(v[2]) |
                        ends_or_escapes(v[3])))
            break;
        doubts |= is_doubtful(v[0]) | is_doubtful(v[1]) | is_doubtful(v[2]) | is_doubtful(v[3]);
    }
    last = bytes16_until(from + run, left - run, ends_or_escapes);
    is_plain = !bytes16_any(doubts) && bytes16_until(from + run, last, is_doubtful) == last;
    s->at += run + last;
    if (!is_plain)
        s->stops += (run + last) / NON_ASCII_BYTES;
    return is_plain;
}

/* Goes behind the next quote, which begins a string; false when there is none. */
static bool enter_string(struct scan *s)
{
    s->at += bytes16_until(s->text.data + s->at, s->text.len - s->at, is_quote) + 1;
    s->stops++;
    return s->at <= s->text.len;
}

static bool pays(const struct scan *s)
{
    return s->stops <= STOPS_FREE + s->at / STOP_BYTES;
}

/* Goes to the quote that ends the string; false when there is none, or it does not pay to look.
 * `*value`: what it means when it shall be set aside, else STR_NONE. */
static bool read_string(struct scan *s, size_t long_bytes, struct str *value)
{
    size_t begin = s->at, stops = s->stops;
    bool is_plain = true, was_tried = false;

    *value = STR_NONE;
    while (s->at < s->text.len && pays(s)) {
        is_plain = skip_run(s) && is_plain;
        if (!is_plain && !was_tried && s->at - begin >= long_bytes) {
            was_tried = true;
            if (unescape(s, begin, value)) {
                s->stops = stops; /* they were worth it */
                return true;
            }
        }
        if (next(s) == '"') {
            if (is_plain && s->at - begin >= long_bytes)
                *value = str_slice(s->text, begin, s->at - begin);
            return true;
        }
        if (next(s) == '\\') {
            is_plain = false;
            s->stops++;
            s->at += 2;
        }
    }
    return false;
}

static struct json_aside *find_all(struct arena *a, struct str text, size_t long_bytes)
{
    struct json_aside *first = NULL, **last = &first;
    struct scan s = { .arena = a, .text = text };

    while (pays(&s) && enter_string(&s)) {
        size_t begin = s.at;
        struct str value;

        if (!read_string(&s, long_bytes, &value))
            break;
        if (value.len) {
            *last = ARENA_NEW(a, struct json_aside);
            (*last)->text = str_slice(text, begin, s.at - begin);
            (*last)->value = value;
            last = &(*last)->next;
        }
        s.at++;
        s.stops++;
    }
    return first;
}

/* -- The rest ---------------------------------------------------------------------------------- */

static char *put(char *to, const char *from, const char *until)
{
    memcpy(to, from, (size_t)(until - from));
    return to + (until - from);
}

bool json_asides_take(struct arena *a, struct str text, size_t long_bytes,
                      struct json_asides *asides)
{
    const char *from = text.data;
    size_t len = text.len;
    char *rest, *to;

    assert(long_bytes > 0); /* a byte takes its place */
    if (text.len < long_bytes)
        return false;
    asides->first = find_all(a, text, long_bytes);
    if (!asides->first)
        return false;
    for (struct json_aside *x = asides->first; x; x = x->next)
        len -= x->text.len - 1;
    to = rest = arena_alloc_bytes(a, len + YYJSON_PADDING_SIZE);
    for (struct json_aside *x = asides->first; x; x = x->next) {
        to = put(to, from, x->text.data);
        x->at = (size_t)(to - rest);
        *to++ = '-'; /* as good as any but a quote or an escape */
        from = x->text.data + x->text.len;
    }
    to = put(to, from, text.data + text.len);
    memset(to, 0, YYJSON_PADDING_SIZE);
    asides->rest = str_of(rest, len);
    return true;
}

size_t json_asides_position(const struct json_asides *asides, size_t at)
{
    size_t position = at;

    for (const struct json_aside *x = asides->first; x && x->at < at; x = x->next)
        position += x->text.len - 1;
    return position;
}

/* The values of a document lie one behind the other, in the order of the text. */
void json_asides_put_back(const struct json_asides *asides, yyjson_doc *doc)
{
    yyjson_val *value = yyjson_doc_get_root(doc);
    const yyjson_val *end = value + yyjson_doc_get_val_count(doc);

    for (const struct json_aside *x = asides->first; x; value++) {
        assert(value < end);
        if (!yyjson_is_str(value) || yyjson_get_str(value) != asides->rest.data + x->at)
            continue;
        yyjson_set_strn(value, x->value.data, x->value.len);
        x = x->next;
    }
    (void)end;
}
