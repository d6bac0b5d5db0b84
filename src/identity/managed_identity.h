/*
 * Managed identities: principals without a secret that belong to a resource of the control plane.
 * A system-assigned one is that of a resource and goes with it; a user-assigned one is a resource
 * itself. Everything here runs in a job of the store, the one that writes the resource: both are
 * there or neither.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_MANAGED_IDENTITY_H
#define IDENTITY_MANAGED_IDENTITY_H

#include "identity/principals.h"

struct managed_identity {
    struct str object_id; /* ARM's principalId */
    struct str client_id;
    struct str resource_id; /* what it belongs to, or is */
    bool is_user_assigned;
};

/* Makes one for that resource, with ids that nobody had before. */
MUST_CHECK bool managed_identity_make(struct store_txn *t, struct arena *a, struct str resource_id,
                                      bool is_user_assigned, int64_t now_ms,
                                      struct managed_identity *made, struct error *err);
/* What a principal says of itself; false when it is no managed identity. Strings are the record's. */
bool managed_identity_read(const struct principal_record *p, struct managed_identity *identity);
/* The user-assigned one that is that resource, without regard to case. */
MUST_CHECK bool managed_identity_find(struct store_txn *t, struct arena *a, struct str resource_id,
                                      struct principal_record *p, bool *found, struct error *err);

/* Is it one of a list: resource ids, or bare names of user-assigned identities, separated by commas? */
bool managed_identity_is_listed(const struct managed_identity *identity, struct str list);
/* Can an item of such a list name an identity at all? */
bool managed_identity_is_name(struct str item);

#endif
