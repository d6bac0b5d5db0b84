/*
 * JSON as text. yyjson writes values of its own kind in the order they came in; answers of the data
 * plane have sorted keys, for which this writer sorts pointers to the members while it writes, so
 * that the document stays as it is and no member is moved or compared twice.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <stdlib.h>

#include "base/json.h"

/* Room to begin with: a chat answer as it is usual. */
#define FIRST_BYTES ((size_t)2048)
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
};

/* -- Bytes --------------------------------------------------------------------------------- */

static void grow(struct writer *w, size_t more)
{
    size_t size = 2 * w->size;
    char *text;

    while (size - w->len < more)
        size *= 2;
    text = arena_alloc_bytes(w->arena, size);
    memcpy(text, w->text, w->len);
    w->text = text;
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

/* Of eight bytes: is one below ' ', a quote, a backslash, or beyond ASCII? May say so of a byte
 * that is none, never misses one. */
static inline bool is_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';

    return ((word | (word - ones * ' ') | (quote - ones) | (backslash - ones)) & highs) != 0;
}

/* Bytes from the start that are written as they are, all of them ASCII. */
static size_t plain_prefix(struct str s)
{
    size_t i = 0;

    for (uint64_t word; s.len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s.data + i, sizeof(word));
        if (is_special(word))
            break;
    }
    while (i < s.len && (unsigned char)s.data[i] >= ' ' && (unsigned char)s.data[i] < 0x80 &&
           s.data[i] != '"' && s.data[i] != '\\')
        i++;
    return i;
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

static void put_string(struct writer *w, struct str s)
{
    size_t plain = plain_prefix(s);
    char *at = room(w, plain + 2);

    *at = '"';
    if (plain)
        memcpy(at + 1, s.data, plain);
    w->len += plain + 1;
    if (plain < s.len)
        put_special(w, str_of(s.data + plain, s.len - plain));
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
static void put_real(struct writer *w, yyjson_mut_val *value)
{
    char buffer[REAL_BYTES_MAX];
    yyjson_alc alc;
    size_t len;
    char *text;

    yyjson_alc_pool_init(&alc, buffer, sizeof(buffer));
    text = yyjson_mut_val_write_opts(value, WRITE_FLAGS, &alc, &len, NULL);
    assert(text);
    put(w, str_of(text, len));
}

static void put_number(struct writer *w, yyjson_mut_val *value)
{
    int64_t n;

    if (yyjson_mut_is_real(value)) {
        put_real(w, value);
    } else if (yyjson_mut_is_uint(value)) {
        put_integer(w, yyjson_mut_get_uint(value), false);
    } else {
        n = yyjson_mut_get_sint(value);
        put_integer(w, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, n < 0);
    }
}

/* -- Containers ---------------------------------------------------------------------------- */

static void put_value(struct writer *w, yyjson_mut_val *value);

static void put_array(struct writer *w, yyjson_mut_val *array)
{
    yyjson_mut_val *item;
    size_t i, count;

    put_char(w, '[');
    yyjson_mut_arr_foreach(array, i, count, item)
    {
        if (i)
            put_char(w, ',');
        put_value(w, item);
    }
    put_char(w, ']');
}

static void put_member(struct writer *w, bool is_first, yyjson_mut_val *key, yyjson_mut_val *value)
{
    if (!is_first)
        put_char(w, ',');
    put_string(w, json_mut_str(key));
    put_char(w, ':');
    put_value(w, value);
}

/* A member on its way to its place. */
struct member {
    uint64_t prefix; /* the name's first eight bytes as a number, which is ordered as they are */
    size_t position;
    yyjson_mut_val *key;
    yyjson_mut_val *value;
};

static uint64_t prefix_of(struct str name)
{
    unsigned char first[sizeof(uint64_t)] = { 0 };
    uint64_t prefix = 0;

    if (name.len >= sizeof(first))
        memcpy(first, name.data, sizeof(first));
    else if (name.len)
        memcpy(first, name.data, name.len);
    for (size_t i = 0; i < sizeof(first); i++) /* one instruction to a compiler */
        prefix = prefix << 8 | first[i];
    return prefix;
}

/* By name; members of the same name stay in the order they came in. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    order = str_compare(json_mut_str(x->key), json_mut_str(y->key));
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static void sort(struct member *members, size_t count)
{
    if (count > SORT_BY_INSERTION_MAX) {
        qsort(members, count, sizeof(*members), compare_members);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member moved = members[i];
        size_t at = i;

        for (; at && compare_members(&members[at - 1], &moved) > 0; at--)
            members[at] = members[at - 1];
        members[at] = moved;
    }
}

static void put_sorted(struct writer *w, yyjson_mut_val *object)
{
    struct member few[SORT_BY_INSERTION_MAX], *members = few;
    size_t i, count = yyjson_mut_obj_size(object);
    yyjson_mut_val *key, *value;

    if (count > ARRAY_LEN(few))
        members = arena_alloc_bytes(w->arena, count * sizeof(*members));
    yyjson_mut_obj_foreach(object, i, count, key, value)
    {
        members[i] = (struct member){ prefix_of(json_mut_str(key)), i, key, value };
    }
    sort(members, count);
    for (i = 0; i < count; i++)
        put_member(w, !i, members[i].key, members[i].value);
}

static void put_object(struct writer *w, yyjson_mut_val *object)
{
    yyjson_mut_val *key, *value;
    size_t i, count;

    put_char(w, '{');
    if (w->sorts) {
        put_sorted(w, object);
    } else {
        yyjson_mut_obj_foreach(object, i, count, key, value)
        {
            put_member(w, !i, key, value);
        }
    }
    put_char(w, '}');
}

static void put_value(struct writer *w, yyjson_mut_val *value)
{
    switch (yyjson_mut_get_type(value)) {
    case YYJSON_TYPE_OBJ:
        put_object(w, value);
        break;
    case YYJSON_TYPE_ARR:
        put_array(w, value);
        break;
    case YYJSON_TYPE_STR:
        put_string(w, json_mut_str(value));
        break;
    case YYJSON_TYPE_NUM:
        put_number(w, value);
        break;
    case YYJSON_TYPE_RAW:
        put(w, str_of(yyjson_mut_get_raw(value), yyjson_mut_get_len(value)));
        break;
    case YYJSON_TYPE_BOOL:
        put(w, yyjson_mut_is_true(value) ? STR("true") : STR("false"));
        break;
    default:
        put(w, STR("null"));
        break;
    }
}

static void begin(struct writer *w, struct arena *a, size_t size, bool sorts)
{
    *w = (struct writer){ a, arena_alloc_bytes(a, size), 0, size, sorts };
}

static struct str end(struct writer *w)
{
    *room(w, 1) = '\0';
    return str_of(w->text, w->len);
}

static struct str write(struct arena *a, yyjson_mut_val *value, bool sorts)
{
    struct writer w;

    begin(&w, a, FIRST_BYTES, sorts);
    put_value(&w, value);
    return end(&w);
}

struct str json_quote(struct arena *a, struct str s)
{
    struct writer w;

    begin(&w, a, s.len + sizeof("\"\""), false);
    put_string(&w, s);
    return end(&w);
}

struct str json_write_mut(struct arena *a, yyjson_mut_val *value)
{
    return write(a, value, false);
}

struct str json_write_sorted(struct arena *a, yyjson_mut_val *value)
{
    return write(a, value, true);
}

struct str json_write(struct arena *a, yyjson_val *value)
{
    return json_write_mut(a, yyjson_mut_doc_get_root(json_copy(a, value)));
}
