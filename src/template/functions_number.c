/*
 * Numbers, all of them integers of 64 bits (learn.microsoft.com, "Numeric functions for ARM
 * templates"). What does not fit into one is refused.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

/* How much of a text a message shows. */
#define SHOWN_MAX 100

static bool two(struct template_call *c, int64_t *m, int64_t *n)
{
    return template_arg_integer(c, 0, m) && template_arg_integer(c, 1, n);
}

static bool fail_overflow(struct template_call *c)
{
    return template_call_fail(c, "The result is not an integer of 64 bits.");
}

static bool run_add(struct template_call *c, yyjson_mut_val **result)
{
    int64_t m, n, sum;

    if (!two(c, &m, &n))
        return false;
    return __builtin_add_overflow(m, n, &sum) ? fail_overflow(c)
                                              : template_return_integer(c, sum, result);
}

static bool run_sub(struct template_call *c, yyjson_mut_val **result)
{
    int64_t m, n, difference;

    if (!two(c, &m, &n))
        return false;
    return __builtin_sub_overflow(m, n, &difference)
               ? fail_overflow(c)
               : template_return_integer(c, difference, result);
}

static bool run_mul(struct template_call *c, yyjson_mut_val **result)
{
    int64_t m, n, product;

    if (!two(c, &m, &n))
        return false;
    return __builtin_mul_overflow(m, n, &product) ? fail_overflow(c)
                                                  : template_return_integer(c, product, result);
}

/* Two numbers that can be divided. */
static bool two_to_divide(struct template_call *c, int64_t *m, int64_t *n)
{
    if (!two(c, m, n))
        return false;
    if (*n == 0)
        return template_call_fail(c, "The divisor must not be zero.");
    return (*m == INT64_MIN && *n == -1) ? fail_overflow(c) : true;
}

static bool run_div(struct template_call *c, yyjson_mut_val **result)
{
    int64_t m, n;

    return two_to_divide(c, &m, &n) && template_return_integer(c, m / n, result);
}

static bool run_mod(struct template_call *c, yyjson_mut_val **result)
{
    int64_t m, n;

    return two_to_divide(c, &m, &n) && template_return_integer(c, m % n, result);
}

/* Of an integer, a float or a text of decimal digits. */
static bool run_int(struct template_call *c, yyjson_mut_val **result)
{
    struct str text = json_mut_str(c->args[0]);
    char digits[32], *end;
    long long n;
    int64_t same;
    double real;

    if (template_as_integer(c->args[0], &same))
        return template_return_integer(c, same, result);
    if (yyjson_mut_is_real(c->args[0])) {
        real = yyjson_mut_get_real(c->args[0]);
        if (!(real > -9.2e18 && real < 9.2e18))
            return fail_overflow(c);
        return template_return_integer(c, (int64_t)real, result);
    }
    text = str_trim(text);
    if (text.len && text.len < sizeof(digits)) {
        memcpy(digits, text.data, text.len);
        digits[text.len] = '\0';
        errno = 0;
        n = strtoll(digits, &end, 10);
        if (end == digits + text.len && !errno)
            return template_return_integer(c, n, result);
    }
    if (!yyjson_mut_is_str(c->args[0]))
        return template_call_fail(c, "The value cannot be converted to the target type.");
    return template_call_fail_as(c, "cannot convert provided value '%.*s' to integer value.",
                                 STR_ARGS(str_slice(text, 0, SHOWN_MAX)));
}

/* *best becomes the value where that is beyond it, upwards or, where `sign` is -1, downwards. */
static bool take_extreme(struct template_call *c, int sign, yyjson_mut_val *value, bool is_first,
                         int64_t *best)
{
    int64_t n;

    if (!template_as_integer(value, &n))
        return template_call_fail(c, "All values must be integers, and one is of type '%s'.",
                                  template_type_name(value));
    if (is_first || (sign > 0 ? n > *best : n < *best))
        *best = n;
    return true;
}

/* The greatest, or least, of the arguments or of the one that is an array; `sign` -1 for the least. */
static bool run_extreme(struct template_call *c, int sign, yyjson_mut_val **result)
{
    bool is_array = yyjson_mut_is_arr(c->args[0]);
    yyjson_mut_val *item;
    int64_t best = 0;
    size_t i, max;

    if (is_array && c->count > 1)
        return template_call_fail(c, "An array must be the only parameter.");
    if (is_array && !yyjson_mut_arr_size(c->args[0]))
        return template_call_fail(c, "The array must not be empty.");
    if (!template_charge(c->x, yyjson_mut_arr_size(c->args[0]), 0, c->err))
        return false;
    yyjson_mut_arr_foreach(c->args[0], i, max, item)
    {
        if (!take_extreme(c, sign, item, i == 0, &best))
            return false;
    }
    for (i = 0; i < c->count && !is_array; i++) {
        if (!take_extreme(c, sign, c->args[i], i == 0, &best))
            return false;
    }
    return template_return_integer(c, best, result);
}

static bool run_max(struct template_call *c, yyjson_mut_val **result)
{
    return run_extreme(c, 1, result);
}

static bool run_min(struct template_call *c, yyjson_mut_val **result)
{
    return run_extreme(c, -1, result);
}

const struct template_function template_number_functions[] = {
    { "add", run_add, 2, 2, false },
    { "div", run_div, 2, 2, false },
    { "int", run_int, 1, 1, false },
    { "max", run_max, 1, TEMPLATE_ARGS_ANY, false },
    { "min", run_min, 1, TEMPLATE_ARGS_ANY, false },
    { "mod", run_mod, 2, 2, false },
    { "mul", run_mul, 2, 2, false },
    { "sub", run_sub, 2, 2, false },
    { NULL, NULL, 0, 0, false },
};
