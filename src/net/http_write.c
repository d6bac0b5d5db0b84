/* SPDX-License-Identifier: MIT */
#include "net/http_write.h"

char *http_write_raw(char *at, struct str s)
{
    if (s.len)
        memcpy(at, s.data, s.len);
    return at + s.len;
}

static bool is_control(unsigned char c)
{
    return (c < ' ' && c != '\t') || c == 0x7F;
}

/* Eight bytes at a time: one of them is below ' ' or is DEL. May say so of a tab, or of a byte
 * behind a control; never misses one. */
static bool may_hold_control(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t del = word ^ ones * 0x7F;

    return ((((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & highs) != 0;
}

static bool word_may_hold_control(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return may_hold_control(word);
}

/* The last word overlaps the one before, so that no odd bytes are left. */
static bool text_may_hold_control(struct str s)
{
    size_t word = sizeof(uint64_t);

    if (s.len < word)
        return true;
    for (size_t i = 0; i + word < s.len; i += word) {
        if (word_may_hold_control(s.data + i))
            return true;
    }
    return word_may_hold_control(s.data + s.len - word);
}

char *http_write_text(char *at, struct str s)
{
    if (!s.len)
        return at;
    memcpy(at, s.data, s.len);
    if (text_may_hold_control(s)) {
        for (size_t i = 0; i < s.len; i++) {
            if (is_control((unsigned char)at[i]))
                at[i] = ' ';
        }
    }
    return at + s.len;
}

char *http_write_number(char *at, uint64_t n)
{
    char digits[HTTP_WRITE_NUMBER_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (count)
        *at++ = digits[--count];
    return at;
}

char *http_write_hex(char *at, uint64_t n)
{
    char digits[HTTP_WRITE_HEX_MAX];
    size_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[n & 15];
        n >>= 4;
    } while (n);
    while (count)
        *at++ = digits[--count];
    return at;
}

char *http_write_header(char *at, struct str name, struct str value)
{
    at = http_write_text(at, name);
    at = http_write_raw(at, STR(": "));
    at = http_write_text(at, value);
    return http_write_raw(at, STR("\r\n"));
}

size_t http_write_header_room(struct str name, struct str value)
{
    return name.len + value.len + sizeof(": \r\n");
}

size_t http_write_headers_room(const struct http_headers *h)
{
    size_t room = h->lines.len;

    for (size_t i = 0; i < h->count; i++)
        room += http_write_header_room(h->items[i].name, h->items[i].value);
    return room;
}
