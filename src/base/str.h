/*
 * A borrowed run of bytes: pointer and length, not terminated. It never owns memory: whoever made
 * the bytes (an arena, a buffer, a literal) decides how long it is valid. `data` may be NULL only
 * when `len` is 0. Text is UTF-8; comparisons without case fold ASCII letters only, which is what
 * HTTP header names and ARM ids need.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"

struct str {
    const char *data;
    size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf: "%.*s", STR_ARGS(s). */
#define STR_ARGS(s) (int)(s).len, (s).data ? (s).data : ""

static inline struct str str_from(const char *text)
{
    return (struct str){ text, text ? strlen(text) : 0 };
}

static inline struct str str_of(const char *data, size_t len)
{
    return (struct str){ data, len };
}

static inline bool str_is_empty(struct str s)
{
    return s.len == 0;
}

/* Inline, as far as they are: so that to compare with a literal, as `b` or prefix, takes no call. */
static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (b.len == 0 || memcmp(a.data, b.data, b.len) == 0);
}

/* The first letter tells most names apart, and of those that are the same most are so to the case. */
static inline bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    return b.len == 0 ||
           (((a.data[0] ^ b.data[0]) & ~('a' ^ 'A')) == 0 &&
            (memcmp(a.data, b.data, b.len) == 0 || strncasecmp(a.data, b.data, b.len) == 0));
}

/* < 0, 0 or > 0, byte order. */
int str_compare(struct str a, struct str b);
/* The same without regard to the case of ASCII letters. */
int str_compare_nocase(struct str a, struct str b);
/* FNV-1a, 64 bits: not for secrets, nor for a table that strangers fill unless the start is random.
 * The hash of what came before, or STR_HASH_START, goes in. */
#define STR_HASH_START 0xCBF29CE484222325u
static inline uint64_t str_hash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * 0x100000001B3u;
}
uint64_t str_hash(uint64_t hash, struct str s);
static inline bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_of(s.data, prefix.len), prefix);
}
static inline bool str_starts_with_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal_nocase(str_of(s.data, prefix.len), prefix);
}
bool str_ends_with(struct str s, struct str suffix);

/* Position of `needle` in `s`, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle);
size_t str_find_char(struct str s, char c);

/* The part of `s` from `start`, at most `len` bytes; clipped to `s`. */
struct str str_slice(struct str s, size_t start, size_t len);
/* Without blanks and tabs at both ends. */
struct str str_trim(struct str s);

/* Takes the part of *rest before `separator` (all of it when there is none) and moves *rest
 * behind the separator. False when *rest was already used up (data == NULL). */
bool str_split(struct str *rest, char separator, struct str *part);

/* Every byte is a letter or digit of ASCII, or one of `also`. */
bool str_is_alnum_or(struct str s, const char *also);

/* Every byte is a visible character of ASCII, which keys, tokens and queries are made of. */
bool str_is_visible(struct str s);
/* Decimal digits only, whole string, no sign; false when empty, not digits, or above `max`. */
MUST_CHECK bool str_to_u64(struct str s, uint64_t max, uint64_t *value);

/* Characters (code points) of UTF-8 text. */
size_t str_count_chars(struct str s);

/* Overwrites what is not valid UTF-8 (a sequence cut in its middle, say) with '?'. */
void str_repair_utf8(char *text);

/* Overwrites control characters (U+0000 to U+001F, U+007F to U+009F), which a terminal would obey and which
 * could forge a line of a log, with a '?' for each of their bytes. */
void str_mask_controls(char *text, size_t len);
/* `s` as C text for a message: what of it fits into `size` bytes, with '?' for NULs, at which the
 * text would end. Returns `out`. */
const char *str_show(struct str s, char *out, size_t size);

/* Length of the valid UTF-8 sequence that `s`, which is not empty, begins with; 0 for none. */
size_t str_utf8_sequence(struct str s);
/* True for bytes that form valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(struct str s);

#endif
