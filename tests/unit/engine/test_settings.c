/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "engine/settings.h"
#include "one_engine.h"

/* Any two of these differ, and each equals itself when it is read again. */
static const char *const all[] = {
    "llama: { model: a }",
    "llama: { model: b }",
    "llama: { model: a, embeddings: true }",
    "llama: { model: a, context_tokens: 100 }",
    "llama: { model: a, parallel: 3 }",
    "llama: { model: a, threads: 3 }",
    "llama: { model: a, gpu_layers: 3 }",
    "llama: { model: a, load_at_start: true }",
    "llama: { model: a, idle_unload_s: 3 }",
    "llama: { model: a, load_timeout_ms: 7 }",
    "llama: { model: a, ready_timeout_ms: 7 }",
    "llama: { model: a, first_byte_timeout_ms: 7 }",
    "llama: { model: a, idle_timeout_ms: 7 }",
    "llama: { model: a, health_interval_ms: 7 }",
    "llama: { model: a, health_timeout_ms: 7 }",
    "llama: { model: a, health_failures: 7 }",
    "llama: { model: a, arguments: [--x] }",
    "llama: { model: a, arguments: [--y] }",
    "upstream: { url: 'http://a' }",
    "upstream: { url: 'http://b' }",
    "upstream: { url: 'http://a', api: azure }",
    "upstream: { url: 'http://a', api: azure, api_version: 2024-06-01 }",
    "upstream: { url: 'http://a', model: m }",
    "upstream: { url: 'http://a', ca_file: /f }",
    "upstream: { url: 'http://a', api_key_env: K }",
    "upstream: { url: 'http://a', api_key_file: /k }",
    "upstream: { url: 'http://a', connect_timeout_ms: 7 }",
    "upstream: { url: 'http://a', first_byte_timeout_ms: 7 }",
    "upstream: { url: 'http://a', idle_timeout_ms: 7 }",
    "upstream: { url: 'http://a', health_path: /h }",
    "upstream: { url: 'http://a', health_interval_ms: 700 }",
    "upstream: { url: 'http://a', stream_usage: false }",
    "upstream: { addresses: [{ url: 'http://a', weight: 2 }] }",
    "upstream: { addresses: [{ url: 'http://a' }, { url: 'http://b' }] }",
    "sim: { seed: 1 }",
    "sim: { seed: 2 }",
    "sim: { seed: 1, first_token_ms: 7 }",
    "sim: { seed: 1, per_prompt_token_ms: 7 }",
    "sim: { seed: 1, tokens_per_second: 7 }",
    "sim: { seed: 1, jitter: 0.5 }",
    "sim: { seed: 1, answer_tokens: 7 }",
    "sim: { seed: 1, embedding_dimensions: 7 }",
    "sim: { seed: 1, fault: { kind: stall } }",
    "sim: { seed: 1, fault: { kind: cut } }",
    "sim: { seed: 1, fault: { kind: cut, after_tokens: 3 } }",
    "sim: { seed: 1, fault: { kind: cut, rate: 0.5 } }",
    "sim: { seed: 1, fault: { kind: status, status: 429 } }",
    "sim: { seed: 1, fault: { kind: status, status: 429, retry_after_ms: 5 } }",
};

static void tells_settings_apart(void **state)
{
    struct catalog *first[ARRAY_LEN(all)], *second[ARRAY_LEN(all)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        one_engine(all[i], &first[i]);
        one_engine(all[i], &second[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (size_t j = 0; j < ARRAY_LEN(all); j++) {
            if (settings_are_equal(&first[i]->engines[0], &second[j]->engines[0]) != (i == j))
                fail_msg("%s against %s", all[i], all[j]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        catalog_unref(first[i]);
        catalog_unref(second[i]);
    }
}

/* Connections stay when a price changes. */
static void what_it_costs_is_not_asked(void **state)
{
    struct catalog *a, *b;

    (void)state;
    one_engine("upstream: { url: 'http://a' }", &a);
    one_engine(
        "upstream: { url: 'http://a', cost: { input_per_million: 1, output_per_million: 1 } }", &b);
    assert_true(settings_are_equal(&a->engines[0], &b->engines[0]));
    catalog_unref(a);
    catalog_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_settings_apart),
        cmocka_unit_test(what_it_costs_is_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
