/*
 * What the simulator understands of a request: the body of a chat completion, a completion or
 * embeddings, checked as far as an answer needs it. Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_REQUEST_H
#define ENGINE_SIM_REQUEST_H

#include <stdbool.h>

#include "base/json.h"
#include "engine/engine.h"

#define SIM_STOPS_MAX 4
#define SIM_CHOICES_MAX 128
#define SIM_PROMPTS_MAX 2048
#define SIM_TOP_LOGPROBS_MAX 20
#define SIM_DIMENSIONS_MAX 8192
#define SIM_ECHO_TOKENS_MAX 32768

/* One prompt of a completion, or one input of embeddings. */
struct sim_prompt {
    struct str text; /* of a prompt given as token ids: words that stand for them */
    unsigned tokens;
};

struct sim_request {
    enum engine_operation operation;
    bool stream;
    bool include_usage;
    struct str model;
    unsigned n;          /* choices a prompt */
    unsigned best_of;    /* answers that are made to choose them from; at least n */
    unsigned max_tokens; /* UINT_MAX: not given */
    struct str stops[SIM_STOPS_MAX];
    unsigned stop_count;
    bool logprobs;
    unsigned top_logprobs;
    bool echo;
    struct str tool;            /* function to be called, STR_NONE: none */
    bool is_legacy_function;    /* by functions and function_call, the form before tools */
    bool is_json;               /* the answer is a JSON text */
    yyjson_val *schema;         /* of the JSON text or the tool's arguments; may be NULL */
    struct sim_prompt *prompts; /* one for a chat, whose text is the last message of the user */
    unsigned prompt_count;
    unsigned prompt_tokens; /* of all prompts */
    unsigned dimensions;    /* of embeddings; 0: not given */
    bool is_base64;
    uint64_t hash; /* of what is asked, not of how it is to be delivered */
};

/* `body` is parsed into the arena. Errors are the model layer's: ERROR_MODEL_REQUEST,
 * ERROR_MODEL_MISSING or ERROR_MODEL_VALUE with the field as target. */
MUST_CHECK bool sim_request_parse(struct arena *a, enum engine_operation operation, struct str body,
                                  struct sim_request *request, struct error *err);

#endif
