/*
 * What /lazuli/refusals/{id} says of a refusal, for people.
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_EXPLAIN_TEXT_H
#define CLI_EXPLAIN_TEXT_H

#include <stdio.h>

#include "base/json.h"

/* What is missing in it, or of another type, is shown as nothing or 0. */
void explain_print_text(FILE *out, struct arena *a, yyjson_val *refusal);

#endif
