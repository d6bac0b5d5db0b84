/*
 * The token of the service's first administrator: opaque, made at the first start, kept sealed.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_ADMIN_TOKEN_H
#define IDENTITY_ADMIN_TOKEN_H

#include <stdbool.h>

#include "base/str.h"

struct admin_token;

/* Keeps only a digest. */
struct admin_token *admin_token_new(struct str token);
void admin_token_free(struct admin_token *t);
/* In a time that does not depend on where the two differ. Any thread. */
bool admin_token_matches(const struct admin_token *t, struct str token);

#endif
