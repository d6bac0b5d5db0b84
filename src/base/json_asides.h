/*
 * The long strings of a JSON text (images, documents), set aside before it is parsed and put back into
 * the document: yyjson would copy them and look at them byte by byte. For json.c only.
 *
 * What is left of the text has a string of one byte in the place of each. What is wrong, or needs care
 * all over, stays for yyjson to judge: what is wrong with a text is the same without such strings.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_ASIDES_H
#define BASE_JSON_ASIDES_H

#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/str.h"

struct json_aside;

struct json_asides {
    struct str rest; /* the text without them; in the arena, with yyjson's padding behind it */
    struct json_aside *first;
};

/* Sets strings of at least `long_bytes` aside; false when there are none. Those in ASCII without escapes
 * stay in `text`. */
bool json_asides_take(struct arena *a, struct str text, size_t long_bytes,
                      struct json_asides *asides);
/* Where a byte of the rest is in the text. */
size_t json_asides_position(const struct json_asides *asides, size_t at);
/* `doc` was parsed from the rest, in place. */
void json_asides_put_back(const struct json_asides *asides, yyjson_doc *doc);

#endif
