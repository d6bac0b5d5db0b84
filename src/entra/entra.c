/*
 * The face of the identity provider: from an HTTP request to a job of the store and back.
 * SPDX-License-Identifier: MIT
 */
#include "entra/entra.h"

#include <assert.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/log.h"
#include "base/memory.h"
#include "entra/call.h"

#define SEGMENTS_MAX 8
#define REPLY_HEADERS_MAX (ENTRA_HEADERS_MAX + 6)

/* What Entra calls the tenant of a path whose client does not know which one it wants. */
static const char *const any_tenant[] = { "common", "organizations", "adfs" };

static const struct entra_endpoints *const tables[] = { &entra_discovery, &entra_metadata,
                                                        &entra_token };

struct entra_exchange {
    struct entra *entra;
    struct http_request *http;
    struct entra_request request;
    struct entra_call call;
    struct store_job job;
    bool is_submitted;
};

struct entra *entra_new(const struct entra_options *options)
{
    struct entra *e = memory_alloc(sizeof(*e));

    e->store = options->store;
    e->authority = options->authority;
    e->box = options->box;
    e->public_base = memory_alloc(options->public_base.len + 1);
    str_show(options->public_base, e->public_base, options->public_base.len + 1);
    return e;
}

void entra_free(struct entra *e)
{
    if (!e)
        return;
    free(e->public_base);
    free(e);
}

/* -- Paths ----------------------------------------------------------------------------------- */

/* The next segment that is not empty: az makes "//metadata" of a URL that ends in a slash. */
static bool next_segment(struct str *rest, struct str *segment)
{
    while (str_split(rest, '/', segment)) {
        if (segment->len)
            return true;
    }
    return false;
}

/* Fills `names` (may be NULL) when the path is the pattern's. */
static bool match(const char *pattern, struct str path, struct str *names, unsigned *count)
{
    struct str want = str_from(pattern), a, b;

    *count = 0;
    while (next_segment(&want, &a)) {
        if (!next_segment(&path, &b))
            return false;
        if (!str_equal(a, STR("{}"))) {
            if (!str_equal_nocase(a, b))
                return false;
            continue;
        }
        if (names)
            names[*count] = b;
        ++*count;
    }
    return !next_segment(&path, &b);
}

/* *differs: there is one at that path, by another method. */
static const struct entra_endpoint *find(enum http_method method, struct str path,
                                         struct str *names, unsigned *count, bool *differs)
{
    *differs = false;
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct entra_endpoint *e = &tables[t]->items[i];

            if (!match(e->path, path, names, count))
                continue;
            if (e->method == method || (method == HTTP_HEAD && e->method == HTTP_GET))
                return e;
            *differs = true;
        }
    }
    return NULL;
}

bool entra_matches(struct str path)
{
    unsigned count;
    bool differs;

    return path.len > 1 && (find(HTTP_OTHER, path, NULL, &count, &differs) != NULL || differs);
}

/* -- What handlers use ----------------------------------------------------------------------- */

struct str entra_parameter(const struct entra_call *c, const char *name)
{
    struct str form = c->request->method == HTTP_POST ? c->request->body : c->request->query;

    return http_query_get(c->arena, form, str_from(name));
}

bool entra_require(const struct entra_call *c, const char *name, struct str *value,
                   struct error *err)
{
    *value = entra_parameter(c, name);
    return value->len ||
           error_set(err, ERROR_OAUTH_MISSING,
                     "The request body must contain the following parameter: '%s'.", name);
}

void entra_reply_json(struct entra_call *c, int status, yyjson_mut_val *root)
{
    c->reply.status = status;
    c->reply.body = json_write_mut(c->arena, root);
}

void entra_reply_header(struct entra_call *c, struct str name, struct str value)
{
    assert(c->reply.header_count < ENTRA_HEADERS_MAX);
    c->reply.headers[c->reply.header_count++] = (struct http_header){ name, value };
}

static bool is_any_tenant(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(any_tenant); i++) {
        if (str_equal_nocase(name, str_from(any_tenant[i])))
            return true;
    }
    return false;
}

struct str entra_authority_url(const struct entra_call *c)
{
    struct str tenant = authority_tenant(c->entra->authority);

    if (c->name_count && is_any_tenant(c->names[0]))
        tenant = c->names[0];
    return arena_printf(c->arena, "%.*s/%.*s", STR_ARGS(c->request->base), STR_ARGS(tenant));
}

/* -- Replies --------------------------------------------------------------------------------- */

static struct str render(struct arena *a, const struct error *err, struct str trace_id,
                         struct str now)
{
    const struct error_info *info = error_info(err->code);
    bool is_oauth = info->envelope == ENVELOPE_OAUTH;
    struct str text = str_from(info->status >= 500 ? info->text : err->text);
    struct str number = is_oauth ? str_from(info->type) : STR("90002");
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *codes = yyjson_mut_arr(doc);
    uint64_t value = 0;

    if (str_to_u64(number, UINT32_MAX, &value))
        yyjson_mut_arr_add_uint(doc, codes, value);
    json_set_str(doc, root, "error",
                 is_oauth ? str_from(info->wire_code)
                          : (info->status >= 500 ? STR("server_error") : STR("invalid_request")));
    json_set_str(doc, root, "error_description",
                 arena_printf(a,
                              "AADSTS%.*s: %.*s Trace ID: %.*s Correlation ID: %.*s Timestamp: "
                              "%.*s",
                              STR_ARGS(number), STR_ARGS(text), STR_ARGS(trace_id),
                              STR_ARGS(trace_id), STR_ARGS(now)));
    json_set(doc, root, "error_codes", codes);
    json_set_str(doc, root, "timestamp", now);
    json_set_str(doc, root, "trace_id", trace_id);
    json_set_str(doc, root, "correlation_id", trace_id);
    return json_write_mut(a, root);
}

struct str entra_render_error(struct arena *arena, const struct error *err)
{
    static const struct clock real;
    char id[GUID_TEXT_LEN + 1];

    format_guid(id);
    return render(arena, err, str_from(id), format_time_seconds(arena, clock_now_ms(&real)));
}

static void finish(struct entra_exchange *x, int status, struct str type, struct str body)
{
    struct http_headers h = { .items = ARENA_ARRAY(x->http->arena, struct http_header,
                                                   REPLY_HEADERS_MAX) };
    const struct entra_reply *reply = &x->call.reply;

    if (body.len)
        h.items[h.count++] =
            (struct http_header){ STR("Content-Type"),
                                  type.len ? type : STR("application/json; charset=utf-8") };
    h.items[h.count++] = (struct http_header){ STR("Cache-Control"), STR("no-store, no-cache") };
    h.items[h.count++] = (struct http_header){ STR("Pragma"), STR("no-cache") };
    h.items[h.count++] = (struct http_header){ STR("X-Content-Type-Options"), STR("nosniff") };
    if (str_is_utf8(x->request.client_id) && x->request.client_id.len &&
        x->request.client_id.len <= 256)
        h.items[h.count++] = (struct http_header){ STR("client-request-id"), x->request.client_id };
    for (size_t i = 0; i < reply->header_count; i++)
        h.items[h.count++] =
            (struct http_header){ reply->headers[i].name,
                                  arena_copy(x->http->arena, reply->headers[i].value) };
    http_reply(x->http, status, &h, body);
}

static void finish_error(struct entra_exchange *x, const struct error *err)
{
    int status = error_info(err->code)->status;

    if (status >= 500)
        log_error("entra_request_failed", "status=%d error=\"%s\"", status, err->text);
    finish(x, status, STR_NONE, entra_render_error(x->http->arena, err));
}

/* -- The job --------------------------------------------------------------------------------- */

static bool check_tenant(struct entra_call *c, struct error *err)
{
    struct str name = c->names[0], own = authority_tenant(c->entra->authority);

    if (!c->endpoint->takes_tenant || is_any_tenant(name) || str_equal_nocase(name, own) ||
        (!format_is_guid(name) && str_find_char(name, '.') != SIZE_MAX))
        return true;
    return error_set(err, ERROR_OAUTH_TENANT,
                     "Tenant '%.*s' not found. Check to make sure you have the correct tenant ID "
                     "and are signing into the correct cloud.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct entra_exchange *x = data;
    struct entra_call *c = &x->call;
    struct entra *e = x->entra;

    arena_keep_secret(arena);
    c->txn = t;
    c->arena = arena;
    c->state = authority_state(e->authority);
    if (!c->state) /* only where the job that makes the first keys has failed */
        return error_set(err, ERROR_STORE_UNUSABLE, NULL);
    if (!check_tenant(c, err) || !c->endpoint->handle(c, err))
        return false;
    if (!c->principals_changed)
        return true;
    c->next = authority_read(e->authority, t, arena, err);
    return c->next != NULL;
}

static void committed(void *data)
{
    struct entra_exchange *x = data;

    if (x->call.next)
        authority_publish(x->entra->authority, x->call.next);
    x->call.next = NULL;
}

static void done(void *data, const struct error *err)
{
    struct entra_exchange *x = data;
    const struct entra_reply *reply = &x->call.reply;
    struct arena *arena = x->http->arena;

    authority_state_unref(x->call.state);
    authority_state_unref(x->call.next); /* its commit failed */
    if (err)
        finish_error(x, err);
    else
        finish(x, reply->status, arena_copy(arena, reply->type), arena_copy(arena, reply->body));
}

/* -- Requests -------------------------------------------------------------------------------- */

void entra_on_head(struct entra *e, struct http_request *r)
{
    struct entra_exchange *x = ARENA_NEW(r->arena, struct entra_exchange);
    struct error err;
    bool differs;

    arena_keep_secret(r->arena); /* secrets come and tokens go through it */
    r->handler_data = x;
    x->entra = e;
    x->http = r;
    x->request = (struct entra_request){
        .method = r->method,
        .query = r->query,
        .authorization = http_headers_get(&r->headers, STR("Authorization")),
        .metadata = http_headers_get(&r->headers, STR("Metadata")),
        .client_id = http_headers_get(&r->headers, STR("client-request-id")),
        .peer = r->peer,
        .base = http_request_base(r, str_from(e->public_base)),
    };
    x->call = (struct entra_call){ .entra = e, .request = &x->request };
    x->call.endpoint = find(r->method, r->path, x->call.names, &x->call.name_count, &differs);
    x->job = (struct store_job){
        .run = run, .committed = committed, .done = done, .loop = r->loop, .data = x
    };
    if (x->call.endpoint)
        return;
    error_set(&err, ERROR_METHOD, NULL);
    finish_error(x, &err);
}

void entra_on_body(struct http_request *r)
{
    struct entra_exchange *x = r->handler_data;
    struct error err;

    x->request.body = r->body;
    if (r->body.len > ENTRA_BODY_BYTES_MAX) {
        error_set(&err, ERROR_TOO_LARGE, NULL);
        finish_error(x, &err);
        return;
    }
    x->is_submitted = true;
    store_submit(x->entra->store, &x->job);
}

void entra_on_gone(struct http_request *r)
{
    const struct entra_exchange *x = r->handler_data;

    if (!x->is_submitted)
        http_reply_abort(r);
}

/* -- Keys and principals --------------------------------------------------------------------- */

struct refresh {
    struct entra *entra;
    struct authority_state *next;
    struct store_job job;
    void (*done)(void *data, const struct error *err);
    void *data;
};

static bool run_refresh(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct refresh *r = data;

    r->next = authority_read(r->entra->authority, t, arena, err);
    return r->next != NULL;
}

static void refresh_committed(void *data)
{
    struct refresh *r = data;

    authority_publish(r->entra->authority, r->next);
    r->next = NULL;
}

static void refresh_done(void *data, const struct error *err)
{
    struct refresh *r = data;

    authority_state_unref(r->next);
    r->done(r->data, err);
    free(r);
}

void entra_refresh(struct entra *e, struct loop *loop,
                   void (*on_done)(void *data, const struct error *err), void *data)
{
    struct refresh *r = memory_alloc(sizeof(*r));

    r->entra = e;
    r->done = on_done;
    r->data = data;
    r->job = (struct store_job){ .run = run_refresh,
                                 .committed = refresh_committed,
                                 .done = refresh_done,
                                 .loop = loop,
                                 .data = r };
    store_submit(e->store, &r->job);
}
