/* SPDX-License-Identifier: MIT */
#ifndef ENTRA_AUTHORIZE_H
#define ENTRA_AUTHORIZE_H

#include "entra/call.h"

/* The members of an application whose "redirectUris" list where its codes may go. */
#define AUTHORIZE_PLATFORMS 3
extern const char *const authorize_platforms[AUTHORIZE_PLATFORMS];
/* May an application have it in its lists? Not what a browser would run, or send in the clear to
 * another machine. */
bool authorize_may_register(struct str uri);

/* The grant of an authorization code. */
entra_handler authorize_redeem;

#endif
