/*
 * Completions_Create: text completions, streamed or whole.
 * Request fields and ranges: Azure's inference specification 2024-06-01 (tests/specs/inference/).
 * SPDX-License-Identifier: MIT
 */
#include "inference/fields.h"
#include "inference/operation.h"
#include "inference/shape.h"
#include "inference/stream_options.h"

#define DEFAULT_MAX_TOKENS 16
#define PROMPTS_MAX 2048
/* Of one prompt: no model's context is that long. */
#define PROMPT_TOKENS_MAX (1 << 24)

static const struct field request_fields[] = {
    { "prompt", FIELD_STRING | FIELD_ARRAY, 1, PROMPT_TOKENS_MAX, 0 },
    { "model", FIELD_STRING, 0, 0, 0 },
    { "max_tokens", FIELD_INTEGER, 0, 2147483647, 0 },
    { "temperature", FIELD_NUMBER, 0, 2, 0 },
    { "top_p", FIELD_NUMBER, 0, 1, 0 },
    { "n", FIELD_INTEGER, 1, 128, 0 },
    { "best_of", FIELD_INTEGER, 1, 128, 0 },
    { "stream", FIELD_BOOL, 0, 0, 0 },
    { "stream_options", FIELD_OBJECT, 0, 0, 0 },
    { "logprobs", FIELD_INTEGER, 0, 5, ENGINE_LOGPROBS },
    { "echo", FIELD_BOOL, 0, 0, 0 },
    { "suffix", FIELD_STRING, 0, 0, ENGINE_SUFFIX },
    { "stop", FIELD_STRING | FIELD_ARRAY, 1, 4, 0 },
    { "presence_penalty", FIELD_NUMBER, -2, 2, 0 },
    { "frequency_penalty", FIELD_NUMBER, -2, 2, 0 },
    { "logit_bias", FIELD_OBJECT, 0, 0, ENGINE_LOGIT_BIAS },
    { "user", FIELD_STRING, 0, 0, 0 },
    { "seed", FIELD_INTEGER, -9223372036854775808.0, 9223372036854775807.0, ENGINE_SEED },
};

static bool prompt_error(struct error *err)
{
    return error_set_target(err, ERROR_MODEL_TYPE, "prompt",
                            "Invalid type for 'prompt': expected a string, an array of strings, "
                            "an array of token ids, or an array of arrays of token ids.");
}

/* An array is one prompt of token ids when its first item is a number, else several prompts. */
static bool check_prompts(struct request_facts *f, yyjson_val *prompts, struct error *err)
{
    bool is_tokens = yyjson_is_int(yyjson_arr_get_first(prompts));
    yyjson_val *item;
    size_t i, count;

    yyjson_arr_foreach(prompts, i, count, item)
    {
        if (is_tokens != yyjson_is_int(item))
            return prompt_error(err);
        if (yyjson_is_str(item))
            f->prompt_chars += yyjson_get_len(item);
        else if (yyjson_is_arr(item) && yyjson_is_int(yyjson_arr_get_first(item)))
            f->prompt_tokens += yyjson_arr_size(item);
        else if (!is_tokens)
            return prompt_error(err);
        if (yyjson_is_arr(item))
            f->features |= ENGINE_PROMPT_TOKENS;
    }
    if (is_tokens) {
        f->prompt_tokens = yyjson_arr_size(prompts);
        f->features |= ENGINE_PROMPT_TOKENS;
    } else if (yyjson_arr_size(prompts) > PROMPTS_MAX) {
        return error_set_target(err, ERROR_MODEL_ARRAY_LONG, "prompt",
                                "Invalid 'prompt': array too long. Expected an array with maximum "
                                "length %d, but got an array with length %zu instead.",
                                PROMPTS_MAX, yyjson_arr_size(prompts));
    } else if (yyjson_arr_size(prompts) > 1) {
        f->prompts = (unsigned)yyjson_arr_size(prompts);
        f->features |= ENGINE_PROMPT_ARRAY;
    }
    return true;
}

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
    if (wanted > 1)
        f->features |= ENGINE_N;
    if (made > wanted)
        f->features |= ENGINE_BEST_OF;
    f->n = made * f->prompts;
    f->choices = wanted * f->prompts;
    f->max_tokens = max_tokens ? yyjson_get_uint(max_tokens) : DEFAULT_MAX_TOKENS;
    f->uses_legacy_max_tokens = true;
    return true;
}

static bool check(struct exchange *x, struct error *err)
{
    yyjson_val *root = yyjson_doc_get_root(x->document), *prompt, *logprobs;
    struct request_facts *f = &x->facts;

    if (!fields_check(root, request_fields, ARRAY_LEN(request_fields), "", &f->features, err))
        return false;
    if (!fields_check_sampling(root, err))
        return false;
    prompt = fields_get(root, "prompt");
    f->prompt_chars = json_str(prompt).len;
    if (yyjson_is_arr(prompt) && !check_prompts(f, prompt, err))
        return false;
    if (!stream_options_check(f, root, err))
        return false;
    if (yyjson_is_true(fields_get(root, "echo")))
        f->features |= ENGINE_ECHO;
    logprobs = fields_get(root, "logprobs");
    f->logprobs = logprobs != NULL;
    f->top_logprobs = (unsigned)yyjson_get_uint(logprobs);
    return check_counts(f, root, err);
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

/* Characters, not bytes: every byte of UTF-8 but those that continue a sequence begins one. */
static uint64_t characters_of(struct str text)
{
    uint64_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    return count;
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
        *offset += characters_of(text);
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
                       legacy_logprobs(x, scratch, content, text_offset_of(x, choice->object)));
}

static bool shape_choice(struct exchange *x, struct arena *scratch, struct json_edit *choice)
{
    bool has_text = json_str(yyjson_obj_get(choice->object, "text")).len > 0;

    shape_choice_filters(x, choice, has_text);
    shape_legacy_logprobs(x, scratch, choice);
    shape_finish(x, choice);
    return true;
}

static const struct shape_form form = {
    .id_prefix = { "cmpl-", 5 },
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
    .since = 20221201,
    .model_operation = MODEL_COMPLETION,
    .engine_operation = ENGINE_COMPLETION,
    .event_object = "text_completion",
    .check = check,
    .shape = shape,
    .shape_event = shape_event,
    .first_event = shape_first_event,
};
