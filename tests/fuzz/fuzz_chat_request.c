/*
 * Bytes as the body of a request: parsed, then checked by the operation that the first byte names.
 * SPDX-License-Identifier: MIT
 */
#include "../unit/inference/rig.h"
#include "inference/llama_request.h"
#include "fuzz.h"

static const struct {
    const struct operation *operation;
    const char *deployment;
} targets[] = {
    { &operation_chat, "llama" },
    { &operation_completions, "llama-text" },
    { &operation_embeddings, "small" },
};

/* What every request that passed is known to be. */
static void check_facts(const struct request_facts *f)
{
    check(f->choices >= 1 && f->choices <= 128 * 2048);
    check(f->top_logprobs <= 20 && f->dimensions <= 65536);
    check(f->max_tokens <= INT32_MAX);
    check(f->stream || !f->include_usage);
}

static void check_error(const struct error *err)
{
    check(err->code && error_info(err->code)->status == 400);
    check(err->text[0] && str_is_utf8(str_from(err->text)) && str_is_utf8(str_from(err->target)));
}

/* The request in the form that llama-server gets. */
static void adapt(struct exchange *x)
{
    yyjson_mut_doc *doc = json_copy(x->arena, yyjson_doc_get_root(x->document));
    struct error err;

    if (llama_request_differs(x))
        llama_request_adapt(x, doc, yyjson_mut_doc_get_root(doc));
    check(json_parse(x->arena, json_write_mut(x->arena, yyjson_mut_doc_get_root(doc)), &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct exchange *x;
    unsigned target;

    if (!rig.loop)
        rig_open();
    if (!size)
        return 0;
    target = data[0] % ARRAY_LEN(targets);
    x = rig_exchange(targets[target].operation, targets[target].deployment, "2024-10-21",
                     str_of((const char *)data + 1, size - 1));
    if (x->document && yyjson_is_obj(yyjson_doc_get_root(x->document))) {
        if (x->operation->check(x, &err) && llama_request_check(x, &err)) {
            check_facts(&x->facts);
            x->facts.is_gathered = llama_request_must_gather(x);
            adapt(x);
        } else {
            check_error(&err);
        }
    }
    rig_end_exchange(x);
    return 0;
}
