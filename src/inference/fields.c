/* SPDX-License-Identifier: MIT */
#include "inference/fields.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define PATH_MAX_BYTES 128
#define FIELDS_MAX 64

/* A number that no C type holds, kept as its text (base/json.h). */
static unsigned type_of_raw(yyjson_val *value)
{
    return strpbrk(yyjson_get_raw(value), ".eE") ? FIELD_NUMBER : FIELD_INTEGER | FIELD_NUMBER;
}

static unsigned type_of(yyjson_val *value)
{
    if (yyjson_is_raw(value))
        return type_of_raw(value);
    if (yyjson_is_bool(value))
        return FIELD_BOOL;
    if (yyjson_is_int(value))
        return FIELD_INTEGER | FIELD_NUMBER;
    if (yyjson_is_real(value))
        return FIELD_NUMBER;
    if (yyjson_is_str(value))
        return FIELD_STRING;
    if (yyjson_is_arr(value))
        return FIELD_ARRAY;
    return FIELD_OBJECT;
}

static const char *type_word(unsigned types)
{
    if (types & FIELD_OBJECT)
        return "an object";
    if (types & FIELD_ARRAY)
        return types & FIELD_STRING ? "one of a string or array" : "an array";
    if (types & FIELD_STRING)
        return "a string";
    if (types & FIELD_NUMBER)
        return "a decimal";
    if (types & FIELD_INTEGER)
        return "an integer";
    return "a boolean";
}

static const char *value_word(yyjson_val *value)
{
    unsigned type = type_of(value);

    if (type & FIELD_INTEGER)
        return "an integer";
    return type & FIELD_NUMBER ? "a decimal number" : type_word(type);
}

/* Infinity for what is beyond a double. */
static double number_of(yyjson_val *value)
{
    return yyjson_is_raw(value) ? strtod(yyjson_get_raw(value), NULL) : yyjson_get_num(value);
}

static bool refuse_number(yyjson_val *value, const struct field *f, const char *path,
                          struct error *err)
{
    bool is_integer = !(f->types & FIELD_NUMBER);
    const char *word = is_integer ? "integer" : "decimal";
    double number = number_of(value);

    if (number > 0 && number >= f->maximum)
        return error_set_target(
            err, is_integer ? ERROR_MODEL_INTEGER_ABOVE : ERROR_MODEL_DECIMAL_ABOVE, path,
            "Invalid '%s': %s above maximum value. Expected a value <= %.15g, but got %.15g "
            "instead.",
            path, word, f->maximum, number);
    return error_set_target(
        err, is_integer ? ERROR_MODEL_INTEGER_BELOW : ERROR_MODEL_DECIMAL_BELOW, path,
        "Invalid '%s': %s below minimum value. Expected a value >= %.15g, but got %.15g instead.",
        path, word, f->minimum, number);
}

static bool refuse_length(yyjson_val *value, const struct field *f, const char *path,
                          struct error *err)
{
    size_t len = yyjson_arr_size(value);

    if ((double)len < f->minimum)
        return error_set_target(err, ERROR_MODEL_ARRAY_EMPTY, path,
                                "Invalid '%s': empty array. Expected an array with minimum length "
                                "%g, but got an array with length %zu instead.",
                                path, f->minimum, len);
    return error_set_target(err, ERROR_MODEL_ARRAY_LONG, path,
                            "Invalid '%s': array too long. Expected an array with maximum length "
                            "%g, but got an array with length %zu instead.",
                            path, f->maximum, len);
}

static bool in_range(const struct field *f, double value)
{
    return (f->minimum == 0 && f->maximum == 0) || (value >= f->minimum && value <= f->maximum);
}

/* No field goes beyond 64-bit integers with a sign, which is what engines read. */
static bool is_huge(yyjson_val *value)
{
    return yyjson_is_raw(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX);
}

static bool fits(yyjson_val *value, const struct field *f)
{
    if (!(type_of(value) & f->types) || is_huge(value))
        return false;
    if (yyjson_is_num(value))
        return in_range(f, yyjson_get_num(value));
    return !yyjson_is_arr(value) || in_range(f, (double)yyjson_arr_size(value));
}

/* Why a value does not fit. `path` is made here and not before: most requests have no error. */
static bool refuse(yyjson_val *value, const struct field *f, const char *prefix, struct error *err)
{
    char path[PATH_MAX_BYTES];

    snprintf(path, sizeof(path), "%s%s", prefix, f->name);
    if (!(type_of(value) & f->types))
        return error_set_target(err, ERROR_MODEL_TYPE, path,
                                "Invalid type for '%s': expected %s, but got %s instead.", path,
                                type_word(f->types), value_word(value));
    return yyjson_is_arr(value) ? refuse_length(value, f, path, err)
                                : refuse_number(value, f, path, err);
}

static bool refuse_twice(const struct field *f, const char *prefix, struct error *err)
{
    char path[PATH_MAX_BYTES];

    snprintf(path, sizeof(path), "%s%s", prefix, f->name);
    return error_set_target(err, ERROR_MODEL_REQUEST, path,
                            "Invalid '%s': it is given more than once.", path);
}

static const struct field *find(const struct field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(str_from(fields[i].name), name))
            return &fields[i];
    }
    return NULL;
}

bool fields_check(yyjson_val *object, const struct field *fields, size_t count, const char *path,
                  unsigned *features, struct error *err)
{
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    uint64_t seen = 0;
    yyjson_val *key;

    assert(count <= FIELDS_MAX);
    while ((key = yyjson_obj_iter_next(&members))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        const struct field *f = find(fields, count, json_str(key));

        if (!f)
            return error_set(err, ERROR_MODEL_REQUEST,
                             "Unrecognized request argument supplied: %s%.*s", path,
                             STR_ARGS(str_slice(json_str(key), 0, 64)));
        if (seen & UINT64_C(1) << (f - fields))
            return refuse_twice(f, path, err);
        seen |= UINT64_C(1) << (f - fields);
        if (yyjson_is_null(value))
            continue;
        if (!fits(value, f))
            return refuse(value, f, path, err);
        if (features)
            *features |= f->feature;
    }
    return true;
}

static bool check_stop(yyjson_val *stop, struct error *err)
{
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(stop, i, count, item)
    {
        char name[PATH_MAX_BYTES];

        if (yyjson_is_str(item))
            continue;
        snprintf(name, sizeof(name), "[%zu]", i);
        return refuse(item, &(struct field){ name, FIELD_STRING, 0, 0, 0 }, "stop", err);
    }
    return true;
}

static bool check_bias(yyjson_val *bias, struct error *err)
{
    yyjson_val *key, *value;
    size_t i, count;

    if (!bias)
        return true;
    yyjson_obj_foreach(bias, i, count, key, value)
    {
        char name[PATH_MAX_BYTES];
        struct field f = { name, FIELD_NUMBER, -100, 100, 0 };

        if (fits(value, &f))
            continue;
        snprintf(name, sizeof(name), "%.*s", STR_ARGS(str_slice(json_str(key), 0, 20)));
        return refuse(value, &f, "logit_bias.", err);
    }
    return true;
}

bool fields_check_sampling(yyjson_val *object, struct error *err)
{
    return check_stop(fields_get(object, "stop"), err) &&
           check_bias(fields_get(object, "logit_bias"), err);
}

yyjson_val *fields_get(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    return yyjson_is_null(value) ? NULL : value;
}

bool fields_missing(struct error *err, const char *name)
{
    return error_set_target(err, ERROR_MODEL_MISSING, name, "Missing required parameter: '%s'.",
                            name);
}
