/* SPDX-License-Identifier: MIT */
#include "inference/shape.h"

#include "base/random.h"
#include "inference/operation.h"

bool shape_has_choices(yyjson_mut_val *root, const char *part)
{
    yyjson_mut_val *choices = yyjson_mut_obj_get(root, "choices"), *choice;
    yyjson_mut_arr_iter iter;

    yyjson_mut_arr_iter_init(choices, &iter);
    while ((choice = yyjson_mut_arr_iter_next(&iter))) {
        yyjson_mut_val *inner = part ? yyjson_mut_obj_get(choice, part) : NULL;

        if (!yyjson_mut_is_obj(choice) || (inner && !yyjson_mut_is_obj(inner)))
            return false;
    }
    return yyjson_mut_is_arr(choices);
}

struct str shape_new_id(struct exchange *x, struct arena *a, const char *prefix, unsigned len)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t start = strlen(prefix);
    char *text = arena_alloc_bytes(a, start + len + 1);

    memcpy(text, prefix, start);
    for (unsigned i = 0; i < len; i++)
        text[start + i] = digits[(random_next(&x->inference->random) >> 32) % 62];
    text[start + len] = '\0';
    return str_of(text, start + len);
}

/* FNV-1a over what identifies the backend's configuration: the same deployment answers with the
 * same fingerprint until its model or engine changes. "fp_" and ten hexadecimal digits. */
static struct str fingerprint(const struct exchange *x)
{
    const char *parts[] = { x->deployment->model->label, x->deployment->engine->name };
    uint64_t hash = 0xCBF29CE484222325u;
    char *text = arena_alloc_bytes(x->arena, sizeof("fp_0123456789"));

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (const char *p = parts[i]; *p; p++)
            hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
    }
    memcpy(text, "fp_", 3);
    for (unsigned i = 0; i < 10; i++)
        text[3 + i] = "0123456789abcdef"[hash >> (4 * i) & 15];
    return str_of(text, 13);
}

static void set_id(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   const char *prefix)
{
    struct str id = json_mut_str(yyjson_mut_obj_get(root, "id"));

    if (!x->relay.id.len)
        x->relay.id = str_starts_with(id, str_from(prefix)) ? arena_copy(x->arena, id)
                                                            : shape_new_id(x, x->arena, prefix, 29);
    json_set_str(doc, root, "id", x->relay.id);
}

static void set_created(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    if (!x->relay.created)
        x->relay.created = yyjson_mut_get_sint(yyjson_mut_obj_get(root, "created"));
    if (!x->relay.created)
        x->relay.created = clock_now_ms(x->inference->options.clock) / 1000;
    json_set_int(doc, root, "created", x->relay.created);
}

void shape_root(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root,
                const char *id_prefix, const char *object)
{
    set_id(x, doc, root, id_prefix);
    set_created(x, doc, root);
    json_set_str(doc, root, "model", str_from(x->deployment->model->label));
    json_set_str(doc, root, "object", str_from(object));
    yyjson_mut_obj_remove_key(root, "timings");
    yyjson_mut_obj_remove_key(root, "__verbose");
    if (x->version.parts & ANSWER_LOGPROBS) {
        if (!x->relay.fingerprint.len)
            x->relay.fingerprint = fingerprint(x);
        json_set_str(doc, root, "system_fingerprint", x->relay.fingerprint);
    } else {
        yyjson_mut_obj_remove_key(root, "system_fingerprint");
    }
}

static uint64_t count_of(yyjson_mut_val *usage, const char *key)
{
    return yyjson_mut_get_uint(yyjson_mut_obj_get(usage, key));
}

static void default_count(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key)
{
    if (!yyjson_mut_is_int(yyjson_mut_obj_get(object, key)))
        json_set_int(doc, object, key, 0);
}

static void shape_usage_details(yyjson_mut_doc *doc, yyjson_mut_val *usage)
{
    yyjson_mut_val *completion = json_set_object(doc, usage, "completion_tokens_details");
    yyjson_mut_val *prompt = json_set_object(doc, usage, "prompt_tokens_details");

    default_count(doc, completion, "accepted_prediction_tokens");
    default_count(doc, completion, "audio_tokens");
    default_count(doc, completion, "reasoning_tokens");
    default_count(doc, completion, "rejected_prediction_tokens");
    default_count(doc, prompt, "audio_tokens");
    default_count(doc, prompt, "cached_tokens");
}

static void set_completion_tokens(yyjson_mut_doc *doc, yyjson_mut_val *usage, uint64_t prompt,
                                  uint64_t completion)
{
    json_set_int(doc, usage, "completion_tokens", (int64_t)completion);
    json_set_int(doc, usage, "total_tokens", (int64_t)(prompt + completion));
}

void shape_usage(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *usage = yyjson_mut_obj_get(root, "usage");

    if (!yyjson_mut_is_obj(usage))
        return;
    x->usage.known = true;
    x->usage.prompt_tokens = count_of(usage, "prompt_tokens");
    if (x->facts.count_by_logprobs)
        set_completion_tokens(doc, usage, x->usage.prompt_tokens, x->usage.counted_tokens);
    x->usage.completion_tokens = count_of(usage, "completion_tokens");
    if (x->version.parts & ANSWER_USAGE_DETAILS) {
        shape_usage_details(doc, usage);
        return;
    }
    yyjson_mut_obj_remove_key(usage, "completion_tokens_details");
    yyjson_mut_obj_remove_key(usage, "prompt_tokens_details");
}

bool shape_take_usage(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *usage = yyjson_mut_obj_get(root, "usage");
    bool has_choices = yyjson_mut_arr_size(yyjson_mut_obj_get(root, "choices")) > 0;

    if (yyjson_mut_is_obj(usage)) {
        /* llama-server tells the usage of each choice by itself. */
        bool adds_up = x->deployment->engine->kind == ENGINE_LLAMA && x->facts.choices > 1;
        uint64_t before = adds_up ? x->usage.completion_tokens : 0;

        if (before)
            set_completion_tokens(doc, usage, count_of(usage, "prompt_tokens"),
                                  before + count_of(usage, "completion_tokens"));
        shape_usage(x, doc, root);
        x->relay.usage = json_write_sorted(x->arena, usage);
        if (!has_choices)
            return true;
    }
    if (x->facts.include_usage)
        json_set(doc, root, "usage", yyjson_mut_null(doc));
    else
        yyjson_mut_obj_remove_key(root, "usage");
    return false;
}

struct str shape_usage_event(struct exchange *x, struct arena *scratch)
{
    yyjson_mut_doc *doc = json_new(scratch);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    struct error err;
    yyjson_doc *usage;

    if (!x->facts.include_usage || !x->relay.usage.len)
        return STR_NONE;
    usage = json_parse(scratch, x->relay.usage, &err);
    yyjson_mut_obj_add_arr(doc, root, "choices");
    shape_root(x, doc, root, "", x->operation->event_object);
    json_set(doc, root, "usage", yyjson_val_mut_copy(doc, yyjson_doc_get_root(usage)));
    return json_write_sorted(scratch, root);
}

/* The form that Azure documents for "the filter did not look at this". */
#define NOT_FILTERED                                                                    \
    "{\"error\":{\"code\":\"content_filter_error\",\"message\":\"The contents are not " \
    "filtered\"}}"

static yyjson_mut_val *not_filtered(yyjson_mut_doc *doc)
{
    return yyjson_mut_rawn(doc, NOT_FILTERED, sizeof(NOT_FILTERED) - 1);
}

void shape_prompt_filters(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root,
                          unsigned prompts)
{
    yyjson_mut_val *list;

    if (!(x->version.parts & ANSWER_FILTERS))
        return;
    list = yyjson_mut_arr(doc);
    for (unsigned i = 0; i < prompts; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        yyjson_mut_obj_add_uint(doc, item, "prompt_index", i);
        yyjson_mut_obj_add_val(doc, item, "content_filter_results", not_filtered(doc));
    }
    json_set(doc, root, "prompt_filter_results", list);
}

void shape_choice_filters(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *choice,
                          bool has_text)
{
    if (!(x->version.parts & ANSWER_FILTERS))
        return;
    json_set(doc, choice, "content_filter_results",
             has_text ? not_filtered(doc) : yyjson_mut_obj(doc));
}

void shape_refusal(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *object)
{
    yyjson_mut_val *refusal = yyjson_mut_obj_get(object, "refusal");

    if (x->version.parts & ANSWER_REFUSAL) {
        if (!refusal)
            json_set(doc, object, "refusal", yyjson_mut_null(doc));
    } else if (yyjson_mut_is_null(refusal)) {
        yyjson_mut_obj_remove_key(object, "refusal");
    }
}

static void shape_alternatives(struct exchange *x, yyjson_mut_val *token)
{
    yyjson_mut_val *alternatives = yyjson_mut_obj_get(token, "top_logprobs"), *item;
    yyjson_mut_arr_iter items;

    while (yyjson_mut_arr_size(alternatives) > x->facts.top_logprobs)
        yyjson_mut_arr_remove_last(alternatives);
    yyjson_mut_arr_iter_init(alternatives, &items);
    while ((item = yyjson_mut_arr_iter_next(&items)))
        yyjson_mut_obj_remove_key(item, "id");
}

void shape_logprobs(struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *choice)
{
    yyjson_mut_val *logprobs = yyjson_mut_obj_get(choice, "logprobs"), *token;
    yyjson_mut_arr_iter tokens;

    if (x->facts.count_by_logprobs)
        x->usage.counted_tokens += yyjson_mut_arr_size(yyjson_mut_obj_get(logprobs, "content"));
    if (!(x->version.parts & ANSWER_LOGPROBS) && !x->facts.logprobs) {
        yyjson_mut_obj_remove_key(choice, "logprobs");
        return;
    }
    if (!x->facts.logprobs || !yyjson_mut_is_obj(logprobs)) {
        json_set(doc, choice, "logprobs", yyjson_mut_null(doc));
        return;
    }
    shape_refusal(x, doc, logprobs);
    yyjson_mut_arr_iter_init(yyjson_mut_obj_get(logprobs, "content"), &tokens);
    while ((token = yyjson_mut_arr_iter_next(&tokens))) {
        yyjson_mut_obj_remove_key(token, "id");
        shape_alternatives(x, token);
    }
}

void shape_note_finish(struct exchange *x, yyjson_mut_val *choice)
{
    if (yyjson_mut_is_str(yyjson_mut_obj_get(choice, "finish_reason")))
        x->relay.finished_choices++;
}

struct str shape_first_event(struct exchange *x, struct arena *scratch)
{
    yyjson_mut_doc *doc = json_new(scratch);
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    if (!(x->version.parts & ANSWER_FILTERS))
        return STR_NONE;
    yyjson_mut_obj_add_arr(doc, root, "choices");
    yyjson_mut_obj_add_int(doc, root, "created", 0);
    yyjson_mut_obj_add_str(doc, root, "id", "");
    yyjson_mut_obj_add_str(doc, root, "model", "");
    yyjson_mut_obj_add_str(doc, root, "object", "");
    shape_prompt_filters(x, doc, root, 1);
    return json_write_sorted(scratch, root);
}
