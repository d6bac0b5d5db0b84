/*
 * The text is made into strict JSON, which yyjson reads: so there is one reader, with one set of
 * limits. (yyjson 0.10 itself allows comments and the commas, but none of the rest.)
 * SPDX-License-Identifier: MIT
 */
#include "template/jsonc.h"

#include <ctype.h>

/* The most that text grows by: a line's end in a text becomes two characters, as does a quote in
 * single quotes; a name of one letter gets two more, but has its colon, too. */
#define GROWTH 2

struct converter {
    struct str in;
    size_t at; /* of `in` */
    char *out;
    size_t len;
    size_t stop; /* so many bytes of `out` are wanted */
    size_t
        comma; /* where in `out` a comma stands behind which no value came yet; SIZE_MAX: nowhere */
    char last; /* the last mark, or 0 where a value or name came behind it */
    const char *wrong; /* what is wrong at `at`; NULL: nothing */
};

static bool fail(struct converter *v, const char *what)
{
    v->wrong = what;
    return false;
}

static void put(struct converter *v, char c)
{
    v->out[v->len++] = c;
}

/* True when `in` goes on with these two characters. */
static bool is_at(const struct converter *v, const char *two)
{
    return v->at + 1 < v->in.len && v->in.data[v->at] == two[0] && v->in.data[v->at + 1] == two[1];
}

static bool skip_comment(struct converter *v)
{
    struct str rest = str_slice(v->in, v->at + 2, v->in.len);
    size_t end;

    if (is_at(v, "//")) {
        end = str_find_char(rest, '\n');
        v->at = end == SIZE_MAX ? v->in.len : v->at + 2 + end;
        return true;
    }
    end = str_find(rest, STR("*/"));
    if (end == SIZE_MAX)
        return fail(v, "the comment does not end");
    v->at += 2 + end + 2;
    put(v, ' '); /* what stands before it and behind it is not one word */
    return true;
}

/* What stands for a control character in a text; 0: nothing does. */
static char escape_of(char c)
{
    return c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
}

/* One character of a text in such quotes, or two that belong together. */
static bool convert_char(struct converter *v, char quote)
{
    char c = v->in.data[v->at], next;

    if (c == '\\') {
        if (v->at + 1 == v->in.len)
            return fail(v, "the text does not end");
        next = v->in.data[v->at + 1];
        v->at += 2;
        if (next != '\'') /* which JSON does not escape */
            put(v, '\\');
        put(v, next);
        return true;
    }
    if (escape_of(c)) {
        put(v, '\\');
        c = escape_of(c);
    } else if (c == '"' && quote == '\'') {
        put(v, '\\');
    }
    put(v, c);
    v->at++;
    return true;
}

static bool convert_string(struct converter *v)
{
    size_t start = v->at;
    char quote = v->in.data[v->at++];

    put(v, '"');
    while (v->at < v->in.len && v->in.data[v->at] != quote && v->len < v->stop) {
        if (!convert_char(v, quote))
            return false;
    }
    if (v->len >= v->stop)
        return true;
    if (v->at == v->in.len) {
        v->at = start;
        return fail(v, "the text does not end");
    }
    v->at++;
    put(v, '"');
    return true;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || strchr("_$-+.", c) != NULL;
}

/* A name without quotes is what a colon follows; all other words (true, null, numbers) stay as they
 * are. */
static void convert_word(struct converter *v)
{
    size_t end = v->at, colon;
    bool is_name;

    while (end < v->in.len && v->in.data[end] && is_word_char(v->in.data[end]))
        end++;
    for (colon = end; colon < v->in.len && isspace((unsigned char)v->in.data[colon]); colon++)
        ;
    is_name = colon < v->in.len && v->in.data[colon] == ':';
    if (is_name)
        put(v, '"');
    memcpy(v->out + v->len, v->in.data + v->at, end - v->at);
    v->len += end - v->at;
    v->at = end;
    if (is_name)
        put(v, '"');
}

/* A bracket that ends what a comma stands before: the comma goes. */
static bool convert_mark(struct converter *v)
{
    char c = v->in.data[v->at];

    if (c == ',' && v->last && strchr("[{,:", v->last))
        return fail(v, "unexpected character");
    if ((c == '}' || c == ']') && v->comma != SIZE_MAX)
        v->out[v->comma] = ' ';
    v->comma = c == ',' ? v->len : SIZE_MAX;
    v->last = c;
    v->at++;
    put(v, c);
    return true;
}

/* A text, a name or any other word. */
static bool convert_value(struct converter *v)
{
    char c = v->in.data[v->at];

    v->comma = SIZE_MAX;
    v->last = 0;
    if (c == '"' || c == '\'')
        return convert_string(v);
    if (!c || !is_word_char(c))
        return fail(v, "unexpected character");
    convert_word(v);
    return true;
}

static bool convert_next(struct converter *v)
{
    char c = v->in.data[v->at];

    if (isspace((unsigned char)c)) {
        v->at++;
        put(v, c == '\n' ? '\n' : ' ');
        return true;
    }
    if (is_at(v, "//") || is_at(v, "/*"))
        return skip_comment(v);
    return c && strchr("{}[],:", c) ? convert_mark(v) : convert_value(v);
}

static bool convert(struct converter *v, size_t stop)
{
    v->stop = stop;
    v->comma = SIZE_MAX;
    while (v->at < v->in.len && v->len < stop) {
        if (!convert_next(v))
            return false;
    }
    return true;
}

static yyjson_doc *fail_at(const struct converter *v, const char *what, struct error *err)
{
    size_t line = 1, position = 1;

    for (size_t i = 0; i < v->at && i < v->in.len; i++) {
        position++;
        if (v->in.data[i] == '\n') {
            line++;
            position = 1;
        }
    }
    error_set(err, ERROR_BAD_REQUEST, "Invalid JSON: %s, line %zu, position %zu.", what, line,
              position);
    return NULL;
}

yyjson_doc *template_jsonc_parse(struct arena *a, struct str text, struct error *err)
{
    struct converter v = { .in = text, .out = arena_alloc_bytes(a, GROWTH * text.len + 1) };
    struct str strict;
    yyjson_read_err why;
    yyjson_doc *doc;

    if (str_starts_with(text, STR("\xEF\xBB\xBF"))) /* a byte order mark, as editors leave it */
        v.at = 3;
    if (!convert(&v, SIZE_MAX))
        return fail_at(&v, v.wrong, err);
    strict = str_of(v.out, v.len);
    doc = json_parse(a, strict, err);
    if (doc || str_is_empty(strict))
        return doc;
    /* Where it is wrong in the text that came; json_parse tells of the strict one. */
    doc = yyjson_read_opts(v.out, v.len, YYJSON_READ_BIGNUM_AS_RAW, NULL, &why);
    if (doc) { /* too deep */
        yyjson_doc_free(doc);
        return NULL;
    }
    v.at = v.len = 0;
    convert(&v, why.pos);
    return fail_at(&v, why.msg, err);
}
