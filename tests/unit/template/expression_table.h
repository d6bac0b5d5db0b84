/*
 * Tables of expressions and what they give, for the tests of the language.
 * SPDX-License-Identifier: MIT
 */
#ifndef EXPRESSION_TABLE_H
#define EXPRESSION_TABLE_H

#include "template/expression.h"

/* 2024-03-05T14:07:09.123Z */
#define EXPRESSION_NOW_MS 1709647629123

/* `wanted`: the value as JSON. Between "error: " and the end, instead: a part of the error's text.
 * */
struct expression_row {
    const char *text;
    const char *wanted;
};

/* A context that knows `parameters('NAME')` of the JSON object, which may be NULL, and a user
 * function `contoso.echo(value)`. */
void expression_context(struct template_context *x, struct template_budget *budget, struct arena *a,
                        const char *parameters);

/* Evaluates each row's text and checks what comes. */
void expression_check(const struct expression_row *rows, size_t count, const char *parameters);

#endif
