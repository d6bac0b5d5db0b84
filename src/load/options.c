/* SPDX-License-Identifier: MIT */
#include "load/options.h"

static const struct {
    const char *name;
    unsigned context_tokens, max_tokens;
} shapes[] = {
    [LOAD_SHAPE_BALANCED] = { "balanced", 500, 500 },
    [LOAD_SHAPE_CONTEXT] = { "context", 2000, 200 },
    [LOAD_SHAPE_GENERATION] = { "generation", 500, 1000 },
    [LOAD_SHAPE_CUSTOM] = { "custom", 0, 0 },
};

const char *load_shape_name(enum load_shape shape)
{
    return shapes[shape].name;
}

void load_shape_apply(struct load_options *o)
{
    if (o->shape == LOAD_SHAPE_CUSTOM)
        return;
    o->context_tokens = shapes[o->shape].context_tokens;
    o->max_tokens = shapes[o->shape].max_tokens;
}
