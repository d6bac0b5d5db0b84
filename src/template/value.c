/* SPDX-License-Identifier: MIT */
#include "template/value.h"

#include "base/format.h"
#include "base/json.h"

/* What the text of an integer takes, and what a writer of JSON begins with. */
#define DECIMAL_BYTES 32
#define WRITER_BYTES 2048

const char *template_type_name(yyjson_mut_val *value)
{
    switch (yyjson_mut_get_type(value)) {
    case YYJSON_TYPE_NULL:
        return "Null";
    case YYJSON_TYPE_BOOL:
        return "Boolean";
    case YYJSON_TYPE_NUM:
        return yyjson_mut_is_int(value) ? "Integer" : "Float";
    case YYJSON_TYPE_STR:
        return "String";
    case YYJSON_TYPE_ARR:
        return "Array";
    case YYJSON_TYPE_OBJ:
        return "Object";
    default: /* a number that no C type holds */
        return "Float";
    }
}

bool template_as_integer(yyjson_mut_val *value, int64_t *n)
{
    if (yyjson_mut_is_sint(value)) /* negative, or made as such */
        *n = yyjson_mut_get_sint(value);
    else if (yyjson_mut_is_uint(value) && yyjson_mut_get_uint(value) <= INT64_MAX)
        *n = (int64_t)yyjson_mut_get_uint(value);
    else
        return false;
    return true;
}

/* -- Copies -------------------------------------------------------------------------------- */

bool template_enter(struct template_context *x, struct error *err)
{
    if (x->budget->depth >= TEMPLATE_DEPTH_MAX)
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The template's values and expressions are nested too deep.");
    x->budget->depth++;
    return true;
}

void template_leave(struct template_context *x)
{
    x->budget->depth--;
}

static bool copy(struct template_context *x, yyjson_mut_val *value, unsigned level,
                 yyjson_mut_val **out, struct error *err);

static bool copy_members(struct template_context *x, yyjson_mut_val *from, unsigned level,
                         yyjson_mut_val *to, struct error *err)
{
    yyjson_mut_val *name, *value, *member;
    size_t i, max;

    yyjson_mut_obj_foreach(from, i, max, name, value)
    {
        yyjson_mut_val *own_name =
            yyjson_mut_strn(x->doc, yyjson_mut_get_str(name), yyjson_mut_get_len(name));

        if (!copy(x, value, level + 1, &member, err))
            return false;
        yyjson_mut_obj_add(to, own_name, member);
    }
    yyjson_mut_arr_foreach(from, i, max, value)
    {
        if (!copy(x, value, level + 1, &member, err))
            return false;
        yyjson_mut_arr_append(to, member);
    }
    return true;
}

/* Texts are not copied: they live in the arena, as all of a context's values do. */
static bool copy(struct template_context *x, yyjson_mut_val *value, unsigned level,
                 yyjson_mut_val **out, struct error *err)
{
    if (!template_charge(x, 1, sizeof(*value) * (yyjson_mut_is_obj(value) ? 2 : 1), err))
        return false;
    if (level > TEMPLATE_VALUE_DEPTH_MAX)
        return error_set(err, ERROR_ARM_TEMPLATE, "A value is nested deeper than %d levels.",
                         TEMPLATE_VALUE_DEPTH_MAX);
    if (yyjson_mut_is_ctn(value)) {
        *out = yyjson_mut_is_obj(value) ? yyjson_mut_obj(x->doc) : yyjson_mut_arr(x->doc);
        return copy_members(x, value, level, *out, err);
    }
    *out = yyjson_mut_null(x->doc);
    (*out)->tag = value->tag;
    (*out)->uni = value->uni;
    return true;
}

bool template_copy(struct template_context *x, yyjson_mut_val *value, yyjson_mut_val **out,
                   struct error *err)
{
    return copy(x, value, 1, out, err);
}

/* -- Comparison ---------------------------------------------------------------------------- */

bool template_member(struct template_context *x, yyjson_mut_val *object, struct str name,
                     yyjson_mut_val **member, struct error *err)
{
    yyjson_mut_val *key, *value;
    size_t i, max;

    *member = NULL;
    if (!template_charge(x, 1 + yyjson_mut_obj_size(object) / 4, 0, err))
        return false;
    yyjson_mut_obj_foreach(object, i, max, key, value)
    {
        if (yyjson_mut_get_len(key) != name.len)
            continue;
        if (!template_charge(x, name.len / TEMPLATE_STEP_BYTES, 0, err))
            return false;
        if (str_equal_nocase(json_mut_str(key), name)) {
            *member = value;
            return true;
        }
    }
    return true;
}

bool template_put(struct template_context *x, yyjson_mut_val *object, struct str name,
                  yyjson_mut_val *value, struct error *err)
{
    yyjson_mut_val *member, *own;

    if (!template_copy(x, value, &own, err) || !template_member(x, object, name, &member, err))
        return false;
    if (member) { /* stays where it is linked, and becomes the other */
        member->tag = own->tag;
        member->uni = own->uni;
        return true;
    }
    yyjson_mut_obj_add(object, yyjson_mut_strn(x->doc, name.data ? name.data : "", name.len), own);
    return true;
}

bool template_append(struct template_context *x, yyjson_mut_val *array, yyjson_mut_val *value,
                     struct error *err)
{
    yyjson_mut_val *own;

    return template_copy(x, value, &own, err) && yyjson_mut_arr_append(array, own);
}

static bool equal_containers(struct template_context *x, yyjson_mut_val *a, yyjson_mut_val *b,
                             bool *is_equal, struct error *err)
{
    yyjson_mut_val *name, *value, *other;
    size_t i, max;

    *is_equal = yyjson_mut_get_len(a) == yyjson_mut_get_len(b);
    if (!*is_equal)
        return true;
    yyjson_mut_obj_foreach(a, i, max, name, value)
    {
        if (!template_member(x, b, json_mut_str(name), &other, err))
            return false;
        if (!other) {
            *is_equal = false;
            return true;
        }
        if (!template_equal(x, value, other, is_equal, err))
            return false;
        if (!*is_equal)
            return true;
    }
    other = yyjson_mut_arr_get_first(b);
    yyjson_mut_arr_foreach(a, i, max, value)
    {
        if (!template_equal(x, value, other, is_equal, err))
            return false;
        if (!*is_equal)
            return true;
        other = other->next;
    }
    return true;
}

static bool equal_numbers(yyjson_mut_val *a, yyjson_mut_val *b)
{
    int64_t m, n;

    if (template_as_integer(a, &m) && template_as_integer(b, &n))
        return m == n;
    return yyjson_mut_get_num(a) >= yyjson_mut_get_num(b) &&
           yyjson_mut_get_num(a) <= yyjson_mut_get_num(b);
}

bool template_equal(struct template_context *x, yyjson_mut_val *a, yyjson_mut_val *b,
                    bool *is_equal, struct error *err)
{
    yyjson_type type = yyjson_mut_get_type(a);
    bool is_good;

    *is_equal = false;
    if (type != yyjson_mut_get_type(b))
        return true;
    if (type == YYJSON_TYPE_STR || type == YYJSON_TYPE_RAW) {
        *is_equal = yyjson_mut_get_len(a) == yyjson_mut_get_len(b) &&
                    !memcmp(a->uni.str, b->uni.str, yyjson_mut_get_len(a));
        return template_charge(x, 1 + yyjson_mut_get_len(a) / TEMPLATE_STEP_BYTES, 0, err);
    }
    if (!template_charge(x, 1, 0, err))
        return false;
    if (type == YYJSON_TYPE_NUM)
        *is_equal = equal_numbers(a, b);
    else if (type == YYJSON_TYPE_BOOL)
        *is_equal = yyjson_mut_get_bool(a) == yyjson_mut_get_bool(b);
    else if (type == YYJSON_TYPE_NULL)
        *is_equal = true;
    if (type != YYJSON_TYPE_ARR && type != YYJSON_TYPE_OBJ)
        return true;
    if (!template_enter(x, err))
        return false;
    is_good = equal_containers(x, a, b, is_equal, err);
    template_leave(x);
    return is_good;
}

/* -- Text ---------------------------------------------------------------------------------- */

/* An upper bound of what the value's text takes, charged: a text is never made for which there is
 * no room. */
static bool charge_text(struct template_context *x, yyjson_mut_val *value, struct error *err)
{
    yyjson_mut_val *name, *item;
    size_t i, max;
    bool is_good = true;

    if (!template_enter(x, err))
        return false;
    yyjson_mut_obj_foreach(value, i, max, name, item)
    {
        is_good = is_good && charge_text(x, name, err) && charge_text(x, item, err);
    }
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        is_good = is_good && charge_text(x, item, err);
    }
    template_leave(x);
    if (!is_good || yyjson_mut_is_ctn(value))
        return is_good;
    max =
        32 + (yyjson_mut_is_str(value) || yyjson_mut_is_raw(value) ? yyjson_mut_get_len(value) : 0);
    return template_charge(x, 1 + max / TEMPLATE_STEP_BYTES, 2 * max, err);
}

bool template_json(struct template_context *x, yyjson_mut_val *value, struct str *text,
                   struct error *err)
{
    if (!template_charge(x, 0, WRITER_BYTES, err) || !charge_text(x, value, err))
        return false;
    *text = json_write_mut(x->arena, value);
    return true;
}

bool template_text(struct template_context *x, yyjson_mut_val *value, struct str *text,
                   struct error *err)
{
    int64_t n;

    if (yyjson_mut_is_str(value)) {
        *text = json_mut_str(value);
        return true;
    }
    if (yyjson_mut_is_null(value)) {
        *text = STR("");
        return true;
    }
    if (template_as_integer(value, &n)) {
        *text = format_decimal(x->arena, n);
        return template_charge(x, 1, DECIMAL_BYTES, err);
    }
    if (yyjson_mut_is_bool(value)) {
        *text = yyjson_mut_get_bool(value) ? STR("True") : STR("False");
        return true;
    }
    return template_json(x, value, text, err);
}
