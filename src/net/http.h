/*
 * What HTTP/1.1 servers and clients share: methods, header lists, status phrases.
 * SPDX-License-Identifier: MIT
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "net/http_headers.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER,
};

const char *http_method_name(enum http_method m);
/* As in a request line: case counts. HTTP_OTHER for any name but the seven. */
enum http_method http_method_from_name(struct str name);

/* "Not Found" for 404; "Unknown" for a status without a phrase. */
const char *http_status_phrase(int status);

/* Value of a query parameter, percent-decoded into the arena, '+' being a blank; names are
 * compared without case, as ARM does ("api-version", "$filter"). STR_NONE when absent. A malformed
 * one is given as it came: a filter must not be taken for none. The first one counts. */
struct str http_query_get(struct arena *a, struct str query, struct str name);

/* What the client calls its request, in the header of that name, for a reply to give back: STR_NONE when
 * it is longer than 256 bytes, or no UTF-8. */
struct str http_client_request_id(const struct http_headers *h, struct str name);

/* "application/json" out of "Application/JSON; charset=utf-8": lower-cased, parameters cut. */
struct str http_media_type(struct arena *a, struct str content_type);

#endif
