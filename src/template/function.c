/* SPDX-License-Identifier: MIT */
#include "template/function.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "template/value.h"

static const struct template_function *const tables[] = {
    template_logic_functions,  template_number_functions, template_string_functions,
    template_format_functions, template_array_functions,  template_object_functions,
    template_lambda_functions, template_date_functions,   template_encoding_functions,
    template_cidr_functions,
};

const struct template_function *template_function_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        for (const struct template_function *f = tables[i]; f->name; f++) {
            if (str_equal_nocase(name, str_from(f->name)))
                return f;
        }
    }
    return NULL;
}

/* -- Failures ------------------------------------------------------------------------------ */

static bool fail(struct template_call *c, const char *how, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

/* "The template language function 'NAME' ..." */
static bool fail(struct template_call *c, const char *how, const char *format, va_list args)
{
    char what[sizeof(c->err->text)];

    vsnprintf(what, sizeof(what), format, args);
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The template language function '%s' %s%s Please see "
                     "https://aka.ms/arm-functions#%s for usage details.",
                     c->function->name, how, what, c->function->name);
}

bool template_call_fail(struct template_call *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(c, "was invoked with a parameter that is not valid. ", format, args);
    va_end(args);
    return false;
}

bool template_call_fail_as(struct template_call *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(c, "", format, args);
    va_end(args);
    return false;
}

bool template_call_fail_type_of(struct template_call *c, size_t i, const char *wanted,
                                yyjson_mut_val *value)
{
    char which[16] = "";

    if (c->function->max > 1) /* Azure's own texts of those differ one by one */
        snprintf(which, sizeof(which), " %zu", i + 1);
    return template_call_fail_as(
        c, "expects its parameter%s to be of type '%s'. The provided value is of type '%s'.", which,
        wanted, template_type_name(value));
}

bool template_call_fail_type(struct template_call *c, size_t i, const char *wanted)
{
    return template_call_fail_type_of(c, i, wanted, c->args[i]);
}

bool template_call_fail_now(struct template_call *c)
{
    return error_set(c->err, ERROR_ARM_TEMPLATE,
                     "The template function '%s' is not expected at this location. It can be used "
                     "only in the default value of a parameter. Please see "
                     "https://aka.ms/arm-functions#%s for usage details.",
                     c->function->name, c->function->name);
}

/* -- Arguments ----------------------------------------------------------------------------- */

bool template_arg_string(struct template_call *c, size_t i, struct str *value)
{
    if (!yyjson_mut_is_str(c->args[i]))
        return template_call_fail_type(c, i, "String");
    *value = json_mut_str(c->args[i]);
    return template_call_read(c, value->len);
}

bool template_arg_integer(struct template_call *c, size_t i, int64_t *value)
{
    return template_as_integer(c->args[i], value) || template_call_fail_type(c, i, "Integer");
}

bool template_arg_bool(struct template_call *c, size_t i, bool *value)
{
    if (!yyjson_mut_is_bool(c->args[i]))
        return template_call_fail_type(c, i, "Boolean");
    *value = yyjson_mut_get_bool(c->args[i]);
    return true;
}

bool template_arg_evaluate(struct template_call *c, size_t i, yyjson_mut_val **value)
{
    return template_evaluate_node(c->x, c->nodes[i], value, c->err);
}

/* -- Results ------------------------------------------------------------------------------- */

bool template_call_read(struct template_call *c, size_t bytes)
{
    return template_charge(c->x, bytes / TEMPLATE_STEP_BYTES, 0, c->err);
}

char *template_call_room(struct template_call *c, size_t len)
{
    if (!template_charge(c->x, len / TEMPLATE_STEP_BYTES, len, c->err))
        return NULL;
    return arena_alloc_bytes(c->x->arena, len + 1);
}

bool template_return_text(struct template_call *c, struct str text, yyjson_mut_val **result)
{
    *result = yyjson_mut_strn(c->x->doc, text.data ? text.data : "", text.len);
    return true;
}

bool template_return_integer(struct template_call *c, int64_t n, yyjson_mut_val **result)
{
    *result = yyjson_mut_sint(c->x->doc, n);
    return true;
}

bool template_return_bool(struct template_call *c, bool is, yyjson_mut_val **result)
{
    *result = yyjson_mut_bool(c->x->doc, is);
    return true;
}
