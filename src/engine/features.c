/* SPDX-License-Identifier: MIT */
/* What the settings of an engine promise to the data plane, without the engine. */
#include <limits.h>

#include "engine/engine.h"

/* What llama-server 0.7.0 was measured to honour. It takes best_of, echo and suffix, too, and
 * does nothing about them; images need a projector, which it is given by --mmproj. Whether the
 * model's chat template has a place for tools shows once it is loaded (llama.c). */
#define LLAMA_FEATURES                                                                    \
    (ENGINE_N | ENGINE_LOGPROBS | ENGINE_LOGIT_BIAS | ENGINE_TOOLS | ENGINE_JSON_OBJECT | \
     ENGINE_JSON_SCHEMA | ENGINE_SEED | ENGINE_PROMPT_ARRAY | ENGINE_PROMPT_TOKENS |      \
     ENGINE_PARALLEL_TOOLS | ENGINE_STREAM_USAGE)
/* Tokens of the simulator are no model's, so a bias for one means nothing. It counts images, but
 * answers without looking at them; sound it does not know. */
#define SIM_FEATURES                                                                            \
    (ENGINE_N | ENGINE_BEST_OF | ENGINE_ECHO | ENGINE_SUFFIX | ENGINE_LOGPROBS | ENGINE_TOOLS | \
     ENGINE_JSON_OBJECT | ENGINE_JSON_SCHEMA | ENGINE_SEED | ENGINE_PROMPT_ARRAY |              \
     ENGINE_PROMPT_TOKENS | ENGINE_IMAGES | ENGINE_PARALLEL_TOOLS | ENGINE_STREAM_USAGE)
/* An upstream is asked what its clients ask; it refuses by itself. */
#define UPSTREAM_FEATURES UINT_MAX

static bool has_argument(const struct catalog_llama *l, const char *argument)
{
    for (unsigned i = 0; i < l->argument_count; i++) {
        if (strcmp(l->arguments[i], argument) == 0)
            return true;
    }
    return false;
}

unsigned engine_features(const struct catalog_engine *e)
{
    unsigned features = 0;

    switch (e->kind) {
    case ENGINE_LLAMA:
        features = LLAMA_FEATURES;
        if (has_argument(&e->llama, "--mmproj") || has_argument(&e->llama, "-mm"))
            features |= ENGINE_IMAGES;
        break;
    case ENGINE_UPSTREAM:
        features = UPSTREAM_FEATURES;
        if (!e->upstream.stream_usage)
            features &= ~(unsigned)ENGINE_STREAM_USAGE;
        break;
    case ENGINE_SIM:
        features = SIM_FEATURES;
        break;
    }
    return features;
}

struct str engine_model_name(const struct catalog_engine *e)
{
    return e->kind == ENGINE_UPSTREAM ? str_from(e->upstream.model) : STR_NONE;
}
