/*
 * The language of ARM templates: what stands between brackets, "[concat('a', parameters('b'))]",
 * and its functions (learn.microsoft.com, "ARM template functions", "Understand the structure and
 * syntax of ARM templates"). Pure: no I/O, no store; what an expression asks of the template around
 * it, it asks by `call` of the context.
 *
 * Values are yyjson's mutable ones, made in the context's document. They are shared: never change
 * one that was given or returned; template_copy makes one that may be put into an object or array
 * (yyjson links a value into one only). Their texts lie in the arena, and need not end with a NUL.
 *
 * Errors are ERROR_ARM_TEMPLATE ("InvalidTemplate") with what Azure says of the expression; the
 * caller adds what it stands in ("Unable to process template language expressions for resource
 * ...").
 *
 * A template is a stranger's: a budget that all contexts of one deployment share bounds the steps,
 * the bytes made and the depth of all that is evaluated.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_EXPRESSION_H
#define TEMPLATE_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"

/* Azure's limit on an expression, in characters (bytes here). */
#define TEMPLATE_EXPRESSION_MAX 24576
/* Calls and indexes inside each other in one expression. */
#define TEMPLATE_NESTING_MAX 128
/* Objects and arrays inside each other in a value that functions made: it is to be stored, and read
 * again. */
#define TEMPLATE_VALUE_DEPTH_MAX 40
/* What is being evaluated inside each other, over expressions, values and user functions. */
#define TEMPLATE_DEPTH_MAX 400
/* A step is a node of an expression evaluated, a value copied or compared, or TEMPLATE_STEP_BYTES
 * of text gone through. The dearest takes some 50 ns, so that all of them take 100 ms at most. */
#define TEMPLATE_STEPS_MAX 2000000
#define TEMPLATE_STEP_BYTES 32
/* Of values and texts made. */
#define TEMPLATE_BYTES_MAX ((uint64_t)48 * 1024 * 1024)

struct template_budget {
    uint64_t steps, bytes; /* left */
    unsigned depth;        /* now */
};

void template_budget_init(struct template_budget *b);

struct template_context;

enum template_answer { TEMPLATE_UNKNOWN, TEMPLATE_DONE, TEMPLATE_FAILED };

/* What the language asks of the template that an expression stands in: every function that is not
 * the language's own, by its name as written (compare without case): parameters, variables,
 * copyIndex, reference, list*, resourceId and its family, deployment, subscription, resourceGroup,
 * tenant, environment, user functions ("contoso.name"). A name that it does not know is refused as
 * Azure refuses it. *result is set, never NULL, with TEMPLATE_DONE, and *err with TEMPLATE_FAILED.
 * */
typedef enum template_answer template_call_fn(void *data, struct template_context *x,
                                              struct str name, yyjson_mut_val **args, size_t count,
                                              yyjson_mut_val **result, struct error *err);

struct template_context {
    struct arena *arena;
    yyjson_mut_doc *doc; /* values are made in it: json_new(arena) */
    struct template_budget *budget;
    int64_t now_ms;  /* utcNow() */
    bool allows_now; /* utcNow() and newGuid(): in parameters' default values only */
    template_call_fn *call;
    void *data;
    /* The language's own, NULL to begin with: variables of the lambda functions around, and
     * expressions that were parsed, for loops evaluate them again. */
    const struct template_scope *scope;
    struct template_parsed *parsed;
};

/* "[...]", but not "[[...". */
bool template_is_expression(struct str text);

/* The value of a text: of "[...]" what the expression gives, of "[[...]" the text less a bracket,
 * of any other text itself. The value is unlinked or shared: see above. */
MUST_CHECK bool template_evaluate_text(struct template_context *x, struct str text,
                                       yyjson_mut_val **value, struct error *err);
/* The same for all texts in a value, names of members too, however deep; a copy of all, which may
 * be linked. Texts are not copied: `in` must live as long as the arena. */
MUST_CHECK bool template_evaluate(struct template_context *x, yyjson_val *in,
                                  yyjson_mut_val **value, struct error *err);

/* A deep copy, unlinked. False beyond the budget, or where the value is too deep. */
MUST_CHECK bool template_copy(struct template_context *x, yyjson_mut_val *value,
                              yyjson_mut_val **copy, struct error *err);

/* Takes of the budget what a caller does itself: that many steps, and bytes made. */
MUST_CHECK bool template_charge(struct template_context *x, uint64_t steps, uint64_t bytes,
                                struct error *err);

/* -- An expression as a tree --------------------------------------------------------------- */

struct template_node;

/* The text as a tree in the context's arena, which has a copy of it; NULL with *err. It must be an
 * expression. */
MUST_CHECK const struct template_node *template_parse(struct template_context *x, struct str text,
                                                      struct error *err);
/* The value of a node. */
MUST_CHECK bool template_evaluate_node(struct template_context *x, const struct template_node *node,
                                       yyjson_mut_val **value, struct error *err);

#endif
