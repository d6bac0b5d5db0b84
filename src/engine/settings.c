/* SPDX-License-Identifier: MIT */
#include "engine/settings.h"

#include "base/str.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_llama(const struct catalog_llama *a, const struct catalog_llama *b)
{
    if (a->argument_count != b->argument_count)
        return false;
    for (unsigned i = 0; i < a->argument_count; i++) {
        if (!same_text(a->arguments[i], b->arguments[i]))
            return false;
    }
    return same_text(a->model, b->model) && a->embeddings == b->embeddings &&
           a->context_tokens == b->context_tokens && a->parallel == b->parallel &&
           a->threads == b->threads && a->gpu_layers == b->gpu_layers &&
           a->load_at_start == b->load_at_start && a->idle_unload_s == b->idle_unload_s &&
           a->load_timeout_ms == b->load_timeout_ms && a->ready_timeout_ms == b->ready_timeout_ms &&
           a->first_byte_timeout_ms == b->first_byte_timeout_ms &&
           a->idle_timeout_ms == b->idle_timeout_ms &&
           a->health_interval_ms == b->health_interval_ms &&
           a->health_timeout_ms == b->health_timeout_ms && a->health_failures == b->health_failures;
}

static bool same_upstream(const struct catalog_upstream *a, const struct catalog_upstream *b)
{
    if (a->address_count != b->address_count)
        return false;
    for (unsigned i = 0; i < a->address_count; i++) {
        const struct catalog_address *x = &a->addresses[i], *y = &b->addresses[i];

        if (!same_text(x->url, y->url) || !same_text(x->api_key_env, y->api_key_env) ||
            !same_text(x->api_key_file, y->api_key_file) || x->weight != y->weight)
            return false;
    }
    return a->api == b->api && same_text(a->api_version, b->api_version) &&
           same_text(a->model, b->model) && same_text(a->ca_file, b->ca_file) &&
           a->connect_timeout_ms == b->connect_timeout_ms &&
           a->first_byte_timeout_ms == b->first_byte_timeout_ms &&
           a->idle_timeout_ms == b->idle_timeout_ms && same_text(a->health_path, b->health_path) &&
           a->health_interval_ms == b->health_interval_ms && a->stream_usage == b->stream_usage;
}

static bool same_sim(const struct catalog_sim *a, const struct catalog_sim *b)
{
    return a->seed == b->seed && a->first_token_ms == b->first_token_ms &&
           a->per_prompt_token_ms == b->per_prompt_token_ms &&
           a->tokens_per_second == b->tokens_per_second && a->jitter == b->jitter &&
           a->answer_tokens == b->answer_tokens &&
           a->embedding_dimensions == b->embedding_dimensions && a->fault.kind == b->fault.kind &&
           a->fault.status == b->fault.status &&
           a->fault.retry_after_ms == b->fault.retry_after_ms &&
           a->fault.after_tokens == b->fault.after_tokens && a->fault.rate == b->fault.rate;
}

bool settings_are_equal(const struct catalog_engine *a, const struct catalog_engine *b)
{
    bool is_same = false;

    if (!same_text(a->name, b->name) || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case ENGINE_LLAMA:
        is_same = same_llama(&a->llama, &b->llama);
        break;
    case ENGINE_UPSTREAM:
        is_same = same_upstream(&a->upstream, &b->upstream);
        break;
    case ENGINE_SIM:
        is_same = same_sim(&a->sim, &b->sim);
        break;
    }
    return is_same;
}
