/*
 * Why a field is refused, in the words of OpenAI's API: texts and codes as clients have met them.
 * For fields.c and the few checks that a table cannot say. Each returns false.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_FIELD_ERRORS_H
#define INFERENCE_FIELD_ERRORS_H

#include "inference/fields.h"

/* Where a value stands, for errors. Made on the stack on the way down, so that it costs next to
 * nothing where there is no error. */
struct field_path {
    const struct field_path *above; /* NULL: the request itself */
    const char *name;               /* NULL: an item of an array */
    size_t at;
};

#define FIELD_PATH_BYTES 128
/* "messages[0].content", as OpenAI's checks of structure name it. */
const char *field_path_text(const struct field_path *path, char text[FIELD_PATH_BYTES]);

#define FIELD_NAME_CHARS_MAX 64

/* The value's JSON types, a set of field_type. */
unsigned field_types_of(yyjson_val *value);

bool field_refuse_type(yyjson_val *value, const struct field *f, const struct field_path *path,
                       struct error *err);
/* A number out of range. */
bool field_refuse_number(yyjson_val *value, const struct field *f, const struct field_path *path,
                         struct error *err);
/* An array that is too short or too long. */
bool field_refuse_length(yyjson_val *value, const struct field *f, const struct field_path *path,
                         struct error *err);
/* A string that is none of the field's values. */
bool field_refuse_value(struct str value, const struct field *f, const struct field_path *path,
                        struct error *err);
/* A string that is empty, or no name. */
bool field_refuse_string(struct str value, const struct field_path *path, struct error *err);
bool field_refuse_twice(const struct field_path *path, struct error *err);
bool field_refuse_missing(const struct field_path *path, struct error *err);
/* The model has no such thing; `name` is the field's path as text. */
bool field_refuse_unsupported(const char *name, struct error *err);

/* Names of members that no table knows, as they are met; the first few are named. */
#define FIELD_STRANGERS_MAX 4
struct field_strangers {
    struct str names[FIELD_STRANGERS_MAX];
    unsigned count;
};

void field_strangers_add(struct field_strangers *s, struct str name);
/* In the object at `path` (NULL: the request itself). The dated surface answers as the model layer of
 * its time does, the v1 surface as today's. */
bool field_refuse_strangers(const struct exchange *x, const struct field_strangers *s,
                            const struct field_path *path, struct error *err);

#endif
