/* SPDX-License-Identifier: MIT */
#include "base/json_edit.h"

#include <assert.h>

void json_edit_init(struct json_edit *e, struct arena *a, yyjson_val *object, unsigned max)
{
    *e = (struct json_edit){ object, arena_alloc_bytes(a, max * sizeof(*e->changes)), 0, max };
}

struct json_edit *json_edit_list(struct arena *a, size_t count)
{
    return arena_alloc_bytes(a, count * sizeof(struct json_edit));
}

static struct json_change *add_change(struct json_edit *e, struct str key,
                                      enum json_change_kind kind)
{
    struct json_change *c = &e->changes[e->count++];

    assert(e->count <= e->max);
    c->key = key;
    c->kind = kind;
    return c;
}

void json_edit_drop(struct json_edit *e, struct str key)
{
    add_change(e, key, JSON_DROP);
}

void json_edit_text(struct json_edit *e, struct str key, struct str text)
{
    add_change(e, key, JSON_TEXT)->text = text;
}

void json_edit_string(struct json_edit *e, struct str key, struct str content)
{
    add_change(e, key, JSON_STRING)->text = content;
}

void json_edit_integer(struct json_edit *e, struct str key, int64_t n)
{
    add_change(e, key, JSON_INTEGER)->integer = n;
}

void json_edit_object(struct json_edit *e, struct str key, const struct json_edit *member)
{
    add_change(e, key, JSON_OBJECT)->edits = member;
}

void json_edit_array(struct json_edit *e, struct str key, const struct json_edit *items,
                     unsigned count)
{
    struct json_change *c = add_change(e, key, JSON_ARRAY);

    c->edits = items;
    c->count = count;
}
