/* SPDX-License-Identifier: MIT */
#include "inference/field_errors.h"

#include <stdio.h>
#include <stdlib.h>

#define QUOTED_BYTES 256
/* Of a value that is quoted. */
#define SHOWN_BYTES 41
/* A longer number is cut. */
#define NUMBER_BYTES 48
#define STRANGERS_BYTES (FIELD_STRANGERS_MAX * (FIELD_NAME_CHARS_MAX + sizeof("'', ")))
#define NAME_PATTERN "^[a-zA-Z0-9_-]+$"

/* -- Paths --------------------------------------------------------------------------------- */

static size_t add_path(const struct field_path *path, char *text, size_t size)
{
    size_t len = path->above ? add_path(path->above, text, size) : 0;
    size_t left = len < size ? size - len : 0;
    int added;

    if (!left)
        return len;
    if (path->name)
        added = snprintf(text + len, left, "%s%s", len ? "." : "", path->name);
    else
        added = snprintf(text + len, left, "[%zu]", path->at);
    return len + (size_t)added;
}

const char *field_path_text(const struct field_path *path, char text[FIELD_PATH_BYTES])
{
    text[0] = '\0';
    if (path)
        add_path(path, text, FIELD_PATH_BYTES);
    return text;
}

/* "messages.0.tool_calls.1", as the checks of the older model layer name it. */
static size_t add_dotted(const struct field_path *path, char *text, size_t size)
{
    size_t len = path->above ? add_dotted(path->above, text, size) : 0;
    size_t left = len < size ? size - len : 0;
    const char *dot = len ? "." : "";
    int added;

    if (!left)
        return len;
    if (path->name)
        added = snprintf(text + len, left, "%s%s", dot, path->name);
    else
        added = snprintf(text + len, left, "%s%zu", dot, path->at);
    return len + (size_t)added;
}

/* -- Types --------------------------------------------------------------------------------- */

/* A number that no C type holds, kept as its text (base/json.h). */
static unsigned types_of_raw(yyjson_val *value)
{
    return strpbrk(yyjson_get_raw(value), ".eE") ? FIELD_NUMBER : FIELD_INTEGER | FIELD_NUMBER;
}

unsigned field_types_of(yyjson_val *value)
{
    if (yyjson_is_raw(value))
        return types_of_raw(value);
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
    return yyjson_is_obj(value) ? FIELD_OBJECT : 0;
}

static const char *value_word(yyjson_val *value)
{
    unsigned types = field_types_of(value);

    if (types & FIELD_INTEGER)
        return "an integer";
    if (types & FIELD_NUMBER)
        return "a decimal number";
    if (types & FIELD_STRING)
        return "a string";
    if (types & FIELD_ARRAY)
        return "an array";
    if (types & FIELD_OBJECT)
        return "an object";
    return types & FIELD_BOOL ? "a boolean" : "null";
}

static const char *array_word(const struct field *f)
{
    if (f->items & FIELD_OBJECT)
        return "array of objects";
    return f->items & FIELD_STRING ? "array of strings" : "array";
}

/* "'a', 'b', and 'c'": the values that a string may have. */
static const char *values_text(const struct field *f, const char *conjunction,
                               char text[QUOTED_BYTES])
{
    size_t len = 0, count = 0;

    while (f->values[count])
        count++;
    text[0] = '\0';
    for (size_t i = 0; i < count && len < QUOTED_BYTES; i++) {
        const char *comma = i && count > 2 ? "," : "";
        const char *blank = i ? " " : "";
        const char *word = i && i + 1 == count ? conjunction : "";

        len += (size_t)snprintf(text + len, QUOTED_BYTES - len, "%s%s%s%s'%s'", comma, blank, word,
                                *word ? " " : "", f->values[i]);
    }
    return text;
}

static const char *wanted_text(const struct field *f, char text[QUOTED_BYTES])
{
    char values[QUOTED_BYTES];

    if (f->values && !(f->types & (FIELD_OBJECT | FIELD_ARRAY)))
        snprintf(text, QUOTED_BYTES, "%s%s", f->values[1] ? "one of " : "",
                 values_text(f, "or", values));
    else if (f->types & FIELD_STRING && f->types & FIELD_ARRAY)
        snprintf(text, QUOTED_BYTES, "one of a string or %s", array_word(f));
    else if (f->types & FIELD_STRING && f->types & FIELD_OBJECT)
        snprintf(text, QUOTED_BYTES, "one of a string or object");
    else if (f->types & FIELD_ARRAY)
        snprintf(text, QUOTED_BYTES, "an %s", array_word(f));
    else if (f->types & FIELD_OBJECT)
        snprintf(text, QUOTED_BYTES, "an object");
    else if (f->types & FIELD_STRING)
        snprintf(text, QUOTED_BYTES, "a string");
    else if (f->types & FIELD_NUMBER)
        snprintf(text, QUOTED_BYTES, "a decimal");
    else
        snprintf(text, QUOTED_BYTES, f->types & FIELD_INTEGER ? "an integer" : "a boolean");
    return text;
}

bool field_refuse_type(yyjson_val *value, const struct field *f, const struct field_path *path,
                       struct error *err)
{
    char name[FIELD_PATH_BYTES], wanted[QUOTED_BYTES];

    field_path_text(path, name);
    return error_set_target(err, ERROR_MODEL_TYPE, name,
                            "Invalid type for '%s': expected %s, but got %s instead.", name,
                            wanted_text(f, wanted), value_word(value));
}

/* -- Values -------------------------------------------------------------------------------- */

/* Infinity for what is beyond a double. */
static double number_of(yyjson_val *value)
{
    return yyjson_is_raw(value) ? strtod(yyjson_get_raw(value), NULL) : yyjson_get_num(value);
}

/* In full, where it is whole; as it was written, where no C type holds it. */
static const char *number_text(yyjson_val *value, char text[NUMBER_BYTES])
{
    if (yyjson_is_raw(value))
        snprintf(text, NUMBER_BYTES, "%s", yyjson_get_raw(value));
    else if (yyjson_is_uint(value))
        snprintf(text, NUMBER_BYTES, "%llu", (unsigned long long)yyjson_get_uint(value));
    else if (yyjson_is_sint(value))
        snprintf(text, NUMBER_BYTES, "%lld", (long long)yyjson_get_sint(value));
    else
        snprintf(text, NUMBER_BYTES, "%.15g", yyjson_get_num(value));
    return text;
}

/* FIELD_INT64_MAX is one more than what it stands for, which no double holds. */
static const char *bound_text(const struct field *f, double bound, char text[NUMBER_BYTES])
{
    if (f->types & FIELD_NUMBER)
        snprintf(text, NUMBER_BYTES, "%.15g", bound);
    else if (bound >= FIELD_INT64_MAX)
        snprintf(text, NUMBER_BYTES, "%lld", (long long)INT64_MAX);
    else
        snprintf(text, NUMBER_BYTES, "%.0f", bound);
    return text;
}

bool field_refuse_number(yyjson_val *value, const struct field *f, const struct field_path *path,
                         struct error *err)
{
    bool is_integer = !(f->types & FIELD_NUMBER);
    const char *word = is_integer ? "integer" : "decimal";
    double number = number_of(value);
    char name[FIELD_PATH_BYTES], bound[NUMBER_BYTES], got[NUMBER_BYTES];

    field_path_text(path, name);
    if (number > 0 && number >= f->maximum)
        return error_set_target(
            err, is_integer ? ERROR_MODEL_INTEGER_ABOVE : ERROR_MODEL_DECIMAL_ABOVE, name,
            "Invalid '%s': %s above maximum value. Expected a value <= %s, but got %s "
            "instead.",
            name, word, bound_text(f, f->maximum, bound), number_text(value, got));
    return error_set_target(
        err, is_integer ? ERROR_MODEL_INTEGER_BELOW : ERROR_MODEL_DECIMAL_BELOW, name,
        "Invalid '%s': %s below minimum value. Expected a value >= %s, but got %s instead.", name,
        word, bound_text(f, f->minimum, bound), number_text(value, got));
}

bool field_refuse_length(yyjson_val *value, const struct field *f, const struct field_path *path,
                         struct error *err)
{
    size_t len = yyjson_arr_size(value);
    char name[FIELD_PATH_BYTES];

    field_path_text(path, name);
    if (!len)
        return error_set_target(err, ERROR_MODEL_ARRAY_EMPTY, name,
                                "Invalid '%s': empty array. Expected an array with minimum length "
                                "%g, but got an empty array instead.",
                                name, f->minimum);
    return error_set_target(err, ERROR_MODEL_ARRAY_LONG, name,
                            "Invalid '%s': array too long. Expected an array with maximum length "
                            "%g, but got an array with length %zu instead.",
                            name, f->maximum, len);
}

bool field_refuse_value(struct str value, const struct field *f, const struct field_path *path,
                        struct error *err)
{
    char name[FIELD_PATH_BYTES], values[QUOTED_BYTES], shown[SHOWN_BYTES];

    return error_set_target(err, ERROR_MODEL_VALUE, field_path_text(path, name),
                            "Invalid value: '%s'. Supported values are: %s.",
                            str_show(value, shown, sizeof(shown)), values_text(f, "and", values));
}

bool field_refuse_string(struct str value, const struct field_path *path, struct error *err)
{
    char name[FIELD_PATH_BYTES];

    field_path_text(path, name);
    if (!value.len)
        return error_set_target(err, ERROR_MODEL_STRING_EMPTY, name,
                                "Invalid '%s': empty string. Expected a string with minimum length "
                                "1, but got an empty string instead.",
                                name);
    if (!str_is_alnum_or(value, "_-"))
        return error_set_target(err, ERROR_MODEL_VALUE, name,
                                "Invalid '%s': string does not match pattern. Expected a string "
                                "that matches the pattern '" NAME_PATTERN "'.",
                                name);
    return error_set_target(err, ERROR_MODEL_STRING_LONG, name,
                            "Invalid '%s': string too long. Expected a string with maximum length "
                            "%d, but got a string with length %zu instead.",
                            name, FIELD_NAME_CHARS_MAX, value.len);
}

/* -- Members ------------------------------------------------------------------------------- */

bool field_refuse_twice(const struct field_path *path, struct error *err)
{
    char name[FIELD_PATH_BYTES];

    field_path_text(path, name);
    return error_set_target(err, ERROR_MODEL_REQUEST, name,
                            "Invalid '%s': it is given more than once.", name);
}

bool field_refuse_missing(const struct field_path *path, struct error *err)
{
    char name[FIELD_PATH_BYTES];

    field_path_text(path, name);
    return error_set_target(err, ERROR_MODEL_MISSING, name, "Missing required parameter: '%s'.",
                            name);
}

bool field_refuse_unsupported(const char *name, struct error *err)
{
    return error_set_target(err, ERROR_MODEL_UNSUPPORTED, name,
                            "Unsupported parameter: '%s' is not supported with this model.", name);
}

void field_strangers_add(struct field_strangers *s, struct str name)
{
    if (s->count < FIELD_STRANGERS_MAX)
        s->names[s->count] = str_slice(name, 0, FIELD_NAME_CHARS_MAX);
    s->count++;
}

/* "a, b", each between two of `quote`. */
static const char *strangers_text(const struct field_strangers *s, const char *quote,
                                  char text[STRANGERS_BYTES])
{
    char shown[FIELD_NAME_CHARS_MAX + 1];
    size_t len = 0;

    for (unsigned i = 0; i < s->count && i < FIELD_STRANGERS_MAX; i++)
        len += (size_t)snprintf(text + len, STRANGERS_BYTES - len, "%s%s%s%s", i ? ", " : "", quote,
                                str_show(s->names[i], shown, sizeof(shown)), quote);
    return text;
}

bool field_refuse_strangers(const struct exchange *x, const struct field_strangers *s,
                            const struct field_path *path, struct error *err)
{
    char name[FIELD_PATH_BYTES], names[STRANGERS_BYTES], shown[FIELD_NAME_CHARS_MAX + 1];

    if (!path)
        return error_set(err, ERROR_MODEL_REQUEST, "Unrecognized request argument%s supplied: %s",
                         s->count == 1 ? "" : "s", strangers_text(s, "", names));
    if (x->surface == SURFACE_V1) {
        field_path_text(path, name);
        snprintf(name + strlen(name), sizeof(name) - strlen(name), ".%s",
                 str_show(s->names[0], shown, sizeof(shown)));
        return error_set_target(err, ERROR_MODEL_UNKNOWN, name, "Unknown parameter: '%s'.", name);
    }
    add_dotted(path, name, sizeof(name));
    return error_set(err, ERROR_MODEL_REQUEST,
                     "Additional properties are not allowed (%s %s unexpected) - '%s'",
                     strangers_text(s, "'", names), s->count == 1 ? "was" : "were", name);
}
