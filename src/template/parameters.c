/*
 * The values of parameters: given by the request, or the template's default, which may refer to others.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

/* As many as a message names. */
#define SHOWN_MAX 300

static bool fail_missing(struct str name, struct error *err)
{
    return template_refuse(err,
                           "The value for the template parameter '%.*s' is not provided. Please "
                           "see https://aka.ms/arm-create-parameter-file for usage details.",
                           TEMPLATE_SHOWN(name));
}

/* "a, b" */
static struct str join(struct template *t, struct str list, struct str name)
{
    if (list.len > SHOWN_MAX)
        return list;
    return arena_printf(t->x.arena, "%.*s%s%.*s", STR_ARGS(list), list.len ? ", " : "",
                        TEMPLATE_SHOWN(name));
}

static bool check_given(struct template *t, struct error *err)
{
    struct str unknown = STR_NONE, known = STR_NONE;
    yyjson_val *key, *value;
    size_t i, max;

    if (t->given && !yyjson_is_obj(t->given))
        return template_refuse(err, "The deployment's parameters must be an object.");
    yyjson_obj_foreach(template_or_empty(t->given), i, max, key, value)
    {
        if (!template_find_named(t->parameters, t->parameter_count, json_str(key)))
            unknown = join(t, unknown, json_str(key));
    }
    for (i = 0; i < t->parameter_count; i++)
        known = join(t, known, t->parameters[i].name);
    if (str_is_empty(unknown))
        return true;
    return template_refuse(
        err,
        "The template parameters '%.*s' in the parameters file are not valid; they are not "
        "present in the original template and can therefore not be provided at deployment time. "
        "The only supported parameters for this template are '%.*s'. Please see "
        "https://aka.ms/arm-pass-parameter-values for usage details.",
        TEMPLATE_SHOWN(unknown), TEMPLATE_SHOWN(known));
}

/* The definition is one, with a type. */
static bool check_definition(struct template *t, const struct template_named *p, struct error *err)
{
    yyjson_val *followed = yyjson_is_obj(p->definition) ? template_follow(t, p->definition) : NULL;

    if (followed && template_type_of(t, p->definition).len)
        return true;
    return template_refuse(err,
                           "The template parameter '%.*s' has no valid type. Please see "
                           "https://aka.ms/arm-syntax-parameters for usage details.",
                           TEMPLATE_SHOWN(p->name));
}

/* What is given, as it is: parameters have no expressions. *value NULL: nothing. */
static bool read_given(struct template *t, const struct template_named *p, yyjson_mut_val **value,
                       struct error *err)
{
    yyjson_val *given = json_get_nocase(t->given, p->name);
    yyjson_val *found = json_get_nocase(given, STR("value"));

    *value = NULL;
    if (!given)
        return true;
    if (template_get(given, "reference"))
        return template_refuse(err,
                               "The template parameter '%.*s' refers to a secret of a key vault, "
                               "which is not supported here: give its value.",
                               TEMPLATE_SHOWN(p->name));
    if (!yyjson_is_obj(given) || (!found && yyjson_obj_size(given)))
        return template_refuse(err,
                               "The template parameter '%.*s' must be an object with a 'value'.",
                               TEMPLATE_SHOWN(p->name));
    if (!found || (yyjson_is_null(found) && template_get(p->definition, "defaultValue")))
        return true;
    return template_copy_given(t, found, value, err);
}

static bool read_default(struct template *t, struct template_named *p, yyjson_mut_val **value,
                         struct error *err)
{
    yyjson_val *given = json_get_nocase(p->definition, STR("defaultValue"));
    const struct template_loop *loop = t->loop;
    bool allows_now = t->x.allows_now, takes_references = t->takes_references, is_good;

    if (!given) {
        if (!yyjson_get_bool(template_get(p->definition, "nullable")) &&
            !yyjson_get_bool(template_get(template_follow(t, p->definition), "nullable")))
            return fail_missing(p->name, err);
        *value = yyjson_mut_null(t->x.doc);
        return true;
    }
    if (p->is_under_way)
        return template_refuse(err, "Circular dependency detected on template parameter '%.*s'.",
                               TEMPLATE_SHOWN(p->name));
    p->is_under_way = true;
    t->loop = NULL;
    t->x.allows_now = true;
    t->takes_references = false;
    is_good = template_value(t, given, value, err);
    t->takes_references = takes_references;
    t->x.allows_now = allows_now;
    t->loop = loop;
    p->is_under_way = false;
    return is_good || template_refuse_at(err, "parameter", p->name);
}

static bool wrap(struct error *err)
{
    struct error inner = *err;

    if (err->code == ERROR_ARM_TEMPLATE &&
        !str_starts_with(str_from(inner.text), STR("Deployment template validation failed")))
        template_refuse(err, "%s", inner.text);
    return false;
}

bool template_parameter(struct template *t, struct template_named *p, yyjson_mut_val **value,
                        struct error *err)
{
    yyjson_mut_val *found;

    if (!p->value) {
        if (!read_given(t, p, &found, err) || (!found && !read_default(t, p, &found, err)))
            return wrap(err);
        if (!template_check_type(t, "parameter", p->name, p->definition, found, err))
            return wrap(err);
        p->value = found;
    }
    *value = p->value;
    return true;
}

bool template_load_parameters(struct template *t, struct error *err)
{
    yyjson_val *section = template_get(t->root, "parameters"), *key, *definition;
    yyjson_mut_val *value;
    size_t i, max;

    t->parameters = ARENA_ARRAY(t->x.arena, struct template_named, yyjson_obj_size(section));
    yyjson_obj_foreach(template_or_empty(section), i, max, key, definition)
    {
        t->parameters[t->parameter_count++] =
            (struct template_named){ .name = json_str(key), .definition = definition };
    }
    if (!check_given(t, err))
        return false;
    for (i = 0; i < t->parameter_count; i++) {
        if (!check_definition(t, &t->parameters[i], err) ||
            !template_parameter(t, &t->parameters[i], &value, err))
            return false;
    }
    return true;
}
