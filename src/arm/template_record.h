/*
 * What is kept of deployments of templates, under keys that no list of resources looks at: of each, what a client sees, and
 * apart from that, since it is large and seldom asked for, its template and its operations; of each group or subscription, an
 * index of its deployments, the newest last. There are at most TEMPLATE_RECORDS_MAX in one, with templates of
 * TEMPLATE_RECORD_BYTES_MAX together: the oldest go.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TEMPLATE_RECORD_H
#define ARM_TEMPLATE_RECORD_H

#include "arm/call.h"

/* Azure's own. */
#define TEMPLATE_RECORDS_MAX 800
#define TEMPLATE_RECORD_BYTES_MAX ((uint64_t)64 * 1024 * 1024)
/* Of what a client sees of one: lists hold many in memory. */
#define TEMPLATE_SHOWN_BYTES_MAX ((size_t)256 * 1024)

/* `scope` is the id of a group or a subscription. *found says whether there is one of that name; *shown is what was kept. */
MUST_CHECK bool template_record_get(struct arm_call *c, struct str scope, struct str name,
                                    yyjson_val **shown, bool *found, struct error *err);
/* An object of "template" and "operations". NULL with *err; it must be there. */
MUST_CHECK yyjson_val *template_record_payload(struct arm_call *c, struct str scope,
                                               struct str name, struct error *err);
/* Keeps it, in place of one of that name, as the newest. `shown` and `payload` are JSON. */
MUST_CHECK bool template_record_put(struct arm_call *c, struct str scope, struct str name,
                                    struct str shown, struct str payload, struct error *err);
MUST_CHECK bool template_record_delete(struct arm_call *c, struct str scope, struct str name,
                                       bool *existed, struct error *err);
/* Their names, the oldest first. */
MUST_CHECK bool template_record_names(struct arm_call *c, struct str scope, struct str **names,
                                      size_t *count, struct error *err);
/* All of a group that goes. */
MUST_CHECK bool template_record_delete_all(struct arm_call *c, struct str scope, struct error *err);

#endif
