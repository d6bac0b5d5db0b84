/*
 * Points in time as .NET has them: in ticks of 100 ns, written by its format strings in the
 * invariant culture and UTC (learn.microsoft.com, "Standard date and time format strings", "Custom
 * date and time format strings").
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_DATE_H
#define TEMPLATE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define TICKS_PER_SECOND 10000000

/* Ticks since 1970-01-01: those that .NET has a date for, from the year 1 to 9999. */
#define TICKS_MIN (-62135596800 * TICKS_PER_SECOND)
#define TICKS_MAX (253402300800 * TICKS_PER_SECOND - 1)

/* ISO 8601 dates with or without a time and a zone (UTC without one), in the extended or the basic
 * form. False when malformed or out of range. */
MUST_CHECK bool template_date_parse(struct str s, int64_t *ticks);
/* ISO 8601 durations, "-P1DT2H": a year has 365 days and a month 30. False when malformed or too
 * long. */
MUST_CHECK bool template_date_parse_duration(struct str s, int64_t *ticks);
/* `ticks` within the limits. False: the format is none of .NET's. */
MUST_CHECK bool template_date_format(struct arena *a, int64_t ticks, struct str format,
                                     struct str *out);

#endif
