/*
 * Request fields as tables: name, type, range, the engine feature that a use needs. One checker
 * gives every operation the same errors, in OpenAI's words, with the field named.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_FIELDS_H
#define INFERENCE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <yyjson.h>

#include "base/error.h"

/* JSON types a field may have; a set of bits. null is always accepted and means absent. */
enum field_type {
    FIELD_BOOL = 1 << 0,
    FIELD_INTEGER = 1 << 1,
    FIELD_NUMBER = 1 << 2, /* integer or not */
    FIELD_STRING = 1 << 3,
    FIELD_ARRAY = 1 << 4,
    FIELD_OBJECT = 1 << 5,
};

struct field {
    const char *name;
    unsigned types;
    double minimum, maximum; /* of numbers; of the length of arrays; both 0: any */
    unsigned feature;        /* engine features that its presence needs */
};

/* Checks every member of `object` against the table: unknown members, types, ranges, and that none
 * is there twice, since an engine might read the other one than lazuli. Adds the features
 * needed by members that are present to *features (may be NULL). `path` is put before the names in
 * errors ("stream_options."), "" at the top. At most 64 fields. */
MUST_CHECK bool fields_check(yyjson_val *object, const struct field *fields, size_t count,
                             const char *path, unsigned *features, struct error *err);

/* The value, NULL when absent or null. */
yyjson_val *fields_get(yyjson_val *object, const char *name);

/* What stands inside `stop` and `logit_bias` of a chat or a completion. */
MUST_CHECK bool fields_check_sampling(yyjson_val *object, struct error *err);

/* "Missing required parameter: 'x'." */
bool fields_missing(struct error *err, const char *name);

#endif
