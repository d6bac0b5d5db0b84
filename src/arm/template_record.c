/* SPDX-License-Identifier: MIT */
#include "arm/template_record.h"

#include "arm/resource.h"

/* No ARM type: nothing but this file looks at them. */
#define TYPE "lazuli/templates"

/* An index is {"items": [[NAME, BYTES], ...]}, of names in lower case. */
struct index {
    yyjson_mut_doc *doc;
    yyjson_mut_val *items;
};

/* -- Keys ------------------------------------------------------------------------------------ */

static struct str key_of(struct arm_call *c, struct str scope, const char *what, struct str name)
{
    return arena_lower(c->arena, arena_printf(c->arena, "/templates%.*s/%s%s%.*s", STR_ARGS(scope),
                                              what, name.len ? "/" : "", STR_ARGS(name)));
}

static bool put(struct arm_call *c, struct str key, struct str body, struct error *err)
{
    struct store_resource r = {
        .key = key,
        .id = key,
        .type = STR(TYPE),
        .etag = STR("-"),
        .body = body,
        .created_at_ms = c->now_ms,
        .changed_at_ms = c->now_ms,
    };

    return store_put(c->txn, &r, err);
}

/* NULL in *root: there is none. */
static bool get(struct arm_call *c, struct str key, yyjson_val **root, struct error *err)
{
    struct store_resource r;
    bool found;

    *root = NULL;
    if (!store_get(c->txn, key, &r, &found, err))
        return false;
    if (found)
        *root = arm_resource_body(c->arena, &r, err);
    return !found || *root;
}

/* -- The index ------------------------------------------------------------------------------- */

static bool read_index(struct arm_call *c, struct str scope, struct index *index, struct error *err)
{
    yyjson_val *root;

    if (!get(c, key_of(c, scope, "index", STR_NONE), &root, err))
        return false;
    index->doc = root ? json_copy(c->arena, root) : json_new(c->arena);
    if (!root)
        yyjson_mut_doc_set_root(index->doc, yyjson_mut_obj(index->doc));
    index->items = yyjson_mut_obj_get(yyjson_mut_doc_get_root(index->doc), "items");
    if (!index->items) {
        index->items = yyjson_mut_arr(index->doc);
        json_set(index->doc, yyjson_mut_doc_get_root(index->doc), "items", index->items);
    }
    return true;
}

static bool write_index(struct arm_call *c, struct str scope, const struct index *index,
                        struct error *err)
{
    return put(c, key_of(c, scope, "index", STR_NONE),
               json_write_mut(c->arena, yyjson_mut_doc_get_root(index->doc)), err);
}

static struct str name_of(yyjson_mut_val *item)
{
    return json_mut_str(yyjson_mut_arr_get(item, 0));
}

static void remove_from_index(struct index *index, struct str name)
{
    yyjson_mut_val *item;
    size_t i, max;

    yyjson_mut_arr_foreach(index->items, i, max, item)
    {
        if (str_equal_nocase(name_of(item), name)) {
            yyjson_mut_arr_remove(index->items, i);
            return;
        }
    }
}

static bool delete_one(struct arm_call *c, struct str scope, struct str name, bool *existed,
                       struct error *err)
{
    bool had_payload;

    return store_delete(c->txn, key_of(c, scope, "deployments", name), existed, err) &&
           store_delete(c->txn, key_of(c, scope, "payloads", name), &had_payload, err);
}

/* The oldest go until there is room; the newest always stays. */
static bool make_room(struct arm_call *c, struct str scope, struct index *index, struct error *err)
{
    uint64_t bytes = 0;
    yyjson_mut_val *item;
    size_t i, max;
    bool existed;

    yyjson_mut_arr_foreach(index->items, i, max, item)
    {
        bytes += yyjson_mut_get_uint(yyjson_mut_arr_get(item, 1));
    }
    while (yyjson_mut_arr_size(index->items) > 1 &&
           (yyjson_mut_arr_size(index->items) > TEMPLATE_RECORDS_MAX ||
            bytes > TEMPLATE_RECORD_BYTES_MAX)) {
        item = yyjson_mut_arr_remove_first(index->items);
        bytes -= yyjson_mut_get_uint(yyjson_mut_arr_get(item, 1));
        if (!delete_one(c, scope, name_of(item), &existed, err))
            return false;
    }
    return true;
}

/* -- Records --------------------------------------------------------------------------------- */

bool template_record_get(struct arm_call *c, struct str scope, struct str name, yyjson_val **shown,
                         bool *found, struct error *err)
{
    if (!get(c, key_of(c, scope, "deployments", name), shown, err))
        return false;
    *found = *shown != NULL;
    return true;
}

yyjson_val *template_record_payload(struct arm_call *c, struct str scope, struct str name,
                                    struct error *err)
{
    yyjson_val *payload;

    if (!get(c, key_of(c, scope, "payloads", name), &payload, err))
        return NULL;
    if (!payload)
        error_set(err, ERROR_STORE, "the template of '%.*s' is not there", STR_ARGS(name));
    return payload;
}

bool template_record_put(struct arm_call *c, struct str scope, struct str name, struct str shown,
                         struct str payload, struct error *err)
{
    struct str lower = arena_lower(c->arena, name);
    yyjson_mut_val *item;
    struct index index;

    if (!read_index(c, scope, &index, err))
        return false;
    remove_from_index(&index, lower);
    item = yyjson_mut_arr(index.doc);
    yyjson_mut_arr_add_strncpy(index.doc, item, lower.data, lower.len);
    yyjson_mut_arr_add_uint(index.doc, item, payload.len);
    yyjson_mut_arr_append(index.items, item);
    return make_room(c, scope, &index, err) && write_index(c, scope, &index, err) &&
           put(c, key_of(c, scope, "deployments", name), shown, err) &&
           put(c, key_of(c, scope, "payloads", name), payload, err);
}

bool template_record_delete(struct arm_call *c, struct str scope, struct str name, bool *existed,
                            struct error *err)
{
    struct index index;

    if (!read_index(c, scope, &index, err))
        return false;
    remove_from_index(&index, name);
    return write_index(c, scope, &index, err) && delete_one(c, scope, name, existed, err);
}

bool template_record_names(struct arm_call *c, struct str scope, struct str **names, size_t *count,
                           struct error *err)
{
    struct index index;
    yyjson_mut_val *item;
    size_t i, max;

    if (!read_index(c, scope, &index, err))
        return false;
    *count = yyjson_mut_arr_size(index.items);
    *names = ARENA_ARRAY(c->arena, struct str, *count);
    yyjson_mut_arr_foreach(index.items, i, max, item)
    {
        (*names)[i] = name_of(item);
    }
    return true;
}

bool template_record_delete_all(struct arm_call *c, struct str scope, struct error *err)
{
    size_t count;

    return store_delete_tree(
        c->txn, arena_lower(c->arena, arena_printf(c->arena, "/templates%.*s", STR_ARGS(scope))),
        &count, err);
}
