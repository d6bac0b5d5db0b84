/* SPDX-License-Identifier: MIT */
#include "inference/llama_error.h"

#include <stdio.h>

#include "inference/operation.h"

void llama_error_context(const struct exchange *x, uint64_t context, uint64_t prompt,
                         struct error *err)
{
    unsigned long long most = context, asked = prompt, answer = x->facts.max_tokens;

    if (x->operation != &operation_chat)
        error_set_target(err, ERROR_CONTEXT_LENGTH,
                         x->operation == &operation_embeddings ? "input" : "prompt",
                         "This model's maximum context length is %llu tokens, however you "
                         "requested %llu tokens (%llu in your prompt; %llu for the completion). "
                         "Please reduce your prompt; or completion length.",
                         most, asked + answer, asked, answer);
    else if (answer)
        error_set_target(err, ERROR_CONTEXT_LENGTH, "messages",
                         "This model's maximum context length is %llu tokens. However, you "
                         "requested %llu tokens (%llu in the messages, %llu in the completion). "
                         "Please reduce the length of the messages or completion.",
                         most, asked + answer, asked, answer);
    else
        error_set_target(err, ERROR_CONTEXT_LENGTH, "messages",
                         "This model's maximum context length is %llu tokens. However, your "
                         "messages resulted in %llu tokens. Please reduce the length of the "
                         "messages.",
                         most, asked);
}

/* {"error":{"code":400,"message","type":"exceed_context_size_error","n_prompt_tokens","n_ctx"}}. */
static bool set_context_length(const struct exchange *x, yyjson_val *error, struct error *err)
{
    if (!str_equal(json_str(yyjson_obj_get(error, "type")), STR("exceed_context_size_error")))
        return false;
    llama_error_context(x, yyjson_get_uint(yyjson_obj_get(error, "n_ctx")),
                        yyjson_get_uint(yyjson_obj_get(error, "n_prompt_tokens")), err);
    return true;
}

/* What stands behind `mark`; STR_NONE where it does not occur. */
static struct str text_behind(struct str text, struct str mark)
{
    size_t at = str_find(text, mark);

    return at == SIZE_MAX ? STR_NONE : str_slice(text, at + mark.len, text.len);
}

/* "#/properties/a: unrecognized type foo": whose schema it is of, is for us to know. */
static bool set_schema(const struct exchange *x, struct str fault, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document);
    struct str name = json_str(json_at(root, "response_format.json_schema.name"));
    yyjson_val *tools = yyjson_obj_get(root, "tools");

    if (!yyjson_arr_size(tools) && name.data)
        error_set_target(err, ERROR_MODEL_REQUEST, "response_format",
                         "Invalid schema for response_format '%.*s': %.*s.", STR_ARGS(name),
                         STR_ARGS(fault));
    else if (yyjson_arr_size(tools) == 1 && !name.data)
        error_set_target(err, ERROR_MODEL_FUNCTION, "tools[0].function.parameters",
                         "Invalid schema for function '%.*s': %.*s.",
                         STR_ARGS(json_str(json_at(yyjson_arr_get_first(tools), "function.name"))),
                         STR_ARGS(fault));
    else
        error_set_target(err, ERROR_MODEL_FUNCTION, "tools", "Invalid schema: %.*s.",
                         STR_ARGS(fault));
    return true;
}

static bool set_fault(const struct exchange *x, struct str message, struct error *err)
{
    struct str fault = text_behind(message, STR("JSON schema error at "));

    if (fault.len)
        return set_schema(x, fault, err);
    /* The model's template has its own idea of what a conversation is. */
    fault = text_behind(message, STR("Jinja Exception: "));
    if (fault.len) {
        error_set_target(err, ERROR_MODEL_REQUEST, "messages", "Invalid 'messages': %.*s",
                         STR_ARGS(fault));
        return true;
    }
    if (str_equal(message, STR("Prompt contains invalid tokens"))) {
        error_set_target(err, ERROR_MODEL_REQUEST,
                         x->operation == &operation_embeddings ? "input" : "prompt", "%.*s.",
                         STR_ARGS(message));
        return true;
    }
    return false;
}

bool llama_error_read(const struct exchange *x, yyjson_val *error, struct error *err)
{
    return set_context_length(x, error, err) ||
           (x->deployment->engine->kind == ENGINE_LLAMA &&
            set_fault(x, json_str(yyjson_obj_get(error, "message")), err));
}

/* To an embedding's input that is longer than its batch, which lazuli makes as large as the context:
 * "input (9002 tokens) is too large to process. increase the physical batch size (current batch size:
 * 2048)". The request is at fault, and to try it again is no use. */
bool llama_error_read_failure(const struct exchange *x, yyjson_val *error, struct error *err)
{
    struct str message = json_str(yyjson_obj_get(error, "message"));
    unsigned tokens, context;

    if (x->deployment->engine->kind != ENGINE_LLAMA || x->operation != &operation_embeddings ||
        !message.data ||
        sscanf(message.data,
               "input (%9u tokens) is too large to process. increase the physical batch size "
               "(current batch size: %9u)",
               &tokens, &context) != 2)
        return false;
    llama_error_context(x, context, tokens, err);
    return true;
}
