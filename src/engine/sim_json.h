/*
 * OpenAI's JSON shapes, as the simulator needs them: events of a stream and whole bodies.
 * All texts are in the arena that is given. Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_JSON_H
#define ENGINE_SIM_JSON_H

#include "engine/sim_choice.h"

/* What all parts of an answer carry. */
struct sim_frame {
    const struct sim_request *request;
    int64_t created_s;
    char id[48];
};

/* A stream's events: the choice's first, one token, its end, the usage of all. */
struct str sim_json_role(struct arena *a, const struct sim_frame *f, const struct sim_choice *c);
struct str sim_json_piece(struct arena *a, const struct sim_frame *f, const struct sim_choice *c,
                          const struct sim_piece *piece);
struct str sim_json_finish(struct arena *a, const struct sim_frame *f, const struct sim_choice *c);
struct str sim_json_usage_event(struct arena *a, const struct sim_frame *f, uint64_t tokens);

/* The whole body; takes all tokens out of the choices. */
struct str sim_json_whole(struct arena *a, const struct sim_frame *f, struct sim_choice *choices,
                          unsigned choice_count, uint64_t tokens);
/* What comes behind the last vector of embeddings, the closing brackets included. */
struct str sim_json_embeddings_end(struct arena *a, const struct sim_frame *f);

#endif
