/* SPDX-License-Identifier: MIT */
#include "engine/sim_embed.h"

#include <math.h>

#include "base/random.h"
#include "engine/sim_text.h"

/* Coordinates that a word pushes up or down. */
#define COORDINATES_PER_WORD 8
/* What keeps texts of the same words apart, and an empty text off the origin. */
#define NOISE 0.01

static bool is_word_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static void add_word(uint64_t hash, float *vector, unsigned dimensions)
{
    for (unsigned i = 0; i < COORDINATES_PER_WORD; i++) {
        uint64_t random = sim_mix(hash, i);

        vector[(random >> 1) % dimensions] += random & 1 ? 1.0f : -1.0f;
    }
}

static void add_words(uint64_t seed, struct str text, float *vector, unsigned dimensions)
{
    uint64_t hash = seed;
    bool in_word = false;

    for (size_t i = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.data[i] : ' ';

        if (is_word_byte(c)) {
            char lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);

            hash = sim_hash(in_word ? hash : seed, str_of(&lower, 1));
        } else if (in_word) {
            add_word(hash, vector, dimensions);
        }
        in_word = is_word_byte(c);
    }
}

/* To length 1. */
static void normalise(float *vector, unsigned dimensions)
{
    double norm = 0;

    for (unsigned i = 0; i < dimensions; i++)
        norm += (double)vector[i] * (double)vector[i];
    norm = sqrt(norm);
    for (unsigned i = 0; i < dimensions; i++)
        vector[i] = norm > 0 ? (float)((double)vector[i] / norm) : i == 0;
}

void sim_embed(uint64_t seed, struct str text, float *vector, unsigned dimensions, unsigned wanted)
{
    uint64_t random = sim_mix(sim_hash(seed, text), 0);

    memset(vector, 0, dimensions * sizeof(*vector));
    add_words(seed, text, vector, dimensions);
    for (unsigned i = 0; i < dimensions; i++)
        vector[i] += (float)(NOISE * (2 * sim_fraction(random_next(&random)) - 1));
    normalise(vector, wanted);
}
