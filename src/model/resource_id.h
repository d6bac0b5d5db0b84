/*
 * ARM resource ids, taken apart: /subscriptions/{id}[/resourceGroups/{name}]
 * [/providers/{namespace}/{type}/{name}[/{type}/{name}...]]. Case is kept; comparisons do not
 * regard it. Names are checked by each resource type, here only their form. A resource that extends
 * another (.../accounts/a/providers/Microsoft.Insights/diagnosticSettings/d) has its second
 * provider as a pair of its own: type "providers", name "Microsoft.Insights".
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_RESOURCE_ID_H
#define MODEL_RESOURCE_ID_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define RESOURCE_ID_DEPTH_MAX 6

struct resource_id {
    struct str subscription;
    struct str group;                        /* empty at subscription scope */
    struct str provider;                     /* "Microsoft.CognitiveServices", empty when none */
    struct str types[RESOURCE_ID_DEPTH_MAX]; /* "accounts", "deployments" */
    struct str names[RESOURCE_ID_DEPTH_MAX];
    unsigned depth;        /* pairs of type and name */
    struct str collection; /* a last type without a name: a list, or an action */
};

/* Takes a percent-decoded path apart. False when it is not of ARM's form; the strings are parts
 * of `path`. One slash at the end is ignored. */
MUST_CHECK bool resource_id_parse(struct str path, struct resource_id *id);
/* "/subscriptions/.../deployments/gpt-4": the segments that ARM itself names in their canonical
 * case, types and names as they stand, without the collection. */
struct str resource_id_text(struct arena *a, const struct resource_id *id);
/* The lower-cased text: the key in the store. */
struct str resource_id_key(struct arena *a, const struct resource_id *id);
/* "Microsoft.CognitiveServices/accounts/deployments"; of an extension, its own. */
struct str resource_id_type(struct arena *a, const struct resource_id *id);

#endif
