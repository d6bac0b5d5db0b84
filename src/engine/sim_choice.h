/*
 * One answer of the simulator: which tokens it has and why it ends. Pure; the token sources are
 * replayed instead of kept, so a choice is small however long it is.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_CHOICE_H
#define ENGINE_SIM_CHOICE_H

#include "engine/sim_request.h"
#include "engine/sim_text.h"

/* Tokens of all choices of an answer together; logprobs make a token a hundred times larger. */
#define SIM_ANSWER_TOKENS_MAX 32768
#define SIM_ANSWER_LOGPROBS_MAX 4096

struct sim_choice {
    unsigned index;
    uint64_t seed;
    struct sim_source echo;   /* of the prompt */
    struct sim_source source; /* of the answer */
    unsigned echo_left;       /* tokens */
    unsigned left;            /* tokens of the answer that are still to come */
    unsigned tokens;          /* of the answer */
    unsigned last_bytes;      /* of its last token: a stop string may cut it */
    const char *finish;       /* "stop", "length", "tool_calls", "function_call" */
    size_t text_offset;       /* bytes given so far */
};

/* A token with the numbers that come with it. */
struct sim_piece {
    struct sim_token token;
    bool is_prompt;
    uint64_t random; /* seeds its logprobs */
    size_t text_offset;
};

/* Plans choice `index` (of prompt index / n). `wanted` tokens when nothing limits it. */
void sim_choice_init(struct sim_choice *c, struct arena *a, const struct sim_request *request,
                     unsigned index, uint64_t seed, unsigned wanted);
/* The next token of the prompt's echo or of the answer; false after the last one. */
MUST_CHECK bool sim_choice_next(struct sim_choice *c, struct sim_piece *piece);

#endif
