/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <assert.h>
#include <stdio.h>

static const struct error_info rows[] = {
    [ERROR_NONE] = { 200, ENVELOPE_ARM, "NONE", NULL, NULL, "" },
#define X(name, status, envelope, code, type, text) \
    [ERROR_##name] = { status, ENVELOPE_##envelope, #name, code, type, text },
    ERRORS(X)
#undef X
};

const struct error_info *error_info(enum error_code code)
{
    assert((size_t)code < ARRAY_LEN(rows));
    return &rows[code];
}

static void set(struct error *err, enum error_code code, const char *target, const char *format,
                va_list args) PRINTF_LIKE(4, 0);

static void set(struct error *err, enum error_code code, const char *target, const char *format,
                va_list args)
{
    char text[sizeof(err->text)];

    /* Formatted aside first: an argument may be the error that is being replaced. */
    if (format)
        vsnprintf(text, sizeof(text), format, args);
    else
        snprintf(text, sizeof(text), "%s", error_info(code)->text ? error_info(code)->text : "");
    err->code = code;
    snprintf(err->target, sizeof(err->target), "%s", target ? target : "");
    memcpy(err->text, text, sizeof(text));
    /* Texts quote what a client sent, cut to a length. */
    str_repair_utf8(err->text);
    str_repair_utf8(err->target);
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, code, NULL, format, args);
    va_end(args);
    return false;
}

bool error_set_target(struct error *err, enum error_code code, const char *target,
                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(err, code, target, format, args);
    va_end(args);
    return false;
}
