/*
 * ChatCompletions_Create: chat completions, streamed or whole.
 * Request fields and ranges: Azure's inference specification 2024-08-01-preview
 * (tests/specs/inference/).
 * SPDX-License-Identifier: MIT
 */
#include "inference/chat_messages.h"
#include "inference/engine_error.h"
#include "inference/fields.h"
#include "inference/operation.h"
#include "inference/shape.h"
#include "inference/stream_options.h"

/* Of a message or delta: content, refusal, tool_calls. */
#define MESSAGE_CHANGES_MAX 3

static const struct field request_fields[] = {
    { "messages", FIELD_ARRAY, 1, 2048, 0 },
    { "model", FIELD_STRING, 0, 0, 0 },
    { "temperature", FIELD_NUMBER, 0, 2, 0 },
    { "top_p", FIELD_NUMBER, 0, 1, 0 },
    { "n", FIELD_INTEGER, 1, 128, 0 },
    { "stream", FIELD_BOOL, 0, 0, 0 },
    { "stream_options", FIELD_OBJECT, 0, 0, 0 },
    { "stop", FIELD_STRING | FIELD_ARRAY, 1, 4, 0 },
    { "max_tokens", FIELD_INTEGER, 1, 2147483647, 0 },
    { "max_completion_tokens", FIELD_INTEGER, 1, 2147483647, 0 },
    { "presence_penalty", FIELD_NUMBER, -2, 2, 0 },
    { "frequency_penalty", FIELD_NUMBER, -2, 2, 0 },
    { "logit_bias", FIELD_OBJECT, 0, 0, ENGINE_LOGIT_BIAS },
    { "logprobs", FIELD_BOOL, 0, 0, 0 },
    { "top_logprobs", FIELD_INTEGER, 0, 20, 0 },
    { "user", FIELD_STRING, 0, 0, 0 },
    { "seed", FIELD_INTEGER, -9223372036854775808.0, 9223372036854775807.0, ENGINE_SEED },
    { "response_format", FIELD_OBJECT, 0, 0, 0 },
    { "tools", FIELD_ARRAY, 0, 128, 0 },
    { "tool_choice", FIELD_STRING | FIELD_OBJECT, 0, 0, 0 },
    { "parallel_tool_calls", FIELD_BOOL, 0, 0, 0 },
    { "functions", FIELD_ARRAY, 1, 128, ENGINE_FUNCTIONS },
    { "function_call", FIELD_STRING | FIELD_OBJECT, 0, 0, ENGINE_FUNCTIONS },
    { "reasoning_effort", FIELD_STRING, 0, 0, ENGINE_REASONING },
    { "metadata", FIELD_OBJECT, 0, 0, ENGINE_STORE },
    { "store", FIELD_BOOL, 0, 0, 0 },
    { "prediction", FIELD_OBJECT, 0, 0, ENGINE_PREDICTION },
    { "modalities", FIELD_ARRAY, 0, 0, 0 },
    { "audio", FIELD_OBJECT, 0, 0, ENGINE_AUDIO },
    { "data_sources", FIELD_ARRAY, 0, 0, ENGINE_DATA_SOURCES },
};

static bool check_logprobs(struct exchange *x, yyjson_val *root, struct error *err)
{
    yyjson_val *top = fields_get(root, "top_logprobs");

    x->facts.logprobs = yyjson_is_true(fields_get(root, "logprobs"));
    if (top && !x->facts.logprobs)
        return error_set_target(err, ERROR_MODEL_REQUEST, "top_logprobs",
                                "The 'top_logprobs' parameter is only allowed when 'logprobs' is "
                                "enabled.");
    x->facts.top_logprobs = (unsigned)yyjson_get_uint(top);
    if (x->facts.logprobs)
        x->facts.features |= ENGINE_LOGPROBS;
    return true;
}

/* ["text"] is what every model answers with. */
static bool is_text_only(yyjson_val *modalities)
{
    return !yyjson_arr_size(modalities) ||
           (yyjson_arr_size(modalities) == 1 &&
            str_equal(json_str(yyjson_arr_get_first(modalities)), STR("text")));
}

static void note_counts(struct exchange *x, yyjson_val *root)
{
    yyjson_val *n = fields_get(root, "n"), *legacy = fields_get(root, "max_tokens");
    yyjson_val *limit = fields_get(root, "max_completion_tokens");

    if (n)
        x->facts.n = x->facts.choices = (unsigned)yyjson_get_uint(n);
    if (x->facts.n > 1)
        x->facts.features |= ENGINE_N;
    x->facts.uses_legacy_max_tokens = !limit && legacy;
    x->facts.max_tokens = yyjson_get_uint(limit ? limit : legacy);
    x->facts.must_call = yyjson_is_obj(fields_get(root, "tool_choice")) ||
                         str_equal(json_str(fields_get(root, "tool_choice")), STR("required"));
    if (yyjson_arr_size(fields_get(root, "tools")))
        x->facts.features |= ENGINE_TOOLS;
    if (yyjson_is_true(fields_get(root, "parallel_tool_calls")) &&
        (x->facts.features & ENGINE_TOOLS))
        x->facts.features |= ENGINE_PARALLEL_TOOLS;
    if (!is_text_only(fields_get(root, "modalities")))
        x->facts.features |= ENGINE_AUDIO;
    if (yyjson_is_true(fields_get(root, "store")))
        x->facts.features |= ENGINE_STORE;
}

static bool check_format(struct exchange *x, yyjson_val *root, struct error *err)
{
    yyjson_val *format = fields_get(root, "response_format");
    struct str type = json_str(yyjson_obj_get(format, "type"));

    if (!format || str_equal(type, STR("text")))
        return true;
    if (str_equal(type, STR("json_schema"))) {
        yyjson_val *schema = yyjson_obj_get(format, "json_schema");

        x->facts.features |= ENGINE_JSON_SCHEMA;
        if (!yyjson_is_obj(schema))
            return fields_missing(err, "response_format.json_schema");
        return yyjson_is_str(yyjson_obj_get(schema, "name")) ||
               fields_missing(err, "response_format.json_schema.name");
    }
    if (!str_equal(type, STR("json_object")))
        return error_set_target(err, ERROR_MODEL_VALUE, "response_format.type",
                                "Invalid value: '%.40s'. Supported values are: 'json_object', "
                                "'json_schema', and 'text'.",
                                type.data ? type.data : "");
    x->facts.features |= ENGINE_JSON_OBJECT;
    if (!chat_messages_mention_json(yyjson_obj_get(root, "messages")))
        return error_set_target(err, ERROR_MODEL_REQUEST, "messages",
                                "'messages' must contain the word 'json' in some form, to use "
                                "'response_format' of type 'json_object'.");
    return true;
}

static bool check(struct exchange *x, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document);

    if (!fields_check(root, request_fields, ARRAY_LEN(request_fields), "", &x->facts.features, err))
        return false;
    if (!fields_get(root, "messages"))
        return fields_missing(err, "messages");
    if (!fields_check_sampling(root, err))
        return false;
    note_counts(x, root);
    return chat_messages_check(&x->facts, root, err) && chat_tools_check(&x->facts, root, err) &&
           stream_options_check(&x->facts, root, err) && check_logprobs(x, root, err) &&
           check_format(x, root, err);
}

/* "call_" and 24 characters, as Azure's ids of tool calls are; clients only echo them. */
static void shape_tool_calls(struct exchange *x, struct arena *scratch, struct json_edit *message)
{
    yyjson_val *calls = yyjson_obj_get(message->object, "tool_calls"), *call;
    struct json_edit *edits;
    size_t i, count;

    if (!yyjson_is_arr(calls))
        return;
    edits = arena_alloc_bytes(scratch, (yyjson_arr_size(calls) + 1) * sizeof(*edits));
    yyjson_arr_foreach(calls, i, count, call)
    {
        struct str id = json_str(yyjson_obj_get(call, "id"));

        json_edit_init(&edits[i], scratch, call, 1);
        if (id.len && !str_starts_with(id, STR("call_")))
            json_edit_string(&edits[i], STR("id"), shape_new_id(x, scratch, STR("call_"), 24));
    }
    json_edit_array(message, STR("tool_calls"), edits, (unsigned)count);
}

/* llama-server lets the model talk before it calls a tool, and so run out of tokens: what
 * tool_choice has promised to the client is seen to here. Upstreams answer for themselves. */
static bool check_call(struct exchange *x, bool has_called)
{
    if (has_called || !x->facts.must_call || x->deployment->engine->kind != ENGINE_LLAMA)
        return true;
    engine_error_no_call(x, &x->err);
    return false;
}

static bool has_call(yyjson_val *message)
{
    return yyjson_arr_size(yyjson_obj_get(message, "tool_calls")) > 0;
}

/* Once a choice of a stream ends, its call must have come. */
static bool check_call_of_event(struct exchange *x, yyjson_val *choice)
{
    bool *called;

    if (!x->facts.must_call)
        return true;
    if (!x->relay.called)
        x->relay.called = ARENA_ARRAY(x->arena, bool, x->facts.choices);
    called = &x->relay.called[shape_index(x, choice)];
    *called = *called || has_call(yyjson_obj_get(choice, "delta"));
    return !yyjson_is_str(yyjson_obj_get(choice, "finish_reason")) || check_call(x, *called);
}

/* An edit of the choice's message or delta, in the scratch. */
static struct json_edit *edit_part(struct arena *scratch, struct json_edit *choice,
                                   const char *name)
{
    struct json_edit *part = ARENA_NEW(scratch, struct json_edit);

    json_edit_init(part, scratch, yyjson_obj_get(choice->object, name), MESSAGE_CHANGES_MAX);
    if (part->object)
        json_edit_object(choice, str_from(name), part);
    return part;
}

static bool shape_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    struct json_edit *message = edit_part(scratch, choice, "message");
    yyjson_val *content = yyjson_obj_get(message->object, "content");
    bool has_text = json_str(content).len > 0;

    if (!check_call(x, has_call(message->object)))
        return false;
    if (!message->object)
        return true;
    if (!content || (yyjson_obj_get(message->object, "tool_calls") && !has_text))
        json_edit_text(message, STR("content"), STR("null"));
    shape_refusal(x, message);
    shape_tool_calls(x, scratch, message);
    shape_choice_filters(x, choice, has_text);
    shape_logprobs(x, scratch, choice);
    return true;
}

/* The first delta of a choice names the role; Azure's has an empty content beside it. */
static bool shape_event_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    struct json_edit *delta = edit_part(scratch, choice, "delta");
    bool has_text = json_str(yyjson_obj_get(delta->object, "content")).len > 0;
    bool has_role = yyjson_obj_get(delta->object, "role") != NULL;
    bool has_tools = yyjson_obj_get(delta->object, "tool_calls") != NULL;

    if (!check_call_of_event(x, choice->object))
        return false;
    if (has_role && !has_text)
        json_edit_text(delta, STR("content"), has_tools ? STR("null") : STR("\"\""));
    if (has_role || yyjson_obj_get(delta->object, "refusal"))
        shape_refusal(x, delta);
    shape_tool_calls(x, scratch, delta);
    shape_choice_filters(x, choice, has_text);
    shape_logprobs(x, scratch, choice);
    shape_finish(x, choice);
    return true;
}

static const struct shape_form form = {
    .id_prefix = { "chatcmpl-", 9 },
    .object = { "chat.completion", 15 },
    .part = "message",
    .event_part = "delta",
    .choice = shape_choice,
    .event_choice = shape_event_choice,
};

static bool shape(struct exchange *x, struct arena *scratch, yyjson_doc *answer, struct str *out)
{
    return shape_answer(x, scratch, answer, &form, 1, out);
}

static bool shape_event(struct exchange *x, struct arena *scratch, yyjson_doc *event,
                        struct str *out)
{
    return shape_stream_event(x, scratch, event, &form, out);
}

const struct operation operation_chat = {
    .id = "ChatCompletions_Create",
    .word = "chatCompletion",
    .path = { "chat/completions", 16 },
    .method = HTTP_POST,
    .since = 20230315,
    .model_operation = MODEL_CHAT,
    .engine_operation = ENGINE_CHAT,
    .event_object = "chat.completion.chunk",
    .check = check,
    .shape = shape,
    .shape_event = shape_event,
    .first_event = shape_first_event,
};
