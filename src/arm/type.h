/*
 * What a resource type is: a constant description, one per file of types/, listed in types.c. The
 * generic engine (resource.h) does everything that ARM asks of every type; the description says
 * what is special.
 *
 * A resource is kept as one JSON document with the members of its field table (what a client may
 * set: "location", "tags", "sku", "properties", ...) and two of lazuli's own: "facts" (what was
 * decided at creation and stays) and "systemData". What follows from these is not kept but made
 * when the resource is shown.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_TYPE_H
#define ARM_TYPE_H

#include "arm/call.h"

/* A resource provider: a name space with its published api-versions. */
struct arm_provider {
    const char *name;
    const char *const *versions; /* oldest first */
    size_t version_count;
    bool accepts_between; /* its many types have more versions than are listed: any date since the
                             first will do */
};

extern const struct arm_provider arm_cognitive_services;
extern const struct arm_provider arm_resources;
extern const struct arm_provider arm_authorization;
extern const struct arm_provider arm_insights;
extern const struct arm_provider arm_managed_identity;

enum arm_field_kind {
    ARM_FIELD_TEXT,
    ARM_FIELD_INTEGER, /* 32 bits, not negative */
    ARM_FIELD_BOOL,
    ARM_FIELD_OBJECT, /* kept as it is */
    ARM_FIELD_LIST,   /* kept as it is, unless rows of "LIST[].NAME" say what its items may have */
    ARM_FIELD_TEXT_LIST,
    ARM_FIELD_TEXT_MAP, /* object with text values only: tags */
};

/* A member that a client may set. Members that have no row are ignored, as ARM does. */
struct arm_field {
    const char *path; /* "properties.networkAcls.defaultAction", "properties.regions[].name" */
    enum arm_field_kind kind;
    const char
        *values; /* ARM_FIELD_TEXT: "Allow|Deny", the only ones, in the case they are kept in */
};

/* A member that is shown from an api-version on, previews of that date included. */
struct arm_member {
    const char *path;
    const char *since; /* "2023-05-01" */
};

/* A write under way. */
struct arm_change {
    struct arm_call *call;
    const struct store_resource *before; /* NULL: the resource is being created */
    bool is_restored;                    /* `before` had been deleted */
    yyjson_val *old;                     /* before's document */
    yyjson_val *input;                   /* the request's body as it came */
    yyjson_mut_doc *doc;                 /* the document that will be kept, as merged: a check */
    yyjson_mut_val *root;                /* completes it in place */
    struct store_resource after;
};

/* The handler of a route. Fills call->reply, or *err. */
typedef bool arm_handler(struct arm_call *c, struct error *err);

struct arm_route {
    enum http_method method;
    const char *path; /* literal segments, compared without case, and {} for a name; the first one
                         may be {scope}, see arm/route.h */
    arm_handler *handle;
};

struct arm_type {
    const char *name; /* "Microsoft.CognitiveServices/accounts/deployments" */
    const struct arm_provider *provider;
    const char *path; /* of one resource, as a route's: its segments' case is the canonical one */
    const struct arm_type *parent; /* must exist; NULL: the resource group, where there is one, or
                                      what stands at {scope} */
    bool is_tracked;        /* has a location and tags, and is listed among a group's resources */
    bool shows_system_data; /* and its etag */
    bool goes_with_parent;  /* is deleted with it; others must be deleted before it */
    const struct arm_field *fields;
    size_t field_count;
    const struct arm_member *later_members; /* that the first api-versions lack */
    size_t later_member_count;
    const struct arm_route *routes;
    size_t route_count;

    /* All of these may be NULL. */
    /* The name of a resource that is about to be made. */
    bool (*check_name)(struct str name, struct error *err);
    /* At a PUT of what is not there: may refuse it, or bring back one that was deleted, into which
     * the request's body is then merged. */
    bool (*restore)(struct arm_call *c, yyjson_val *input, struct store_resource *r, bool *restored,
                    struct error *err);
    /* Checks and completes a document that is about to be written. */
    bool (*check)(struct arm_change *change, struct error *err);
    /* After a write, in the same transaction. */
    bool (*on_written)(struct arm_change *change, struct error *err);
    /* Before a deletion: may refuse. */
    bool (*on_delete)(struct arm_call *c, const struct store_resource *r, struct error *err);
    /* Adds what is derived. `body` is what is kept; `shown` has id, name, type, the members of
     * `body` but "facts", and the etag. */
    void (*render)(struct arm_call *c, const struct store_resource *r, yyjson_val *body,
                   yyjson_mut_doc *doc, yyjson_mut_val *shown);
    /* After that: adds what is found in other resources. */
    bool (*render_related)(struct arm_call *c, const struct store_resource *r, yyjson_mut_doc *doc,
                           yyjson_mut_val *shown, struct error *err);
};

/* The table of types. */
extern const struct arm_type *const arm_types[];
extern const size_t arm_type_count;

extern const struct arm_type arm_subscription_type;
extern const struct arm_type arm_group_type;
extern const struct arm_type arm_account_type;
extern const struct arm_type arm_deleted_account_type;
extern const struct arm_type arm_deployment_type;
extern const struct arm_type arm_provider_type;
extern const struct arm_type arm_provider_operation_type;
extern const struct arm_type arm_model_type;
extern const struct arm_type arm_model_capacity_type;
extern const struct arm_type arm_usage_type;
extern const struct arm_type arm_sku_type;
extern const struct arm_type arm_operation_type;
extern const struct arm_type arm_private_endpoint_type;
extern const struct arm_type arm_commitment_plan_type;
extern const struct arm_type arm_shared_commitment_plan_type;
extern const struct arm_type arm_plan_association_type;
extern const struct arm_type arm_rai_policy_type;
extern const struct arm_type arm_rai_blocklist_type;
extern const struct arm_type arm_rai_blocklist_item_type;
extern const struct arm_type arm_rai_content_filter_type;
extern const struct arm_type arm_encryption_scope_type;
extern const struct arm_type arm_defender_setting_type;
extern const struct arm_type arm_network_perimeter_type;
extern const struct arm_type arm_template_deployment_type;
extern const struct arm_type arm_tags_type;
extern const struct arm_type arm_tag_names_type;
extern const struct arm_type arm_tag_values_type;
extern const struct arm_type arm_lock_type;
extern const struct arm_type arm_event_type;
extern const struct arm_type arm_event_category_type;
extern const struct arm_type arm_role_definition_type;
extern const struct arm_type arm_role_assignment_type;
extern const struct arm_type arm_permission_type;
extern const struct arm_type arm_user_assigned_identity_type;
extern const struct arm_type arm_federated_credential_type;
extern const struct arm_type arm_system_assigned_identity_type;

#endif
