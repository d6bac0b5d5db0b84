/*
 * A parsed object with changes, to be written: nothing is copied before the text is made. An edit
 * and all that it refers to (texts, the document) must live until it is written.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_EDIT_H
#define BASE_JSON_EDIT_H

#include <assert.h>

#include "base/bytes16.h"
#include "base/json.h"

struct json_edit;

enum json_change_kind {
    JSON_DROP,
    JSON_TEXT,
    JSON_STRING,
    JSON_PLAIN,
    JSON_INTEGER,
    JSON_OBJECT,
    JSON_ARRAY,
};

/* Made by the functions below, read by json_write.c. */
struct json_change {
    uint64_t rank; /* bytes16_rank of the key */
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
    yyjson_val *object;          /* NULL: an empty one; without changes, a value of any type */
    struct json_change *changes; /* sorted by their keys */
    unsigned count;
    unsigned max;
};

/* An edit of `object`, with room for `max` changes, in the arena. How many there can be is known where
 * they are made: one more is an assertion that fails. */
void json_edit_init(struct json_edit *e, struct arena *a, yyjson_val *object, unsigned max);

/* Room in the arena for `count` edits, of an array's items say, each to be begun by json_edit_init. */
struct json_edit *json_edit_list(struct arena *a, size_t count);

/* Of the functions below: makes room for a change among those that are there, where its key does not
 * come behind theirs. */
struct json_change *json_edit_insert(struct json_edit *e, struct str key, uint64_t rank);

/* What the member `key` becomes, whether the object has it or not; each key once. It is a name of the
 * program's own, in which nothing has to be escaped. Inline, so that a literal's rank is known; they
 * cost the least in the order of their keys. */
static inline struct json_change *json_edit_change(struct json_edit *e, struct str key,
                                                   enum json_change_kind kind)
{
    uint64_t rank = bytes16_rank(key.data, key.len);
    struct json_change *c = &e->changes[e->count];

    assert(e->count < e->max);
    if (e->count && c[-1].rank >= rank)
        c = json_edit_insert(e, key, rank);
    e->count++;
    c->rank = rank;
    c->key = key;
    c->kind = kind;
    return c;
}

static inline void json_edit_drop(struct json_edit *e, struct str key)
{
    json_edit_change(e, key, JSON_DROP);
}

/* `text` is JSON already. */
static inline void json_edit_text(struct json_edit *e, struct str key, struct str text)
{
    json_edit_change(e, key, JSON_TEXT)->text = text;
}

static inline void json_edit_string(struct json_edit *e, struct str key, struct str content)
{
    json_edit_change(e, key, JSON_STRING)->text = content;
}

/* The same where nothing has to be escaped, as the caller knows: its own constants, identifiers. */
static inline void json_edit_plain(struct json_edit *e, struct str key, struct str content)
{
    json_edit_change(e, key, JSON_PLAIN)->text = content;
}

static inline void json_edit_integer(struct json_edit *e, struct str key, int64_t n)
{
    json_edit_change(e, key, JSON_INTEGER)->integer = n;
}

/* An object, itself edited. */
static inline void json_edit_object(struct json_edit *e, struct str key,
                                    const struct json_edit *member)
{
    json_edit_change(e, key, JSON_OBJECT)->edits = member;
}

/* An array of edited objects. */
static inline void json_edit_array(struct json_edit *e, struct str key,
                                   const struct json_edit *items, unsigned count)
{
    struct json_change *c = json_edit_change(e, key, JSON_ARRAY);

    c->edits = items;
    c->count = count;
}

/* Compact text with sorted keys, none twice, in the arena; see json_write_sorted. */
struct str json_write_edit(struct arena *a, const struct json_edit *edit);

#endif
