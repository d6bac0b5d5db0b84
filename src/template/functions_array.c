/*
 * Arrays (learn.microsoft.com, "Array functions for ARM templates"), and what looks alike for
 * arrays, objects and texts.
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

/* Azure's limits on range(). */
#define RANGE_COUNT_MAX 10000
#define RANGE_END_MAX 2147483647

static bool append(struct template_call *c, yyjson_mut_val *array, yyjson_mut_val *value)
{
    return template_append(c->x, array, value, c->err);
}

static bool run_array(struct template_call *c, yyjson_mut_val **result)
{
    if (yyjson_mut_is_arr(c->args[0])) {
        *result = c->args[0];
        return true;
    }
    *result = yyjson_mut_arr(c->x->doc);
    return append(c, *result, c->args[0]);
}

static bool run_create_array(struct template_call *c, yyjson_mut_val **result)
{
    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < c->count; i++) {
        if (!append(c, *result, c->args[i]))
            return false;
    }
    return true;
}

static bool run_range(struct template_call *c, yyjson_mut_val **result)
{
    int64_t start, count;

    if (!template_arg_integer(c, 0, &start) || !template_arg_integer(c, 1, &count))
        return false;
    if (count < 0 || count > RANGE_COUNT_MAX)
        return template_call_fail(c, "The count must be between 0 and %d.", RANGE_COUNT_MAX);
    if (start > RANGE_END_MAX - count || start < -RANGE_END_MAX - 1)
        return template_call_fail(c, "The sum of start and count must not be greater than %d.",
                                  RANGE_END_MAX);
    if (!template_charge(c->x, (uint64_t)count, (uint64_t)count * sizeof(**result), c->err))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    for (int64_t i = 0; i < count; i++)
        yyjson_mut_arr_add_sint(c->x->doc, *result, start + i);
    return true;
}

/* Arrays in the array become their items, one level deep. */
static bool run_flatten(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *part, *item;
    size_t i, count, n, max;

    if (!yyjson_mut_is_arr(c->args[0]))
        return template_call_fail_type(c, 0, "Array");
    *result = yyjson_mut_arr(c->x->doc);
    yyjson_mut_arr_foreach(c->args[0], i, count, part)
    {
        if (!yyjson_mut_is_arr(part) && !append(c, *result, part))
            return false;
        yyjson_mut_arr_foreach(part, n, max, item)
        {
            if (!append(c, *result, item))
                return false;
        }
    }
    return true;
}

/* -- Looking into arrays ------------------------------------------------------------------- */

/* Is the value an item of the array? */
static bool find_item(struct template_call *c, yyjson_mut_val *array, yyjson_mut_val *value,
                      bool *is_there)
{
    yyjson_mut_val *item;
    size_t i, max;

    *is_there = false;
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        if (!template_equal(c->x, item, value, is_there, c->err))
            return false;
        if (*is_there)
            break;
    }
    return true;
}

static bool fail_kind(struct template_call *c)
{
    return template_call_fail_as(
        c,
        "expects its parameter to be an object, an array, or a string. The "
        "provided value is of type '%s'.",
        template_type_name(c->args[0]));
}

static bool run_contains(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, what;
    yyjson_mut_val *member;
    bool is_there = false;

    if (yyjson_mut_is_arr(c->args[0]))
        return find_item(c, c->args[0], c->args[1], &is_there) &&
               template_return_bool(c, is_there, result);
    if (!yyjson_mut_is_obj(c->args[0]) && !yyjson_mut_is_str(c->args[0]))
        return fail_kind(c);
    if (!template_text(c->x, c->args[1], &what, c->err))
        return false;
    if (yyjson_mut_is_obj(c->args[0]))
        return template_member(c->x, c->args[0], what, &member, c->err) &&
               template_return_bool(c, member != NULL, result);
    if (!template_arg_string(c, 0, &s))
        return false;
    return template_return_bool(c, !what.len || str_find(s, what) != SIZE_MAX, result);
}

static bool run_empty(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *value = c->args[0];

    if (yyjson_mut_is_null(value))
        return template_return_bool(c, true, result);
    if (!yyjson_mut_is_ctn(value) && !yyjson_mut_is_str(value))
        return fail_kind(c);
    return template_return_bool(c, yyjson_mut_get_len(value) == 0, result);
}

static bool run_length(struct template_call *c, yyjson_mut_val **result)
{
    struct str s;

    if (yyjson_mut_is_ctn(c->args[0]))
        return template_return_integer(c, (int64_t)yyjson_mut_get_len(c->args[0]), result);
    if (!yyjson_mut_is_str(c->args[0]))
        return fail_kind(c);
    return template_arg_string(c, 0, &s) &&
           template_return_integer(c, (int64_t)str_count_chars(s), result);
}

/* The item at that place from the back, 1 for the last one; NULL when there is none. */
static bool item_from_end(struct template_call *c, yyjson_mut_val **item, int64_t *n)
{
    size_t count = yyjson_mut_arr_size(c->args[0]);

    *item = NULL;
    if (!yyjson_mut_is_arr(c->args[0]))
        return template_call_fail_type(c, 0, "Array");
    if (!template_arg_integer(c, 1, n) || !template_charge(c->x, count / 8, 0, c->err))
        return false;
    if (*n >= 1 && (uint64_t)*n <= count)
        *item = yyjson_mut_arr_get(c->args[0], count - (size_t)*n);
    return true;
}

/* `array[^n]` of Bicep. */
static bool run_index_from_end(struct template_call *c, yyjson_mut_val **result)
{
    int64_t n;

    if (!item_from_end(c, result, &n))
        return false;
    return *result ||
           error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The language expression property array index '^%lld' is out of bounds.",
                     (long long)n);
}

/* `array[?^n].more` of Bicep: as tryGet(), from the array's end. */
static bool run_try_index_from_end(struct template_call *c, yyjson_mut_val **result)
{
    int64_t n;

    if (yyjson_mut_is_null(c->args[0])) {
        *result = c->args[0];
        return true;
    }
    if (!item_from_end(c, result, &n))
        return false;
    if (!*result)
        n = (int64_t)yyjson_mut_arr_size(c->args[0]); /* where no item is */
    else
        n = (int64_t)yyjson_mut_arr_size(c->args[0]) - n;
    c->args[1] = yyjson_mut_sint(c->x->doc, n);
    return template_try_get(c, result);
}

/* -- Sets ---------------------------------------------------------------------------------- */

bool template_union_arrays(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *item;
    size_t n, max;
    bool is_there;

    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < c->count; i++) {
        if (!yyjson_mut_is_arr(c->args[i]))
            return template_call_fail_type(c, i, "Array");
        yyjson_mut_arr_foreach(c->args[i], n, max, item)
        {
            if (!find_item(c, *result, item, &is_there))
                return false;
            if (!is_there && !append(c, *result, item))
                return false;
        }
    }
    return true;
}

bool template_intersect_arrays(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *item;
    size_t n, max;
    bool is_there;

    for (size_t i = 1; i < c->count; i++) {
        if (!yyjson_mut_is_arr(c->args[i]))
            return template_call_fail_type(c, i, "Array");
    }
    *result = yyjson_mut_arr(c->x->doc);
    yyjson_mut_arr_foreach(c->args[0], n, max, item)
    {
        is_there = true;
        for (size_t i = 1; i < c->count && is_there; i++) {
            if (!find_item(c, c->args[i], item, &is_there))
                return false;
        }
        if (!is_there)
            continue;
        if (!find_item(c, *result, item, &is_there))
            return false;
        if (!is_there && !append(c, *result, item))
            return false;
    }
    return true;
}

const struct template_function template_array_functions[] = {
    { "array", run_array, 1, 1, false },
    { "contains", run_contains, 2, 2, false },
    { "createArray", run_create_array, 0, TEMPLATE_ARGS_ANY, false },
    { "empty", run_empty, 1, 1, false },
    { "flatten", run_flatten, 1, 1, false },
    { "indexFromEnd", run_index_from_end, 2, 2, false },
    { "length", run_length, 1, 1, false },
    { "range", run_range, 2, 2, false },
    { "tryIndexFromEnd", run_try_index_from_end, 2, TEMPLATE_ARGS_ANY, false },
    { NULL, NULL, 0, 0, false },
};
