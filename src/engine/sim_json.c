/* SPDX-License-Identifier: MIT */
#include "engine/sim_json.h"

#include <stdio.h>

#include "base/buf.h"

/* Text of one choice, at most. */
#define TEXT_BYTES_MAX ((size_t)(SIM_ANSWER_TOKENS_MAX + SIM_ECHO_TOKENS_MAX) * SIM_TOKEN_BYTES_MAX)

static yyjson_mut_val *text_value(yyjson_mut_doc *doc, struct str text)
{
    return yyjson_mut_strncpy(doc, text.data ? text.data : "", text.len);
}

static bool is_chat(const struct sim_frame *f)
{
    return f->request->operation == ENGINE_CHAT;
}

/* The members that come before and behind the choices. */
static yyjson_mut_val *new_frame(yyjson_mut_doc *doc, const struct sim_frame *f, const char *object)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc);

    yyjson_mut_obj_add_str(doc, root, "id", f->id);
    yyjson_mut_obj_add_str(doc, root, "object", object);
    yyjson_mut_obj_add_sint(doc, root, "created", f->created_s);
    yyjson_mut_obj_add_val(
        doc, root, "model",
        text_value(doc, f->request->model.data ? f->request->model : STR("sim")));
    yyjson_mut_obj_add_null(doc, root, "system_fingerprint");
    return root;
}

static void add_usage(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct sim_frame *f,
                      uint64_t tokens)
{
    yyjson_mut_val *usage = yyjson_mut_obj_add_obj(doc, root, "usage");

    yyjson_mut_obj_add_uint(doc, usage, "prompt_tokens", f->request->prompt_tokens);
    yyjson_mut_obj_add_uint(doc, usage, "completion_tokens", tokens);
    yyjson_mut_obj_add_uint(doc, usage, "total_tokens", f->request->prompt_tokens + tokens);
}

/* -- Tool calls ---------------------------------------------------------------------------- */

/* `name` STR_NONE: a later part of the call's arguments. */
static void add_tool_call(yyjson_mut_doc *doc, yyjson_mut_val *message, const struct sim_frame *f,
                          const struct sim_choice *c, struct str name, struct str arguments,
                          bool has_index)
{
    yyjson_mut_val *call, *function;
    char id[32];

    if (f->request->is_legacy_function) {
        function = yyjson_mut_obj_add_obj(doc, message, "function_call");
    } else {
        call = yyjson_mut_arr_add_obj(doc, yyjson_mut_obj_add_arr(doc, message, "tool_calls"));
        if (has_index)
            yyjson_mut_obj_add_uint(doc, call, "index", 0);
        if (name.data) {
            snprintf(id, sizeof(id), "call_%016llx%08llx", (unsigned long long)sim_mix(c->seed, 4),
                     (unsigned long long)sim_mix(c->seed, 5) & 0xFFFFFFFF);
            yyjson_mut_obj_add_strcpy(doc, call, "id", id);
            yyjson_mut_obj_add_str(doc, call, "type", "function");
        }
        function = yyjson_mut_obj_add_obj(doc, call, "function");
    }
    if (name.data)
        yyjson_mut_obj_add_val(doc, function, "name", text_value(doc, name));
    yyjson_mut_obj_add_val(doc, function, "arguments", text_value(doc, arguments));
}

/* -- Log probabilities --------------------------------------------------------------------- */

/* Minus 0 to 2 for the token itself, one less for each place behind it. */
static double logprob_of(const struct sim_piece *p, unsigned rank)
{
    return -2.0 * sim_fraction(sim_mix(p->random, 0)) - rank;
}

/* The token itself, then others that could have come. */
static struct str alternative(const struct sim_piece *p, unsigned rank)
{
    return rank ? sim_token_word(sim_mix(p->random, 1) + rank)
                : str_of(p->token.text, p->token.len);
}

static void add_chat_logprob(yyjson_mut_doc *doc, yyjson_mut_val *entry, struct str token,
                             double logprob)
{
    yyjson_mut_val *bytes;

    yyjson_mut_obj_add_val(doc, entry, "token", text_value(doc, token));
    yyjson_mut_obj_add_real(doc, entry, "logprob", logprob);
    bytes = yyjson_mut_obj_add_arr(doc, entry, "bytes");
    for (size_t i = 0; i < token.len; i++)
        yyjson_mut_arr_add_uint(doc, bytes, (unsigned char)token.data[i]);
}

/* Appends one token to {"content":[...]}. */
static void add_chat_piece(yyjson_mut_doc *doc, yyjson_mut_val *content, const struct sim_frame *f,
                           const struct sim_piece *p)
{
    yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, content), *tops;

    add_chat_logprob(doc, entry, alternative(p, 0), logprob_of(p, 0));
    tops = yyjson_mut_obj_add_arr(doc, entry, "top_logprobs");
    for (unsigned i = 0; i < f->request->top_logprobs; i++)
        add_chat_logprob(doc, yyjson_mut_arr_add_obj(doc, tops), alternative(p, i),
                         logprob_of(p, i));
}

/* The four lists of a completion's logprobs. */
struct text_logprobs {
    yyjson_mut_val *root, *tokens, *logprobs, *tops, *offsets;
};

static struct text_logprobs new_text_logprobs(yyjson_mut_doc *doc)
{
    struct text_logprobs t = { .root = yyjson_mut_obj(doc) };

    t.tokens = yyjson_mut_obj_add_arr(doc, t.root, "tokens");
    t.logprobs = yyjson_mut_obj_add_arr(doc, t.root, "token_logprobs");
    t.tops = yyjson_mut_obj_add_arr(doc, t.root, "top_logprobs");
    t.offsets = yyjson_mut_obj_add_arr(doc, t.root, "text_offset");
    return t;
}

/* Nothing comes before the first token of a prompt, so that it has no probability. */
static void add_text_piece(yyjson_mut_doc *doc, struct text_logprobs *t, const struct sim_frame *f,
                           const struct sim_piece *p)
{
    yyjson_mut_val *top;

    yyjson_mut_arr_append(t->tokens, text_value(doc, alternative(p, 0)));
    yyjson_mut_arr_add_uint(doc, t->offsets, p->text_offset);
    if (p->is_prompt && p->text_offset == 0) {
        yyjson_mut_arr_add_null(doc, t->logprobs);
        yyjson_mut_arr_add_null(doc, t->tops);
        return;
    }
    yyjson_mut_arr_add_real(doc, t->logprobs, logprob_of(p, 0));
    top = yyjson_mut_arr_add_obj(doc, t->tops);
    for (unsigned i = 0; i < f->request->top_logprobs; i++)
        yyjson_mut_obj_put(top, text_value(doc, alternative(p, i)),
                           yyjson_mut_real(doc, logprob_of(p, i)));
}

static yyjson_mut_val *piece_logprobs(yyjson_mut_doc *doc, const struct sim_frame *f,
                                      const struct sim_piece *p)
{
    if (!f->request->logprobs)
        return yyjson_mut_null(doc);
    if (is_chat(f)) {
        yyjson_mut_val *root = yyjson_mut_obj(doc);

        add_chat_piece(doc, yyjson_mut_obj_add_arr(doc, root, "content"), f, p);
        yyjson_mut_obj_add_null(doc, root, "refusal");
        return root;
    } else {
        struct text_logprobs t = new_text_logprobs(doc);

        add_text_piece(doc, &t, f, p);
        return t.root;
    }
}

/* -- Events -------------------------------------------------------------------------------- */

/* {"choices":[{"index":I, `name`: value, "logprobs":..., "finish_reason":...}], ...} */
static struct str write_event(struct arena *a, yyjson_mut_doc *doc, const struct sim_frame *f,
                              const struct sim_choice *c, yyjson_mut_val *value,
                              yyjson_mut_val *logprobs, const char *finish)
{
    yyjson_mut_val *root =
        new_frame(doc, f, is_chat(f) ? "chat.completion.chunk" : "text_completion");
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr(doc, root, "choices");
    yyjson_mut_val *choice = yyjson_mut_arr_add_obj(doc, choices);

    yyjson_mut_obj_add_uint(doc, choice, "index", c->index);
    yyjson_mut_obj_add_val(doc, choice, is_chat(f) ? "delta" : "text", value);
    yyjson_mut_obj_add_val(doc, choice, "logprobs", logprobs);
    if (finish)
        yyjson_mut_obj_add_str(doc, choice, "finish_reason", finish);
    else
        yyjson_mut_obj_add_null(doc, choice, "finish_reason");
    if (f->request->include_usage)
        yyjson_mut_obj_add_null(doc, root, "usage");
    return json_write_mut(a, root);
}

struct str sim_json_role(struct arena *a, const struct sim_frame *f, const struct sim_choice *c)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *delta = yyjson_mut_obj(doc);

    yyjson_mut_obj_add_str(doc, delta, "role", "assistant");
    if (f->request->tool.data) {
        yyjson_mut_obj_add_null(doc, delta, "content");
        add_tool_call(doc, delta, f, c, f->request->tool, STR_NONE, true);
    } else {
        yyjson_mut_obj_add_str(doc, delta, "content", "");
    }
    return write_event(a, doc, f, c, delta, yyjson_mut_null(doc), NULL);
}

struct str sim_json_piece(struct arena *a, const struct sim_frame *f, const struct sim_choice *c,
                          const struct sim_piece *piece)
{
    yyjson_mut_doc *doc = json_new(a);
    struct str text = str_of(piece->token.text, piece->token.len);
    yyjson_mut_val *value;

    if (!is_chat(f)) {
        value = text_value(doc, text);
    } else {
        value = yyjson_mut_obj(doc);
        if (f->request->tool.data)
            add_tool_call(doc, value, f, c, STR_NONE, text, true);
        else
            yyjson_mut_obj_add_val(doc, value, "content", text_value(doc, text));
    }
    return write_event(a, doc, f, c, value, piece_logprobs(doc, f, piece), NULL);
}

struct str sim_json_finish(struct arena *a, const struct sim_frame *f, const struct sim_choice *c)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *value = is_chat(f) ? yyjson_mut_obj(doc) : yyjson_mut_str(doc, "");

    return write_event(a, doc, f, c, value, yyjson_mut_null(doc), c->finish);
}

struct str sim_json_usage_event(struct arena *a, const struct sim_frame *f, uint64_t tokens)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root =
        new_frame(doc, f, is_chat(f) ? "chat.completion.chunk" : "text_completion");

    yyjson_mut_obj_add_arr(doc, root, "choices");
    add_usage(doc, root, f, tokens);
    return json_write_mut(a, root);
}

/* -- Whole bodies -------------------------------------------------------------------------- */

/* Takes all tokens of a choice: its text, and its logprobs (null when not asked for). */
static struct str drain(struct arena *a, yyjson_mut_doc *doc, const struct sim_frame *f,
                        struct sim_choice *c, yyjson_mut_val **logprobs)
{
    struct text_logprobs lists = { 0 };
    yyjson_mut_val *content = NULL;
    struct sim_piece piece;
    struct buf text;
    struct str copy;

    *logprobs = yyjson_mut_null(doc);
    if (f->request->logprobs && is_chat(f)) {
        *logprobs = yyjson_mut_obj(doc);
        content = yyjson_mut_obj_add_arr(doc, *logprobs, "content");
        yyjson_mut_obj_add_null(doc, *logprobs, "refusal");
    } else if (f->request->logprobs) {
        lists = new_text_logprobs(doc);
        *logprobs = lists.root;
    }
    buf_init(&text, TEXT_BYTES_MAX);
    while (sim_choice_next(c, &piece) &&
           buf_append(&text, str_of(piece.token.text, piece.token.len))) {
        if (content)
            add_chat_piece(doc, content, f, &piece);
        else if (lists.root)
            add_text_piece(doc, &lists, f, &piece);
    }
    copy = arena_copy(a, buf_str(&text));
    buf_done(&text);
    return copy;
}

static void add_choice(struct arena *a, yyjson_mut_doc *doc, yyjson_mut_val *choices,
                       const struct sim_frame *f, struct sim_choice *c)
{
    yyjson_mut_val *choice = yyjson_mut_arr_add_obj(doc, choices), *logprobs, *message;
    struct str text = drain(a, doc, f, c, &logprobs);

    yyjson_mut_obj_add_uint(doc, choice, "index", c->index);
    if (is_chat(f)) {
        message = yyjson_mut_obj_add_obj(doc, choice, "message");
        yyjson_mut_obj_add_str(doc, message, "role", "assistant");
        if (f->request->tool.data)
            yyjson_mut_obj_add_null(doc, message, "content");
        else
            yyjson_mut_obj_add_val(doc, message, "content", text_value(doc, text));
        yyjson_mut_obj_add_null(doc, message, "refusal");
        if (f->request->tool.data)
            add_tool_call(doc, message, f, c, f->request->tool, text, false);
    } else {
        yyjson_mut_obj_add_val(doc, choice, "text", text_value(doc, text));
    }
    yyjson_mut_obj_add_val(doc, choice, "logprobs", logprobs);
    yyjson_mut_obj_add_str(doc, choice, "finish_reason", c->finish);
}

struct str sim_json_whole(struct arena *a, const struct sim_frame *f, struct sim_choice *choices,
                          unsigned choice_count, uint64_t tokens)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = new_frame(doc, f, is_chat(f) ? "chat.completion" : "text_completion");
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "choices");

    for (unsigned i = 0; i < choice_count; i++)
        add_choice(a, doc, list, f, &choices[i]);
    add_usage(doc, root, f, tokens);
    return json_write_mut(a, root);
}

struct str sim_json_embeddings_end(struct arena *a, const struct sim_frame *f)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc);
    yyjson_mut_val *usage;
    struct str text;

    yyjson_mut_obj_add_val(
        doc, root, "model",
        text_value(doc, f->request->model.data ? f->request->model : STR("sim")));
    usage = yyjson_mut_obj_add_obj(doc, root, "usage");
    yyjson_mut_obj_add_uint(doc, usage, "prompt_tokens", f->request->prompt_tokens);
    yyjson_mut_obj_add_uint(doc, usage, "total_tokens", f->request->prompt_tokens);
    text = json_write_mut(a, root);
    /* Its members go on where the list of vectors ends. */
    return arena_printf(a, "],%.*s", (int)text.len - 1, text.data + 1);
}
