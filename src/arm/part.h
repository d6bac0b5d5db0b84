/*
 * A call inside another one: what the deployment of a template asks and writes goes the way of any client's request, route, roles,
 * locks, quotas and activity log, as the same caller, and may fail by itself.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_PART_H
#define ARM_PART_H

#include "arm/call.h"
#include "template/template.h"

struct arm_part {
    /* What is asked. */
    enum http_method method;
    struct str id;     /* of a resource, as it is shown: not encoded */
    struct str action; /* "listKeys"; may be empty */
    struct str api_version;
    struct str body; /* JSON; may be empty */
    /* Whose secrets its error does not quote, here or, by arm_part_run, in the activity log. NULL: none
     * has gone into it. */
    struct template *template;
    /* What came of it. */
    bool is_good;
    int status;
    struct str text;  /* the reply's body */
    yyjson_val *root; /* the same, parsed; NULL: none */
    struct error err; /* where it is not good */
    struct str error_details;
};

/* What a part that is not good has written is taken back. False when the whole call cannot go on: its database fails, or it
 * must wait for a key of a vault. */
MUST_CHECK bool arm_part_run(struct arm_call *c, struct template_run *run, struct arm_part *part,
                             struct error *err);
/* Is there such a type and api-version, and may the caller do it? Nothing is done. False as above. */
MUST_CHECK bool arm_part_look(struct arm_call *c, struct template_run *run, struct arm_part *part,
                              struct error *err);
/* Its error and the details quote no secrets of its template from here on. */
void arm_part_hide_secrets(struct arm_part *part);

#endif
