/* SPDX-License-Identifier: MIT */
/*
 * The simulator's calls: an answer is planned whole when the call starts (sim_answer.h), and its
 * bytes go out when the timing says that their tokens are there (sim_timing.h).
 *
 *   start -> timer -> pump -> timer -> pump ... -> on_end
 *                      |-> fault: status, stall, cut, malformed
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/driver.h"
#include "engine/sim_answer.h"
#include "engine/sim_text.h"
#include "engine/sim_timing.h"

/* Bytes that one turn of the loop brings at most, give or take a step: as a read would. */
#define TURN_BYTES ((size_t)64 * 1024)
/* The rest between two turns: libuv 1.44 runs a timer of 0 ms again before anything else. */
#define TURN_MS 1
/* Not JSON, and cut in the middle. */
#define GARBAGE STR("{\"id\":\"chatcmpl-\\x\", \"choices\":[{\"delta\":<<garbage>>")

struct sim {
    _Atomic uint64_t calls; /* seeds which of them the fault hits */
};

struct sim_call {
    struct engine_call base;
    struct sim_request request;
    struct sim_answer *answer; /* NULL: an error is answered */
    struct sim_timing timing;
    struct sim_fault fault; /* NONE when it does not hit this call */
    uv_timer_t timer;
    uint64_t started_us;
    struct buf out;
    struct error error; /* of the request */
    bool has_head;
    bool is_paused;
    bool is_gone; /* an event has cancelled it */
};

/* -- Engine -------------------------------------------------------------------------------- */

static void sim_open(struct engine *e)
{
    e->own = memory_alloc(sizeof(struct sim));
    engine_set_state(e, ENGINE_READY);
}

static void sim_close(struct engine *e)
{
    engine_closed(e);
}

static void sim_release(struct engine *e)
{
    free(e->own);
}

/* -- End of a call ------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct sim_call *call = timer->data;
    struct engine_client *client = call->base.client;

    buf_done(&call->out);
    arena_free(call->base.arena);
    engine_client_release(client);
}

static void finish(struct sim_call *call)
{
    call->is_gone = true;
    engine_call_ended(&call->base);
    uv_close((uv_handle_t *)&call->timer, on_timer_closed);
}

static void end(struct sim_call *call)
{
    finish(call);
    call->base.events->on_end(call->base.data);
}

static void fail(struct sim_call *call, const char *text)
{
    struct error err;

    error_set(&err, ERROR_BACKEND, "engine '%s': %s", call->base.engine->settings->name, text);
    finish(call);
    call->base.events->on_failure(call->base.data, &err, 0);
}

/* -- Head and error answers ---------------------------------------------------------------- */

static void send_head(struct sim_call *call, int status, const struct http_header *more,
                      size_t more_count)
{
    struct http_header items[4] = { { STR("content-type"), STR("application/json") } };
    struct http_headers headers = { .items = items, .count = 1 + more_count };

    if (call->has_head)
        return;
    call->has_head = true;
    if (status == 200 && call->request.stream)
        items[0].value = STR("text/event-stream; charset=utf-8");
    for (size_t i = 0; i < more_count; i++)
        items[1 + i] = more[i];
    call->base.events->on_head(call->base.data, status, &headers);
}

static void send_body(struct sim_call *call, struct str bytes)
{
    if (!call->is_gone && bytes.len)
        call->base.events->on_body(call->base.data, bytes);
}

static void set_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
    if (text && *text)
        json_set_str(doc, object, key, str_from(text));
    else
        json_set(doc, object, key, yyjson_mut_null(doc));
}

static struct str error_body(struct arena *a, const char *message, const char *type,
                             const char *param, const char *code)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *error = json_set_object(doc, root, "error");

    set_text(doc, error, "message", message);
    set_text(doc, error, "type", type);
    set_text(doc, error, "param", param);
    set_text(doc, error, "code", code);
    return json_write_mut(a, root);
}

/* The fault "status": at once, as a server answers that does not even begin. */
static void answer_status(struct sim_call *call)
{
    const struct sim_fault *f = &call->fault;
    struct http_header more[2];
    size_t count = 0;
    struct str body;

    if (f->retry_after_ms) {
        more[count++] = (struct http_header){ STR("retry-after-ms"),
                                              arena_printf(call->base.arena, "%llu",
                                                           (unsigned long long)f->retry_after_ms) };
        more[count++] = (struct http_header){
            STR("retry-after"), arena_printf(call->base.arena, "%llu",
                                             (unsigned long long)(f->retry_after_ms + 999) / 1000)
        };
    }
    if (f->status == 429)
        body = error_body(call->base.arena, "Rate limit reached (simulated fault).", "requests",
                          NULL, "rate_limit_exceeded");
    else if (f->status < 500)
        body = error_body(call->base.arena, "The request was refused (simulated fault).",
                          "invalid_request_error", NULL, NULL);
    else
        body = error_body(call->base.arena,
                          "The server had an error while processing your request "
                          "(simulated fault).",
                          "server_error", NULL, NULL);
    send_head(call, (int)f->status, more, count);
    send_body(call, body);
    if (!call->is_gone)
        end(call);
}

static void answer_error(struct sim_call *call)
{
    const struct error_info *info = error_info(call->error.code);

    send_head(call, info->status, NULL, 0);
    send_body(call, error_body(call->base.arena, call->error.text, info->type, call->error.target,
                               info->wire_code));
    if (!call->is_gone)
        end(call);
}

/* -- Answers ------------------------------------------------------------------------------- */

/* Whether the fault is due in place of the next step. A whole body is one step. */
static bool is_fault_due(const struct sim_call *call)
{
    return call->fault.kind != SIM_FAULT_NONE &&
           sim_answer_due_tokens(call->answer) > call->fault.after_tokens;
}

/* What the fault lets out of an answer that is not streamed: about half of it. */
static void append_half(struct sim_call *call)
{
    struct arena *scratch;
    struct buf rest;

    if (call->request.stream || sim_answer_is_done(call->answer))
        return;
    scratch = arena_new(loop_arenas(call->base.client->loop));
    buf_init(&rest, SIM_STEP_BYTES_MAX);
    sim_answer_next(call->answer, scratch, &rest);
    if (!buf_append(&call->out, str_slice(buf_str(&rest), 0, buf_len(&rest) / 2)))
        assert(false); /* it has room for a whole step */
    buf_done(&rest);
    arena_free(scratch);
}

static void apply_fault(struct sim_call *call)
{
    bool ok;

    if (call->fault.kind == SIM_FAULT_STALL) {
        uv_timer_stop(&call->timer);
        return; /* until it is cancelled */
    }
    append_half(call);
    if (call->fault.kind == SIM_FAULT_MALFORMED) {
        ok = call->request.stream ? buf_append(&call->out, STR("data: ")) : true;
        ok = ok && buf_append(&call->out, GARBAGE);
        ok = ok && (!call->request.stream || buf_append(&call->out, STR("\n\n")));
        assert(ok);
    }
    send_head(call, 200, NULL, 0);
    if (call->is_gone)
        return;
    if (call->base.events->on_fault)
        call->base.events->on_fault(call->base.data);
    send_body(call, buf_str(&call->out));
    if (call->is_gone)
        return;
    if (call->fault.kind == SIM_FAULT_CUT)
        fail(call, "the connection was cut in the middle of the answer (simulated fault)");
    else
        end(call);
}

/* Until the next step, or the fault in its place, in microseconds. */
static uint64_t next_wait_us(struct sim_call *call)
{
    uint64_t due_us = sim_timing_due_us(&call->timing, sim_answer_due_tokens(call->answer));
    uint64_t now_us = clock_monotonic_us() - call->started_us;

    return due_us > now_us ? due_us - now_us : 0;
}

/* Fills `out` with the steps that are due. */
static void fill(struct sim_call *call)
{
    struct arena *scratch = arena_new(loop_arenas(call->base.client->loop));

    while (!sim_answer_is_done(call->answer) && !is_fault_due(call) &&
           buf_len(&call->out) < TURN_BYTES && next_wait_us(call) == 0)
        sim_answer_next(call->answer, scratch, &call->out);
    arena_free(scratch);
}

static void on_timer(uv_timer_t *timer);

/* Sends what is due, then waits for what is next. The call may be gone afterwards. */
static void pump(struct sim_call *call)
{
    uint64_t wait_us;

    fill(call);
    if (buf_len(&call->out)) {
        send_head(call, 200, NULL, 0);
        send_body(call, buf_str(&call->out));
        if (call->is_gone)
            return;
        buf_clear(&call->out);
    }
    if (sim_answer_is_done(call->answer)) {
        end(call);
        return;
    }
    wait_us = next_wait_us(call);
    if (wait_us == 0 && is_fault_due(call))
        apply_fault(call);
    else if (!call->is_paused)
        uv_timer_start(&call->timer, on_timer, wait_us ? (wait_us + 999) / 1000 : TURN_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct sim_call *call = timer->data;

    if (call->fault.kind == SIM_FAULT_STATUS)
        answer_status(call);
    else if (!call->answer)
        answer_error(call);
    else if (!call->is_paused)
        pump(call);
}

/* -- Start --------------------------------------------------------------------------------- */

/* The request's own fault, else the engine's, when the share of requests says so. */
static void choose_fault(struct sim_call *call, const struct catalog_sim *settings)
{
    struct sim *sim = call->base.engine->own;
    uint64_t number = atomic_fetch_add(&sim->calls, 1);
    const struct sim_fault *fault = call->base.request.fault;

    if (!fault)
        fault = &settings->fault;
    if (fault->kind != SIM_FAULT_NONE &&
        sim_fraction(sim_mix(settings->seed, number)) < fault->rate)
        call->fault = *fault;
}

static void sim_start(struct engine_call *base)
{
    struct sim_call *call = CONTAINER_OF(base, struct sim_call, base);
    const struct catalog_sim *settings = &base->engine->settings->sim;
    struct loop *loop = base->client->loop;
    unsigned prompt_tokens = base->request.prompt_tokens;
    struct str body;

    call->started_us = clock_monotonic_us();
    buf_init(&call->out, 2 * SIM_STEP_BYTES_MAX);
    engine_client_hold(base->client);
    uv_timer_init(loop_uv(loop), &call->timer);
    call->timer.data = call;
    choose_fault(call, settings);
    body = arena_join(call->base.arena, base->request.body_parts, base->request.body_part_count);
    if (sim_request_parse(call->base.arena, base->request.operation, body, &call->request,
                          &call->error)) {
        uint64_t seed = sim_mix(settings->seed, call->request.hash);

        call->request.stream = base->request.stream;
        call->answer = sim_answer_new(call->base.arena, settings, &call->request, seed,
                                      base->request.created_s);
        sim_timing_init(&call->timing, settings,
                        prompt_tokens ? prompt_tokens : call->request.prompt_tokens, seed);
    }
    uv_timer_start(&call->timer, on_timer, 0, 0);
}

static void sim_cancel(struct engine_call *base)
{
    finish(CONTAINER_OF(base, struct sim_call, base));
}

static void sim_pause(struct engine_call *base)
{
    CONTAINER_OF(base, struct sim_call, base)->is_paused = true;
}

static void sim_resume(struct engine_call *base)
{
    struct sim_call *call = CONTAINER_OF(base, struct sim_call, base);

    if (!call->is_paused)
        return;
    call->is_paused = false;
    uv_timer_start(&call->timer, on_timer, 0, 0);
}

const struct engine_driver engine_sim_driver = {
    .call_size = sizeof(struct sim_call),
    .open = sim_open,
    .close = sim_close,
    .release = sim_release,
    .start = sim_start,
    .cancel = sim_cancel,
    .pause = sim_pause,
    .resume = sim_resume,
};
