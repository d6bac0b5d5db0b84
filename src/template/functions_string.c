/*
 * Texts (learn.microsoft.com, "String functions for ARM templates"). Lengths and positions are in
 * characters; case is that of ASCII, which names of resources are made of.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>

#include "base/json.h"
#include "template/function.h"
#include "template/value.h"

/* Where character `n` begins; the end, where there are not so many. */
static size_t offset_of(struct str s, uint64_t n)
{
    size_t at = 0;

    while (at < s.len && n) {
        at++;
        while (at < s.len && ((unsigned char)s.data[at] & 0xC0) == 0x80)
            at++;
        n--;
    }
    return at;
}

/* -- Making texts -------------------------------------------------------------------------- */

static bool concat_arrays(struct template_call *c, yyjson_mut_val **result)
{
    yyjson_mut_val *item;
    size_t n, max;

    *result = yyjson_mut_arr(c->x->doc);
    for (size_t i = 0; i < c->count; i++) {
        yyjson_mut_arr_foreach(c->args[i], n, max, item)
        {
            if (!template_append(c->x, *result, item, c->err))
                return false;
        }
    }
    return true;
}

/* The parts one behind the other, with `between` between them. */
static bool return_joined(struct template_call *c, const struct str *parts, size_t count,
                          struct str between, yyjson_mut_val **result)
{
    size_t len = 0;
    char *text, *at;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len + (i ? between.len : 0);
    text = at = template_call_room(c, len);
    if (!text)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (i && between.len)
            at = (char *)memcpy(at, between.data, between.len) + between.len;
        if (parts[i].len)
            at = (char *)memcpy(at, parts[i].data, parts[i].len) + parts[i].len;
    }
    return template_return_text(c, str_of(text, len), result);
}

/* The text of what is none of an array, an object or null. */
static bool scalar_text(struct template_call *c, size_t i, yyjson_mut_val *value, struct str *text)
{
    if (yyjson_mut_is_ctn(value) || yyjson_mut_is_null(value))
        return template_call_fail_type_of(c, i, "String", value);
    return template_text(c->x, value, text, c->err);
}

/* Of arrays an array; of anything else its texts. */
static bool run_concat(struct template_call *c, yyjson_mut_val **result)
{
    struct str *parts;

    for (size_t i = 1; i < c->count; i++) {
        if (yyjson_mut_is_arr(c->args[i]) != yyjson_mut_is_arr(c->args[0]))
            return template_call_fail(c, "Either all or none of the parameters must be an array.");
    }
    if (yyjson_mut_is_arr(c->args[0]))
        return concat_arrays(c, result);
    parts = ARENA_ARRAY(c->x->arena, struct str, c->count);
    for (size_t i = 0; i < c->count; i++) {
        if (!scalar_text(c, i, c->args[i], &parts[i]))
            return false;
    }
    return return_joined(c, parts, c->count, STR_NONE, result);
}

static bool run_join(struct template_call *c, yyjson_mut_val **result)
{
    size_t count = yyjson_mut_arr_size(c->args[0]), i, max;
    struct str *parts, between;
    yyjson_mut_val *item;

    if (!yyjson_mut_is_arr(c->args[0]))
        return template_call_fail_type(c, 0, "Array");
    if (!template_arg_string(c, 1, &between) ||
        !template_charge(c->x, count, count * sizeof(*parts), c->err))
        return false;
    parts = ARENA_ARRAY(c->x->arena, struct str, count);
    yyjson_mut_arr_foreach(c->args[0], i, max, item)
    {
        if (!scalar_text(c, 0, item, &parts[i]))
            return false;
    }
    return return_joined(c, parts, count, between, result);
}

/* Every byte of the text as `change` makes it. */
static bool run_case(struct template_call *c, int (*change)(int), yyjson_mut_val **result)
{
    struct str s;
    char *text;

    if (!template_arg_string(c, 0, &s) || !(text = template_call_room(c, s.len)))
        return false;
    for (size_t i = 0; i < s.len; i++)
        text[i] = (char)change((unsigned char)s.data[i]);
    return template_return_text(c, str_of(text, s.len), result);
}

static bool run_to_lower(struct template_call *c, yyjson_mut_val **result)
{
    return run_case(c, tolower, result);
}

static bool run_to_upper(struct template_call *c, yyjson_mut_val **result)
{
    return run_case(c, toupper, result);
}

static bool run_string(struct template_call *c, yyjson_mut_val **result)
{
    struct str text;

    return template_text(c->x, c->args[0], &text, c->err) && template_return_text(c, text, result);
}

static bool run_trim(struct template_call *c, yyjson_mut_val **result)
{
    struct str s;

    if (!template_arg_string(c, 0, &s))
        return false;
    while (s.len && isspace((unsigned char)s.data[0]))
        s = str_slice(s, 1, s.len);
    while (s.len && isspace((unsigned char)s.data[s.len - 1]))
        s.len--;
    return template_return_text(c, s, result);
}

static bool run_pad_left(struct template_call *c, yyjson_mut_val **result)
{
    struct str s = STR_NONE, pad = STR(" ");
    int64_t total;
    size_t chars, more;
    char *text;

    if (!scalar_text(c, 0, c->args[0], &s) || !template_call_read(c, s.len) ||
        !template_arg_integer(c, 1, &total))
        return false;
    if (c->count > 2 && !template_arg_string(c, 2, &pad))
        return false;
    if (str_count_chars(pad) != 1)
        return template_call_fail(c, "The padding must be a single character.");
    if (total < 0)
        return template_call_fail(c, "The total length must not be negative.");
    chars = str_count_chars(s);
    if ((uint64_t)total <= chars)
        return template_return_text(c, s, result);
    if ((uint64_t)total > TEMPLATE_BYTES_MAX)
        return template_call_fail(c, "The total length is too large.");
    more = (size_t)total - chars;
    if (!(text = template_call_room(c, more * pad.len + s.len)))
        return false;
    memset(text, pad.data[0], more);
    for (size_t i = 0; i < more && pad.len > 1; i++)
        memcpy(text + i * pad.len, pad.data, pad.len);
    if (s.len)
        memcpy(text + more * pad.len, s.data, s.len);
    return template_return_text(c, str_of(text, more * pad.len + s.len), result);
}

/* -- Parts --------------------------------------------------------------------------------- */

static bool run_substring(struct template_call *c, yyjson_mut_val **result)
{
    int64_t start, len;
    struct str s;
    size_t chars, from;

    if (!template_arg_string(c, 0, &s) || !template_arg_integer(c, 1, &start))
        return false;
    chars = str_count_chars(s);
    len = (int64_t)chars - start;
    if (c->count > 2 && !template_arg_integer(c, 2, &len))
        return false;
    if (start < 0 || len < 0 || (uint64_t)start > chars || (uint64_t)len > chars - (uint64_t)start)
        return template_call_fail(
            c,
            "The index and length parameters must refer to a location within the string. The "
            "index parameter: '%lld', the length parameter: '%lld', the length of the string "
            "parameter: '%zu'.",
            (long long)start, (long long)len, chars);
    from = offset_of(s, (uint64_t)start);
    s = str_slice(s, from, s.len);
    return template_return_text(c, str_slice(s, 0, offset_of(s, (uint64_t)len)), result);
}

/* Texts to split at: one, or an array of them. */
struct delimiters {
    struct str *texts;
    size_t count;
    size_t bytes; /* of all */
};

static bool take_delimiters(struct template_call *c, struct delimiters *d)
{
    yyjson_mut_val *item;
    size_t i, max;

    d->count = yyjson_mut_is_arr(c->args[1]) ? yyjson_mut_arr_size(c->args[1]) : 1;
    if (!template_charge(c->x, d->count, d->count * sizeof(*d->texts), c->err))
        return false;
    d->texts = ARENA_ARRAY(c->x->arena, struct str, d->count);
    if (!yyjson_mut_is_arr(c->args[1])) {
        if (!template_arg_string(c, 1, &d->texts[0]))
            return false;
        d->bytes = d->texts[0].len;
    }
    yyjson_mut_arr_foreach(c->args[1], i, max, item)
    {
        if (!yyjson_mut_is_str(item))
            return template_call_fail_type_of(c, 1, "String", item);
        d->texts[i] = json_mut_str(item);
        d->bytes += d->texts[i].len;
    }
    return true;
}

/* The length of the delimiter at the text's beginning, 0 for none. */
static size_t delimiter_at(const struct delimiters *d, struct str s)
{
    for (size_t i = 0; i < d->count; i++) {
        if (d->texts[i].len && str_starts_with(s, d->texts[i]))
            return d->texts[i].len;
    }
    return 0;
}

static bool add_part(struct template_call *c, yyjson_mut_val *array, struct str part)
{
    return template_charge(c->x, 1, sizeof(*array), c->err) &&
           yyjson_mut_arr_append(array,
                                 yyjson_mut_strn(c->x->doc, part.data ? part.data : "", part.len));
}

static bool run_split(struct template_call *c, yyjson_mut_val **result)
{
    struct delimiters d = { 0 };
    size_t from = 0, len;
    struct str s;

    if (!template_arg_string(c, 0, &s) || !take_delimiters(c, &d) ||
        !template_charge(c->x, s.len * (4 * d.count + d.bytes) / TEMPLATE_STEP_BYTES, 0, c->err))
        return false;
    *result = yyjson_mut_arr(c->x->doc);
    for (size_t at = 0; at < s.len;) {
        len = delimiter_at(&d, str_slice(s, at, s.len));
        if (len && !add_part(c, *result, str_slice(s, from, at - from)))
            return false;
        at += len ? len : 1;
        if (len)
            from = at;
    }
    return add_part(c, *result, str_slice(s, from, s.len - from));
}

/* -- Finding ------------------------------------------------------------------------------- */

/* Two texts in lower case: these searches do not regard it. */
static bool two_lower(struct template_call *c, struct str *s, struct str *what)
{
    if (!yyjson_mut_is_str(c->args[0]) || !yyjson_mut_is_str(c->args[1]))
        return template_call_fail_as(c,
                                     "expects its parameters to be of type string and string. The "
                                     "provided value is of type '%s' and '%s'.",
                                     template_type_name(c->args[0]),
                                     template_type_name(c->args[1]));
    if (!template_arg_string(c, 0, s) || !template_arg_string(c, 1, what) ||
        !template_charge(c->x, 0, s->len + what->len, c->err))
        return false;
    *s = arena_lower(c->x->arena, *s);
    *what = arena_lower(c->x->arena, *what);
    return true;
}

static bool run_starts_with(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, what;

    return two_lower(c, &s, &what) && template_return_bool(c, str_starts_with(s, what), result);
}

static bool run_ends_with(struct template_call *c, yyjson_mut_val **result)
{
    struct str s = STR_NONE, what = STR_NONE;

    return two_lower(c, &s, &what) && template_return_bool(c, str_ends_with(s, what), result);
}

/* Its place in an array, from the front or the back; -1 when it is not there. */
static bool index_in_array(struct template_call *c, bool is_last, yyjson_mut_val **result)
{
    yyjson_mut_val *item;
    int64_t found = -1;
    size_t i, max;
    bool is_equal;

    yyjson_mut_arr_foreach(c->args[0], i, max, item)
    {
        if (!template_equal(c->x, item, c->args[1], &is_equal, c->err))
            return false;
        if (is_equal && (is_last || found < 0))
            found = (int64_t)i;
    }
    return template_return_integer(c, found, result);
}

static bool run_index_of(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, what;
    size_t at;

    if (yyjson_mut_is_arr(c->args[0]))
        return index_in_array(c, false, result);
    if (!two_lower(c, &s, &what))
        return false;
    at = what.len ? str_find(s, what) : 0;
    return template_return_integer(
        c, at == SIZE_MAX ? -1 : (int64_t)str_count_chars(str_slice(s, 0, at)), result);
}

static bool run_last_index_of(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, what;

    if (yyjson_mut_is_arr(c->args[0]))
        return index_in_array(c, true, result);
    if (!two_lower(c, &s, &what) ||
        !template_charge(c->x, s.len * (what.len + 1) / TEMPLATE_STEP_BYTES, 0, c->err))
        return false;
    for (size_t at = s.len + 1; at-- > 0;) {
        if (str_starts_with(str_slice(s, at, s.len), what))
            return template_return_integer(c, (int64_t)str_count_chars(str_slice(s, 0, at)),
                                           result);
    }
    return template_return_integer(c, -1, result);
}

static bool run_replace(struct template_call *c, yyjson_mut_val **result)
{
    struct str s, old, new, rest;
    size_t count = 0, at;
    char *text, *to;

    if (!template_arg_string(c, 0, &s) || !template_arg_string(c, 1, &old) ||
        !template_arg_string(c, 2, &new))
        return false;
    if (!old.len)
        return template_call_fail(c, "The text to replace must not be empty.");
    for (rest = s; (at = str_find(rest, old)) != SIZE_MAX; count++)
        rest = str_slice(rest, at + old.len, rest.len);
    if (!template_charge(c->x, count, 0, c->err))
        return false;
    if (new.len > TEMPLATE_BYTES_MAX / (count + 1))
        return template_call_fail(c, "The result is too long.");
    to = text = template_call_room(c, s.len - count * old.len + count * new.len);
    if (!text)
        return false;
    for (rest = s; (at = str_find(rest, old)) != SIZE_MAX;) {
        to = (char *)memcpy(to, rest.data, at) + at;
        if (new.len)
            to = (char *)memcpy(to, new.data, new.len) + new.len;
        rest = str_slice(rest, at + old.len, rest.len);
    }
    if (rest.len)
        to = (char *)memcpy(to, rest.data, rest.len) + rest.len;
    return template_return_text(c, str_of(text, (size_t)(to - text)), result);
}

/* -- What texts and arrays share ----------------------------------------------------------- */

/* The items [from, to) of an array, or characters of a text. */
static bool return_part(struct template_call *c, uint64_t from, uint64_t to,
                        yyjson_mut_val **result)
{
    yyjson_mut_val *item;
    struct str s;
    size_t i, max, start;

    if (yyjson_mut_is_arr(c->args[0])) {
        *result = yyjson_mut_arr(c->x->doc);
        if (!template_charge(c->x, yyjson_mut_arr_size(c->args[0]) / 8, 0, c->err))
            return false;
        yyjson_mut_arr_foreach(c->args[0], i, max, item)
        {
            if (i >= from && i < to && !template_append(c->x, *result, item, c->err))
                return false;
        }
        return true;
    }
    if (!template_arg_string(c, 0, &s))
        return false;
    start = offset_of(s, from);
    s = str_slice(s, 0, offset_of(s, to));
    return template_return_text(c, str_slice(s, start, s.len), result);
}

static bool run_skip(struct template_call *c, yyjson_mut_val **result)
{
    int64_t count;

    return template_arg_integer(c, 1, &count) &&
           return_part(c, count > 0 ? (uint64_t)count : 0, UINT64_MAX, result);
}

static bool run_take(struct template_call *c, yyjson_mut_val **result)
{
    int64_t count;

    return template_arg_integer(c, 1, &count) &&
           return_part(c, 0, count > 0 ? (uint64_t)count : 0, result);
}

/* Null of an empty array, as nothing is its first item; an empty text of an empty one. */
static bool return_end(struct template_call *c, yyjson_mut_val *item, bool is_last,
                       yyjson_mut_val **result)
{
    struct str s;
    size_t chars;

    if (yyjson_mut_is_arr(c->args[0])) {
        *result = item ? item : yyjson_mut_null(c->x->doc);
        return true;
    }
    if (!yyjson_mut_is_str(c->args[0]))
        return template_call_fail_as(
            c, "expects its parameter be an array or a string. The provided value is of type '%s'.",
            template_type_name(c->args[0]));
    if (!template_arg_string(c, 0, &s))
        return false;
    chars = str_count_chars(s);
    return is_last ? return_part(c, chars ? chars - 1 : 0, UINT64_MAX, result)
                   : return_part(c, 0, 1, result);
}

static bool run_first(struct template_call *c, yyjson_mut_val **result)
{
    return return_end(c, yyjson_mut_arr_get_first(c->args[0]), false, result);
}

static bool run_last(struct template_call *c, yyjson_mut_val **result)
{
    return return_end(c, yyjson_mut_arr_get_last(c->args[0]), true, result);
}

const struct template_function template_string_functions[] = {
    { "concat", run_concat, 1, TEMPLATE_ARGS_ANY, false },
    { "endsWith", run_ends_with, 2, 2, false },
    { "first", run_first, 1, 1, false },
    { "indexOf", run_index_of, 2, 2, false },
    { "join", run_join, 2, 2, false },
    { "last", run_last, 1, 1, false },
    { "lastIndexOf", run_last_index_of, 2, 2, false },
    { "padLeft", run_pad_left, 2, 3, false },
    { "replace", run_replace, 3, 3, false },
    { "skip", run_skip, 2, 2, false },
    { "split", run_split, 2, 2, false },
    { "startsWith", run_starts_with, 2, 2, false },
    { "string", run_string, 1, 1, false },
    { "substring", run_substring, 2, 3, false },
    { "take", run_take, 2, 2, false },
    { "toLower", run_to_lower, 1, 1, false },
    { "toUpper", run_to_upper, 1, 1, false },
    { "trim", run_trim, 1, 1, false },
    { NULL, NULL, 0, 0, false },
};
