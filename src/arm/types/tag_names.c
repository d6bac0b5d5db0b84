/*
 * The tags that are in use in a subscription, with how often each is: what az tag list shows. Azure
 * also keeps names that nobody uses yet; there are none here.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "arm/resource.h"

/* One of a resource. */
struct tag {
    struct str name;
    struct str value;
};

struct tags {
    struct tag *items;
    size_t count;
};

/* All of the subscription's resources, in any order. */
static bool collect(struct arm_call *c, struct tags *tags, struct error *err)
{
    struct store_query query = {
        .key_prefix = arena_lower(
            c->arena, arena_printf(c->arena, "/subscriptions/%.*s/", STR_ARGS(c->names[0]))),
    };
    struct arm_documents all;
    yyjson_val *key, *value;
    size_t i, n, members, total = 0;

    if (!arm_resource_read_all(c->txn, c->arena, &query, &all, err))
        return false;
    for (i = 0; i < all.count; i++)
        total += yyjson_obj_size(yyjson_obj_get(all.bodies[i], "tags"));
    tags->items = ARENA_ARRAY(c->arena, struct tag, total);
    for (i = 0; i < all.count; i++) {
        yyjson_val *named = yyjson_obj_get(all.bodies[i], "tags");

        if (!named)
            continue;
        yyjson_obj_foreach(named, n, members, key, value)
        {
            tags->items[tags->count++] = (struct tag){ json_str(key), json_str(value) };
        }
    }
    return true;
}

/* Names are told apart without regard to case, values with. */
static int compare(const void *a, const void *b)
{
    const struct tag *x = a, *y = b;
    int names = str_compare_nocase(x->name, y->name);

    return names ? names : str_compare(x->value, y->value);
}

static void add_count(yyjson_mut_doc *doc, yyjson_mut_val *item, size_t number)
{
    yyjson_mut_val *count = yyjson_mut_obj(doc);

    json_set_str(doc, count, "type", STR("Total"));
    json_set_int(doc, count, "value", (int64_t)number);
    json_set(doc, item, "count", count);
}

/* Those of one value, from the first on, below `id`. */
static size_t render_value(const struct arm_call *c, yyjson_mut_doc *doc, const struct tag *first,
                           size_t left, struct str id, yyjson_mut_val *values)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc);
    size_t count = 1;

    while (count < left && !compare(first, &first[count]))
        count++;
    json_set_str(
        doc, item, "id",
        arena_printf(c->arena, "%.*s/tagValues/%.*s", STR_ARGS(id), STR_ARGS(first->value)));
    json_set_str(doc, item, "tagValue", first->value);
    add_count(doc, item, count);
    yyjson_mut_arr_append(values, item);
    return count;
}

/* Those of one name. */
static size_t render_name(const struct arm_call *c, yyjson_mut_doc *doc, const struct tag *first,
                          size_t left, yyjson_mut_val *names)
{
    yyjson_mut_val *shown = yyjson_mut_obj(doc), *values = yyjson_mut_arr(doc);
    struct str id = arena_printf(c->arena, "/subscriptions/%.*s/tagNames/%.*s",
                                 STR_ARGS(c->names[0]), STR_ARGS(first->name));
    size_t count = 0;

    while (count < left && str_equal_nocase(first[count].name, first->name))
        count += render_value(c, doc, &first[count], left - count, id, values);
    json_set_str(doc, shown, "id", id);
    json_set_str(doc, shown, "tagName", first->name);
    add_count(doc, shown, count);
    json_set(doc, shown, "values", values);
    yyjson_mut_arr_append(names, shown);
    return count;
}

static bool list(struct arm_call *c, struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *names = yyjson_mut_arr(doc);
    struct tags tags = { 0 };

    if (!collect(c, &tags, err))
        return false;
    if (tags.count)
        qsort(tags.items, tags.count, sizeof(*tags.items), compare);
    for (size_t i = 0; i < tags.count;)
        i += render_name(c, doc, &tags.items[i], tags.count - i, names);
    arm_reply_list(c, doc, names);
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, "/subscriptions/{}/tagNames", list },
};

const struct arm_type arm_tag_names_type = {
    .name = "Microsoft.Resources/subscriptions/tagNames",
    .provider = &arm_resources,
    .path = "/subscriptions/{}/tagNames/{}",
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
