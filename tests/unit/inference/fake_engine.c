/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fakes.h"

#define REQUEST_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct engine_call {
    struct engine_events events;
    void *data;
    const struct str *parts; /* borrowed */
    unsigned part_count;
};

struct fake_engine fake_engine;

static void must(bool holds)
{
    if (!holds)
        abort();
}

void fake_engine_clear(void)
{
    must(!fake_engine.call);
    buf_done(&fake_engine.request);
    fake_engine = (struct fake_engine){ .context_tokens = 1000000 };
    buf_init(&fake_engine.request, REQUEST_BYTES_MAX);
}

struct engine_call *engine_call_start(struct engine_client *c, const struct engine_request *request,
                                      const struct engine_events *events, void *data)
{
    struct engine_call *call = memory_alloc(sizeof(*call));

    (void)c;
    must(!fake_engine.call);
    *call = (struct engine_call){ *events, data, request->body_parts, request->body_part_count };
    fake_engine.call = call;
    fake_engine.started++;
    fake_engine.is_paused = false;
    fake_engine.stream = request->stream;
    fake_engine.has_fault = request->fault != NULL;
    fake_engine.counts = request->counts;
    fake_engine.features = request->features;
    fake_engine.prefetch = request->prefetch;
    fake_engine.created_s = request->created_s;
    snprintf(fake_engine.name, sizeof(fake_engine.name), "%s", request->engine->name);
    buf_clear(&fake_engine.request);
    for (unsigned i = 0; i < request->body_part_count; i++)
        must(buf_append(&fake_engine.request, request->body_parts[i]));
    return call;
}

/* Up to the head, or the end, what the call borrowed must be as it was. */
static void end_borrowing(struct engine_call *call)
{
    struct str request = buf_str(&fake_engine.request);

    for (unsigned i = 0; i < call->part_count; i++) {
        must(str_starts_with(request, call->parts[i]));
        request = str_slice(request, call->parts[i].len, request.len);
    }
    call->part_count = 0;
}

static struct engine_call end(struct engine_call *call)
{
    struct engine_call copy = *call;

    must(call == fake_engine.call);
    end_borrowing(call);
    fake_engine.call = NULL;
    free(call);
    return copy;
}

unsigned engine_context_tokens(struct engine_client *c, const struct catalog_engine *engine)
{
    (void)c;
    must(engine != NULL);
    return fake_engine.context_tokens;
}

struct rate_window *engine_spending(struct engine_client *c, const struct catalog_engine *engine)
{
    (void)c;
    must(engine != NULL);
    return &fake_engine.spending;
}

void engine_call_cancel(struct engine_call *call)
{
    fake_engine.cancelled++;
    end(call);
}

void engine_call_pause(struct engine_call *call)
{
    must(call == fake_engine.call && !fake_engine.is_paused);
    fake_engine.is_paused = true;
}

void engine_call_resume(struct engine_call *call)
{
    must(call == fake_engine.call && fake_engine.is_paused);
    fake_engine.is_paused = false;
}

void fake_engine_head_with(int status, const struct http_headers *headers)
{
    must(fake_engine.call);
    end_borrowing(fake_engine.call);
    fake_engine.call->events.on_head(fake_engine.call->data, status, headers);
}

void fake_engine_head(int status, const char *type)
{
    struct http_header header = { STR("Content-Type"), str_from(type) };
    struct http_headers headers = { .items = &header, .count = 1 };

    fake_engine_head_with(status, &headers);
}

void fake_engine_fault(void)
{
    must(fake_engine.call);
    fake_engine.call->events.on_fault(fake_engine.call->data);
}

/* In memory of its own, which is gone afterwards: bytes are lent for the call. */
void fake_engine_body(struct str bytes)
{
    char *lent = memory_alloc(bytes.len + 1);

    must(fake_engine.call);
    memcpy(lent, bytes.data ? bytes.data : "", bytes.len);
    fake_engine.call->events.on_body(fake_engine.call->data, str_of(lent, bytes.len));
    free(lent);
}

void fake_engine_end(void)
{
    struct engine_call call;

    must(fake_engine.call);
    call = end(fake_engine.call);
    fake_engine.ended++;
    call.events.on_end(call.data);
}

static void fail_call(enum error_code code, unsigned lacks)
{
    struct engine_call call;
    struct error err;

    must(fake_engine.call);
    call = end(fake_engine.call);
    fake_engine.ended++;
    error_set(&err, code, NULL);
    call.events.on_failure(call.data, &err, lacks);
}

void fake_engine_fail(enum error_code code)
{
    fail_call(code, 0);
}

void fake_engine_lacks(unsigned features)
{
    fail_call(ERROR_MODEL_UNSUPPORTED, features);
}
