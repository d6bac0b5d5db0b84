/*
 * Who there is: applications with their secrets and certificates (Entra's service principals),
 * managed identities, users and groups, as documents of the store. Everything here runs in a job of
 * the store.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_PRINCIPALS_H
#define IDENTITY_PRINCIPALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "store/store.h"

enum principal_type {
    PRINCIPAL_TYPE_APPLICATION,
    PRINCIPAL_TYPE_MANAGED_IDENTITY,
    PRINCIPAL_TYPE_USER,
    PRINCIPAL_TYPE_GROUP,
};
#define PRINCIPAL_TYPES 4

struct principal_record {
    enum principal_type type;
    struct str object_id;
    struct str
        name; /* unique: the application's id, the user's principal name, a group's object id */
    yyjson_val *body; /* an object: displayName, accountEnabled, secrets, certificates, ... */
    int64_t created_at_ms;
};

MUST_CHECK bool principals_get(struct store_txn *t, struct arena *a, struct str object_id,
                               struct principal_record *p, bool *found, struct error *err);
/* By its unique name, without regard to case. */
MUST_CHECK bool principals_find(struct store_txn *t, struct arena *a, struct str name,
                                struct principal_record *p, bool *found, struct error *err);
/* Ordered by object id; behind `after` (may be empty), `limit` of them at most (0: all). */
MUST_CHECK bool principals_list(struct store_txn *t, struct arena *a, struct str after,
                                size_t limit, struct principal_record **list, size_t *count,
                                struct error *err);
/* All of one type. */
MUST_CHECK bool principals_list_type(struct store_txn *t, struct arena *a, enum principal_type type,
                                     struct principal_record **list, size_t *count,
                                     struct error *err);
/* Makes it, or replaces its body. `p->body` is not looked at. */
MUST_CHECK bool principals_put(struct store_txn *t, struct arena *a,
                               const struct principal_record *p, yyjson_mut_val *body,
                               struct error *err);
MUST_CHECK bool principals_delete(struct store_txn *t, struct arena *a, struct str object_id,
                                  bool *existed, struct error *err);

/* Not switched off; an application has its service principal. */
bool principal_is_enabled(const struct principal_record *p);

/* Secrets are long and random (they are made here): a plain hash of one tells nothing of it. Lower
 * hexadecimal of SHA-256. */
struct str principal_secret_hash(struct arena *a, struct str secret);
/* Does the application have that secret, and is it in force? */
bool principal_has_secret(struct arena *a, const struct principal_record *p, struct str secret,
                          int64_t now_ms);
/* Adds a secret that is given to the body of an application. */
void principal_add_secret(yyjson_mut_doc *doc, yyjson_mut_val *body, struct arena *a,
                          struct str secret, struct str display_name, int64_t start_ms,
                          int64_t end_ms);

#endif
