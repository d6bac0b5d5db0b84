/*
 * Writing of message heads by hand: each function writes at `at` and returns the position behind
 * what it has written; the caller has made room by the _room of the same things. No byte that would
 * end a header early gets into one.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_WRITE_H
#define NET_HTTP_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "net/http_headers.h"

#define HTTP_WRITE_HEX_MAX 16

/* Bytes as they are: for constants, and for values that are made here. Inline, so that to write a
 * literal is a few moves. */
static inline char *http_write_raw(char *at, struct str s)
{
    if (s.len)
        memcpy(at, s.data, s.len);
    return at + s.len;
}
/* Bytes that somebody else chose: a control character becomes a blank. */
char *http_write_text(char *at, struct str s);
char *http_write_hex(char *at, uint64_t n);
/* "Name: value" CR LF; the value as text. */
char *http_write_header(char *at, struct str name, struct str value);
/* The same with a name of the program's own, which ends in ": ". */
static inline char *http_write_line(char *at, struct str name, struct str value)
{
    return http_write_raw(http_write_text(http_write_raw(at, name), value), STR("\r\n"));
}

/* Room for all of them, the ready-made lines included. */
size_t http_write_headers_room(const struct http_headers *h);

#endif
