/*
 * Completions_Create: text completions, streamed or whole.
 * Request fields and ranges: Azure's inference specification 2024-08-01-preview (tests/specs/inference/).
 * SPDX-License-Identifier: MIT
 */
#include "inference/logit_bias.h"
#include "inference/operation.h"
#include "inference/prompts.h"
#include "inference/shape.h"
#include "inference/stream_options.h"

#define DEFAULT_MAX_TOKENS 16
#define PROMPTS_MAX 2048
/* Of one prompt: no model's context is that long. */
#define PROMPT_TOKENS_MAX (1 << 24)

static const struct field request_list[] = {
    FIELD("prompt", FIELD_STRING | FIELD_ARRAY, 1, PROMPT_TOKENS_MAX),
    FIELD("model", FIELD_STRING),
    FIELD("max_tokens", FIELD_INTEGER, 0, 2147483647),
    FIELD("temperature", FIELD_NUMBER, 0, 2),
    FIELD("top_p", FIELD_NUMBER, 0, 1),
    FIELD("n", FIELD_INTEGER, 1, 128),
    FIELD("best_of", FIELD_INTEGER, 1, 20),
    FIELD("stream", FIELD_BOOL),
    FIELD("stream_options", FIELD_OBJECT, .members = &stream_options_fields),
    FIELD("logprobs", FIELD_INTEGER, 0, 5, ENGINE_LOGPROBS),
    FIELD("echo", FIELD_BOOL),
    FIELD("suffix", FIELD_STRING, .feature = ENGINE_SUFFIX),
    FIELD("stop", FIELD_STRING | FIELD_ARRAY | FIELD_FILLED, 1, 4, .items = FIELD_STRING),
    FIELD("presence_penalty", FIELD_NUMBER, -2, 2),
    FIELD("frequency_penalty", FIELD_NUMBER, -2, 2),
    FIELD("logit_bias", FIELD_OBJECT, .feature = ENGINE_LOGIT_BIAS),
    FIELD("user", FIELD_STRING),
    FIELD("seed", FIELD_INTEGER, FIELD_INT64_MIN, FIELD_INT64_MAX, ENGINE_SEED),
};
static const struct fields request_fields = FIELDS(request_list);

static bool check_counts(struct request_facts *f, yyjson_val *root, struct error *err)
{
    yyjson_val *n = fields_get(root, "n"), *best_of = fields_get(root, "best_of");
    yyjson_val *max_tokens = fields_get(root, "max_tokens");
    unsigned wanted = n ? (unsigned)yyjson_get_uint(n) : 1;
    unsigned made = best_of ? (unsigned)yyjson_get_uint(best_of) : wanted;

    if (made < wanted)
        return error_set_target(err, ERROR_MODEL_VALUE, "best_of",
                                "You requested that the server return more choices than it will "
                                "generate (HINT: must provide n <= best_of).");
    if (made > wanted && f->stream)
        return error_set_target(err, ERROR_MODEL_REQUEST, "best_of",
                                "Cannot stream results with best_of greater than n.");
    if (wanted > 1 && !fields_need(f, ENGINE_N, "n", err))
        return false;
    if (made > wanted && !fields_need(f, ENGINE_BEST_OF, "best_of", err))
        return false;
    f->n = made * f->prompts;
    f->choices = wanted * f->prompts;
    f->asks_max_tokens = max_tokens != NULL;
    f->max_tokens = max_tokens ? yyjson_get_uint(max_tokens) : DEFAULT_MAX_TOKENS;
    f->uses_legacy_max_tokens = true;
    return true;
}

static bool check(struct exchange *x, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document), *logprobs;
    struct request_facts *f = &x->facts;

    if (!fields_check(x, root, &request_fields, err) || !logit_bias_check(root, err) ||
        !prompts_check(f, fields_get(root, "prompt"), "prompt", PROMPTS_MAX, err) ||
        !stream_options_check(f, root, err))
        return false;
    if (f->prompts > 1 && !fields_need(f, ENGINE_PROMPT_ARRAY, "prompt", err))
        return false;
    if (yyjson_is_true(fields_get(root, "echo")) && !fields_need(f, ENGINE_ECHO, "echo", err))
        return false;
    logprobs = fields_get(root, "logprobs");
    f->logprobs = logprobs != NULL;
    f->top_logprobs = (unsigned)yyjson_get_uint(logprobs);
    if (!check_counts(f, root, err))
        return false;
    f->no_answer = !f->max_tokens && x->deployment->engine->kind == ENGINE_LLAMA;
    return true;
}

/* The alternatives of one token as {"token": logprob}. */
static yyjson_mut_val *alternatives_of(struct exchange *x, yyjson_mut_doc *doc, yyjson_val *token)
{
    yyjson_val *alternatives = yyjson_obj_get(token, "top_logprobs"), *item;
    yyjson_mut_val *map = yyjson_mut_obj(doc);
    size_t i, count;

    yyjson_arr_foreach(alternatives, i, count, item)
    {
        struct str text = json_str(yyjson_obj_get(item, "token"));

        if (i == x->facts.top_logprobs)
            break;
        yyjson_mut_obj_put(map, yyjson_mut_strncpy(doc, text.data ? text.data : "", text.len),
                           yyjson_mut_real(doc, yyjson_get_num(yyjson_obj_get(item, "logprob"))));
    }
    return map;
}

/* Offsets go on from event to event of a stream, for each choice by itself. */
static uint64_t *text_offset_of(struct exchange *x, yyjson_val *choice)
{
    if (!x->relay.text_offsets)
        x->relay.text_offsets = ARENA_ARRAY(x->arena, uint64_t, x->facts.choices);
    return &x->relay.text_offsets[shape_index(x, choice)];
}

/* An engine's log probabilities in the chat form: into {tokens, token_logprobs, top_logprobs,
 * text_offset}, the form of completions. */
static struct str legacy_logprobs(struct exchange *x, struct arena *scratch, yyjson_val *content,
                                  uint64_t *offset)
{
    yyjson_mut_doc *doc = json_new(scratch);
    yyjson_mut_val *result = yyjson_mut_obj(doc);
    yyjson_mut_val *tokens = yyjson_mut_obj_add_arr(doc, result, "tokens");
    yyjson_mut_val *values = yyjson_mut_obj_add_arr(doc, result, "token_logprobs");
    yyjson_mut_val *tops = yyjson_mut_obj_add_arr(doc, result, "top_logprobs");
    yyjson_mut_val *offsets = yyjson_mut_obj_add_arr(doc, result, "text_offset");
    yyjson_val *token;
    size_t i, count;

    yyjson_arr_foreach(content, i, count, token)
    {
        struct str text = json_str(yyjson_obj_get(token, "token"));

        yyjson_mut_arr_add_strncpy(doc, tokens, text.data ? text.data : "", text.len);
        yyjson_mut_arr_add_real(doc, values, yyjson_get_num(yyjson_obj_get(token, "logprob")));
        yyjson_mut_arr_append(tops, alternatives_of(x, doc, token));
        yyjson_mut_arr_add_uint(doc, offsets, *offset);
        *offset += str_count_chars(text);
    }
    return json_write_sorted(scratch, result);
}

static void shape_legacy_logprobs(struct exchange *x, struct arena *scratch,
                                  struct json_edit *choice)
{
    yyjson_val *logprobs = yyjson_obj_get(choice->object, "logprobs");
    yyjson_val *content = yyjson_obj_get(logprobs, "content");

    if (!x->facts.logprobs || !logprobs)
        json_edit_text(choice, STR("logprobs"), STR("null"));
    else if (yyjson_is_arr(content))
        json_edit_text(choice, STR("logprobs"),
                       legacy_logprobs(x, scratch, x->facts.no_answer ? NULL : content,
                                       text_offset_of(x, choice->object)));
}

/* The token that was not asked for is taken away. */
static void shape_no_answer(struct json_edit *choice)
{
    json_edit_text(choice, STR("text"), STR("\"\""));
    if (yyjson_is_str(yyjson_obj_get(choice->object, "finish_reason")))
        json_edit_text(choice, STR("finish_reason"), STR("\"length\""));
}

static bool shape_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    bool has_text = json_str(yyjson_obj_get(choice->object, "text")).len > 0 && !x->facts.no_answer;

    if (!shape_is_text(choice->object, "text"))
        return false;
    shape_count_text(x, yyjson_obj_get(choice->object, "text"));
    if (x->facts.no_answer)
        shape_no_answer(choice);
    shape_choice_filters(x, choice, has_text);
    shape_finish(x, choice);
    shape_legacy_logprobs(x, scratch, choice);
    return true;
}

static const struct shape_form form = {
    .object = { "text_completion", 15 },
    .choice = shape_choice,
    .event_choice = shape_choice,
};

static bool shape(struct exchange *x, struct arena *scratch, yyjson_doc *answer, struct str *out)
{
    return shape_answer(x, scratch, answer, &form, x->facts.prompts, out);
}

static bool shape_event(struct exchange *x, struct arena *scratch, yyjson_doc *event,
                        struct str *out)
{
    return shape_stream_event(x, scratch, event, &form, out);
}

const struct operation operation_completions = {
    .id = "Completions_Create",
    .word = "completion",
    .path = { "completions", 11 },
    .method = HTTP_POST,
    .data_action = DATA_ACTION_OPENAI "deployments/completions/action",
    .since = 20221201,
    .model_operation = MODEL_COMPLETION,
    .engine_operation = ENGINE_COMPLETION,
    .event_object = "text_completion",
    .id_prefix = { "cmpl-", 5 },
    .answer_text = { "choices.[].text", 15 },
    .event_text = { "choices.[].text", 15 },
    .check = check,
    .shape = shape,
    .shape_event = shape_event,
    .first_event = shape_first_event,
};
