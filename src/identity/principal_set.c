/* SPDX-License-Identifier: MIT */
#include "identity/principal_set.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"

struct member {
    size_t entry; /* whose index it is */
    size_t group;
};

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

/* -- Groups ---------------------------------------------------------------------------------- */

/* Who is a member of what, by the members' index; those of one member lie side by side, from
 * first[index] up to first[index + 1]. */
struct memberships {
    struct member *items;
    size_t count;
    size_t *first;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *one = a, *other = b;

    if (one->entry != other->entry)
        return one->entry < other->entry ? -1 : 1;
    return one->group < other->group ? -1 : one->group > other->group;
}

/* Members are listed at the group. */
static void read_members(const struct principal_set *s, const struct principal_record *list,
                         size_t count, struct arena *a, struct memberships *m)
{
    size_t most = 0, i, at;
    yyjson_val *id;

    for (size_t n = 0; n < count; n++)
        most += yyjson_arr_size(yyjson_obj_get(list[n].body, "members"));
    *m = (struct memberships){ .items = ARENA_ARRAY(a, struct member, most + 1),
                               .first = ARENA_ARRAY(a, size_t, s->count + 1) };
    for (size_t n = 0; n < count; n++) {
        if (list[n].type != PRINCIPAL_TYPE_GROUP)
            continue;
        yyjson_arr_foreach(yyjson_obj_get(list[n].body, "members"), i, at, id)
        {
            const struct principal_entry *e = find(s, json_str(id));

            if (e)
                m->items[m->count++] =
                    (struct member){ (size_t)(e - s->entries),
                                     (size_t)(find(s, list[n].object_id) - s->entries) };
        }
    }
    qsort(m->items, m->count, sizeof(*m->items), compare_members);
    at = 0;
    for (size_t n = 0; n <= s->count; n++) {
        while (at < m->count && m->items[at].entry < n)
            at++;
        m->first[n] = at;
    }
}

/* Where the search for a principal's groups is. */
struct climb {
    size_t *found; /* the groups' indexes, the nearest first */
    size_t count;
    size_t *seen_by; /* of each entry: the last principal, plus one, that it was found for */
};

static void add_groups_of(const struct memberships *m, size_t of, size_t who, struct climb *climb)
{
    for (size_t i = m->first[of]; i < m->first[of + 1]; i++) {
        size_t group = m->items[i].group;

        if (climb->seen_by[group] == who + 1 || climb->count == PRINCIPAL_GROUPS_MAX)
            continue;
        climb->seen_by[group] = who + 1;
        climb->found[climb->count++] = group;
    }
}

/* Level by level, so that it ends, and that the nearest count. */
static void find_groups(struct principal_set *s, const struct memberships *m, size_t who,
                        struct climb *climb)
{
    size_t at = 0, level_end;
    struct str *groups;

    climb->count = 0;
    climb->seen_by[who] = who + 1; /* none is in itself */
    add_groups_of(m, who, who, climb);
    for (unsigned level = 1; level < PRINCIPAL_NESTING_MAX && at < climb->count; level++) {
        for (level_end = climb->count; at < level_end; at++)
            add_groups_of(m, climb->found[at], who, climb);
    }
    if (!climb->count)
        return;
    groups = ARENA_ARRAY(s->arena, struct str, climb->count);
    for (size_t i = 0; i < climb->count; i++)
        groups[i] = s->entries[climb->found[i]].object_id;
    s->entries[who].groups = groups;
    s->entries[who].group_count = climb->count;
}

struct principal_set *principal_set_new(const struct principal_record *list, size_t count)
{
    struct principal_set *s = memory_alloc(sizeof(*s));
    struct arena *scratch = arena_new(NULL);
    struct memberships m;
    struct climb climb;

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
    read_members(s, list, count, scratch, &m);
    climb = (struct climb){ .found = ARENA_ARRAY(scratch, size_t, PRINCIPAL_GROUPS_MAX),
                            .seen_by = ARENA_ARRAY(scratch, size_t, count + 1) };
    for (size_t i = 0; i < count; i++)
        find_groups(s, &m, i, &climb);
    arena_free(scratch);
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
