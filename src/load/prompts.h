/*
 * The bodies of the requests, made once: each is its JSON in pieces, between which the time of the
 * request goes (Azure's tool puts it before each message, so that no cache of prompts hits), and at last,
 * where the options bound the answer, the name of the member that does: reasoning models know only
 * max_completion_tokens, and older ones only max_tokens. With neither, a body is one piece.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_PROMPTS_H
#define LOAD_PROMPTS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "load/options.h"

/* "1704441942.868042" */
#define PROMPT_STAMP_BYTES 17

struct prompt {
    struct str *pieces; /* the time goes between each two of them; the name, between the last two */
    unsigned piece_count;
    bool has_max_name;
    unsigned context_tokens; /* guessed */
};

/* They live in the arena. */
struct prompts {
    struct arena *arena;
    const char *model; /* goes into each; NULL: into none */
    struct prompt *items;
    size_t count;
    size_t capacity;
    unsigned pieces_max; /* of any of them */
};

/* `model` NULL: the deployment is in the path. */
void prompts_init(struct prompts *p, struct arena *a, const char *model);
/* One of random words, as many as the shape's tokens, and the wish for an essay. */
MUST_CHECK bool prompts_generate(struct prompts *p, const struct load_options *o,
                                 struct error *err);
/* The user's own, of a file: a JSON array of lists of messages (as Azure's tool has it), or JSON Lines,
 * each a list of messages or a request's whole body, whose members go before those of the options.
 * ERROR_CONFIG says what is wrong where. */
MUST_CHECK bool prompts_replay(struct prompts *p, const struct load_options *o, struct error *err);

/* Adds one: `body` is an object with "messages", which is completed by what the options say. `scratch`
 * is where `doc` lives. */
MUST_CHECK bool prompts_add(struct prompts *p, const struct load_options *o, struct arena *scratch,
                            yyjson_mut_doc *doc, yyjson_mut_val *body, struct error *err);
/* The time as it goes into a body; never the same as *last_us, which is moved. `out` holds
 * PROMPT_STAMP_BYTES. */
void prompt_stamp(char *out, uint64_t now_us, uint64_t *last_us);

#endif
