/* SPDX-License-Identifier: MIT */
#include "inference/spillover.h"

#include <assert.h>

#include "base/log.h"
#include "inference/operation.h"
#include "model/sku.h"

#define DEPLOYMENT_HEADER STR("x-ms-spillover-deployment")

/* Upstreams' own errors reach the client as they are, so that only the body says what is wrong; some
 * (vLLM) have words for it, and no code. */
static bool is_context_too_long(struct exchange *x)
{
    struct error ignored;
    yyjson_val *root;

    if (exchange_error_code(x))
        return exchange_error_code(x) == ERROR_CONTEXT_LENGTH;
    root = yyjson_doc_get_root(json_parse(x->asking, x->reply_body, &ignored));
    return yyjson_equals_str(json_at(root, "error.code"), "context_length_exceeded") ||
           str_find(json_str(json_at(root, "error.message")), STR("maximum context length")) !=
               SIZE_MAX;
}

static bool is_for_another(struct exchange *x)
{
    return x->status == 429 || x->status == 500 || x->status == 503 ||
           (x->status == 400 && is_context_too_long(x));
}

/* STR_NONE: nobody named one. */
static struct str target_name(const struct exchange *x)
{
    if (sku_family(x->deployment->sku) != SKU_PROVISIONED)
        return STR_NONE;
    return x->deployment->spillover.len ? x->deployment->spillover
                                        : http_headers_get(&x->request->headers, DEPLOYMENT_HEADER);
}

/* The status that it is not even asked for; 0: it is. */
static int refusal_of(struct exchange *x, const struct directory_deployment *to)
{
    struct error err;

    if (!exchange_check_deployment(x, to, &err))
        return error_info(err.code)->status;
    return sku_family(to->sku) == SKU_STANDARD ? 0 : 400;
}

static struct spillover *keep_answer(struct exchange *x)
{
    struct spillover *s = ARENA_NEW(x->arena, struct spillover);

    *s = (struct spillover){
        .from = x->deployment,
        .status = x->status,
        .content_type = x->content_type,
        .reply_body = x->reply_body,
        .err = x->err,
        .retry = x->retry,
        .admission = x->admission,
    };
    return s;
}

static void put_answer_back(struct exchange *x)
{
    const struct spillover *s = x->spillover;

    x->deployment = s->from;
    x->deployment_name = s->from->name;
    x->status = s->status;
    x->content_type = s->content_type;
    x->reply_body = s->reply_body;
    x->err = s->err;
    x->retry = s->retry;
    x->admission = s->admission;
}

/* The exchange as VALIDATE first found it, but for the deployment. */
static void begin_again(struct exchange *x, const struct directory_deployment *to)
{
    assert(!x->engine.call);
    measure_done(&x->measure);
    relay_done(&x->relay);
    relay_clear_events(x->inference); /* events that the stream which failed had begun with */
    x->engine = (struct engine_facts){ 0 };
    x->relay = (struct relay){ 0 };
    x->measure = (struct measure){ 0 };
    x->facts = (struct request_facts){ 0 };
    x->admission = (struct admission){ 0 };
    x->retry = (struct retry){ 0 };
    x->usage = (struct usage){ 0 };
    x->status = 0;
    x->content_type = x->reply_body = STR_NONE;
    x->err = NULL;
    x->deployment = to;
    x->deployment_name = to->name;
}

enum phase spillover_look(struct exchange *x)
{
    const struct directory_deployment *to;
    struct str name;

    if (x->spillover) {
        x->spillover->error = x->status;
        put_answer_back(x);
        return PHASE_FINISH;
    }
    if (!x->deployment || x->time_up || !is_for_another(x))
        return PHASE_FINISH;
    name = target_name(x);
    if (!name.len)
        return PHASE_FINISH;
    to = directory_deployment(x->account, name);
    x->spillover = keep_answer(x);
    x->spillover->error = refusal_of(x, to);
    if (x->spillover->error)
        return PHASE_FINISH;
    log_debug("exchange_spillover", "id=%s from=%.*s to=%.*s status=%d", x->request_id,
              STR_ARGS(x->deployment->name), STR_ARGS(to->name), x->status);
    begin_again(x, to);
    return PHASE_VALIDATE;
}
