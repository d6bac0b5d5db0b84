/*
 * A person proves who they are, by name and password.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_SIGN_IN_H
#define ENTRA_SIGN_IN_H

#include "entra/call.h"
#include "identity/principals.h"

/* What it has come to: neither accepted nor refused as long as the password is being checked; then the
 * handler returns true, and is called again. */
struct sign_in {
    bool is_accepted;
    enum error_code refusal;      /* or ERROR_NONE; what was written with one is to be kept */
    struct principal_record user; /* when it is accepted */
};

/* By the parameters username and password. Ten wrong passwords in a row lock the user out for a minute.
 * Unknown users take as long as others. False: ERROR_STORE and its like. */
MUST_CHECK bool sign_in_check(struct entra_call *c, struct sign_in *s, struct error *err);

#endif
