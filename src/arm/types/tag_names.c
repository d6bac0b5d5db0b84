/*
 * The names and values of tags in a subscription: those in use, with how often each is, and those that
 * were defined beforehand, which nobody may use yet. What az tag list shows.
 *
 * Names are told apart without regard to case, values with. Each that is predefined is a document of its
 * own; a value's key therefore ends in the value as it is, where keys are in lower case otherwise.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "arm/document.h"
#include "arm/resource.h"

#define NAME_PATH "/subscriptions/{}/tagNames/{}"
#define VALUE_PATH NAME_PATH "/tagValues/{}"
#define NAME_CHARACTERS_MAX 512
#define VALUE_CHARACTERS_MAX 256
/* Names and values that are predefined in a subscription: each request about them reads all. */
#define PREDEFINED_MAX 2000

/* One of a resource, or one that is predefined. */
struct tag {
    struct str name;
    struct str value;
    bool is_used;   /* by a resource */
    bool has_value; /* else it is a name that is predefined */
};

/* In order: of one name one after the other, the name itself first. */
struct tags {
    struct tag *items;
    size_t count;
    size_t predefined; /* names and values of the whole subscription */
};

static int compare(const void *a, const void *b)
{
    const struct tag *x = a, *y = b;
    int names = str_compare_nocase(x->name, y->name);

    if (names)
        return names;
    return x->has_value != y->has_value ? x->has_value - y->has_value
                                        : str_compare(x->value, y->value);
}

static bool is_value_of(const struct tag *t, struct str value)
{
    return t->has_value && str_equal(t->value, value);
}

/* -- Reading --------------------------------------------------------------------------------- */

static void add_one(struct tags *tags, struct str only, struct tag tag)
{
    tags->predefined += !tag.is_used;
    if (!only.len || str_equal_nocase(tag.name, only))
        tags->items[tags->count++] = tag;
}

static void add(struct tags *tags, struct str only, const struct store_resource *r,
                yyjson_val *body)
{
    const struct arm_type *type = arm_type_of(r);
    yyjson_val *named = yyjson_obj_get(body, "tags"), *key, *value;
    size_t n, members;

    if (type == &arm_tag_names_type)
        add_one(tags, only, (struct tag){ .name = arm_id_name(r->id) });
    if (type == &arm_tag_values_type)
        add_one(tags, only,
                (struct tag){ .name = arm_id_segment(r->id, 3),
                              .value = arm_id_name(r->id),
                              .has_value = true });
    if (!named)
        return;
    yyjson_obj_foreach(named, n, members, key, value)
    {
        add_one(tags, only, (struct tag){ json_str(key), json_str(value), true, true });
    }
}

/* Of the subscription, its own and those of all its groups and resources: those of the name `only`, or
 * all where that is empty, which is a lot to put in order. */
static bool collect(struct arm_call *c, struct str only, struct tags *tags, struct error *err)
{
    struct store_query query = {
        .key_prefix = arena_lower(
            c->arena, arena_printf(c->arena, "/subscriptions/%.*s/", STR_ARGS(c->names[0]))),
    };
    struct store_resource subscription;
    struct arm_documents all;
    yyjson_val *own;
    size_t i, total;

    if (!arm_resource_find(c, &arm_subscription_type, &subscription, err) ||
        !arm_resource_read_all(c->txn, c->arena, &query, &all, err))
        return false;
    own = arm_resource_body(c->arena, &subscription, err);
    if (!own)
        return false;
    total = all.count + yyjson_obj_size(yyjson_obj_get(own, "tags"));
    for (i = 0; i < all.count; i++)
        total += yyjson_obj_size(yyjson_obj_get(all.bodies[i], "tags"));
    *tags = (struct tags){ .items = ARENA_ARRAY(c->arena, struct tag, total) };
    add(tags, only, &subscription, own);
    for (i = 0; i < all.count; i++)
        add(tags, only, &all.items[i], all.bodies[i]);
    if (tags->count)
        qsort(tags->items, tags->count, sizeof(*tags->items), compare);
    return true;
}

/* Those of one name. */
static struct tags find_name(const struct tags *tags, struct str name)
{
    struct tags found = { tags->items, 0, 0 };
    const struct tag *end = tags->items + tags->count;

    while (found.items < end && !str_equal_nocase(found.items->name, name))
        found.items++;
    while (found.items + found.count < end && str_equal_nocase(found.items[found.count].name, name))
        found.count++;
    return found;
}

/* -- Showing --------------------------------------------------------------------------------- */

static void add_count(yyjson_mut_doc *doc, yyjson_mut_val *item, size_t number)
{
    yyjson_mut_val *count = yyjson_mut_obj(doc);

    json_set_str(doc, count, "type", STR("Total"));
    json_set_int(doc, count, "value", (int64_t)number);
    json_set(doc, item, "count", count);
}

static struct str name_id(const struct arm_call *c, struct str name)
{
    return arena_printf(c->arena, "/subscriptions/%.*s/tagNames/%.*s", STR_ARGS(c->names[0]),
                        STR_ARGS(name));
}

/* The value of the first of these tags, which are of one name; *end is behind the last that has it. */
static yyjson_mut_val *render_value(const struct arm_call *c, yyjson_mut_doc *doc,
                                    const struct tags *tags, size_t first, size_t *end)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);
    const struct tag *tag = &tags->items[first];
    size_t i, count = 0;

    for (i = first; i < tags->count && is_value_of(&tags->items[i], tag->value); i++)
        count += tags->items[i].is_used;
    json_set_str(doc, item, "id",
                 arena_printf(c->arena, "%.*s/tagValues/%.*s",
                              STR_ARGS(name_id(c, tags->items[0].name)), STR_ARGS(tag->value)));
    json_set_str(doc, item, "tagValue", tag->value);
    add_count(doc, item, count);
    *end = i;
    return item;
}

/* `tags` are those of one name. */
static yyjson_mut_val *render_name(const struct arm_call *c, yyjson_mut_doc *doc,
                                   const struct tags *tags)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *values = yyjson_mut_arr(doc);
    size_t i = 0, count = 0;

    for (i = 0; i < tags->count; i++)
        count += tags->items[i].is_used;
    json_set_str(doc, shown, "id", name_id(c, tags->items[0].name));
    json_set_str(doc, shown, "tagName", tags->items[0].name);
    add_count(doc, shown, count);
    for (i = 0; i < tags->count && !tags->items[i].has_value; i++)
        ;
    while (i < tags->count)
        yyjson_mut_arr_append(values, render_value(c, doc, tags, i, &i));
    json_set(doc, shown, "values", values);
    return shown;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *names = yyjson_mut_arr(doc);
    struct tags tags, rest;

    if (!collect(c, STR_NONE, &tags, err))
        return false;
    for (size_t i = 0; i < tags.count; i += rest.count) {
        rest = (struct tags){ tags.items + i, tags.count - i, 0 };
        rest = find_name(&rest, rest.items->name);
        yyjson_mut_arr_append(names, render_name(c, doc, &rest));
    }
    arm_reply_list(c, doc, names);
    return true;
}

/* -- Defining -------------------------------------------------------------------------------- */

static bool check_name(struct str name, struct error *err)
{
    static const char *const reserved[] = { "microsoft", "azure", "windows" };

    if (!arm_document_check_tag_name(name, "tagName", err))
        return false;
    if (str_count_chars(name) > NAME_CHARACTERS_MAX)
        return error_set_target(err, ERROR_ARM_TAG_NAME_LENGTH, "tagName",
                                "Tag name too large. Following tag name '%.*s' exceeded the "
                                "maximum length. Maximum allowed length for tag name - '%d' "
                                "characters.",
                                STR_ARGS(str_slice(name, 0, 100)), NAME_CHARACTERS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        struct str prefix = str_from(reserved[i]);

        if (str_equal_nocase(str_slice(name, 0, prefix.len), prefix))
            return error_set_target(err, ERROR_ARM_TAG_RESERVED, "tagName",
                                    "The tag name '%.*s' is not allowed: the prefixes 'microsoft', "
                                    "'azure' and 'windows' are reserved.",
                                    STR_ARGS(str_slice(name, 0, 100)));
    }
    return true;
}

static bool check_value(struct str value, struct error *err)
{
    if (!str_is_utf8(value))
        return error_set_target(err, ERROR_ARM_BAD_REQUEST, "tagValue",
                                "The value of a tag must be a text in UTF-8.");
    return str_count_chars(value) <= VALUE_CHARACTERS_MAX ||
           error_set_target(err, ERROR_ARM_TAG_VALUE_LENGTH, "tagValue",
                            "Tag value too large. Following tag value '%.*s' exceeded the maximum "
                            "length. Maximum allowed length for tag value - '%d' characters.",
                            STR_ARGS(str_slice(value, 0, 100)), VALUE_CHARACTERS_MAX);
}

static struct str key_of(const struct arm_call *c)
{
    struct str name = arm_resource_key(c, &arm_tag_names_type);

    return c->type == &arm_tag_names_type ? name
                                          : arena_printf(c->arena, "%.*s/tagvalues/%.*s",
                                                         STR_ARGS(name), STR_ARGS(c->names[2]));
}

static bool define(struct arm_call *c, bool *is_new, struct error *err)
{
    struct store_resource r;
    bool found;

    if (!store_get(c->txn, key_of(c), &r, &found, err))
        return false;
    *is_new = !found;
    if (found)
        return true;
    r = (struct store_resource){
        .key = key_of(c),
        .id = arm_resource_id(c, c->type),
        .type = arena_lower(c->arena, str_from(c->type->name)),
    };
    return arm_resource_put_mark(c, &r, err);
}

static bool no_name(const struct arm_call *c, struct error *err)
{
    return error_set_target(err, ERROR_ARM_NO_TAG_NAME, "tagName",
                            "Predefined tag name '%.*s' could not be found.",
                            STR_ARGS(str_slice(c->names[1], 0, 100)));
}

static bool check_count(const struct tags *tags, struct error *err)
{
    return tags->predefined <= PREDEFINED_MAX ||
           error_set(err, ERROR_ARM_BAD_REQUEST,
                     "A subscription has at most %d predefined tag names and values.",
                     PREDEFINED_MAX);
}

/* What is wrong takes back what was written. */
static bool put_name(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    struct tags tags;
    bool is_new;

    if (!check_name(c->names[1], err) || !define(c, &is_new, err) ||
        !collect(c, c->names[1], &tags, err) || (is_new && !check_count(&tags, err)))
        return false;
    arm_reply_json(c, is_new ? 201 : 200, render_name(c, doc, &tags));
    return true;
}

/* Of a name that is there: predefined, or in use. */
static bool put_value(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    struct tags tags;
    size_t at = 0;
    bool is_new;

    if (!check_name(c->names[1], err) || !check_value(c->names[2], err) ||
        !define(c, &is_new, err) || !collect(c, c->names[1], &tags, err) ||
        (is_new && !check_count(&tags, err)))
        return false;
    if (is_new && tags.count == 1)
        return no_name(c, err);
    while (!is_value_of(&tags.items[at], c->names[2]))
        at++;
    arm_reply_json(c, is_new ? 201 : 200, render_value(c, doc, &tags, at, &at));
    return true;
}

/* -- Removing -------------------------------------------------------------------------------- */

static bool remove_definition(struct arm_call *c, struct error *err)
{
    bool existed;

    if (!store_delete(c->txn, key_of(c), &existed, err))
        return false;
    c->reply.status = existed ? 200 : 204;
    return true;
}

static bool delete_name(struct arm_call *c, struct error *err)
{
    struct tags tags;

    if (!collect(c, c->names[1], &tags, err))
        return false;
    for (size_t i = 0; i < tags.count; i++) {
        if (tags.items[i].is_used)
            return error_set_target(err, ERROR_ARM_TAG_IN_USE, "tagName",
                                    "The tag name '%.*s' cannot be deleted. It is associated to "
                                    "one or more resources.",
                                    STR_ARGS(str_slice(c->names[1], 0, 200)));
    }
    if (tags.count && tags.items[tags.count - 1].has_value)
        return error_set_target(err, ERROR_ARM_TAG_IN_USE, "tagName",
                                "The tag name '%.*s' cannot be deleted. It has one or more "
                                "predefined values.",
                                STR_ARGS(str_slice(c->names[1], 0, 200)));
    return remove_definition(c, err);
}

static bool delete_value(struct arm_call *c, struct error *err)
{
    struct tags tags;

    if (!collect(c, c->names[1], &tags, err))
        return false;
    if (!tags.count)
        return no_name(c, err);
    for (size_t i = 0; i < tags.count; i++) {
        if (tags.items[i].is_used && is_value_of(&tags.items[i], c->names[2]))
            return error_set_target(err, ERROR_ARM_TAG_IN_USE, "tagValue",
                                    "The tag cannot be deleted. It is associated to one or more "
                                    "resources. Tag name '%.*s' and tag value '%.*s'.",
                                    STR_ARGS(str_slice(c->names[1], 0, 200)),
                                    STR_ARGS(str_slice(c->names[2], 0, 100)));
    }
    return remove_definition(c, err);
}

static const struct arm_route name_routes[] = {
    { HTTP_GET, "/subscriptions/{}/tagNames", list },
    { HTTP_PUT, NAME_PATH, put_name },
    { HTTP_DELETE, NAME_PATH, delete_name },
};

static const struct arm_route value_routes[] = {
    { HTTP_PUT, VALUE_PATH, put_value },
    { HTTP_DELETE, VALUE_PATH, delete_value },
};

const struct arm_type arm_tag_names_type = {
    .name = "Microsoft.Resources/subscriptions/tagNames",
    .provider = &arm_resources,
    .path = NAME_PATH,
    .routes = name_routes,
    .route_count = ARRAY_LEN(name_routes),
};

const struct arm_type arm_tag_values_type = {
    .name = "Microsoft.Resources/subscriptions/tagNames/tagValues",
    .provider = &arm_resources,
    .path = VALUE_PATH,
    .routes = value_routes,
    .route_count = ARRAY_LEN(value_routes),
};
