/*
 * Azure's role-based access control: may this principal do that action at this scope? Pure: roles
 * and assignments go in, an immutable, counted snapshot comes out, which any thread may ask.
 *
 * An assignment gives a role to a principal (its object id, or that of a group that it is in) at a
 * scope and at all that lies below it: "/" is everything, "/subscriptions/S/resourceGroups/G" is
 * the group with what is in it, and not ".../resourceGroups/GX". A role has permissions; each
 * allows the actions that a pattern of `allowed` matches and none of `refused` does. What one
 * permission refuses, another one, or another assignment, may allow. Actions concern the control
 * plane, data actions the data plane; a role that allows all of one allows nothing of the other.
 *
 * In a pattern '*' stands for any characters, slashes too. Ids, actions, patterns and scopes are
 * compared without case. Nothing is allowed to whom no role allows it.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_RBAC_H
#define MODEL_RBAC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum rbac_kind { RBAC_ACTION, RBAC_DATA_ACTION };
#define RBAC_KINDS 2

/* Lists of patterns, each with a NULL at its end. */
struct rbac_permission {
    const char *const *allowed[RBAC_KINDS];
    const char *const *refused[RBAC_KINDS];
};

struct rbac_role {
    const char *id; /* GUID, lower case */
    const char *name;
    const char *description;
    const struct rbac_permission *permissions;
    size_t permission_count;
};

/* Azure's own, which are always there. */
extern const struct rbac_role rbac_built_in_roles[];
extern const size_t rbac_built_in_role_count;
/* NULL when there is none of that id. */
const struct rbac_role *rbac_built_in_role(struct str id);

struct rbac_assignment {
    struct str principal_id;
    struct str role_id; /* GUID */
    struct str scope;
};

struct rbac_principal {
    struct str object_id; /* empty: it has no roles but its groups' */
    const struct str *groups;
    size_t group_count;
};

bool rbac_matches(const char *pattern, struct str action);
/* Does what is assigned at `assigned` apply at `scope`? */
bool rbac_covers(struct str assigned, struct str scope);

struct rbac;

/* Copies what it is given: the roles beside the built-in ones, and all assignments. One whose role is
 * not known is left out. */
struct rbac *rbac_new(const struct rbac_role *roles, size_t role_count,
                      const struct rbac_assignment *assignments, size_t assignment_count);
/* NULL stands for no assignments at all, here and below. */
struct rbac *rbac_ref(struct rbac *r);
void rbac_unref(struct rbac *r);

/* Takes no lock and no memory; the time does not grow with other principals' assignments. */
bool rbac_allows(const struct rbac *r, const struct rbac_principal *who, enum rbac_kind kind,
                 struct str action, struct str scope);
/* Has it any role at the scope, above or below? */
bool rbac_is_known(const struct rbac *r, const struct rbac_principal *who, struct str scope);

/* One after the other, the roles that apply at the scope; NULL when there are no more. A cursor
 * begins as zeroes. A role comes as often as it was assigned. */
struct rbac_cursor {
    size_t identity; /* which of the principal's ids */
    bool is_inside;  /* `at` is one of its assignments, or behind the last */
    size_t at;
};
const struct rbac_role *rbac_next_role(const struct rbac *r, const struct rbac_principal *who,
                                       struct str scope, struct rbac_cursor *cursor);

#endif
