/*
 * A person proves who they are, by name and password, and chooses a new password where they must.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_SIGN_IN_H
#define ENTRA_SIGN_IN_H

#include "entra/call.h"
#include "identity/principals.h"

/* Of a user's document: the password is good for one sign-in only, by which it is changed. */
#define SIGN_IN_MUST_CHANGE "mustChangePassword"

/* What it has come to: neither accepted nor refused as long as the password is being checked; then the
 * handler returns true, and is called again. */
struct sign_in {
    bool is_accepted;
    enum error_code refusal;      /* or ERROR_NONE; what was written with one is to be kept */
    const char *says;             /* the refusal, to a person */
    struct principal_record user; /* when it is accepted */
};

/* By the parameters username and password. Ten wrong passwords in a row lock the user out for a minute.
 * Unknown users take as long as others. False: ERROR_STORE and its like. */
MUST_CHECK bool sign_in_check(struct entra_call *c, struct sign_in *s, struct error *err);
/* The same of a page: whoever must change their password (ERROR_OAUTH_PASSWORD_EXPIRED) does so by the
 * parameters new_password and new_password_again. */
MUST_CHECK bool sign_in_check_page(struct entra_call *c, struct sign_in *s, struct error *err);
/* Somebody who is signed in (s->user) changes their password: accepted when it has been written. The new
 * one is of a good length. */
MUST_CHECK bool sign_in_change_password(struct entra_call *c, struct sign_in *s, struct str current,
                                        struct str next, struct error *err);

#endif
