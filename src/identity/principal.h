/*
 * Who asks: what a valid token, or the admin token, says of its bearer. Role assignments name it by
 * its object id, or a group's that it is in.
 * SPDX-License-Identifier: MIT
 */
#ifndef IDENTITY_PRINCIPAL_H
#define IDENTITY_PRINCIPAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum principal_kind { PRINCIPAL_USER, PRINCIPAL_APPLICATION };

struct principal {
    enum principal_kind kind;
    struct str name;          /* a user's name, or an application's id */
    struct str object_id;     /* GUID; empty: the program's own, and the admin token's */
    const struct str *groups; /* object ids */
    size_t group_count;
    bool is_administrator; /* may do everything, whatever roles say */
};

#endif
