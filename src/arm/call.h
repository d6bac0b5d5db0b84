/*
 * One ARM request on its way through the control plane: what was asked, what is found out on the
 * way, what is answered. It lives in the arena of its store job; everything here runs on the store
 * thread. A handler fills the reply or returns false with an error, which rolls back what it wrote.
 * SPDX-License-Identifier: MIT
 */
#ifndef ARM_CALL_H
#define ARM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "arm/arm.h"
#include "arm/throttle.h"
#include "base/json.h"
#include "identity/account_secret.h"
#include "model/catalog.h"
#include "net/http.h"
#include "store/store.h"

#define ARM_NAMES_MAX 6
#define ARM_HEADERS_MAX 6

struct arm_route;
struct arm_type;
struct arm_publication;
struct template_run;

/* A key that a call wanted, of a vault that has been asked since. Of a deployment of a template, its parts want one each. */
struct arm_asked_key {
    struct key_reference key;
    const struct arm_asked_key *next;
};

/* What was asked. The strings live as long as the call. */
struct arm_request {
    enum http_method method;
    struct str path; /* percent-encoded, without the query */
    struct str query;
    struct str body;
    struct str if_match; /* headers; empty when absent */
    struct str if_none_match;
    struct str base; /* "https://host": what links back to this server begin with */
    struct principal principal;
    struct str client_address;         /* for the activity log; empty: the program's own request */
    struct str id;                     /* ours; a GUID */
    struct str correlation_id;         /* the client's for several requests, or ours */
    struct str client_request_id;      /* may be empty */
    bool is_too_large;                 /* its body, which is not there then */
    bool is_internal;                  /* the program's own (arm_apply) */
    const struct arm_asked_key *asked; /* for which the call has been tried again; NULL: none */
    struct template_run *run; /* the deployment of a template that it is a part of; NULL: none */
};

struct arm_reply {
    int status;
    struct str body; /* JSON; empty: none */
    struct str etag; /* of a single resource; empty: none */
    struct http_header headers[ARM_HEADERS_MAX];
    size_t header_count;
};

struct arm {
    struct store *store;
    const struct clock *clock;
    struct directory_box *directory;
    struct account_sealer sealer;
    struct authority *authority;
    char *tenant_id;
    char *public_base;
    bool is_public_base_set;
    char *data_domain;
    char *trusted_proxies;
    bool is_unthrottled;
    bool (*authenticate)(void *data, struct http_request *r, struct str token,
                         struct principal *who, struct error *err);
    void *authenticate_data;
    /* the store thread's own once there are loops */
    struct catalog *catalog;
    struct catalog *committed_catalog; /* of the last load that was committed */
    struct arm_throttle throttle;
};

struct arm_call {
    struct arm *arm;
    struct store_txn *txn;
    struct arena *arena;
    const struct arm_request *request;
    struct arm_reply reply;
    const struct arm_type *type;
    const struct arm_route *route;
    struct str names[ARM_NAMES_MAX]; /* what stands at each {} of the route, decoded; [0] is the
                                        subscription's id wherever there is one outside of a scope */
    unsigned name_count;
    struct str scope;  /* what stands at the route's {scope}: an id, decoded; else empty */
    bool is_operation; /* the route, the api-version and the subscription are there */
    struct str api_version;
    int64_t now_ms;
    const struct rbac *roles;   /* as they were when the call began */
    bool lists_what_is_allowed; /* a list leaves out what the caller may not read */
    struct key_reference
        wanted_key; /* set by who failed for want of it: the call is tried again once
                                        its vault has been asked; empty: none */
    struct arm_publication *publications;      /* in the order of the changes */
    struct arm_publication **publications_end; /* where the next one is hung */
    struct str error_details; /* of a failure: JSON, an array of errors; empty: none */
};

void arm_reply_header(struct arm_call *c, struct str name, struct str value);
/* The document as the body. */
void arm_reply_json(struct arm_call *c, int status, yyjson_mut_val *root);
/* 200 and {"value": list}, a list in one page. `list` is of `doc`. */
void arm_reply_list(struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *list);

/* An error as clients see it: code, message, target, and its details (JSON, an array; may be empty). */
yyjson_mut_val *arm_error_object(yyjson_mut_doc *doc, const struct error *err, struct str details);

/* The request's body as an object; ERROR_ARM_BODY when it is none. An empty body is an empty
 * object where `may_be_empty`. */
MUST_CHECK yyjson_val *arm_read_body(struct arm_call *c, bool may_be_empty, struct error *err);
/* The same of a body that is an array. */
MUST_CHECK yyjson_val *arm_read_list(struct arm_call *c, struct error *err);
/* What arm_read_body refuses of a document that is good JSON. ERROR_ARM_BODY. */
MUST_CHECK bool arm_check_doubts(struct arm_call *c, yyjson_doc *doc, struct error *err);

#endif
