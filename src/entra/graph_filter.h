/*
 * What Graph's $filter may say here: texts compared with members, joined by "and".
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_GRAPH_FILTER_H
#define ENTRA_GRAPH_FILTER_H

#include <stdbool.h>

#include "base/json.h"

#define GRAPH_FILTER_TERMS_MAX 8

struct graph_filter {
    struct {
        const char *member;
        bool is_prefix;
        struct str text;
    } terms[GRAPH_FILTER_TERMS_MAX];
    size_t count; /* 0: everything matches */
};

/* False when it cannot be done: none is left aside. The texts lie in the arena. */
MUST_CHECK bool graph_filter_parse(struct arena *a, struct str text, struct graph_filter *f);
bool graph_filter_matches(const struct graph_filter *f, yyjson_mut_val *shown);

#endif
