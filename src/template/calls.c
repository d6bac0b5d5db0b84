/*
 * What an expression asks of the template around it, by name.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"
#include "template/value.h"

static enum template_answer answer(bool is_good)
{
    return is_good ? TEMPLATE_DONE : TEMPLATE_FAILED;
}

static bool fail_arguments(struct str name, struct error *err)
{
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "Unable to evaluate template language function '%.*s': the arguments are not "
                     "those that it takes.",
                     TEMPLATE_SHOWN(name));
}

/* -- Parameters and variables ---------------------------------------------------------------- */

static bool frame_parameter(struct template *t, struct str name, yyjson_mut_val **result,
                            struct error *err)
{
    const struct template_frame *frame = t->frame;
    yyjson_val *parameter;
    size_t i, max;

    if (!template_charge(&t->x, frame->count / 4, 0, err))
        return false;
    yyjson_arr_foreach(template_or_empty(frame->parameters), i, max, parameter)
    {
        if (i < frame->count && str_equal_nocase(json_str(template_get(parameter, "name")), name)) {
            *result = frame->args[i];
            return true;
        }
    }
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "The template parameter '%.*s' is not found. Please see "
                     "https://aka.ms/arm-syntax-parameters for usage details.",
                     TEMPLATE_SHOWN(name));
}

static bool call_parameters(struct template *t, struct str name, yyjson_mut_val **result,
                            struct error *err)
{
    struct template_named *p;

    if (t->frame)
        return frame_parameter(t, name, result, err);
    if (!template_charge(&t->x, t->parameter_count / 16, 0, err))
        return false;
    p = template_find_named(t->parameters, t->parameter_count, name);
    if (p)
        return template_parameter(t, p, result, err);
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "The template parameter '%.*s' is not found. Please see "
                     "https://aka.ms/arm-syntax-parameters for usage details.",
                     TEMPLATE_SHOWN(name));
}

static bool evaluate_variable(struct template *t, struct template_named *v, struct error *err)
{
    const struct template_loop *loop = t->loop;
    bool is_good;

    t->loop = NULL; /* a variable knows no loop but its own */
    v->is_under_way = true;
    is_good = v->is_loop
                  ? template_loop_values(t, v->name, v->definition,
                                         template_get(v->definition, "input"), &v->value, err)
                  : template_value(t, v->definition, &v->value, err);
    v->is_under_way = false;
    t->loop = loop;
    if (!is_good)
        v->value = NULL;
    return is_good || template_refuse_at(err, "variable", v->name);
}

static bool call_variables(struct template *t, struct str name, yyjson_mut_val **result,
                           struct error *err)
{
    struct template_named *v = template_find_named(t->variables, t->variable_count, name);

    if (!template_charge(&t->x, t->variable_count / 16, 0, err))
        return false;
    if (!v || t->frame)
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The template variable '%.*s' is not found. Please see "
                         "https://aka.ms/arm-syntax-variables for usage details.",
                         TEMPLATE_SHOWN(name));
    if (v->is_under_way)
        return template_refuse(err,
                               "Circular dependency detected on template variable '%.*s'. Please "
                               "see https://aka.ms/arm-syntax-variables for usage details.",
                               TEMPLATE_SHOWN(name));
    if (!v->value && !evaluate_variable(t, v, err))
        return false;
    *result = v->value;
    return true;
}

/* -- Loops ----------------------------------------------------------------------------------- */

/* Without a name it is the resource's loop, or else the innermost one. */
static const struct template_loop *find_loop(const struct template *t, struct str name)
{
    const struct template_loop *found = str_is_empty(name) ? t->loop : NULL;

    for (const struct template_loop *l = t->loop; l; l = l->outer) {
        if (str_is_empty(name) ? l->is_resources : str_equal_nocase(l->name, name))
            return l;
    }
    return found;
}

static bool call_copy_index(struct template *t, struct str function, yyjson_mut_val **args,
                            size_t count, yyjson_mut_val **result, struct error *err)
{
    bool has_name = count && yyjson_mut_is_str(args[0]);
    const struct template_loop *loop = find_loop(t, has_name ? json_mut_str(args[0]) : STR_NONE);
    int64_t offset = 0, index;

    if (count > (has_name ? 2u : 1u) ||
        (count > has_name && !template_as_integer(args[has_name], &offset)))
        return fail_arguments(function, err);
    if (!loop)
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The template function 'copyIndex' is not expected at this location. The "
                         "function can only be used in a resource with copy specified. Please see "
                         "https://aka.ms/arm-copy for usage details.");
    if (__builtin_add_overflow(loop->index, offset, &index))
        return fail_arguments(function, err);
    *result = yyjson_mut_sint(t->x.doc, index);
    return true;
}

/* -- User functions -------------------------------------------------------------------------- */

/* Looking for one goes through all of them. */
static bool charge_functions(struct template *t, struct error *err)
{
    yyjson_val *functions = template_get(t->root, "functions"), *space;
    uint64_t steps = 0;
    size_t i, max;

    if (t->function_steps)
        return template_charge(&t->x, t->function_steps, 0, err);
    yyjson_arr_foreach(template_or_empty(functions), i, max, space)
    {
        steps += 1 + yyjson_obj_size(space) + yyjson_obj_size(template_get(space, "members"));
    }
    t->function_steps = 1 + steps / 4;
    return template_charge(&t->x, t->function_steps, 0, err);
}

/* "contoso.name" among the name spaces of the template; NULL. */
static yyjson_val *find_function(const struct template *t, struct str name)
{
    yyjson_val *space;
    struct str prefix;
    size_t i, max;

    if (!str_split(&name, '.', &prefix) || str_is_empty(name))
        return NULL;
    yyjson_arr_foreach(template_or_empty(template_get(t->root, "functions")), i, max, space)
    {
        if (str_equal_nocase(json_str(template_get(space, "namespace")), prefix))
            return json_get_nocase(template_get(space, "members"), name);
    }
    return NULL;
}

static bool call_user(struct template *t, struct str name, yyjson_val *function,
                      yyjson_mut_val **args, size_t count, yyjson_mut_val **result,
                      struct error *err)
{
    struct template_frame frame = { template_get(function, "parameters"), args, count };
    const struct template_frame *outer = t->frame;
    const struct template_loop *loop = t->loop;
    yyjson_val *output = template_get(function, "output"), *parameter;
    bool is_good = true;
    size_t i, max;

    if (!template_charge(&t->x, yyjson_obj_size(function) + yyjson_obj_size(output), 0, err))
        return false;
    if (yyjson_arr_size(frame.parameters) != count || !template_get(output, "value"))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "Unable to evaluate the template language function '%.*s': it takes %zu "
                         "arguments.",
                         TEMPLATE_SHOWN(name), yyjson_arr_size(frame.parameters));
    yyjson_arr_foreach(template_or_empty(frame.parameters), i, max, parameter)
    {
        if (!template_check_type(t, "parameter", json_str(template_get(parameter, "name")),
                                 parameter, args[i], err))
            return false;
    }
    if (!template_enter(&t->x, err))
        return false;
    t->frame = &frame;
    t->loop = NULL;
    is_good = template_value(t, template_get(output, "value"), result, err) &&
              template_check_type(t, "output", name, output, *result, err);
    t->frame = outer;
    t->loop = loop;
    template_leave(&t->x);
    return is_good;
}

/* -- All of them ----------------------------------------------------------------------------- */

static enum template_answer call_named(struct template *t, struct str name, yyjson_mut_val **args,
                                       size_t count, yyjson_mut_val **result, struct error *err)
{
    bool is_parameters = str_equal_nocase(name, STR("parameters"));

    if (!is_parameters && !str_equal_nocase(name, STR("variables")))
        return TEMPLATE_UNKNOWN;
    if (count != 1 || !yyjson_mut_is_str(args[0]))
        return answer(fail_arguments(name, err));
    return answer(is_parameters ? call_parameters(t, json_mut_str(args[0]), result, err)
                                : call_variables(t, json_mut_str(args[0]), result, err));
}

static enum template_answer call_subject(struct template *t, struct str name, size_t count,
                                         yyjson_mut_val **result, struct error *err)
{
    static const char *const names[TEMPLATE_SUBJECTS] = { "deployment",    "subscription",
                                                          "resourceGroup", "tenant",
                                                          "environment",   "deployer" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!str_equal_nocase(name, str_from(names[i])))
            continue;
        if (count)
            return answer(fail_arguments(name, err));
        if (!t->subjects[i])
            t->subjects[i] = t->host->subject(t->host->data, &t->x, str_from(names[i]));
        *result = t->subjects[i];
        if (*result)
            return TEMPLATE_DONE;
        return answer(error_set(err, ERROR_ARM_TEMPLATE,
                                "The template function '%s' is not expected at this location. "
                                "Please see https://aka.ms/arm-functions for usage details.",
                                names[i]));
    }
    return TEMPLATE_UNKNOWN;
}

enum template_answer template_call_out(void *data, struct template_context *x, struct str name,
                                       yyjson_mut_val **args, size_t count, yyjson_mut_val **result,
                                       struct error *err)
{
    struct template *t = data;
    enum template_answer got = call_named(t, name, args, count, result, err);
    yyjson_val *function;

    (void)x;
    if (got == TEMPLATE_UNKNOWN && str_equal_nocase(name, STR("copyIndex")))
        return answer(call_copy_index(t, name, args, count, result, err));
    if (got == TEMPLATE_UNKNOWN)
        got = call_subject(t, name, count, result, err);
    if (got == TEMPLATE_UNKNOWN)
        got = template_call_id(t, name, args, count, result, err);
    if (got == TEMPLATE_UNKNOWN)
        got = template_call_reference(t, name, args, count, result, err);
    if (got != TEMPLATE_UNKNOWN)
        return got;
    if (!charge_functions(t, err))
        return TEMPLATE_FAILED;
    function = find_function(t, name);
    return function ? answer(call_user(t, name, function, args, count, result, err))
                    : TEMPLATE_UNKNOWN;
}
