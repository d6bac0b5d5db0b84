/*
 * The one way in which a function says that it failed. A fallible function returns bool (or a
 * pointer, NULL = failed), is MUST_CHECK, takes `struct error *err` last and fills it only on
 * failure. The table (error_table.h) is the single place where a failure meets its HTTP status and the
 * code on the wire; inference/reply.c, arm/arm.c and entra/entra.c alone turn it into their envelopes.
 *
 * A row: name, HTTP status, envelope, code on the wire, OpenAI error type, text used when
 * error_set gets no format. Texts are Azure's own, word for word. `text` never holds a key, a prompt
 * or an answer.
 *
 * Not failures: what cannot happen is an assert; lack of memory ends the process.
 * SPDX-License-Identifier: MIT
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error_table.h"
#include "base/macros.h"
#include "base/str.h"

/* How an error's body looks. */
enum error_envelope {
    ENVELOPE_ARM,     /* {"error":{"code","message","target"}} */
    ENVELOPE_GATEWAY, /* {"error":{"code","message"}}, the data plane's front */
    ENVELOPE_SPACED,  /* as GATEWAY, with the blank that Azure sends after "message": */
    ENVELOPE_MODEL,   /* {"error":{"message","type","param","code"}}, the model layer (OpenAI's) */
    ENVELOPE_OAUTH,   /* {"error","error_description","error_codes",...}, Entra's (RFC 6749) */
    ENVELOPE_GRAPH,   /* {"error":{"code","message","innerError"}}, Microsoft Graph's */
    ENVELOPE_TOKEN,   /* { "statusCode": 401, "message": ... }, a refused bearer token */
};

enum error_code {
    ERROR_NONE,
#define X(name, status, envelope, code, type, text) ERROR_##name,
    ERRORS(X)
#undef X
};

struct error {
    enum error_code code;
    char target[128]; /* the field or parameter at fault; empty when there is none */
    char text[640];
};

/* One row of the table. `wire_code` and `type` may be NULL (JSON null). */
struct error_info {
    int status;
    enum error_envelope envelope;
    const char *name;
    const char *wire_code;
    const char *type;
    const char *text;
};

const struct error_info *error_info(enum error_code code);

/* Fills *err and returns false. `format` NULL: the table's text. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* As error_set, naming the field at fault. */
bool error_set_target(struct error *err, enum error_code code, const char *target,
                      const char *format, ...) PRINTF_LIKE(4, 5);

#endif
