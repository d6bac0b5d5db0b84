/*
 * What the log tells an operator of sign-ins that failed and of principals that were changed: ids and
 * the client's address, never what somebody typed. A call has one such line, which is written once what
 * it did is kept; a refusal's also when nothing was.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_AUDIT_H
#define ENTRA_AUDIT_H

#include "entra/call.h"
#include "identity/principals.h"

#define AUDIT_LOCKED "sign_in_locked" /* the failure that locks a user out, and those that follow */

/* `principal` is NULL when there is none of that name. With very many failures at a time some are only
 * counted: left_out in the next line. */
void audit_refused(struct entra_call *c, const struct principal_record *principal,
                   enum error_code why);
/* By c->asker; also an event of the activity log that belongs to the tenant. `change` is a word ("created"),
 * `other` the id of what was added or removed, empty for none. */
MUST_CHECK bool audit_changed(struct entra_call *c, const struct principal_record *principal,
                              const char *change, struct str other, struct error *err);
/* The end of a call: its work is kept, or not. */
void audit_write(const struct entra_call *c, bool is_kept);

#endif
