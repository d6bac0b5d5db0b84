/* SPDX-License-Identifier: MIT */
#include "template/syntax.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "template/function.h"

/* The names are those of Azure's messages. */
#define TOKENS(X)                            \
    X(END, "EndOfData")                      \
    X(IDENTIFIER, "Identifier")              \
    X(STRING, "StringLiteral")               \
    X(INTEGER, "Integer")                    \
    X(REAL, "Float")                         \
    X(LEFT_PARENTHESIS, "LeftParenthesis")   \
    X(RIGHT_PARENTHESIS, "RightParenthesis") \
    X(LEFT_BRACKET, "LeftSquareBracket")     \
    X(RIGHT_BRACKET, "RightSquareBracket")   \
    X(COMMA, "Comma")                        \
    X(DOT, "Dot")

enum token_kind {
#define X(name, shown) TOKEN_##name,
    TOKENS(X)
#undef X
};

static const char *const token_names[] = {
#define X(name, shown) [TOKEN_##name] = shown,
    TOKENS(X)
#undef X
};

/* How much of an expression a message shows. */
#define SHOWN_MAX 200
/* Digits and what else a number may have. */
#define NUMBER_MAX 63

struct token {
    enum token_kind kind;
    struct str text; /* of a name or number, or what a text in quotes means */
    int64_t integer;
    double real;
};

struct parser {
    struct arena *arena;
    struct str whole;
    size_t at; /* behind the token */
    struct token token;
    unsigned depth;
    size_t count; /* of nodes */
    struct error *err;
};

static bool fail(struct parser *p, const char *what)
{
    return error_set(p->err, ERROR_ARM_TEMPLATE,
                     "Unable to parse language expression '%.*s%s': %s. Please see "
                     "https://aka.ms/arm-template-expressions for usage details.",
                     p->whole.len > SHOWN_MAX ? SHOWN_MAX : (int)p->whole.len, p->whole.data,
                     p->whole.len > SHOWN_MAX ? "..." : "", what);
}

static bool fail_expected(struct parser *p, enum token_kind wanted)
{
    char what[128];

    snprintf(what, sizeof(what), "expected token '%s' and actual '%s'", token_names[wanted],
             token_names[p->token.kind]);
    return fail(p, what);
}

/* -- Tokens -------------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind the first quote: to the one that ends the text; two mean one. */
static bool take_string(struct parser *p)
{
    const char *from = p->whole.data + p->at, *end = p->whole.data + p->whole.len, *at = from;
    size_t len = 0;
    char *text;

    while (at < end && (*at != '\'' || (at + 1 < end && at[1] == '\''))) {
        at += *at == '\'' ? 2 : 1;
        len++;
    }
    if (at == end)
        return fail(p, "the string literal is not terminated");
    p->at += (size_t)(at - from) + 1;
    text = arena_alloc_bytes(p->arena, len + 1);
    for (size_t i = 0; i < len; i++, from++) {
        text[i] = *from;
        from += *from == '\'';
    }
    text[len] = '\0';
    p->token.kind = TOKEN_STRING;
    p->token.text = str_of(text, len);
    return true;
}

static bool take_number(struct parser *p)
{
    size_t from = p->at - 1, to = p->at;
    bool is_real = false;
    char text[NUMBER_MAX + 1], *end;
    struct str number;

    while (to < p->whole.len &&
           (isdigit((unsigned char)p->whole.data[to]) || p->whole.data[to] == '.')) {
        is_real |= p->whole.data[to] == '.';
        to++;
    }
    p->at = to;
    number = str_slice(p->whole, from, to - from);
    if (number.len > NUMBER_MAX || (to < p->whole.len && is_name_char(p->whole.data[to])))
        return fail(p, "the number is not valid");
    memcpy(text, number.data, number.len);
    text[number.len] = '\0';
    errno = 0;
    p->token.text = number;
    p->token.kind = is_real ? TOKEN_REAL : TOKEN_INTEGER;
    if (is_real)
        p->token.real = strtod(text, &end);
    else
        p->token.integer = strtoll(text, &end, 10);
    if (*end || end == text || errno)
        return fail(p, "the number is not valid");
    return true;
}

static void take_name(struct parser *p)
{
    size_t from = p->at - 1;

    while (p->at < p->whole.len && is_name_char(p->whole.data[p->at]))
        p->at++;
    p->token.kind = TOKEN_IDENTIFIER;
    p->token.text = str_slice(p->whole, from, p->at - from);
}

static bool take_mark(struct parser *p, char c)
{
    static const char marks[] = "()[],.";
    static const enum token_kind kinds[] = { TOKEN_LEFT_PARENTHESIS,
                                             TOKEN_RIGHT_PARENTHESIS,
                                             TOKEN_LEFT_BRACKET,
                                             TOKEN_RIGHT_BRACKET,
                                             TOKEN_COMMA,
                                             TOKEN_DOT };
    const char *at = c ? strchr(marks, c) : NULL;
    char what[64];

    if (at) {
        p->token.kind = kinds[at - marks];
        return true;
    }
    snprintf(what, sizeof(what), "unexpected character at position %zu", p->at);
    return fail(p, what);
}

static bool next(struct parser *p)
{
    char c;

    while (p->at < p->whole.len && strchr(" \t\r\n", p->whole.data[p->at]) && p->whole.data[p->at])
        p->at++;
    p->token = (struct token){ .kind = TOKEN_END };
    if (p->at == p->whole.len)
        return true;
    c = p->whole.data[p->at++];
    if (c == '\'')
        return take_string(p);
    if (isdigit((unsigned char)c) || c == '-' || c == '+')
        return take_number(p);
    if (!is_name_char(c))
        return take_mark(p, c);
    take_name(p);
    return true;
}

static bool expect(struct parser *p, enum token_kind kind)
{
    if (p->token.kind != kind)
        return fail_expected(p, kind);
    return next(p);
}

/* -- Tree ---------------------------------------------------------------------------------- */

static bool parse_node(struct parser *p, const struct template_node **node);

/* What is gathered until it is known how many there are. */
struct item {
    struct item *next;
    const struct template_node *node;
};

/* The arguments, behind the left parenthesis, and the right one. */
static bool parse_args(struct parser *p, struct template_node *call)
{
    struct item *first = NULL, **last = &first;

    if (p->token.kind == TOKEN_RIGHT_PARENTHESIS)
        return next(p);
    for (;;) {
        *last = ARENA_NEW(p->arena, struct item);
        if (!parse_node(p, &(*last)->node))
            return false;
        last = &(*last)->next;
        call->count++;
        if (p->token.kind != TOKEN_COMMA)
            break;
        if (!next(p))
            return false;
    }
    call->args = ARENA_ARRAY(p->arena, const struct template_node *, call->count);
    for (size_t i = 0; i < call->count; i++, first = first->next)
        call->args[i] = first->node;
    return expect(p, TOKEN_RIGHT_PARENTHESIS);
}

static bool check_count(struct parser *p, const struct template_node *call)
{
    const struct template_function *f = call->function;
    char wanted[64];

    if (!f || (call->count >= f->min && (f->max == TEMPLATE_ARGS_ANY || call->count <= f->max)))
        return true;
    if (f->min == f->max)
        snprintf(wanted, sizeof(wanted), "%u", f->min);
    else if (f->max == TEMPLATE_ARGS_ANY)
        snprintf(wanted, sizeof(wanted), "at least %u", f->min);
    else
        snprintf(wanted, sizeof(wanted), "between %u and %u", f->min, f->max);
    return error_set(p->err, ERROR_ARM_TEMPLATE,
                     "Unable to evaluate template language function '%s': function requires %s "
                     "argument(s) while %zu were provided. Please see "
                     "https://aka.ms/arm-functions/#%s for usage details.",
                     f->name, wanted, call->count, f->name);
}

static bool parse_accesses(struct parser *p, struct template_node *node)
{
    const struct template_access **last = &node->accesses;

    while (p->token.kind == TOKEN_DOT || p->token.kind == TOKEN_LEFT_BRACKET) {
        struct template_access *access = ARENA_NEW(p->arena, struct template_access);
        bool is_dot = p->token.kind == TOKEN_DOT;

        if (!next(p))
            return false;
        if (is_dot) {
            access->name = p->token.text;
            if (!expect(p, TOKEN_IDENTIFIER))
                return false;
        } else if (!parse_node(p, &access->index) || !expect(p, TOKEN_RIGHT_BRACKET)) {
            return false;
        }
        *last = access;
        last = &access->next;
    }
    return true;
}

/* User functions have a name space: "contoso.uniqueName". */
static bool parse_name(struct parser *p, struct str *name)
{
    *name = p->token.text;
    if (!next(p))
        return false;
    while (p->token.kind == TOKEN_DOT) {
        if (!next(p))
            return false;
        name->len = p->at - (size_t)(name->data - p->whole.data);
        if (!expect(p, TOKEN_IDENTIFIER))
            return false;
    }
    return true;
}

static bool parse_call(struct parser *p, struct template_node *node)
{
    node->kind = NODE_CALL;
    if (!parse_name(p, &node->text))
        return false;
    node->function = template_function_find(node->text);
    return expect(p, TOKEN_LEFT_PARENTHESIS) && parse_args(p, node) && check_count(p, node) &&
           parse_accesses(p, node);
}

static bool parse_literal(struct parser *p, struct template_node *node)
{
    node->text = p->token.text;
    node->integer = p->token.integer;
    node->real = p->token.real;
    node->kind = p->token.kind == TOKEN_STRING    ? NODE_STRING
                 : p->token.kind == TOKEN_INTEGER ? NODE_INTEGER
                                                  : NODE_REAL;
    return next(p);
}

static bool parse_node(struct parser *p, const struct template_node **out)
{
    struct template_node *node = ARENA_NEW(p->arena, struct template_node);
    bool is_good;

    *out = node;
    p->count++;
    if (++p->depth > TEMPLATE_NESTING_MAX)
        return fail(p, "the expression is nested too deep");
    switch (p->token.kind) {
    case TOKEN_IDENTIFIER:
        is_good = parse_call(p, node);
        break;
    case TOKEN_STRING:
    case TOKEN_INTEGER:
    case TOKEN_REAL:
        is_good = parse_literal(p, node);
        break;
    case TOKEN_END:
    case TOKEN_LEFT_PARENTHESIS:
    case TOKEN_RIGHT_PARENTHESIS:
    case TOKEN_LEFT_BRACKET:
    case TOKEN_RIGHT_BRACKET:
    case TOKEN_COMMA:
    case TOKEN_DOT:
    default:
        is_good = fail_expected(p, TOKEN_IDENTIFIER);
        break;
    }
    p->depth--;
    return is_good;
}

const struct template_node *template_syntax_parse(struct arena *a, struct str text, size_t *count,
                                                  struct error *err)
{
    struct parser p = { .arena = a, .whole = text, .err = err };
    const struct template_node *node;

    if (text.len > TEMPLATE_EXPRESSION_MAX) {
        error_set(err, ERROR_ARM_TEMPLATE,
                  "The language expression length limit exceeded. Limit: '%d' and actual: '%zu'.",
                  TEMPLATE_EXPRESSION_MAX, text.len);
        return NULL;
    }
    if (!next(&p) || !parse_node(&p, &node))
        return NULL;
    if (p.token.kind != TOKEN_END) {
        fail_expected(&p, TOKEN_END);
        return NULL;
    }
    *count = p.count;
    return node;
}
