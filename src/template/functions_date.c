/*
 * Dates (learn.microsoft.com, "Date functions for ARM templates").
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "template/date.h"
#include "template/function.h"
#include "template/value.h"

#define ISO_FORMAT STR("yyyy-MM-ddTHH:mm:ssZ")
/* A format, and what it gives. */
#define FORMAT_BYTES 4096
/* How much of a text a message shows. */
#define SHOWN_MAX 100

static bool take_date(struct template_call *c, int64_t *ticks)
{
    struct str s;

    if (!template_arg_string(c, 0, &s))
        return false;
    return template_date_parse(s, ticks) ||
           template_call_fail(c, "The value is not a date and time of ISO 8601.");
}

/* `ticks` as argument `i` says, which may be missing. */
static bool return_date(struct template_call *c, int64_t ticks, size_t i, struct str format,
                        yyjson_mut_val **result)
{
    struct str text;

    if (c->count > i && !template_arg_string(c, i, &format))
        return false;
    if (ticks < TICKS_MIN || ticks > TICKS_MAX)
        return template_call_fail(c, "The date is out of range.");
    if (!template_charge(c->x, 8, FORMAT_BYTES, c->err))
        return false;
    if (!template_date_format(c->x->arena, ticks, format, &text))
        return template_call_fail(c, "The format of a date is not valid.");
    return template_return_text(c, text, result);
}

static bool run_utc_now(struct template_call *c, yyjson_mut_val **result)
{
    if (!c->x->allows_now)
        return template_call_fail_now(c);
    return return_date(c, c->x->now_ms * (TICKS_PER_SECOND / 1000), 0, STR("yyyyMMddTHHmmssZ"),
                       result);
}

/* Without a format, what Azure gives is of ISO 8601, whatever the base looks like. */
static bool run_date_time_add(struct template_call *c, yyjson_mut_val **result)
{
    int64_t ticks, more;
    struct str duration;

    if (!take_date(c, &ticks) || !template_arg_string(c, 1, &duration))
        return false;
    if (!template_date_parse_duration(duration, &more) ||
        __builtin_add_overflow(ticks, more, &ticks))
        return error_set(c->err, ERROR_ARM_TEMPLATE,
                         "The template function 'dateTimeAdd' has an invalid parameter. The second "
                         "parameter '%.*s' is not a valid ISO8601 Duration string. Please see "
                         "https://aka.ms/arm-syntax-functions .",
                         STR_ARGS(str_slice(duration, 0, SHOWN_MAX)));
    return return_date(c, ticks, 2, ISO_FORMAT, result);
}

static bool run_date_time_from_epoch(struct template_call *c, yyjson_mut_val **result)
{
    int64_t seconds, ticks;

    if (!template_arg_integer(c, 0, &seconds))
        return false;
    if (__builtin_mul_overflow(seconds, TICKS_PER_SECOND, &ticks))
        return template_call_fail(c, "The date is out of range.");
    return return_date(c, ticks, 1, ISO_FORMAT, result);
}

static bool run_date_time_to_epoch(struct template_call *c, yyjson_mut_val **result)
{
    int64_t ticks, rest;

    if (!take_date(c, &ticks))
        return false;
    rest = ticks % TICKS_PER_SECOND;
    if (rest < 0)
        rest += TICKS_PER_SECOND;
    return template_return_integer(c, (ticks - rest) / TICKS_PER_SECOND, result);
}

const struct template_function template_date_functions[] = {
    { "dateTimeAdd", run_date_time_add, 2, 3, false },
    { "dateTimeFromEpoch", run_date_time_from_epoch, 1, 1, false },
    { "dateTimeToEpoch", run_date_time_to_epoch, 1, 1, false },
    { "utcNow", run_utc_now, 0, 1, false },
    { NULL, NULL, 0, 0, false },
};
