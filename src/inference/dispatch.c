/*
 * DISPATCH: the request goes to the deployment's engine. The client's bytes are passed on as they
 * came; what must be said besides (the engine's own model name, that usage is wanted) is spliced
 * in behind them without a copy where the body does not say it already.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>

#include "base/log.h"
#include "engine/retry_after.h"
#include "engine/sim_fault.h"
#include "inference/field_errors.h"
#include "inference/llama_request.h"
#include "inference/operation.h"

/* Read on a development server only; see engine/sim_fault.h for what it says. */
#define SIM_FAULT_HEADER STR("x-lazuli-fault")

/* Only what makes sense, and as Azure says it: in both headers, in whole numbers. Where the engine
 * gives one of them, the other one is made of it. */
static void note_retry_after(struct exchange *x, const struct http_headers *headers)
{
    struct retry_after r = retry_after_read_now(headers);
    uint64_t http_ms = r.http_ms <= RETRY_AFTER_TOLD_MAX_MS ? r.http_ms : r.azure_ms;
    uint64_t azure_ms = r.azure_ms <= RETRY_AFTER_TOLD_MAX_MS ? r.azure_ms : r.http_ms;

    if (http_ms > RETRY_AFTER_TOLD_MAX_MS) /* neither of them makes sense */
        return;
    x->retry.seconds = format_decimal(x->arena, (int64_t)((http_ms + 999) / 1000));
    x->retry.ms = format_decimal(x->arena, (int64_t)azure_ms);
}

static void on_head(void *data, int status, const struct http_headers *headers)
{
    struct exchange *x = data;
    struct str type = http_headers_get(headers, STR("content-type"));

    x->engine.status = status;
    x->engine.is_event_stream = str_starts_with_nocase(type, STR("text/event-stream"));
    if (status != 200)
        note_retry_after(x, headers);
    exchange_wake(x);
}

static void on_body(void *data, struct str bytes)
{
    struct exchange *x = data;

    assert(!x->running); /* the bytes are lent for this call only */
    x->engine.incoming = bytes;
    exchange_run(x);
}

static void on_end(void *data)
{
    struct exchange *x = data;

    x->engine.call = NULL;
    x->engine.ended = true;
    exchange_wake(x);
}

static void on_failure(void *data, const struct error *err, unsigned lacks)
{
    struct exchange *x = data;
    struct error *failure = ARENA_NEW(x->arena, struct error);

    x->engine.call = NULL;
    x->engine.failed = true;
    x->engine.failure = failure;
    if (lacks) { /* said to the client, as VALIDATE would have */
        field_refuse_unsupported(lacks & ENGINE_TOOLS ? "tools" : "messages", failure);
        exchange_wake(x);
        return;
    }
    /* What exactly failed, and where, is the operator's business. */
    log_warn("engine_failed", "id=%s deployment=%.*s error=\"%s\"", x->request_id,
             STR_ARGS(x->deployment->name), err->text);
    error_set(failure, err->code, NULL);
    exchange_wake(x);
}

/* The bytes and the end that follow run the exchange. */
static void on_fault(void *data)
{
    struct exchange *x = data;

    x->engine.is_faulty = true;
}

static const struct engine_events events = { on_head, on_body, on_end, on_failure, on_fault };

/* The name that the engine wants in `model`; empty: whatever the client wrote. */
static struct str wanted_model(const struct exchange *x)
{
    const struct catalog_engine *e = x->deployment->engine;
    struct str name = engine_model_name(e);

    if (name.len == 0 && e->kind == ENGINE_UPSTREAM && e->upstream.api == UPSTREAM_OPENAI)
        return x->deployment->name;
    return name;
}

static bool differs_for_engine(const struct exchange *x)
{
    return x->deployment->engine->kind == ENGINE_LLAMA && llama_request_differs(x);
}

/* The body anew: for the rare request whose own members must change their value. */
static struct str rewrite(struct exchange *x, struct str model, bool want_usage)
{
    yyjson_mut_doc *doc = json_copy(x->asking, yyjson_doc_get_root(x->document));
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);

    if (model.len)
        json_set_str(doc, root, "model", model);
    if (want_usage)
        json_set_bool(doc, json_set_object(doc, root, "stream_options"), "include_usage", true);
    if (differs_for_engine(x))
        llama_request_adapt(x, doc, root);
    return json_write_mut(x->asking, root);
}

unsigned exchange_engine_body(struct exchange *x, struct str parts[ENGINE_BODY_PARTS_MAX])
{
    yyjson_val *root = yyjson_doc_get_root(x->document);
    struct str body = str_trim(x->request->body), model = wanted_model(x);
    bool want_usage = x->facts.stream && !x->facts.include_usage &&
                      x->operation->engine_operation != ENGINE_EMBEDDINGS &&
                      (engine_features(x->deployment->engine) & ENGINE_STREAM_USAGE);
    unsigned count = 0;

    if (str_equal(json_str(yyjson_obj_get(root, "model")), model))
        model = STR_NONE;
    if (!model.len && !want_usage && !differs_for_engine(x)) {
        parts[count++] = body;
        return count;
    }
    if (differs_for_engine(x) || !yyjson_obj_size(root) ||
        (model.len && yyjson_obj_get(root, "model")) ||
        (want_usage && yyjson_obj_get(root, "stream_options"))) {
        parts[count++] = rewrite(x, model, want_usage);
        return count;
    }
    /* Line ends may follow the object, which str_trim leaves. */
    while (body.len && body.data[body.len - 1] != '}')
        body.len--;
    parts[count++] = str_slice(body, 0, body.len - 1);
    if (model.len) {
        parts[count++] = STR(",\"model\":");
        parts[count++] = json_quote(x->asking, model);
    }
    if (want_usage)
        parts[count++] = STR(",\"stream_options\":{\"include_usage\":true}");
    parts[count++] = STR("}");
    return count;
}

/* The fault that a development server's client asks the simulator for, of the deployment that it
 * calls: to where the request spills over, it goes without. */
static bool request_fault(struct exchange *x, struct sim_fault **fault, struct error *err)
{
    struct str text;

    *fault = NULL;
    if (!x->inference->options.allow_faults || x->spillover)
        return true;
    text = http_headers_get(&x->request->headers, SIM_FAULT_HEADER);
    if (!text.data)
        return true;
    if (x->deployment->engine->kind != ENGINE_SIM)
        return error_set_target(err, ERROR_BAD_REQUEST, "x-lazuli-fault",
                                "The header x-lazuli-fault needs a deployment that runs on a "
                                "simulator; '%.*s' runs on the engine '%s'.",
                                STR_ARGS(x->deployment->name), x->deployment->engine->name);
    *fault = ARENA_NEW(x->arena, struct sim_fault);
    return sim_fault_parse(text, *fault, err);
}

enum phase exchange_dispatch(struct exchange *x)
{
    struct str *parts = arena_alloc_bytes(x->asking, ENGINE_BODY_PARTS_MAX * sizeof(*parts));
    struct engine_request request = {
        .engine = x->deployment->engine,
        .operation = x->operation->engine_operation,
        .stream = x->facts.stream,
        .deployment = x->deployment->name,
        .body_parts = parts,
        .request_id = str_of(x->request_id, GUID_TEXT_LEN),
        .created_s = clock_now_ms(x->inference->options.clock) / 1000,
        .prompt_tokens = (unsigned)exchange_prompt_tokens(&x->facts),
        .features = x->facts.features,
    };
    struct sim_fault *fault;

    if (x->client_gone)
        return PHASE_SETTLE;
    if (!request_fault(x, &fault, exchange_error(x)))
        return PHASE_FAIL;
    request.fault = fault;
    request.body_part_count = exchange_engine_body(x, parts);
    if (x->facts.stream)
        relay_prefetch(x, &request.prefetch);
    exchange_start_engine(x, &request);
    x->engine.is_asked = true;
    return PHASE_RELAY;
}

void exchange_start_engine(struct exchange *x, const struct engine_request *request)
{
    x->engine.call = engine_call_start(x->inference->options.engines, request, &events, x);
}

void exchange_stop_engine(struct exchange *x)
{
    if (x->engine.call)
        engine_call_cancel(x->engine.call);
    x->engine.call = NULL;
}
