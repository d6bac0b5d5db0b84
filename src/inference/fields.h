/*
 * Request fields as tables: name, type, range, what stands inside, the engine feature that a use
 * needs. One checker gives every operation the same errors, in OpenAI's words, with the field named.
 * Nothing is silently left out: a member that no table names goes to an upstream as it is, wherever
 * it stands, and is refused where another engine would not heed it, or could take it for another.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_FIELDS_H
#define INFERENCE_FIELDS_H

#include "inference/exchange.h"

/* JSON types a field may have; a set of bits. null is always accepted and means absent. */
enum field_type {
    FIELD_BOOL = 1 << 0,
    FIELD_INTEGER = 1 << 1,
    FIELD_NUMBER = 1 << 2, /* integer or not */
    FIELD_STRING = 1 << 3,
    FIELD_ARRAY = 1 << 4,
    FIELD_OBJECT = 1 << 5,
    FIELD_ANY = (1 << 6) - 1,
    /* Of strings, the field's own and those in its array: */
    FIELD_FILLED = 1 << 6, /* not empty */
    FIELD_NAME = 1 << 7, /* letters, digits, _ and -, at most 64: names of functions and schemas */
};

/* What `seed` may be; the next to them that a double can hold. */
#define FIELD_INT64_MIN (-9223372036854775808.0)
#define FIELD_INT64_MAX 9223372036854775807.0

/* All variants of an object. */
#define FIELD_ALWAYS (~0u)

struct fields;

struct field {
    const char *name;
    unsigned name_len;
    unsigned types;
    double minimum, maximum;      /* of numbers; of the length of arrays; both 0: any */
    unsigned feature;             /* engine feature that its presence needs */
    unsigned required;            /* in these variants of the object (a set of bits) */
    unsigned only;                /* only these variants have it; 0: all */
    unsigned items;               /* types of what an array holds; 0: whatever */
    const struct fields *members; /* of the object, or of each object in the array; NULL: any */
    const char *const *values;    /* what a string may be, ended by NULL; NULL: any */
};

/* The members that an object may have; at most 64. Those that any variant requires come first, so
 * that to look for missing ones is to look at few. */
struct fields {
    const struct field *list;
    size_t count;
    /* Objects of several variants, which a string member tells apart ("role", "type"): its name; its
     * row is the very first. A variant's number, and so its bit, is the place of the string among the
     * member's values. */
    struct str tag;
};

/* A row: the name, then the other members in their order, as far as they are not 0. */
#define FIELD(row_name, ...)                                                     \
    {                                                                            \
        .name = row_name, .name_len = sizeof(row_name) - 1, .types = __VA_ARGS__ \
    }
#define FIELDS(rows)                           \
    {                                          \
        .list = rows, .count = ARRAY_LEN(rows) \
    }
#define FIELDS_BY(rows, tag_name)                                                                \
    {                                                                                            \
        .list = rows, .count = ARRAY_LEN(rows), .tag = {.data = tag_name, sizeof(tag_name) - 1 } \
    }

/* Checks every member of `object` against the table: unknown and missing members, types, ranges,
 * what stands inside, and that none is there twice, since an engine might read the other one than
 * lazuli. Adds the features needed to x->facts. */
MUST_CHECK bool fields_check(struct exchange *x, yyjson_val *object, const struct fields *fields,
                             struct error *err);

/* The value, NULL when absent or null. Inline, so that a literal's length is known. */
static inline yyjson_val *fields_get(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    return yyjson_is_null(value) ? NULL : value;
}

/* The field asks for an engine feature: notes it, and refuses where the engine lacks it. */
MUST_CHECK bool fields_need(struct request_facts *facts, unsigned feature, const char *name,
                            struct error *err);

#endif
