/* SPDX-License-Identifier: MIT */
#include "base/json_edit.h"

void json_edit_init(struct json_edit *e, struct arena *a, yyjson_val *object, unsigned max)
{
    *e = (struct json_edit){ object, arena_alloc_bytes(a, max * sizeof(*e->changes)), 0, max };
}

struct json_edit *json_edit_list(struct arena *a, size_t count)
{
    return arena_alloc_bytes(a, count * sizeof(struct json_edit));
}

struct json_change *json_edit_insert(struct json_edit *e, struct str key, uint64_t rank)
{
    struct json_change *c = &e->changes[e->count];

    for (; c > e->changes && c[-1].rank >= rank; c--) {
        int order = c[-1].rank > rank ? 1 : str_compare(c[-1].key, key);

        assert(order != 0);
        if (order < 0)
            break;
        *c = c[-1];
    }
    return c;
}
