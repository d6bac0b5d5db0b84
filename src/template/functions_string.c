/*
 * Texts (learn.microsoft.com, "String functions for ARM templates"). Lengths and positions are in characters.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>

#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

static bool concat_arrays(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *item, *copy;
    size_t n, max;

    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < c->count; i++) {
        if (!yyjson_mut_is_arr(c->args[i]))
            return template_call_fail_type(c, i, "Array");
        yyjson_mut_arr_foreach(c->args[i], n, max, item)
        {
            if (!template_copy(c->x, item, &copy, c->err))
                return false;
            yyjson_mut_arr_append(*result, copy);
        }
    }
    return true;
}

/* Of arrays an array; of anything else its texts. */
static bool run_concat(struct template_call *c, yyjson_mut_val **result)
{
    struct str *parts;
    size_t len = 0;
    char *text, *at;

    if (yyjson_mut_is_arr(c->args[0]))
        return concat_arrays(c, result);
    parts = ARENA_ARRAY(c->x->arena, struct str, c->count);
    for (size_t i = 0; i < c->count; i++) {
        if (yyjson_mut_is_ctn(c->args[i]))
            return template_call_fail_type(c, i, "String");
        if (!template_text(c->x, c->args[i], &parts[i], c->err))
            return false;
        len += parts[i].len;
    }
    text = at = template_call_room(c, len);
    if (!text)
        return false;
    for (size_t i = 0; i < c->count; i++) {
        memcpy(at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return template_return_text(c, str_of(text, len), result);
}

/* Every byte of the text as `change` makes it: ASCII alone changes. */
static bool run_case(struct template_call *c, int (*change)(int), yyjson_mut_val **result)
{
    struct str s;
    char *text;

    if (!template_arg_string(c, 0, &s) || !(text = template_call_room(c, s.len)))
        return false;
    for (size_t i = 0; i < s.len; i++)
        text[i] = (char)change((unsigned char)s.data[i]);
    return template_return_text(c, str_of(text, s.len), result);
}

static bool run_to_lower(struct template_call *c, yyjson_mut_val **result)
{
    return run_case(c, tolower, result);
}

static bool run_to_upper(struct template_call *c, yyjson_mut_val **result)
{
    return run_case(c, toupper, result);
}

static bool run_string(struct template_call *c, yyjson_mut_val **result)
{
    struct str text;

    return template_text(c->x, c->args[0], &text, c->err) && template_return_text(c, text, result);
}

const struct template_function template_string_functions[] = {
    { "concat", run_concat, 1, TEMPLATE_ARGS_ANY, false },
    { "string", run_string, 1, 1, false },
    { "toLower", run_to_lower, 1, 1, false },
    { "toUpper", run_to_upper, 1, 1, false },
    { NULL, NULL, 0, 0, false },
};
