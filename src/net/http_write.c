/* SPDX-License-Identifier: MIT */
#include "net/http_write.h"

#include "base/bytes16.h"

static bool is_control(unsigned char c)
{
    return (c < ' ' && c != '\t') || c == 0x7F;
}

/* True of a tab and of what is not ASCII too. */
static bool may_be_control(bytes16 v)
{
    return bytes16_any((v < ' ') | (v == 0x7F));
}

/* With a blank for each control character. */
static char *write_cleaned(char *at, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        *at++ = is_control((unsigned char)s.data[i]) ? ' ' : s.data[i];
    return at;
}

/* Copies while it looks. */
char *http_write_text(char *at, struct str s)
{
    for (; s.len >= sizeof(bytes16);
         s = str_of(s.data + sizeof(bytes16), s.len - sizeof(bytes16))) {
        bytes16 v = bytes16_load(s.data);

        if (may_be_control(v))
            return write_cleaned(at, s);
        bytes16_store(at, v);
        at += sizeof(v);
    }
    if (may_be_control(bytes16_load_some(s.data, s.len)))
        return write_cleaned(at, s);
    bytes16_copy(at, s.data, s.len);
    return at + s.len;
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

size_t http_write_headers_room(const struct http_headers *h)
{
    size_t room = h->lines.len;

    for (size_t i = 0; i < h->count; i++)
        room += h->items[i].name.len + h->items[i].value.len + STR(": \r\n").len;
    return room;
}
