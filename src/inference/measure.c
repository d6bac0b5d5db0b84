/*
 * MEASURE: is there room in the model's context for the prompt and the answer that is asked for?
 * Azure refuses what does not fit; llama-server cuts the answer off without a word. So it is asked
 * how many tokens the prompt has, by its own tokenizer and template, where it might be too many: a
 * token has at least a byte, so that most requests need no question. The simulator has no context of
 * its own: a chat must fit into that of its model, by the estimate. Upstreams see to it themselves.
 * SPDX-License-Identifier: MIT
 */
#include "inference/engine_error.h"
#include "inference/fields.h"
#include "inference/llama_error.h"
#include "inference/operation.h"

/* What a template says on its own (how to call tools, say) beyond the JSON that stood around it. */
#define TEMPLATE_TOKENS 1024
/* The tokens that begin and end a text. */
#define SPECIAL_TOKENS 8
/* The tokens of the longest body that is accepted, as JSON. */
#define COUNT_BYTES_MAX ((size_t)64 * 1024 * 1024)

void measure_done(struct measure *m)
{
    buf_done(&m->answer);
}

static uint64_t context_of(const struct exchange *x)
{
    return engine_context_tokens(x->inference->options.engines, x->deployment->engine);
}

/* So many bytes, what may come to them, and the answer. The context is not known before the model is
 * loaded: the first question waits for that. */
static bool might_exceed(const struct exchange *x, size_t bytes, unsigned more)
{
    uint64_t context = context_of(x);

    return context ? bytes + more + x->facts.max_tokens > context : !x->measure.prompt;
}

/* The completion's prompt of that number; NULL: there is none. */
static yyjson_val *prompt_at(const struct exchange *x, unsigned at)
{
    yyjson_val *prompt = fields_get(yyjson_doc_get_root(x->document), "prompt");
    yyjson_val *first = yyjson_arr_get_first(prompt);

    return yyjson_is_str(first) || yyjson_is_arr(first) ? yyjson_arr_get(prompt, at) : prompt;
}

static size_t size_of(yyjson_val *prompt)
{
    return yyjson_is_arr(prompt) ? yyjson_arr_size(prompt) : json_str(prompt).len;
}

static enum phase ask(struct exchange *x, const struct str *parts, unsigned count)
{
    const struct engine_request request = {
        .engine = x->deployment->engine,
        .operation = x->operation->engine_operation,
        .counts = true,
        .body_parts = parts,
        .body_part_count = count,
        .request_id = str_of(x->request_id, GUID_TEXT_LEN),
        .features = x->facts.features,
    };

    x->measure.is_asking = true;
    buf_init(&x->measure.answer, COUNT_BYTES_MAX);
    exchange_start_engine(x, &request);
    return PHASE_WAIT;
}

static enum phase measure_chat(struct exchange *x)
{
    struct str *parts;

    if (x->measure.prompt || !might_exceed(x, x->request->body.len, TEMPLATE_TOKENS))
        return PHASE_DISPATCH;
    parts = arena_alloc_bytes(x->asking, ENGINE_BODY_PARTS_MAX * sizeof(*parts));
    return ask(x, parts, exchange_engine_body(x, parts));
}

static enum phase measure_prompts(struct exchange *x)
{
    for (; x->measure.prompt < x->facts.prompts; x->measure.prompt++) {
        yyjson_val *prompt = prompt_at(x, x->measure.prompt);
        struct str *parts;

        if (!might_exceed(x, size_of(prompt), SPECIAL_TOKENS))
            continue;
        parts = arena_alloc_bytes(x->asking, 3 * sizeof(*parts));
        parts[0] = STR("{\"content\":");
        parts[1] = prompt ? json_write(x->asking, prompt) : STR("\"\"");
        parts[2] = STR(",\"add_special\":true}");
        return ask(x, parts, 3);
    }
    return PHASE_DISPATCH;
}

static enum phase measure_simulated(struct exchange *x)
{
    uint64_t context = x->deployment->model->context_tokens;
    uint64_t prompt = exchange_prompt_tokens(&x->facts);

    if (x->operation != &operation_chat || prompt + x->facts.max_tokens <= context)
        return PHASE_DISPATCH;
    llama_error_context(x, context, prompt, exchange_error(x));
    return PHASE_FAIL;
}

static enum phase measure_next(struct exchange *x)
{
    if (x->deployment->engine->kind == ENGINE_SIM)
        return measure_simulated(x);
    if (x->deployment->engine->kind != ENGINE_LLAMA || !x->facts.max_tokens)
        return PHASE_DISPATCH;
    return x->operation == &operation_chat ? measure_chat(x) : measure_prompts(x);
}

/* 0: it says nothing of use. What is wrong with the request, if anything, it says once more when it
 * is to answer it. */
static uint64_t read_count(struct exchange *x)
{
    struct arena *scratch = arena_new(loop_arenas(x->inference->options.loop));
    struct error ignored;
    yyjson_doc *doc = json_parse(scratch, buf_str(&x->measure.answer), &ignored);
    yyjson_val *root = yyjson_doc_get_root(doc);
    uint64_t count = x->operation == &operation_chat
                         ? yyjson_get_uint(yyjson_obj_get(root, "input_tokens"))
                         : yyjson_arr_size(yyjson_obj_get(root, "tokens"));

    arena_free(scratch);
    return x->engine.status == 200 ? count : 0;
}

static enum phase take_count(struct exchange *x)
{
    uint64_t context = context_of(x), count = read_count(x);

    x->engine = (struct engine_facts){ 0 };
    x->measure.is_asking = false;
    x->measure.prompt++;
    buf_done(&x->measure.answer);
    if (context && count && count + x->facts.max_tokens > context) {
        llama_error_context(x, context, count, exchange_error(x));
        return PHASE_FAIL;
    }
    return measure_next(x);
}

enum phase exchange_measure(struct exchange *x)
{
    struct str bytes = x->engine.incoming;

    if (x->client_gone) {
        exchange_stop_engine(x);
        return PHASE_SETTLE;
    }
    if (!x->measure.is_asking)
        return measure_next(x);
    x->engine.incoming = STR_NONE;
    if (bytes.len && !buf_append(&x->measure.answer, bytes)) {
        engine_error_not_understood(x);
        return PHASE_FAIL;
    }
    if (x->engine.failed)
        return exchange_refuse(x, x->engine.failure);
    return x->engine.ended ? take_count(x) : PHASE_WAIT;
}
