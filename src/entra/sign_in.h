/*
 * A person proves who they are, by name and password.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_SIGN_IN_H
#define ENTRA_SIGN_IN_H

#include "entra/call.h"
#include "identity/principals.h"

enum sign_in {
    SIGN_IN_WAIT,    /* the password is being checked: return true, the handler is called again */
    SIGN_IN_OK,      /* *user is filled in */
    SIGN_IN_REFUSED, /* *why says it; what has been written (a failure more) is to be kept */
    SIGN_IN_ERROR,   /* of the store: *err */
};

/* Ten wrong passwords in a row lock the user out for a minute. Unknown users take as long as others. */
MUST_CHECK enum sign_in sign_in_check(struct entra_call *c, struct str name, struct str password,
                                      struct principal_record *user, enum error_code *why,
                                      struct error *err);

#endif
