/*
 * How far the text of a JSON string goes on without anything that ends or escapes: by 32 bytes at a time where
 * the processor has AVX2, else by sixteen.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_JSON_RUN_H
#define BASE_JSON_RUN_H

#include <stdbool.h>

#include "base/str.h"

/* The bytes before the first quote or backslash, all if there is none. `*is_plain`: among them is neither a control
 * character, which no string may have (RFC 8259, 7), nor one that is not ASCII. */
size_t json_run(struct str s, bool *is_plain);
/* The same as it is done on any processor; for tests. */
size_t json_run_by_16(struct str s, bool *is_plain);

#endif
