/* SPDX-License-Identifier: MIT */
/*
 * A call to a managed llama-server: it waits until the server is ready, then its request goes
 * out on a connection of its own. A connection of llama-server takes one of its threads as long
 * as it is open, idle or not, so none is kept.
 *
 *   start --ready--> sent --> on_head .. on_end
 *     |  not ready,    |
 *     v  or no place   | cannot connect: it has just crashed
 *   waiting <----------+          (or, once, is cut off before anything has come)
 *     | the start failed, too long, too many: on_failure
 *
 * So many are sent at a time that some of its threads stay free, or else it would have none to
 * answer a probe. Instead of being sent a call fails when the loaded model lacks what it needs.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/llama.h"

#define WAITING_MAX 512
/* Times that a call is sent anew because nothing listened. */
#define IN_VAIN_MAX 3
/* A connection to a process that is just dying is taken by the kernel, and then reset: what is
 * lost so soon was not begun. Once only, since the request itself may be what kills it. */
#define DYING_MS 250
/* By then it is known that the process has died, and the call waits for the next one. */
#define RESEND_MS 100

static struct llama_call *call_of(struct engine_call *base)
{
    return CONTAINER_OF(base, struct llama_call, base);
}

static struct llama *llama_of(struct llama_call *call)
{
    return call->base.engine->own;
}

/* -- Waiting ------------------------------------------------------------------------------- */

/* Looked at again at once: a place may have become free before it counted as queued. */
static void queue(struct llama_call *call)
{
    call->is_queued = true;
    call->wait_until_ms =
        clock_monotonic_ms() + call->base.engine->settings->llama.first_byte_timeout_ms;
    atomic_fetch_add(&llama_of(call)->queued, 1);
    engine_client_kick(call->base.client);
}

static void stop_waiting(struct llama_call *call)
{
    struct llama *l = llama_of(call);

    if (!call->is_waiting)
        return;
    if (call->is_queued)
        atomic_fetch_sub(&l->queued, 1);
    atomic_fetch_sub(&l->waiting, 1);
    call->is_waiting = call->is_queued = false;
    engine_call_stop_waiting(&call->base);
}

static void wait(struct llama_call *call)
{
    call->is_waiting = true;
    atomic_fetch_add(&llama_of(call)->waiting, 1);
    call->wait_until_ms =
        clock_monotonic_ms() + call->base.engine->settings->llama.ready_timeout_ms;
    engine_call_wait(&call->base);
    engine_wake(call->base.engine);
}

/* Who has waited goes first. */
static bool take_place(struct llama_call *call)
{
    struct llama *l = llama_of(call);
    unsigned sent = atomic_load(&l->sent);

    if (!call->is_waiting && atomic_load(&l->queued))
        return false;
    while (sent < l->places && !call->has_place)
        call->has_place = atomic_compare_exchange_weak(&l->sent, &sent, sent + 1);
    return call->has_place;
}

static void give_place(struct llama_call *call)
{
    struct llama *l = llama_of(call);

    if (!call->has_place)
        return;
    call->has_place = false;
    atomic_fetch_sub(&l->sent, 1);
    if (atomic_load(&l->queued))
        engine_kick_clients(call->base.engine);
}

/* -- Events of the HTTP client ------------------------------------------------------------- */

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct llama_call *call = data;

    call->has_head = true;
    atomic_store(&llama_of(call)->heard_ms, clock_monotonic_ms());
    call->base.events->on_head(call->base.data, status, headers);
}

static void on_body(void *data, struct str bytes)
{
    struct llama_call *call = data;

    atomic_store(&llama_of(call)->heard_ms, clock_monotonic_ms());
    call->base.events->on_body(call->base.data, bytes);
}

static void on_end(void *data)
{
    struct llama_call *call = data;
    const struct engine_events *events = call->base.events;
    void *events_data = call->base.data;

    give_place(call);
    engine_call_ended(&call->base);
    arena_free(call->base.arena);
    events->on_end(events_data);
}

static bool was_in_vain(const struct llama_call *call, enum http_failure failure)
{
    if (failure == HTTP_FAILURE_CONNECT)
        return call->sent_in_vain < IN_VAIN_MAX;
    return failure == HTTP_FAILURE_CLOSED && !call->has_head && call->sent_in_vain == 0 &&
           clock_monotonic_ms() - call->sent_ms < DYING_MS;
}

static void on_failure(void *data, enum http_failure failure, const char *text)
{
    struct llama_call *call = data;
    struct error err;

    call->http = NULL;
    give_place(call);
    if (was_in_vain(call, failure)) {
        call->sent_in_vain++;
        call->resend_ms = clock_monotonic_ms() + RESEND_MS;
        wait(call);
        return;
    }
    if (failure == HTTP_FAILURE_CLOSED && atomic_load(&llama_of(call)->is_given_up))
        error_set(&err, ERROR_UNAVAILABLE, "engine '%s' was ended amid the call",
                  call->base.engine->settings->name);
    else
        engine_http_error(&err, call->base.engine, failure, text);
    engine_call_fail(&call->base, &err);
}

static const struct http_client_events http_events = { on_head, on_body, on_end, on_failure };

/* -- Sending ------------------------------------------------------------------------------- */

static struct str path_of(const struct engine_request *request)
{
    static const struct str paths[] = {
        [ENGINE_CHAT] = STR("/v1/chat/completions"),
        [ENGINE_COMPLETION] = STR("/v1/completions"),
        [ENGINE_EMBEDDINGS] = STR("/v1/embeddings"),
    };

    if (!request->counts)
        return paths[request->operation];
    assert(request->operation != ENGINE_EMBEDDINGS);
    return request->operation == ENGINE_CHAT ? STR("/v1/chat/completions/input_tokens")
                                             : STR("/tokenize");
}

static void send_request(struct llama_call *call)
{
    const struct engine_request *request = &call->base.request;
    const struct catalog_llama *settings = &call->base.engine->settings->llama;
    struct http_client_request *r = &call->http_request;
    size_t count = 0;

    call->headers[count++] = (struct http_header){ STR("Content-Type"), STR("application/json") };
    call->headers[count++] = (struct http_header){ STR("Connection"), STR("close") };
    if (request->request_id.len)
        call->headers[count++] = (struct http_header){ STR("x-request-id"), request->request_id };
    r->address = &llama_of(call)->address;
    r->method = HTTP_POST;
    r->path = path_of(request);
    r->host = STR("localhost");
    r->headers = (struct http_headers){ .items = call->headers, .count = count };
    r->body_parts = request->body_parts;
    r->body_part_count = request->body_part_count;
    r->head_timeout_ms = settings->first_byte_timeout_ms;
    r->idle_timeout_ms = settings->idle_timeout_ms;
    r->prefetch = &request->prefetch;
    call->sent_ms = clock_monotonic_ms();
    call->http = http_client_send(call->base.client->http, r, &http_events, call);
    if (call->is_paused)
        http_client_pause(call->http);
}

static bool is_ready(struct llama_call *call)
{
    return atomic_load(&call->base.engine->state) == ENGINE_READY;
}

/* Has failed, and it is too early to try again. */
static bool is_hopeless(struct llama_call *call)
{
    return atomic_load(&call->base.engine->state) == ENGINE_FAILED &&
           clock_monotonic_ms() < atomic_load(&llama_of(call)->retry_ms);
}

static void set_error(struct llama_call *call, struct error *err)
{
    char text[ENGINE_ERROR_BYTES];

    engine_get_error(call->base.engine, text);
    error_set(err, ERROR_UNAVAILABLE, "engine '%s' has failed: %s",
              call->base.engine->settings->name, text);
}

/* The engine is ready, so that it is known what its model can do. */
static bool check_features(struct llama_call *call, struct error *err)
{
    call->base.lacks = call->base.request.features & atomic_load(&call->base.engine->lacks);
    return !call->base.lacks || error_set(err, ERROR_MODEL_UNSUPPORTED,
                                          "the model of engine '%s' lacks what a call needs",
                                          call->base.engine->settings->name);
}

enum verdict { VERDICT_SEND, VERDICT_WAIT, VERDICT_FAIL };

/* What becomes of a call that has not been sent. SEND: it has its place. */
static enum verdict judge(struct llama_call *call, struct error *err)
{
    if (is_ready(call)) {
        if (!check_features(call, err))
            return VERDICT_FAIL;
        return clock_monotonic_ms() >= call->resend_ms && take_place(call) ? VERDICT_SEND
                                                                           : VERDICT_WAIT;
    }
    if (atomic_load(&llama_of(call)->failures) == call->failures_seen && !is_hopeless(call))
        return VERDICT_WAIT;
    set_error(call, err);
    return VERDICT_FAIL;
}

static bool must_queue(struct llama_call *call)
{
    return is_ready(call) && !call->is_queued && clock_monotonic_ms() >= call->resend_ms;
}

static void start_waiting(struct llama_call *call)
{
    struct error err;

    if (atomic_load(&llama_of(call)->waiting) >= WAITING_MAX) {
        error_set(&err, ERROR_UNAVAILABLE, "%d calls wait for engine '%s' already", WAITING_MAX,
                  call->base.engine->settings->name);
        engine_call_fail_later(&call->base, &err);
        return;
    }
    wait(call);
    if (must_queue(call))
        queue(call);
}

void llama_call_start(struct engine_call *base)
{
    struct llama_call *call = call_of(base);
    struct error err;

    call->failures_seen = atomic_load(&llama_of(call)->failures);
    if (base->request.stream)
        prefetch_add(&base->request.prefetch, base, ENGINE_CALL_LINES);
    switch (judge(call, &err)) {
    case VERDICT_SEND:
        send_request(call);
        break;
    case VERDICT_WAIT:
        start_waiting(call);
        break;
    case VERDICT_FAIL:
        engine_call_fail_later(base, &err);
        break;
    }
}

/* Whoever asks for a start a moment before the back-off is over has to ask again. */
static void go_on_waiting(struct llama_call *call)
{
    enum engine_state state = (enum engine_state)atomic_load(&call->base.engine->state);
    struct error err;

    if (must_queue(call)) {
        queue(call);
    } else if (clock_monotonic_ms() >= call->wait_until_ms) {
        error_set(&err, ERROR_UNAVAILABLE, "engine '%s' %s in time",
                  call->base.engine->settings->name,
                  is_ready(call) ? "had no place for a call" : "was not ready");
        stop_waiting(call);
        engine_call_fail(&call->base, &err);
    } else if (state == ENGINE_STOPPED || state == ENGINE_FAILED) {
        engine_wake(call->base.engine);
    }
}

/* A reload has replaced the engine that it waits for: it waits for the new one. */
static void follow(struct llama_call *call)
{
    struct engine *successor = engine_call_successor(&call->base);

    if (!successor)
        return;
    stop_waiting(call);
    engine_call_move(&call->base, successor);
    call->failures_seen = atomic_load(&llama_of(call)->failures);
    wait(call);
}

void llama_call_look_again(struct engine_call *base)
{
    struct llama_call *call = call_of(base);
    struct error err;

    follow(call);
    switch (judge(call, &err)) {
    case VERDICT_SEND:
        stop_waiting(call);
        send_request(call);
        break;
    case VERDICT_WAIT:
        go_on_waiting(call);
        break;
    case VERDICT_FAIL:
        stop_waiting(call);
        engine_call_fail(base, &err);
        break;
    }
}

void llama_call_cancel(struct engine_call *base)
{
    struct llama_call *call = call_of(base);

    stop_waiting(call);
    if (call->http)
        http_client_cancel(call->http);
    give_place(call);
    engine_call_ended(base);
    arena_free(base->arena);
}

void llama_call_pause(struct engine_call *base)
{
    struct llama_call *call = call_of(base);

    call->is_paused = true;
    if (call->http)
        http_client_pause(call->http);
}

void llama_call_resume(struct engine_call *base)
{
    struct llama_call *call = call_of(base);

    call->is_paused = false;
    if (call->http)
        http_client_resume(call->http);
}
