/*
 * The part of Microsoft Graph that the Azure CLI needs for role assignments: users, applications,
 * service principals, groups. What is read stands in graph.c, what is written in graph_write.c.
 * An application and its service principal are one document here, with one object id.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_GRAPH_H
#define ENTRA_GRAPH_H

#include "base/json.h"
#include "entra/call.h"
#include "identity/principals.h"

/* What a path of Graph is about. */
/* What tokens for it say that they are for. */
#define GRAPH_AUDIENCE "https://graph.microsoft.com"

/* In an application's document: what is its service principal's alone. */
#define GRAPH_OF_SERVICE_PRINCIPAL "servicePrincipal"

enum graph_kind { GRAPH_USERS, GRAPH_APPLICATIONS, GRAPH_SERVICE_PRINCIPALS, GRAPH_GROUPS };
#define GRAPH_KINDS 4

/* Whose token is it? ERROR_GRAPH_TOKEN. */
MUST_CHECK bool graph_authenticate(struct entra_call *c, struct principal *who, struct error *err);
/* May the token's bearer change principals (who may assign roles in the subscription may)?
 * ERROR_GRAPH_TOKEN, ERROR_GRAPH_DENIED. */
MUST_CHECK bool graph_authorize(struct entra_call *c, struct error *err);
/* The kind that the endpoint's path names. */
enum graph_kind graph_kind_of(const struct entra_call *c);
bool graph_is_of_kind(const struct principal_record *p, enum graph_kind kind);
/* The one that the path names, by object id, by a user's name, or by "(appId='...')".
 * ERROR_GRAPH_NOT_FOUND. */
MUST_CHECK bool graph_find(struct entra_call *c, struct principal_record *p, struct error *err);
/* The user whose token it is. ERROR_GRAPH_TOKEN, ERROR_GRAPH_BAD_REQUEST. */
MUST_CHECK bool graph_find_me(struct entra_call *c, struct principal_record *p, struct error *err);
/* As Graph shows it. */
yyjson_mut_val *graph_show(struct entra_call *c, yyjson_mut_doc *doc,
                           const struct principal_record *p, enum graph_kind kind);
/* Replies with those of a list of ids that are there, each once: to read a group with its members takes
 * memory. */
MUST_CHECK bool graph_reply_objects(struct entra_call *c, yyjson_val *list, struct error *err);
/* To a list of objects of any kind. */
void graph_append_object(struct entra_call *c, yyjson_mut_doc *doc, yyjson_mut_val *value,
                         const struct principal_record *p);

#endif
