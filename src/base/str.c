/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "base/bytes16.h"

#include <strings.h>

int str_compare(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

int str_compare_nocase(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? strncasecmp(a.data, b.data, shorter) : 0;

    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

uint64_t str_hash(uint64_t hash, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        hash = str_hash_byte(hash, (unsigned char)s.data[i]);
    return hash;
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_slice(s, s.len - suffix.len, suffix.len), suffix);
}

size_t str_find(struct str s, struct str needle)
{
    const char *at;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    at = memmem(s.data, s.len, needle.data, needle.len);
    return at ? (size_t)(at - s.data) : SIZE_MAX;
}

size_t str_find_char(struct str s, char c)
{
    const char *at = s.len ? memchr(s.data, c, s.len) : NULL;

    return at ? (size_t)(at - s.data) : SIZE_MAX;
}

struct str str_slice(struct str s, size_t start, size_t len)
{
    if (start > s.len)
        start = s.len;
    if (len > s.len - start)
        len = s.len - start;
    return (struct str){ s.len ? s.data + start : s.data, len };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len && is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool str_split(struct str *rest, char separator, struct str *part)
{
    size_t at;

    if (!rest->data)
        return false;
    at = str_find_char(*rest, separator);
    if (at == SIZE_MAX) {
        *part = *rest;
        *rest = STR_NONE;
        return true;
    }
    *part = str_slice(*rest, 0, at);
    *rest = str_slice(*rest, at + 1, rest->len);
    return true;
}

static bytes16 are_alnum(bytes16 v)
{
    bytes16 letters = v | ('a' ^ 'A');

    return ((v >= '0') & (v <= '9')) | ((letters >= 'a') & (letters <= 'z'));
}

bool str_is_alnum_or(struct str s, const char *also)
{
    size_t i = 0;

    while (s.len - i >= sizeof(bytes16) && !bytes16_any(~are_alnum(bytes16_load(s.data + i))))
        i += sizeof(bytes16);
    if (s.len - i < sizeof(bytes16) && s.len &&
        bytes16_count(are_alnum(bytes16_load_some(s.data + i, s.len - i))) == s.len - i)
        return true;
    for (; i < s.len; i++) {
        char b = s.data[i], letter = (char)(b | 0x20);

        if (!(b >= '0' && b <= '9') && !(letter >= 'a' && letter <= 'z') &&
            !memchr(also, b, strlen(also)))
            return false;
    }
    return true;
}

bool str_is_visible(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] <= ' ' || (unsigned char)s.data[i] >= 0x7F)
            return false;
    }
    return true;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.len == 0 || s.len > 20)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(s.data[i] - '0');

        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}

/* The second byte's range depends on the first (Unicode 15, table 3-7). */
size_t str_utf8_sequence(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    unsigned char low = 0x80, high = 0xBF;
    size_t len;

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (s.len < len)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}

static bytes16 is_no_ascii(bytes16 v)
{
    return v < 0;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = bytes16_until(s.data, s.len, is_no_ascii); i < s.len;) {
        size_t len = str_utf8_sequence(str_slice(s, i, s.len));

        if (!len)
            return false;
        i += len;
    }
    return true;
}

/* Before one of the sixteen sums, which hold 255, is full. */
#define SUMMED_BYTES (64 * sizeof(bytes16))

/* All ones where the byte continues a character; every other byte begins one. */
static bytes16 continue_chars(bytes16 v)
{
    return v < (signed char)0xC0;
}

size_t str_count_chars(struct str s)
{
    size_t count = s.len, i = 0;
    bytes16 found = { 0 };

    if (!s.len) /* nothing may be added to NULL */
        return 0;
    while (s.len - i >= SUMMED_BYTES) {
        for (size_t end = i + SUMMED_BYTES; i < end; i += sizeof(found))
            found -= continue_chars(bytes16_load(s.data + i));
        count -= bytes16_sum(found);
        found = (bytes16){ 0 };
    }
    for (; s.len - i >= sizeof(found); i += sizeof(found))
        found -= continue_chars(bytes16_load(s.data + i));
    found -= continue_chars(bytes16_load_some(s.data + i, s.len - i));
    return count - bytes16_sum(found);
}

void str_repair_utf8(char *text)
{
    size_t left = strlen(text);

    while (left) {
        size_t len = str_utf8_sequence(str_of(text, left));

        if (!len) {
            *text = '?';
            len = 1;
        }
        text += len;
        left -= len;
    }
}

void str_mask_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

        if (c == 0xC2 && next >= 0x80 && next < 0xA0)
            text[i++] = '?';
        else if (c >= ' ' && c != 0x7F)
            continue;
        text[i] = '?';
    }
}

const char *str_show(struct str s, char *out, size_t size)
{
    size_t len = s.len < size ? s.len : size - 1;

    for (size_t i = 0; i < len; i++)
        out[i] = s.data[i] ? s.data[i] : '?';
    out[len] = '\0';
    return out;
}
