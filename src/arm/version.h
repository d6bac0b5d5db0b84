/*
 * api-versions: which ones a provider takes. Azure's published ones are listed; a later one than
 * the newest is taken as well, since clients move faster than any list. What is left, a date that
 * was never published, is refused with the list, as Azure does.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_VERSION_H
#define ARM_VERSION_H

#include "arm/type.h"

/* ERROR_ARM_NO_API_VERSION, ERROR_ARM_API_VERSION (malformed), ERROR_ARM_NO_REGISTERED (unknown
 * date). */
MUST_CHECK bool arm_version_check(const struct arm_provider *p, const char *type,
                                  struct str version, struct arena *a, struct error *err);

/* True when the request's api-version is `date` or later; previews count by their date. */
bool arm_version_is_at_least(const struct arm_call *c, const char *date);

/* Takes out of an object what the request's api-version does not show. */
void arm_version_trim(const struct arm_call *c, const struct arm_member *members, size_t count,
                      yyjson_mut_val *shown);

#endif
