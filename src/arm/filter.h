/*
 * $filter: terms joined by 'and' (those of usages by 'or'), which is what the Azure CLI and the SDKs
 * send. A term compares a member, mostly by 'eq', or is a function of one text or none. Lists of
 * resources compare resourceGroup, resourceType, name, location, tagName and tagValue; other lists
 * take the terms one by one.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_FILTER_H
#define ARM_FILTER_H

#include "arm/call.h"

struct arm_filter_term {
    struct str name;
    struct str comparison; /* "eq", "ge" or whatever stands there; empty for a function */
    struct str value;      /* of the comparison, or between the parentheses; may be empty */
    bool is_function;
    bool is_quoted; /* 'value', not a bare word */
};

struct arm_filter_terms {
    struct arena *arena;
    struct str joint; /* "and"; may be set to another */
    struct str rest;
    struct str at; /* what was to be taken last */
    bool is_wrong;
};

/* The request's $filter. */
void arm_filter_begin(struct arm_call *c, struct arm_filter_terms *terms);
/* False at the end, and when what follows is no term: is_wrong says which. */
bool arm_filter_next(struct arm_filter_terms *terms, struct arm_filter_term *term);
/* A comparison by 'eq', or a function, of that name. */
bool arm_filter_is(const struct arm_filter_term *term, const char *name, bool is_function);

enum arm_filter_member {
    FILTER_GROUP,
    FILTER_TYPE,
    FILTER_NAME,
    FILTER_LOCATION,
    FILTER_TAG_NAME,
    FILTER_TAG_VALUE,
    FILTER_MEMBERS
};

/* What each must be; empty: anything. */
struct arm_filter {
    struct str values[FILTER_MEMBERS];
    bool is_empty;
};

/* ERROR_ARM_FILTER for what it cannot do: no filter is left aside. */
MUST_CHECK bool arm_filter_read(struct arm_call *c, struct arm_filter *filter, struct error *err);
/* `shown` is a resource as a client sees it. */
bool arm_filter_matches(const struct arm_call *c, const struct arm_filter *filter,
                        yyjson_mut_val *shown);

#endif
