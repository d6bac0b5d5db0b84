/*
 * The face of the control plane: from an HTTP request to a job of the store, and from what it came
 * to back to a reply.
 * SPDX-License-Identifier: MIT
 */
#include "arm/arm.h"

#include <assert.h>
#include <stdlib.h>

#include "arm/activity.h"
#include "arm/call.h"
#include "arm/execute.h"
#include "arm/publish.h"
#include "arm/quota.h"
#include "arm/types/account.h"
#include "arm/types/deleted_account.h"
#include "base/format.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "identity/credential.h"
#include "net/http_forwarded.h"

/* What every reply carries, and what the call adds. */
#define REPLY_HEADERS_MAX (ARM_HEADERS_MAX + 12)
/* For who finds too many asking. */
#define VAULT_RETRY_S "10"

/* A request of a client on its way; in the request's own arena. */
struct arm_exchange {
    struct arm *arm;
    struct http_request *http;
    struct arm_request request;
    struct arm_call call; /* the store thread's, until `done` */
    struct store_job job;
    struct key_vault_ask ask;
    bool is_submitted; /* the store will be done with it, whether the client is there or not */
    struct http_header headers[REPLY_HEADERS_MAX];
    struct http_headers list;
};

struct arm *arm_new(const struct arm_options *options)
{
    struct arm *a = memory_alloc(sizeof(*a));
    uint64_t seed;

    a->store = options->store;
    a->clock = options->clock;
    a->directory = options->directory;
    a->sealer = (struct account_sealer){ options->box, options->vault, options->key_hash };
    a->authority = options->authority;
    a->tenant_id = memory_dup(options->tenant_id.data, options->tenant_id.len);
    a->public_base = memory_dup(options->public_base.data, options->public_base.len);
    a->is_public_base_set = options->is_public_base_set;
    a->data_domain = memory_dup(options->data_domain.data, options->data_domain.len);
    a->trusted_proxies = memory_dup(options->trusted_proxies.data, options->trusted_proxies.len);
    a->is_unthrottled = options->is_unthrottled;
    a->authenticate = options->authenticate;
    a->authenticate_data = options->authenticate_data;
    a->catalog = catalog_ref(options->catalog);
    a->committed_catalog = catalog_ref(options->catalog);
    random_bytes(&seed, sizeof(seed));
    arm_throttle_init(&a->throttle, seed, clock_monotonic_us());
    return a;
}

void arm_free(struct arm *a)
{
    if (!a)
        return;
    catalog_unref(a->catalog);
    catalog_unref(a->committed_catalog);
    free(a->tenant_id);
    free(a->public_base);
    free(a->data_domain);
    free(a->trusted_proxies);
    free(a);
}

bool arm_matches(struct str path)
{
    static const char *const roots[] = { "/subscriptions", "/providers", "/tenants" };

    while (str_starts_with(path, STR("//")))
        path = str_slice(path, 1, SIZE_MAX);
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        struct str root = str_from(roots[i]);

        if (str_starts_with_nocase(path, root) &&
            (path.len == root.len || path.data[root.len] == '/'))
            return true;
    }
    return false;
}

/* What the HTTP server refuses, by the name that it has here. */
static enum error_code own_code(enum error_code code)
{
    if (code == ERROR_TOO_LARGE)
        return ERROR_ARM_TOO_LARGE;
    return code == ERROR_MEDIA_TYPE ? ERROR_ARM_MEDIA_TYPE : code;
}

struct str arm_render_error(struct arena *arena, const struct error *err, struct str details)
{
    struct error own = *err;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    own.code = own_code(err->code);
    json_set(doc, root, "error", arm_error_object(doc, &own, details));
    return json_write_mut(arena, root);
}

/* -- Replies --------------------------------------------------------------------------------- */

static void add_header(struct arm_exchange *x, struct str name, struct str value)
{
    assert(x->list.count < REPLY_HEADERS_MAX);
    x->headers[x->list.count++] = (struct http_header){ name, value };
}

static void add_common_headers(struct arm_exchange *x)
{
    add_header(x, STR("Cache-Control"), STR("no-cache"));
    add_header(x, STR("Pragma"), STR("no-cache"));
    add_header(x, STR("Expires"), STR("-1"));
    add_header(x, STR("X-Content-Type-Options"), STR("nosniff"));
    if (x->http->is_tls)
        add_header(x, STR("Strict-Transport-Security"), STR("max-age=31536000; includeSubDomains"));
    add_header(x, STR("x-ms-request-id"), x->request.id);
    add_header(x, STR("x-ms-correlation-request-id"), x->request.correlation_id);
    if (x->request.client_request_id.len)
        add_header(x, STR("x-ms-client-request-id"), x->request.client_request_id);
}

/* What the request is called, by us and by the client. */
static void name_request(struct arm_exchange *x)
{
    const struct http_headers *headers = &x->http->headers;
    struct str correlation_id = http_headers_get(headers, STR("x-ms-correlation-request-id"));
    char id[GUID_TEXT_LEN + 1];

    format_guid(id);
    x->request.id = arena_copy(x->http->arena, str_from(id));
    x->request.correlation_id = format_is_guid(correlation_id) ? correlation_id : x->request.id;
    x->request.client_request_id = http_client_request_id(headers, STR("x-ms-client-request-id"));
}

static void finish(struct arm_exchange *x, int status, struct str body)
{
    if (body.len)
        add_header(x, STR("Content-Type"), STR("application/json; charset=utf-8"));
    x->list.items = x->headers;
    http_reply(x->http, status, &x->list, body);
}

static void finish_error(struct arm_exchange *x, const struct error *err, struct str details)
{
    struct arena *arena = x->http->arena;
    int status = error_info(err->code)->status;

    if (status == 401)
        add_header(x, STR("WWW-Authenticate"),
                   arena_printf(arena,
                                "Bearer authorization_uri=\"%.*s/%s\", error=\"invalid_token\", "
                                "error_description=\"%s\"",
                                STR_ARGS(x->request.base), x->arm->tenant_id, err->text));
    if (status >= 500)
        log_error("arm_request_failed", "request=%.*s status=%d error=\"%s\"",
                  STR_ARGS(x->request.id), status, err->text);
    finish(x, status, arm_render_error(arena, err, details));
}

/* -- The job --------------------------------------------------------------------------------- */

static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct arm_exchange *x = data;

    arena_keep_secret(arena);
    x->call = (struct arm_call){ .arm = x->arm, .txn = t, .arena = arena, .request = &x->request };
    return arm_execute(&x->call, err);
}

static void committed(void *data)
{
    struct arm_exchange *x = data;

    arm_publish(x->arm, x->call.publications);
}

static bool refused(struct store_txn *t, struct arena *arena, void *data, const struct error *cause,
                    struct error *err)
{
    struct arm_exchange *x = data;

    (void)t;
    (void)arena;
    return arm_activity_record(&x->call, cause, err);
}

/* The key is there now, or known not to be: the call is tried again. Why it is not is for the operator;
 * the client learns that it is not. */
static void on_vault_answer(struct key_vault_ask *ask)
{
    struct arm_exchange *x = CONTAINER_OF(ask, struct arm_exchange, ask);
    struct arm_asked_key *asked;

    if (!ask->has_key)
        log_warn("vault_key_missing", "request=%.*s vault=%.*s key=%.*s version=%.*s reason=\"%s\"",
                 STR_ARGS(x->request.id), STR_ARGS(ask->key.vault), STR_ARGS(ask->key.name),
                 STR_ARGS(ask->key.version), ask->err.text);
    asked = ARENA_NEW(x->http->arena, struct arm_asked_key);
    *asked = (struct arm_asked_key){ ask->key, x->request.asked };
    x->request.asked = asked;
    store_submit(x->arm->store, &x->job);
}

/* Of a call that failed for want of a key: its vault may take longer than the store's thread, and
 * this loop, have time. */
static void ask_vault(struct arm_exchange *x)
{
    const struct key_reference *key = &x->call.wanted_key;
    struct arena *arena = x->http->arena;
    struct error err;

    x->ask = (struct key_vault_ask){
        .vault = x->arm->sealer.vault,
        .key = { arena_copy(arena, key->vault), arena_copy(arena, key->name),
                 arena_copy(arena, key->version) },
        .loop = x->http->loop,
        .done = on_vault_answer,
    };
    if (key_vault_ask(&x->ask))
        return;
    add_header(x, STR("Retry-After"), STR(VAULT_RETRY_S));
    error_set(&err, ERROR_ARM_THROTTLED,
              "Too many keys of key vaults are being asked for. Please try again after "
              "'" VAULT_RETRY_S "' seconds.");
    finish_error(x, &err, STR_NONE);
}

/* The reply lies in the job's arena, which goes now: it moves to the request's. */
static void done(void *data, const struct error *err)
{
    struct arm_exchange *x = data;
    struct arena *arena = x->http->arena;
    const struct arm_reply *reply = &x->call.reply;

    if (err && x->call.wanted_key.vault.len) {
        ask_vault(x);
        return;
    }
    for (size_t i = 0; i < reply->header_count; i++)
        add_header(x, reply->headers[i].name, arena_copy(arena, reply->headers[i].value));
    if (err) {
        finish_error(x, err, x->call.error_details);
        return;
    }
    if (reply->etag.len)
        add_header(x, STR("ETag"), arena_copy(arena, reply->etag));
    finish(x, reply->status, arena_copy(arena, reply->body));
}

/* -- Requests -------------------------------------------------------------------------------- */

static bool authenticate(struct arm_exchange *x, struct error *err)
{
    struct str value = http_headers_get(&x->http->headers, STR("Authorization"));
    struct str token = credential_bearer(value);

    if (str_is_empty(value))
        return error_set(err, ERROR_ARM_NO_TOKEN, NULL);
    if (!token.data)
        return error_set(err, ERROR_ARM_BAD_TOKEN,
                         "The authentication scheme of the 'Authorization' header is not "
                         "supported: it must be 'Bearer'.");
    return x->arm->authenticate(x->arm->authenticate_data, x->http, token, &x->request.principal,
                                err);
}

static struct arm_exchange *exchange_new(struct arm *a, struct http_request *r)
{
    struct arm_exchange *x = ARENA_NEW(r->arena, struct arm_exchange);

    arena_keep_secret(r->arena); /* replies with keys are copied there */
    r->has_secrets = true;       /* the body may have secure parameters, the reply keys */
    x->arm = a;
    x->http = r;
    x->request = (struct arm_request){
        .method = r->method,
        .path = r->path,
        .query = r->query,
        .if_match = http_headers_get(&r->headers, STR("If-Match")),
        .if_none_match = http_headers_get(&r->headers, STR("If-None-Match")),
        .base = http_request_base(r, str_from(a->public_base)),
        .client_address = http_forwarded_client(r, str_from(a->trusted_proxies)),
    };
    x->job = (struct store_job){
        .run = run,
        .committed = committed,
        .done = done,
        .loop = r->loop,
        .data = x,
        .refused = refused,
    };
    name_request(x);
    add_common_headers(x);
    return x;
}

static void submit(struct arm_exchange *x)
{
    x->is_submitted = true;
    store_submit(x->arm->store, &x->job);
}

/* Of a body that tells its length before it comes; the others are looked at when they have come. */
static bool announces_too_much(const struct http_request *r)
{
    uint64_t len;

    return str_to_u64(http_headers_get(&r->headers, STR("Content-Length")), UINT64_MAX, &len) &&
           len > ARM_BODY_BYTES_MAX;
}

void arm_on_head(struct arm *a, struct http_request *r)
{
    struct arm_exchange *x = exchange_new(a, r);
    struct error err;

    r->handler_data = x;
    if (!authenticate(x, &err)) {
        finish_error(x, &err, STR_NONE);
        return;
    }
    x->request.is_too_large = announces_too_much(r);
    if (x->request.is_too_large)
        submit(x);
}

void arm_on_body(struct http_request *r)
{
    struct arm_exchange *x = r->handler_data;

    if (x->is_submitted)
        return;
    x->request.is_too_large = r->body.len > ARM_BODY_BYTES_MAX;
    if (!x->request.is_too_large)
        x->request.body = r->body;
    submit(x);
}

void arm_on_gone(struct http_request *r)
{
    const struct arm_exchange *x = r->handler_data;

    if (!x->is_submitted)
        http_reply_abort(r);
}

bool arm_apply(struct arm *a, struct store_txn *t, struct arena *arena, enum http_method method,
               struct str path, struct str body, int *status, struct str *reply, struct error *err)
{
    struct str query = STR_NONE;
    struct arm_request request = {
        .method = method,
        .body = body,
        .base = str_from(a->public_base),
        .principal = { .kind = PRINCIPAL_APPLICATION,
                       .name = STR("lazuli"),
                       .is_administrator = true },
        .is_internal = true,
    };
    struct arm_call c = { .arm = a, .txn = t, .arena = arena, .request = &request };

    request.path = path;
    if (str_find_char(path, '?') != SIZE_MAX) {
        query = str_slice(path, str_find_char(path, '?') + 1, SIZE_MAX);
        request.path = str_slice(path, 0, str_find_char(path, '?'));
    }
    request.query = query;
    if (!arm_execute(&c, err))
        return false;
    *status = c.reply.status;
    *reply = c.reply.body;
    return true;
}

/* -- The directory --------------------------------------------------------------------------- */

struct load {
    struct arm *arm;
    struct catalog *catalog; /* NULL: the one that is in use */
    struct directory *directory;
    struct arm_publication *accounts; /* in it; in the job's arena */
    struct store_job job;
    void (*done)(void *data, const struct error *err);
    void *data;
};

/* What was deleted long enough ago. */
static bool purge_overdue(struct arm *a, struct store_txn *t, struct arena *arena,
                          struct error *err)
{
    struct arm_call c = { .arm = a, .txn = t, .arena = arena, .now_ms = clock_now_ms(a->clock) };

    return deleted_account_purge_overdue(&c, err);
}

/* What is wrapped by keys of vaults: who uses which, and what another one has to wrap now. */
static bool follow_keys(struct arm *a, struct store_txn *t, struct arena *arena, struct error *err)
{
    struct arm_call c = { .arm = a, .txn = t, .arena = arena };

    arena_keep_secret(arena);
    return account_follow_keys(&c, err);
}

static bool recount_quotas(struct arm *a, struct store_txn *t, struct arena *arena,
                           struct error *err)
{
    struct arm_call c = { .arm = a, .txn = t, .arena = arena, .now_ms = clock_now_ms(a->clock) };

    return arm_quota_recount(&c, err);
}

static bool run_load(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct load *l = data;
    struct catalog *old = l->arm->catalog;

    if (!purge_overdue(l->arm, t, arena, err) || !follow_keys(l->arm, t, arena, err))
        return false;
    if (l->catalog)
        l->arm->catalog = l->catalog;
    if (recount_quotas(l->arm, t, arena, err))
        l->directory = arm_publish_all(l->arm, t, arena, &l->accounts, err);
    if (!l->directory) {
        l->arm->catalog = old;
        return false;
    }
    /* from here on, so that what follows in the same commit goes by it too */
    if (l->catalog) {
        catalog_ref(l->catalog);
        catalog_unref(old);
    }
    return true;
}

static void load_committed(void *data)
{
    struct load *l = data;
    struct catalog *next = l->catalog;

    if (next) {
        l->catalog = l->arm->committed_catalog;
        l->arm->committed_catalog = next;
    }
    arm_publish_swap(l->arm, l->directory, l->accounts);
    key_vault_end_look(l->arm->sealer.vault);
    l->directory = NULL;
}

/* The sums in the store still go by the catalog before, and so must all that adds to them. */
static void load_lost(void *data)
{
    struct arm *a = ((struct load *)data)->arm;

    catalog_unref(a->catalog);
    a->catalog = catalog_ref(a->committed_catalog);
}

static bool run_look(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    return follow_keys(data, t, arena, err);
}

/* Nobody is served yet: what would have to wait for the commit need not. */
static bool run_first_load(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    if (!run_load(t, arena, data, err))
        return false;
    load_committed(data);
    return true;
}

bool arm_load_directory(struct arm *a, struct error *err)
{
    struct load l = { .arm = a };

    if (!store_run(a->store, run_look, a, err))
        return false;
    key_vault_refresh(a->sealer.vault, false);
    return store_run(a->store, run_first_load, &l, err);
}

static void load_done(void *data, const struct error *err)
{
    struct load *l = data;

    if (l->directory)
        directory_unref(l->directory);
    if (l->catalog)
        catalog_unref(l->catalog);
    l->done(l->data, err);
    free(l);
}

void arm_reload_catalog(struct arm *a, struct catalog *catalog, struct loop *loop,
                        void (*on_done)(void *data, const struct error *err), void *data)
{
    struct load *l = memory_alloc(sizeof(*l));

    l->arm = a;
    l->catalog = catalog ? catalog_ref(catalog) : NULL;
    l->done = on_done;
    l->data = data;
    l->job = (struct store_job){
        .run = run_load,
        .committed = load_committed,
        .lost = load_lost,
        .done = load_done,
        .loop = loop,
        .data = l,
    };
    store_submit(a->store, &l->job);
}

/* -- Keys of vaults -------------------------------------------------------------------------- */

struct refresh {
    struct arm *arm;
    struct key_vault_ask ask;
    void (*done)(void *data, const struct error *err);
    void *data;
};

static void on_refreshed(struct key_vault_ask *ask)
{
    struct refresh *r = CONTAINER_OF(ask, struct refresh, ask);

    arm_reload_catalog(r->arm, NULL, ask->loop, r->done, r->data);
    free(r);
}

void arm_refresh_keys(struct arm *a, bool only_missing, struct loop *loop,
                      void (*on_done)(void *data, const struct error *err), void *data)
{
    struct refresh *r = memory_alloc(sizeof(*r));

    r->arm = a;
    r->done = on_done;
    r->data = data;
    r->ask = (struct key_vault_ask){
        .vault = a->sealer.vault,
        .only_missing = only_missing,
        .loop = loop,
        .done = on_refreshed,
    };
    if (!key_vault_ask(&r->ask))
        on_refreshed(&r->ask); /* by what is known */
}
