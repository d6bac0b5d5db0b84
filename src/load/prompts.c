/* SPDX-License-Identifier: MIT */
#include "load/prompts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"
#include "base/random.h"
#include "load/tokens.h"

/* What OpenAI's tokenizers make of a time stamp and the blank behind it. */
#define STAMP_TOKENS 8
#define ROLE_TOKENS 1
#define WISH_TOKENS 11 /* "write a long essay about life in at least N tokens" */
#define WORDS_SEED 20231215

/* Of three letters each: with its blank, a word is four characters, and one token to the tokenizers
 * of OpenAI's models too, so that the guess and the count agree. */
static const char words[] =
    "the and for are but not you all any can had her was one our out day get has him his how man "
    "new now old see two way who boy did its let put say she too use dad mom act add age ago aid "
    "aim air arm art ask bad bag bar bed big bit box bus buy car cat cup cut dog dry due eat egg "
    "end eye far few fit fly fun gas god gun guy hot ice job key kid law lay led leg lie lot low "
    "map may met mix net off oil own pay per pop raw ran red rid row run sad sat sea set sex sit "
    "six sky son sun tax tea ten tie tip top toy try van war wet why win yes yet add ";
#define WORD_BYTES 4

/* -- Completing and cutting -------------------------------------------------------------------- */

static void set_default(yyjson_mut_doc *doc, yyjson_mut_val *body, const char *key,
                        yyjson_mut_val *value)
{
    if (!yyjson_mut_obj_get(body, key))
        json_set(doc, body, key, value);
}

static void set_real(yyjson_mut_doc *doc, yyjson_mut_val *body, const char *key, double value)
{
    if (value > LOAD_UNSET)
        set_default(doc, body, key, yyjson_mut_real(doc, value));
}

/* The options bound the answer: its own members, if it has any, go before them. */
static bool wants_max(const struct load_options *o, yyjson_mut_val *body)
{
    return o->max_tokens && !yyjson_mut_obj_get(body, "max_tokens") &&
           !yyjson_mut_obj_get(body, "max_completion_tokens");
}

/* `max_mark`: stands for the name of the bound, behind all messages; NULL: there is none. */
static void complete(const struct load_options *o, yyjson_mut_doc *doc, yyjson_mut_val *body,
                     const char *max_mark)
{
    if (max_mark)
        json_set(doc, body, max_mark, yyjson_mut_uint(doc, o->max_tokens));
    set_default(doc, body, "n", yyjson_mut_uint(doc, o->completions));
    set_real(doc, body, "frequency_penalty", o->frequency_penalty);
    set_real(doc, body, "presence_penalty", o->presence_penalty);
    set_real(doc, body, "temperature", o->temperature);
    set_real(doc, body, "top_p", o->top_p);
    json_set_bool(doc, body, "stream", o->streams);
    if (!o->streams)
        yyjson_mut_obj_remove_key(body, "stream_options");
    else if (o->includes_usage)
        json_set_bool(doc, json_set_object(doc, body, "stream_options"), "include_usage", true);
}

/* Puts the mark where the time will be, before the message's text: its content, or the first part of it
 * that is text. */
static bool mark_message(yyjson_mut_doc *doc, yyjson_mut_val *message, struct arena *a,
                         const char *mark)
{
    yyjson_mut_val *content = yyjson_mut_obj_get(message, "content"), *part = NULL;
    const char *key = "content";
    struct str text;
    size_t i, count;

    yyjson_mut_arr_foreach(content, i, count, part)
    {
        if (!yyjson_mut_is_str(yyjson_mut_obj_get(part, "text")))
            continue;
        message = part;
        key = "text";
        content = yyjson_mut_obj_get(part, key);
        break;
    }
    if (!yyjson_mut_is_str(content))
        return false;
    text = arena_printf(a, "%s %.*s", mark, STR_ARGS(json_mut_str(content)));
    json_set_str(doc, message, key, text);
    return true;
}

static unsigned mark_messages(yyjson_mut_doc *doc, yyjson_mut_val *messages, struct arena *a,
                              const char *mark)
{
    size_t i, count;
    yyjson_mut_val *message;
    unsigned marked = 0;

    yyjson_mut_arr_foreach(messages, i, count, message)
    {
        marked += mark_message(doc, message, a, mark);
    }
    return marked;
}

static void cut(struct arena *a, struct str text, struct str mark, unsigned holes,
                const char *max_mark, struct prompt *prompt)
{
    unsigned count = holes + (max_mark ? 1 : 0);
    struct str rest = text;

    prompt->has_max_name = max_mark;
    prompt->pieces = ARENA_ARRAY(a, struct str, count + 1);
    for (unsigned i = 0; i < count; i++) {
        size_t at = str_find(rest, i < holes ? mark : str_from(max_mark));

        prompt->pieces[prompt->piece_count++] = str_slice(rest, 0, at);
        rest = str_slice(rest, at + mark.len, rest.len);
    }
    prompt->pieces[prompt->piece_count++] = rest;
}

static struct prompt *add(struct prompts *p)
{
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 16;
        struct prompt *items = ARENA_ARRAY(p->arena, struct prompt, capacity);

        if (p->count)
            memcpy(items, p->items, p->count * sizeof(*items));
        p->items = items;
        p->capacity = capacity;
    }
    return &p->items[p->count++];
}

void prompts_init(struct prompts *p, struct arena *a, const char *model)
{
    *p = (struct prompts){ .arena = a, .model = model };
}

bool prompts_add(struct prompts *p, const struct load_options *o, struct arena *scratch,
                 yyjson_mut_doc *doc, yyjson_mut_val *body, struct error *err)
{
    yyjson_mut_val *messages = yyjson_mut_obj_get(body, "messages");
    char mark[PROMPT_STAMP_BYTES + 1], name[PROMPT_STAMP_BYTES + 1], *max_mark = NULL;
    struct prompt *prompt;
    unsigned holes = 0;
    uint64_t tokens;

    if (!yyjson_mut_is_arr(messages) || !yyjson_mut_arr_size(messages))
        return error_set(err, ERROR_CONFIG, "no messages: there must be a list of at least one");
    tokens = tokens_of_messages(yyjson_doc_get_root(json_freeze(scratch, messages)));
    random_base62(mark, PROMPT_STAMP_BYTES); /* nobody has written that word */
    if (o->prevents_caching)
        holes = mark_messages(doc, messages, scratch, mark);
    if (wants_max(o, body)) {
        random_base62(name, PROMPT_STAMP_BYTES);
        max_mark = name;
    }
    complete(o, doc, body, max_mark);
    if (p->model)
        json_set_str(doc, body, "model", str_from(p->model));
    prompt = add(p);
    prompt->context_tokens = (unsigned)(tokens + (uint64_t)holes * STAMP_TOKENS);
    cut(p->arena, json_write_mut(p->arena, body), str_from(mark), holes, max_mark, prompt);
    if (prompt->piece_count > p->pieces_max)
        p->pieces_max = prompt->piece_count;
    return true;
}

void prompt_stamp(char *out, uint64_t now_us, uint64_t *last_us)
{
    char text[PROMPT_STAMP_BYTES + 8];

    if (now_us <= *last_us)
        now_us = *last_us + 1;
    *last_us = now_us;
    snprintf(text, sizeof(text), "%010llu.%06u",
             (unsigned long long)(now_us / 1000000 % 10000000000), (unsigned)(now_us % 1000000));
    memcpy(out, text, PROMPT_STAMP_BYTES);
}

/* -- Generated ones ---------------------------------------------------------------------------- */

static struct str random_words(struct arena *a, uint64_t count)
{
    size_t known = (sizeof(words) - 1) / WORD_BYTES;
    char *text = arena_alloc_bytes(a, count * WORD_BYTES + 1);
    uint64_t random = WORDS_SEED;

    for (uint64_t i = 0; i < count; i++)
        memcpy(text + i * WORD_BYTES, words + random_next(&random) % known * WORD_BYTES,
               WORD_BYTES);
    return str_of(text, count ? count * WORD_BYTES - 1 : 0);
}

static void add_message(yyjson_mut_doc *doc, yyjson_mut_val *messages, struct str text)
{
    yyjson_mut_val *message = yyjson_mut_arr_add_obj(doc, messages);

    json_set_str(doc, message, "role", STR("user"));
    json_set_str(doc, message, "content", text);
}

bool prompts_generate(struct prompts *p, const struct load_options *o, struct error *err)
{
    uint64_t stamped = o->prevents_caching ? STAMP_TOKENS : 0;
    uint64_t other = TOKENS_OF_PRIMING + TOKENS_A_MESSAGE + ROLE_TOKENS + stamped;
    struct arena *a = p->arena;
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *body = yyjson_mut_obj(doc), *messages = yyjson_mut_arr(doc);
    uint64_t word_count;

    if (o->max_tokens)
        other += TOKENS_A_MESSAGE + ROLE_TOKENS + stamped + WISH_TOKENS;
    word_count = o->context_tokens > other ? o->context_tokens - other : 0;
    json_set(doc, body, "messages", messages);
    add_message(doc, messages, random_words(a, word_count));
    if (o->max_tokens)
        add_message(doc, messages,
                    arena_printf(a, "write a long essay about life in at least %llu tokens",
                                 (unsigned long long)o->max_tokens));
    if (!prompts_add(p, o, a, doc, body, err))
        return false;
    p->items[p->count - 1].context_tokens = (unsigned)(word_count + other);
    return true;
}
