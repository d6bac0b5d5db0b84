/*
 * Functions that take an expression with variables, lambda('x', ...lambdaVariables('x')...), and
 * evaluate it for each item (learn.microsoft.com, "Lambda functions for ARM templates").
 * SPDX-License-Identifier: MIT
 */
#include "base/json.h"
#include "template/function.h"
#include "template/syntax.h"
#include "template/value.h"

/* reduce() has three: the value so far, the next item, its index. */
#define VARIABLES_MAX 3

struct template_scope {
    const struct template_scope *outer;
    struct str name;
    yyjson_mut_val *value;
};

struct lambda {
    const struct template_node *body;
    struct str names[VARIABLES_MAX];
    size_t count;
};

/* Argument `i` as an expression with between `min` and `max` variables. */
static bool take_lambda(struct template_call *c, size_t i, size_t min, size_t max,
                        struct lambda *lambda)
{
    const struct template_node *node = c->nodes[i];

    if (node->kind != NODE_CALL || !str_equal_nocase(node->text, STR("lambda")) || node->accesses)
        return template_call_fail(c, "Parameter %zu must be a lambda function.", i + 1);
    lambda->count = node->count - 1;
    lambda->body = node->args[lambda->count];
    if (lambda->count < min || lambda->count > max)
        return template_call_fail(
            c, "The lambda function must have between %zu and %zu variables, and has %zu.", min,
            max, lambda->count);
    for (size_t n = 0; n < lambda->count; n++) {
        if (node->args[n]->kind != NODE_STRING)
            return template_call_fail(
                c, "The variables of a lambda function must be string literals.");
        lambda->names[n] = node->args[n]->text;
    }
    return true;
}

/* The body with these values of the variables. */
static bool apply(struct template_call *c, const struct lambda *lambda,
                  yyjson_mut_val *const *values, yyjson_mut_val **result)
{
    const struct template_scope *outer = c->x->scope;
    struct template_scope scopes[VARIABLES_MAX];
    bool is_good;

    for (size_t i = 0; i < lambda->count; i++) {
        scopes[i] = (struct template_scope){ c->x->scope, lambda->names[i], values[i] };
        c->x->scope = &scopes[i];
    }
    is_good = template_evaluate_node(c->x, lambda->body, result, c->err);
    c->x->scope = outer;
    return is_good;
}

static bool apply_to_item(struct template_call *c, const struct lambda *lambda,
                          yyjson_mut_val *item, size_t index, yyjson_mut_val **result)
{
    yyjson_mut_val *values[] = { item, yyjson_mut_sint(c->x->doc, (int64_t)index) };

    return template_charge(c->x, 0, sizeof(*item), c->err) && apply(c, lambda, values, result);
}

static bool check_bool(struct template_call *c, size_t i, yyjson_mut_val *value, bool *is)
{
    if (!yyjson_mut_is_bool(value))
        return template_call_fail_type_of(c, i, "Boolean", value);
    *is = yyjson_mut_get_bool(value);
    return true;
}

/* Argument 0: an array. */
static bool take_array(struct template_call *c, yyjson_mut_val **array)
{
    if (!template_arg_evaluate(c, 0, array))
        return false;
    return yyjson_mut_is_arr(*array) || template_call_fail_type_of(c, 0, "Array", *array);
}

static bool run_lambda(struct template_call *c, yyjson_mut_val **result)
{
    (void)result;
    return template_call_fail(c, "It can be used only as a parameter of a function that takes it.");
}

static bool run_lambda_variables(struct template_call *c, yyjson_mut_val **result)
{
    struct str name;

    if (!template_arg_string(c, 0, &name))
        return false;
    for (const struct template_scope *s = c->x->scope; s; s = s->outer) {
        if (str_equal_nocase(s->name, name)) {
            *result = s->value;
            return true;
        }
    }
    return template_call_fail(c, "The lambda variable '%.*s' is not found.",
                              STR_ARGS(str_slice(name, 0, 100)));
}

static bool run_filter(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item, *kept;
    struct lambda lambda;
    size_t i, max;
    bool is = false;

    if (!take_array(c, &array) || !take_lambda(c, 1, 1, 2, &lambda))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        if (!apply_to_item(c, &lambda, item, i, &kept) || !check_bool(c, 1, kept, &is))
            return false;
        if (is && !template_append(c->x, *result, item, c->err))
            return false;
    }
    return true;
}

static bool run_map(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item, *mapped;
    struct lambda lambda;
    size_t i, max;

    if (!take_array(c, &array) || !take_lambda(c, 1, 1, 2, &lambda))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        if (!apply_to_item(c, &lambda, item, i, &mapped) ||
            !template_append(c->x, *result, mapped, c->err))
            return false;
    }
    return true;
}

static bool run_reduce(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item;
    struct lambda lambda;
    size_t i, max;

    if (!take_array(c, &array) || !template_arg_evaluate(c, 1, result) ||
        !take_lambda(c, 2, 2, 3, &lambda))
        return false;
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        yyjson_mut_val *values[] = { *result, item, yyjson_mut_sint(c->x->doc, (int64_t)i) };

        if (!template_charge(c->x, 0, sizeof(*item), c->err) || !apply(c, &lambda, values, result))
            return false;
    }
    return true;
}

/* -- Sorting ------------------------------------------------------------------------------- */

/* Two sorted runs, items[from, middle) and items[middle, to), into one. The first item of both goes
 * first unless the lambda says of the second that it comes before: so that the order of equal ones
 * stays. */
static bool merge_runs(struct template_call *c, const struct lambda *before, yyjson_mut_val **items,
                       yyjson_mut_val **out, size_t from, size_t middle, size_t to)
{
    size_t left = from, right = middle;
    bool is;

    for (size_t i = from; i < to; i++) {
        is = left == middle;
        if (left < middle && right < to) {
            yyjson_mut_val *pair[] = { items[right], items[left] }, *answer;

            if (!apply(c, before, pair, &answer) || !check_bool(c, 1, answer, &is))
                return false;
        }
        out[i] = is ? items[right++] : items[left++];
    }
    return true;
}

static bool sort_items(struct template_call *c, const struct lambda *before, yyjson_mut_val **items,
                       size_t count, yyjson_mut_val ***sorted)
{
    yyjson_mut_val **other = ARENA_ARRAY(c->x->arena, yyjson_mut_val *, count), **swap;

    for (size_t run = 1; run < count; run *= 2) {
        for (size_t from = 0; from < count; from += 2 * run) {
            size_t middle = from + run < count ? from + run : count;
            size_t to = middle + run < count ? middle + run : count;

            if (!merge_runs(c, before, items, other, from, middle, to))
                return false;
        }
        swap = items;
        items = other;
        other = swap;
    }
    *sorted = items;
    return true;
}

static bool run_sort(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item, **items, **sorted;
    struct lambda before;
    size_t i, count;

    if (!take_array(c, &array) || !take_lambda(c, 1, 2, 2, &before))
        return false;
    count = yyjson_mut_arr_size(array);
    if (!template_charge(c->x, count, 2 * count * sizeof(*items), c->err))
        return false;
    items = ARENA_ARRAY(c->x->arena, yyjson_mut_val *, count);
    yyjson_mut_arr_foreach(array, i, count, item)
    {
        items[i] = item;
    }
    if (!sort_items(c, &before, items, count, &sorted))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    for (i = 0; i < count; i++) {
        if (!template_append(c->x, *result, sorted[i], c->err))
            return false;
    }
    return true;
}

/* -- Objects ------------------------------------------------------------------------------- */

/* What the lambda of argument 1 says is the item's key. */
static bool take_key(struct template_call *c, const struct lambda *lambda, yyjson_mut_val *item,
                     struct str *key)
{
    yyjson_mut_val *value;

    if (!apply(c, lambda, &item, &value))
        return false;
    if (!yyjson_mut_is_str(value))
        return template_call_fail_type_of(c, 1, "String", value);
    *key = json_mut_str(value);
    return true;
}

static bool run_to_object(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item, *value;
    struct lambda lambda, values;
    struct str key = STR_NONE;
    size_t i, max;

    if (!take_array(c, &array) || !take_lambda(c, 1, 1, 1, &lambda) ||
        (c->count > 2 && !take_lambda(c, 2, 1, 1, &values)))
        return false;
    *result = yyjson_mut_obj(c->x->doc);
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        value = item;
        if (!take_key(c, &lambda, item, &key) ||
            (c->count > 2 && !apply(c, &values, &item, &value)) ||
            !template_put(c->x, *result, key, value, c->err))
            return false;
    }
    return true;
}

static bool run_group_by(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *array, *item, *group;
    struct lambda lambda;
    struct str key = STR_NONE;
    size_t i, max;

    if (!take_array(c, &array) || !take_lambda(c, 1, 1, 1, &lambda))
        return false;
    *result = yyjson_mut_obj(c->x->doc);
    yyjson_mut_arr_foreach(array, i, max, item)
    {
        if (!take_key(c, &lambda, item, &key) ||
            !template_member(c->x, *result, key, &group, c->err))
            return false;
        if (!group) {
            if (!template_put(c->x, *result, key, yyjson_mut_arr(c->x->doc), c->err) ||
                !template_member(c->x, *result, key, &group, c->err))
                return false;
        }
        if (!template_append(c->x, group, item, c->err))
            return false;
    }
    return true;
}

static bool run_map_values(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *object, *name, *value, *mapped;
    struct lambda lambda;
    size_t i, max;

    if (!template_arg_evaluate(c, 0, &object))
        return false;
    if (!yyjson_mut_is_obj(object))
        return template_call_fail_type_of(c, 0, "Object", object);
    if (!take_lambda(c, 1, 1, 1, &lambda))
        return false;
    *result = yyjson_mut_obj(c->x->doc);
    yyjson_mut_obj_foreach(object, i, max, name, value)
    {
        if (!apply(c, &lambda, &value, &mapped) ||
            !template_put(c->x, *result, json_mut_str(name), mapped, c->err))
            return false;
    }
    return true;
}

const struct template_function template_lambda_functions[] = {
    { "filter", run_filter, 2, 2, true },
    { "groupBy", run_group_by, 2, 2, true },
    { "lambda", run_lambda, 1, VARIABLES_MAX + 1, true },
    { "lambdaVariables", run_lambda_variables, 1, 1, false },
    { "map", run_map, 2, 2, true },
    { "mapValues", run_map_values, 2, 2, true },
    { "reduce", run_reduce, 3, 3, true },
    { "sort", run_sort, 2, 2, true },
    { "toObject", run_to_object, 2, 3, true },
    { NULL, NULL, 0, 0, false },
};
