/*
 * What the files that write principals by Graph share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_GRAPH_WRITE_H
#define ENTRA_GRAPH_WRITE_H

#include "entra/graph.h"

#define GRAPH_TEXT_MAX 256

/* A text or a boolean that may be set. */
struct graph_member {
    const char *name;
    bool is_boolean;
    bool is_needed; /* neither null nor empty */
};

/* Takes those that the body has. */
MUST_CHECK bool graph_take_members(yyjson_mut_doc *doc, yyjson_mut_val *kept, yyjson_val *body,
                                   const struct graph_member *members, size_t count,
                                   struct error *err);
/* Adds what "members@odata.bind" and "owners@odata.bind" of the body name. In graph_reference.c. */
MUST_CHECK bool graph_take_references(struct entra_call *c, yyjson_mut_doc *doc,
                                      yyjson_mut_val *kept, yyjson_val *body, enum graph_kind kind,
                                      struct error *err);
MUST_CHECK bool graph_require_name(yyjson_val *body, struct error *err);
/* Whom the path names, *p, and a copy of the document to change and to save; NULL: the caller may not
 * change principals, or not this one. A managed identity follows its resource: it has no secret, and
 * goes when that does. */
MUST_CHECK yyjson_mut_doc *graph_begin_change(struct entra_call *c, struct principal_record *p,
                                              struct error *err);
/* Writes a new one, and replies with it. */
MUST_CHECK bool graph_create(struct entra_call *c, struct principal_record *p, yyjson_mut_val *body,
                             enum graph_kind kind, struct error *err);
struct str graph_new_guid(struct entra_call *c);
/* ERROR_GRAPH_BAD_REQUEST with that text. */
bool graph_refuse(struct error *err, const char *what);
/* The request's body, an object (an empty one where there is none); NULL with ERROR_GRAPH_BAD_REQUEST. */
MUST_CHECK yyjson_val *graph_read_body(struct entra_call *c, struct error *err);
/* Writes a principal that was changed; `change` and `other` are as audit_changed takes them. */
MUST_CHECK bool graph_save(struct entra_call *c, const struct principal_record *p,
                           yyjson_mut_val *body, const char *change, struct str other,
                           struct error *err);

#endif
