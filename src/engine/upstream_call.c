/* SPDX-License-Identifier: MIT */
/*
 * A call to an upstream: address after address until one answers.
 *
 *   try --connect failed, closed before the head--> try the next
 *    |---429, 502, 503, 504--> keep the answer, as far as it comes soon, try the next
 *    |---any other head--> passed on as it comes; an error's, for as long as an answer may be silent
 *   none left: the answer that was kept, else on_failure
 *
 * What the client sends goes out byte for byte.
 *
 * Who has read "[DONE]" often cancels, though the answer's last chunk has still to be read. Such
 * a call lingers, unheard, until that has come: its connection can be used again then, which
 * spares a handshake for each stream.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "engine/retry_after.h"
#include "engine/upstream.h"

/* Body of an answer that is kept, at most: an error's. */
#define KEPT_BYTES_MAX ((size_t)64 * 1024)
/* It is not waited for longer than that, since another address may have a better answer. */
#define KEEP_MS 250
#define KEPT_HEADERS_MAX 64
#define LINGER_MS 1000
#define STATUS_OK 200

static struct upstream_call *call_of(struct engine_call *base)
{
    return CONTAINER_OF(base, struct upstream_call, base);
}

static struct upstream *upstream_of(const struct upstream_call *call)
{
    return call->base.engine->own;
}

static struct error *failure_of(struct upstream_call *call)
{
    if (!call->failure)
        call->failure = ARENA_NEW(call->base.arena, struct error);
    return call->failure;
}

/* -- Ends ---------------------------------------------------------------------------------- */

static void let_go(struct upstream_call *call, struct balancer_pick *pick, bool *has,
                   enum balancer_outcome outcome)
{
    struct upstream *u = upstream_of(call);

    if (!*has)
        return;
    *has = false;
    if (balancer_done(&u->balancer, pick, outcome, clock_monotonic_ms()))
        log_warn("upstream_ejected", "engine=%s address=%u error=\"%s\"", u->engine->settings->name,
                 pick->index, failure_of(call)->text);
}

static void free_call(struct upstream_call *call)
{
    buf_done(&call->answer.body);
    arena_free(call->base.arena);
}

/* Out of all lists; nothing of it is outstanding any more. */
static void end_call(struct upstream_call *call, enum balancer_outcome outcome)
{
    let_go(call, &call->pick, &call->has_pick, outcome);
    let_go(call, &call->next, &call->has_next, BALANCER_UNKNOWN);
    engine_call_ended(&call->base);
}

static void fail(struct upstream_call *call)
{
    const struct engine_events *events = call->base.events;
    struct error err = *failure_of(call);
    void *data = call->base.data;

    end_call(call, BALANCER_FAILURE);
    free_call(call);
    events->on_failure(data, &err, 0);
}

/* The kept answer is the best that there was. */
static void replay(struct upstream_call *call)
{
    const struct engine_events *events = call->base.events;
    void *data = call->base.data;

    call->is_replaying = true;
    events->on_head(data, call->answer.status, &call->answer.headers);
    if (!call->is_cancelled && buf_len(&call->answer.body))
        events->on_body(data, buf_str(&call->answer.body));
    if (!call->is_cancelled) {
        end_call(call, BALANCER_UNKNOWN);
        free_call(call);
        events->on_end(data);
        return;
    }
    free_call(call);
}

/* -- Trying -------------------------------------------------------------------------------- */

static bool pick(struct upstream_call *call, struct balancer_pick *picked)
{
    struct upstream *u = upstream_of(call);

    if (call->tried_count == UPSTREAM_TRIES_MAX ||
        !balancer_pick(&u->balancer, call->tried, call->tried_count, clock_monotonic_ms(), picked))
        return false;
    call->tried[call->tried_count++] = picked->index;
    return true;
}

static struct str make_path(struct upstream_call *call, const struct upstream_address *address)
{
    static const struct str operations[] = {
        [ENGINE_CHAT] = STR("chat/completions"),
        [ENGINE_COMPLETION] = STR("completions"),
        [ENGINE_EMBEDDINGS] = STR("embeddings"),
    };
    const struct catalog_upstream *settings = &call->base.engine->settings->upstream;
    struct str operation = operations[call->base.request.operation];
    struct str model = settings->model ? str_from(settings->model) : call->base.request.deployment;

    if (settings->api == UPSTREAM_OPENAI)
        return arena_join(call->base.arena,
                          (struct str[]){ address->url.path, STR("/"), operation }, 3);
    return arena_join(call->base.arena,
                      (struct str[]){ address->url.path, STR("/openai/deployments/"),
                                      format_percent_encode(call->base.arena, model), STR("/"),
                                      operation, STR("?api-version="),
                                      str_from(settings->api_version) },
                      7);
}

static const struct http_client_events http_events;

static void send_request(struct upstream_call *call)
{
    const struct engine_request *request = &call->base.request;
    const struct catalog_upstream *settings = &call->base.engine->settings->upstream;
    const struct upstream_address *address = &upstream_of(call)->addresses[call->pick.index];
    struct http_client_request *r = &call->http_request;

    *r = (struct http_client_request){
        .address = &address->stream,
        .method = HTTP_POST,
        .path = make_path(call, address),
        .host = address->url.authority,
        .headers = { .items = call->headers,
                     .count = request->request_id.len != 0,
                     .lines = address->lines },
        .body_parts = request->body_parts,
        .body_part_count = request->body_part_count,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .head_timeout_ms = settings->first_byte_timeout_ms,
        .idle_timeout_ms = settings->idle_timeout_ms,
        .prefetch = &request->prefetch,
    };
    call->headers[0] = (struct http_header){ STR("x-request-id"), request->request_id };
    call->http = http_client_send(call->base.client->http, r, &http_events, call);
}

/* Another address, else what there is; the call may be gone afterwards. */
static void try_next(struct upstream_call *call)
{
    if (!call->has_next)
        call->has_next = pick(call, &call->next);
    if (call->has_next) {
        call->pick = call->next;
        call->has_next = false;
        call->has_pick = true;
        send_request(call);
    } else if (call->answer.is_kept) {
        replay(call);
    } else {
        fail(call);
    }
}

/* -- Events of the HTTP client ------------------------------------------------------------- */

static void keep_head(struct upstream_call *call, int status, const struct http_headers *headers)
{
    struct upstream_answer *answer = &call->answer;
    size_t count = headers->count < KEPT_HEADERS_MAX ? headers->count : KEPT_HEADERS_MAX;

    buf_clear(&answer->body);
    answer->is_kept = false;
    call->is_keeping = true;
    answer->status = status;
    call->keep_until_ms = clock_monotonic_ms() + KEEP_MS;
    engine_call_wait(&call->base);
    answer->headers.count = count;
    answer->headers.items = ARENA_ARRAY(call->base.arena, struct http_header, count ? count : 1);
    for (size_t i = 0; i < count; i++) {
        answer->headers.items[i].name = arena_copy(call->base.arena, headers->items[i].name);
        answer->headers.items[i].value = arena_copy(call->base.arena, headers->items[i].value);
    }
}

static void hold_address(struct upstream_call *call, const struct http_headers *headers)
{
    struct retry_after after = retry_after_read_now(headers);
    uint64_t hold_ms = retry_after_hold_ms(&after);

    if (hold_ms)
        balancer_hold(&upstream_of(call)->balancer, call->pick.index,
                      clock_monotonic_ms() + hold_ms);
}

/* The address has no room for the call, or what is behind it does not answer: another may do
 * better. Gateways (Envoy's "gateway-error", nginx) try again upon the same. A 500 is the model's
 * own, and may be the request's fault; 401, 403 and 404 are the operator's to see. */
static bool is_for_another(int status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct upstream_call *call = data;
    struct upstream *u = upstream_of(call);

    /* Alone, an address that answers is better than none, whatever it says. */
    call->outcome = status >= 500 && u->address_count > 1 ? BALANCER_FAILURE : BALANCER_SUCCESS;
    if (call->outcome == BALANCER_FAILURE)
        error_set(failure_of(call), ERROR_BACKEND, "status %d", status);
    if (status == 429 || status == 503)
        hold_address(call, headers);
    if (is_for_another(status)) { /* kept even if there is none: its body may hang */
        call->has_next = pick(call, &call->next);
        keep_head(call, status, headers);
        return;
    }
    call->has_head = true;
    if (status != STATUS_OK) {
        call->error_until_ms =
            clock_monotonic_ms() + call->base.engine->settings->upstream.idle_timeout_ms;
        engine_call_wait(&call->base);
    }
    if (call->is_paused)
        http_client_pause(call->http);
    call->base.events->on_head(call->base.data, status, headers);
}

static void keep_tail(struct upstream_call *call, struct str bytes)
{
    struct str new = str_slice(
        bytes, bytes.len > UPSTREAM_TAIL_BYTES ? bytes.len - UPSTREAM_TAIL_BYTES : 0, bytes.len);
    unsigned old_len = UPSTREAM_TAIL_BYTES - (unsigned)new.len;

    if (old_len > call->tail_len)
        old_len = call->tail_len;
    memmove(call->tail, call->tail + call->tail_len - old_len, old_len);
    memcpy(call->tail + old_len, new.data, new.len);
    call->tail_len = old_len + (unsigned)new.len;
}

static bool is_stream_complete(const struct upstream_call *call)
{
    struct str tail = str_of(call->tail, call->tail_len);

    while (tail.len && (tail.data[tail.len - 1] == '\n' || tail.data[tail.len - 1] == '\r'))
        tail.len--;
    return str_ends_with(tail, STR("[DONE]"));
}

/* The answer that was coming in is kept, as far as it came. */
static void end_keeping(struct upstream_call *call, enum balancer_outcome outcome)
{
    call->is_keeping = false;
    call->answer.is_kept = true;
    engine_call_stop_waiting(&call->base);
    let_go(call, &call->pick, &call->has_pick, outcome);
    try_next(call);
}

/* Its body is too long to be an error's, or does not come: the head will do. */
static void keep_head_only(struct upstream_call *call)
{
    http_client_cancel(call->http);
    call->http = NULL;
    buf_clear(&call->answer.body);
    end_keeping(call, call->outcome);
}

static void on_body(void *data, struct str bytes)
{
    struct upstream_call *call = data;

    if (call->is_lingering)
        return;
    if (!call->is_keeping) {
        if (call->base.request.stream && bytes.len)
            keep_tail(call, bytes);
        call->base.events->on_body(call->base.data, bytes);
        return;
    }
    if (!buf_append(&call->answer.body, bytes))
        keep_head_only(call);
}

static void on_end(void *data)
{
    struct upstream_call *call = data;
    const struct engine_events *events = call->base.events;
    void *events_data = call->base.data;
    bool is_lingering = call->is_lingering;

    call->http = NULL;
    if (call->is_keeping) {
        end_keeping(call, call->outcome);
        return;
    }
    end_call(call, call->outcome);
    free_call(call);
    if (!is_lingering)
        events->on_end(events_data);
}

/* A few bytes now and then: what has come of it is all that there is. */
static void end_error(struct upstream_call *call)
{
    http_client_cancel(call->http);
    on_end(call);
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct upstream_call *call = data;

    call->http = NULL;
    if (call->is_lingering) {
        end_call(call, call->outcome);
        free_call(call);
        return;
    }
    engine_http_error(failure_of(call), call->base.engine, failure, text);
    if (call->is_keeping) {
        buf_clear(&call->answer.body);
        end_keeping(call, BALANCER_FAILURE);
        return;
    }
    let_go(call, &call->pick, &call->has_pick, BALANCER_FAILURE);
    /* What may have begun to answer is not asked twice: a time-out, or bytes that are no HTTP. */
    if (!call->has_head &&
        (failure == HTTP_FAILURE_CONNECT || failure == HTTP_FAILURE_TLS ||
         failure == HTTP_FAILURE_CONNECT_TIMEOUT || failure == HTTP_FAILURE_CLOSED))
        try_next(call);
    else
        fail(call);
}

static const struct http_client_events http_events = { on_head, on_body, on_end, on_failure };

/* -- Driver -------------------------------------------------------------------------------- */

void upstream_call_start(struct engine_call *base)
{
    struct upstream_call *call = call_of(base);
    struct upstream *u = upstream_of(call);
    char text[ENGINE_ERROR_BYTES];

    call->has_pick = u->address_count && pick(call, &call->pick);
    if (!call->has_pick) {
        engine_get_error(base->engine, text);
        if (u->address_count)
            error_set(failure_of(call), ERROR_UNAVAILABLE, "no address of engine '%s' is up",
                      base->engine->settings->name);
        else
            error_set(failure_of(call), ERROR_UNAVAILABLE, "engine '%s' has failed: %s",
                      base->engine->settings->name, text);
        engine_call_fail_later(base, failure_of(call));
        return;
    }
    buf_init(&call->answer.body, KEPT_BYTES_MAX);
    if (base->request.stream) {
        prefetch_add(&base->request.prefetch, base, ENGINE_CALL_LINES);
        prefetch_add(&base->request.prefetch, &call->is_lingering, 1);
    }
    send_request(call);
}

/* What was borrowed from the owner is not looked at any more: the answer has come. */
static void linger(struct upstream_call *call)
{
    call->is_lingering = true;
    call->linger_until_ms = clock_monotonic_ms() + LINGER_MS;
    let_go(call, &call->pick, &call->has_pick, call->outcome);
    if (call->is_paused)
        http_client_resume(call->http);
    engine_call_stop_waiting(&call->base); /* of an error */
    engine_call_wait(&call->base);
}

void upstream_call_cancel(struct engine_call *base)
{
    struct upstream_call *call = call_of(base);

    if (call->http && !call->is_lingering && is_stream_complete(call) &&
        !base->client->is_closing) {
        linger(call);
        return;
    }
    if (call->http)
        http_client_cancel(call->http);
    end_call(call, call->has_head ? call->outcome : BALANCER_UNKNOWN);
    if (call->is_replaying)
        call->is_cancelled = true; /* replay frees it */
    else
        free_call(call);
}

void upstream_call_look_again(struct engine_call *base)
{
    struct upstream_call *call = call_of(base);
    uint64_t now_ms = clock_monotonic_ms();

    if (call->is_lingering && now_ms >= call->linger_until_ms)
        upstream_call_cancel(base);
    else if (call->is_keeping && now_ms >= call->keep_until_ms)
        keep_head_only(call);
    else if (call->error_until_ms && now_ms >= call->error_until_ms)
        end_error(call);
}

void upstream_call_pause(struct engine_call *base)
{
    struct upstream_call *call = call_of(base);

    call->is_paused = true;
    if (call->has_head && call->http)
        http_client_pause(call->http);
}

void upstream_call_resume(struct engine_call *base)
{
    struct upstream_call *call = call_of(base);

    call->is_paused = false;
    if (call->has_head && call->http)
        http_client_resume(call->http);
}
