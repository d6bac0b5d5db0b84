/*
 * Wrong passwords in a row, and the lock that they lead to. They stand in the user's document; of those
 * that the store could not take (disk full) memory knows until it takes newer ones, so that nobody may
 * guess on meanwhile, nor is who knows the password kept out. The store's thread alone calls these.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_LOCKOUT_H
#define ENTRA_LOCKOUT_H

#include "base/json.h"
#include "entra/call.h"
#include "identity/principals.h"

struct lockout {
    int64_t failures;
    int64_t until_ms;
};

/* What is known of a user. */
struct lockout lockout_of(const struct entra *e, const struct principal_record *user);
/* Puts it into a document of the user that is about to be written, and keeps it in mind until
 * lockout_committed. */
void lockout_put(struct entra_call *c, const struct principal_record *user,
                 const struct lockout *state, yyjson_mut_doc *doc, yyjson_mut_val *body);
/* The call's transaction is on disk. */
void lockout_committed(struct entra_call *c);
void lockout_forget_all(struct entra *e);

#endif
