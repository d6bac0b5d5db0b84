/* SPDX-License-Identifier: MIT */
#include "inference/llama_request.h"

#include "inference/field_errors.h"
#include "inference/operation.h"

static yyjson_val *root_of(const struct exchange *x)
{
    return yyjson_doc_get_root(x->document);
}

/* Without a prompt the model begins a new document (inference specification, Completions). */
#define DEFAULT_PROMPT STR("<|endoftext|>")

static bool lacks_prompt(const struct exchange *x)
{
    yyjson_val *prompt = fields_get(root_of(x), "prompt");

    return x->operation == &operation_completions &&
           (!prompt || (yyjson_is_str(prompt) && !yyjson_get_len(prompt)));
}

static bool lacks_max_tokens(const struct exchange *x)
{
    return x->operation == &operation_completions && !fields_get(root_of(x), "max_tokens");
}

static bool lacks_alternatives(const struct exchange *x)
{
    return x->facts.logprobs && x->facts.top_logprobs == 0;
}

static struct str named_tool(const struct exchange *x)
{
    return json_str(json_at(root_of(x), "tool_choice.function.name"));
}

static bool is_for_llama(const struct exchange *x)
{
    return x->deployment->engine->kind == ENGINE_LLAMA;
}

/* llama-server makes as many choices of one request at a time as it has slots, and no more. */
bool llama_request_check(const struct exchange *x, struct error *err)
{
    unsigned slots = x->deployment->engine->llama.parallel;
    const struct field n_field = FIELD("n", FIELD_INTEGER, 1, slots);
    yyjson_val *n = fields_get(root_of(x), n_field.name);

    return !is_for_llama(x) || yyjson_get_uint(n) <= slots ||
           field_refuse_number(n, &n_field, &(struct field_path){ NULL, n_field.name, 0 }, err);
}

bool llama_request_must_gather(const struct exchange *x)
{
    return is_for_llama(x) && x->operation->engine_operation != ENGINE_EMBEDDINGS &&
           !x->facts.stream && (x->facts.choices > 1 || !x->facts.logprobs);
}

/* null means "not given" to Azure; to llama-server it is a wrong type here and there. */
static bool has_nulls(const struct exchange *x)
{
    yyjson_val *key, *value;
    size_t i, count;

    yyjson_obj_foreach(root_of(x), i, count, key, value)
    {
        if (yyjson_is_null(value))
            return true;
    }
    return false;
}

bool llama_request_differs(const struct exchange *x)
{
    if (has_nulls(x))
        return true;
    return x->operation->engine_operation != ENGINE_EMBEDDINGS &&
           (x->facts.has_refusals || lacks_prompt(x) || lacks_max_tokens(x) ||
            lacks_alternatives(x) || named_tool(x).len || x->facts.is_gathered);
}

static void keep_named_tool(yyjson_mut_doc *doc, yyjson_mut_val *root, struct str name)
{
    yyjson_mut_arr_iter tools;
    yyjson_mut_val *tool;

    yyjson_mut_arr_iter_init(yyjson_mut_obj_get(root, "tools"), &tools);
    while ((tool = yyjson_mut_arr_iter_next(&tools))) {
        if (!str_equal(json_mut_str(json_mut_at(tool, "function.name")), name))
            yyjson_mut_arr_iter_remove(&tools);
    }
    json_set_str(doc, root, "tool_choice", STR("required"));
}

/* A refusal is what the assistant said. llama-server knows of none. */
static void say_refusal(yyjson_mut_doc *doc, yyjson_mut_val *message)
{
    struct str refusal = json_mut_str(yyjson_mut_obj_get(message, "refusal"));
    yyjson_mut_val *content = yyjson_mut_obj_get(message, "content"), *part;
    yyjson_mut_arr_iter parts;

    if (refusal.len && (!content || yyjson_mut_is_null(content)))
        json_set_str(doc, message, "content", refusal);
    yyjson_mut_arr_iter_init(content, &parts);
    while ((part = yyjson_mut_arr_iter_next(&parts))) {
        refusal = json_mut_str(yyjson_mut_obj_get(part, "refusal"));
        if (!refusal.data)
            continue;
        json_set_str(doc, part, "type", STR("text"));
        json_set_str(doc, part, "text", refusal);
        yyjson_mut_obj_remove_key(part, "refusal");
    }
}

static void say_refusals(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_arr_iter messages;
    yyjson_mut_val *message;

    yyjson_mut_arr_iter_init(yyjson_mut_obj_get(root, "messages"), &messages);
    while ((message = yyjson_mut_arr_iter_next(&messages)))
        say_refusal(doc, message);
}

static void drop_nulls(yyjson_mut_val *root)
{
    yyjson_mut_obj_iter members;
    yyjson_mut_val *key;

    yyjson_mut_obj_iter_init(root, &members);
    while ((key = yyjson_mut_obj_iter_next(&members))) {
        if (yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(key)))
            yyjson_mut_obj_iter_remove(&members);
    }
}

void llama_request_adapt(const struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    bool is_chat = x->operation == &operation_chat;

    drop_nulls(root);
    if (x->operation->engine_operation == ENGINE_EMBEDDINGS)
        return;
    if (x->facts.has_refusals)
        say_refusals(doc, root);
    if (lacks_prompt(x))
        json_set_str(doc, root, "prompt", DEFAULT_PROMPT);
    if (lacks_max_tokens(x))
        json_set_int(doc, root, "max_tokens", (int64_t)x->facts.max_tokens);
    if (lacks_alternatives(x))
        json_set_int(doc, root, is_chat ? "top_logprobs" : "logprobs", 1);
    if (x->facts.is_gathered) {
        json_set_bool(doc, root, "stream", true);
        json_set_bool(doc, json_set_object(doc, root, "stream_options"), "include_usage", true);
    }
    if (named_tool(x).len)
        keep_named_tool(doc, root, named_tool(x));
}
