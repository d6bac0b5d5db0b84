/*
 * What the text of a JSON string is searched for, sixteen bytes at a time.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_SPECIAL_H
#define BASE_JSON_SPECIAL_H

#include "base/bytes16.h"

/* True of quotes, backslashes, control characters and all that is not ASCII: the rest stands in a string
 * (RFC 8259, 7) as it is. */
static inline bytes16 json_is_special(bytes16 v)
{
    return (v < ' ') | (v == '"') | (v == '\\');
}

#endif
