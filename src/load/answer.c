/* SPDX-License-Identifier: MIT */
#include "load/answer.h"

#include <stdio.h>

#define EVENT_BYTES_MAX ((size_t)1024 * 1024)
#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define BODY_BYTES_KEPT ((size_t)64 * 1024) /* by a client, from one answer to the next */
#define ERROR_BODY_BYTES_MAX ((size_t)16 * 1024)
#define STATUS_OK 200

void load_answer_init(struct load_answer *a, struct arena_pool *arenas)
{
    *a = (struct load_answer){ .arenas = arenas };
    sse_splitter_init(&a->sse, EVENT_BYTES_MAX);
    buf_init(&a->body, BODY_BYTES_MAX);
}

void load_answer_done(struct load_answer *a)
{
    sse_splitter_done(&a->sse);
    buf_done(&a->body);
}

void load_answer_begin(struct load_answer *a, int status, bool is_streamed)
{
    a->is_error = status != STATUS_OK;
    a->is_streamed = is_streamed && !a->is_error;
    sse_splitter_done(&a->sse);
    sse_splitter_init(&a->sse, EVENT_BYTES_MAX);
    buf_clear(&a->body);
    if (a->body.capacity > BODY_BYTES_KEPT)
        buf_done(&a->body);
    a->first_us = a->last_us = 0;
    a->events = 0;
    a->has_usage = a->is_done = a->has_failed = false;
    a->prompt_tokens = a->completion_tokens = 0;
    a->text[0] = '\0';
}

/* What of it fits. */
static void keep_text(struct load_answer *a, struct str text)
{
    str_show(text, a->text, sizeof(a->text));
    str_repair_utf8(a->text);
}

static bool fail(struct load_answer *a, enum load_cause cause, struct str text)
{
    a->has_failed = true;
    a->cause = cause;
    keep_text(a, text);
    return false;
}

/* -- What it says ------------------------------------------------------------------------------ */

static void take_usage(struct load_answer *a, yyjson_val *root)
{
    yyjson_val *usage = yyjson_obj_get(root, "usage");
    yyjson_val *prompt = yyjson_obj_get(usage, "prompt_tokens");
    yyjson_val *completion = yyjson_obj_get(usage, "completion_tokens");

    if (!yyjson_is_uint(prompt) || !yyjson_is_uint(completion) ||
        yyjson_get_uint(prompt) > INT32_MAX || yyjson_get_uint(completion) > INT32_MAX)
        return;
    a->has_usage = true;
    a->prompt_tokens = yyjson_get_uint(prompt);
    a->completion_tokens = yyjson_get_uint(completion);
}

/* "code: message" of OpenAI's and Azure's errors. */
static struct str error_text(struct arena *arena, yyjson_val *root)
{
    yyjson_val *error = yyjson_obj_get(root, "error");
    struct str code = json_str(yyjson_obj_get(error, "code"));
    struct str message = json_str(yyjson_obj_get(error, "message"));

    if (yyjson_is_str(error))
        return json_str(error);
    if (!message.len)
        message = json_str(yyjson_obj_get(root, "message"));
    if (!code.len || !message.len)
        return code.len ? code : message;
    return arena_printf(arena, "%.*s: %.*s", STR_ARGS(code), STR_ARGS(message));
}

static bool has_text(yyjson_val *choice)
{
    static const char *const members[] = { "content", "reasoning_content", "refusal" };
    yyjson_val *delta = yyjson_obj_get(choice, "delta");

    for (unsigned i = 0; i < ARRAY_LEN(members); i++) {
        if (yyjson_get_len(yyjson_obj_get(delta, members[i])))
            return true;
    }
    return yyjson_arr_size(yyjson_obj_get(delta, "tool_calls")) ||
           yyjson_is_obj(yyjson_obj_get(delta, "function_call"));
}

/* -- A stream ---------------------------------------------------------------------------------- */

static void count_tokens(struct load_answer *a, yyjson_val *choices)
{
    size_t i, count;
    yyjson_val *choice;

    yyjson_arr_foreach(choices, i, count, choice)
    {
        if (!has_text(choice))
            continue;
        a->events++;
        if (!a->first_us)
            a->first_us = a->now_us;
        a->last_us = a->now_us;
    }
}

static bool on_event(void *data, struct str event)
{
    struct load_answer *a = data;
    struct arena *arena;
    yyjson_val *root = NULL, *choices, *error;
    yyjson_doc *doc;
    struct error err;

    if (str_equal(event, STR("[DONE]"))) {
        a->is_done = true;
        return true;
    }
    arena = arena_new(a->arenas);
    doc = json_parse(arena, event, &err);
    if (doc)
        root = yyjson_doc_get_root(doc);
    choices = yyjson_obj_get(root, "choices");
    error = yyjson_obj_get(root, "error");
    if (!doc)
        fail(a, LOAD_CAUSE_GARBAGE, STR("an event that is not JSON"));
    else if (error && !yyjson_is_null(error))
        fail(a, LOAD_CAUSE_ERROR_EVENT, error_text(arena, root));
    else if (!yyjson_is_arr(choices))
        fail(a, LOAD_CAUSE_GARBAGE, STR("an event without choices"));
    else
        count_tokens(a, choices);
    take_usage(a, root);
    arena_free(arena);
    return !a->has_failed;
}

bool load_answer_take(struct load_answer *a, struct str bytes, uint64_t now_us)
{
    bool has_room;

    if (a->has_failed)
        return false;
    a->now_us = now_us;
    if (a->is_streamed) {
        if (!sse_split(&a->sse, bytes, on_event, a))
            fail(a, LOAD_CAUSE_GARBAGE, STR("an event of more than a megabyte"));
        return !a->has_failed;
    }
    /* an error's beginning is enough; it might have no end */
    has_room = !a->is_error || bytes.len <= ERROR_BODY_BYTES_MAX - buf_len(&a->body);
    if (!has_room)
        bytes = str_slice(bytes, 0, ERROR_BODY_BYTES_MAX - buf_len(&a->body));
    if (!buf_append(&a->body, bytes))
        return fail(a, LOAD_CAUSE_GARBAGE, STR("a body of more than 16 megabytes"));
    return has_room;
}

/* -- The end ----------------------------------------------------------------------------------- */

static bool end_stream(struct load_answer *a)
{
    if (!sse_split_rest(&a->sse, on_event, a))
        fail(a, LOAD_CAUSE_GARBAGE, STR("an event of more than a megabyte"));
    if (!a->has_failed && !a->is_done)
        fail(a, LOAD_CAUSE_CUT, STR("no [DONE] at the end of the stream"));
    return !a->has_failed;
}

bool load_answer_end(struct load_answer *a)
{
    struct str body = buf_str(&a->body);
    struct arena *arena;
    yyjson_doc *doc;
    yyjson_val *root;
    struct error err;

    if (a->has_failed)
        return false;
    if (a->is_streamed)
        return end_stream(a);
    arena = arena_new(a->arenas);
    doc = json_parse(arena, body, &err);
    root = doc ? yyjson_doc_get_root(doc) : NULL;
    if (a->is_error) {
        keep_text(a, error_text(arena, root));
    } else if (!doc) {
        fail(a, LOAD_CAUSE_GARBAGE, STR("a body that is not JSON"));
    } else if (!yyjson_is_arr(yyjson_obj_get(root, "choices"))) {
        fail(a, LOAD_CAUSE_GARBAGE, STR("a body without choices"));
    }
    take_usage(a, root);
    arena_free(arena);
    return !a->has_failed;
}

uint64_t load_answer_tokens(const struct load_answer *a)
{
    return a->has_usage ? a->completion_tokens : a->events;
}
