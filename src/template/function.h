/*
 * The language's own functions: tables of name, number of arguments and code, one table a file
 * (functions_*.c). A function checks the types of its arguments, charges the budget for what grows
 * with them, and returns a value that may be shared.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_FUNCTION_H
#define TEMPLATE_FUNCTION_H

#include "template/expression.h"

/* Any number of arguments. */
#define TEMPLATE_ARGS_ANY 255

struct template_call {
    struct template_context *x;
    const struct template_function *function;
    const struct template_node *const *nodes; /* of the arguments: for functions that are lazy */
    yyjson_mut_val **args;                    /* NULL where the function is lazy */
    size_t count;
    struct error *err;
};

typedef bool template_run_fn(struct template_call *c, yyjson_mut_val **result);

struct template_function {
    const char *name;
    template_run_fn *run;
    uint8_t min, max; /* arguments */
    bool is_lazy;     /* it evaluates its arguments by itself, as far as it needs them */
};

/* NULL: none of that name (without regard to case). */
const struct template_function *template_function_find(struct str name);

/* The tables; each ends with a row without a name. */
extern const struct template_function template_logic_functions[];
extern const struct template_function template_number_functions[];
extern const struct template_function template_string_functions[];
extern const struct template_function template_format_functions[];
extern const struct template_function template_array_functions[];
extern const struct template_function template_object_functions[];
extern const struct template_function template_lambda_functions[];
extern const struct template_function template_date_functions[];
extern const struct template_function template_encoding_functions[];
extern const struct template_function template_cidr_functions[];

/* -- For functions ------------------------------------------------------------------------- */

/* False with "The template language function 'NAME' was invoked with a parameter that is not valid.
 * ...". */
bool template_call_fail(struct template_call *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same with other words behind the name. */
bool template_call_fail_as(struct template_call *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* False: argument `i` is not of the type that `wanted` names. */
bool template_call_fail_type(struct template_call *c, size_t i, const char *wanted);
/* The same of a lazy function's argument, whose value is `value`. */
bool template_call_fail_type_of(struct template_call *c, size_t i, const char *wanted,
                                yyjson_mut_val *value);
/* False: it is not allowed but in the default value of a parameter. */
bool template_call_fail_now(struct template_call *c);

MUST_CHECK bool template_arg_string(struct template_call *c, size_t i, struct str *value);
MUST_CHECK bool template_arg_integer(struct template_call *c, size_t i, int64_t *value);
MUST_CHECK bool template_arg_bool(struct template_call *c, size_t i, bool *value);

/* The value of argument `i` of a lazy function. */
MUST_CHECK bool template_arg_evaluate(struct template_call *c, size_t i, yyjson_mut_val **value);

/* Charged for going through so much text. */
MUST_CHECK bool template_call_read(struct template_call *c, size_t bytes);
/* Room for a text of `len` bytes, charged; NULL beyond the budget. The caller writes all of it. */
MUST_CHECK char *template_call_room(struct template_call *c, size_t len);
/* A value of a text that lives as long as the context; without a copy. */
bool template_return_text(struct template_call *c, struct str text, yyjson_mut_val **result);
/* What the text is as JSON. */
bool template_return_json(struct template_call *c, struct str text, yyjson_mut_val **result);
bool template_return_integer(struct template_call *c, int64_t n, yyjson_mut_val **result);
bool template_return_bool(struct template_call *c, bool is, yyjson_mut_val **result);

/* -- What functions of several files share ------------------------------------------------- */

/* tryGet(): from args[0] on. */
bool template_try_get(struct template_call *c, yyjson_mut_val **result);
/* union() and intersection() of arrays; args[0] is one. */
bool template_union_arrays(struct template_call *c, yyjson_mut_val **result);
bool template_intersect_arrays(struct template_call *c, yyjson_mut_val **result);

#endif
