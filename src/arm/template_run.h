/*
 * The deployment of a template, from its request to what became of each resource.
 *
 * All of it is done in the request's own job of the store, one resource after the other, each as a part (arm/part.h) that may
 * fail alone: what came before it stays, what does not depend on it goes on. To validate a template, and to tell what it
 * would do, is to deploy it and take everything back.
 *
 * Deployments within deployments (Bicep's modules) are parts as others are. They share the run: its limits, and what it
 * collects.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TEMPLATE_RUN_H
#define ARM_TEMPLATE_RUN_H

#include "arm/call.h"
#include "template/template.h"

/* What one deployment may take of the store's thread, all that is within it included: others wait meanwhile. */
#define TEMPLATE_RUN_US (5u * 1000 * 1000)
/* Resources of one deployment with all that is within it: each takes memory until its end, one that is a deployment some 100 KiB. */
#define TEMPLATE_RUN_RESOURCES_MAX ((size_t)4 * TEMPLATE_RESOURCES_MAX)
/* Deployments within deployments. */
#define TEMPLATE_RUN_DEPTH_MAX 8

enum template_purpose { TEMPLATE_DEPLOY, TEMPLATE_VALIDATE, TEMPLATE_WHAT_IF };

struct template_run {
    enum template_purpose purpose;
    struct template_budget budget;
    uint64_t deadline_us; /* clock_thread_us */
    unsigned depth;
    size_t resource_count; /* of all deployments that were begun */
    bool shows_ids_only;   /* what-if's resultFormat */
    struct arena *arena;
    yyjson_mut_doc *doc;
    yyjson_mut_val
        *refusals; /* an array: of what failed, the errors that Azure's validation finds */
    yyjson_mut_val *changes; /* what-if: an array */
    yyjson_mut_val
        *kept; /* an array of the ids that templates have: what "Complete" leaves, in lower case */
};

struct template_deployment {
    struct arm_call *call;
    struct template_run *run;
    struct template template;
    struct str name;
    struct str scope; /* the group's or the subscription's id */
    struct str id;
    struct str location; /* of one at a subscription */
    yyjson_val *tags;    /* may be NULL */
    yyjson_val *source;  /* the template */
    bool is_complete;    /* its mode */
    bool is_checked;     /* more than its template is looked at (validationLevel) */
    uint64_t began_us;
    /* What came of it; made in the run's document. */
    yyjson_mut_val *operations; /* an array, as stored */
    yyjson_mut_val *failures;   /* an array of errors; empty: it succeeded */
    yyjson_mut_val *refusals;   /* an array of errors: what keeps it from being begun */
    yyjson_mut_val *resources;  /* outputResources: an array */
    yyjson_mut_val *outputs;
    struct error error; /* where it failed, with `failures` as its details */
};

/* The deployment that a route names: its name and scope. */
MUST_CHECK bool template_deployment_locate(struct arm_call *c, struct template_deployment *d,
                                           struct error *err);
/* Begins one of the call's route and body; `run` is the caller's, and is set up where the call is a part of none. Refuses what is wrong
 * with the template, what it names that is not served, and what the caller may not do. `d` is zeroed. */
MUST_CHECK bool template_deployment_read(struct arm_call *c, enum template_purpose purpose,
                                         struct template_run *run, struct template_deployment *d,
                                         struct error *err);
/* Refuses it for these errors, which are told as its details; true where there are none. */
MUST_CHECK bool template_deployment_refuse(struct template_deployment *d, yyjson_mut_val *refusals,
                                           struct error *err);
/* Does it. False when the call cannot go on; what failed of it is in `d`. */
MUST_CHECK bool template_deployment_run(struct template_deployment *d, struct error *err);
/* The same, and takes it all back. */
MUST_CHECK bool template_deployment_try(struct template_deployment *d, struct error *err);

/* Parts of the two (template_request.c, template_host.c, template_what_if.c, template_view.c, template_clean.c). */
extern const struct template_host template_deployment_host; /* its `data` is the deployment */
/* Notes what becomes of a resource: `before` and `after` as GET shows them, NULL where it is not there. */
void template_note_change(struct template_run *run, struct str id, struct str api_version,
                          yyjson_val *before, yyjson_val *after);
/* What is there besides, as GET shows it. */
void template_note_surplus(struct template_run *run, struct str id, struct str api_version,
                           yyjson_val *shown, bool is_deleted);
/* What cannot be told, with the reason; nothing where no what-if is asked for. */
void template_note_unknown(struct template_run *run, struct str id, struct str reason);
/* After the resources: what the group has besides goes (mode Complete), or is told of (what-if). */
MUST_CHECK bool template_deployment_clean(struct template_deployment *d, struct error *err);
/* What is shown of it, as text: TEMPLATE_SHOWN_BYTES_MAX at most, for want of which it fails. */
MUST_CHECK bool template_show(struct template_deployment *d, struct str *shown, struct error *err);
/* What it is called; and the members of `properties` that a validation has, too. */
yyjson_mut_val *template_show_head(const struct template_deployment *d, yyjson_mut_doc *doc);
MUST_CHECK bool template_show_common(struct template_deployment *d, yyjson_mut_doc *doc,
                                     yyjson_mut_val *properties, struct error *err);
/* What Azure calls the resources that a template would deploy. */
yyjson_mut_val *template_show_ids(const struct template_deployment *d, yyjson_mut_doc *doc);
/* Notes one operation: what was done to a resource, and what came of it. */
struct arm_part;
void template_note_operation(struct template_deployment *d, const char *what, struct str id,
                             struct str type, struct str symbol, const struct arm_part *part,
                             uint64_t began_us);
/* The time since then (clock_monotonic_us), in ISO 8601: "PT0.0123S". */
struct str template_duration(struct arena *a, uint64_t began_us);
/* The newest api-version of a type; a preview only of one that has nothing else. */
struct str template_api_version(const struct arm_type *type);

#endif
