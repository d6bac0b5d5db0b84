/* SPDX-License-Identifier: MIT */
#include "identity/principal_set.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"

/* A principal, and, of a group, who is listed as its member: out of which what is shown is made. */
struct node {
    struct principal_entry shown;
    const struct str *members;
    size_t member_count;
};

struct principal_set {
    struct arena *arena;
    struct node *nodes; /* by object id */
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return str_compare_nocase(((const struct node *)a)->shown.object_id,
                              ((const struct node *)b)->shown.object_id);
}

static struct node *find(const struct principal_set *s, struct str object_id)
{
    struct node wanted = { .shown.object_id = object_id };

    return s->count ? bsearch(&wanted, s->nodes, s->count, sizeof(*s->nodes), compare) : NULL;
}

/* -- Groups ---------------------------------------------------------------------------------- */

struct membership {
    size_t member; /* indexes of nodes */
    size_t group;
};

/* Those of one member lie side by side, from first[member] up to first[member + 1]. */
struct memberships {
    struct membership *items;
    size_t count;
    size_t *first;
};

static int compare_memberships(const void *a, const void *b)
{
    const struct membership *one = a, *other = b;

    if (one->member != other->member)
        return one->member < other->member ? -1 : 1;
    return one->group < other->group ? -1 : one->group > other->group;
}

static void collect_memberships(const struct principal_set *s, struct arena *a,
                                struct memberships *m)
{
    size_t most = 0, at = 0;

    for (size_t i = 0; i < s->count; i++)
        most += s->nodes[i].member_count;
    *m = (struct memberships){ .items = ARENA_ARRAY(a, struct membership, most + 1),
                               .first = ARENA_ARRAY(a, size_t, s->count + 1) };
    for (size_t i = 0; i < s->count; i++) {
        for (size_t n = 0; n < s->nodes[i].member_count; n++) {
            const struct node *member = find(s, s->nodes[i].members[n]);

            if (member)
                m->items[m->count++] = (struct membership){ (size_t)(member - s->nodes), i };
        }
    }
    qsort(m->items, m->count, sizeof(*m->items), compare_memberships);
    for (size_t i = 0; i <= s->count; i++) {
        while (at < m->count && m->items[at].member < i)
            at++;
        m->first[i] = at;
    }
}

/* Where the search for a principal's groups is. */
struct climb {
    size_t *found; /* the groups' indexes, the nearest first */
    size_t count;
    size_t *seen_by; /* of each node: the last principal, plus one, that it was found for */
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
        groups[i] = s->nodes[climb->found[i]].shown.object_id;
    s->nodes[who].shown.groups = groups;
    s->nodes[who].shown.group_count = climb->count;
}

/* -- Making ---------------------------------------------------------------------------------- */

static struct principal_set *set_new(size_t most)
{
    struct principal_set *s = memory_alloc(sizeof(*s));

    s->arena = arena_new(NULL);
    s->nodes = ARENA_ARRAY(s->arena, struct node, most + 1);
    return s;
}

static void add_record(struct principal_set *s, const struct principal_record *r)
{
    yyjson_val *members = yyjson_obj_get(r->body, "members"), *member;
    struct node *node = &s->nodes[s->count++];
    struct str *ids;
    size_t i, count;

    *node = (struct node){
        .shown = { .object_id = arena_copy(s->arena, r->object_id),
                   .is_enabled = principal_is_enabled(r),
                   .valid_from_ms = yyjson_get_sint(yyjson_obj_get(r->body, "validFromMs")) },
    };
    if (r->type != PRINCIPAL_TYPE_GROUP || !yyjson_arr_size(members))
        return;
    ids = ARENA_ARRAY(s->arena, struct str, yyjson_arr_size(members));
    yyjson_arr_foreach(members, i, count, member)
    {
        ids[i] = arena_copy(s->arena, json_str(member));
    }
    node->members = ids;
    node->member_count = count;
}

static void add_copy(struct principal_set *s, const struct node *from)
{
    struct node *node = &s->nodes[s->count++];
    struct str *ids = ARENA_ARRAY(s->arena, struct str, from->member_count);

    for (size_t i = 0; i < from->member_count; i++)
        ids[i] = arena_copy(s->arena, from->members[i]);
    *node = (struct node){
        .shown = { .object_id = arena_copy(s->arena, from->shown.object_id),
                   .is_enabled = from->shown.is_enabled,
                   .valid_from_ms = from->shown.valid_from_ms },
        .members = ids,
        .member_count = from->member_count,
    };
}

/* All are added. */
static struct principal_set *complete(struct principal_set *s)
{
    struct arena *a = arena_new(NULL);
    struct memberships m;
    struct climb climb;

    qsort(s->nodes, s->count, sizeof(*s->nodes), compare);
    collect_memberships(s, a, &m);
    climb = (struct climb){ .found = ARENA_ARRAY(a, size_t, PRINCIPAL_GROUPS_MAX),
                            .seen_by = ARENA_ARRAY(a, size_t, s->count + 1) };
    for (size_t i = 0; i < s->count; i++)
        find_groups(s, &m, i, &climb);
    arena_free(a);
    return s;
}

struct principal_set *principal_set_new(const struct principal_record *list, size_t count)
{
    struct principal_set *s = set_new(count);

    for (size_t i = 0; i < count; i++)
        add_record(s, &list[i]);
    return complete(s);
}

static bool is_among(const struct str *ids, size_t count, struct str id)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(ids[i], id))
            return true;
    }
    return false;
}

struct principal_set *principal_set_changed(const struct principal_set *old, const struct str *ids,
                                            size_t id_count, const struct principal_record *now,
                                            size_t now_count)
{
    struct principal_set *s = set_new(old->count + now_count);

    for (size_t i = 0; i < old->count; i++) {
        if (!is_among(ids, id_count, old->nodes[i].shown.object_id))
            add_copy(s, &old->nodes[i]);
    }
    for (size_t i = 0; i < now_count; i++)
        add_record(s, &now[i]);
    return complete(s);
}

void principal_set_free(struct principal_set *s)
{
    if (!s)
        return;
    arena_free(s->arena);
    free(s);
}

size_t principal_set_count(const struct principal_set *s)
{
    return s->count;
}

const struct principal_entry *principal_set_find(const struct principal_set *s,
                                                 struct str object_id)
{
    const struct node *node = find(s, object_id);

    return node ? &node->shown : NULL;
}
