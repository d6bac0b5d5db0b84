/*
 * From a request's body to the document that is kept: the members of a type's field table are
 * taken over, checked, and brought into one case; everything else is dropped.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_DOCUMENT_H
#define ARM_DOCUMENT_H

#include "arm/type.h"

/* The kept form of a whole body (PUT): a member that is null counts as absent.
 * ERROR_ARM_BODY names the member that has the wrong type or value. */
MUST_CHECK yyjson_mut_doc *arm_document_from_put(struct arena *a, const struct arm_type *type,
                                                 yyjson_val *input, struct error *err);
/* What is kept of `old` after the members of a PATCH: absent stays, null removes, objects are
 * merged, lists and tags replaced as a whole. */
MUST_CHECK yyjson_mut_doc *arm_document_from_patch(struct arena *a, const struct arm_type *type,
                                                   yyjson_val *old, yyjson_val *input,
                                                   struct error *err);

/* Azure's "Use tags to organize your Azure resources" says what names of tags can't have.
 * ERROR_ARM_TAG_NAME, with `path` as its target. */
MUST_CHECK bool arm_document_check_tag_name(struct str name, const char *path, struct error *err);

/* The value of a member "tags", which may be of what is no resource. ERROR_ARM_BODY, or as above. */
MUST_CHECK bool arm_document_check_tags(yyjson_val *tags, struct error *err);

/* As json_at, with names compared without case. */
yyjson_val *arm_document_at(yyjson_val *object, const char *path);

#endif
