/*
 * Values with loops in them: {"copy": [{"name": "rules", "count": 3, "input": ...}]} is {"rules": [...]}.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"
#include "template/value.h"

bool template_string(struct template *t, yyjson_val *in, const char *what, struct str *value,
                     struct error *err)
{
    yyjson_mut_val *made;

    if (!yyjson_is_str(in))
        return error_set(err, ERROR_ARM_TEMPLATE, "'%s' must be a string.", what);
    if (!template_evaluate_text(&t->x, json_str(in), &made, err))
        return false;
    *value = json_mut_str(made);
    if (!yyjson_mut_is_str(made))
        return error_set(err, ERROR_ARM_TEMPLATE, "'%s' must be a string, and not of type '%s'.",
                         what, template_type_name(made));
    return true;
}

bool template_condition(struct template *t, yyjson_val *item, bool *is_wanted, struct error *err)
{
    yyjson_val *condition = template_get(item, "condition");
    yyjson_mut_val *value;

    *is_wanted = true;
    if (!condition)
        return true;
    if (!template_value(t, condition, &value, err))
        return false;
    *is_wanted = yyjson_mut_get_bool(value);
    return yyjson_mut_is_bool(value) ||
           error_set(err, ERROR_ARM_TEMPLATE, "its condition must be a boolean.");
}

/* -- Loops ----------------------------------------------------------------------------------- */

bool template_count(struct template *t, yyjson_val *copy, struct str name, int64_t *count,
                    struct error *err)
{
    yyjson_val *in = template_get(copy, "count");
    yyjson_mut_val *value;

    if (!in)
        return error_set(err, ERROR_ARM_TEMPLATE, "The copy '%.*s' has no 'count'.",
                         TEMPLATE_SHOWN(name));
    if (!template_value(t, in, &value, err))
        return false;
    if (!template_as_integer(value, count))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The 'count' of the copy '%.*s' must be an "
                         "integer.",
                         TEMPLATE_SHOWN(name));
    if (*count >= 0 && *count <= TEMPLATE_COPIES_MAX)
        return true;
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "The copy count '%lld' of '%.*s' is not valid: it must be from 0 to %d. "
                     "Please see https://aka.ms/arm-copy for usage details.",
                     (long long)*count, TEMPLATE_SHOWN(name), TEMPLATE_COPIES_MAX);
}

bool template_loop_values(struct template *t, struct str name, yyjson_val *copy, yyjson_val *input,
                          yyjson_mut_val **values, struct error *err)
{
    struct template_loop loop = { .name = name, .outer = t->loop };
    yyjson_mut_val *value;
    bool is_good = true;
    int64_t count;

    if (!input)
        return error_set(err, ERROR_ARM_TEMPLATE, "The copy '%.*s' has no 'input'.",
                         TEMPLATE_SHOWN(name));
    if (!template_count(t, copy, name, &count, err) || !template_enter(&t->x, err))
        return false;
    *values = yyjson_mut_arr(t->x.doc);
    t->loop = &loop;
    for (; is_good && loop.index < count; loop.index++) {
        is_good = template_value(t, input, &value, err);
        if (is_good)
            yyjson_mut_arr_append(*values, value);
    }
    t->loop = loop.outer;
    template_leave(&t->x);
    return is_good;
}

/* Is it a list of loops, and not a property that happens to have that name? */
static bool is_loops(yyjson_val *key, yyjson_val *copies)
{
    yyjson_val *copy;
    size_t i, max;

    if (!str_equal_nocase(json_str(key), STR("copy")) || !yyjson_arr_size(copies))
        return false;
    yyjson_arr_foreach(copies, i, max, copy)
    {
        if (!yyjson_is_str(template_get(copy, "name")) || !template_get(copy, "count") ||
            !template_get(copy, "input"))
            return false;
    }
    return true;
}

static bool add_loops(struct template *t, yyjson_val *copies, yyjson_mut_val *out,
                      struct error *err)
{
    yyjson_mut_val *values;
    yyjson_val *copy;
    size_t i, max;

    yyjson_arr_foreach(copies, i, max, copy)
    {
        struct str name;

        if (!template_charge(&t->x, yyjson_obj_size(copy), 0, err) ||
            !template_string(t, template_get(copy, "name"), "name", &name, err) ||
            !template_loop_values(t, name, copy, template_get(copy, "input"), &values, err))
            return false;
        yyjson_mut_obj_add(out, yyjson_mut_strn(t->x.doc, name.data, name.len), values);
    }
    return true;
}

/* -- Values ---------------------------------------------------------------------------------- */

static bool add_member(struct template *t, yyjson_val *key, yyjson_val *in, yyjson_mut_val *out,
                       struct error *err)
{
    yyjson_mut_val *value;
    struct str name;

    if (is_loops(key, in))
        return add_loops(t, in, out, err);
    if (!template_string(t, key, "a property's name", &name, err) ||
        !template_value(t, in, &value, err))
        return false;
    yyjson_mut_obj_add(out, yyjson_mut_strn(t->x.doc, name.data, name.len), value);
    return true;
}

static bool add_members(struct template *t, yyjson_val *in, yyjson_mut_val *out, struct error *err)
{
    yyjson_val *key, *item;
    yyjson_mut_val *value;
    size_t i, max;

    yyjson_obj_foreach(in, i, max, key, item)
    {
        if (!add_member(t, key, item, out, err))
            return false;
    }
    yyjson_arr_foreach(in, i, max, item)
    {
        if (!template_value(t, item, &value, err))
            return false;
        yyjson_mut_arr_append(out, value);
    }
    return true;
}

bool template_value(struct template *t, yyjson_val *in, yyjson_mut_val **value, struct error *err)
{
    bool is_good;

    if (!yyjson_is_ctn(in))
        return template_evaluate(&t->x, in, value, err);
    if (!template_charge(&t->x, 1, sizeof(**value), err) || !template_enter(&t->x, err))
        return false;
    *value = yyjson_is_obj(in) ? yyjson_mut_obj(t->x.doc) : yyjson_mut_arr(t->x.doc);
    is_good = add_members(t, in, *value, err);
    template_leave(&t->x);
    return is_good;
}
