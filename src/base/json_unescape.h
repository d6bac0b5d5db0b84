/*
 * The inside of a JSON string without its escapes (RFC 8259, 7), sixteen bytes at a time: for long ones
 * of which little needs care.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_UNESCAPE_H
#define BASE_JSON_UNESCAPE_H

#include <stddef.h>

#include "base/str.h"

/* `to` has room for so many bytes more than the text. */
#define JSON_UNESCAPE_ROOM 16

/* Writes what `text`, from behind a string's first quote, means up to its last one. Where that is, and
 * `*len`, the bytes written; SIZE_MAX when it ends without, is malformed or no UTF-8, or has so many
 * escapes and characters beyond ASCII that another parser is as fast. */
size_t json_unescape(struct str text, char *to, size_t *len);

#endif
