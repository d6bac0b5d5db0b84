/*
 * Which principals there are, as an immutable snapshot that any thread may ask: is the bearer of a
 * token still there, and in which groups? It is in a group, too, when it is in one that is a member
 * of it, PRINCIPAL_NESTING_MAX levels up; groups that contain each other do no harm.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_PRINCIPAL_SET_H
#define IDENTITY_PRINCIPAL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/principals.h"

#define PRINCIPAL_NESTING_MAX 16
/* That count for one principal, the nearest ones. */
#define PRINCIPAL_GROUPS_MAX 1000

struct principal_set;

struct principal_entry {
    struct str object_id;
    bool is_enabled;
    int64_t valid_from_ms; /* tokens issued before are not (a password was changed) */
    const struct str *groups;
    size_t group_count;
};

/* Of all that the store has. What it needs of them is copied. */
struct principal_set *principal_set_new(const struct principal_record *list, size_t count);
/* As `old`, but of `ids` there are `now` alone, which takes no look at the others in the store. */
struct principal_set *principal_set_changed(const struct principal_set *old, const struct str *ids,
                                            size_t id_count, const struct principal_record *now,
                                            size_t now_count);
void principal_set_free(struct principal_set *s);
size_t principal_set_count(const struct principal_set *s);
/* NULL: there is none of that id. */
const struct principal_entry *principal_set_find(const struct principal_set *s,
                                                 struct str object_id);

#endif
