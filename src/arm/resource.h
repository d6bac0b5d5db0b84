/*
 * The generic engine: what ARM asks of every resource type, done once. The handlers are what the
 * routes of types/ name; the functions below them are for types that need another resource.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_RESOURCE_H
#define ARM_RESOURCE_H

#include "arm/type.h"

/* Handlers. */
bool arm_resource_get(struct arm_call *c, struct error *err);
bool arm_resource_put(struct arm_call *c, struct error *err);
bool arm_resource_patch(struct arm_call *c, struct error *err);
/* A PUT of the call's type and names, with a body that came by another way. */
bool arm_resource_put_input(struct arm_call *c, yyjson_val *input, struct error *err);
/* 200, or 204 when there is none. Refused (409) as long as it has children that do not go with it. */
bool arm_resource_delete(struct arm_call *c, struct error *err);
/* Children of the call's type below the names of the route, however deep. */
bool arm_resource_list(struct arm_call *c, struct error *err);
/* The same of keys that begin so. */
bool arm_resource_list_below(struct arm_call *c, struct str key_prefix, struct error *err);

/* The id of the resource of that type whose names are the first ones of the call. */
struct str arm_resource_id(const struct arm_call *c, const struct arm_type *type);
struct str arm_resource_key(const struct arm_call *c, const struct arm_type *type);
/* The last name of an id. */
struct str arm_id_name(struct str id);
/* The n-th segment (from 0) of an id: 1 the subscription, 3 the group, 7 an account's name. */
struct str arm_id_segment(struct str id, unsigned n);
/* What stands behind the last "/providers/": "Microsoft.CognitiveServices/accounts/N". */
struct str arm_id_below_provider(struct str id);

/* The resource of that type whose names are the first ones of the call. ERROR_ARM_NO_RESOURCE and
 * its like when it, or what it lies in, is not there. */
MUST_CHECK bool arm_resource_find(struct arm_call *c, const struct arm_type *type,
                                  struct store_resource *r, struct error *err);
/* What a query selects, and what is kept of each. */
struct arm_documents {
    struct store_resource *items;
    yyjson_val **bodies;
    size_t count;
};
MUST_CHECK bool arm_resource_read_all(struct store_txn *t, struct arena *a,
                                      const struct store_query *query, struct arm_documents *found,
                                      struct error *err);
/* All of that type in a subscription. */
MUST_CHECK bool arm_resource_read_subscription(struct arm_call *c, const struct arm_type *type,
                                               struct str subscription, struct arm_documents *found,
                                               struct error *err);
/* All of that type whose parent has this key. */
MUST_CHECK bool arm_resource_read_below(struct arm_call *c, const struct arm_type *type,
                                        struct str parent_key, struct arm_documents *found,
                                        struct error *err);
/* Writes a document of it that was changed in parts, checked by its type as after a PATCH, and
 * replies with it. */
MUST_CHECK bool arm_resource_rewrite(struct arm_call *c, const struct arm_type *type,
                                     const struct store_resource *r, yyjson_mut_doc *doc,
                                     struct error *err);
/* Writes a document that says nothing but that it is there. `named` has its key, id, type and parent. */
MUST_CHECK bool arm_resource_put_mark(struct arm_call *c, const struct store_resource *named,
                                      struct error *err);
/* Deletes a resource with all that lies below it and belongs to it: each type's on_delete is asked. */
MUST_CHECK bool arm_resource_remove(struct arm_call *c, const struct store_resource *r,
                                    struct error *err);
/* Is what the call's resource lies in (subscription, group, parent) there? */
MUST_CHECK bool arm_resource_check_scope(struct arm_call *c, const struct arm_type *type,
                                         struct error *err);
/* What is kept of it; never NULL. ERROR_STORE when the store holds no object. */
MUST_CHECK yyjson_val *arm_resource_body(struct arena *a, const struct store_resource *r,
                                         struct error *err);
/* As the client sees it. NULL: ERROR_STORE. */
MUST_CHECK yyjson_mut_val *arm_resource_render(struct arm_call *c, const struct arm_type *type,
                                               const struct store_resource *r, yyjson_mut_doc *doc,
                                               struct error *err);
/* The same without what lies in other resources: for lists that show little of each. */
MUST_CHECK yyjson_mut_val *arm_resource_render_own(struct arm_call *c, const struct arm_type *type,
                                                   const struct store_resource *r,
                                                   yyjson_mut_doc *doc, struct error *err);
/* 200 or what is given, with the resource as the body and its etag. */
MUST_CHECK bool arm_resource_reply(struct arm_call *c, int status, const struct arm_type *type,
                                   const struct store_resource *r, struct error *err);
/* The type of a stored resource; NULL when it is none that ARM shows. */
const struct arm_type *arm_type_of(const struct store_resource *r);

#endif
