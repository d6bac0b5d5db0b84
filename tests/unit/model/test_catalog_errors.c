/*
 * Each mistake in a catalog is refused, and the error says where it is.
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/memory.h"
#include "model/catalog.h"

struct row {
    const char *text, *expected;
};

static void check(const struct row *rows, size_t count)
{
    struct error err;
    size_t i;

    for (i = 0; i < count; i++) {
        struct catalog *c = catalog_parse(str_from(rows[i].text), "f.yaml", &err);

        if (c)
            fail_msg("accepted:\n%s", rows[i].text);
        assert_int_equal(err.code, ERROR_CONFIG);
        if (strncmp(err.text, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s\nexpected: %s", err.text, rows[i].expected);
    }
}

static void test_what_is_no_yaml(void **state)
{
    static const struct row rows[] = {
        { "", "f.yaml: the file is empty" },
        { "# nothing\n", "f.yaml: the file is empty" },
        { "engines:\n\t- name: a\n", "f.yaml:2: not YAML: found character that cannot start" },
        { "engines: [\n", "f.yaml:2: not YAML: did not find expected node content" },
        { "engines: []\nx: \"\n", "f.yaml:3: not YAML: found unexpected end of stream" },
        { "\xff\xff", "f.yaml:1: not YAML" },
        { "extends: default\n---\nextends: default\n", "f.yaml:2: a second document" },
        { "- a\n", "f.yaml:1: expected keys with values" },
        { "hello\n", "f.yaml:1: expected keys with values" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define E(fields) "engines:\n  - name: e\n    " fields "\n"

static void test_what_does_not_fit_the_schema(void **state)
{
    static const struct row rows[] = {
        { "extends: default\nmodel: []\n", "f.yaml:2: unknown key 'model'" },
        { "extends: default\nextends: default\n", "f.yaml:2: 'extends' is given twice" },
        { "extends: other\n", "f.yaml:1: extends: only 'default'" },
        { "extends:\n", "f.yaml:1: extends: the value is missing" },
        { "extends: [default]\n", "f.yaml:1: extends: expected a single value" },
        { "engines: e\n", "f.yaml:1: engines: expected a list" },
        { "engines:\n  - e\n", "f.yaml:2: engines: the name of an entry is missing" },
        { "engines:\n  - llama: { model: m }\n", "f.yaml:2: engines: the name of an entry" },
        { "engines:\n  - { name: e, sim: {} }\n  - { name: E, sim: {} }\n",
          "f.yaml:3: engines: there are two with the name 'E'" },
        { E("llama: { model: m, parralel: 3 }"),
          "f.yaml:3: engines[e].llama: unknown key 'parralel'" },
        { E("llama: { model: m, parallel: 3x }"),
          "f.yaml:3: engines[e].llama.parallel: expected a whole number up to 4294967295, got "
          "'3x'" },
        { E("llama: { model: m, parallel: -1 }"), "f.yaml:3: engines[e].llama.parallel: expected" },
        { E("llama: { model: m, parallel: 010 }"), "f.yaml:3: engines[e].llama.parallel: " },
        { E("llama: { model: m, parallel: 4294967296 }"), "f.yaml:3: engines[e].llama.parallel" },
        { E("llama: { model: m, load_at_start: yes }"),
          "f.yaml:3: engines[e].llama.load_at_start: expected one of: false, true; got 'yes'" },
        { E("llama: { model: \"a\\0b\" }"), "f.yaml:3: engines[e].llama.model: a zero byte" },
        { E("sim: { jitter: 0.5x }"), "f.yaml:3: engines[e].sim.jitter: expected a number" },
        { E("sim: { jitter: nan }"), "f.yaml:3: engines[e].sim.jitter: expected a number" },
        { E("sim: { jitter: 1e999 }"), "f.yaml:3: engines[e].sim.jitter: expected a number" },
        { E("sim: { jitter: 0x1 }"), "f.yaml:3: engines[e].sim.jitter: expected a number" },
        { E("sim: { fault: { kind: boom } }"),
          "f.yaml:3: engines[e].sim.fault.kind: expected one of: none, status, stall, cut, "
          "malformed; got 'boom'" },
        { "engines:\n  - &e { name: e, sim: {} }\n  - *e\n",
          "f.yaml:2: engines: there are two with the name 'e'" },
        { "extends: &x default\nlocations: [{ name: a, display_name: *x }]\n", "f.yaml:1: " },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_engines_that_cannot_work(void **state)
{
    static const struct row rows[] = {
        { E("kind: sim"), "f.yaml:2: engines[e]: expected one of llama, upstream and sim" },
        { E("sim: {}\n    llama: { model: m }"), "f.yaml:2: engines[e]: expected one of" },
        { E("kind: llama\n    sim: {}"), "f.yaml:3: engines[e].kind: this is not the kind" },
        { E("llama: {}"), "f.yaml:3: engines[e].llama.model: the path of a GGUF is missing" },
        { E("llama: { model: m, parallel: 0 }"),
          "f.yaml:3: engines[e].llama.parallel: expected 1 to 1024, got 0" },
        { E("upstream: {}"), "f.yaml:3: engines[e].upstream.url: the url is missing" },
        { E("upstream: { url: 'ftp://h' }"), "f.yaml:3: engines[e].upstream.url: 'ftp://h' is no" },
        { E("upstream: { url: 'http://' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http:///v1' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h:0' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h:65536' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h:8000:1' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://[::1' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://u:p@h/' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h/v1?a=b' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h h' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http+unix://run/x' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http+unix:///' }"), "f.yaml:3: engines[e].upstream.url" },
        { E("upstream: { url: 'http://h', api_key_env: K, api_key_file: /k }"),
          "f.yaml:3: engines[e].upstream.url: api_key_env and api_key_file are both given" },
        { E("upstream: { url: 'http://h', addresses: [{ url: 'http://g' }] }"),
          "f.yaml:3: engines[e].upstream.addresses: give either" },
        { E("upstream:\n      addresses:\n        - { url: 'http://h' }\n        - { url: h }"),
          "f.yaml:6: engines[e].upstream.addresses[1]: 'h' is no base URL" },
        { E("upstream: { addresses: [{ url: 'http://h', weight: 0 }] }"),
          "f.yaml:3: engines[e].upstream.addresses[0]: expected 1 to 1000" },
        { E("upstream: { url: 'http://h', connect_timeout_ms: 0 }"),
          "f.yaml:3: engines[e].upstream.connect_timeout_ms: expected 1 to" },
        { E("upstream: { url: 'http://h', cost: {} }"),
          "f.yaml:3: engines[e].upstream.cost.input_per_million: the price is missing" },
        { E("upstream: { url: 'http://h', cost: { input_per_million: 1 } }"),
          "f.yaml:3: engines[e].upstream.cost.output_per_million: the price is missing" },
        { E("upstream:\n      url: 'http://h'\n      cost: { input_per_million: 1, "
            "output_per_million: -1 }"),
          "f.yaml:5: engines[e].upstream.cost.output_per_million: expected 0 to 10000, got -1" },
        { E("upstream:\n      url: 'http://h'\n      cost:\n        input_per_million: 1\n"
            "        output_per_million: 1\n        per_day: 2e6"),
          "f.yaml:8: engines[e].upstream.cost.per_day: expected 0 to 1e+06, got 2e+06" },
        { E("upstream: { url: 'http://h', cost: { input_per_million: 1, output_per_million: 1, "
            "cached_input_per_million: .nan } }"),
          "f.yaml:3: engines[e].upstream.cost.cached_input_per_million: expected" },
        { E("upstream: { url: 'http://h', cost: { per_month: 1 } }"),
          "f.yaml:3: engines[e].upstream.cost" },
        { E("sim: { cost: { input_per_million: 1, output_per_million: 1 } }"), "f.yaml:3: " },
        { E("upstream: { url: 'http://h', health_path: health }"),
          "f.yaml:3: engines[e].upstream.health_path" },
        { E("sim: { jitter: 1.5 }"), "f.yaml:3: engines[e].sim.jitter: expected 0 to 1, got 1.5" },
        { E("sim: { first_token_ms: -1 }"), "f.yaml:3: engines[e].sim.first_token_ms" },
        { E("sim: { fault: { rate: 1.01 } }"), "f.yaml:3: engines[e].sim.fault.rate: expected 0" },
        { E("sim: { fault: { status: 200 } }"), "f.yaml:3: engines[e].sim.fault.status" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

/* A model's lines are 4 and on. */
#define M(fields) E("sim: {}") "models:\n  - name: m\n" fields
#define GOOD "    operations: [chat]\n    engine: e\n    skus: [{ name: Standard }]\n"
#define ONE "    versions: [{ version: v }]\n"

static void test_models_that_cannot_work(void **state)
{
    static const struct row rows[] = {
        { M(GOOD), "f.yaml:5: models[m]: the versions are missing" },
        { M(GOOD "    versions: [{ retires: 2030-01-01 }]\n"),
          "f.yaml:9: models[m].versions: the version of an entry is missing" },
        { M(GOOD "    versions: [{ version: 1 }, { version: 1 }]\n"),
          "f.yaml:9: models[m].versions: there are two with the version '1'" },
        { M(GOOD "    versions: [{ version: 1 }, { version: 2 }]\n"),
          "f.yaml:5: models[m].default_version: there are several versions" },
        { M(GOOD "    versions: [{ version: 1 }]\n    default_version: 2\n"),
          "f.yaml:10: models[m].default_version: there is no version '2'" },
        { M("    engine: e\n    skus: [{ name: Standard }]\n" ONE),
          "f.yaml:8: models[m].versions[v].operations: expected a list of chat" },
        { M("    operations: [dance]\n" ONE),
          "f.yaml:6: models[m].operations: expected one of: chat, completion, embeddings" },
        { M("    operations: [chat]\n    skus: [{ name: Standard }]\n" ONE),
          "f.yaml:8: models[m].versions[v].engine: no engine is given" },
        { M("    operations: [chat]\n    skus: [{ name: Standard }]\n    engine: f\n" ONE),
          "f.yaml:8: models[m].engine: there is no engine 'f'" },
        { M(GOOD "    versions: [{ version: v, engine: g }]\n"),
          "f.yaml:9: models[m].versions[v].engine: there is no engine 'g'" },
        { M(GOOD ONE "    retires: soon\n"), "f.yaml:10: models[m].retires: 'soon' is no date" },
        { M(GOOD ONE "    created: 2025-02-30\n"), "f.yaml:10: models[m].created: " },
        { M(GOOD ONE "    first_api_version: 2025-02-30\n"),
          "f.yaml:10: models[m].first_api_version: '2025-02-30' is no version" },
        { M(GOOD ONE "    first_api_version: 2025-02-01-beta\n"),
          "f.yaml:10: models[m].first_api_version: '2025-02-01-beta' is no version" },
        { M(GOOD ONE "    context_tokens: 0\n"), "f.yaml:10: models[m].context_tokens" },
        { M(GOOD ONE "    context_tokens: 10\n    output_tokens: 11\n"),
          "f.yaml:11: models[m].output_tokens: expected 1 to context_tokens" },
        { M(GOOD ONE "    requests_per_unit: 0\n"), "f.yaml:10: models[m].requests_per_unit" },
        { M(GOOD ONE "    ptu: { output_ratio: 4 }\n"),
          "f.yaml:10: models[m].ptu: input_tokens_per_minute is missing" },
        { M(GOOD ONE "    ptu: { input_tokens_per_minute: 0 }\n"),
          "f.yaml:10: models[m].ptu.input_tokens_per_minute: expected 1 to" },
        { M(GOOD "    versions:\n      - version: v\n        ptu:\n"
                 "          input_tokens_per_minute: 5\n          output_ratio: 0\n"),
          "f.yaml:13: models[m].versions[v].ptu.output_ratio: expected 1 to 1000" },
        { M(GOOD ONE "    ptu: { input_tokens_per_minute: 5, burst_seconds: 0 }\n"),
          "f.yaml:10: models[m].ptu.burst_seconds: expected 1 to 60" },
        { M(GOOD ONE "    ptu: { input_tokens_per_minute: 5, burst_seconds: 61 }\n"),
          "f.yaml:10: models[m].ptu.burst_seconds: expected 1 to 60" },
        { M("    operations: [embeddings]\n    engine: e\n    skus: [{ name: Standard }]\n" ONE),
          "f.yaml:9: models[m].versions[v].embedding_dimensions: an embedding model" },
        { "extends: default\ndefault_engines: { chat: nobody }\n",
          "f.yaml:2: default_engines.chat: there is no engine 'nobody'" },
        { "extends: default\ndefault_engines: { chat: tiny-embeddings }\n",
          "f.yaml: models[gpt-35-turbo].versions[0301].engine: the engine "
          "'tiny-embeddings' makes embeddings, not text" },
        { "extends: default\ndefault_engines: { embeddings: tiny }\n",
          "f.yaml: models[text-embedding-ada-002].versions[1].engine: the engine 'tiny' "
          "makes text; with" },
        { "extends: default\nmodels:\n  - name: gpt-4o\n    operations: [chat, embeddings]\n"
          "    embedding_dimensions: 3\n",
          "f.yaml:4: models[gpt-4o].operations: a llama engine makes either" },
        { "extends: default\nmodels:\n  - name: gpt-4o\n    default_version: 1999-01-01\n",
          "f.yaml:4: models[gpt-4o].default_version: there is no version" },
        { "locations: [{ name: East US }]\n", "f.yaml:1: locations[East US].name: expected lower" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

#define S(sku) M("    operations: [chat]\n    engine: e\n    skus:\n      - " sku "\n" ONE)

/* Line 2, behind what makes it a catalog. */
#define Q(fields) "extends: default\nquotas: [{ " fields " }]\n"

static void test_quotas_that_cannot_work(void **state)
{
    static const struct row rows[] = {
        { Q("limit: 5"), "f.yaml:2: quotas[0]: the usage is missing" },
        { Q("usage: OpenAI.Standard.gpt-4o"), "f.yaml:2: quotas[0]: the limit is missing" },
        { Q("usage: OpenAI.Standard.gpt-4o, limit: -1"),
          "f.yaml:2: quotas[0].limit: expected a whole number" },
        { Q("usage: OpenAI.Standard.gpt-4o, limit: 1.5"), "f.yaml:2: quotas[0].limit: expected" },
        { Q("usage: OpenAI.Standard.gpt-40, limit: 5"),
          "f.yaml:2: quotas[0].usage: no model's usage is called 'OpenAI.Standard.gpt-40'" },
        { Q("usage: AccountCount, limit: 5 }, { usage: OpenAI.*, location: mars, limit: 5"),
          "f.yaml:2: quotas[1].location: there is no location 'mars'" },
        { Q("usage: AccountCount, limit: 5, region: eastus"),
          "f.yaml:2: quotas[0]: unknown key 'region'" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_skus_that_cannot_work(void **state)
{
    static const struct row rows[] = {
        { S("{ name: Gold }"), "f.yaml:9: models[m].skus[Gold]: there is no SKU 'Gold'" },
        { S("{ name: Standard, minimum: 0 }"), "f.yaml:9: models[m].skus[Standard]: expected 1" },
        { S("{ name: Standard, minimum: 5, maximum: 4 }"), "f.yaml:9: models[m].skus[Standard]" },
        { S("{ name: Standard, maximum: 1000001 }"), "f.yaml:9: models[m].skus[Standard]" },
        { S("{ name: Standard, step: 0 }"), "f.yaml:9: models[m].skus[Standard]: expected a step" },
        { S("{ name: Standard, minimum: 5, default: 4 }"),
          "f.yaml:9: models[m].skus[Standard]: the default 4" },
        { S("{ name: Standard, maximum: 5, default: 6 }"), "f.yaml:9: models[m].skus[Standard]" },
        { S("{ name: Standard, step: 5, default: 3 }"), "f.yaml:9: models[m].skus[Standard]" },
        { S("{ name: Standard, retires: never }"), "f.yaml:9: models[m].skus[Standard]: 'never'" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_overrides_that_cannot_work(void **state)
{
    static const struct row rows[] = {
        { "deployments:\n  - engine: e\n", "f.yaml:2: deployments[0].deployment: the name" },
        { "extends: default\ndeployments:\n  - deployment: d\n",
          "f.yaml:3: deployments[0]: expected one of engine and sim" },
        { "extends: default\ndeployments:\n  - { deployment: d, engine: sim, sim: {} }\n",
          "f.yaml:3: deployments[0]: expected one of engine and sim" },
        { "extends: default\ndeployments:\n  - { deployment: a, engine: sim }\n"
          "  - { deployment: d, engine: nobody }\n",
          "f.yaml:4: deployments[1].engine: there is no engine 'nobody'" },
        { "deployments:\n  - deployment: d\n    sim:\n      jitter: 2\n",
          "f.yaml:4: deployments[0].sim.jitter: expected 0 to 1" },
    };

    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void test_files_that_are_too_large(void **state)
{
    size_t size = 2 * 1024 * 1024, len = 0;
    char *text = memory_alloc(size);
    struct error err;

    (void)state;
    memset(text, '#', size);
    assert_null(catalog_parse(str_of(text, size), "f.yaml", &err));
    assert_string_equal(err.text, "f.yaml: the file is larger than 1048576 bytes");
    len = (size_t)snprintf(text, size, "locations:\n");
    while (len < 100000)
        len += (size_t)snprintf(text + len, size - len, "- {name: l%zu}\n", len);
    assert_null(catalog_parse(str_of(text, len), "f.yaml", &err));
    assert_string_equal(err.text, "f.yaml:2: locations: more than 1000 entries");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_yaml),
        cmocka_unit_test(test_what_does_not_fit_the_schema),
        cmocka_unit_test(test_engines_that_cannot_work),
        cmocka_unit_test(test_models_that_cannot_work),
        cmocka_unit_test(test_quotas_that_cannot_work),
        cmocka_unit_test(test_skus_that_cannot_work),
        cmocka_unit_test(test_overrides_that_cannot_work),
        cmocka_unit_test(test_files_that_are_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
