/*
 * What a deployment would change, in the words of Azure's what-if: each resource before and after, and what differs.
 * SPDX-License-Identifier: MIT
 */
#include "arm/resource.h"
#include "arm/template_run.h"

/* Members that follow from a write and are no change of it. */
static bool is_noise(struct str path)
{
    static const char *const paths[] = { "etag", "systemData", "properties.updatedOn",
                                         "properties.updatedBy" };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (str_equal(path, str_from(paths[i])))
            return true;
    }
    return false;
}

/* -- One resource ---------------------------------------------------------------------------- */

/* As a what-if shows it; with its api-version, without noise. */
static yyjson_mut_val *snapshot(struct template_run *run, struct str api_version, yyjson_val *shown)
{
    yyjson_mut_val *made = yyjson_mut_obj(run->doc);
    yyjson_val *key, *value;
    size_t i, max;

    json_set_str(run->doc, made, "apiVersion", api_version);
    yyjson_obj_foreach(shown, i, max, key, value)
    {
        if (!is_noise(json_str(key)))
            yyjson_mut_obj_add(made, yyjson_val_mut_copy(run->doc, key),
                               yyjson_val_mut_copy(run->doc, value));
    }
    return made;
}

static void add_difference(struct template_run *run, yyjson_mut_val *list, struct str path,
                           yyjson_val *before, yyjson_val *after, yyjson_mut_val *children)
{
    yyjson_mut_val *item = yyjson_mut_obj(run->doc);
    struct str kind = STR("Modify");

    if (children)
        kind = yyjson_is_arr(before) ? STR("Array") : kind;
    else if (!before || !after)
        kind = before ? STR("Delete") : STR("Create");
    json_set_str(run->doc, item, "path", path);
    json_set_str(run->doc, item, "propertyChangeType", kind);
    if (before)
        json_set(run->doc, item, "before", yyjson_val_mut_copy(run->doc, before));
    if (after)
        json_set(run->doc, item, "after", yyjson_val_mut_copy(run->doc, after));
    if (children)
        json_set(run->doc, item, "children", children);
    yyjson_mut_arr_append(list, item);
}

static void compare(struct template_run *run, struct str path, yyjson_val *before,
                    yyjson_val *after, yyjson_mut_val *list);

static struct str join(struct template_run *run, struct str path, struct str name)
{
    return arena_printf(run->arena, "%.*s%s%.*s", STR_ARGS(path), path.len ? "." : "",
                        STR_ARGS(name));
}

static void compare_members(struct template_run *run, struct str path, yyjson_val *before,
                            yyjson_val *after, yyjson_mut_val *list)
{
    yyjson_val *key, *value;
    size_t i, max;

    yyjson_obj_foreach(before, i, max, key, value)
    {
        compare(run, join(run, path, json_str(key)), value,
                yyjson_obj_getn(after, yyjson_get_str(key), yyjson_get_len(key)), list);
    }
    yyjson_obj_foreach(after, i, max, key, value)
    {
        if (!yyjson_obj_getn(before, yyjson_get_str(key), yyjson_get_len(key)))
            compare(run, join(run, path, json_str(key)), NULL, value, list);
    }
}

/* Items by their places. */
static void compare_items(struct template_run *run, struct str path, yyjson_val *before,
                          yyjson_val *after, yyjson_mut_val *list)
{
    size_t count = yyjson_arr_size(before), more = yyjson_arr_size(after);
    yyjson_mut_val *children = yyjson_mut_arr(run->doc);

    for (size_t i = 0; i < (count > more ? count : more); i++) {
        yyjson_val *a = yyjson_arr_get(before, i), *b = yyjson_arr_get(after, i);
        struct str name = arena_printf(run->arena, "%zu", i);

        if (a && b && yyjson_equals(a, b))
            continue;
        if (yyjson_is_obj(a) && yyjson_is_obj(b)) {
            yyjson_mut_val *inner = yyjson_mut_arr(run->doc);

            compare_members(run, STR_NONE, a, b, inner);
            add_difference(run, children, name, a, b, inner);
        } else {
            add_difference(run, children, name, a, b, NULL);
        }
    }
    add_difference(run, list, path, before, after, children);
}

static void compare(struct template_run *run, struct str path, yyjson_val *before,
                    yyjson_val *after, yyjson_mut_val *list)
{
    if (is_noise(path) || (before && after && yyjson_equals(before, after)))
        return;
    if (yyjson_is_obj(before) && yyjson_is_obj(after))
        compare_members(run, path, before, after, list);
    else if (yyjson_is_arr(before) && yyjson_is_arr(after))
        compare_items(run, path, before, after, list);
    else
        add_difference(run, list, path, before, after, NULL);
}

/* -- Changes --------------------------------------------------------------------------------- */

static yyjson_mut_val *add(struct template_run *run, struct str id, const char *kind)
{
    yyjson_mut_val *change = yyjson_mut_obj(run->doc);

    json_set_str(run->doc, change, "resourceId", id);
    json_set_str(run->doc, change, "changeType", str_from(kind));
    yyjson_mut_arr_append(run->changes, change);
    return change;
}

void template_note_change(struct template_run *run, struct str id, struct str api_version,
                          yyjson_val *before, yyjson_val *after)
{
    yyjson_mut_val *delta = yyjson_mut_arr(run->doc), *change;
    const char *kind = "Create";

    if (before && after)
        compare(run, STR_NONE, before, after, delta);
    if (before)
        kind = yyjson_mut_arr_size(delta) ? "Modify" : "NoChange";
    if (run->shows_ids_only) {
        add(run, id, before && !yyjson_mut_arr_size(delta) ? "NoChange" : "Deploy");
        return;
    }
    change = add(run, id, kind);
    if (before)
        json_set(run->doc, change, "before", snapshot(run, api_version, before));
    if (after)
        json_set(run->doc, change, "after", snapshot(run, api_version, after));
    if (before)
        json_set(run->doc, change, "delta", delta);
}

void template_note_surplus(struct template_run *run, struct str id, struct str api_version,
                           yyjson_val *shown, bool is_deleted)
{
    yyjson_mut_val *change = add(run, id, is_deleted ? "Delete" : "Ignore");

    if (run->shows_ids_only)
        return;
    json_set(run->doc, change, "before", snapshot(run, api_version, shown));
    if (!is_deleted)
        json_set(run->doc, change, "after", snapshot(run, api_version, shown));
}

void template_note_unknown(struct template_run *run, struct str id, struct str reason)
{
    if (run->purpose == TEMPLATE_WHAT_IF)
        json_set_str(run->doc, add(run, id, "Unsupported"), "unsupportedReason", reason);
}
