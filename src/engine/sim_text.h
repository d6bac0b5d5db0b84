/*
 * The simulator's language: a small vocabulary, sentences made of it, and a rule that cuts any
 * text into tokens. Pure and repeatable: what comes out depends on the seed alone.
 *
 * A token is about four bytes, the usual rule of thumb for English.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_SIM_TEXT_H
#define ENGINE_SIM_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Not for secrets: spreads seeds and counters evenly (splitmix64's finaliser, Steele 2014). */
uint64_t sim_mix(uint64_t seed, uint64_t value);
/* FNV-1a over the bytes, then mixed; sim_hash(sim_hash(s, a), b) goes on where `a` ended. */
uint64_t sim_hash(uint64_t seed, struct str bytes);
/* 0 <= x < 1. */
double sim_fraction(uint64_t random);

#define SIM_TOKEN_BYTES_MAX 16

struct sim_token {
    char text[SIM_TOKEN_BYTES_MAX];
    unsigned len;
};

/* Tokens one after another: sentences without end, or those of a given text. */
struct sim_source {
    uint64_t seed;
    struct str text; /* data NULL: sentences */
    size_t offset;
    unsigned index;         /* of the next token */
    unsigned sentence_left; /* words until the full stop */
};

struct sim_source sim_source_sentences(uint64_t seed);
/* `text` is borrowed. */
struct sim_source sim_source_text(struct str text);
/* False at the end of the text. */
MUST_CHECK bool sim_source_next(struct sim_source *s, struct sim_token *token);

/* How many tokens a text of so many bytes is taken for. */
unsigned sim_token_count(size_t bytes);
/* A word for a token id of a client's, so that prompts given as ids can be echoed. */
struct str sim_token_word(uint64_t id);

#endif
