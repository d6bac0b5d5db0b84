/*
 * JSON as text. yyjson writes a document as it is; answers of the data plane have sorted keys and
 * differ in a few members from what the engine said. So this writer sorts pointers to the members,
 * and applies changes, while it writes: no document is copied, changed or moved for that.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes16.h"
#include "base/format.h"
#include "base/json_edit.h"
#include "base/json_special.h"
#include "base/memory.h"

/* Room to begin with: a chat answer as it is usual. */
#define FIRST_BYTES ((size_t)2048)
/* A text from here on lies on the heap: the arena would keep each size that it grows through. */
#define HEAP_BYTES ((size_t)256 * 1024)
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
    char *text, *at, *end; /* at: behind what is written; end: of the room */
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
    size_t len = (size_t)(w->at - w->text);

    if (w->on_heap) {
        w->text = memory_realloc(w->text, size);
    } else {
        char *text = memory_realloc(NULL, size);

        w->text = memcpy(text, w->text, len);
        w->on_heap = ARENA_NEW(w->arena, char *);
        arena_defer(w->arena, free_text, w->on_heap);
    }
    *w->on_heap = w->text;
}

static void grow(struct writer *w, size_t more)
{
    size_t len = (size_t)(w->at - w->text), size = 2 * (size_t)(w->end - w->text);

    while (size - len < more)
        size *= 2;
    if (size >= HEAP_BYTES)
        grow_on_heap(w, size);
    else
        w->text = memcpy(arena_alloc_bytes(w->arena, size), w->text, len);
    w->at = w->text + len;
    w->end = w->text + size;
}

/* Room for `more` bytes behind what is there. */
static inline char *room(struct writer *w, size_t more)
{
    if ((size_t)(w->end - w->at) < more)
        grow(w, more);
    return w->at;
}

static inline void put_char(struct writer *w, char c)
{
    char *at = room(w, 1);

    *at = c;
    w->at = at + 1;
}

static void put(struct writer *w, struct str s)
{
    if (!s.len)
        return;
    memcpy(room(w, s.len), s.data, s.len);
    w->at += s.len;
}

/* -- Scalars ------------------------------------------------------------------------------- */

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
        w->at = escape(room(w, ESCAPE_BYTES_MAX), (unsigned char)*s.data);
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
        if (bytes16_any(json_is_special(v)))
            break;
        bytes16_store(at + i, v);
    }
    if (s.len - i < sizeof(v)) {
        v = bytes16_load_some(s.data + i, s.len - i);
        if (!bytes16_any(json_is_special(v))) {
            bytes16_store(at + i, v);
            at[s.len] = '"';
            w->at = at + s.len + 1;
            return;
        }
    }
    w->at = at + i;
    put_special(w, str_slice(s, i, s.len));
    put_char(w, '"');
}

/* A text with its quotes in which nothing has to be escaped. */
static inline char *write_plain(char *at, struct str s)
{
    *at++ = '"';
    bytes16_copy(at, s.data, s.len);
    at += s.len;
    *at++ = '"';
    return at;
}

/* Of a document: what yyjson has read, it has seen to be UTF-8, and mostly to need no escape. */
static void put_text(struct writer *w, yyjson_val *string)
{
    struct str s = str_of(unsafe_yyjson_get_str(string), unsafe_yyjson_get_len(string));

    if (unsafe_yyjson_get_subtype(string) == YYJSON_SUBTYPE_NOESC)
        w->at = write_plain(room(w, s.len + 2), s);
    else
        put_string(w, s);
}

static void put_unsigned(struct writer *w, uint64_t n)
{
    w->at = format_put_decimal(room(w, FORMAT_DECIMAL_MAX), n);
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
    if (n < 0)
        put_char(w, '-');
    put_unsigned(w, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

static void put_number(struct writer *w, yyjson_val *value)
{
    if (yyjson_is_real(value))
        put_real(w, value);
    else if (yyjson_is_uint(value))
        put_unsigned(w, yyjson_get_uint(value));
    else
        put_signed(w, yyjson_get_sint(value));
}

/* -- Members in their order ---------------------------------------------------------------- */

/* A member on its way to its place. */
struct member {
    uint64_t rank; /* bytes16_rank of its name */
    yyjson_val *key;
};

static struct str name_of(const struct member *m)
{
    return str_of(unsafe_yyjson_get_str(m->key), unsafe_yyjson_get_len(m->key));
}

/* Of two names of the same rank, which has told all of those that are short. */
static int compare_long(struct str a, struct str b)
{
    if (a.len <= sizeof(uint64_t) && b.len <= sizeof(uint64_t))
        return (a.len > b.len) - (a.len < b.len);
    return str_compare(a, b);
}

static bool has_same_name(const struct member *a, const struct member *b)
{
    return a->rank == b->rank && compare_long(name_of(a), name_of(b)) == 0;
}

/* By name; members of the same name stay in the order they came in, in which they lie. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    order = compare_long(name_of(x), name_of(y));
    return order ? order : (x->key > y->key) - (x->key < y->key);
}

static bool is_before(const struct member *a, const struct member *b)
{
    return a->rank != b->rank ? a->rank < b->rank : compare_members(a, b) < 0;
}

static int compare_change(const struct json_change *c, const struct member *m)
{
    if (c->rank != m->rank)
        return c->rank < m->rank ? -1 : 1;
    return compare_long(c->key, name_of(m));
}

/* The members in the order of their names. */
static void sort_members(yyjson_val *object, size_t count, struct member *members)
{
    yyjson_obj_iter i = yyjson_obj_iter_with(object);
    bool is_few = count <= SORT_BY_INSERTION_MAX;
    struct member m, *at = members;

    while ((m.key = yyjson_obj_iter_next(&i))) {
        struct str name = name_of(&m);
        struct member *place = at++;

        m.rank = bytes16_rank(name.data, name.len);
        for (; is_few && place > members && is_before(&m, place - 1); place--)
            *place = place[-1];
        *place = m;
    }
    if (!is_few)
        qsort(members, count, sizeof(*members), compare_members);
}

/* -- Containers ---------------------------------------------------------------------------- */

static void put_value(struct writer *w, yyjson_val *value);
static void put_edit(struct writer *w, const struct json_edit *edit);

/* Ends what began with a bracket; each item has left a comma behind it. */
static void put_end(struct writer *w, char bracket)
{
    if (w->at[-1] == ',')
        w->at[-1] = bracket;
    else
        put_char(w, bracket);
}

static void put_array(struct writer *w, yyjson_val *array)
{
    yyjson_val *item;
    size_t i, count;

    put_char(w, '[');
    yyjson_arr_foreach(array, i, count, item)
    {
        put_value(w, item);
        put_char(w, ',');
    }
    put_end(w, ']');
}

static void put_edits(struct writer *w, const struct json_edit *edits, unsigned count)
{
    put_char(w, '[');
    for (unsigned i = 0; i < count; i++) {
        put_edit(w, &edits[i]);
        put_char(w, ',');
    }
    put_end(w, ']');
}

static void put_change(struct writer *w, const struct json_change *c)
{
    char *at;

    if (c->kind == JSON_DROP)
        return;
    at = write_plain(room(w, c->key.len + 3), c->key);
    *at = ':';
    w->at = at + 1;
    switch (c->kind) {
    case JSON_TEXT:
        put(w, c->text);
        break;
    case JSON_STRING:
        put_string(w, c->text);
        break;
    case JSON_PLAIN:
        w->at = write_plain(room(w, c->text.len + 2), c->text);
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
    case JSON_DROP:
        break;
    }
    put_char(w, ',');
}

static void put_member(struct writer *w, yyjson_val *key)
{
    put_text(w, key);
    put_char(w, ':');
    put_value(w, yyjson_obj_iter_get_val(key));
    put_char(w, ',');
}

/* Both are sorted. Who reads a document takes the first of two members of a name: so it is all that
 * goes out. */
static void put_merged(struct writer *w, const struct member *members, size_t count,
                       const struct json_change *changes, unsigned change_count)
{
    unsigned next = 0;

    for (size_t i = 0; i < count; i++) {
        const struct member *m = &members[i];
        int order = 1;

        for (; next < change_count && (order = compare_change(&changes[next], m)) < 0; next++)
            put_change(w, &changes[next]);
        if (next < change_count && order == 0)
            put_change(w, &changes[next++]);
        else
            put_member(w, m->key);
        while (i + 1 < count && has_same_name(m, &members[i + 1]))
            i++;
    }
    for (; next < change_count; next++)
        put_change(w, &changes[next]);
}

static void put_sorted(struct writer *w, yyjson_val *object, const struct json_change *changes,
                       unsigned change_count)
{
    size_t count = yyjson_obj_size(object);
    struct member few[SORT_BY_INSERTION_MAX], *members = few;

    if (count > ARRAY_LEN(few))
        members = arena_alloc_bytes(w->arena, count * sizeof(*members));
    sort_members(object, count, members);
    put_char(w, '{');
    put_merged(w, members, count, changes, change_count);
    put_end(w, '}');
}

static void put_unsorted(struct writer *w, yyjson_val *object)
{
    yyjson_obj_iter i = yyjson_obj_iter_with(object);
    yyjson_val *key;

    put_char(w, '{');
    while ((key = yyjson_obj_iter_next(&i)))
        put_member(w, key);
    put_end(w, '}');
}

static void put_edit(struct writer *w, const struct json_edit *edit)
{
    if (edit->count || !edit->object)
        put_sorted(w, edit->object, edit->changes, edit->count);
    else
        put_value(w, edit->object);
}

static void put_value(struct writer *w, yyjson_val *value)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_OBJ:
        if (w->sorts)
            put_sorted(w, value, NULL, 0);
        else
            put_unsorted(w, value);
        break;
    case YYJSON_TYPE_ARR:
        put_array(w, value);
        break;
    case YYJSON_TYPE_STR:
        put_text(w, value);
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
    char *text = arena_alloc_bytes(a, size);

    *w = (struct writer){ a, text, text, text + size, sorts, NULL };
}

static struct str end(struct writer *w)
{
    *room(w, 1) = '\0';
    return str_of(w->text, (size_t)(w->at - w->text));
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

    begin(&w, a, s.len + sizeof("\"\"") + sizeof(bytes16), false);
    put_string(&w, s);
    return end(&w);
}
