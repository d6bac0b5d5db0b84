/*
 * The long strings of a JSON text (images, documents), set aside before it is parsed and put back into
 * the document: yyjson would copy them and look at them byte by byte.
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

struct json_asides;

/* For strings of at least `long_bytes`; in the arena. For json_parse_lent. */
struct json_asides *json_asides_new(struct arena *a, size_t long_bytes);
/* Looks at what has come of a text since the last look, while it is in the processor's cache: `text` is what
 * there is from its beginning on, which may lie elsewhere than before, and `whole_len` how long it is to
 * be. Need not be called. */
void json_asides_look(struct json_asides *asides, struct str text, size_t whole_len);
/* As str_count_chars of a string of the document that was parsed with them; those that are known to be ASCII
 * are not looked at. `asides` may be NULL. */
size_t json_asides_count_chars(const struct json_asides *asides, struct str s);

/* For json.c only. */

/* Takes them out of the whole text, which outlives the document: those in ASCII without escapes stay there.
 * False when there are none. `*rest`: the text without them; in the arena, with yyjson's padding
 * behind it. */
bool json_asides_take(struct json_asides *asides, struct str text, struct str *rest);
/* Where a byte of the rest is in the text. */
size_t json_asides_position(const struct json_asides *asides, size_t at);
/* `doc` was parsed from the rest, in place. */
void json_asides_put_back(const struct json_asides *asides, yyjson_doc *doc);

#endif
