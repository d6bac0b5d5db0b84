/*
 * One request on its way through the identity provider. It lives in the arena of its store job, and
 * everything here runs on the store thread; a handler fills the reply or returns false with an
 * error.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_CALL_H
#define ENTRA_CALL_H

#include <pthread.h>

#include "entra/entra.h"

#define ENTRA_NAMES_MAX 3
#define ENTRA_HEADERS_MAX 4

#define PENDING_KINDS 2 /* of pending.h */

/* What waits, of one kind; the store's thread alone looks at it. */
struct entra_pending {
    size_t count; /* at least so many */
    int64_t pruned_at_ms;
};

/* Lines of the log about sign-ins that failed, within a time; the store's thread alone looks at it. */
struct entra_failures {
    int64_t since_ms;
    unsigned lines, left_out;
};

struct entra_exchange;
struct entra_lockout;

struct entra {
    struct store *store;
    struct authority *authority;
    const struct secret_box *box;
    struct directory_box *directory;
    size_t principals_max; /* of all kinds together */
    char *subscription_id;
    char *public_base;
    bool has_any_name;
    char *trusted_proxies;
    char *machine_identity;   /* may be empty */
    char *machine_identities; /* likewise */
    pthread_mutex_t
        lock; /* of what follows: passwords that are being hashed, and those that wait */
    unsigned at_work, waiting;
    struct entra_exchange *queue;
    struct entra_pending pending[PENDING_KINDS];
    struct entra_failures failures;
    struct entra_lockout *lockouts; /* of lockout.h; the store's thread alone looks at them */
};

struct entra_call;
typedef bool entra_handler(struct entra_call *c, struct error *err);

struct entra_endpoint {
    enum http_method method;
    const char *path; /* {} stands for a name; the first one of a path of OAuth is the tenant */
    entra_handler *handle;
    bool takes_tenant;
};

/* What was asked. The strings live as long as the call. */
struct entra_request {
    enum http_method method;
    struct str query;
    struct str body;
    struct str authorization;     /* the header's value */
    struct str metadata;          /* the header that managed identities send */
    struct str client_request_id; /* the header client-request-id; may be empty */
    struct str peer;              /* who is connected */
    struct str client_address; /* who that is there for, by http_forwarded_client; may be empty */
    bool is_forwarded;         /* by something in front */
    struct str base;           /* "https://host": what links back to this server begin with */
};

struct entra_reply {
    int status;
    struct str type; /* the body's media type; empty: JSON */
    struct str body;
    struct http_header headers[ENTRA_HEADERS_MAX];
    size_t header_count;
};

/* What takes too long for the store's thread: a handler that wants it fills this in and returns true;
 * it is called again, in another transaction, when it has been done. */
enum entra_work_kind { ENTRA_WORK_NONE, ENTRA_WORK_CHECK, ENTRA_WORK_HASH, ENTRA_WORK_DONE };
struct entra_work {
    enum entra_work_kind kind;
    struct str password;
    struct str hash; /* to check against; of ENTRA_WORK_HASH, the result */
    struct str next; /* of ENTRA_WORK_CHECK: hashed when the password matches; may be empty */
    struct str next_hash;
    bool matches;
};

/* What is told of the call in the log (audit.h). */
struct entra_audit {
    const char *event; /* NULL: nothing */
    struct str details;
    bool is_of_change; /* of which nothing is told when it is not kept */
};

struct entra_call {
    struct entra *entra;
    struct store_txn *txn;
    struct arena *arena;
    const struct entra_request *request;
    const struct entra_endpoint *endpoint;
    struct str names[ENTRA_NAMES_MAX];
    unsigned name_count;
    struct entra_reply reply;
    struct entra_work work;
    struct error refusal;   /* set by entra_refuse */
    struct principal asker; /* of a change */
    struct entra_audit audit;
    struct authority_state
        *state;         /* what is in force while a handler runs, with a key to sign by */
    struct str changed; /* set by a handler that wrote or deleted a principal: its object id */
    struct authority_state *next; /* to be published after the commit */
    struct str counted;           /* by lockout_put: a user's object id */
};

/* The tables of endpoints, each of its file. */
struct entra_endpoints {
    const struct entra_endpoint *items;
    size_t count;
};
extern const struct entra_endpoints entra_discovery;
extern const struct entra_endpoints entra_metadata;
extern const struct entra_endpoints entra_token;
extern const struct entra_endpoints entra_authorize;
extern const struct entra_endpoints entra_device;
extern const struct entra_endpoints entra_graph;
extern const struct entra_endpoints entra_graph_app_role;
extern const struct entra_endpoints entra_graph_federated;
extern const struct entra_endpoints entra_graph_group;
extern const struct entra_endpoints entra_graph_reference;
extern const struct entra_endpoints entra_graph_service_principal;
extern const struct entra_endpoints entra_graph_write;
extern const struct entra_endpoints entra_managed_identity;

/* The endpoint of a path; NULL when there is none, or, with *differs, only by another method. `names`
 * (may be NULL) and *count are what its {} stand for. */
const struct entra_endpoint *entra_find(enum http_method method, struct str path, struct str *names,
                                        unsigned *count, bool *differs);
/* Is it a path of Microsoft Graph, be there such an endpoint or not? */
bool entra_is_graph(struct str path);
/* Do headers tell of something in front? */
bool entra_is_forwarded(const struct http_headers *headers);
/* Calls the endpoint, of a call that has its transaction and its arena. What it asks for in `work` is
 * left to the caller, as is `next` where there is no commit. */
MUST_CHECK bool entra_execute(struct entra_call *c, struct error *err);
/* Its transaction is lost. Where that was for the sake of forgetting the wrong passwords before the good
 * one, which memory keeps in mind as well: it is to be executed once more. */
bool entra_try_again(struct entra_call *c, const struct error *err);
/* What its transaction changed is on disk. On the store's thread. */
void entra_committed(struct entra_call *c);

/* A parameter of the form in the body, or, for GET, of the query. STR_NONE when absent. */
struct str entra_parameter(const struct entra_call *c, const char *name);
/* As entra_parameter; ERROR_OAUTH_MISSING when it is absent or empty. */
MUST_CHECK bool entra_require(const struct entra_call *c, const char *name, struct str *value,
                              struct error *err);
/* The reply is this error, but what the handler wrote is kept (a failed sign-in is counted). */
bool entra_refuse(struct entra_call *c, enum error_code code);
void entra_reply_json(struct entra_call *c, int status, yyjson_mut_val *root);
void entra_reply_header(struct entra_call *c, struct str name, struct str value);
/* Is it what Entra calls the tenant in a path whose client does not know which one it wants? */
bool entra_is_any_tenant(struct str name);
/* "https://host/TENANT", as the client named the tenant, or by its id. */
struct str entra_authority_url(const struct entra_call *c);
/* "https://host/TENANT-ID/v2.0": who issues what v2's clients look at (id tokens, discovery). */
struct str entra_issuer_v2(const struct entra_call *c);

#endif
