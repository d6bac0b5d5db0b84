/* SPDX-License-Identifier: MIT */
#include "base/format.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "base/random.h"

static const char hex_digits[] = "0123456789abcdef";

/* -- Numbers ------------------------------------------------------------------------------- */

static unsigned count_digits(uint64_t number)
{
    for (unsigned count = 1;; count += 4, number /= 10000) {
        if (number < 100)
            return count + (number >= 10);
        if (number < 10000)
            return count + 2 + (number >= 1000);
    }
}

/* Two digits at a time, from the end. (By hand: a copy of them into memory whose end the compiler
 * knows of, but not how far away it is, would be a call that checks it.) */
char *format_put_decimal(char *at, uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char *end = at + count_digits(number), *first = end;

    for (; number >= 100; number /= 100) {
        *--first = pairs[2 * (number % 100) + 1];
        *--first = pairs[2 * (number % 100)];
    }
    if (number >= 10) {
        *--first = pairs[2 * number + 1];
        *--first = pairs[2 * number];
    } else {
        *--first = (char)('0' + number);
    }
    return end;
}

struct str format_decimal(struct arena *a, int64_t number)
{
    char *text = arena_alloc_bytes(a, FORMAT_DECIMAL_MAX + sizeof("-")), *at = text;

    if (number < 0)
        *at++ = '-';
    at = format_put_decimal(at, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
    *at = '\0';
    return str_of(text, (size_t)(at - text));
}

struct str format_grouped(struct arena *a, struct str digits)
{
    char *text = arena_alloc_bytes(a, 2 * digits.len + 1), *at = text;

    for (size_t i = 0; i < digits.len; i++) {
        if (i && (digits.len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits.data[i];
    }
    *at = '\0';
    return str_of(text, (size_t)(at - text));
}

/* -- Time ---------------------------------------------------------------------------------- */

/* Splits into calendar fields and milliseconds; times before 1970 round down. */
static void split_time(int64_t time_ms, struct tm *fields, int *ms)
{
    int64_t rest = time_ms % 1000;
    time_t seconds;

    if (rest < 0)
        rest += 1000;
    seconds = (time_t)((time_ms - rest) / 1000);
    gmtime_r(&seconds, fields);
    *ms = (int)rest;
}

struct str format_time(struct arena *a, int64_t time_ms)
{
    struct tm t;
    int ms;

    split_time(time_ms, &t, &ms);
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%03d0000Z", t.tm_year + 1900,
                        t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, ms);
}

struct str format_time_seconds(struct arena *a, int64_t time_ms)
{
    struct tm t;
    int ms;

    split_time(time_ms, &t, &ms);
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1,
                        t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

void format_http_date(char out[30], int64_t time_ms)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm t;
    int ms;

    split_time(time_ms, &t, &ms);
    /* %10000 and %100: so that the compiler sees that 30 bytes suffice. */
    snprintf(out, 30, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[t.tm_wday],
             (unsigned)t.tm_mday % 100, months[t.tm_mon], (unsigned)(t.tm_year + 1900) % 10000,
             (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

/* Takes `digits` decimal digits from the front. */
static bool take_number(struct str *s, size_t digits, int max, int *value)
{
    uint64_t number;

    if (s->len < digits || !str_to_u64(str_slice(*s, 0, digits), (uint64_t)max, &number))
        return false;
    *value = (int)number;
    *s = str_slice(*s, digits, s->len);
    return true;
}

static bool take_char(struct str *s, char lower)
{
    if (!s->len || (s->data[0] | 0x20) != (lower | 0x20))
        return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

/* An optional fraction of one to nine digits; what is finer than a millisecond is dropped. */
static bool take_fraction(struct str *s, int *ms)
{
    int digits = 0, unit = 100;

    *ms = 0;
    if (!s->len || s->data[0] != '.')
        return true;
    *s = str_slice(*s, 1, s->len);
    while (s->len && s->data[0] >= '0' && s->data[0] <= '9') {
        *ms += (s->data[0] - '0') * unit;
        unit /= 10;
        digits++;
        *s = str_slice(*s, 1, s->len);
    }
    return digits >= 1 && digits <= 9;
}

/* "Z" or "+hh:mm", to minutes east of UTC. */
static bool take_zone(struct str *s, int *minutes)
{
    int hours, rest, sign;

    *minutes = 0;
    if (take_char(s, 'z'))
        return true;
    if (!s->len || (s->data[0] != '+' && s->data[0] != '-'))
        return false;
    sign = s->data[0] == '-' ? -1 : 1;
    *s = str_slice(*s, 1, s->len);
    if (!take_number(s, 2, 23, &hours) || !take_char(s, ':') || !take_number(s, 2, 59, &rest))
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

bool format_parse_time(struct str s, int64_t *time_ms)
{
    struct tm t = { 0 }, check;
    int year, month, ms = 0, zone = 0;
    time_t seconds;

    if (!take_number(&s, 4, 9999, &year) || !take_char(&s, '-') ||
        !take_number(&s, 2, 12, &month) || !take_char(&s, '-') ||
        !take_number(&s, 2, 31, &t.tm_mday))
        return false;
    if (s.len) {
        if (!take_char(&s, 't') || !take_number(&s, 2, 23, &t.tm_hour) || !take_char(&s, ':') ||
            !take_number(&s, 2, 59, &t.tm_min) || !take_char(&s, ':') ||
            !take_number(&s, 2, 59, &t.tm_sec) || !take_fraction(&s, &ms) || !take_zone(&s, &zone))
            return false;
    }
    if (s.len || month == 0)
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    check = t;
    seconds = timegm(&check);
    /* timegm makes March 2nd of February 30th */
    if (check.tm_mday != t.tm_mday || check.tm_mon != t.tm_mon)
        return false;
    *time_ms = ((int64_t)seconds - (int64_t)zone * 60) * 1000 + ms;
    return true;
}

/* -- GUID, hexadecimal --------------------------------------------------------------------- */

void format_guid(char out[GUID_TEXT_LEN + 1])
{
    uint8_t bytes[16];

    random_bytes(bytes, sizeof(bytes));
    format_guid_of(bytes, out);
}

/* Eight digits out of four bytes, all at the same time: each byte of a word becomes a digit. Of both
 * words the lowest byte comes first. */
static uint64_t hex_of(uint32_t bytes)
{
    const uint64_t low_digits = 0x000F000F000F000Fu;
    uint64_t apart = ((uint64_t)bytes << 16 | bytes) & 0x0000FFFF0000FFFFu;
    uint64_t digits, letters;

    apart = (apart << 8 | apart) & 0x00FF00FF00FF00FFu;
    digits = (apart >> 4 & low_digits) | (apart & low_digits) << 8;
    letters = (digits + 0x0606060606060606u) >> 4 & 0x0101010101010101u; /* 1 from ten on */
    return htole64(digits + 0x3030303030303030u + letters * ('a' - '0' - 10));
}

void format_guid_of(const uint8_t random[16], char out[GUID_TEXT_LEN + 1])
{
    uint32_t bytes[4];
    uint64_t hex[4];

    memcpy(bytes, random, sizeof(bytes));
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        bytes[i] = le32toh(bytes[i]);
    bytes[1] = (bytes[1] & ~UINT32_C(0x00F00000)) | 0x00400000; /* version 4 (RFC 9562, 5.4) */
    bytes[2] = (bytes[2] & ~UINT32_C(0x000000C0)) | 0x00000080; /* its variant */
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        hex[i] = hex_of(bytes[i]);
    memcpy(out, &hex[0], 8);
    memcpy(out + 9, &hex[1], 4);
    memcpy(out + 14, (const char *)&hex[1] + 4, 4);
    memcpy(out + 19, &hex[2], 4);
    memcpy(out + 24, (const char *)&hex[2] + 4, 4);
    memcpy(out + 28, &hex[3], 8);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[GUID_TEXT_LEN] = '\0';
}

int format_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool format_is_guid(struct str s)
{
    if (s.len != GUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen ? s.data[i] != '-' : format_hex_value(s.data[i]) < 0)
            return false;
    }
    return true;
}

struct str format_hex(struct arena *a, const void *bytes, size_t len)
{
    const unsigned char *from = bytes;
    char *text = arena_alloc_bytes(a, len * 2 + 1);

    for (size_t i = 0; i < len; i++) {
        text[i * 2] = hex_digits[from[i] >> 4];
        text[i * 2 + 1] = hex_digits[from[i] & 15];
    }
    text[len * 2] = '\0';
    return str_of(text, len * 2);
}

/* -- Base64 -------------------------------------------------------------------------------- */

/* What OpenSSL's int lengths can take, with room. */
#define BASE64_MAX ((size_t)INT_MAX / 4)

struct str format_base64(struct arena *a, const void *bytes, size_t len)
{
    size_t text_len = (len + 2) / 3 * 4;
    unsigned char *text;

    assert(len <= BASE64_MAX);
    text = arena_alloc_bytes(a, text_len + 1);
    text[0] = '\0';
    EVP_EncodeBlock(text, bytes, (int)len);
    return str_of((char *)text, text_len);
}

/* 0 to 63, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '/')
        return c == '+' ? 62 : 63;
    return -1;
}

bool format_parse_base64(struct arena *a, struct str s, struct str *out)
{
    size_t padding = 0;
    unsigned char *bytes;

    if (s.len % 4 || s.len > BASE64_MAX)
        return false;
    while (padding < 2 && padding < s.len && s.data[s.len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < s.len - padding; i++) {
        if (base64_value(s.data[i]) < 0)
            return false;
    }
    /* The bits that the padding leaves over are 0: one value has one text. */
    if (padding && base64_value(s.data[s.len - 1 - padding]) & (padding == 1 ? 3 : 15))
        return false;
    /* EVP_DecodeBlock writes zeros for the padding */
    bytes = arena_alloc_bytes(a, s.len / 4 * 3 + 1);
    if (s.len && EVP_DecodeBlock(bytes, (const unsigned char *)s.data, (int)s.len) < 0)
        return false;
    *out = str_of((char *)bytes, s.len / 4 * 3 - padding);
    bytes[out->len] = '\0';
    return true;
}

static void translate(char *text, const char *from, const char *to)
{
    for (; *text; text++) {
        if (*text == from[0] || *text == from[1])
            *text = to[*text == from[1]];
    }
}

struct str format_base64url(struct arena *a, const void *bytes, size_t len)
{
    struct str padded = format_base64(a, bytes, len);
    char *text = arena_text(a, padded);

    translate(text, "+/", "-_");
    while (padded.len && text[padded.len - 1] == '=')
        text[--padded.len] = '\0';
    return str_of(text, padded.len);
}

bool format_parse_base64url(struct arena *a, struct str s, struct str *out)
{
    static const char *const padding[] = { "", NULL, "==", "=" };
    char *text;

    if (s.len % 4 == 1 || s.len > BASE64_MAX || !str_is_alnum_or(s, "-_"))
        return false;
    text = arena_text(a, arena_printf(a, "%.*s%s", STR_ARGS(s), padding[s.len % 4]));
    translate(text, "-_", "+/");
    return format_parse_base64(a, str_from(text), out);
}

/* -- Percent encoding ---------------------------------------------------------------------- */

bool format_percent_decode(struct arena *a, struct str s, struct str *out)
{
    char *text;
    size_t len = 0;

    if (str_find_char(s, '%') == SIZE_MAX && str_find_char(s, '\0') == SIZE_MAX) {
        *out = arena_copy(a, s);
        return true;
    }
    text = arena_alloc_bytes(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        int high, low;

        if (s.data[i] == '\0')
            return false;
        if (s.data[i] != '%') {
            text[len++] = s.data[i];
            continue;
        }
        if (s.len - i < 3)
            return false;
        high = format_hex_value(s.data[i + 1]);
        low = format_hex_value(s.data[i + 2]);
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        text[len++] = (char)(high << 4 | low);
        i += 2;
    }
    text[len] = '\0';
    *out = str_of(text, len);
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

struct str format_percent_encode(struct arena *a, struct str s)
{
    static const char digits[] = "0123456789ABCDEF"; /* RFC 3986, 2.1 asks for upper case */
    char *text = arena_alloc_bytes(a, s.len * 3 + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (is_unreserved(s.data[i])) {
            text[len++] = s.data[i];
            continue;
        }
        text[len++] = '%';
        text[len++] = digits[c >> 4];
        text[len++] = digits[c & 15];
    }
    text[len] = '\0';
    return str_of(text, len);
}
