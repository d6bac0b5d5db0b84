/*
 * Whom a token is for (RFC 7519, 4.1.3): the audiences that Azure's surfaces take, and ours.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_TOKEN_AUDIENCE_H
#define IDENTITY_TOKEN_AUDIENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* What a token must be for: one of these. */
struct token_audiences {
    const struct str *items;
    size_t count;
};
/* Of a token that was asked for by this service's own address, whichever it is. */
#define TOKEN_AUDIENCE_OWN "urn:lazuli:control-plane"
extern const struct token_audiences token_audiences_arm;     /* Azure's own names for it */
extern const struct token_audiences token_audiences_control; /* what ARM takes here */
extern const struct token_audiences token_audiences_data;

/* A slash at the end of an audience does not count, nor does its case. */
bool token_audience_is_same(struct str a, struct str b);
bool token_audiences_hold(const struct token_audiences *audiences, struct str audience);

#endif
