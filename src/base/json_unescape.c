/* SPDX-License-Identifier: MIT */
#include "base/json_unescape.h"

#include <stdint.h>
#include <string.h>

#include "base/format.h"
#include "base/json_special.h"

/* Escapes and characters beyond ASCII: so many, and one more for each so many bytes. An escape takes this
 * as long as yyjson, 5 ns of an EPYC; what is between them it copies six times as fast. */
#define SPECIALS_FREE 32
#define SPECIAL_BYTES 32
/* The longest: a pair of surrogates, each as an escape. */
#define SPECIAL_LEN_MAX 12

static_assert(JSON_UNESCAPE_ROOM >= sizeof(bytes16), "put_run");

/* Four digits; false when they are none. */
static bool read_unit(struct str s, unsigned *unit)
{
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < s.len ? format_hex_value(s.data[i]) : -1;

        if (value < 0)
            return false;
        *unit = *unit << 4 | (unsigned)value;
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
 * it is neither. */
static size_t put_special(struct str s, char **to)
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

/* Copies plain ASCII, sixteen bytes at a time, which may write fifteen too many. Its length. */
static size_t put_run(struct str s, char *to)
{
    size_t run = 0;
    bytes16 v, stops;

    for (; s.len - run >= sizeof(v); run += sizeof(v)) {
        v = bytes16_load(s.data + run);
        bytes16_store(to + run, v);
        stops = json_is_special(v);
        if (bytes16_any(stops))
            return run + bytes16_first(stops);
    }
    v = bytes16_load_some(s.data + run, s.len - run);
    bytes16_store(to + run, v);
    stops = json_is_special(v);
    return bytes16_any(stops) ? run + bytes16_first(stops) : s.len;
}

/* As json_unescape. What it counts is the caller's, which keeps it in registers. */
static inline enum json_unescaped go_on(struct str text, bool is_whole, size_t *at,
                                        size_t *specials, char **to)
{
    for (;;) {
        struct str left = { text.data + *at, text.len - *at };
        size_t run = put_run(left, *to), used = 0;

        *to += run;
        *at += run;
        left = (struct str){ left.data + run, left.len - run };
        if (!left.len)
            return JSON_UNESCAPE_MORE;
        if (left.data[0] == '"')
            return JSON_UNESCAPED;
        if (!is_whole && left.len < SPECIAL_LEN_MAX)
            return JSON_UNESCAPE_MORE; /* the rest of it may be to come */
        if (++*specials <= SPECIALS_FREE + *at / SPECIAL_BYTES)
            used = put_special(left, to);
        if (!used)
            return JSON_UNESCAPE_REFUSED;
        *at += used;
    }
}

enum json_unescaped json_unescape(struct json_unescape *u, struct str text, bool is_whole)
{
    size_t at = u->at, specials = u->specials;
    char *to = u->to + u->len;
    enum json_unescaped said = go_on(text, is_whole, &at, &specials, &to);

    u->at = at;
    u->specials = specials;
    u->len = (size_t)(to - u->to);
    return said;
}
