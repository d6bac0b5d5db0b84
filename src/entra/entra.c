/*
 * The face of the identity provider: from an HTTP request to a job of the store and back.
 * SPDX-License-Identifier: MIT
 */
#include "entra/entra.h"

#include <stdlib.h>
#include <utlist.h>

#include "base/format.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/memory_wipe.h"
#include "entra/audit.h"
#include "entra/call.h"
#include "entra/lockout.h"
#include "identity/password.h"
#include "net/http_forwarded.h"

/* Passwords that are being hashed at the same time: each takes 32 MiB, and one of the few threads that
 * others need, too. More wait for their turn, up to a bound; the next ones are refused. */
#define AT_WORK_MAX 2
#define WAITING_MAX 24
/* A write of one makes the snapshot of all anew: a few hundredths of a second for so many. */
#define PRINCIPALS_MAX 20000
#define HASH_TEXT_MAX 160
#define REPLY_HEADERS_MAX (ENTRA_HEADERS_MAX + 6)

struct entra_exchange {
    struct entra *entra;
    struct http_request *http;
    struct entra_request request;
    struct entra_call call;
    struct store_job job;
    struct loop_work work;       /* what call.work asks for */
    struct loop_task turn;       /* when it is its turn to */
    struct entra_exchange *next; /* in the queue for that */
    char hash[HASH_TEXT_MAX];
    bool is_submitted;
};

struct entra *entra_new(const struct entra_options *options)
{
    struct entra *e = memory_alloc(sizeof(*e));

    pthread_mutex_init(&e->lock, NULL);
    e->store = options->store;
    e->authority = options->authority;
    e->box = options->box;
    e->directory = options->directory;
    e->principals_max = PRINCIPALS_MAX;
    e->subscription_id = memory_dup(options->subscription_id.data, options->subscription_id.len);
    e->public_base = memory_dup(options->public_base.data, options->public_base.len);
    e->has_any_name = options->has_any_name;
    e->trusted_proxies = memory_dup(options->trusted_proxies.data, options->trusted_proxies.len);
    e->machine_identity = memory_dup(options->machine_identity.data, options->machine_identity.len);
    e->machine_identities =
        memory_dup(options->machine_identities.data, options->machine_identities.len);
    return e;
}

void entra_free(struct entra *e)
{
    if (!e)
        return;
    lockout_forget_all(e);
    pthread_mutex_destroy(&e->lock);
    free(e->subscription_id);
    free(e->public_base);
    free(e->trusted_proxies);
    free(e->machine_identity);
    free(e->machine_identities);
    free(e);
}

/* -- Replies --------------------------------------------------------------------------------- */

struct trace {
    struct str id;
    struct str now;
};

static struct str render_graph(struct arena *a, const struct error *err, const struct trace *t)
{
    const struct error_info *info = error_info(err->code);
    bool is_graph = info->envelope == ENVELOPE_GRAPH;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *object = yyjson_mut_obj(doc);
    yyjson_mut_val *inner = yyjson_mut_obj(doc);

    json_set_str(doc, object, "code",
                 is_graph              ? str_from(info->wire_code)
                 : info->status >= 500 ? STR("Service_InternalServerError")
                                       : STR("BadRequest"));
    json_set_str(doc, object, "message",
                 str_from(is_graph || info->status < 500 ? err->text : info->text));
    json_set_str(doc, inner, "date", t->now);
    json_set_str(doc, inner, "request-id", t->id);
    json_set(doc, object, "innerError", inner);
    json_set(doc, root, "error", object);
    return json_write_mut(a, root);
}

static struct str render_oauth(struct arena *a, const struct error *err, const struct trace *t)
{
    const struct error_info *info = error_info(err->code);
    bool is_oauth = info->envelope == ENVELOPE_OAUTH, is_ours = info->status >= 500 && !is_oauth;
    struct str number = is_oauth ? str_from(info->type) : STR("90002");
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *codes = yyjson_mut_arr(doc);
    uint64_t value = 0;

    if (str_to_u64(number, UINT32_MAX, &value))
        yyjson_mut_arr_add_uint(doc, codes, value);
    json_set_str(doc, root, "error",
                 is_oauth  ? str_from(info->wire_code)
                 : is_ours ? STR("server_error")
                           : STR("invalid_request"));
    json_set_str(doc, root, "error_description",
                 arena_printf(a,
                              "AADSTS%.*s: %s Trace ID: %.*s Correlation ID: %.*s Timestamp: %.*s",
                              STR_ARGS(number), is_ours ? info->text : err->text, STR_ARGS(t->id),
                              STR_ARGS(t->id), STR_ARGS(t->now)));
    json_set(doc, root, "error_codes", codes);
    json_set_str(doc, root, "timestamp", t->now);
    json_set_str(doc, root, "trace_id", t->id);
    json_set_str(doc, root, "correlation_id", t->id);
    return json_write_mut(a, root);
}

struct str entra_render_error(struct arena *arena, struct str path, const struct error *err)
{
    static const struct clock real;
    char id[GUID_TEXT_LEN + 1];
    struct trace trace = { .now = format_time_seconds(arena, clock_now_ms(&real)) };

    format_guid(id);
    trace.id = str_from(id);
    if (error_info(err->code)->envelope == ENVELOPE_GRAPH || entra_is_graph(path))
        return render_graph(arena, err, &trace);
    return render_oauth(arena, err, &trace);
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
    if (x->request.client_request_id.len)
        h.items[h.count++] =
            (struct http_header){ STR("client-request-id"), x->request.client_request_id };
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
    finish(x, status, STR_NONE, entra_render_error(x->http->arena, x->http->path, err));
}

/* -- The job --------------------------------------------------------------------------------- */

static bool check_tenant(struct entra_call *c, struct error *err)
{
    struct str name = c->names[0], own = authority_tenant(c->entra->authority);

    if (!c->endpoint->takes_tenant || entra_is_any_tenant(name) || str_equal_nocase(name, own) ||
        (!format_is_guid(name) && str_find_char(name, '.') != SIZE_MAX))
        return true;
    return error_set(err, ERROR_OAUTH_TENANT,
                     "Tenant '%.*s' not found. Check to make sure you have the correct tenant ID "
                     "and are signing into the correct cloud.",
                     STR_ARGS(str_slice(name, 0, 100)));
}

/* Who comes right behind the first start is before it is made, or finds that it could not be. */
static bool make_first_key(struct entra_call *c, struct error *err)
{
    c->next = authority_read(c->entra->authority, c->txn, c->arena, false, err);
    if (!c->next)
        return false;
    authority_state_unref(c->state);
    c->state = authority_state_ref(c->next);
    return true;
}

static bool answer(struct entra_call *c, struct error *err)
{
    if ((!c->state || !authority_can_sign(c->state)) && !make_first_key(c, err))
        return false;
    if (!check_tenant(c, err) || !c->endpoint->handle(c, err))
        return false;
    if (str_is_empty(c->changed))
        return true;
    authority_state_unref(c->next);
    authority_note_change(c->entra->authority, c->changed);
    c->next = authority_read_changed(c->entra->authority, c->txn, c->arena, false, err);
    return c->next != NULL;
}

bool entra_execute(struct entra_call *c, struct error *err)
{
    bool ok;

    arena_keep_secret(c->arena);
    c->state = authority_state(c->entra->authority);
    ok = answer(c, err);
    authority_state_unref(c->state);
    c->state = NULL;
    return ok;
}

static bool run(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct entra_exchange *x = data;

    x->call.txn = t;
    x->call.arena = arena;
    return entra_execute(&x->call, err);
}

void entra_committed(struct entra_call *c)
{
    if (c->next)
        authority_publish(c->entra->authority, c->next);
    c->next = NULL;
    lockout_committed(c);
}

static void committed(void *data)
{
    struct entra_exchange *x = data;

    entra_committed(&x->call);
}

static void begin_work(struct entra_exchange *x);

/* For the next transaction. */
static void prepare(struct entra_call *c)
{
    c->reply = (struct entra_reply){ 0 };
    c->audit = (struct entra_audit){ 0 };
    c->changed = c->counted = STR_NONE;
}

bool entra_try_again(struct entra_call *c, const struct error *err)
{
    if (err->code != ERROR_STORE_UNUSABLE || !c->work.matches || !c->counted.len)
        return false;
    log_warn("failed_sign_ins_not_reset", "object=%.*s error=\"%s\"", STR_ARGS(c->counted),
             err->text);
    prepare(c);
    return true;
}

static void done(void *data, const struct error *err)
{
    struct entra_exchange *x = data;
    const struct entra_reply *reply = &x->call.reply;
    struct arena *arena = x->http->arena;

    authority_state_unref(x->call.next); /* its commit failed */
    x->call.next = NULL;
    if (err && entra_try_again(&x->call, err)) {
        store_submit(x->entra->store, &x->job);
        return;
    }
    audit_write(&x->call, !err);
    if (err)
        finish_error(x, err);
    else if (x->call.refusal.code)
        finish_error(x, &x->call.refusal);
    else if (x->call.work.kind == ENTRA_WORK_CHECK || x->call.work.kind == ENTRA_WORK_HASH)
        begin_work(x);
    else
        finish(x, reply->status, arena_copy(arena, reply->type), arena_copy(arena, reply->body));
}

/* -- Passwords ------------------------------------------------------------------------------- */

static struct str keep_hash(struct entra_exchange *x, struct str hash)
{
    return str_from(str_show(hash, x->hash, sizeof(x->hash)));
}

static void on_work(struct loop_work *work)
{
    struct entra_exchange *x = CONTAINER_OF(work, struct entra_exchange, work);
    struct entra_work *w = &x->call.work;
    struct arena *a = arena_new(NULL);

    arena_keep_secret(a);
    if (w->kind == ENTRA_WORK_HASH)
        w->hash = keep_hash(x, password_hash(a, w->password));
    else
        w->matches = password_matches(a, w->hash, w->password);
    if (w->matches && w->next.len)
        w->next_hash = keep_hash(x, password_hash(a, w->next));
    arena_free(a);
    memory_wipe_traces(); /* of the pool, whose next work has nothing to do with passwords */
}

static void on_turn(struct loop_task *task)
{
    struct entra_exchange *x = CONTAINER_OF(task, struct entra_exchange, turn);

    loop_offload(x->http->loop, &x->work);
}

/* False when too many wait already. */
static bool take_turn(struct entra_exchange *x)
{
    struct entra *e = x->entra;
    bool starts, waits;

    pthread_mutex_lock(&e->lock);
    starts = e->at_work < AT_WORK_MAX;
    waits = !starts && e->waiting < WAITING_MAX;
    e->at_work += starts;
    e->waiting += waits;
    if (waits)
        LL_APPEND(e->queue, x);
    pthread_mutex_unlock(&e->lock);
    if (starts)
        on_turn(&x->turn);
    return starts || waits;
}

/* The next one's turn comes on its own loop. */
static void pass_turn(struct entra *e)
{
    struct entra_exchange *next;

    pthread_mutex_lock(&e->lock);
    next = e->queue;
    if (next) {
        LL_DELETE(e->queue, next);
        e->waiting--;
    } else {
        e->at_work--;
    }
    pthread_mutex_unlock(&e->lock);
    if (next)
        loop_post(next->http->loop, &next->turn);
}

static void on_work_done(struct loop_work *work)
{
    struct entra_exchange *x = CONTAINER_OF(work, struct entra_exchange, work);

    pass_turn(x->entra);
    x->call.work.kind = ENTRA_WORK_DONE;
    store_submit(x->entra->store, &x->job);
}

/* What it works on moves out of the job's arena, which goes now. */
static void begin_work(struct entra_exchange *x)
{
    struct entra_call *c = &x->call;
    struct error err;

    c->work.password = arena_copy(x->http->arena, c->work.password);
    c->work.hash = arena_copy(x->http->arena, c->work.hash);
    c->work.next = arena_copy(x->http->arena, c->work.next);
    prepare(c);
    x->work.work = on_work;
    x->work.done = on_work_done;
    x->turn.fn = on_turn;
    if (take_turn(x))
        return;
    error_set(&err, entra_is_graph(x->http->path) ? ERROR_GRAPH_BUSY : ERROR_OAUTH_BUSY, NULL);
    finish_error(x, &err);
}

/* -- Requests -------------------------------------------------------------------------------- */

bool entra_is_forwarded(const struct http_headers *headers)
{
    static const char *const names[] = {
        "X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto"
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (http_headers_get(headers, str_from(names[i])).data)
            return true;
    }
    return false;
}

void entra_on_head(struct entra *e, struct http_request *r)
{
    struct entra_exchange *x = ARENA_NEW(r->arena, struct entra_exchange);
    struct error err;
    bool differs;

    arena_keep_secret(r->arena); /* secrets come and tokens go through it */
    r->has_secrets = true;
    r->handler_data = x;
    x->entra = e;
    x->http = r;
    x->request = (struct entra_request){
        .method = r->method,
        .query = r->query,
        .authorization = http_headers_get(&r->headers, STR("Authorization")),
        .metadata = http_headers_get(&r->headers, STR("Metadata")),
        .client_request_id = http_client_request_id(&r->headers, STR("client-request-id")),
        .peer = r->peer,
        .is_forwarded = entra_is_forwarded(&r->headers),
        .client_address = http_forwarded_client(r, str_from(e->trusted_proxies)),
        .base = http_request_base(r, str_from(e->public_base)),
    };
    x->call = (struct entra_call){ .entra = e, .request = &x->request };
    x->call.endpoint = entra_find(r->method, r->path, x->call.names, &x->call.name_count, &differs);
    x->job = (struct store_job){
        .run = run, .committed = committed, .done = done, .loop = r->loop, .data = x
    };
    if (x->call.endpoint)
        return;
    if (!entra_is_graph(r->path))
        error_set(&err, ERROR_METHOD, NULL);
    else if (differs)
        error_set(&err, ERROR_GRAPH_METHOD, NULL);
    else
        error_set(&err, ERROR_GRAPH_SEGMENT, "Resource not found for the segments of the path.");
    finish_error(x, &err);
}

void entra_on_body(struct http_request *r)
{
    struct entra_exchange *x = r->handler_data;
    struct error err;

    x->request.body = r->body;
    if (r->body.len > ENTRA_BODY_BYTES_MAX) {
        error_set(&err, entra_is_graph(r->path) ? ERROR_GRAPH_TOO_LARGE : ERROR_TOO_LARGE, NULL);
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

    r->next = authority_read(r->entra->authority, t, arena, false, err);
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
