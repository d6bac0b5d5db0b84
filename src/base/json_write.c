/*
 * JSON as text. yyjson writes a document as it is; answers of the data plane have sorted keys and
 * differ in a few members from what the engine said. So this writer sorts pointers to the members,
 * and applies changes, while it writes: no document is copied, changed or moved for that.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>

#include "base/bytes16.h"
#include "base/json_edit.h"
#include "base/memory.h"

/* Room to begin with: a chat answer as it is usual. */
#define FIRST_BYTES ((size_t)2048)
/* A text from here on lies on the heap: the arena would keep each size that it grows through. */
#define HEAP_BYTES ((size_t)256 * 1024)
/* A sign and the digits of UINT64_MAX. */
#define INTEGER_BYTES_MAX 24
/* "\u001F" */
#define ESCAPE_BYTES_MAX 6
/* The text of a double by yyjson, with what its allocator needs for itself. */
#define REAL_BYTES_MAX 512
/* Objects have few members as a rule; beyond that qsort is the better way. */
#define SORT_BY_INSERTION_MAX 24

/* NaN and infinity have no JSON form; a document that holds one is still written. */
#define WRITE_FLAGS YYJSON_WRITE_INF_AND_NAN_AS_NULL

struct writer {
    struct arena *arena;
    char *text;
    size_t len;
    size_t size;
    bool sorts;
    char **on_heap; /* in the arena: the text, which is freed with it; NULL: lies in the arena */
};

/* -- Bytes --------------------------------------------------------------------------------- */

static void free_text(void *data)
{
    free(*(char **)data);
}

static void grow_on_heap(struct writer *w, size_t size)
{
    char *before = w->text;

    if (w->on_heap) {
        w->text = memory_realloc(before, size);
    } else {
        w->text = memory_realloc(NULL, size);
        memcpy(w->text, before, w->len);
        w->on_heap = ARENA_NEW(w->arena, char *);
        arena_defer(w->arena, free_text, w->on_heap);
    }
    *w->on_heap = w->text;
}

static void grow(struct writer *w, size_t more)
{
    size_t size = 2 * w->size;
    char *before = w->text;

    while (size - w->len < more)
        size *= 2;
    if (size >= HEAP_BYTES) {
        grow_on_heap(w, size);
    } else {
        w->text = arena_alloc_bytes(w->arena, size);
        memcpy(w->text, before, w->len);
    }
    w->size = size;
}

/* Room for `more` bytes behind what is there. */
static inline char *room(struct writer *w, size_t more)
{
    if (w->size - w->len < more)
        grow(w, more);
    return w->text + w->len;
}

static inline void put_char(struct writer *w, char c)
{
    *room(w, 1) = c;
    w->len++;
}

static void put(struct writer *w, struct str s)
{
    if (!s.len)
        return;
    memcpy(room(w, s.len), s.data, s.len);
    w->len += s.len;
}

/* -- Scalars ------------------------------------------------------------------------------- */

static bool has_special(bytes16 v)
{
    return bytes16_any((v < ' ') | (v == '"') | (v == '\\'));
}

static char *escape(char *at, unsigned char c)
{
    static const char short_forms[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    static const char hex[] = "0123456789ABCDEF";
    const char *found = c ? strchr(short_forms, c) : NULL;

    *at++ = '\\';
    if (found) {
        *at++ = letters[found - short_forms];
        return at;
    }
    memcpy(at, "u00", 3);
    at[3] = hex[c >> 4];
    at[4] = hex[c & 15];
    return at + 5;
}

/* The text with U+FFFD in place of each byte that is not part of valid UTF-8. */
static struct str repair(struct arena *a, struct str s)
{
    char *text = arena_alloc_bytes(a, s.len * 3 + 1);
    size_t len = 0;

    for (size_t i = 0; i < s.len;) {
        size_t left = s.len - i, n = 1;

        while (n < 4 && n < left && !str_is_utf8(str_of(s.data + i, n)))
            n++;
        if (str_is_utf8(str_of(s.data + i, n))) {
            memcpy(text + len, s.data + i, n);
            len += n;
            i += n;
        } else {
            memcpy(text + len, "\xEF\xBF\xBD", 3);
            len += 3;
            i++;
        }
    }
    text[len] = '\0';
    return str_of(text, len);
}

/* What follows a plain beginning. */
static void put_special(struct writer *w, struct str s)
{
    if (!str_is_utf8(s))
        s = repair(w->arena, s);
    while (s.len) {
        size_t plain = 0;

        while (plain < s.len && (unsigned char)s.data[plain] >= ' ' && s.data[plain] != '"' &&
               s.data[plain] != '\\')
            plain++;
        put(w, str_of(s.data, plain));
        s = str_of(s.data + plain, s.len - plain);
        if (!s.len)
            return;
        w->len = (size_t)(escape(room(w, ESCAPE_BYTES_MAX), (unsigned char)*s.data) - w->text);
        s = str_of(s.data + 1, s.len - 1);
    }
}

/* Copies while it looks: what is plain, which is nearly all, is done with at once. */
static void put_string(struct writer *w, struct str s)
{
    char *at = room(w, s.len + sizeof(bytes16) + 2);
    size_t i = 0;
    bytes16 v;

    *at++ = '"';
    for (; s.len - i >= sizeof(v); i += sizeof(v)) {
        v = bytes16_load(s.data + i);
        if (has_special(v))
            break;
        bytes16_store(at + i, v);
    }
    if (s.len - i < sizeof(v)) {
        v = bytes16_load_some(s.data + i, s.len - i);
        if (!has_special(v)) {
            bytes16_store(at + i, v);
            at[s.len] = '"';
            w->len += s.len + 2;
            return;
        }
    }
    w->len += i + 1;
    put_special(w, str_slice(s, i, s.len));
    put_char(w, '"');
}

static void put_integer(struct writer *w, uint64_t n, bool is_negative)
{
    char digits[INTEGER_BYTES_MAX], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    if (is_negative)
        *--at = '-';
    put(w, str_of(at, (size_t)(digits + sizeof(digits) - at)));
}

/* The shortest text that reads back as the same double is yyjson's affair. */
static void put_real(struct writer *w, yyjson_val *value)
{
    char buffer[REAL_BYTES_MAX];
    yyjson_alc alc;
    size_t len;
    char *text;

    yyjson_alc_pool_init(&alc, buffer, sizeof(buffer));
    text = yyjson_val_write_opts(value, WRITE_FLAGS, &alc, &len, NULL);
    assert(text);
    put(w, str_of(text, len));
}

static void put_signed(struct writer *w, int64_t n)
{
    put_integer(w, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, n < 0);
}

static void put_number(struct writer *w, yyjson_val *value)
{
    if (yyjson_is_real(value))
        put_real(w, value);
    else if (yyjson_is_uint(value))
        put_integer(w, yyjson_get_uint(value), false);
    else
        put_signed(w, yyjson_get_sint(value));
}

/* -- Members in their order ---------------------------------------------------------------- */

/* A member on its way to its place. */
struct member {
    uint64_t prefix; /* the name's first eight bytes as a number, which is ordered as they are */
    size_t position;
    struct str name;
    yyjson_val *value;
    const struct json_change *change; /* NULL: the value as it is */
};

static uint64_t prefix_of(struct str name)
{
    return name.len >= sizeof(uint64_t) ? be64toh(bytes16_word(name.data, sizeof(uint64_t)))
                                        : be64toh(bytes16_some_of_word(name.data, name.len));
}

static bool has_name(const struct member *m, uint64_t prefix, struct str name)
{
    return m->prefix == prefix && str_equal(m->name, name);
}

/* By name; members of the same name stay in the order they came in. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    order = str_compare(x->name, y->name);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static bool is_before(const struct member *a, const struct member *b)
{
    return a->prefix != b->prefix ? a->prefix < b->prefix : compare_members(a, b) < 0;
}

/* The order of a few: numbers are moved, not members. */
static void sort_few(const struct member *members, size_t count,
                     unsigned char order[SORT_BY_INSERTION_MAX])
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i;

        for (; at && is_before(&members[i], &members[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = (unsigned char)i;
    }
}

static size_t take_members(yyjson_val *object, struct member *members)
{
    yyjson_val *key, *value;
    size_t i, count;

    if (!object) /* yyjson steps behind it before it looks */
        return 0;
    yyjson_obj_foreach(object, i, count, key, value)
    {
        struct str name = json_str(key);

        members[i] = (struct member){ prefix_of(name), i, name, value, NULL };
    }
    return yyjson_obj_size(object);
}

/* Puts the change on the member that it is for, or behind all as a new one. A member that comes
 * twice is changed once: the others go. `own`: how many members the object had. Returns how many
 * there are now. */
static size_t apply(const struct json_change *change, struct member *members, size_t own,
                    size_t count)
{
    static const struct json_change drop = { .kind = JSON_DROP };
    uint64_t prefix = prefix_of(change->key);
    bool is_found = false;

    for (size_t i = 0; i < own; i++) {
        if (!has_name(&members[i], prefix, change->key))
            continue;
        members[i].change = is_found ? &drop : change;
        is_found = true;
    }
    if (is_found || change->kind == JSON_DROP)
        return count;
    members[count] = (struct member){ prefix, count, change->key, NULL, change };
    return count + 1;
}

/* -- Containers ---------------------------------------------------------------------------- */

static void put_value(struct writer *w, yyjson_val *value);
static void put_edit(struct writer *w, const struct json_edit *edit);

static void put_array(struct writer *w, yyjson_val *array)
{
    yyjson_val *item;
    size_t i, count;

    put_char(w, '[');
    yyjson_arr_foreach(array, i, count, item)
    {
        if (i)
            put_char(w, ',');
        put_value(w, item);
    }
    put_char(w, ']');
}

static void put_edits(struct writer *w, const struct json_edit *edits, unsigned count)
{
    put_char(w, '[');
    for (unsigned i = 0; i < count; i++) {
        if (i)
            put_char(w, ',');
        put_edit(w, &edits[i]);
    }
    put_char(w, ']');
}

static void put_change(struct writer *w, const struct json_change *c)
{
    switch (c->kind) {
    case JSON_DROP:
        break;
    case JSON_TEXT:
        put(w, c->text);
        break;
    case JSON_STRING:
        put_string(w, c->text);
        break;
    case JSON_INTEGER:
        put_signed(w, c->integer);
        break;
    case JSON_OBJECT:
        put_edit(w, c->edits);
        break;
    case JSON_ARRAY:
        put_edits(w, c->edits, c->count);
        break;
    }
}

/* A key of json_edit.h, which needs no look. */
static void put_key(struct writer *w, struct str key)
{
    char *at = room(w, key.len + 3);

    *at = '"';
    memcpy(at + 1, key.data, key.len);
    at[key.len + 1] = '"';
    at[key.len + 2] = ':';
    w->len += key.len + 3;
}

/* False when the change is that there is none. */
static bool put_member(struct writer *w, const struct member *m, bool is_first)
{
    if (m->change && m->change->kind == JSON_DROP)
        return false;
    if (!is_first)
        put_char(w, ',');
    if (m->change) {
        put_key(w, m->change->key);
        put_change(w, m->change);
    } else {
        put_string(w, m->name);
        put_char(w, ':');
        put_value(w, m->value);
    }
    return true;
}

/* Who reads a document takes the first of two members of a name: so it is all that goes out where
 * sorting has brought them side by side. */
static bool is_repeated(const struct member *before, const struct member *m)
{
    return before && has_name(before, m->prefix, m->name);
}

static void put_few(struct writer *w, const struct member *members, size_t count)
{
    unsigned char order[SORT_BY_INSERTION_MAX];
    const struct member *before = NULL;
    bool is_first = true;

    sort_few(members, count, order);
    for (size_t i = 0; i < count; i++) {
        const struct member *m = &members[order[i]];

        if (!is_repeated(before, m))
            is_first &= !put_member(w, m, is_first);
        before = m;
    }
}

static void put_many(struct writer *w, struct member *members, size_t count)
{
    bool is_first = true;

    if (w->sorts)
        qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 0; i < count; i++) {
        if (!is_repeated(w->sorts && i ? &members[i - 1] : NULL, &members[i]))
            is_first &= !put_member(w, &members[i], is_first);
    }
}

static void put_changed(struct writer *w, yyjson_val *object, const struct json_change *changes,
                        unsigned change_count)
{
    size_t own = yyjson_obj_size(object), count;
    struct member few[SORT_BY_INSERTION_MAX], *members = few;

    if (own + change_count > ARRAY_LEN(few))
        members = arena_alloc_bytes(w->arena, (own + change_count) * sizeof(*members));
    count = take_members(object, members);
    for (unsigned i = 0; i < change_count; i++)
        count = apply(&changes[i], members, own, count);
    put_char(w, '{');
    if (w->sorts && members == few)
        put_few(w, members, count);
    else
        put_many(w, members, count);
    put_char(w, '}');
}

static void put_edit(struct writer *w, const struct json_edit *edit)
{
    if (edit->count || !edit->object)
        put_changed(w, edit->object, edit->changes, edit->count);
    else
        put_value(w, edit->object);
}

static void put_value(struct writer *w, yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_OBJ:
        put_changed(w, value, NULL, 0);
        break;
    case YYJSON_TYPE_ARR:
        put_array(w, value);
        break;
    case YYJSON_TYPE_STR:
        put_string(w, json_str(value));
        break;
    case YYJSON_TYPE_NUM:
        put_number(w, value);
        break;
    case YYJSON_TYPE_RAW:
        put(w, str_of(yyjson_get_raw(value), yyjson_get_len(value)));
        break;
    case YYJSON_TYPE_BOOL:
        put(w, yyjson_is_true(value) ? STR("true") : STR("false"));
        break;
    default:
        put(w, STR("null"));
        break;
    }
}

static void begin(struct writer *w, struct arena *a, size_t size, bool sorts)
{
    *w = (struct writer){ a, arena_alloc_bytes(a, size), 0, size, sorts, NULL };
}

static struct str end(struct writer *w)
{
    *room(w, 1) = '\0';
    return str_of(w->text, w->len);
}

static struct str write(struct arena *a, yyjson_val *value, bool sorts)
{
    struct writer w;

    begin(&w, a, FIRST_BYTES, sorts);
    put_value(&w, value);
    return end(&w);
}

/* What can be changed lies about in memory; what is written is in one piece. */
static struct str write_mut(struct arena *a, yyjson_mut_val *value, bool sorts)
{
    return write(a, yyjson_doc_get_root(json_freeze(a, value)), sorts);
}

struct str json_write(struct arena *a, yyjson_val *value)
{
    return write(a, value, false);
}

struct str json_write_mut(struct arena *a, yyjson_mut_val *value)
{
    return write_mut(a, value, false);
}

struct str json_write_sorted(struct arena *a, yyjson_mut_val *value)
{
    return write_mut(a, value, true);
}

struct str json_write_edit(struct arena *a, const struct json_edit *edit)
{
    struct writer w;

    begin(&w, a, FIRST_BYTES, true);
    put_edit(&w, edit);
    return end(&w);
}

struct str json_quote(struct arena *a, struct str s)
{
    struct writer w;

    begin(&w, a, s.len + sizeof("\"\""), false);
    put_string(&w, s);
    return end(&w);
}
