/* SPDX-License-Identifier: MIT */
#include "inference/llama_error.h"

#include "inference/operation.h"

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

bool llama_error_read(const struct exchange *x, struct str message, struct error *err)
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
