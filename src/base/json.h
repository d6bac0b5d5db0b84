/*
 * What lazuli needs on top of yyjson: documents in an arena, limits on hostile input, look-ups by
 * path, merge patch, and writing with sorted keys. Documents made here live as long as their arena;
 * never call yyjson_doc_free on them.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"

struct json_asides;

/* Nesting deeper than this is refused: recursion over a document stays bounded. */
#define JSON_DEPTH_MAX 64

/* Strict JSON (RFC 8259), UTF-8 checked, at most JSON_DEPTH_MAX deep. NULL with ERROR_BAD_REQUEST
 * naming what is wrong and at which byte. `text` need not outlive the call. A number beyond 64-bit
 * integers and doubles is kept as its text (yyjson_is_raw, not yyjson_is_num) and written so. Many
 * millions of values are refused: each takes 16 bytes, and may be 2 bytes of text. */
MUST_CHECK yyjson_doc *json_parse(struct arena *a, struct str text, struct error *err);
/* The same with every number kept as its text (yyjson_is_raw): for very many numbers that are passed
 * on, for which to read and to format them would take most of the time. */
MUST_CHECK yyjson_doc *json_parse_numbers_as_text(struct arena *a, struct str text,
                                                  struct error *err);
/* As json_parse, for text that outlives the document and may be mostly a few long strings: those may stay
 * in it, and need not be ended by a NUL. `asides` is new, or has looked at the text as it came; in the same
 * arena. */
MUST_CHECK yyjson_doc *json_parse_lent(struct arena *a, struct str text, struct json_asides *asides,
                                       struct error *err);

/* An empty document that allocates from the arena. */
yyjson_mut_doc *json_new(struct arena *a);
/* A changeable copy of a value, root of a new document. */
yyjson_mut_doc *json_copy(struct arena *a, yyjson_val *value);
/* The other way round. */
yyjson_doc *json_freeze(struct arena *a, yyjson_mut_val *value);

/* Compact text, in the arena, ended by a NUL that is not part of the length. NaN and infinity
 * become null, and bytes that are not UTF-8 become U+FFFD: what is written is always valid JSON
 * (but for raw values, which are written as they are). In json_write.c. */
struct str json_write(struct arena *a, yyjson_val *value);
struct str json_write_mut(struct arena *a, yyjson_mut_val *value);
/* A string with its quotes. */
struct str json_quote(struct arena *a, struct str s);
/* As above with the keys of every object in byte order, as Azure's data plane sends them, and of two
 * members of one name only the first, which is the one that json_at finds. */
struct str json_write_sorted(struct arena *a, yyjson_mut_val *value);

/* String value or STR_NONE when it is not a string. */
struct str json_str(yyjson_val *value);
struct str json_mut_str(yyjson_mut_val *value);
/* Member of an object: NULL when absent or `object` is no object. `path` is "a.b.c". */
yyjson_val *json_at(yyjson_val *object, const char *path);
yyjson_mut_val *json_mut_at(yyjson_mut_val *object, const char *path);
/* Characters of all text in it, the names of members included; 0 for NULL. */
uint64_t json_count_chars(yyjson_val *value);
/* As yyjson_obj_get, without regard to ASCII case: ARM's property names. */
yyjson_val *json_get_nocase(yyjson_val *object, struct str key);

/* Finds what readers of JSON understand differently: a name that an object has twice, cases apart
 * (*name; STR_NONE for none), and texts or names with a NUL in them (*has_nul). For documents of
 * which not every member is looked at; nothing is left on the heap. */
void json_find_doubts(struct arena *a, yyjson_doc *doc, struct str *name, bool *has_nul);
/* A name that the object itself has twice, to the letter; STR_NONE: there is none. */
struct str json_find_twice(struct arena *a, yyjson_val *object);

/* Adds or replaces a member. Text is copied into the document; the key is not, and must live as
 * long (a literal, or in the same arena). */
void json_set(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *value);
void json_set_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, struct str value);
void json_set_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t value);
void json_set_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, bool value);
/* The object at `key`, made when absent. */
yyjson_mut_val *json_set_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key);

/* RFC 7396: members of `patch` replace those of `target`, null removes. Both must be objects. */
void json_merge(yyjson_mut_doc *doc, yyjson_mut_val *target, yyjson_val *patch);

#endif
