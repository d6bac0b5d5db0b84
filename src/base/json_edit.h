/*
 * A parsed object with changes, to be written: nothing is copied before the text is made. An edit
 * and all that it refers to (texts, the document) must live until it is written.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_EDIT_H
#define BASE_JSON_EDIT_H

#include "base/json.h"

struct json_edit;

enum json_change_kind {
    JSON_DROP,
    JSON_TEXT,
    JSON_STRING,
    JSON_INTEGER,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* Made by the functions below, read by json_write.c. */
struct json_change {
    struct str key;
    enum json_change_kind kind;
    unsigned count; /* of an array's items */
    union {
        struct str text;
        int64_t integer;
        const struct json_edit *edits; /* an object's one, an array's items */
    };
};

struct json_edit {
    yyjson_val *object; /* NULL: an empty one; without changes, a value of any type */
    struct json_change *changes;
    unsigned count;
    unsigned max;
};

/* An edit of `object`, with room for `max` changes, in the arena. How many there can be is known where
 * they are made: one more is an assertion that fails. */
void json_edit_init(struct json_edit *e, struct arena *a, yyjson_val *object, unsigned max);

/* Room in the arena for `count` edits, of an array's items say, each to be begun by json_edit_init. */
struct json_edit *json_edit_list(struct arena *a, size_t count);

/* What the member `key` becomes, whether the object has it or not; each key once. It is a name of the
 * program's own, in which nothing has to be escaped. */
void json_edit_drop(struct json_edit *e, struct str key);
/* `text` is JSON already. */
void json_edit_text(struct json_edit *e, struct str key, struct str text);
void json_edit_string(struct json_edit *e, struct str key, struct str content);
void json_edit_integer(struct json_edit *e, struct str key, int64_t n);
/* An object, itself edited. */
void json_edit_object(struct json_edit *e, struct str key, const struct json_edit *member);
/* An array of edited objects. */
void json_edit_array(struct json_edit *e, struct str key, const struct json_edit *items,
                     unsigned count);

/* Compact text with sorted keys, none twice, in the arena; see json_write_sorted. */
struct str json_write_edit(struct arena *a, const struct json_edit *edit);

#endif
