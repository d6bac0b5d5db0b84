/* SPDX-License-Identifier: MIT */
#include "inference/engine_error.h"

#include "base/log.h"
#include "inference/llama_error.h"
#include "inference/operation.h"
#include "inference/refusal.h"
#include "inference/reply.h"

#define TEXT_SUPPORT                                                                              \
    "You can retry your request, or contact us through an Azure support request at: "             \
    "https://go.microsoft.com/fwlink/?linkid=2213926 if the error persists. (Please include the " \
    "request ID %s in your message.)"

static void set_failed(struct exchange *x, struct error *err)
{
    error_set(
        err, ERROR_MODEL_FAILED,
        "The server had an error while processing your request. Sorry about that! " TEXT_SUPPORT,
        x->request_id);
}

void engine_error_not_understood(struct exchange *x)
{
    if (!exchange_error_code(x))
        error_set(exchange_error(x), ERROR_BACKEND, NULL);
}

void engine_error_no_call(struct exchange *x, struct error *err)
{
    log_warn("tool_choice_unmet", "id=%s engine=%s", x->request_id, x->deployment->engine->name);
    set_failed(x, err);
}

void engine_error_in_stream(struct exchange *x, struct error *err)
{
    set_failed(x, err);
}

static void set_refused(struct exchange *x, yyjson_val *error, struct error *err)
{
    struct str message = json_str(yyjson_obj_get(error, "message"));

    if (llama_error_read(x, error, err))
        return;
    error_set(err, ERROR_MODEL_REQUEST, "%.*s",
              STR_ARGS(message.len ? message : STR("The model refused the request.")));
}

static bool has_word(yyjson_val *value, const struct str *words, size_t count)
{
    struct str text = json_str(value);

    for (size_t i = 0; i < count; i++) {
        if (text.len && str_find(text, words[i]) != SIZE_MAX)
            return true;
    }
    return false;
}

/* As the servers say it: {"code":429} and 503 (vLLM), "429" and "rate_limit_exceeded" (Azure),
 * {"type":"overloaded_error"}, or by the text alone, as OpenAI. */
static bool is_overload(yyjson_val *error)
{
    static const struct str words[] = {
        { "overloaded", 10 }, { "rate_limit", 10 }, { "too_many_requests", 17 },
        { "429", 3 },         { "503", 3 },
    };
    yyjson_val *code = yyjson_obj_get(error, "code");
    int64_t number = yyjson_get_sint(code);

    return number == 429 || number == 503 || has_word(code, words, ARRAY_LEN(words)) ||
           has_word(yyjson_obj_get(error, "type"), words, ARRAY_LEN(words)) ||
           has_word(yyjson_obj_get(error, "message"), words, 1);
}

/* Azure's event where it runs out of capacity after the status went out. */
static void set_overloaded(struct exchange *x, struct error *err)
{
    error_set(err, ERROR_MODEL_OVERLOADED,
              "That model is currently overloaded with other requests. " TEXT_SUPPORT,
              x->request_id);
}

bool engine_error_of_event(struct exchange *x, yyjson_doc *event, struct error *err)
{
    yyjson_val *error = yyjson_obj_get(yyjson_doc_get_root(event), "error");
    int64_t code;

    if (!error || yyjson_is_null(error))
        return false;
    code = yyjson_get_sint(yyjson_obj_get(error, "code"));
    if (is_overload(error))
        set_overloaded(x, err);
    else if (code >= 400 && code < 500)
        set_refused(x, error, err);
    else
        set_failed(x, err);
    return true;
}

/* Statuses of an upstream that concern the caller, not lazuli's own credential or set-up. What a server
 * says of its own failure may tell of its machines; Azure's is for its customers. */
static bool passes_through(const struct exchange *x)
{
    const struct catalog_engine *engine = x->deployment->engine;
    int status = x->engine.status;

    if (engine->kind == ENGINE_SIM)
        return true;
    if (engine->kind != ENGINE_UPSTREAM)
        return false;
    if (status == 500 || status == 503)
        return engine->upstream.api == UPSTREAM_AZURE;
    return status == 400 || status == 408 || status == 409 || status == 413 || status == 422 ||
           status == 429;
}

/* What the simulator was asked to fail with, as Azure says it; false: no status of Azure's. */
static bool set_simulated(struct exchange *x, struct error *err)
{
    switch (x->engine.status) {
    case 401:
        return !error_set(err, ERROR_INVALID_KEY, NULL);
    case 404:
        return !error_set(err, ERROR_NO_DEPLOYMENT, NULL);
    case 408:
        return !error_set(err, ERROR_TIMEOUT, NULL);
    case 429:
        refusal_set_rate_limit(x, "token", x->retry.seconds.len ? x->retry.seconds : STR("60"),
                               err);
        return true;
    case 500:
        set_failed(x, err);
        return true;
    case 503:
        return !error_set(err, ERROR_UNAVAILABLE, NULL);
    default:
        return false;
    }
}

enum phase engine_error_reply(struct exchange *x, struct str body)
{
    struct error ignored;
    yyjson_doc *doc = json_parse(x->arena, body, &ignored);
    yyjson_val *error = yyjson_obj_get(yyjson_doc_get_root(doc), "error");
    int status = x->engine.status;

    if (x->deployment->engine->kind == ENGINE_SIM && set_simulated(x, exchange_error(x)))
        return PHASE_FAIL;
    if (yyjson_is_obj(error) && passes_through(x)) {
        x->status = status;
        x->content_type = REPLY_JSON;
        x->reply_body = arena_copy(x->arena, body);
        return PHASE_SETTLE;
    }
    log_warn("engine_refused", "id=%s engine=%s status=%d", x->request_id,
             x->deployment->engine->name, status);
    if (status == 500 && llama_error_read_failure(x, error, exchange_error(x)))
        return PHASE_FAIL;
    if (status == 400 && yyjson_is_obj(error))
        set_refused(x, error, exchange_error(x));
    else if (status == 503 || status == 429)
        error_set(exchange_error(x), ERROR_UNAVAILABLE, NULL);
    else if (status >= 500)
        set_failed(x, exchange_error(x));
    else
        engine_error_not_understood(x);
    return PHASE_FAIL;
}
