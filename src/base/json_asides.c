/* SPDX-License-Identifier: MIT */
#include "base/json_asides.h"

#include <assert.h>
#include <string.h>

#include "base/bytes16.h"
#include "base/memory.h"

/* Quotes and escapes are few in a text of which it pays: so many, and one more for each so many bytes.
 * Where there are more, yyjson is as fast, and the rest of the text is its own. */
#define STOPS_FREE 32
#define STOP_BYTES 256
/* Text beyond ASCII does not pay either: so many bytes of it count as a stop. */
#define DOUBTFUL_BYTES 128
/* After so many it is asked again whether it pays. */
#define RUN_BYTES_MAX ((size_t)4096)
/* In a string that is known to be long, escapes and characters beyond ASCII may be more. */
#define CARE_BYTES 32

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

/* -- Without escapes --------------------------------------------------------------------------- */

/* Four digits; false when they are none. */
static bool read_unit(struct str s, unsigned *unit)
{
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = i < s.len ? s.data[i] : '\0', letter = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            *unit = *unit << 4 | (unsigned)(c - '0');
        else if (letter >= 'a' && letter <= 'f')
            *unit = *unit << 4 | (unsigned)(letter - 'a' + 10);
        else
            return false;
    }
    return true;
}

static char *put_character(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* An escape with four digits, or two that are a pair of surrogates. */
static size_t put_units(struct str s, char **to)
{
    unsigned code, low;
    size_t len = 6;

    if (!read_unit(str_slice(s, 2, s.len), &code))
        return 0;
    if (code >= 0xD800 && code < 0xE000) {
        if (code >= 0xDC00 || !str_starts_with(str_slice(s, 6, s.len), STR("\\u")) ||
            !read_unit(str_slice(s, 8, s.len), &low) || low < 0xDC00 || low >= 0xE000)
            return 0;
        code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
        len = 12;
    }
    *to = put_character(*to, code);
    return len;
}

/* Puts what the text begins with, an escape (RFC 8259, 7) or a character beyond ASCII. Its length; 0:
 * it is neither, and yyjson shall see it. */
static size_t put_care(struct str s, char **to)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;
    size_t len;

    if (s.data[0] != '\\') {
        len = (unsigned char)s.data[0] < ' ' ? 0 : str_utf8_sequence(s);
        memcpy(*to, s.data, len);
        *to += len;
        return len;
    }
    if (s.len < 2)
        return 0;
    if (s.data[1] == 'u')
        return put_units(s, to);
    found = memchr(names, s.data[1], sizeof(names) - 1);
    if (!found)
        return 0;
    *(*to)++ = meanings[found - names];
    return 2;
}

static bytes16 ends_or_needs_care(bytes16 v)
{
    return (v < ' ') | (v == '"') | (v == '\\');
}

/* Copies what needs no care, sixteen bytes at a time, which may write fifteen too many. Its length;
 * SIZE_MAX when the text ends. */
static size_t put_run(struct str s, char *to)
{
    size_t run = 0;
    bytes16 v, stops;

    for (; s.len - run >= sizeof(v); run += sizeof(v)) {
        v = bytes16_load(s.data + run);
        bytes16_store(to + run, v);
        stops = ends_or_needs_care(v);
        if (bytes16_any(stops))
            return run + bytes16_first(stops);
    }
    v = bytes16_load_some(s.data + run, s.len - run);
    bytes16_store(to + run, v);
    stops = ends_or_needs_care(v);
    return bytes16_any(stops) ? run + bytes16_first(stops) : SIZE_MAX;
}

/* The string from `begin` on without its escapes; goes to its end. False, and goes nowhere: it is for
 * yyjson. */
static bool unescape(struct scan *s, size_t begin, struct str *value)
{
    size_t at = begin, cares = 0;
    char *to;

    if (!s->out) /* no value is longer than its text */
        s->out = arena_alloc_bytes(s->arena, s->text.len - begin + sizeof(bytes16));
    to = s->out;
    for (;;) {
        struct str left = str_slice(s->text, at, s->text.len);
        size_t run = put_run(left, to), used;

        if (run == SIZE_MAX)
            return false;
        to += run;
        at += run;
        left = str_slice(left, run, left.len);
        if (left.data[0] == '"')
            break;
        used = ++cares <= STOPS_FREE + (at - begin) / CARE_BYTES ? put_care(left, &to) : 0;
        if (!used)
            return false;
        at += used;
    }
    *value = str_of(s->out, (size_t)(to - s->out));
    s->out = to;
    s->at = at;
    return true;
}

/* -- Where strings are ------------------------------------------------------------------------- */

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
        s->stops += (run + last) / DOUBTFUL_BYTES;
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
        *to++ = '-';
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
