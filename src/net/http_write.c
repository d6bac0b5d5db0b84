/* SPDX-License-Identifier: MIT */
#include "net/http_write.h"

char *http_write_raw(char *at, struct str s)
{
    if (s.len)
        memcpy(at, s.data, s.len);
    return at + s.len;
}

char *http_write_text(char *at, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];

        at[i] = (c < ' ' && c != '\t') || c == 0x7F ? ' ' : (char)c;
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
