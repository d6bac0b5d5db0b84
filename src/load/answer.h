/*
 * One answer of a chat completion as it comes: streamed (server-sent events, counted and timed token by
 * token) or whole. Says at its end whether it was one.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "load/outcome.h"
#include "net/sse.h"

#define ANSWER_TEXT_BYTES 200

struct load_answer {
    struct arena_pool *arenas;
    bool is_streamed;
    bool is_error;           /* of its status: the body says why, in `text` */
    struct sse_splitter sse; /* of a stream */
    struct buf body;         /* of what is not one */
    uint64_t now_us;
    uint64_t first_us, last_us; /* tokens; 0: none */
    unsigned events;            /* with text in them, each of which counts as a token */
    bool has_usage;
    uint64_t prompt_tokens, completion_tokens; /* of the usage */
    bool is_done;                              /* [DONE] */
    bool has_failed;
    enum load_cause cause;
    char text[ANSWER_TEXT_BYTES];
};

void load_answer_init(struct load_answer *a, struct arena_pool *arenas);
void load_answer_done(struct load_answer *a);
/* Before each answer. `is_streamed`: by its content type. */
void load_answer_begin(struct load_answer *a, int status, bool is_streamed);
/* False when no more is wanted of it: it has failed, or is an error that has much to say. */
bool load_answer_take(struct load_answer *a, struct str bytes, uint64_t now_us);
/* It is whole, or no more of it is wanted. True: it was an answer of a model (or an error's, of which
 * `text` is set). */
bool load_answer_end(struct load_answer *a);
/* As told, else as counted. */
uint64_t load_answer_tokens(const struct load_answer *a);

#endif
