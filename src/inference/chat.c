/*
 * ChatCompletions_Create: chat completions, streamed or whole.
 * SPDX-License-Identifier: MIT
 */
#include "inference/chat_fields.h"
#include "inference/chat_messages.h"
#include "inference/engine_error.h"
#include "inference/logit_bias.h"
#include "inference/operation.h"
#include "inference/shape.h"
#include "inference/stream_options.h"

/* Of a message or delta: content, refusal, tool_calls. */
#define MESSAGE_CHANGES_MAX 3

static bool check_logprobs(struct request_facts *f, yyjson_val *root, struct error *err)
{
    yyjson_val *top = fields_get(root, "top_logprobs");

    f->logprobs = yyjson_is_true(fields_get(root, "logprobs"));
    f->top_logprobs = (unsigned)yyjson_get_uint(top);
    if (top && !f->logprobs)
        return error_set_target(err, ERROR_MODEL_REQUEST, "top_logprobs",
                                "The 'top_logprobs' parameter is only allowed when 'logprobs' is "
                                "enabled.");
    return !f->logprobs || fields_need(f, ENGINE_LOGPROBS, "logprobs", err);
}

/* ["text"] is what every model answers with. */
static bool is_text_only(yyjson_val *modalities)
{
    return !yyjson_arr_size(modalities) ||
           (yyjson_arr_size(modalities) == 1 &&
            str_equal(json_str(yyjson_arr_get_first(modalities)), STR("text")));
}

/* What some values of a field ask of the engine, and others do not. */
static bool check_wishes(struct request_facts *f, yyjson_val *root, struct error *err)
{
    if (f->n > 1 && !fields_need(f, ENGINE_N, "n", err))
        return false;
    if (!is_text_only(fields_get(root, "modalities")) &&
        !fields_need(f, ENGINE_AUDIO, "modalities", err))
        return false;
    return !yyjson_is_true(fields_get(root, "store")) || fields_need(f, ENGINE_STORE, "store", err);
}

static void note_counts(struct request_facts *f, yyjson_val *root)
{
    yyjson_val *n = fields_get(root, "n"), *legacy = fields_get(root, "max_tokens");
    yyjson_val *limit = fields_get(root, "max_completion_tokens");

    if (n)
        f->n = f->choices = (unsigned)yyjson_get_uint(n);
    f->uses_legacy_max_tokens = !limit && legacy;
    f->asks_max_tokens = limit || legacy;
    f->max_tokens = yyjson_get_uint(limit ? limit : legacy);
}

static bool check_format(struct request_facts *f, yyjson_val *root, struct error *err)
{
    yyjson_val *format = yyjson_obj_get(root, "response_format");
    yyjson_val *type = yyjson_obj_get(format, "type");

    f->prompt_chars += json_count_chars(yyjson_obj_get(format, "json_schema"));
    if (!str_equal(json_str(type), STR("json_object")))
        return true;
    if (!chat_messages_mention_json(yyjson_obj_get(root, "messages")))
        return error_set_target(err, ERROR_MODEL_REQUEST, "messages",
                                "'messages' must contain the word 'json' in some form, to use "
                                "'response_format' of type 'json_object'.");
    return fields_need(f, ENGINE_JSON_OBJECT, "response_format", err);
}

static bool check(struct exchange *x, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document);
    struct request_facts *f = &x->facts;

    if (!fields_check(x, root, &chat_fields, err) || !logit_bias_check(root, err))
        return false;
    note_counts(f, root);
    return chat_messages_check(f, root, err) && chat_tools_check(f, root, err) &&
           stream_options_check(f, root, err) && check_logprobs(f, root, err) &&
           check_wishes(f, root, err) && check_format(f, root, err);
}

/* "call_" and 24 characters, as Azure's ids of tool calls are; clients only echo them. */
static void shape_tool_calls(struct exchange *x, struct arena *scratch, struct json_edit *message)
{
    yyjson_val *calls = yyjson_obj_get(message->object, "tool_calls"), *call;
    struct json_edit *edits;
    size_t i, count;

    if (!yyjson_is_arr(calls))
        return;
    edits = json_edit_list(scratch, yyjson_arr_size(calls));
    yyjson_arr_foreach(calls, i, count, call)
    {
        struct str id = json_str(yyjson_obj_get(call, "id"));

        json_edit_init(&edits[i], scratch, call, 1);
        if (id.len && !str_starts_with(id, STR("call_")))
            json_edit_string(&edits[i], STR("id"), shape_new_id(x, scratch, STR("call_"), 24));
    }
    json_edit_array(message, STR("tool_calls"), edits, (unsigned)count);
}

/* What a message or delta says, calls of tools included; false: it is none. */
static bool take_message(struct exchange *x, yyjson_val *message)
{
    yyjson_val *call;
    size_t i, count;

    if (!shape_is_message(message))
        return false;
    shape_count_text(x, yyjson_obj_get(message, "content"));
    yyjson_arr_foreach(yyjson_obj_get(message, "tool_calls"), i, count, call)
    {
        shape_count_text(x, json_at(call, "function.arguments"));
    }
    return true;
}

/* llama-server lets the model talk before it calls a tool, and so run out of tokens: what
 * tool_choice has promised to the client is seen to here. Upstreams answer for themselves. */
static bool check_call(struct exchange *x, bool has_called)
{
    if (has_called || !x->facts.must_call || x->deployment->engine->kind != ENGINE_LLAMA)
        return true;
    engine_error_no_call(x, exchange_error(x));
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

/* An edit of a choice's message or delta, in the scratch. */
static struct json_edit *edit_part(struct arena *scratch, yyjson_val *part)
{
    struct json_edit *edit = arena_alloc_bytes(scratch, sizeof(*edit));

    json_edit_init(edit, scratch, part, MESSAGE_CHANGES_MAX);
    return edit;
}

static bool shape_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    struct json_edit *message = edit_part(scratch, yyjson_obj_get(choice->object, "message"));
    yyjson_val *content = yyjson_obj_get(message->object, "content");
    bool has_text = json_str(content).len > 0;

    if (!take_message(x, message->object) || !check_call(x, has_call(message->object)))
        return false;
    if (!message->object)
        return true;
    if (!content || (yyjson_obj_get(message->object, "tool_calls") && !has_text))
        json_edit_text(message, STR("content"), STR("null"));
    shape_refusal(x, message);
    shape_tool_calls(x, scratch, message);
    shape_choice_filters(x, choice, has_text);
    shape_logprobs(x, scratch, choice);
    json_edit_object(choice, STR("message"), message);
    return true;
}

/* The first delta of a choice names the role; Azure's has an empty content beside it. */
static bool shape_event_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    struct json_edit *delta = edit_part(scratch, yyjson_obj_get(choice->object, "delta"));
    bool has_text = json_str(yyjson_obj_get(delta->object, "content")).len > 0;
    bool has_role = yyjson_obj_get(delta->object, "role") != NULL;
    bool has_tools = yyjson_obj_get(delta->object, "tool_calls") != NULL;

    if (!take_message(x, delta->object) || !check_call_of_event(x, choice->object))
        return false;
    if (has_role && !has_text)
        json_edit_text(delta, STR("content"), has_tools ? STR("null") : STR("\"\""));
    if (has_role || yyjson_obj_get(delta->object, "refusal"))
        shape_refusal(x, delta);
    shape_tool_calls(x, scratch, delta);
    shape_choice_filters(x, choice, has_text);
    if (delta->object)
        json_edit_object(choice, STR("delta"), delta);
    shape_finish(x, choice);
    shape_logprobs(x, scratch, choice);
    return true;
}

static const struct shape_form form = {
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
    .data_action = DATA_ACTION_OPENAI "deployments/chat/completions/action",
    .since = 20230315,
    .model_operation = MODEL_CHAT,
    .engine_operation = ENGINE_CHAT,
    .event_object = "chat.completion.chunk",
    .id_prefix = { "chatcmpl-", 9 },
    .answer_text = { "choices.[].message.content", 26 },
    .event_text = { "choices.[].delta.content", 24 },
    .check = check,
    .shape = shape,
    .shape_event = shape_event,
    .first_event = shape_first_event,
};
