/*
 * VALIDATE: the request's fields by the operation's own table, against what the model and its engine
 * can do.
 * SPDX-License-Identifier: MIT
 */
#include "inference/llama_request.h"
#include "inference/operation.h"

/* The most that the model can answer, and the name that reasoning models want it given by. */
static bool check_max_tokens(struct exchange *x, struct error *err)
{
    const struct catalog_model *m = x->deployment->model;
    const char *name = x->facts.uses_legacy_max_tokens ? "max_tokens" : "max_completion_tokens";

    if (m->is_reasoning && x->facts.uses_legacy_max_tokens)
        return error_set_target(err, ERROR_MODEL_UNSUPPORTED, "max_tokens",
                                "Unsupported parameter: 'max_tokens' is not supported with this "
                                "model. Use 'max_completion_tokens' instead.");
    if (m->output_tokens && x->facts.max_tokens > m->output_tokens)
        return error_set_target(err, ERROR_MODEL_VALUE, name,
                                "%s is too large: %llu. This model supports at most %u completion "
                                "tokens, whereas you provided %llu.",
                                name, (unsigned long long)x->facts.max_tokens, m->output_tokens,
                                (unsigned long long)x->facts.max_tokens);
    return true;
}

enum phase exchange_validate(struct exchange *x)
{
    x->facts.n = x->facts.choices = x->facts.prompts = 1;
    x->facts.asides = x->asides;
    x->facts.lacks = ~engine_features(x->deployment->engine);
    if (!x->operation->check(x, exchange_error(x)) || !check_max_tokens(x, exchange_error(x)) ||
        !llama_request_check(x, exchange_error(x)))
        return PHASE_FAIL;
    x->facts.is_gathered = llama_request_must_gather(x);
    return PHASE_ADMIT;
}
