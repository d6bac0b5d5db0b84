/* SPDX-License-Identifier: MIT */
#include "model/rbac.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "model/directory_table.h"

/* HEAD*PART*PART*TAIL, or HEAD alone. */
struct pattern {
    struct str head;
    struct str parts; /* with what stars there are between them */
    struct str tail;
    bool is_exact;
};

struct patterns {
    struct pattern *items;
    size_t count;
};

struct permission {
    struct patterns allowed[RBAC_KINDS];
    struct patterns refused[RBAC_KINDS];
};

/* A role as it is evaluated: its patterns taken apart. */
struct role {
    const struct rbac_role *shown;
    struct permission *permissions;
};

struct entry {
    uint64_t hash; /* of the principal's id */
    struct str principal_id;
    struct str scope; /* without a slash at the end */
    const struct role *role;
};

struct rbac {
    atomic_uint refs;
    struct arena *arena;
    struct role *roles; /* custom ones, then the built-in ones */
    size_t role_count;
    struct entry *entries; /* by hash: those of one principal lie side by side */
    size_t entry_count;
};

/* -- Patterns and scopes --------------------------------------------------------------------- */

static struct pattern take_apart(struct str text)
{
    size_t first = str_find_char(text, '*'), last = first, next, inner;

    if (first == SIZE_MAX)
        return (struct pattern){ .head = text, .is_exact = true };
    while ((next = str_find_char(str_slice(text, last + 1, SIZE_MAX), '*')) != SIZE_MAX)
        last += next + 1;
    inner = first + 1;
    while (inner < last && text.data[inner] == '*')
        inner++; /* stars side by side are one */
    return (struct pattern){
        .head = str_slice(text, 0, first),
        .parts = str_slice(text, inner, last > inner ? last - inner : 0),
        .tail = str_slice(text, last + 1, SIZE_MAX),
    };
}

/* Are the parts in the text, one behind the other? Each is taken where it is found first, which
 * leaves most to the others. */
static bool has_in_order(struct str text, struct str parts)
{
    struct str part;

    while (str_split(&parts, '*', &part)) {
        while (!str_starts_with_nocase(text, part)) {
            if (text.len <= part.len)
                return false;
            text = str_slice(text, 1, SIZE_MAX);
        }
        text = str_slice(text, part.len, SIZE_MAX);
    }
    return true;
}

/* A star between slashes may stand for nothing, and for one of them: Azure's Managed Identity Operator
 * has its actions on identities so ("userAssignedIdentities", star, "read"). */
static bool matches_without_star(const struct pattern *p, struct str action)
{
    return str_is_empty(p->parts) && str_ends_with(p->head, STR("/")) &&
           str_starts_with(p->tail, STR("/")) && action.len + 1 == p->head.len + p->tail.len &&
           str_starts_with_nocase(action, p->head) &&
           str_equal_nocase(str_slice(action, p->head.len - 1, SIZE_MAX), p->tail);
}

static bool matches(const struct pattern *p, struct str action)
{
    size_t inner = action.len - p->head.len - p->tail.len;

    if (p->is_exact)
        return str_equal_nocase(p->head, action);
    if (action.len < p->head.len + p->tail.len)
        return matches_without_star(p, action);
    if (!str_starts_with_nocase(action, p->head) ||
        !str_equal_nocase(str_slice(action, action.len - p->tail.len, SIZE_MAX), p->tail))
        return false;
    return str_is_empty(p->parts) || has_in_order(str_slice(action, p->head.len, inner), p->parts);
}

bool rbac_matches(const char *pattern, struct str action)
{
    struct pattern p = take_apart(str_from(pattern));

    return matches(&p, action);
}

static struct str without_slash(struct str scope)
{
    return str_ends_with(scope, STR("/")) ? str_slice(scope, 0, scope.len - 1) : scope;
}

bool rbac_covers(struct str assigned, struct str scope)
{
    assigned = without_slash(assigned);
    return str_starts_with_nocase(scope, assigned) &&
           (scope.len == assigned.len || scope.data[assigned.len] == '/');
}

/* -- Making ---------------------------------------------------------------------------------- */

const struct rbac_role *rbac_built_in_role(struct str id)
{
    for (size_t i = 0; i < rbac_built_in_role_count; i++) {
        if (str_equal_nocase(id, str_from(rbac_built_in_roles[i].id)))
            return &rbac_built_in_roles[i];
    }
    return NULL;
}

static const struct role *find_role(const struct rbac *r, struct str id)
{
    for (size_t i = 0; i < r->role_count; i++) {
        if (str_equal_nocase(id, str_from(r->roles[i].shown->id)))
            return &r->roles[i];
    }
    return NULL;
}

static const char *const *copy_patterns(struct arena *a, const char *const *patterns)
{
    const char **copy;
    size_t count = 0;

    while (patterns[count])
        count++;
    copy = ARENA_ARRAY(a, const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_text(a, str_from(patterns[i]));
    return copy;
}

static const struct rbac_role *copy_role(struct arena *a, const struct rbac_role *from)
{
    struct rbac_permission *permissions =
        ARENA_ARRAY(a, struct rbac_permission, from->permission_count);
    struct rbac_role *to = ARENA_NEW(a, struct rbac_role);

    for (size_t i = 0; i < from->permission_count; i++) {
        for (size_t kind = 0; kind < RBAC_KINDS; kind++) {
            permissions[i].allowed[kind] = copy_patterns(a, from->permissions[i].allowed[kind]);
            permissions[i].refused[kind] = copy_patterns(a, from->permissions[i].refused[kind]);
        }
    }
    *to = (struct rbac_role){
        .id = arena_text(a, str_from(from->id)),
        .name = arena_text(a, str_from(from->name)),
        .description = arena_text(a, str_from(from->description)),
        .permissions = permissions,
        .permission_count = from->permission_count,
    };
    return to;
}

static struct patterns take_all_apart(struct arena *a, const char *const *texts)
{
    struct patterns patterns = { 0 };

    while (texts[patterns.count])
        patterns.count++;
    patterns.items = ARENA_ARRAY(a, struct pattern, patterns.count);
    for (size_t i = 0; i < patterns.count; i++)
        patterns.items[i] = take_apart(str_from(texts[i]));
    return patterns;
}

/* Takes over what `shown` points to. */
static void add_role(struct rbac *r, const struct rbac_role *shown)
{
    struct role *role = &r->roles[r->role_count++];

    role->shown = shown;
    role->permissions = ARENA_ARRAY(r->arena, struct permission, shown->permission_count);
    for (size_t i = 0; i < shown->permission_count; i++) {
        for (size_t kind = 0; kind < RBAC_KINDS; kind++) {
            role->permissions[i].allowed[kind] =
                take_all_apart(r->arena, shown->permissions[i].allowed[kind]);
            role->permissions[i].refused[kind] =
                take_all_apart(r->arena, shown->permissions[i].refused[kind]);
        }
    }
}

static int compare_entries(const void *a, const void *b)
{
    uint64_t one = ((const struct entry *)a)->hash, other = ((const struct entry *)b)->hash;

    return one < other ? -1 : one > other;
}

struct rbac *rbac_new(const struct rbac_role *roles, size_t role_count,
                      const struct rbac_assignment *assignments, size_t assignment_count)
{
    struct rbac *r = memory_alloc(sizeof(*r));

    atomic_init(&r->refs, 1);
    r->arena = arena_new(NULL);
    r->roles = ARENA_ARRAY(r->arena, struct role, role_count + rbac_built_in_role_count);
    for (size_t i = 0; i < role_count; i++)
        add_role(r, copy_role(r->arena, &roles[i]));
    for (size_t i = 0; i < rbac_built_in_role_count; i++)
        add_role(r, &rbac_built_in_roles[i]);
    r->entries = ARENA_ARRAY(r->arena, struct entry, assignment_count);
    for (size_t i = 0; i < assignment_count; i++) {
        const struct rbac_assignment *from = &assignments[i];
        const struct role *role = find_role(r, from->role_id);

        if (!role || str_is_empty(from->principal_id))
            continue;
        r->entries[r->entry_count++] = (struct entry){
            .hash = directory_hash_nocase(0, from->principal_id),
            .principal_id = arena_copy(r->arena, from->principal_id),
            .scope = arena_copy(r->arena, without_slash(from->scope)),
            .role = role,
        };
    }
    if (r->entry_count)
        qsort(r->entries, r->entry_count, sizeof(*r->entries), compare_entries);
    return r;
}

struct rbac *rbac_ref(struct rbac *r)
{
    if (r)
        atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rbac_unref(struct rbac *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) > 1)
        return;
    arena_free(r->arena);
    free(r);
}

/* -- Asking ---------------------------------------------------------------------------------- */

/* Where the assignments with that hash begin. */
static size_t first_of(const struct rbac *r, uint64_t hash)
{
    size_t low = 0, high = r->entry_count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (r->entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next assignment of any of the principal's ids. Ids of one hash may lie mixed. */
static const struct entry *next_entry(const struct rbac *r, const struct rbac_principal *who,
                                      struct rbac_cursor *cursor)
{
    const struct entry *entry;
    uint64_t hash;
    struct str id;

    if (!r)
        return NULL;
    for (; cursor->identity <= who->group_count; cursor->identity++, cursor->is_inside = false) {
        id = cursor->identity ? who->groups[cursor->identity - 1] : who->object_id;
        hash = directory_hash_nocase(0, id);
        if (!cursor->is_inside)
            cursor->at = first_of(r, hash);
        cursor->is_inside = true;
        while (cursor->at < r->entry_count && r->entries[cursor->at].hash == hash) {
            entry = &r->entries[cursor->at++];
            if (str_equal_nocase(entry->principal_id, id))
                return entry;
        }
    }
    return NULL;
}

static const struct role *next_role(const struct rbac *r, const struct rbac_principal *who,
                                    struct str scope, struct rbac_cursor *cursor)
{
    const struct entry *entry;

    while ((entry = next_entry(r, who, cursor))) {
        if (rbac_covers(entry->scope, scope))
            return entry->role;
    }
    return NULL;
}

const struct rbac_role *rbac_next_role(const struct rbac *r, const struct rbac_principal *who,
                                       struct str scope, struct rbac_cursor *cursor)
{
    const struct role *role = next_role(r, who, scope, cursor);

    return role ? role->shown : NULL;
}

static bool matches_any(const struct patterns *patterns, struct str action)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (matches(&patterns->items[i], action))
            return true;
    }
    return false;
}

bool rbac_allows(const struct rbac *r, const struct rbac_principal *who, enum rbac_kind kind,
                 struct str action, struct str scope)
{
    struct rbac_cursor cursor = { 0 };
    const struct role *role;

    while ((role = next_role(r, who, scope, &cursor))) {
        for (size_t i = 0; i < role->shown->permission_count; i++) {
            if (matches_any(&role->permissions[i].allowed[kind], action) &&
                !matches_any(&role->permissions[i].refused[kind], action))
                return true;
        }
    }
    return false;
}

bool rbac_is_known(const struct rbac *r, const struct rbac_principal *who, struct str scope)
{
    struct rbac_cursor cursor = { 0 };
    const struct entry *entry;

    while ((entry = next_entry(r, who, &cursor))) {
        if (rbac_covers(entry->scope, scope) || rbac_covers(scope, entry->scope))
            return true;
    }
    return false;
}
