/* SPDX-License-Identifier: MIT */
#include "base/json_asides.h"

#include <assert.h>
#include <string.h>

#include "base/bytes16.h"
#include "base/json_run.h"
#include "base/json_unescape.h"

/* What a text may have for this to pay: so many quotes and escapes outside of long strings, and one more
 * for each so many bytes. Each takes some 8 ns to step over, 128 of them what is won by 4 kB. The rest of
 * a text that has more is yyjson's. */
#define STOPS_FREE 128
#define STOP_BYTES 256
/* Short strings beyond ASCII do not pay: so many bytes of them count as a stop. */
#define NON_ASCII_BYTES 128
/* After so many bytes it is asked again whether it pays. */
#define RUN_BYTES_MAX ((size_t)16 * 1024)

/* Escapes are taken out as a text comes when it is so long at most, or half of it is there: room for it is
 * taken at once, and a length that is only claimed shall cost nothing. */
#define UNESCAPE_AHEAD_BYTES ((size_t)128 * 1024)

struct json_aside {
    size_t begin, len; /* in the text, between its quotes */
    struct str value;  /* what it means; in the arena, or STR_NONE: the same as the text */
    size_t at;         /* of the byte in its place, in the rest */
    struct json_aside *next;
};

struct json_asides {
    struct arena *arena;
    size_t long_bytes;
    struct json_aside *first, **last;
    struct str text;  /* of the document */
    const char *rest; /* what it was parsed from */

    size_t at;    /* looked at so far; one more than there is, when that ends with a backslash */
    size_t stops; /* quotes and escapes before `at`, and what counts as them */

    /* of the string that has begun */
    bool is_inside;     /* there is one */
    bool is_plain;      /* ASCII without escapes, so far */
    bool is_unescaping; /* it is long and not plain */
    bool is_refused;    /* that was tried, in vain */
    size_t begin;
    size_t stops_before; /* `stops` when it began */
    struct json_unescape unescape;

    char *out; /* where the next value without its escapes goes; NULL before the first one */
};

/* What is there of a text. */
struct look {
    struct str text;
    bool is_whole;
    size_t whole_len;
};

static bytes16 is_quote(bytes16 v)
{
    return v == '"';
}

/* Goes to the next quote or escape, or as far as one run may go. */
static void skip_run(struct json_asides *s, struct str text)
{
    bool is_plain;
    size_t run = json_run(str_slice(text, s->at, RUN_BYTES_MAX), &is_plain);

    s->at += run;
    if (is_plain)
        return;
    s->is_plain = false;
    s->stops += run / NON_ASCII_BYTES;
}

static bool pays(const struct json_asides *s)
{
    return s->stops <= STOPS_FREE + s->at / STOP_BYTES;
}

/* Goes behind the next quote, which begins a string; false when there is none. */
static bool enter_string(struct json_asides *s, struct str text)
{
    s->at += bytes16_until(text.data + s->at, text.len - s->at, is_quote);
    if (s->at == text.len)
        return false;
    s->at++;
    s->stops++;
    s->is_inside = s->is_plain = true;
    s->is_unescaping = s->is_refused = false;
    s->begin = s->at;
    s->stops_before = s->stops;
    return true;
}

/* `at` is the quote that ends the string. */
static void leave_string(struct json_asides *s)
{
    struct json_aside *x;

    if (s->is_unescaping || (s->is_plain && s->at - s->begin >= s->long_bytes)) {
        x = ARENA_NEW(s->arena, struct json_aside);
        x->begin = s->begin;
        x->len = s->at - s->begin;
        if (s->is_unescaping)
            x->value = str_of(s->unescape.to, s->unescape.len);
        *s->last = x;
        s->last = &x->next;
    }
    s->is_inside = false;
    s->at++;
    s->stops++;
}

/* False when it is too early for that. */
static bool begin_to_unescape(struct json_asides *s, const struct look *l)
{
    if (!s->out && !l->is_whole && l->whole_len > UNESCAPE_AHEAD_BYTES &&
        l->whole_len / 2 > l->text.len)
        return false;
    if (!s->out) /* for this one and all that come: none is longer than its text */
        s->out = arena_alloc_bytes(s->arena, l->whole_len - s->begin + JSON_UNESCAPE_ROOM);
    s->unescape = (struct json_unescape){ .to = s->out };
    s->is_unescaping = true;
    return true;
}

/* False when more of the text is needed, or there is none. */
static bool unescape(struct json_asides *s, const struct look *l)
{
    struct str text = str_slice(l->text, s->begin, l->text.len);

    switch (json_unescape(&s->unescape, text, l->is_whole)) {
    case JSON_UNESCAPED:
        s->at = s->begin + s->unescape.at;
        s->stops = s->stops_before; /* they were worth it */
        s->out += s->unescape.len;
        leave_string(s);
        return true;
    case JSON_UNESCAPE_MORE:
        if (!l->is_whole)
            return false;
        break;
    case JSON_UNESCAPE_REFUSED:
        break;
    }
    s->is_unescaping = false;
    s->is_refused = true;
    return true;
}

/* Goes on in a string; false when more of the text is needed, or there is none. */
static bool read_string(struct json_asides *s, const struct look *l)
{
    if (s->is_unescaping)
        return unescape(s, l);
    if (s->at >= l->text.len)
        return false;
    skip_run(s, l->text);
    if (!s->is_plain && !s->is_refused && s->at - s->begin >= s->long_bytes)
        return begin_to_unescape(s, l);
    if (s->at == l->text.len)
        return false;
    if (l->text.data[s->at] == '"') {
        leave_string(s);
    } else if (l->text.data[s->at] == '\\') {
        s->is_plain = false;
        s->stops++;
        s->at += 2;
    }
    return true;
}

static void find(struct json_asides *s, const struct look *l)
{
    bool goes_on = true;

    while (goes_on && pays(s))
        goes_on =
            s->is_inside ? read_string(s, l) : s->at < l->text.len && enter_string(s, l->text);
}

struct json_asides *json_asides_new(struct arena *a, size_t long_bytes)
{
    struct json_asides *s = ARENA_NEW(a, struct json_asides);

    assert(long_bytes > 0); /* a byte takes its place */
    s->arena = a;
    s->long_bytes = long_bytes;
    s->last = &s->first;
    return s;
}

void json_asides_look(struct json_asides *asides, struct str text, size_t whole_len)
{
    const struct look l = { .text = text, .whole_len = whole_len };

    find(asides, &l);
}

/* -- The rest ---------------------------------------------------------------------------------- */

static char *put(char *to, const char *from, const char *until)
{
    memcpy(to, from, (size_t)(until - from));
    return to + (until - from);
}

bool json_asides_take(struct json_asides *asides, struct str text, struct str *rest)
{
    const struct look l = { .text = text, .is_whole = true, .whole_len = text.len };
    const char *from = text.data;
    size_t len = text.len;
    char *begin, *to;

    if (text.len >= asides->long_bytes)
        find(asides, &l);
    if (!asides->first)
        return false;
    asides->text = text;
    for (struct json_aside *x = asides->first; x; x = x->next)
        len -= x->len - 1;
    to = begin = arena_alloc_bytes(asides->arena, len + YYJSON_PADDING_SIZE);
    for (struct json_aside *x = asides->first; x; x = x->next) {
        to = put(to, from, text.data + x->begin);
        x->at = (size_t)(to - begin);
        *to++ = '-'; /* as good as any but a quote or an escape */
        from = text.data + x->begin + x->len;
    }
    to = put(to, from, text.data + text.len);
    memset(to, 0, YYJSON_PADDING_SIZE);
    asides->rest = begin;
    *rest = str_of(begin, len);
    return true;
}

size_t json_asides_position(const struct json_asides *asides, size_t at)
{
    size_t position = at;

    for (const struct json_aside *x = asides->first; x && x->at < at; x = x->next)
        position += x->len - 1;
    return position;
}

/* The values of a document lie one behind the other, in the order of the text. */
void json_asides_put_back(const struct json_asides *asides, yyjson_doc *doc)
{
    yyjson_val *value = yyjson_doc_get_root(doc);
    const yyjson_val *end = value + yyjson_doc_get_val_count(doc);

    for (const struct json_aside *x = asides->first; x; value++) {
        struct str is = x->value.data ? x->value : str_slice(asides->text, x->begin, x->len);

        assert(value < end);
        if (!yyjson_is_str(value) || yyjson_get_str(value) != asides->rest + x->at)
            continue;
        yyjson_set_strn(value, is.data, is.len);
        x = x->next;
    }
    (void)end;
}

size_t json_asides_count_chars(const struct json_asides *asides, struct str s)
{
    bool is_plain = asides && asides->text.len && s.data >= asides->text.data &&
                    s.data < asides->text.data + asides->text.len; /* no other ones stayed there */

    return is_plain ? s.len : str_count_chars(s);
}
