/*
 * Comparison and logic (learn.microsoft.com, "Comparison functions", "Logical functions for ARM
 * templates").
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

static bool run_equals(struct template_call *c, yyjson_mut_val **result)
{
    bool is_equal;

    return template_equal(c->x, c->args[0], c->args[1], &is_equal, c->err) &&
           template_return_bool(c, is_equal, result);
}

/* < 0, 0, > 0 in *order, of two integers or two texts. */
static bool compare(struct template_call *c, int *order)
{
    struct str s, t;
    int64_t m, n;

    if (template_as_integer(c->args[0], &m) && template_as_integer(c->args[1], &n)) {
        *order = (m > n) - (m < n);
        return true;
    }
    if (!yyjson_mut_is_str(c->args[0]) || !yyjson_mut_is_str(c->args[1]))
        return template_call_fail_as(c,
                                     "expects two parameters of matching types. The function was "
                                     "invoked with values of type '%s' and '%s' that do not match.",
                                     template_type_name(c->args[0]),
                                     template_type_name(c->args[1]));
    if (!template_arg_string(c, 0, &s) || !template_arg_string(c, 1, &t))
        return false;
    *order = str_compare(s, t);
    return true;
}

static bool run_less(struct template_call *c, yyjson_mut_val **result)
{
    int order = 0;

    return compare(c, &order) && template_return_bool(c, order < 0, result);
}

static bool run_less_or_equals(struct template_call *c, yyjson_mut_val **result)
{
    int order = 0;

    return compare(c, &order) && template_return_bool(c, order <= 0, result);
}

static bool run_greater(struct template_call *c, yyjson_mut_val **result)
{
    int order = 0;

    return compare(c, &order) && template_return_bool(c, order > 0, result);
}

static bool run_greater_or_equals(struct template_call *c, yyjson_mut_val **result)
{
    int order = 0;

    return compare(c, &order) && template_return_bool(c, order >= 0, result);
}

/* The first argument that is not null; those behind it are not looked at. */
static bool run_coalesce(struct template_call *c, yyjson_mut_val **result)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!template_arg_evaluate(c, i, result))
            return false;
        if (!yyjson_mut_is_null(*result))
            break;
    }
    return true;
}

/* Of a lazy function: argument `i`, which must be true or false. */
static bool evaluate_bool(struct template_call *c, size_t i, bool *is)
{
    yyjson_mut_val *value;

    if (!template_arg_evaluate(c, i, &value))
        return false;
    if (!yyjson_mut_is_bool(value))
        return template_call_fail_type_of(c, i, "Boolean", value);
    *is = yyjson_mut_get_bool(value);
    return true;
}

static bool run_if(struct template_call *c, yyjson_mut_val **result)
{
    bool is = false;

    return evaluate_bool(c, 0, &is) && template_arg_evaluate(c, is ? 1 : 2, result);
}

/* Goes on until an argument is `end`. */
static bool run_until(struct template_call *c, bool end, yyjson_mut_val **result)
{
    bool is = !end;

    for (size_t i = 0; i < c->count && is != end; i++) {
        if (!evaluate_bool(c, i, &is))
            return false;
    }
    return template_return_bool(c, is, result);
}

static bool run_and(struct template_call *c, yyjson_mut_val **result)
{
    return run_until(c, false, result);
}

static bool run_or(struct template_call *c, yyjson_mut_val **result)
{
    return run_until(c, true, result);
}

static bool run_not(struct template_call *c, yyjson_mut_val **result)
{
    bool is = false;

    return template_arg_bool(c, 0, &is) && template_return_bool(c, !is, result);
}

static bool run_true(struct template_call *c, yyjson_mut_val **result)
{
    return template_return_bool(c, true, result);
}

static bool run_false(struct template_call *c, yyjson_mut_val **result)
{
    return template_return_bool(c, false, result);
}

static bool run_null(struct template_call *c, yyjson_mut_val **result)
{
    *result = yyjson_mut_null(c->x->doc);
    return true;
}

/* Of a text "true" or "false", in any case, and of an integer. */
static bool run_bool(struct template_call *c, yyjson_mut_val **result)
{
    struct str text = json_mut_str(c->args[0]);
    int64_t n;

    if (yyjson_mut_is_bool(c->args[0]))
        return template_return_bool(c, yyjson_mut_get_bool(c->args[0]), result);
    if (template_as_integer(c->args[0], &n))
        return template_return_bool(c, n != 0, result);
    if (str_equal_nocase(text, STR("true")))
        return template_return_bool(c, true, result);
    if (str_equal_nocase(text, STR("false")))
        return template_return_bool(c, false, result);
    return template_call_fail(c, "The value cannot be converted to the target type.");
}

/* What a template says of itself that is wrong. */
static bool run_fail(struct template_call *c, yyjson_mut_val **result)
{
    struct str message;

    (void)result;
    if (!template_arg_string(c, 0, &message))
        return false;
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The template language function 'fail' was invoked: '%.*s'",
                     STR_ARGS(str_slice(message, 0, 400)));
}

const struct template_function template_logic_functions[] = {
    { "and", run_and, 2, TEMPLATE_ARGS_ANY, true },
    { "bool", run_bool, 1, 1, false },
    { "coalesce", run_coalesce, 1, TEMPLATE_ARGS_ANY, true },
    { "equals", run_equals, 2, 2, false },
    { "fail", run_fail, 1, 1, false },
    { "false", run_false, 0, 0, false },
    { "greater", run_greater, 2, 2, false },
    { "greaterOrEquals", run_greater_or_equals, 2, 2, false },
    { "if", run_if, 3, 3, true },
    { "less", run_less, 2, 2, false },
    { "lessOrEquals", run_less_or_equals, 2, 2, false },
    { "not", run_not, 1, 1, false },
    { "null", run_null, 0, 0, false },
    { "or", run_or, 2, TEMPLATE_ARGS_ANY, true },
    { "true", run_true, 0, 0, false },
    { NULL, NULL, 0, 0, false },
};
