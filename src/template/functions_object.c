/*
 * Objects (learn.microsoft.com, "Object functions for ARM templates", and for what Bicep alone has
 * a name, "Object functions for Bicep"). Names of members are compared without case.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "base/json.h"
#include "template/function.h"
#include "template/jsonc.h"
#include "template/value.h"

/* What a document takes for a byte of its text, at most: values of two bytes each, as they are
 * parsed and as they are copied. */
#define JSON_TIMES_TEXT 24

static bool put(struct template_call *c, yyjson_mut_val *object, struct str name,
                yyjson_mut_val *value)
{
    return template_put(c->x, object, name, value, c->err);
}

static bool run_create_object(struct template_call *c, yyjson_mut_val **result)
{
    struct str name;

    if (c->count % 2)
        return template_call_fail(c, "Each name must have a value.");
    *result = yyjson_mut_obj(c->x->doc);
    for (size_t i = 0; i < c->count; i += 2) {
        if (!template_arg_string(c, i, &name) || !put(c, *result, name, c->args[i + 1]))
            return false;
    }
    return true;
}

/* JSON as lenient as that of templates: names and texts in single quotes too. */
bool template_return_json(struct template_call *c, struct str text, yyjson_mut_val **result)
{
    struct error why;
    yyjson_doc *doc;

    if (!template_charge(c->x, text.len / 8, JSON_TIMES_TEXT * (uint64_t)text.len, c->err))
        return false;
    doc = template_jsonc_parse(c->x->arena, text, &why);
    if (!doc)
        return template_call_fail(c, "The value is not valid JSON.");
    *result = yyjson_val_mut_copy(c->x->doc, yyjson_doc_get_root(doc));
    return true;
}

static bool run_json(struct template_call *c, yyjson_mut_val **result)
{
    struct str text;

    return template_arg_string(c, 0, &text) && template_return_json(c, text, result);
}

/* -- Members ------------------------------------------------------------------------------- */

struct member {
    struct str name;
    yyjson_mut_val *value;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = str_compare_nocase(x->name, y->name);

    return order ? order : str_compare(x->name, y->name);
}

/* The members of argument 0 in the order of their names. */
static bool sort_members(struct template_call *c, struct member **members, size_t *count)
{
    yyjson_mut_val *name, *value;
    size_t i, max;

    if (!yyjson_mut_is_obj(c->args[0]))
        return template_call_fail_type(c, 0, "Object");
    *count = yyjson_mut_obj_size(c->args[0]);
    if (!template_charge(c->x, 4 * *count, *count * sizeof(**members), c->err))
        return false;
    *members = ARENA_ARRAY(c->x->arena, struct member, *count);
    yyjson_mut_obj_foreach(c->args[0], i, max, name, value)
    {
        (*members)[i] = (struct member){ json_mut_str(name), value };
    }
    if (*count)
        qsort(*members, *count, sizeof(**members), compare_members);
    return true;
}

static yyjson_mut_val *text_value(struct template_call *c, struct str s)
{
    return yyjson_mut_strn(c->x->doc, s.data ? s.data : "", s.len);
}

static bool run_items(struct template_call *c, yyjson_mut_val **result)
{
    struct member *members;
    size_t count;

    if (!sort_members(c, &members, &count))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < count; i++) {
        yyjson_mut_val *item = yyjson_mut_obj(c->x->doc);

        if (!put(c, item, STR("key"), text_value(c, members[i].name)) ||
            !put(c, item, STR("value"), members[i].value))
            return false;
        yyjson_mut_arr_append(*result, item);
    }
    return true;
}

static bool run_object_keys(struct template_call *c, yyjson_mut_val **result)
{
    struct member *members;
    size_t count;

    if (!sort_members(c, &members, &count))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < count; i++) {
        if (!template_append(c->x, *result, text_value(c, members[i].name), c->err))
            return false;
    }
    return true;
}

/* What a step goes by: a name, an index, or, as Bicep writes `[^2]`, {"value": 2, "fromEnd": true},
 * of which it takes the index that it means. */
static bool take_step(struct template_call *c, size_t i, yyjson_mut_val *from,
                      yyjson_mut_val **step)
{
    yyjson_mut_val *value, *from_end;
    int64_t n;

    *step = c->args[i];
    if (!yyjson_mut_is_obj(*step))
        return yyjson_mut_is_str(*step) || template_as_integer(*step, &n) ||
               template_call_fail_type(c, i, "Integer");
    if (!template_member(c->x, *step, STR("value"), &value, c->err) ||
        !template_member(c->x, *step, STR("fromEnd"), &from_end, c->err))
        return false;
    if (!value || !template_as_integer(value, &n))
        return yyjson_mut_is_str(value) ? (*step = value, true)
                                        : template_call_fail_type(c, i, "Integer");
    if (yyjson_mut_is_true(from_end))
        n = n > 0 && (uint64_t)n <= yyjson_mut_arr_size(from)
                ? (int64_t)yyjson_mut_arr_size(from) - n
                : -1;
    *step = yyjson_mut_sint(c->x->doc, n);
    return true;
}

/* Is there what the step goes to? */
static bool has_step(struct template_call *c, yyjson_mut_val *from, yyjson_mut_val *step, bool *is)
{
    yyjson_mut_val *member;
    int64_t n;

    if (yyjson_mut_is_str(step) && yyjson_mut_is_obj(from)) {
        if (!template_member(c->x, from, json_mut_str(step), &member, c->err))
            return false;
        *is = member != NULL;
        return true;
    }
    *is = yyjson_mut_is_arr(from) && template_as_integer(step, &n) && n >= 0 &&
          (uint64_t)n < yyjson_mut_arr_size(from);
    return true;
}

/* `object.?name.more`, `array[?n]` of Bicep: null where the first step goes nowhere; those behind
 * it must go somewhere. */
bool template_try_get(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *step;
    bool is = true;

    *result = c->args[0];
    for (size_t i = 1; i < c->count && !yyjson_mut_is_null(*result); i++) {
        if (!take_step(c, i, *result, &step) || (i == 1 && !has_step(c, *result, step, &is)))
            return false;
        if (!is)
            *result = yyjson_mut_null(c->x->doc);
        else if (!template_access(c->x, *result, step, result, c->err))
            return false;
    }
    return true;
}

/* -- Merging ------------------------------------------------------------------------------- */

/* The members of `from` into `to`: objects into objects where it is deep, all others take the place
 * of what was there. */
static bool merge(struct template_call *c, yyjson_mut_val *to, yyjson_mut_val *from, bool is_deep)
{
    yyjson_mut_val *name, *value, *there;
    bool is_good = true;
    size_t i, max;

    if (!template_enter(c->x, c->err))
        return false;
    yyjson_mut_obj_foreach(from, i, max, name, value)
    {
        there = NULL;
        if (is_good && is_deep)
            is_good = template_member(c->x, to, json_mut_str(name), &there, c->err);
        if (is_good)
            is_good = yyjson_mut_is_obj(there) && yyjson_mut_is_obj(value)
                          ? merge(c, there, value, is_deep)
                          : put(c, to, json_mut_str(name), value);
    }
    template_leave(c->x);
    return is_good;
}

/* Arrays have all their values, each once; objects are merged, however deep. */
static bool run_union(struct template_call *c, yyjson_mut_val **result)
{
    if (yyjson_mut_is_arr(c->args[0]))
        return template_union_arrays(c, result);
    *result = yyjson_mut_obj(c->x->doc);
    for (size_t i = 0; i < c->count; i++) {
        if (!yyjson_mut_is_obj(c->args[i]))
            return template_call_fail_type(c, i, "Object");
        if (!merge(c, *result, c->args[i], true))
            return false;
    }
    return true;
}

static bool run_shallow_merge(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *part;
    size_t i, max;

    if (!yyjson_mut_is_arr(c->args[0]))
        return template_call_fail_type(c, 0, "Array");
    *result = yyjson_mut_obj(c->x->doc);
    yyjson_mut_arr_foreach(c->args[0], i, max, part)
    {
        if (!yyjson_mut_is_obj(part))
            return template_call_fail_type_of(c, 0, "Object", part);
        if (!merge(c, *result, part, false))
            return false;
    }
    return true;
}

/* Have all objects that member, with that value? */
static bool is_in_all(struct template_call *c, struct str name, yyjson_mut_val *value, bool *is)
{
    yyjson_mut_val *other;

    *is = true;
    for (size_t i = 1; i < c->count && *is; i++) {
        if (!template_member(c->x, c->args[i], name, &other, c->err))
            return false;
        *is = other != NULL;
        if (other && !template_equal(c->x, value, other, is, c->err))
            return false;
    }
    return true;
}

static bool run_intersection(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *name, *value;
    size_t i, max;
    bool is;

    if (yyjson_mut_is_arr(c->args[0]))
        return template_intersect_arrays(c, result);
    for (i = 0; i < c->count; i++) {
        if (!yyjson_mut_is_obj(c->args[i]))
            return template_call_fail_type(c, i, "Object");
    }
    *result = yyjson_mut_obj(c->x->doc);
    yyjson_mut_obj_foreach(c->args[0], i, max, name, value)
    {
        if (!is_in_all(c, json_mut_str(name), value, &is))
            return false;
        if (is && !put(c, *result, json_mut_str(name), value))
            return false;
    }
    return true;
}

const struct template_function template_object_functions[] = {
    { "createObject", run_create_object, 0, TEMPLATE_ARGS_ANY, false },
    { "intersection", run_intersection, 2, TEMPLATE_ARGS_ANY, false },
    { "items", run_items, 1, 1, false },
    { "json", run_json, 1, 1, false },
    { "objectKeys", run_object_keys, 1, 1, false },
    { "shallowMerge", run_shallow_merge, 1, 1, false },
    { "tryGet", template_try_get, 2, TEMPLATE_ARGS_ANY, false },
    { "union", run_union, 2, TEMPLATE_ARGS_ANY, false },
    { NULL, NULL, 0, 0, false },
};
