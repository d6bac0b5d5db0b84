/* SPDX-License-Identifier: MIT */
#include "inference/fields.h"

#include <assert.h>

#include "inference/field_errors.h"

#define FIELDS_MAX 64

struct walk {
    struct exchange *x;
    struct error *err;
};

/* One object on the way. */
struct object {
    const struct fields *fields;
    const struct field_path *path; /* NULL: the request itself */
    yyjson_val *tag;  /* the member that tells variants apart, and is checked first; NULL: none */
    unsigned variant; /* its bit; FIELD_ALWAYS where there is but one */
    uint64_t seen;    /* fields of the table */
    struct field_strangers strangers;
};

static bool check_object(struct walk *w, yyjson_val *value, const struct fields *fields,
                         const struct field_path *path);

static bool in_range(const struct field *f, double value)
{
    return (f->minimum == 0 && f->maximum == 0) || (value >= f->minimum && value <= f->maximum);
}

/* No field goes beyond 64-bit integers with a sign, which is what engines read. */
static bool is_huge(yyjson_val *value)
{
    return yyjson_is_raw(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX);
}

static size_t place_of(const struct field *f, struct str value)
{
    char first = value.len ? value.data[0] : '\0';
    size_t i = 0;

    /* the first letter tells most of them apart */
    while (f->values[i] && (f->values[i][0] != first || !str_equal(str_from(f->values[i]), value)))
        i++;
    return i;
}

static bool check_string(struct walk *w, struct str value, const struct field *f,
                         const struct field_path *path)
{
    bool is_name = f->types & FIELD_NAME;

    if (!f->values && !(f->types & (FIELD_NAME | FIELD_FILLED)))
        return true;
    if (f->values && !f->values[place_of(f, value)])
        return field_refuse_value(value, f, path, w->err);
    if (((is_name || f->types & FIELD_FILLED) && !value.len) ||
        (is_name && (!str_is_alnum_or(value, "_-") || value.len > FIELD_NAME_CHARS_MAX)))
        return field_refuse_string(value, path, w->err);
    return true;
}

/* Of the type that the field wants, but not yet looked into. */
static bool check_inside(struct walk *w, yyjson_val *value, const struct field *f,
                         const struct field_path *path)
{
    if (yyjson_is_str(value))
        return check_string(w, json_str(value), f, path);
    if (yyjson_is_obj(value) && f->members)
        return check_object(w, value, f->members, path);
    return true;
}

static bool check_items(struct walk *w, yyjson_val *array, const struct field *f,
                        const struct field_path *path)
{
    struct field item_field = *f;
    yyjson_val *item;
    size_t i, count;

    item_field.types = f->items | (f->types & (FIELD_FILLED | FIELD_NAME));
    yyjson_arr_foreach(array, i, count, item)
    {
        const struct field_path item_path = { path, NULL, i };

        if (!(field_types_of(item) & f->items))
            return field_refuse_type(item, &item_field, &item_path, w->err);
        if (!check_inside(w, item, &item_field, &item_path))
            return false;
    }
    return true;
}

static bool check_value(struct walk *w, yyjson_val *value, const struct field *f,
                        const struct field_path *path)
{
    if (yyjson_is_str(value) && f->types & FIELD_STRING) /* which most are */
        return check_string(w, json_str(value), f, path);
    if (!(field_types_of(value) & f->types))
        return field_refuse_type(value, f, path, w->err);
    if (is_huge(value) || (yyjson_is_num(value) && !in_range(f, yyjson_get_num(value))))
        return field_refuse_number(value, f, path, w->err);
    if (!yyjson_is_arr(value))
        return check_inside(w, value, f, path);
    if (!in_range(f, (double)yyjson_arr_size(value)))
        return field_refuse_length(value, f, path, w->err);
    return !f->items || check_items(w, value, f, path);
}

/* Behind the tag's. */
static size_t first_row(const struct object *o)
{
    return o->tag ? 1 : 0;
}

/* Of one of the variants; NULL: none. */
static const struct field *find(const struct fields *fields, unsigned variants, struct str name)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *f = &fields->list[i];

        if (f->name_len == name.len && f->name[0] == name.data[0] &&
            (!f->only || f->only & variants) && memcmp(f->name, name.data, name.len) == 0)
            return f;
    }
    return NULL;
}

/* Equal without regard to case, as Go's encoding/json compares names: it also takes the long s
 * (U+017F) for an s and the Kelvin sign (U+212A) for a k. */
static bool is_equal_folded(struct str name, const struct field *f)
{
    const char *long_s = "\xC5\xBF", *kelvin = "\xE2\x84\xAA";
    size_t at = 0;

    for (unsigned i = 0; i < f->name_len; i++) {
        struct str rest = str_slice(name, at, SIZE_MAX);

        if (f->name[i] == 's' && str_starts_with(rest, str_from(long_s)))
            at += strlen(long_s);
        else if (f->name[i] == 'k' && str_starts_with(rest, str_from(kelvin)))
            at += strlen(kelvin);
        else if (str_starts_with_nocase(rest, str_of(f->name + i, 1)))
            at++;
        else
            return false;
    }
    return at == name.len;
}

/* Some engine could take it for a field of the table, which lazuli has checked and may have changed:
 * one that reads names without regard to case, or up to a NUL. */
static bool is_lookalike(const struct object *o, struct str name)
{
    if (str_find_char(name, '\0') != SIZE_MAX)
        return true;
    for (size_t i = 0; i < o->fields->count; i++) {
        if (is_equal_folded(name, &o->fields->list[i]))
            return true;
    }
    return false;
}

/* An upstream knows what a member is that is in no table; the others would leave it out without a
 * word. */
static bool is_passed_on(const struct walk *w, const struct object *o, struct str name)
{
    return w->x->deployment->engine->kind == ENGINE_UPSTREAM && !is_lookalike(o, name);
}

static bool check_member(struct walk *w, struct object *o, struct str name, yyjson_val *value)
{
    struct field_path path = { o->path, NULL, 0 };
    char text[FIELD_PATH_BYTES];
    const struct field *f = find(o->fields, o->variant, name);
    size_t row;

    if (!f && yyjson_is_null(value)) /* SDKs write null for members that other variants have */
        f = find(o->fields, FIELD_ALWAYS, name);
    if (!f) {
        if (!is_passed_on(w, o, name))
            field_strangers_add(&o->strangers, name);
        return true;
    }
    row = (size_t)(f - o->fields->list);
    path.name = f->name;
    if (o->seen & UINT64_C(1) << row)
        return field_refuse_twice(&path, w->err);
    o->seen |= UINT64_C(1) << row;
    assert(!f->required || row == first_row(o) || f[-1].required); /* see check_required */
    if (yyjson_is_null(value))
        return f->required & o->variant ? field_refuse_missing(&path, w->err) : true;
    if (!check_value(w, value, f, &path))
        return false;
    return !f->feature ||
           fields_need(&w->x->facts, f->feature, field_path_text(&path, text), w->err);
}

static bool check_required(struct walk *w, const struct object *o)
{
    for (size_t i = first_row(o); i < o->fields->count && o->fields->list[i].required; i++) {
        const struct field *f = &o->fields->list[i];

        if (f->required & o->variant && !(o->seen & UINT64_C(1) << i))
            return field_refuse_missing(&(struct field_path){ o->path, f->name, 0 }, w->err);
    }
    return true;
}

/* Which variant it is, by its tag. */
static bool find_variant(struct walk *w, yyjson_val *value, struct object *o)
{
    struct str name = o->fields->tag;
    const struct field_path path = { o->path, name.data, 0 };
    const struct field *f = o->fields->list;
    size_t place;

    if (!name.len)
        return true;
    o->tag = yyjson_obj_getn(value, name.data, name.len);
    if (!o->tag || yyjson_is_null(o->tag))
        return field_refuse_missing(&path, w->err);
    place = place_of(f, json_str(o->tag));
    if (!f->values[place]) /* no such value, or none at all */
        return check_value(w, o->tag, f, &path);
    o->variant = 1u << place;
    o->seen = 1;
    return true;
}

static bool check_object(struct walk *w, yyjson_val *value, const struct fields *fields,
                         const struct field_path *path)
{
    struct object o;
    yyjson_obj_iter members = yyjson_obj_iter_with(value);
    yyjson_val *key;

    assert(fields->count <= FIELDS_MAX);
    o.fields = fields;
    o.path = path;
    o.tag = NULL;
    o.variant = FIELD_ALWAYS;
    o.seen = 0;
    o.strangers.count = 0;
    if (!find_variant(w, value, &o))
        return false;
    while ((key = yyjson_obj_iter_next(&members))) {
        yyjson_val *member = yyjson_obj_iter_get_val(key);

        if (member != o.tag && !check_member(w, &o, json_str(key), member))
            return false;
    }
    if (o.strangers.count)
        return field_refuse_strangers(w->x, &o.strangers, path, w->err);
    return check_required(w, &o);
}

bool fields_check(struct exchange *x, yyjson_val *object, const struct fields *fields,
                  struct error *err)
{
    return check_object(&(struct walk){ x, err }, object, fields, NULL);
}

bool fields_need(struct request_facts *facts, unsigned feature, const char *name, struct error *err)
{
    facts->features |= feature;
    return !(facts->lacks & feature) || field_refuse_unsupported(name, err);
}
