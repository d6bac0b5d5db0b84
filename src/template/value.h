/*
 * Values of the language: their types' names, comparison, text.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_VALUE_H
#define TEMPLATE_VALUE_H

#include "template/expression.h"

/* One more level of what is inside each other; false when there are too many. */
MUST_CHECK bool template_enter(struct template_context *x, struct error *err);
void template_leave(struct template_context *x);

/* "String", "Integer", "Float", "Boolean", "Array", "Object", "Null": as Azure's messages name
 * them. */
const char *template_type_name(yyjson_mut_val *value);
/* False when it is no integer of 64 bits. */
MUST_CHECK bool template_as_integer(yyjson_mut_val *value, int64_t *n);
/* Are they the same, however deep? Texts to the case; names of members without it; numbers by what
 * they are worth. False beyond the budget. */
MUST_CHECK bool template_equal(struct template_context *x, yyjson_mut_val *a, yyjson_mut_val *b,
                               bool *is_equal, struct error *err);
/* The member of that name, without regard to case; NULL when there is none. Charged: an object may
 * have very many. */
MUST_CHECK bool template_member(struct template_context *x, yyjson_mut_val *object, struct str name,
                                yyjson_mut_val **member, struct error *err);
/* `from[index]`: the member of a name, or the item of an index. */
MUST_CHECK bool template_access(struct template_context *x, yyjson_mut_val *from,
                                yyjson_mut_val *index, yyjson_mut_val **value, struct error *err);
/* Sets the object's member of that name, without regard to case; to a copy of the value. */
MUST_CHECK bool template_put(struct template_context *x, yyjson_mut_val *object, struct str name,
                             yyjson_mut_val *value, struct error *err);
/* Adds a copy of the value. */
MUST_CHECK bool template_append(struct template_context *x, yyjson_mut_val *array,
                                yyjson_mut_val *value, struct error *err);
/* As `string()` shows it: a text as it is, true and false as .NET shows them, null as nothing, all
 * else as JSON. */
MUST_CHECK bool template_text(struct template_context *x, yyjson_mut_val *value, struct str *text,
                              struct error *err);
/* As JSON. */
MUST_CHECK bool template_json(struct template_context *x, yyjson_mut_val *value, struct str *text,
                              struct error *err);

#endif
