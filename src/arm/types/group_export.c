/* SPDX-License-Identifier: MIT */
#include "arm/types/group_export.h"

#include <stdlib.h>

#include "arm/authorize.h"
#include "arm/document.h"
#include "arm/resource.h"
#include "arm/route.h"

#define SCHEMA "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
#define WANTED_MAX 200
/* What Azure takes in a template. */
#define RESOURCES_MAX 800
/* accounts, raiBlocklists, raiBlocklistItems */
#define DEPTH_MAX 3

struct export
{
    struct arm_call *c;
    struct str *wanted; /* ids in lower case, in order; NULL: all */
    size_t wanted_count;
    bool keeps_names; /* as they are: there are no parameters for them */
    bool has_defaults;
    yyjson_mut_doc *doc;
    yyjson_mut_val *parameters;
    yyjson_mut_val *resources;
};

/* Where a resource is in its provider: types and names, the outermost first. */
struct place {
    struct str provider;
    struct str types[DEPTH_MAX];
    struct str names[DEPTH_MAX];
    unsigned depth;
};

/* Who names another one of the same account, which must be there before. */
static const struct reference {
    const struct arm_type *type;
    const char *list; /* NULL: none, there is one */
    const char *path; /* in the document, or in an item of the list */
    const char *named;
} references[] = {
    { &arm_deployment_type, NULL, "properties.raiPolicyName", "raiPolicies" },
    { &arm_deployment_type, NULL, "properties.spilloverDeploymentName", "deployments" },
    { &arm_deployment_type, NULL, "properties.parentDeploymentName", "deployments" },
    { &arm_rai_policy_type, "properties.customBlocklists", "blocklistName", "raiBlocklists" },
};

/* Extension resources, as locks and roles, are no part of a template. */
static bool is_exported(const struct arm_type *type)
{
    return type && !arm_path_has_scope(type->path) && type->field_count &&
           (type->provider == &arm_cognitive_services || type->provider == &arm_managed_identity);
}

static struct place place_of(struct str id)
{
    struct str rest = arm_id_below_provider(id);
    struct place p = { .depth = 0 };

    str_split(&rest, '/', &p.provider);
    while (p.depth < DEPTH_MAX && str_split(&rest, '/', &p.types[p.depth]) &&
           str_split(&rest, '/', &p.names[p.depth]))
        p.depth++;
    return p;
}

/* -- Expressions ----------------------------------------------------------------------------- */

/* "accounts_my_account_name" of the account "my-account": no other one's. Empty: the name stays as it is,
 * for two that differ in such characters only would have one parameter. */
static struct str parameter_of(const struct export *e, const struct place *p)
{
    char *text = arena_text(e->c->arena, p->names[0]);

    if (e->keeps_names || !str_is_alnum_or(p->names[0], "-"))
        return STR_NONE;
    for (char *at = strchr(text, '-'); at; at = strchr(at, '-'))
        *at = '_';
    return arena_printf(e->c->arena, "%.*s_%s_name", STR_ARGS(p->types[0]), text);
}

static void add_parameter(struct export *e, const struct place *p)
{
    struct str name = parameter_of(e, p);
    yyjson_mut_val *parameter;

    if (str_is_empty(name) || yyjson_mut_obj_getn(e->parameters, name.data, name.len))
        return;
    parameter = json_set_object(e->doc, e->parameters, arena_text(e->c->arena, name));
    if (e->has_defaults)
        json_set_str(e->doc, parameter, "defaultValue", p->names[0]);
    json_set_str(e->doc, parameter, "type", STR("String"));
}

/* "accounts/deployments" */
static struct str join(const struct export *e, const struct str *parts, unsigned count)
{
    struct str joined = STR_NONE;

    for (unsigned i = 0; i < count; i++)
        joined = arena_printf(e->c->arena, "%.*s%s%.*s", STR_ARGS(joined), i ? "/" : "",
                              STR_ARGS(parts[i]));
    return joined;
}

static struct str name_of(const struct export *e, const struct place *p)
{
    struct str parameter = parameter_of(e, p);

    if (str_is_empty(parameter))
        return join(e, p->names, p->depth);
    if (p->depth == 1)
        return arena_printf(e->c->arena, "[parameters('%.*s')]", STR_ARGS(parameter));
    return arena_printf(e->c->arena, "[concat(parameters('%.*s'), '/%.*s')]", STR_ARGS(parameter),
                        STR_ARGS(join(e, p->names + 1, p->depth - 1)));
}

/* Of the outermost so many. No name has a quote in it. */
static struct str id_of(const struct export *e, const struct place *p, unsigned depth)
{
    struct str parameter = parameter_of(e, p), id;

    id = arena_printf(e->c->arena, "[resourceId('%.*s/%.*s'", STR_ARGS(p->provider),
                      STR_ARGS(join(e, p->types, depth)));
    for (unsigned i = 0; i < depth; i++) {
        if (i == 0 && parameter.len)
            id = arena_printf(e->c->arena, "%.*s, parameters('%.*s')", STR_ARGS(id),
                              STR_ARGS(parameter));
        else
            id = arena_printf(e->c->arena, "%.*s, '%.*s'", STR_ARGS(id), STR_ARGS(p->names[i]));
    }
    return arena_printf(e->c->arena, "%.*s)]", STR_ARGS(id));
}

/* A copy in which no text is an expression: "[x]" becomes "[[x]". */
static yyjson_mut_val *escape(const struct export *e, yyjson_val *value)
{
    struct str text = json_str(value);
    yyjson_mut_val *copy;
    yyjson_val *key, *item;
    size_t i, count;

    if (yyjson_is_arr(value)) {
        copy = yyjson_mut_arr(e->doc);
        yyjson_arr_foreach(value, i, count, item)
        {
            yyjson_mut_arr_append(copy, escape(e, item));
        }
        return copy;
    }
    if (yyjson_is_obj(value)) {
        copy = yyjson_mut_obj(e->doc);
        yyjson_obj_foreach(value, i, count, key, item)
        {
            yyjson_mut_obj_add(copy, yyjson_val_mut_copy(e->doc, key), escape(e, item));
        }
        return copy;
    }
    if (!str_starts_with(text, STR("[")) || !str_ends_with(text, STR("]")))
        return yyjson_val_mut_copy(e->doc, value);
    text = arena_printf(e->c->arena, "[%.*s", STR_ARGS(text));
    return yyjson_mut_strn(e->doc, text.data, text.len);
}

/* -- One resource ---------------------------------------------------------------------------- */

static void add_text(struct export *e, yyjson_mut_val *list, struct str text)
{
    yyjson_mut_arr_append(list, yyjson_mut_strncpy(e->doc, text.data, text.len));
}

/* The name that stands at the path: one to wait for, if it is there. */
static bool add_reference(struct export *e, const struct store_resource *r, struct place p,
                          const struct reference *reference, yyjson_val *name,
                          yyjson_mut_val *depends, struct error *err)
{
    struct str key =
        arena_lower(e->c->arena, arena_printf(e->c->arena, "%.*s/%s/%.*s", STR_ARGS(r->parent),
                                              reference->named, STR_ARGS(json_str(name))));
    struct store_resource other;
    bool found;

    if (!yyjson_is_str(name) || str_equal(key, r->key))
        return true;
    if (!store_get(e->c->txn, key, &other, &found, err))
        return false;
    p.types[1] = str_from(reference->named);
    p.names[1] = json_str(name);
    if (found)
        add_text(e, depends, id_of(e, &p, 2));
    return true;
}

static bool add_references(struct export *e, const struct store_resource *r, const struct place *p,
                           yyjson_val *body, yyjson_mut_val *depends, struct error *err)
{
    const struct arm_type *type = arm_type_of(r);
    yyjson_val *item;
    size_t n, count;

    for (size_t i = 0; i < ARRAY_LEN(references); i++) {
        const struct reference *reference = &references[i];

        if (reference->type != type)
            continue;
        if (!reference->list &&
            !add_reference(e, r, *p, reference, json_at(body, reference->path), depends, err))
            return false;
        yyjson_arr_foreach(reference->list ? json_at(body, reference->list) : NULL, n, count, item)
        {
            if (!add_reference(e, r, *p, reference, json_at(item, reference->path), depends, err))
                return false;
        }
    }
    return true;
}

/* The newest api-version that is no preview. */
static const char *version_of(const struct arm_provider *p)
{
    size_t i = p->version_count - 1;

    while (i && str_ends_with(str_from(p->versions[i]), STR("-preview")))
        i--;
    return p->versions[i];
}

/* What waits for nothing has no dependsOn. */
static bool add_resource(struct export *e, const struct store_resource *r, yyjson_val *body,
                         struct error *err)
{
    const struct arm_type *type = arm_type_of(r);
    yyjson_mut_val *shown = yyjson_mut_obj(e->doc), *depends = yyjson_mut_arr(e->doc);
    struct place p = place_of(r->id);
    yyjson_val *key, *value;
    size_t i, count;

    add_parameter(e, &p);
    json_set_str(e->doc, shown, "type", str_from(type->name));
    json_set_str(e->doc, shown, "apiVersion", str_from(version_of(type->provider)));
    json_set_str(e->doc, shown, "name", name_of(e, &p));
    for (unsigned depth = 1; depth < p.depth; depth++)
        add_text(e, depends, id_of(e, &p, depth));
    if (!add_references(e, r, &p, body, depends, err))
        return false;
    if (yyjson_mut_arr_size(depends))
        json_set(e->doc, shown, "dependsOn", depends);
    yyjson_obj_foreach(body, i, count, key, value)
    {
        if (!yyjson_equals_str(key, "facts") && !yyjson_equals_str(key, "systemData"))
            json_set(e->doc, shown, yyjson_get_str(key), escape(e, value));
    }
    yyjson_mut_arr_append(e->resources, shown);
    return true;
}

/* -- The group ------------------------------------------------------------------------------- */

static bool wrong(struct error *err, const char *target, const char *what)
{
    return error_set_target(err, ERROR_ARM_BODY, target,
                            "The request content was invalid and could not be deserialized: the "
                            "value of '%s' %s.",
                            target, what);
}

static bool read_options(struct export *e, struct str options, struct error *err)
{
    struct str option;

    while (str_split(&options, ',', &option)) {
        option = str_trim(option);
        if (str_equal_nocase(option, STR("IncludeParameterDefaultValue")))
            e->has_defaults = true;
        else if (str_equal_nocase(option, STR("SkipResourceNameParameterization")) ||
                 str_equal_nocase(option, STR("SkipAllParameterization")))
            e->keeps_names = true;
        else if (!str_equal_nocase(option, STR("IncludeComments")) && option.len)
            return wrong(err, "options", "has an option that there is not");
    }
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* `key` is the resource's, its id in lower case. */
static bool is_wanted(const struct export *e, struct str key)
{
    return !e->wanted || bsearch(&key, e->wanted, e->wanted_count, sizeof(*e->wanted), compare_ids);
}

/* The ids that are asked for; "*" is all. */
static bool read_wanted(struct export *e, yyjson_val *list, struct error *err)
{
    struct str *ids = ARENA_ARRAY(e->c->arena, struct str, WANTED_MAX);
    bool is_all = false;
    yyjson_val *item;
    size_t i, count;

    if (!yyjson_is_arr(list) || !yyjson_arr_size(list) || yyjson_arr_size(list) > WANTED_MAX)
        return wrong(err, "resources", "must be an array of 1 to 200 ids, or of '*'");
    yyjson_arr_foreach(list, i, count, item)
    {
        if (!yyjson_is_str(item))
            return wrong(err, "resources", "must be an array of strings");
        is_all = is_all || yyjson_equals_str(item, "*");
        ids[i] = arena_lower(e->c->arena, json_str(item));
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    e->wanted = is_all ? NULL : ids;
    e->wanted_count = count;
    return true;
}

static bool read_request(struct export *e, struct error *err)
{
    yyjson_val *input = arm_read_body(e->c, false, err);
    yyjson_val *options = arm_document_at(input, "options");
    yyjson_val *format = arm_document_at(input, "outputFormat");

    if (!input)
        return false;
    if (options && !yyjson_is_null(options) && !yyjson_is_str(options))
        return wrong(err, "options", "must be a string");
    if (format && !yyjson_is_null(format) && !str_equal_nocase(json_str(format), STR("Json")))
        return wrong(err, "outputFormat", "must be 'Json': there is no Bicep here");
    return read_options(e, json_str(options), err) &&
           read_wanted(e, arm_document_at(input, "resources"), err);
}

static bool add_resources(struct export *e, struct error *err)
{
    struct store_resource group, *all;
    struct store_query query;
    size_t count, found = 0;
    yyjson_val *body;

    if (!arm_resource_find(e->c, &arm_group_type, &group, err))
        return false;
    query = (struct store_query){ .key_prefix =
                                      arena_printf(e->c->arena, "%.*s/", STR_ARGS(group.key)) };
    if (!store_list(e->c->txn, &query, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct arm_type *type = arm_type_of(&all[i]);

        if (!is_exported(type) || !is_wanted(e, all[i].key) || !arm_may_list(e->c, type, all[i].id))
            continue;
        if (++found > RESOURCES_MAX)
            return error_set_target(err, ERROR_ARM_BAD_REQUEST, "resources",
                                    "A template has at most %d resources: please name those that "
                                    "are to be exported.",
                                    RESOURCES_MAX);
        body = arm_resource_body(e->c->arena, &all[i], err);
        if (!body || !add_resource(e, &all[i], body, err))
            return false;
    }
    return found || !e->wanted ||
           error_set_target(err, ERROR_ARM_BAD_REQUEST, "resources",
                            "None of the resources that are to be exported is in the resource "
                            "group '%.*s'.",
                            STR_ARGS(arm_id_name(group.id)));
}

bool group_export(struct arm_call *c, struct error *err)
{
    struct export e = { .c = c, .doc = json_new(c->arena) };
    yyjson_mut_val *root = yyjson_mut_obj(e.doc), *template;

    c->lists_what_is_allowed = true;
    template = json_set_object(e.doc, root, "template");
    json_set_str(e.doc, template, "$schema", STR(SCHEMA));
    json_set_str(e.doc, template, "contentVersion", STR("1.0.0.0"));
    e.parameters = json_set_object(e.doc, template, "parameters");
    json_set_object(e.doc, template, "variables");
    e.resources = yyjson_mut_arr(e.doc);
    json_set(e.doc, template, "resources", e.resources);
    if (!read_request(&e, err) || !add_resources(&e, err))
        return false;
    arm_reply_json(c, 200, root);
    return true;
}
