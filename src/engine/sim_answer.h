/*
 * The bytes of a simulated answer, step by step, in OpenAI's shapes: a stream's events or a whole
 * body. A step is what one token of each choice brings; embeddings take a step for each input, so
 * that a long list does not hold up the loop. Pure: seed, request and `created_s` decide it all.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_ANSWER_H
#define ENGINE_SIM_ANSWER_H

#include "base/buf.h"
#include "engine/sim_request.h"

struct sim_answer;

/* Lives in the arena; `settings` and `request` are borrowed. */
struct sim_answer *sim_answer_new(struct arena *a, const struct catalog_sim *settings,
                                  const struct sim_request *request, uint64_t seed,
                                  int64_t created_s);
/* Tokens that must have been generated before the next step's bytes go out; at least 1. */
unsigned sim_answer_due_tokens(const struct sim_answer *s);
bool sim_answer_is_done(const struct sim_answer *s);
/* Appends the next step's bytes; `out` must hold SIM_STEP_BYTES_MAX more. `scratch` is for the
 * call only. Not after sim_answer_is_done. */
#define SIM_STEP_BYTES_MAX ((size_t)64 * 1024 * 1024)
void sim_answer_next(struct sim_answer *s, struct arena *scratch, struct buf *out);

#endif
