/*
 * The tags of a subscription, a resource group or a resource, as a resource of their own: read,
 * replaced, merged into or taken from without the rest. What is changed is the resource itself.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>

#include "arm/document.h"
#include "arm/resource.h"
#include "arm/route.h"

/* There is one, "default". */
#define PATH ARM_SCOPE "/providers/Microsoft.Resources/tags/{}"
/* As the field tables have it for a PUT of the resource itself. */
#define TAG_COUNT_MAX 50

static const struct arm_field fields[] = {
    { "operation", ARM_FIELD_TEXT, "Merge|Replace|Delete" },
    { "properties.tags", ARM_FIELD_TEXT_MAP, NULL },
};

/* What has the tags. */
struct tagged {
    struct store_resource resource;
    const struct arm_type *type;
    yyjson_mut_doc *doc; /* a copy of what is kept of it */
    yyjson_mut_val *tags;
};

static bool takes_tags(const struct arm_type *type)
{
    for (size_t i = 0; type && i < type->field_count; i++) {
        if (!strcmp(type->fields[i].path, "tags"))
            return true;
    }
    return false;
}

static bool find(struct arm_call *c, struct tagged *t, struct error *err)
{
    yyjson_val *body;
    bool found;

    if (!str_equal_nocase(c->names[0], STR("default")))
        return error_set(err, ERROR_ARM_NO_PATH, NULL);
    if (!arm_resource_check_scope(c, c->type, err) ||
        !store_get(c->txn, arena_lower(c->arena, c->scope), &t->resource, &found, err))
        return false;
    assert(found);
    t->type = arm_type_of(&t->resource);
    if (!takes_tags(t->type))
        return error_set(err, ERROR_ARM_BAD_REQUEST, "The resource '%.*s' does not support tags.",
                         STR_ARGS(c->scope));
    body = arm_resource_body(c->arena, &t->resource, err);
    if (!body)
        return false;
    t->doc = json_copy(c->arena, body);
    t->tags = json_set_object(t->doc, yyjson_mut_doc_get_root(t->doc), "tags");
    return true;
}

static bool reply(struct arm_call *c, const struct tagged *t)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *properties = yyjson_mut_obj(doc);

    json_set_str(doc, root, "id",
                 arena_printf(c->arena, "%.*s/providers/Microsoft.Resources/tags/default",
                              STR_ARGS(t->resource.id)));
    json_set_str(doc, root, "name", STR("default"));
    json_set_str(doc, root, "type", str_from(arm_tags_type.name));
    json_set(doc, properties, "tags", yyjson_mut_val_mut_copy(doc, t->tags));
    json_set(doc, root, "properties", properties);
    arm_reply_json(c, 200, root);
    c->reply.etag = STR_NONE;
    return true;
}

static bool save(struct arm_call *c, struct tagged *t, struct error *err)
{
    if (yyjson_mut_obj_size(t->tags) > TAG_COUNT_MAX)
        return error_set_target(err, ERROR_ARM_BODY, "properties.tags",
                                "The request content was invalid and could not be deserialized: a "
                                "resource has at most %d tags.",
                                TAG_COUNT_MAX);
    return arm_resource_rewrite(c, t->type, &t->resource, t->doc, err) && reply(c, t);
}

/* The request's operation and tags; *tags lives in a document of its own. */
static bool read_request(struct arm_call *c, struct str *operation, yyjson_mut_val **tags,
                         struct error *err)
{
    yyjson_val *input = arm_read_body(c, false, err);
    yyjson_mut_doc *doc = input ? arm_document_from_put(c->arena, c->type, input, err) : NULL;

    if (!doc)
        return false;
    *operation = json_mut_str(json_mut_at(yyjson_mut_doc_get_root(doc), "operation"));
    *tags = json_mut_at(yyjson_mut_doc_get_root(doc), "properties.tags");
    return *tags || error_set_target(err, ERROR_ARM_BODY, "properties.tags",
                                     "The request content was invalid and could not be "
                                     "deserialized: 'properties.tags' is required.");
}

/* -- Changes --------------------------------------------------------------------------------- */

/* Names of tags are told apart without regard to case, values with. */
static yyjson_mut_val *find_name(yyjson_mut_val *tags, struct str name)
{
    yyjson_mut_val *key, *value;
    size_t i, count;

    yyjson_mut_obj_foreach(tags, i, count, key, value)
    {
        if (str_equal_nocase(json_mut_str(key), name))
            return key;
    }
    return NULL;
}

static void merge(struct tagged *t, yyjson_mut_val *changes)
{
    yyjson_mut_val *key, *value, *old;
    size_t i, count;

    yyjson_mut_obj_foreach(changes, i, count, key, value)
    {
        old = find_name(t->tags, json_mut_str(key));
        if (old)
            yyjson_mut_obj_remove(t->tags, old);
        yyjson_mut_obj_add(t->tags, yyjson_mut_val_mut_copy(t->doc, key),
                           yyjson_mut_val_mut_copy(t->doc, value));
    }
}

/* Those of that name and value; an empty value stands for any. */
static void take_away(struct tagged *t, yyjson_mut_val *changes)
{
    yyjson_mut_val *key, *value, *old;
    size_t i, count;

    yyjson_mut_obj_foreach(changes, i, count, key, value)
    {
        old = find_name(t->tags, json_mut_str(key));
        if (old && (!yyjson_mut_get_len(value) ||
                    yyjson_mut_equals(yyjson_mut_obj_get(t->tags, yyjson_mut_get_str(old)), value)))
            yyjson_mut_obj_remove(t->tags, old);
    }
}

static void replace(struct tagged *t, yyjson_mut_val *tags)
{
    yyjson_mut_obj_clear(t->tags);
    merge(t, tags);
}

/* -- Requests -------------------------------------------------------------------------------- */

static bool get(struct arm_call *c, struct error *err)
{
    struct tagged t = { 0 };

    return find(c, &t, err) && reply(c, &t);
}

static bool put(struct arm_call *c, struct error *err)
{
    struct str operation;
    yyjson_mut_val *tags;
    struct tagged t = { 0 };

    if (!find(c, &t, err) || !read_request(c, &operation, &tags, err))
        return false;
    replace(&t, tags);
    return save(c, &t, err);
}

static bool patch(struct arm_call *c, struct error *err)
{
    struct str operation;
    yyjson_mut_val *tags;
    struct tagged t = { 0 };

    if (!find(c, &t, err) || !read_request(c, &operation, &tags, err))
        return false;
    if (str_equal(operation, STR("Merge")))
        merge(&t, tags);
    else if (str_equal(operation, STR("Delete")))
        take_away(&t, tags);
    else if (str_equal(operation, STR("Replace")))
        replace(&t, tags);
    else
        return error_set_target(err, ERROR_ARM_BODY, "operation",
                                "The request content was invalid and could not be deserialized: "
                                "'operation' is required.");
    return save(c, &t, err);
}

static bool delete (struct arm_call *c, struct error *err)
{
    struct tagged t = { 0 };

    if (!find(c, &t, err))
        return false;
    yyjson_mut_obj_clear(t.tags);
    if (!save(c, &t, err))
        return false;
    c->reply.body = STR_NONE;
    return true;
}

static const struct arm_route routes[] = {
    { HTTP_GET, PATH, get },
    { HTTP_PUT, PATH, put },
    { HTTP_PATCH, PATH, patch },
    { HTTP_DELETE, PATH, delete },
};

const struct arm_type arm_tags_type = {
    .name = "Microsoft.Resources/tags",
    .provider = &arm_resources,
    .path = PATH,
    .fields = fields,
    .field_count = ARRAY_LEN(fields),
    .routes = routes,
    .route_count = ARRAY_LEN(routes),
};
