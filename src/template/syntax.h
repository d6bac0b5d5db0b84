/*
 * The syntax of an expression: text to a tree in an arena. Names of functions, all of them calls;
 * texts in single quotes, of which two are one; numbers; and behind a call any number of `.name`
 * and `[expression]`.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_SYNTAX_H
#define TEMPLATE_SYNTAX_H

#include "template/expression.h"

struct template_function;

enum template_node_kind { NODE_STRING, NODE_INTEGER, NODE_REAL, NODE_CALL };

/* `.name`, or `[index]`. */
struct template_access {
    const struct template_access *next;
    struct str name;
    const struct template_node *index; /* NULL: by name */
};

struct template_node {
    enum template_node_kind kind;
    struct str text; /* of a string; a function's name as written */
    int64_t integer;
    double real;
    const struct template_function *function; /* NULL: none of the language's own */
    const struct template_node **args;
    size_t count;
    const struct template_access *accesses; /* in their order */
};

/* `text` is what stands between the brackets, and must live as long as the tree, which has *count
 * nodes. NULL with *err. */
MUST_CHECK const struct template_node *template_syntax_parse(struct arena *a, struct str text,
                                                             size_t *count, struct error *err);

#endif
