/*
 * The simulator's embeddings: unit vectors that depend on the text and the seed alone, and that
 * lie the nearer to each other the more words two texts share, so that a search built on them
 * finds something. Pure.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_EMBED_H
#define ENGINE_SIM_EMBED_H

#include <stdint.h>

#include "base/str.h"

/* Fills `dimensions` (at least 1) numbers; the first `wanted` of them have together the length 1, so
 * that a short embedding is the beginning of the long one, as with models that can shorten theirs. */
void sim_embed(uint64_t seed, struct str text, float *vector, unsigned dimensions, unsigned wanted);

#endif
