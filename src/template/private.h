/*
 * What the files of the document share (template.h).
 * SPDX-License-Identifier: MIT
 */
#ifndef TEMPLATE_PRIVATE_H
#define TEMPLATE_PRIVATE_H

#include "template/template.h"

/* How much of a stranger's text a message shows. */
#define TEMPLATE_SHOWN(s) STR_ARGS(str_slice((s), 0, 120))

/* The arguments of the user function that is evaluated. */
struct template_frame {
    yyjson_val *parameters; /* [{"name", "type"}, ...] */
    yyjson_mut_val **args;
    size_t count;
};

/* False with "Deployment template validation failed: '...'." around what the format says. */
bool template_refuse(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same around what *err says, with what it is said of in front of it. */
bool template_refuse_at(struct error *err, const char *what, struct str name);
/* The same for a resource's expressions. */
bool template_refuse_resource(struct error *err, struct str id);

/* The value, or, where there is none, one without members or items: yyjson's loops take no NULL. */
yyjson_val *template_or_empty(yyjson_val *value);
struct template_named *template_find_named(struct template_named *list, size_t count,
                                           struct str name);

/* calls.c: the context's `call`. */
template_call_fn template_call_out;

/* loops.c: a value with the loops ("copy") of its properties; unlinked. */
MUST_CHECK bool template_value(struct template *t, yyjson_val *in, yyjson_mut_val **value,
                               struct error *err);
/* The value of a text that must be one; as such it may be an expression. */
MUST_CHECK bool template_string(struct template *t, yyjson_val *in, const char *what,
                                struct str *value, struct error *err);
/* Is a resource or an output wanted? It is without a condition. */
MUST_CHECK bool template_condition(struct template *t, yyjson_val *item, bool *is_wanted,
                                   struct error *err);
/* `count` of a loop. */
MUST_CHECK bool template_count(struct template *t, yyjson_val *copy, struct str name,
                               int64_t *count, struct error *err);
/* An array: what `input` is at each turn. */
MUST_CHECK bool template_loop_values(struct template *t, struct str name, yyjson_val *copy,
                                     yyjson_val *input, yyjson_mut_val **values, struct error *err);

/* parameters.c */
MUST_CHECK bool template_load_parameters(struct template *t, struct error *err);
MUST_CHECK bool template_parameter(struct template *t, struct template_named *p,
                                   yyjson_mut_val **value, struct error *err);
/* types.c: is the value of that type? `what` is "parameter" or "output". */
MUST_CHECK bool template_check_type(struct template *t, const char *what, struct str name,
                                    yyjson_val *type, yyjson_mut_val *value, struct error *err);
/* "String", "SecureString", "Int", ... by the definition, references followed; empty for none. */
struct str template_type_of(const struct template *t, yyjson_val *definition);
bool template_is_secure(const struct template *t, yyjson_val *definition);
/* Is it secure, or anything within it? */
bool template_has_secrets(struct template *t, yyjson_val *definition);
/* The definition with a "$ref" followed; NULL when there is no such definition. */
yyjson_val *template_follow(const struct template *t, yyjson_val *definition);

/* A copy of a value that the template or the request has, as it is; unlinked. */
MUST_CHECK bool template_copy_given(struct template *t, yyjson_val *in, yyjson_mut_val **copy,
                                    struct error *err);

/* ids.c */
/* Is a text short enough for an id, or a part of one? `what` is "id", "name", ... */
MUST_CHECK bool template_check_length(struct str text, const char *what, struct error *err);
/* Of "NAMESPACE/a/b" and the names x and y: ".../NAMESPACE/a/x/b/y"; false when their numbers differ. */
MUST_CHECK bool template_join_id(struct arena *a, struct str scope, struct str type,
                                 const struct str *names, size_t count, struct str *id);
struct str template_place_id(struct arena *a, const struct template_place *place);
/* resourceId and its family; TEMPLATE_UNKNOWN for any other function. */
enum template_answer template_call_id(struct template *t, struct str name, yyjson_mut_val **args,
                                      size_t count, yyjson_mut_val **result, struct error *err);

/* references.c */
enum template_answer template_call_reference(struct template *t, struct str name,
                                             yyjson_mut_val **args, size_t count,
                                             yyjson_mut_val **result, struct error *err);
/* The resource that a text names: by symbol, id, or name; TEMPLATE_NONE. */
size_t template_find_resource(const struct template *t, struct str name);
/* Before anything is deployed: what the resource refers to is added to what it needs. False where an expression fails that
 * asks for no resource, and so would fail later, too. */
MUST_CHECK bool template_look_at_resource(struct template *t, size_t i, struct error *err);
/* The same of an output, which needs nothing. */
MUST_CHECK bool template_look_at_output(struct template *t, yyjson_val *output, struct error *err);

/* resources.c: is a resource's member of that name the deployment's business, and no part of the body? */
bool template_is_own(struct str name);

/* template.c */
MUST_CHECK bool template_look_at_outputs(struct template *t, struct error *err);

/* schedule.c */
MUST_CHECK bool template_need(struct template *t, size_t i, size_t other, struct error *err);
/* Refuses circles, and leaves all as it was. */
MUST_CHECK bool template_check_circles(struct template *t, struct error *err);

#endif
