/*
 * An engine in the place of engine/client.c, whose calls do what a script says, a byte each: whoever has
 * a call is told nothing of its own accord, and what is lent to it is gone once it has had it.
 * SPDX-License-Identifier: MIT
 */
#ifndef FUZZ_SCRIPT_ENGINE_H
#define FUZZ_SCRIPT_ENGINE_H

#include "engine/engine.h"

struct script_engine {
    unsigned started, ended; /* calls */
    unsigned context_tokens;
};
extern struct script_engine script_engine;

/* A call that has not ended, 0 the newest one; NULL: there are not so many. */
struct engine_call *script_engine_call(unsigned index);
/* `call` may be NULL, or at a point where it cannot happen: then nothing does. */
void script_engine_says_head(struct engine_call *call, unsigned byte);
void script_engine_says(struct engine_call *call, unsigned byte);
void script_engine_ends(struct engine_call *call);
void script_engine_fails(struct engine_call *call, unsigned byte);

#endif
