/* SPDX-License-Identifier: MIT */
#include "identity/principal_set.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"

struct principal_set {
    struct arena *arena;
    struct principal_entry *entries; /* by object id */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return str_compare_nocase(((const struct principal_entry *)a)->object_id,
                              ((const struct principal_entry *)b)->object_id);
}

static struct principal_entry *find(const struct principal_set *s, struct str object_id)
{
    struct principal_entry wanted = { .object_id = object_id };

    return s->count ? bsearch(&wanted, s->entries, s->count, sizeof(*s->entries), compare) : NULL;
}

/* Members are listed at the group. A group that is a member of another one lends it nothing. */
static void add_members(struct principal_set *s, const struct principal_record *group)
{
    yyjson_val *member;
    size_t i, count;

    yyjson_arr_foreach(yyjson_obj_get(group->body, "members"), i, count, member)
    {
        struct principal_entry *e = find(s, json_str(member));
        struct str *groups;

        if (!e)
            continue;
        groups = ARENA_ARRAY(s->arena, struct str, e->group_count + 1);
        if (e->group_count)
            memcpy(groups, e->groups, e->group_count * sizeof(*groups));
        groups[e->group_count++] = arena_copy(s->arena, group->object_id);
        e->groups = groups;
    }
}

struct principal_set *principal_set_new(const struct principal_record *list, size_t count)
{
    struct principal_set *s = memory_alloc(sizeof(*s));

    s->arena = arena_new(NULL);
    s->entries = ARENA_ARRAY(s->arena, struct principal_entry, count + 1);
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        yyjson_val *valid_from = yyjson_obj_get(list[i].body, "validFromMs");

        s->entries[i] = (struct principal_entry){
            .object_id = arena_copy(s->arena, list[i].object_id),
            .is_enabled = principal_is_enabled(&list[i]),
            .valid_from_ms = yyjson_get_sint(valid_from),
        };
    }
    qsort(s->entries, count, sizeof(*s->entries), compare);
    for (size_t i = 0; i < count; i++) {
        if (list[i].type == PRINCIPAL_TYPE_GROUP)
            add_members(s, &list[i]);
    }
    return s;
}

void principal_set_free(struct principal_set *s)
{
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}

const struct principal_entry *principal_set_find(const struct principal_set *s,
                                                 struct str object_id)
{
    return find(s, object_id);
}
