/* SPDX-License-Identifier: MIT */
#include "script_engine.h"

#include "base/buf.h"
#include "base/memory.h"
#include "fuzz.h"

#define BYTES_MAX ((size_t)1024 * 1024)

struct engine_call {
    struct engine_events events;
    void *data;
    const struct str *parts; /* borrowed until the head, or the end */
    unsigned part_count;
    struct buf copy;
    bool has_head, is_paused, is_delivering;
    struct engine_call *next;
};

static struct engine_call *calls; /* newest first */
struct script_engine script_engine;

struct engine_call *engine_call_start(struct engine_client *c, const struct engine_request *request,
                                      const struct engine_events *events, void *data)
{
    struct engine_call *call = memory_alloc(sizeof(*call));

    (void)c;
    check(request->engine && request->body_part_count);
    call->events = *events;
    call->data = data;
    call->parts = request->body_parts;
    call->part_count = request->body_part_count;
    buf_init(&call->copy, BYTES_MAX);
    for (unsigned i = 0; i < call->part_count; i++)
        check(buf_append(&call->copy, call->parts[i]));
    call->next = calls;
    calls = call;
    script_engine.started++;
    return call;
}

static void end_borrowing(struct engine_call *call)
{
    struct str copy = buf_str(&call->copy);

    for (unsigned i = 0; i < call->part_count; i++) {
        check(str_starts_with(copy, call->parts[i]));
        copy = str_slice(copy, call->parts[i].len, copy.len);
    }
    call->part_count = 0;
}

static void drop_call(struct engine_call *call)
{
    struct engine_call **at = &calls;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    end_borrowing(call);
    buf_done(&call->copy);
    free(call);
    script_engine.ended++;
}

void engine_call_cancel(struct engine_call *call)
{
    drop_call(call);
}

void engine_call_pause(struct engine_call *call)
{
    check(!call->is_paused);
    call->is_paused = true;
}

void engine_call_resume(struct engine_call *call)
{
    check(call->is_paused);
    call->is_paused = false;
}

struct rate_window *engine_spending(struct engine_client *c, const struct catalog_engine *engine)
{
    static struct rate_window spending;

    (void)c;
    check(engine != NULL);
    return &spending;
}

unsigned engine_context_tokens(struct engine_client *c, const struct catalog_engine *engine)
{
    (void)c;
    check(engine != NULL);
    return script_engine.context_tokens;
}

struct engine_call *script_engine_call(unsigned index)
{
    struct engine_call *call = calls;

    while (call && index--)
        call = call->next;
    return call;
}

static const char *const pieces[] = {
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
    "data: {\"error\":{\"code\":500,\"message\":\"m\"}}\n\n",
    "data: rubbish\n\n",
    "data: {\"cho",
    "ices\":[]}\n\n",
    "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}",
    "{\"error\":{\"message\":\"m\"}}",
    "{\"input_tokens\":10}",
    "{\"data\":[{\"embedding\":[0.5],\"index\":0}],",
    "\"usage\":{\"prompt_tokens\":1}}",
    "{\"choices\":[{\"text\":\"a\"}]}",
    "\xc3",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xe2\x82\xac\"}}]}\r\n\r\n",
};

void script_engine_says_head(struct engine_call *call, unsigned byte)
{
    static const int statuses[] = { 200, 200, 200, 200, 400, 429, 500, 503 };
    struct http_header header = { STR("Content-Type"),
                                  byte & 8 ? STR("application/json") : STR("text/event-stream") };
    struct http_headers headers = { .items = &header, .count = 1 };

    if (!call || call->has_head)
        return;
    call->has_head = true;
    end_borrowing(call);
    call->events.on_head(call->data, statuses[byte % ARRAY_LEN(statuses)], &headers);
}

/* In memory that is gone afterwards: bytes are lent. */
void script_engine_says(struct engine_call *call, unsigned byte)
{
    struct str piece = str_from(pieces[byte % ARRAY_LEN(pieces)]);
    unsigned times = byte >= 0xF0 ? 2000 : 1; /* more than a slow client is given at once */
    char *lent;

    if (!call || !call->has_head || call->is_paused)
        return;
    lent = memory_alloc(piece.len * times);
    for (unsigned i = 0; i < times; i++)
        memcpy(lent + i * piece.len, piece.data, piece.len);
    call->events.on_body(call->data, str_of(lent, piece.len * times));
    free(lent);
}

void script_engine_ends(struct engine_call *call)
{
    struct engine_call copy;

    if (!call || !call->has_head || call->is_paused)
        return;
    copy = *call;
    drop_call(call);
    copy.events.on_end(copy.data);
}

void script_engine_fails(struct engine_call *call, unsigned byte)
{
    static const enum error_code codes[] = { ERROR_BACKEND, ERROR_UNAVAILABLE, ERROR_TIMEOUT };
    bool lacks = byte & 0x80 && call && !call->has_head;
    struct engine_call copy;
    struct error err;

    if (!call)
        return;
    error_set(&err, lacks ? ERROR_MODEL_UNSUPPORTED : codes[byte % ARRAY_LEN(codes)], NULL);
    copy = *call;
    drop_call(call);
    copy.events.on_failure(copy.data, &err, lacks ? ENGINE_TOOLS : 0);
}
