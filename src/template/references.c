/*
 * reference(), references(), list*() and resourceInfo(): what expressions ask of resources, and what is to be deployed before.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

/* -- Finding --------------------------------------------------------------------------------- */

/* "name[3]" of a loop in an object of resources: the name, and the turn. */
static bool split_turn(struct str text, struct str *name, uint64_t *turn)
{
    size_t at = str_find_char(text, '[');

    if (at == SIZE_MAX || !str_ends_with(text, STR("]")))
        return false;
    *name = str_slice(text, 0, at);
    return str_to_u64(str_slice(text, at + 1, text.len - at - 2), INT64_MAX, turn);
}

static bool has_symbol(const struct template_resource *r, struct str text)
{
    struct str name;
    uint64_t turn;

    if (str_is_empty(r->symbol))
        return false;
    if (str_equal_nocase(r->symbol, text))
        return true;
    return r->loop && split_turn(text, &name, &turn) && str_equal_nocase(r->symbol, name) &&
           (uint64_t)r->loop->index == turn;
}

/* By "NAMESPACE/type/name", however the names lie between the types, or by its name alone. */
static bool has_name(const struct template_resource *r, struct str text)
{
    struct str behind = STR("/providers/");

    if (str_equal_nocase(r->id, text) || str_equal_nocase(r->name, text))
        return true;
    return r->id.len > text.len + behind.len && r->id.data[r->id.len - text.len - 1] == '/' &&
           str_equal_nocase(str_slice(r->id, r->id.len - text.len, text.len), text) &&
           str_equal(str_slice(r->id, r->id.len - text.len - behind.len, behind.len), behind);
}

size_t template_find_resource(const struct template *t, struct str name)
{
    size_t found = TEMPLATE_NONE;

    for (size_t i = 0; i < t->resource_count; i++) {
        if (has_symbol(&t->resources[i], name))
            return i;
        /* of two of one name, one of which is not wanted, the other is meant */
        if (has_name(&t->resources[i], name) &&
            (found == TEMPLATE_NONE || !t->resources[found].is_wanted))
            found = i;
    }
    return found;
}

/* -- Asking ---------------------------------------------------------------------------------- */

static bool fail(struct str function, const char *why, struct error *err)
{
    return error_set(err, ERROR_ARM_TEMPLATE,
                     "The template function '%.*s' %s. Please see https://aka.ms/arm-functions for "
                     "usage details.",
                     TEMPLATE_SHOWN(function), why);
}

/* Is the resource there? Else it is noted that it is waited for. */
static bool check_there(struct template *t, size_t found, struct str function, struct error *err)
{
    if (t->is_looking) {
        t->waits = true;
        if (found == TEMPLATE_NONE || found == t->current || t->current == TEMPLATE_NONE ||
            template_need(t, t->current, found, err))
            fail(function, "is not evaluated yet", err);
        return false;
    }
    if (found == TEMPLATE_NONE || t->resources[found].state == TEMPLATE_DEPLOYED)
        return true;
    t->waits_on = found;
    return fail(function, "refers to a resource that is not deployed yet", err);
}

static bool ask(struct template *t, size_t found, struct template_question *q,
                yyjson_mut_val **value, struct error *err)
{
    if (found != TEMPLATE_NONE) {
        q->id = t->resources[found].id;
        if (str_is_empty(q->api_version))
            q->api_version = t->resources[found].api_version;
    }
    if (!str_starts_with(q->id, STR("/")))
        return error_set(err, ERROR_ARM_TEMPLATE,
                         "The resource '%.*s' is not defined in the template. Please see "
                         "https://aka.ms/arm-syntax for usage details.",
                         TEMPLATE_SHOWN(q->id));
    if (q->api_version.len && !check_there(t, found, q->function, err))
        return false;
    if (str_is_empty(q->api_version))
        return fail(q->function,
                    "needs an API version for a resource that the template does not "
                    "deploy",
                    err);
    return template_check_length(q->id, "id", err) &&
           template_check_length(q->api_version, "apiVersion", err) &&
           template_check_length(q->function, "name", err) &&
           t->host->ask(t->host->data, &t->x, q, value, err);
}

static bool is_text(yyjson_mut_val **args, size_t count, size_t i)
{
    return i >= count || yyjson_mut_is_str(args[i]);
}

static bool call_one(struct template *t, struct str function, yyjson_mut_val **args, size_t count,
                     yyjson_mut_val **result, struct error *err)
{
    struct template_question q = { .function = function, .id = json_mut_str(args[0]) };
    bool is_reference = str_equal_nocase(function, STR("reference"));

    if (count > 1)
        q.api_version = json_mut_str(args[1]);
    if (is_reference && count > 2)
        q.is_full = str_equal_nocase(json_mut_str(args[2]), STR("Full"));
    if (is_reference && count > 2 && !q.is_full)
        return fail(function, "takes 'Full' as its third argument", err);
    if (!is_reference && count > 2)
        q.body = args[2];
    return ask(t, template_find_resource(t, q.id), &q, result, err);
}

/* Of all turns of a loop. */
static bool call_all(struct template *t, struct str function, yyjson_mut_val **args, size_t count,
                     yyjson_mut_val **result, struct error *err)
{
    yyjson_mut_val *value, *copy;

    *result = yyjson_mut_arr(t->x.doc);
    for (size_t i = 0; i < t->resource_count; i++) {
        struct template_question q = { .function = STR("reference") };

        if (!str_equal_nocase(t->resources[i].symbol, json_mut_str(args[0])))
            continue;
        q.is_full = count > 1 && str_equal_nocase(json_mut_str(args[1]), STR("Full"));
        if (!ask(t, i, &q, &value, err) || !template_copy(&t->x, value, &copy, err))
            return false;
        yyjson_mut_arr_append(*result, copy);
    }
    return t->is_symbolic || fail(function, "needs resources with symbolic names", err);
}

/* What is known of a resource before it is deployed. */
static bool call_info(struct template *t, struct str function, yyjson_mut_val **args,
                      yyjson_mut_val **result, struct error *err)
{
    size_t found = template_find_resource(t, json_mut_str(args[0]));
    const struct template_resource *r;

    if (found == TEMPLATE_NONE)
        return fail(function, "refers to a resource that the template does not have", err);
    r = &t->resources[found];
    *result = yyjson_mut_obj(t->x.doc);
    json_set_str(t->x.doc, *result, "id", r->id);
    json_set_str(t->x.doc, *result, "name", r->name);
    json_set_str(t->x.doc, *result, "type", r->type);
    json_set_str(t->x.doc, *result, "apiVersion", r->api_version);
    return true;
}

static bool call(struct template *t, struct str name, yyjson_mut_val **args, size_t count,
                 yyjson_mut_val **result, struct error *err)
{
    if (!t->takes_references)
        return fail(name, "is not expected at this location", err);
    if (!count || count > 3 || !is_text(args, count, 0) || !is_text(args, count, 1) ||
        (str_equal_nocase(name, STR("reference")) && !is_text(args, count, 2)))
        return fail(name, "is called with arguments that it does not take", err);
    if (!template_charge(&t->x, 1 + t->resource_count / 4, sizeof(struct template_question), err))
        return false;
    if (str_equal_nocase(name, STR("references")))
        return call_all(t, name, args, count, result, err);
    if (str_equal_nocase(name, STR("resourceInfo")))
        return call_info(t, name, args, result, err);
    return call_one(t, name, args, count, result, err);
}

enum template_answer template_call_reference(struct template *t, struct str name,
                                             yyjson_mut_val **args, size_t count,
                                             yyjson_mut_val **result, struct error *err)
{
    bool is_list =
        name.len > 4 && str_starts_with_nocase(name, STR("list")) && str_is_alnum_or(name, "");

    if (!is_list && !str_equal_nocase(name, STR("reference")) &&
        !str_equal_nocase(name, STR("references")) && !str_equal_nocase(name, STR("resourceInfo")))
        return TEMPLATE_UNKNOWN;
    return call(t, name, args, count, result, err) ? TEMPLATE_DONE : TEMPLATE_FAILED;
}

/* -- Looking before anything is deployed ------------------------------------------------------ */

/* Evaluated until it asks for a resource, which is noted; where it asks for more, those are found when it is evaluated in
 * earnest. What fails without having asked would fail then, too, and is refused now, unless it is not sure to be evaluated, or
 * lies in a loop of properties, whose turns are not known here. */
static bool look_at_text(struct template *t, struct str text, bool is_sure, struct error *err)
{
    yyjson_mut_val *value;
    struct error why;

    t->waits = false;
    if (!template_is_expression(text) || template_evaluate_text(&t->x, text, &value, &why) ||
        t->waits || !is_sure)
        return true;
    *err = why;
    return false;
}

static bool look(struct template *t, yyjson_val *in, bool is_sure, struct error *err)
{
    yyjson_val *key, *item;
    size_t i, max;

    if (!template_charge(&t->x, 1, 0, err) ||
        (yyjson_is_str(in) && !look_at_text(t, json_str(in), is_sure, err)))
        return false;
    yyjson_obj_foreach(in, i, max, key, item)
    {
        bool is_loop = str_equal_nocase(json_str(key), STR("copy"));

        /* a nested template's expressions are its own, or are found when it is its turn */
        if (!str_equal_nocase(json_str(key), STR("template")) &&
            !look(t, item, is_sure && !is_loop, err))
            return false;
    }
    yyjson_arr_foreach(in, i, max, item)
    {
        if (!look(t, item, is_sure, err))
            return false;
    }
    return true;
}

bool template_look_at_resource(struct template *t, size_t i, struct error *err)
{
    const struct template_resource *r = &t->resources[i];
    yyjson_val *key, *item;
    size_t k, max;
    bool is_good = true;

    t->is_looking = t->takes_references = true;
    t->current = i;
    t->loop = r->loop;
    yyjson_obj_foreach(r->definition, k, max, key, item)
    {
        is_good = is_good && (template_is_own(json_str(key)) ||
                              look(t, item, r->is_wanted && !r->is_existing, err));
    }
    t->is_looking = t->takes_references = false;
    t->current = TEMPLATE_NONE;
    t->loop = NULL;
    return is_good || template_refuse_resource(err, r->id);
}

bool template_look_at_output(struct template *t, yyjson_val *output, struct error *err)
{
    yyjson_val *value = template_get(output, "value");
    bool is_good;

    if (!value || template_get(output, "condition"))
        return true;
    t->is_looking = t->takes_references = true;
    is_good = look(t, value, true, err);
    t->is_looking = t->takes_references = false;
    return is_good;
}
