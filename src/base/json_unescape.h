/*
 * The inside of a JSON string without its escapes (RFC 8259, 7), sixteen bytes at a time: for long ones
 * of which little needs care.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_UNESCAPE_H
#define BASE_JSON_UNESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* `to` has room for so many bytes more than the text. */
#define JSON_UNESCAPE_ROOM 16

/* Begins with `to` alone. */
struct json_unescape {
    char *to;        /* where what it means is written, from its beginning */
    size_t len;      /* of that, so far */
    size_t at;       /* in the text */
    size_t specials; /* escapes and characters beyond ASCII before that */
};

enum json_unescaped {
    JSON_UNESCAPED,        /* `at` is where the last quote is */
    JSON_UNESCAPE_MORE,    /* the text ends before */
    JSON_UNESCAPE_REFUSED, /* malformed, no UTF-8, or with so much that needs care that another
                            * parser is as fast */
};

/* Goes on in `text`, which begins behind a string's first quote and may have come in part: it is the same
 * as before with more behind. `is_whole`: no more comes. */
enum json_unescaped json_unescape(struct json_unescape *u, struct str text, bool is_whole);

#endif
