/*
 * From the section "resources" to a list with an item for each resource, child and turn of a loop, and to their bodies.
 * SPDX-License-Identifier: MIT
 */
#include "template/private.h"

#define DEPLOYMENT_TYPE "Microsoft.Resources/deployments"
#define GROUP_TYPE "Microsoft.Resources/resourceGroups"
/* Children of children. */
#define CHILDREN_DEPTH_MAX 8
#define SEGMENTS_MAX 16

/* -- One resource ---------------------------------------------------------------------------- */

static bool add(struct template *t, struct template_resource **added, struct error *err)
{
    if (t->resource_count == TEMPLATE_RESOURCES_MAX)
        return template_refuse(
            err,
            "The number of resources in the template exceeds limit. Limit: '%d'. "
            "Please see https://aka.ms/arm-template for usage details.",
            TEMPLATE_RESOURCES_MAX);
    if (t->resource_count == t->resource_max) {
        size_t max = t->resource_max ? 2 * t->resource_max : 16;
        struct template_resource *grown = ARENA_ARRAY(t->x.arena, struct template_resource, max);

        if (t->resource_count)
            memcpy(grown, t->resources, t->resource_count * sizeof(*grown));
        t->resources = grown;
        t->resource_max = max;
    }
    *added = &t->resources[t->resource_count++];
    return true;
}

/* A text that is a part of an id, or as short as one. */
static bool read_id_text(struct template *t, yyjson_val *in, const char *what, struct str *value,
                         struct error *err)
{
    return template_string(t, in, what, value, err) && template_check_length(*value, what, err);
}

/* Where a nested deployment deploys to: what it says, or where this one does. */
static bool read_place(struct template *t, yyjson_val *definition, struct template_place *place,
                       struct error *err)
{
    yyjson_val *group = template_get(definition, "resourceGroup");
    yyjson_val *subscription = template_get(definition, "subscriptionId");

    *place = t->place;
    if (subscription) {
        if (!read_id_text(t, subscription, "subscriptionId", &place->subscription_id, err))
            return false;
        place->group = STR_NONE; /* another's, unless it says a group, too */
    }
    return !group || read_id_text(t, group, "resourceGroup", &place->group, err);
}

/* What it lies in or extends; empty: nothing, as a resource group. */
static bool read_scope(struct template *t, struct template_resource *r, struct str *scope,
                       struct error *err)
{
    yyjson_val *given = template_get(r->definition, "scope");
    struct str text;

    *scope = template_place_id(t->x.arena, &r->place);
    if (!given)
        return true;
    if (!read_id_text(t, given, "scope", &text, err))
        return false;
    if (str_starts_with(text, STR("/")))
        *scope = text.len > 1 ? text : STR_NONE;
    else
        *scope = arena_printf(t->x.arena, "%.*s/providers/%.*s", STR_ARGS(*scope), STR_ARGS(text));
    return str_starts_with(*scope, STR("/subscriptions/")) ||
           error_set(err, ERROR_ARM_TEMPLATE,
                     "the scope '%.*s' is not supported here: it may be a subscription, a resource "
                     "group or a resource.",
                     TEMPLATE_SHOWN(text));
}

static bool fail_segments(const struct template_resource *r, struct error *err)
{
    return template_refuse(
        err,
        "The template resource '%.*s' for type '%.*s' has incorrect segment lengths. A nested "
        "resource type must have identical number of segments as its resource name. A root "
        "resource type must have segment length one greater than its resource name. Please see "
        "https://aka.ms/arm-syntax-resources for usage details.",
        TEMPLATE_SHOWN(r->name), TEMPLATE_SHOWN(r->type));
}

static bool make_id(struct template *t, struct template_resource *r, struct error *err)
{
    struct str names[SEGMENTS_MAX], rest = r->name, scope, part;
    size_t count = 0;

    if (!read_scope(t, r, &scope, err))
        return false;
    while (str_split(&rest, '/', &part)) {
        if (count == SEGMENTS_MAX)
            return fail_segments(r, err);
        names[count++] = part;
    }
    if (str_equal_nocase(r->type, STR(GROUP_TYPE)) && count == 1) {
        r->id = arena_printf(t->x.arena, "/subscriptions/%.*s/resourceGroups/%.*s",
                             STR_ARGS(r->place.subscription_id), STR_ARGS(names[0]));
        return true;
    }
    return template_join_id(t->x.arena, scope, r->type, names, count, &r->id) ||
           fail_segments(r, err);
}

static bool read_texts(struct template *t, struct template_resource *r, struct error *err)
{
    yyjson_val *version = template_get(r->definition, "apiVersion");

    if (!read_id_text(t, template_get(r->definition, "type"), "type", &r->type, err) ||
        !read_id_text(t, template_get(r->definition, "name"), "name", &r->name, err))
        return false;
    if (!version)
        return error_set(err, ERROR_ARM_TEMPLATE, "its 'apiVersion' is missing.");
    return read_id_text(t, version, "apiVersion", &r->api_version, err);
}

static bool fill(struct template *t, struct template_resource *r,
                 const struct template_resource *parent, struct error *err)
{
    if (!yyjson_is_obj(r->definition))
        return error_set(err, ERROR_ARM_TEMPLATE, "it must be an object.");
    if (!template_charge(&t->x, yyjson_obj_size(r->definition), 0, err)) /* gone through for each */
        return false;
    if (!template_condition(t, r->definition, &r->is_wanted, err) || !read_texts(t, r, err))
        return false;
    if (parent) {
        r->type = arena_printf(t->x.arena, "%.*s/%.*s", STR_ARGS(parent->type), STR_ARGS(r->type));
        r->name = arena_printf(t->x.arena, "%.*s/%.*s", STR_ARGS(parent->name), STR_ARGS(r->name));
    }
    r->is_existing = yyjson_get_bool(template_get(r->definition, "existing"));
    r->is_deployment = str_equal_nocase(r->type, STR(DEPLOYMENT_TYPE));
    r->place = t->place;
    if ((r->is_deployment || r->is_existing) && !read_place(t, r->definition, &r->place, err))
        return false;
    return make_id(t, r, err) && template_check_length(r->id, "id", err);
}

static bool add_all(struct template *t, yyjson_val *resources, size_t parent, unsigned depth,
                    struct error *err);

/* With its children. */
static bool add_one(struct template *t, struct str symbol, yyjson_val *definition,
                    const struct template_loop *loop, size_t parent, unsigned depth,
                    struct error *err)
{
    yyjson_val *children = template_get(definition, "resources");
    const struct template_loop *outer = t->loop;
    struct template_resource *r = NULL, made = { .symbol = symbol, .definition = definition };
    size_t i = t->resource_count;
    bool is_good;

    made.loop = loop;
    t->loop = loop;
    is_good = fill(t, &made, parent == TEMPLATE_NONE ? NULL : &t->resources[parent], err);
    if (!is_good &&
        str_is_empty(made.name)) /* as written: it may be its own expression that fails */
        made.name = symbol.len ? symbol : json_str(template_get(definition, "name"));
    if (!is_good)
        template_refuse_at(err, "resource", made.name);
    is_good = is_good && add(t, &r, err);
    if (is_good)
        *r = made;
    if (is_good && parent != TEMPLATE_NONE)
        is_good = template_need(t, i, parent, err);
    if (is_good && yyjson_is_ctn(children))
        is_good = add_all(t, children, i, depth + 1, err);
    t->loop = outer;
    return is_good;
}

/* Serial loops: the turns of a batch come after those of the one before. */
static bool order_batches(struct template *t, yyjson_val *copy, size_t first, struct error *err)
{
    bool is_serial = str_equal_nocase(json_str(template_get(copy, "mode")), STR("serial"));
    yyjson_val *given = template_get(copy, "batchSize");
    int64_t size = given ? yyjson_get_sint(given) : 1;

    if (!is_serial && !given)
        return true;
    if (size < 1 || size > TEMPLATE_COPIES_MAX || (given && !yyjson_is_int(given)))
        return template_refuse(err, "A copy's batchSize must be an integer from 1 to %d.",
                               TEMPLATE_COPIES_MAX);
    for (size_t i = first; is_serial && i < t->resource_count; i++) {
        const struct template_resource *r = &t->resources[i];

        for (size_t k = first; k < i; k++) {
            if (t->resources[k].definition == r->definition &&
                t->resources[k].loop->index / size == r->loop->index / size - 1 &&
                !template_need(t, i, k, err))
                return false;
        }
    }
    return true;
}

static bool add_turns(struct template *t, struct str symbol, yyjson_val *definition,
                      yyjson_val *copy, size_t parent, unsigned depth, struct error *err)
{
    struct str name = json_str(template_get(copy, "name"));
    size_t first = t->resource_count;
    int64_t count;

    if (str_is_empty(name))
        return template_refuse(err, "A resource's copy needs a 'name'.");
    if (!template_count(t, copy, name, &count, err))
        return template_refuse_at(err, "resource", symbol.len ? symbol : name);
    for (int64_t i = 0; i < count; i++) {
        struct template_loop *loop = ARENA_NEW(t->x.arena, struct template_loop);

        loop->name = name;
        loop->index = i;
        loop->is_resources = true;
        loop->outer = t->loop;
        if (!add_one(t, symbol, definition, loop, parent, depth, err))
            return false;
    }
    return order_batches(t, copy, first, err);
}

static bool add_all(struct template *t, yyjson_val *resources, size_t parent, unsigned depth,
                    struct error *err)
{
    yyjson_val *key = NULL, *definition, *copy;
    yyjson_arr_iter items;
    yyjson_obj_iter members;

    if (depth > CHILDREN_DEPTH_MAX)
        return template_refuse(err, "The template's resources are nested too deep.");
    yyjson_arr_iter_init(resources, &items);
    yyjson_obj_iter_init(resources, &members);
    for (;;) {
        if (yyjson_is_obj(resources)) {
            key = yyjson_obj_iter_next(&members);
            definition = key ? yyjson_obj_iter_get_val(key) : NULL;
        } else {
            definition = yyjson_arr_iter_next(&items);
        }
        if (!definition)
            return true;
        if (!template_charge(&t->x, 1, 0, err))
            return false;
        copy = template_get(definition, "copy");
        if (copy ? !add_turns(t, json_str(key), definition, copy, parent, depth, err)
                 : !add_one(t, json_str(key), definition, t->loop, parent, depth, err))
            return false;
    }
}

/* -- What comes before it -------------------------------------------------------------------- */

/* A loop without a turn: what depends on it depends on nothing. */
static bool find_empty_loop(struct template *t, struct str name, bool *found, struct error *err)
{
    yyjson_val *resources = template_get(t->root, "resources"), *definition;
    size_t i, max;

    *found = t->is_symbolic && json_get_nocase(resources, name);
    if (t->is_symbolic)
        return template_charge(&t->x, yyjson_obj_size(resources), 0, err);
    yyjson_arr_foreach(template_or_empty(resources), i, max, definition)
    {
        yyjson_val *copy = template_get(definition, "copy");

        if (!template_charge(&t->x, yyjson_obj_size(definition) + yyjson_obj_size(copy), 0, err))
            return false;
        *found = *found || str_equal_nocase(json_str(template_get(copy, "name")), name);
    }
    return true;
}

/* All turns of a loop, or the one resource of that name. */
static bool depend(struct template *t, size_t i, struct str name, struct error *err)
{
    size_t count = 0, found;
    bool is_empty_loop;

    if (!template_charge(&t->x, 1 + t->resource_count / 4, 0, err))
        return false;
    for (size_t k = 0; k < t->resource_count; k++) {
        const struct template_resource *r = &t->resources[k];
        bool is_turn = r->loop && r->loop->is_resources &&
                       str_equal_nocase(t->is_symbolic ? r->symbol : r->loop->name, name);

        if (is_turn && k != i && !template_need(t, i, k, err))
            return false;
        count += is_turn;
    }
    if (count)
        return true;
    found = template_find_resource(t, name);
    if (found != TEMPLATE_NONE)
        return template_need(t, i, found, err);
    if (!find_empty_loop(t, name, &is_empty_loop, err))
        return false;
    return is_empty_loop ||
           template_refuse(err,
                           "The resource '%.*s' is not defined in the template. Please see "
                           "https://aka.ms/arm-syntax for usage details.",
                           TEMPLATE_SHOWN(name));
}

static bool read_dependencies(struct template *t, size_t i, struct error *err)
{
    yyjson_val *list = template_get(t->resources[i].definition, "dependsOn"), *item;
    struct str name;
    bool is_good = !list || yyjson_is_arr(list);
    size_t k, max;

    if (!is_good)
        return template_refuse(err, "The 'dependsOn' of the resource '%.*s' must be an array.",
                               TEMPLATE_SHOWN(t->resources[i].name));
    t->loop = t->resources[i].loop;
    yyjson_arr_foreach(template_or_empty(list), k, max, item)
    {
        if (is_good && !template_string(t, item, "dependsOn", &name, err)) {
            is_good = false;
            template_refuse_at(err, "resource", t->resources[i].name);
        }
        is_good = is_good && depend(t, i, name, err);
    }
    t->loop = NULL;
    return is_good;
}

static bool check_twice(const struct template *t, struct error *err)
{
    for (size_t i = 0; i < t->resource_count; i++) {
        const struct template_resource *a = &t->resources[i];

        for (size_t k = 0; k < i && a->is_wanted && !a->is_existing; k++) {
            const struct template_resource *b = &t->resources[k];

            if (b->is_wanted && !b->is_existing && str_equal_nocase(a->id, b->id))
                return template_refuse(err,
                                       "The resource '%.*s' is defined multiple times in a "
                                       "template. Please see https://aka.ms/arm-syntax-resources "
                                       "for usage details.",
                                       STR_ARGS(str_slice(a->id, 0, 300)));
        }
    }
    return true;
}

bool template_expand(struct template *t, struct error *err)
{
    if (!add_all(t, template_get(t->root, "resources"), TEMPLATE_NONE, 0, err) ||
        !check_twice(t, err))
        return false;
    t->path = ARENA_ARRAY(t->x.arena, size_t, t->resource_count);
    for (size_t i = 0; i < t->resource_count; i++) {
        if (!read_dependencies(t, i, err))
            return false;
    }
    for (size_t i = 0; i < t->resource_count; i++) {
        if (!template_look_at_resource(t, i, err))
            return false;
    }
    return template_check_circles(t, err) && template_look_at_outputs(t, err);
}

/* -- Bodies ---------------------------------------------------------------------------------- */

bool template_is_own(struct str name)
{
    static const char *const names[] = {
        "apiVersion",    "asserts",  "comments",       "condition", "copy",
        "dependsOn",     "existing", "metadata",       "name",      "resources",
        "resourceGroup", "scope",    "subscriptionId", "type",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_equal_nocase(name, str_from(names[i])))
            return true;
    }
    return false;
}

/* Texts that would be taken for expressions when the nested template is read. */
static void escape(struct template *t, yyjson_mut_val *value)
{
    struct str text = json_mut_str(value);
    yyjson_mut_val *key, *item;
    size_t i, max;

    if (yyjson_mut_is_str(value) && str_starts_with(text, STR("[")) &&
        str_ends_with(text, STR("]"))) {
        text = arena_printf(t->x.arena, "[%.*s", STR_ARGS(text));
        yyjson_mut_set_strn(value, text.data, text.len);
    }
    yyjson_mut_obj_foreach(value, i, max, key, item)
    {
        escape(t, item);
    }
    yyjson_mut_arr_foreach(value, i, max, item)
    {
        escape(t, item);
    }
}

/* A nested template with a scope of its own is passed on as it is; else its expressions are this template's. */
static bool nested_template(struct template *t, yyjson_val *properties, yyjson_val *in,
                            yyjson_mut_val **value, struct error *err)
{
    yyjson_val *options = template_get(properties, "expressionEvaluationOptions");

    if (str_equal_nocase(json_str(template_get(options, "scope")), STR("inner")))
        return template_copy_given(t, in, value, err);
    if (!template_value(t, in, value, err))
        return false;
    escape(t, *value);
    return true;
}

static bool deployment_properties(struct template *t, yyjson_val *in, yyjson_mut_val **value,
                                  struct error *err)
{
    yyjson_val *key, *item;
    yyjson_mut_val *made;
    size_t i, max;

    *value = yyjson_mut_obj(t->x.doc);
    yyjson_obj_foreach(in, i, max, key, item)
    {
        bool is_template = str_equal_nocase(json_str(key), STR("template"));

        if (is_template ? !nested_template(t, in, item, &made, err)
                        : !template_value(t, item, &made, err))
            return false;
        yyjson_mut_obj_add(*value, yyjson_mut_strn(t->x.doc, json_str(key).data, json_str(key).len),
                           made);
    }
    return true;
}

static bool make_body(struct template *t, const struct template_resource *r, yyjson_mut_val *body,
                      struct error *err)
{
    yyjson_val *key, *in;
    yyjson_mut_val *value;
    struct str name;
    size_t i, max;

    yyjson_obj_foreach(r->definition, i, max, key, in)
    {
        bool is_nested = r->is_deployment && str_equal_nocase(json_str(key), STR("properties"));

        if (template_is_own(json_str(key)))
            continue;
        if (!template_string(t, key, "a property's name", &name, err) ||
            (is_nested ? !deployment_properties(t, in, &value, err)
                       : !template_value(t, in, &value, err)))
            return false;
        yyjson_mut_obj_add(body, yyjson_mut_strn(t->x.doc, name.data, name.len), value);
    }
    return true;
}

bool template_body(struct template *t, size_t i, yyjson_mut_val **body, bool *waits,
                   struct error *err)
{
    const struct template_resource *r = &t->resources[i];
    bool is_good;

    *body = yyjson_mut_obj(t->x.doc);
    t->takes_references = true;
    t->current = i;
    t->waits_on = TEMPLATE_NONE;
    t->loop = r->loop;
    is_good = make_body(t, r, *body, err);
    t->takes_references = false;
    t->loop = NULL;
    t->current = TEMPLATE_NONE;
    *waits = t->waits_on != TEMPLATE_NONE;
    if (*waits && !template_need(t, i, t->waits_on, err)) {
        *waits = false;
        return false;
    }
    if (*waits)
        return false;
    return is_good || template_refuse_resource(err, r->id);
}
