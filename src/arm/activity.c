/* SPDX-License-Identifier: MIT */
#include "arm/activity.h"

#include <stdlib.h>

#include "arm/authorize.h"
#include "arm/resource.h"
#include "arm/route.h"
#include "base/format.h"
#include "base/memory.h"

/* Whatever a client puts into a path: longer than any resource's id. */
#define TEXT_BYTES_MAX 2048
#define DAY_MS (24LL * 60 * 60 * 1000)
/* Events that one job looks at, and jobs of one call. */
#define TRIM_STEP 1000
#define TRIM_STEPS_MAX 100

/* -- What happened --------------------------------------------------------------------------- */

static bool is_kept(const struct arm_call *c)
{
    switch (c->request->method) {
    case HTTP_PUT:
    case HTTP_PATCH:
    case HTTP_POST:
    case HTTP_DELETE:
        return c->is_operation;
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_OPTIONS:
    case HTTP_OTHER:
        break;
    }
    return false;
}

static struct str cut(struct str text)
{
    return str_slice(text, 0, TEXT_BYTES_MAX);
}

/* The id without what is behind so many segments. */
static struct str keep_segments(struct str id, unsigned count)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] == '/' && count-- == 0)
            return str_slice(id, 0, i);
    }
    return id;
}

struct str arm_activity_scope(struct str key)
{
    if (!str_equal(arm_id_segment(key, 2), STR("resourcegroups")))
        return keep_segments(key, 2);
    return keep_segments(key, str_is_empty(arm_id_segment(key, 7)) ? 4 : 8);
}

/* -- One event ------------------------------------------------------------------------------- */

static void set_text(yyjson_mut_doc *doc, yyjson_mut_val *event, const char *key, struct str value)
{
    if (value.len)
        json_set_str(doc, event, key, value);
}

static void set_guid(yyjson_mut_doc *doc, yyjson_mut_val *event, const char *key)
{
    char guid[GUID_TEXT_LEN + 1];

    format_guid(guid);
    json_set_str(doc, event, key, str_from(guid));
}

static void add_request(const struct arm_call *c, yyjson_mut_doc *doc, yyjson_mut_val *event)
{
    const struct arm_request *q = c->request;
    const struct principal *who = &q->principal;

    set_guid(doc, event, "event");
    if (q->id.len)
        json_set_str(doc, event, "request", q->id);
    else
        set_guid(doc, event, "request");
    set_text(doc, event, "correlation", q->correlation_id);
    set_text(doc, event, "client_request", q->client_request_id);
    json_set_str(doc, event, "method", str_from(http_method_name(q->method)));
    json_set_str(doc, event, "uri",
                 arena_printf(c->arena, "%.*s%.*s?api-version=%.*s", STR_ARGS(q->base),
                              STR_ARGS(cut(q->path)), STR_ARGS(cut(c->api_version))));
    set_text(doc, event, "address", q->client_address);
    json_set_str(doc, event, "caller", who->name);
    json_set_str(doc, event, "kind",
                 who->kind == PRINCIPAL_USER ? STR("User") : STR("Application"));
    set_text(doc, event, "object", who->object_id);
}

static bool append(struct arm_call *c, int status, const char *state, const struct error *failure,
                   struct error *err)
{
    yyjson_mut_doc *doc = json_new(c->arena);
    yyjson_mut_val *event = yyjson_mut_obj(doc);
    struct str id = cut(arm_route_scope(c)), key = arena_lower(c->arena, id);
    struct store_event e = {
        .at_ms = c->now_ms,
        .resource = key,
        .scope = arm_activity_scope(key),
    };

    if (str_starts_with(key, STR("/subscriptions/")))
        e.subscription = arm_id_segment(key, 1);
    json_set_str(doc, event, "operation", arm_action(c));
    json_set_str(doc, event, "resource", id);
    json_set_int(doc, event, "status", status);
    json_set_str(doc, event, "state", str_from(state));
    add_request(c, doc, event);
    if (failure) {
        const struct error_info *info = error_info(failure->code);

        json_set_str(doc, event, "code", str_from(info->wire_code));
        /* that of a fault of ours is for the log */
        json_set_str(doc, event, "message",
                     str_from(info->status >= 500 ? info->text : failure->text));
    }
    e.body = json_write_mut(c->arena, event);
    return store_append_event(c->txn, &e, err);
}

bool arm_activity_record(struct arm_call *c, const struct error *failure, struct error *err)
{
    if (!is_kept(c) || c->wanted_key.vault.len) /* the latter has not ended: it is tried again */
        return true;
    if (failure)
        return append(c, error_info(failure->code)->status, "Failed", failure, err);
    if (c->reply.status != 202)
        return append(c, c->reply.status, "Succeeded", NULL, err);
    /* an operation that goes on, in Azure; here it has ended by now */
    return append(c, 202, "Accepted", NULL, err) && append(c, 200, "Succeeded", NULL, err);
}

/* -- Removing what is old -------------------------------------------------------------------- */

struct trim {
    struct arm *arm;
    int64_t before_ms;
    size_t removed; /* by the last job */
    unsigned steps; /* that are left */
    struct store_job job;
    void (*done)(void *data, const struct error *err);
    void *data;
};

static bool run_trim(struct store_txn *t, struct arena *arena, void *data, struct error *err)
{
    struct trim *trim = data;

    (void)arena;
    return store_trim_events(t, trim->before_ms, TRIM_STEP, &trim->removed, err);
}

static void trim_done(void *data, const struct error *err)
{
    struct trim *trim = data;

    if (!err && trim->removed == TRIM_STEP && --trim->steps) {
        store_submit(trim->arm->store, &trim->job);
        return;
    }
    trim->done(trim->data, err);
    free(trim);
}

void arm_activity_trim(struct arm *a, uint64_t days, struct loop *loop,
                       void (*on_done)(void *data, const struct error *err), void *data)
{
    struct trim *trim = memory_alloc(sizeof(*trim));

    trim->arm = a;
    trim->before_ms = clock_now_ms(a->clock) - (int64_t)days * DAY_MS;
    trim->steps = TRIM_STEPS_MAX;
    trim->done = on_done;
    trim->data = data;
    trim->job =
        (struct store_job){ .run = run_trim, .done = trim_done, .loop = loop, .data = trim };
    store_submit(a->store, &trim->job);
}
