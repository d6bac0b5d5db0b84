/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json_asides.h"
#include "base/memory.h"

/* From so many bytes of text on, what is parsed lies on the heap: the arena would keep each size
 * that it grows through. */
#define HEAP_TEXT_BYTES ((size_t)256 * 1024)
/* One allocation for a document, at most, or as many times its text: 16 bytes a value. Text is not
 * much larger as a document; values of one or two bytes each are. */
#define HEAP_BYTES_MAX ((size_t)128 * 1024 * 1024)
#define HEAP_TIMES_TEXT 4

/* -- Memory -------------------------------------------------------------------------------- */

static void *alc_malloc(void *ctx, size_t size)
{
    return arena_alloc_bytes(ctx, size);
}

static void *alc_realloc(void *ctx, void *old, size_t old_size, size_t size)
{
    void *grown;

    if (size <= old_size)
        return old;
    grown = arena_alloc_bytes(ctx, size);
    memcpy(grown, old, old_size);
    return grown;
}

static void alc_free(void *ctx, void *old)
{
    (void)ctx;
    (void)old;
}

static yyjson_alc arena_alc(struct arena *a)
{
    return (yyjson_alc){ alc_malloc, alc_realloc, alc_free, a };
}

/* `ctx`: the most that one allocation may have; NULL beyond it. */
static void *heap_malloc(void *ctx, size_t size)
{
    const size_t *max = ctx;

    return size > *max ? NULL : memory_realloc(NULL, size);
}

static void *heap_realloc(void *ctx, void *old, size_t old_size, size_t size)
{
    const size_t *max = ctx;

    (void)old_size;
    return size > *max ? NULL : memory_realloc(old, size);
}

static void heap_free(void *ctx, void *old)
{
    (void)ctx;
    free(old);
}

static void free_document(void *data)
{
    yyjson_doc_free(data);
}

static yyjson_alc heap_alc(struct arena *a, size_t text_len)
{
    size_t *max = ARENA_NEW(a, size_t);

    *max = HEAP_TIMES_TEXT * text_len;
    if (*max < HEAP_BYTES_MAX)
        *max = HEAP_BYTES_MAX;
    return (yyjson_alc){ heap_malloc, heap_realloc, heap_free, max };
}

/* -- Reading and making -------------------------------------------------------------------- */

/* The values of a document lie one behind the other; a container knows where its last one ends. */
static bool is_too_deep(yyjson_doc *doc)
{
    const yyjson_val *ends[JSON_DEPTH_MAX];
    yyjson_val *value = yyjson_doc_get_root(doc);
    size_t count = yyjson_doc_get_val_count(doc), depth = 0;

    if (count <= JSON_DEPTH_MAX)
        return false; /* one value a level, at least */
    for (size_t i = 0; i < count; i++, value++) {
        while (depth && value >= ends[depth - 1])
            depth--;
        if (!yyjson_is_ctn(value))
            continue;
        if (depth == JSON_DEPTH_MAX)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(value);
    }
    return false;
}

/* `asides`: what was taken out of the text, NULL for nothing. */
static yyjson_doc *parse(struct arena *a, struct str text, yyjson_read_flag flags,
                         const struct json_asides *asides, struct error *err)
{
    bool is_on_heap = text.len >= HEAP_TEXT_BYTES;
    yyjson_alc alc = is_on_heap ? heap_alc(a, text.len) : arena_alc(a);
    yyjson_read_err why;
    yyjson_doc *doc;

    if (str_is_empty(text)) {
        error_set(err, ERROR_BAD_REQUEST, "Invalid JSON: the text is empty.");
        return NULL;
    }
    /* yyjson writes to the text in its in-place mode only */
    doc = yyjson_read_opts((char *)(uintptr_t)text.data, text.len, flags, &alc, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        error_set(err, ERROR_BAD_REQUEST, "Invalid JSON: too many values.");
        return NULL;
    }
    if (!doc) {
        error_set(err, ERROR_BAD_REQUEST, "Invalid JSON at byte %zu: %s.",
                  asides ? json_asides_position(asides, why.pos) : why.pos, why.msg);
        return NULL;
    }
    if (is_on_heap)
        arena_defer(a, free_document, doc);
    if (is_too_deep(doc)) {
        error_set(err, ERROR_BAD_REQUEST, "Invalid JSON: nested deeper than %d levels.",
                  JSON_DEPTH_MAX);
        return NULL;
    }
    return doc;
}

/* A number that no C type holds stays as its text, so that it is passed on exactly. */
yyjson_doc *json_parse(struct arena *a, struct str text, struct error *err)
{
    return parse(a, text, YYJSON_READ_BIGNUM_AS_RAW, NULL, err);
}

yyjson_doc *json_parse_numbers_as_text(struct arena *a, struct str text, struct error *err)
{
    return parse(a, text, YYJSON_READ_NUMBER_AS_RAW, NULL, err);
}

yyjson_doc *json_parse_lent(struct arena *a, struct str text, struct json_asides *asides,
                            struct error *err)
{
    struct str rest;
    yyjson_doc *doc;

    if (!json_asides_take(asides, text, &rest))
        return json_parse(a, text, err);
    doc = parse(a, rest, YYJSON_READ_BIGNUM_AS_RAW | YYJSON_READ_INSITU, asides, err);
    if (doc)
        json_asides_put_back(asides, doc);
    return doc;
}

yyjson_mut_doc *json_new(struct arena *a)
{
    yyjson_alc alc = arena_alc(a);

    return yyjson_mut_doc_new(&alc);
}

yyjson_mut_doc *json_copy(struct arena *a, yyjson_val *value)
{
    yyjson_mut_doc *doc = json_new(a);

    yyjson_mut_doc_set_root(doc, yyjson_val_mut_copy(doc, value));
    return doc;
}

yyjson_doc *json_freeze(struct arena *a, yyjson_mut_val *value)
{
    yyjson_alc alc = arena_alc(a);
    yyjson_doc *doc = yyjson_mut_val_imut_copy(value, &alc);

    assert(doc); /* memory does not run out */
    return doc;
}

/* -- Looking up ---------------------------------------------------------------------------- */

struct str json_str(yyjson_val *value)
{
    if (!yyjson_is_str(value))
        return STR_NONE;
    return str_of(yyjson_get_str(value), yyjson_get_len(value));
}

struct str json_mut_str(yyjson_mut_val *value)
{
    if (!yyjson_mut_is_str(value))
        return STR_NONE;
    return str_of(yyjson_mut_get_str(value), yyjson_mut_get_len(value));
}

yyjson_val *json_at(yyjson_val *object, const char *path)
{
    struct str rest = str_from(path), name;

    while (object && str_split(&rest, '.', &name))
        object = yyjson_obj_getn(object, name.data, name.len);
    return object;
}

yyjson_mut_val *json_mut_at(yyjson_mut_val *object, const char *path)
{
    struct str rest = str_from(path), name;

    while (object && str_split(&rest, '.', &name))
        object = yyjson_mut_obj_getn(object, name.data, name.len);
    return object;
}

uint64_t json_count_chars(yyjson_val *value)
{
    uint64_t chars = str_count_chars(json_str(value));
    yyjson_val *name, *item;
    size_t i, count;

    if (!yyjson_is_ctn(value)) /* the macros below reckon with its address, NULL or not */
        return chars;
    yyjson_arr_foreach(value, i, count, item)
    {
        chars += json_count_chars(item);
    }
    yyjson_obj_foreach(value, i, count, name, item)
    {
        chars += str_count_chars(json_str(name)) + json_count_chars(item);
    }
    return chars;
}

yyjson_val *json_get_nocase(yyjson_val *object, struct str key)
{
    yyjson_val *name, *value;
    size_t i, count;

    if (!object) /* from which yyjson's loop would count on */
        return NULL;
    yyjson_obj_foreach(object, i, count, name, value)
    {
        if (str_equal_nocase(json_str(name), key))
            return value;
    }
    return NULL;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare_nocase(*(const struct str *)a, *(const struct str *)b);
}

static int compare_letters(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* A name that the object has twice, STR_NONE when there is none. Sorted, since there may be as
 * many as the text is long. */
static struct str find_twice(struct arena *a, yyjson_val *object,
                             int (*compare)(const void *, const void *))
{
    size_t count = yyjson_obj_size(object), i, max;
    struct str *names = arena_alloc_bytes(a, count * sizeof(*names));
    yyjson_val *name, *value;

    yyjson_obj_foreach(object, i, max, name, value)
    {
        names[i] = json_str(name);
    }
    qsort(names, count, sizeof(*names), compare);
    for (i = 1; i < count; i++) {
        if (!compare(&names[i - 1], &names[i]))
            return names[i];
    }
    return STR_NONE;
}

struct str json_find_twice(struct arena *a, yyjson_val *object)
{
    return yyjson_obj_size(object) > 1 ? find_twice(a, object, compare_letters) : STR_NONE;
}

void json_find_doubts(struct arena *a, yyjson_doc *doc, struct str *name, bool *has_nul)
{
    yyjson_val *value = yyjson_doc_get_root(doc);
    size_t count = yyjson_doc_get_val_count(doc);

    *name = STR_NONE;
    *has_nul = false;
    /* names are values too */
    for (size_t i = 0; i < count && !name->data; i++, value++) {
        if (yyjson_is_str(value))
            *has_nul |= str_find_char(json_str(value), '\0') != SIZE_MAX;
        else if (yyjson_obj_size(value) > 1)
            *name = find_twice(a, value, compare_names);
    }
}

/* -- Changing ------------------------------------------------------------------------------ */

void json_set(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, yyjson_mut_val *value)
{
    bool done;

    /* without a value yyjson would remove the member */
    assert(value);
    done = yyjson_mut_obj_put(object, yyjson_mut_str(doc, key), value);
    assert(done);
}

void json_set_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, struct str value)
{
    json_set(doc, object, key, yyjson_mut_strncpy(doc, value.data ? value.data : "", value.len));
}

void json_set_int(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t value)
{
    json_set(doc, object, key, yyjson_mut_sint(doc, value));
}

void json_set_bool(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, bool value)
{
    json_set(doc, object, key, yyjson_mut_bool(doc, value));
}

yyjson_mut_val *json_set_object(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key)
{
    yyjson_mut_val *there = yyjson_mut_obj_get(object, key);

    if (yyjson_mut_is_obj(there))
        return there;
    there = yyjson_mut_obj(doc);
    json_set(doc, object, key, there);
    return there;
}

/* A member of an object that is being rebuilt. */
struct member {
    struct str name;
    size_t position;
    yyjson_mut_val *key;
    yyjson_mut_val *value;
    yyjson_val *patch; /* when it comes from the merge patch: its value there */
};

/* By name; members of the same name stay in the order they came in. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = str_compare(x->name, y->name);

    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static int compare_positions(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    return (x->position > y->position) - (x->position < y->position);
}

/* What the members [from, to), all of one name, come to: the first of the target's, changed by
 * the last of the patch's. False when that removes the member. */
static bool merge_member(yyjson_mut_doc *doc, const struct member *from, const struct member *to,
                         struct member *out)
{
    yyjson_val *patch = to[-1].patch;

    *out = *from;
    if (!patch)
        return true;
    if (yyjson_is_null(patch))
        return false;
    if (!out->key)
        out->key = yyjson_mut_strncpy(doc, out->name.data, out->name.len);
    if (!yyjson_is_obj(patch)) {
        out->value = yyjson_val_mut_copy(doc, patch);
        return true;
    }
    if (!yyjson_mut_is_obj(out->value))
        out->value = yyjson_mut_obj(doc);
    json_merge(doc, out->value, patch);
    return true;
}

/*
 * A patch may have as many members as its text is long, so that looking each one up in the target
 * would take quadratic time. Instead the members of both are sorted together, which brings those
 * of one name side by side, and what is left of them is put back in the order it came in.
 */
void json_merge(yyjson_mut_doc *doc, yyjson_mut_val *target, yyjson_val *patch)
{
    size_t own = yyjson_mut_obj_size(target), count = own + yyjson_obj_size(patch);
    size_t kept = 0, i, max;
    struct member *members;
    yyjson_mut_val *own_key, *own_value;
    yyjson_val *key, *value;

    assert(yyjson_mut_is_obj(target) && yyjson_is_obj(patch));
    members = doc->alc.malloc(doc->alc.ctx, count * sizeof(*members));
    yyjson_mut_obj_foreach(target, i, max, own_key, own_value)
    {
        members[i] = (struct member){ json_mut_str(own_key), i, own_key, own_value, NULL };
    }
    yyjson_obj_foreach(patch, i, max, key, value)
    {
        members[own + i] = (struct member){ json_str(key), own + i, NULL, NULL, value };
    }
    qsort(members, count, sizeof(*members), compare_members);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && str_equal(members[from].name, members[to].name); to++)
            ;
        if (merge_member(doc, members + from, members + to, &members[kept]))
            kept++;
    }
    qsort(members, kept, sizeof(*members), compare_positions);
    yyjson_mut_obj_clear(target);
    for (i = 0; i < kept; i++)
        yyjson_mut_obj_add(target, members[i].key, members[i].value);
}
