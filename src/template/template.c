/* SPDX-License-Identifier: MIT */
#include "template/private.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/format.h"

/* Members that a template may have, more than there are sections: they are looked for again and again. */
#define SECTIONS_MAX 64

/* -- Errors ---------------------------------------------------------------------------------- */

bool template_refuse(struct error *err, const char *format, ...)
{
    struct error inner;
    va_list args;

    va_start(args, format);
    vsnprintf(inner.text, sizeof(inner.text), format, args);
    va_end(args);
    str_repair_utf8(inner.text);
    return error_set(err, ERROR_ARM_TEMPLATE, "Deployment template validation failed: '%.560s'.",
                     inner.text);
}

bool template_refuse_at(struct error *err, const char *what, struct str name)
{
    struct error inner = *err;

    if (err->code != ERROR_ARM_TEMPLATE)
        return false;
    if (str_starts_with(str_from(inner.text), STR("Deployment template validation failed")))
        return false;
    return template_refuse(err, "The template %s '%.*s' is not valid: %.400s%s", what,
                           TEMPLATE_SHOWN(name), inner.text,
                           strstr(inner.text, "https://aka.ms/")
                               ? ""
                               : " Please see https://aka.ms/arm-functions for usage details.");
}

bool template_refuse_resource(struct error *err, struct str id)
{
    struct error inner = *err;

    if (err->code != ERROR_ARM_TEMPLATE)
        return false;
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "Unable to process template language expressions for resource '%.*s'. "
                     "'%.380s'",
                     STR_ARGS(str_slice(id, 0, 200)), inner.text);
}

/* -- Members --------------------------------------------------------------------------------- */

yyjson_val *template_get(yyjson_val *object, const char *name)
{
    yyjson_val *value = json_get_nocase(object, str_from(name));

    return yyjson_is_null(value) ? NULL : value;
}

yyjson_val *template_or_empty(yyjson_val *value)
{
    static yyjson_val empty = { .tag = YYJSON_TYPE_ARR };

    return value ? value : &empty;
}

/* yyjson keeps a value and all that is in it side by side. */
bool template_copy_given(struct template *t, yyjson_val *in, yyjson_mut_val **copy,
                         struct error *err)
{
    yyjson_val *end = unsafe_yyjson_get_next(in);
    size_t bytes = (size_t)(end - in) * sizeof(**copy);

    if (!template_charge(&t->x, (size_t)(end - in), 0, err))
        return false;
    for (yyjson_val *v = in; v < end; v++) {
        if (unsafe_yyjson_is_str(v) || unsafe_yyjson_is_raw(v))
            bytes += unsafe_yyjson_get_len(v);
    }
    if (!template_charge(&t->x, bytes / TEMPLATE_STEP_BYTES, bytes, err))
        return false;
    *copy = yyjson_val_mut_copy(t->x.doc, in);
    return true;
}

struct template_named *template_find_named(struct template_named *list, size_t count,
                                           struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal_nocase(list[i].name, name))
            return &list[i];
    }
    return NULL;
}

/* A section of the template that must be an object, if it is there, with so many members at most. */
static bool check_section(const struct template *t, const char *name, size_t max, struct error *err)
{
    yyjson_val *section = template_get(t->root, name);

    if (section && !yyjson_is_obj(section))
        return template_refuse(err, "The template section '%s' must be an object.", name);
    if (yyjson_obj_size(section) > max)
        return template_refuse(err,
                               "The number of template %s exceeds limit. Limit: '%zu' and actual: "
                               "'%zu'. Please see https://aka.ms/arm-template for usage details.",
                               name, max, yyjson_obj_size(section));
    return true;
}

/* -- Loading --------------------------------------------------------------------------------- */

static bool check_schema(const struct template *t, struct error *err)
{
    struct str schema = json_str(template_get(t->root, "$schema"));
    bool is_for_group, is_for_subscription;

    if (str_is_empty(schema) || !yyjson_is_str(template_get(t->root, "contentVersion")))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "Deployment template parse failed: 'Required property '%s' not found in "
                         "JSON. Path ''.'.",
                         str_is_empty(schema) ? "$schema" : "contentVersion");
    if (str_ends_with(schema, STR("#")))
        schema.len--;
    schema = arena_lower(t->x.arena, schema);
    is_for_group = str_ends_with(schema, STR("/deploymenttemplate.json"));
    is_for_subscription = str_ends_with(schema, STR("/subscriptiondeploymenttemplate.json"));
    if (str_is_empty(t->place.group) ? is_for_subscription : is_for_group)
        return true;
    return template_refuse(err,
                           "The template schema '%.*s' is not supported for a deployment to a %s. "
                           "Please see https://aka.ms/arm-template for usage details.",
                           TEMPLATE_SHOWN(schema),
                           str_is_empty(t->place.group) ? "subscription" : "resource group");
}

static bool check_language(struct template *t, struct error *err)
{
    yyjson_val *resources = template_get(t->root, "resources"), *imports;
    struct str version = json_str(template_get(t->root, "languageVersion"));

    t->is_symbolic = yyjson_is_obj(resources);
    if (version.len && !str_starts_with(version, STR("2.")) && !str_starts_with(version, STR("1.")))
        return template_refuse(err, "The template language version '%.*s' is not supported.",
                               TEMPLATE_SHOWN(version));
    if (t->is_symbolic && !str_starts_with(version, STR("2.")))
        return template_refuse(err,
                               "The template's resources are an object: its languageVersion must "
                               "be '2.0'.");
    if (resources && !t->is_symbolic && !yyjson_is_arr(resources))
        return template_refuse(err, "The template section 'resources' must be an array.");
    imports = template_get(t->root, "imports");
    if (yyjson_obj_size(imports ? imports : template_get(t->root, "extensions")))
        return template_refuse(err, "Extensions ('%s') are not supported here.",
                               imports ? "imports" : "extensions");
    return true;
}

/* Those of "copy" of the variables, which make one each. */
static bool load_loops(struct template *t, yyjson_val *copies, struct error *err)
{
    yyjson_val *copy;
    size_t i, max;

    yyjson_arr_foreach(template_or_empty(copies), i, max, copy)
    {
        struct str name = json_str(template_get(copy, "name"));

        if (str_is_empty(name) || !template_get(copy, "count") || !template_get(copy, "input"))
            return template_refuse(err, "A variable's copy needs 'name', 'count' and 'input'.");
        t->variables[t->variable_count++] =
            (struct template_named){ .name = name, .definition = copy, .is_loop = true };
    }
    return true;
}

static bool load_variables(struct template *t, struct error *err)
{
    yyjson_val *section = template_get(t->root, "variables"), *key, *value;
    yyjson_val *copies = template_get(section, "copy");
    size_t i, max;

    if (!yyjson_is_arr(copies))
        copies = NULL;
    if (yyjson_arr_size(copies) > TEMPLATE_VARIABLES_MAX)
        return template_refuse(err, "The template has more than %d variables.",
                               TEMPLATE_VARIABLES_MAX);
    t->variables = ARENA_ARRAY(t->x.arena, struct template_named,
                               yyjson_obj_size(section) + yyjson_arr_size(copies));
    yyjson_obj_foreach(template_or_empty(section), i, max, key, value)
    {
        if (!copies || value != copies)
            t->variables[t->variable_count++] =
                (struct template_named){ .name = json_str(key), .definition = value };
    }
    return load_loops(t, copies, err);
}

bool template_load(struct template *t, const struct template_place *place,
                   const struct template_host *host, yyjson_val *root, yyjson_val *parameters,
                   struct error *err)
{
    t->place = *place;
    t->host = host;
    t->root = root;
    t->given = parameters;
    t->x.call = template_call_out;
    t->x.data = t;
    t->current = t->waits_on = TEMPLATE_NONE;
    if (!yyjson_is_obj(root))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "Deployment template parse failed: 'it must be an object'.");
    if (yyjson_obj_size(root) > SECTIONS_MAX)
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "Deployment template parse failed: 'it has more than %d members'.",
                         SECTIONS_MAX);
    return check_schema(t, err) && check_language(t, err) &&
           check_section(t, "parameters", TEMPLATE_PARAMETERS_MAX, err) &&
           check_section(t, "variables", TEMPLATE_VARIABLES_MAX, err) &&
           check_section(t, "outputs", TEMPLATE_OUTPUTS_MAX, err) &&
           check_section(t, "definitions", TEMPLATE_VARIABLES_MAX, err) && load_variables(t, err) &&
           template_load_parameters(t, err);
}

/* -- Outputs --------------------------------------------------------------------------------- */

static bool output_value(struct template *t, struct str name, yyjson_val *output,
                         yyjson_mut_val **value, struct error *err)
{
    yyjson_val *copy = template_get(output, "copy"), *given = template_get(output, "value");

    if (copy)
        return template_loop_values(t, name, copy, template_get(copy, "input"), value, err);
    if (!given && !yyjson_is_null(json_get_nocase(output, STR("value"))))
        return error_set(err, ERROR_ARM_TEMPLATE, "it has no value.");
    if (given)
        return template_value(t, given, value, err);
    *value = yyjson_mut_null(t->x.doc);
    return true;
}

static bool add_output(struct template *t, struct str name, yyjson_val *output,
                       yyjson_mut_val *outputs, struct error *err)
{
    yyjson_mut_val *shown = yyjson_mut_obj(t->x.doc), *value;
    bool is_wanted;

    if (!template_condition(t, output, &is_wanted, err))
        return false;
    if (!is_wanted)
        return true;
    if (!output_value(t, name, output, &value, err) ||
        !template_check_type(t, "output", name, output, value, err))
        return false;
    json_set_str(t->x.doc, shown, "type", template_type_of(t, output));
    if (!template_has_secrets(t, output))
        json_set(t->x.doc, shown, "value", value);
    yyjson_mut_obj_add(outputs, yyjson_mut_strncpy(t->x.doc, name.data, name.len), shown);
    return true;
}

static bool fail_output(struct str name, struct error *err)
{
    struct error inner = *err;

    if (err->code == ERROR_ARM_TEMPLATE)
        error_set(err, ERROR_ARM_TEMPLATE, "The template output '%.*s' is not valid: %.480s",
                  TEMPLATE_SHOWN(name), inner.text);
    str_show(name, err->target, sizeof(err->target));
    return false;
}

bool template_look_at_outputs(struct template *t, struct error *err)
{
    yyjson_val *section = template_get(t->root, "outputs"), *key, *output;
    size_t i, max;

    yyjson_obj_foreach(template_or_empty(section), i, max, key, output)
    {
        if (!template_look_at_output(t, output, err))
            return template_refuse_at(err, "output", json_str(key));
    }
    return true;
}

bool template_outputs(struct template *t, yyjson_mut_val **outputs, struct error *err)
{
    yyjson_val *section = template_get(t->root, "outputs"), *key, *output;
    size_t i, max;

    *outputs = yyjson_mut_obj(t->x.doc);
    t->takes_references = true;
    yyjson_obj_foreach(template_or_empty(section), i, max, key, output)
    {
        if (!add_output(t, json_str(key), output, *outputs, err))
            return fail_output(json_str(key), err);
    }
    return true;
}

bool template_shown_parameters(struct template *t, yyjson_mut_val **shown, struct error *err)
{
    *shown = yyjson_mut_obj(t->x.doc);
    for (size_t i = 0; i < t->parameter_count; i++) {
        struct template_named *p = &t->parameters[i];
        yyjson_mut_val *item = yyjson_mut_obj(t->x.doc), *value, *copy;

        json_set_str(t->x.doc, item, "type", template_type_of(t, p->definition));
        if (!template_has_secrets(t, p->definition)) {
            if (!template_parameter(t, p, &value, err) || !template_copy(&t->x, value, &copy, err))
                return false;
            json_set(t->x.doc, item, "value", copy);
        }
        yyjson_mut_obj_add(*shown, yyjson_mut_strncpy(t->x.doc, p->name.data, p->name.len), item);
    }
    return true;
}

struct str template_hash(struct arena *a, yyjson_val *root)
{
    uint64_t hash =
        str_hash(STR_HASH_START, json_write_sorted(a, yyjson_mut_doc_get_root(json_copy(a, root))));
    char digits[FORMAT_DECIMAL_MAX];

    return arena_copy(a, str_of(digits, (size_t)(format_put_decimal(digits, hash) - digits)));
}
