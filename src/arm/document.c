/* SPDX-License-Identifier: MIT */
#include "arm/document.h"

#include <assert.h>

#define TAG_COUNT_MAX 50
#define TAG_NAME_MAX 512
#define TAG_VALUE_MAX 256
/* What a client may put into one text or list of a resource; ARM's own limit is on the whole. */
#define TEXT_MAX 8192
#define LIST_MAX 1000

yyjson_val *arm_document_at(yyjson_val *object, const char *path)
{
    struct str rest = str_from(path), name;

    while (object && str_split(&rest, '.', &name))
        object = json_get_nocase(object, name);
    return object;
}

static bool wrong(struct error *err, const char *path, const char *what)
{
    return error_set_target(err, ERROR_ARM_BODY, path,
                            "The request content was invalid and could not be deserialized: the "
                            "value of '%s' %s.",
                            path, what);
}

/* The name among "A|B|C" that equals `text` without case. */
static bool find_value(const char *values, struct str text, struct str *canonical)
{
    struct str rest = str_from(values), value;

    while (str_split(&rest, '|', &value)) {
        if (str_equal_nocase(value, text)) {
            *canonical = value;
            return true;
        }
    }
    return false;
}

static yyjson_mut_val *read_text(yyjson_mut_doc *doc, const struct arm_field *f, yyjson_val *value,
                                 struct error *err)
{
    struct str text = json_str(value), kept = text;

    if (!yyjson_is_str(value)) {
        wrong(err, f->path, "must be a string");
        return NULL;
    }
    if (text.len > TEXT_MAX) {
        wrong(err, f->path, "is too long");
        return NULL;
    }
    if (f->values && !find_value(f->values, text, &kept)) {
        error_set_target(err, ERROR_ARM_BODY, f->path,
                         "Error converting value \"%.*s\" of '%s': it must be one of %s.",
                         STR_ARGS(str_slice(text, 0, 100)), f->path, f->values);
        return NULL;
    }
    return yyjson_mut_strncpy(doc, kept.data, kept.len);
}

static bool has_reserved(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (strchr("<>%&\\?/", name.data[i]) || (unsigned char)name.data[i] < ' ')
            return true;
    }
    return !str_is_utf8(name);
}

bool arm_document_check_tag_name(struct str name, const char *path, struct error *err)
{
    return !has_reserved(name) ||
           error_set_target(err, ERROR_ARM_TAG_NAME, path,
                            "The tag names '%.*s' have reserved characters '<,>,%%,&,\\,?,/' or "
                            "control characters.",
                            STR_ARGS(str_slice(name, 0, 100)));
}

static bool is_text_map(const struct arm_field *f, yyjson_val *map, struct error *err)
{
    yyjson_val *key, *value;
    size_t i, count;

    if (!yyjson_is_obj(map))
        return wrong(err, f->path, "must be an object");
    if (yyjson_obj_size(map) > TAG_COUNT_MAX)
        return wrong(err, f->path, "has more than 50 members");
    yyjson_obj_foreach(map, i, count, key, value)
    {
        if (!yyjson_is_str(value) || yyjson_get_len(value) > TAG_VALUE_MAX)
            return wrong(err, f->path, "must have strings of at most 256 characters as its values");
        if (yyjson_get_len(key) > TAG_NAME_MAX || !yyjson_get_len(key))
            return wrong(err, f->path, "must have names of 1 to 512 characters");
        if (!arm_document_check_tag_name(json_str(key), f->path, err))
            return false;
    }
    return true;
}

bool arm_document_check_tags(yyjson_val *tags, struct error *err)
{
    static const struct arm_field field = { .path = "tags", .kind = ARM_FIELD_TEXT_MAP };

    return is_text_map(&field, tags, err);
}

static bool is_list(const struct arm_field *f, yyjson_val *list, struct error *err)
{
    yyjson_val *item;
    size_t i, count;

    if (!yyjson_is_arr(list))
        return wrong(err, f->path, "must be an array");
    if (yyjson_arr_size(list) > LIST_MAX)
        return wrong(err, f->path, "has more than 1000 items");
    if (f->kind == ARM_FIELD_LIST)
        return true;
    yyjson_arr_foreach(list, i, count, item)
    {
        if (!yyjson_is_str(item) || yyjson_get_len(item) > TEXT_MAX)
            return wrong(err, f->path, "must be an array of strings");
    }
    return true;
}

/* As a text, too, which is how az sends the capacity of a sku. */
static yyjson_mut_val *read_integer(yyjson_mut_doc *doc, const struct arm_field *f,
                                    yyjson_val *value, struct error *err)
{
    uint64_t number = yyjson_is_int(value) ? (uint64_t)yyjson_get_sint(value) : UINT64_MAX;

    if ((yyjson_is_str(value) && str_to_u64(json_str(value), INT32_MAX, &number)) ||
        number <= INT32_MAX)
        return yyjson_mut_uint(doc, number);
    wrong(err, f->path, "must be an integer of 32 bits that is not negative");
    return NULL;
}

/* The value in its kept form; NULL with *err. */
static yyjson_mut_val *read_field(yyjson_mut_doc *doc, const struct arm_field *f, yyjson_val *value,
                                  struct error *err)
{
    bool good = true;

    switch (f->kind) {
    case ARM_FIELD_TEXT:
        return read_text(doc, f, value, err);
    case ARM_FIELD_INTEGER:
        return read_integer(doc, f, value, err);
    case ARM_FIELD_BOOL:
        if (!yyjson_is_bool(value))
            good = wrong(err, f->path, "must be a boolean");
        break;
    case ARM_FIELD_OBJECT:
        if (!yyjson_is_obj(value))
            good = wrong(err, f->path, "must be an object");
        break;
    case ARM_FIELD_LIST:
    case ARM_FIELD_TEXT_LIST:
        good = is_list(f, value, err);
        break;
    case ARM_FIELD_TEXT_MAP:
        good = is_text_map(f, value, err);
        break;
    }
    return good ? yyjson_val_mut_copy(doc, value) : NULL;
}

/* -- Items of lists -------------------------------------------------------------------------- */

/* The name behind "LIST[]." in the row of a member of the list's items; NULL for any other row. */
static const char *member_of(const struct arm_field *list, const struct arm_field *row)
{
    size_t len = strlen(list->path);

    return strncmp(row->path, list->path, len) == 0 && strncmp(row->path + len, "[].", 3) == 0
               ? row->path + len + 3
               : NULL;
}

static yyjson_mut_val *read_item(struct arena *a, yyjson_mut_doc *doc, const struct arm_type *type,
                                 const struct arm_field *list, struct str path, yyjson_val *item,
                                 struct error *err)
{
    yyjson_mut_val *kept = yyjson_mut_obj(doc), *member;

    if (!yyjson_is_obj(item)) {
        wrong(err, path.data, "must be an object");
        return NULL;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const char *name = member_of(list, &type->fields[i]);
        yyjson_val *value = name ? json_get_nocase(item, str_from(name)) : NULL;
        struct arm_field f = type->fields[i];

        if (!value || yyjson_is_null(value))
            continue;
        f.path = arena_printf(a, "%.*s.%s", STR_ARGS(path), name).data;
        member = read_field(doc, &f, value, err);
        if (!member)
            return NULL;
        json_set(doc, kept, name, member);
    }
    return kept;
}

/* A list is kept as it is where no rows say what its items, objects, may have. */
static yyjson_mut_val *read_items(struct arena *a, yyjson_mut_doc *doc, const struct arm_type *type,
                                  const struct arm_field *list, yyjson_val *value,
                                  struct error *err)
{
    yyjson_mut_val *kept = yyjson_mut_arr(doc), *item;
    bool has_rows = false;
    yyjson_val *given;
    size_t i, count;

    for (i = 0; i < type->field_count; i++)
        has_rows |= member_of(list, &type->fields[i]) != NULL;
    if (!has_rows)
        return yyjson_val_mut_copy(doc, value);
    yyjson_arr_foreach(value, i, count, given)
    {
        item = read_item(a, doc, type, list, arena_printf(a, "%s[%zu]", list->path, i), given, err);
        if (!item)
            return NULL;
        yyjson_mut_arr_append(kept, item);
    }
    return kept;
}

/* -- Documents ------------------------------------------------------------------------------- */

/* Walks from `object` along the path, making objects as needed; *last is the final name. */
static yyjson_mut_val *make_way(struct arena *a, yyjson_mut_doc *doc, const char *path,
                                const char **last)
{
    yyjson_mut_val *object = yyjson_mut_doc_get_root(doc);
    struct str rest = str_from(path), name;

    str_split(&rest, '.', &name);
    while (rest.data) {
        object = json_set_object(doc, object, arena_text(a, name));
        str_split(&rest, '.', &name);
    }
    *last = arena_text(a, name);
    return object;
}

/* Looks along the way to a field: each member on it must be an object, or null or absent.
 * {"properties": 5} must not pass. *null_len is the length of the path's part that is null. */
static bool check_way(yyjson_val *input, const struct arm_field *f, size_t *null_len,
                      struct error *err)
{
    struct str rest = str_from(f->path), name;
    char way[128];

    *null_len = 0;
    while (input && str_split(&rest, '.', &name) && rest.data) {
        size_t len = (size_t)(name.data + name.len - f->path);

        input = json_get_nocase(input, name);
        if (yyjson_is_null(input)) {
            *null_len = len;
            return true;
        }
        if (!input || yyjson_is_obj(input))
            continue;
        assert(len < sizeof(way));
        memcpy(way, f->path, len);
        way[len] = '\0';
        return wrong(err, way, "must be an object");
    }
    return true;
}

static void set_at(struct arena *a, yyjson_mut_doc *doc, const char *path, yyjson_mut_val *value)
{
    const char *name;
    yyjson_mut_val *object = make_way(a, doc, path, &name);

    json_set(doc, object, name, value);
}

/* `keep_nulls`: a null member stays, for a merge; else it is absent. So is a whole part of the
 * resource that is null, such as "properties". */
static yyjson_mut_doc *read_fields(struct arena *a, const struct arm_type *type, yyjson_val *input,
                                   bool keep_nulls, struct error *err)
{
    yyjson_mut_doc *doc = json_new(a);

    yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    for (size_t i = 0; i < type->field_count; i++) {
        const struct arm_field *f = &type->fields[i];
        yyjson_val *value = arm_document_at(input, f->path);
        struct str way = str_from(f->path);
        yyjson_mut_val *kept;
        size_t null_len;

        if (strchr(f->path, '['))
            continue; /* read with its list */
        if (!check_way(input, f, &null_len, err))
            return NULL;
        way.len = null_len;
        if (keep_nulls && str_find_char(way, '.') != SIZE_MAX)
            set_at(a, doc, arena_text(a, way), yyjson_mut_null(doc));
        if (!value || (yyjson_is_null(value) && !keep_nulls))
            continue;
        kept = yyjson_is_null(value) ? yyjson_mut_null(doc) : read_field(doc, f, value, err);
        if (kept && f->kind == ARM_FIELD_LIST && yyjson_is_arr(value))
            kept = read_items(a, doc, type, f, value, err);
        if (!kept)
            return NULL;
        set_at(a, doc, f->path, kept);
    }
    return doc;
}

yyjson_mut_doc *arm_document_from_put(struct arena *a, const struct arm_type *type,
                                      yyjson_val *input, struct error *err)
{
    return read_fields(a, type, input, false, err);
}

/* The members that a patch replaces as a whole are removed first, so that nothing is merged. */
static void remove_maps(const struct arm_type *type, yyjson_mut_val *root, yyjson_val *patch)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct arm_field *f = &type->fields[i];

        /* maps stand at the top level only ("tags") */
        if (f->kind == ARM_FIELD_TEXT_MAP && yyjson_obj_get(patch, f->path))
            yyjson_mut_obj_remove_key(root, f->path);
    }
}

yyjson_mut_doc *arm_document_from_patch(struct arena *a, const struct arm_type *type,
                                        yyjson_val *old, yyjson_val *input, struct error *err)
{
    yyjson_mut_doc *doc = json_copy(a, old), *patch = read_fields(a, type, input, true, err);
    yyjson_doc *fixed;

    if (!patch)
        return NULL;
    fixed = yyjson_mut_doc_imut_copy(patch, &patch->alc); /* json_merge takes it so */
    assert(fixed);
    remove_maps(type, yyjson_mut_doc_get_root(doc), yyjson_doc_get_root(fixed));
    json_merge(doc, yyjson_mut_doc_get_root(doc), yyjson_doc_get_root(fixed));
    return doc;
}
