/* SPDX-License-Identifier: MIT */
#include "model/rbac.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"
#include "model/directory_table.h"

struct entry {
    uint64_t hash; /* of the principal's id */
    struct str principal_id;
    struct str scope; /* without a slash at the end */
    const struct rbac_role *role;
};

struct rbac {
    atomic_uint refs;
    struct arena *arena;
    struct rbac_role *roles; /* the custom ones */
    size_t role_count;
    struct entry *entries; /* by hash: those of one principal lie side by side */
    size_t entry_count;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* -- Patterns and scopes --------------------------------------------------------------------- */

/* What follows the last '*' is tried at each place behind it; none before needs to be tried again. */
bool rbac_matches(const char *pattern, struct str action)
{
    const char *behind_star = NULL;
    size_t i = 0, resume = 0;

    while (i < action.len) {
        if (*pattern == '*') {
            behind_star = ++pattern;
            resume = i;
        } else if (*pattern && lower(*pattern) == lower(action.data[i])) {
            pattern++;
            i++;
        } else if (behind_star) {
            pattern = behind_star;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
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

static const struct rbac_role *find_role(const struct rbac *r, struct str id)
{
    for (size_t i = 0; i < r->role_count; i++) {
        if (str_equal_nocase(id, str_from(r->roles[i].id)))
            return &r->roles[i];
    }
    return rbac_built_in_role(id);
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

static void copy_role(struct arena *a, struct rbac_role *to, const struct rbac_role *from)
{
    struct rbac_permission *permissions =
        ARENA_ARRAY(a, struct rbac_permission, from->permission_count);

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
    r->role_count = role_count;
    r->roles = ARENA_ARRAY(r->arena, struct rbac_role, role_count);
    for (size_t i = 0; i < role_count; i++)
        copy_role(r->arena, &r->roles[i], &roles[i]);
    r->entries = ARENA_ARRAY(r->arena, struct entry, assignment_count);
    for (size_t i = 0; i < assignment_count; i++) {
        const struct rbac_assignment *from = &assignments[i];
        const struct rbac_role *role = find_role(r, from->role_id);

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

const struct rbac_role *rbac_next_role(const struct rbac *r, const struct rbac_principal *who,
                                       struct str scope, struct rbac_cursor *cursor)
{
    const struct entry *entry;

    while ((entry = next_entry(r, who, cursor))) {
        if (rbac_covers(entry->scope, scope))
            return entry->role;
    }
    return NULL;
}

static bool matches_any(const char *const *patterns, struct str action)
{
    for (; *patterns; patterns++) {
        if (rbac_matches(*patterns, action))
            return true;
    }
    return false;
}

bool rbac_allows(const struct rbac *r, const struct rbac_principal *who, enum rbac_kind kind,
                 struct str action, struct str scope)
{
    struct rbac_cursor cursor = { 0 };
    const struct rbac_role *role;

    while ((role = rbac_next_role(r, who, scope, &cursor))) {
        for (size_t i = 0; i < role->permission_count; i++) {
            if (matches_any(role->permissions[i].allowed[kind], action) &&
                !matches_any(role->permissions[i].refused[kind], action))
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
