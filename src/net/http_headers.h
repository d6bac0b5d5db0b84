/*
 * A list of HTTP headers, as received or to be sent: a name's case is kept; look-ups do not regard
 * it. (A header of its own for the file that knows llhttp, whose names collide with net/http.h's.)
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_HEADERS_H
#define NET_HTTP_HEADERS_H

#include <stddef.h>

#include "base/str.h"

struct http_header {
    struct str name;
    struct str value; /* without blanks at its ends; data is never NULL when it was received */
};

struct http_headers {
    struct http_header *items;
    size_t count;
    struct str lines; /* only to be sent: more headers, as they go out, each ended by CR LF */
};

/* The first header of that name, STR_NONE when there is none. */
struct str http_headers_get(const struct http_headers *h, struct str name);

#endif
