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

char *http_write_text(char *at, struct str s)
{
    size_t i = 0;

    if (!s.len)
        return at;
    memcpy(at, s.data, s.len);
    while (i < s.len) {
        uint64_t word;

        if (s.len - i >= sizeof(word)) {
            memcpy(&word, at + i, sizeof(word));
            if (!may_hold_control(word)) {
                i += sizeof(word);
                continue;
            }
        }
        if (is_control((unsigned char)at[i]))
            at[i] = ' ';
        i++;
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
    size_t room = 0;

    for (size_t i = 0; i < h->count; i++)
        room += http_write_header_room(h->items[i].name, h->items[i].value);
    return room;
}
