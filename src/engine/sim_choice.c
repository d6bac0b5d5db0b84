/* SPDX-License-Identifier: MIT */
#include "engine/sim_choice.h"

#include "base/buf.h"
#include "engine/sim_schema.h"

/* The text that a choice spells out; STR_NONE: it makes sentences. */
static struct str fixed_text(struct arena *a, const struct sim_request *r, uint64_t seed)
{
    struct str text = STR_NONE;

    if (r->tool.data) {
        text = sim_schema_sample(a, r->schema, seed);
    } else if (r->is_json && r->schema) {
        text = sim_schema_sample(a, r->schema, seed);
    } else if (r->is_json) {
        struct sim_source words = sim_source_sentences(seed);
        struct sim_token first, second;

        if (sim_source_next(&words, &first) && sim_source_next(&words, &second))
            text = arena_printf(a, "{\"answer\":\"%.*s%.*s.\"}", (int)first.len, first.text,
                                (int)second.len, second.text);
    }
    return text;
}

/* Where the first of the stop strings begins that lies in `text` and ends in its new part, which
 * starts at `old_len`; SIZE_MAX when there is none. */
static size_t find_stop(const struct sim_request *r, struct str text, size_t old_len)
{
    size_t first = SIZE_MAX;

    for (unsigned i = 0; i < r->stop_count; i++) {
        size_t from = old_len >= r->stops[i].len ? old_len - r->stops[i].len + 1 : 0;
        size_t at = str_find(str_slice(text, from, text.len), r->stops[i]);

        if (at != SIZE_MAX && from + at < first)
            first = from + at;
    }
    return first;
}

/* Keeps only the tokens in front of byte `stop` of the text. */
static void cut_at(struct sim_choice *c, size_t stop)
{
    struct sim_source source = c->source;
    struct sim_token token;

    c->tokens = 0;
    c->last_bytes = 0;
    while (stop > 0 && sim_source_next(&source, &token)) {
        c->last_bytes = stop < token.len ? (unsigned)stop : token.len;
        stop -= c->last_bytes;
        c->tokens++;
    }
}

/* Counts the tokens up to the limits, a stop string, or the end of the text. */
static void measure(struct sim_choice *c, const struct sim_request *r, unsigned wanted,
                    unsigned most)
{
    struct sim_source source = c->source;
    struct sim_token token;
    struct buf text;
    size_t stop = SIZE_MAX;

    /* Room for all tokens that an answer may have; taken only when there are stop strings. */
    buf_init(&text, (size_t)SIM_ANSWER_TOKENS_MAX * SIM_TOKEN_BYTES_MAX);
    while (stop == SIZE_MAX && c->tokens < wanted && c->tokens < most &&
           sim_source_next(&source, &token)) {
        size_t old_len = buf_len(&text);

        c->last_bytes = token.len;
        c->tokens++;
        if (r->stop_count && !r->tool.data && buf_append(&text, str_of(token.text, token.len)))
            stop = find_stop(r, buf_str(&text), old_len);
    }
    if (stop != SIZE_MAX) {
        cut_at(c, stop);
        c->finish = "stop";
    } else if (c->tokens < wanted && sim_source_next(&source, &token)) {
        c->finish = "length";
    }
    buf_done(&text);
}

void sim_choice_init(struct sim_choice *c, struct arena *a, const struct sim_request *request,
                     unsigned index, uint64_t seed, unsigned wanted)
{
    const struct sim_prompt *prompt = &request->prompts[index / request->n];
    unsigned choices = request->prompt_count * request->n;
    unsigned most = (request->logprobs ? SIM_ANSWER_LOGPROBS_MAX : SIM_ANSWER_TOKENS_MAX) / choices;
    struct str text;

    *c = (struct sim_choice){ .index = index, .seed = sim_mix(seed, index), .finish = "stop" };
    if (request->tool.data)
        c->finish = request->is_legacy_function ? "function_call" : "tool_calls";
    text = fixed_text(a, request, c->seed);
    c->source = text.data ? sim_source_text(text) : sim_source_sentences(c->seed);
    measure(c, request, text.data ? UINT32_MAX : wanted,
            most < request->max_tokens ? most : request->max_tokens);
    c->left = c->tokens;
    if (request->echo) {
        c->echo = sim_source_text(prompt->text);
        c->echo_left = sim_token_count(prompt->text.len);
    }
}

bool sim_choice_next(struct sim_choice *c, struct sim_piece *piece)
{
    piece->is_prompt = c->echo_left > 0;
    if (c->echo_left && !sim_source_next(&c->echo, &piece->token)) {
        c->echo_left = 0; /* characters of several bytes make fewer tokens than counted */
        piece->is_prompt = false;
    }
    if (piece->is_prompt) {
        c->echo_left--;
    } else {
        if (!c->left || !sim_source_next(&c->source, &piece->token))
            return false;
        if (--c->left == 0)
            piece->token.len = c->last_bytes;
    }
    piece->random = sim_mix(c->seed, 1000 + c->text_offset);
    piece->text_offset = c->text_offset;
    c->text_offset += piece->token.len;
    return true;
}
