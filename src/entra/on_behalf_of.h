/*
 * The grant by which a service that people call by a token calls another one in their name ("on behalf
 * of"; RFC 7523, 2.1, as Entra has it): the token that it was called by is the assertion.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_ON_BEHALF_OF_H
#define ENTRA_ON_BEHALF_OF_H

#include "entra/call.h"

/* The assertion is an access token of this service, a person's, for the client, which proves that it is
 * the one. It is good for its whole life, as often as it is shown. ERROR_OAUTH_USER_TOKEN and its like. */
entra_handler on_behalf_of;

#endif
