/* SPDX-License-Identifier: MIT */
#include "model/catalog.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/format.h"
#include "base/memory.h"
#include "model/sku.h"
#include "model/yaml_file.h"

static struct catalog *defaults;

static int set_up(void **state)
{
    struct error err;

    (void)state;
    defaults = catalog_parse(catalog_default_text(), "default", &err);
    return defaults ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    catalog_unref(defaults);
    return 0;
}

static struct catalog *parse(const char *text)
{
    struct error err;
    struct catalog *c = catalog_parse(str_from(text), "test.yaml", &err);

    if (!c)
        fail_msg("%s", err.text);
    return c;
}

static const struct catalog_model *find(const struct catalog *c, const char *name,
                                        const char *version)
{
    const struct catalog_model *m =
        catalog_find_model(c, STR("OpenAI"), str_from(name), str_from(version));

    if (!m)
        fail_msg("no model %s %s", name, version);
    return m;
}

static int64_t at(const char *date)
{
    int64_t time_ms;

    assert_true(format_parse_time(str_from(date), &time_ms));
    return time_ms;
}

static const char *capability(const struct catalog_model *m, const char *key)
{
    unsigned i;

    for (i = 0; i < m->capability_count; i++) {
        if (!strcmp(m->capabilities[i].key, key))
            return m->capabilities[i].value;
    }
    return NULL;
}

/* -- The built-in catalog -------------------------------------------------------------------- */

/* What Azure's walk-throughs deploy works as they say it, today and for years. */
static void test_walkthroughs_can_be_followed(void **state)
{
    static const struct {
        const char *model, *version, *sku;
        unsigned capacity;
    } rows[] = {
        { "text-embedding-ada-002", "2", "Standard", 1 },
        { "text-embedding-ada-002", "1", "Standard", 1 },
        { "gpt-35-turbo", "0301", "Standard", 80 },
        { "gpt-35-turbo", "0613", "Standard", 120 },
        { "gpt-4o-mini", "", "Standard", 50 },
        { "GPT-4", "0613", "ProvisionedManaged", 100 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct catalog_model *m = find(defaults, rows[i].model, rows[i].version);
        const struct catalog_sku *s = catalog_find_sku(m, str_from(rows[i].sku));
        int64_t end_ms = m->deprecation_inference_ms;

        assert_non_null(s);
        assert_true(sku_capacity_fits(s, rows[i].capacity));
        assert_true(!end_ms || end_ms > at("2027-01-01"));
    }
}

static void test_whatever_can_be_provisioned_has_a_figure(void **state)
{
    unsigned i, k, count = 0;

    (void)state;
    for (i = 0; i < defaults->model_count; i++) {
        const struct catalog_model *m = &defaults->models[i];

        for (k = 0; k < m->sku_count; k++) {
            if (sku_family(str_from(m->skus[k].name)) != SKU_PROVISIONED)
                continue;
            if (!m->ptu_tokens_per_minute)
                fail_msg("%s %s has no figure", m->name, m->version);
            count++;
        }
    }
    assert_true(count > 50);
}

/* By Azure's table: {regional minimum, step}; global and data zone are 15 and 5 for all. */
static void test_provisioned_minima_are_azures(void **state)
{
    static const struct {
        const char *model;
        unsigned minimum, step;
    } rows[] = {
        { "gpt-5.5", 50, 50 },     { "gpt-5.4", 50, 50 },      { "gpt-5.2", 50, 50 },
        { "gpt-5.1", 50, 50 },     { "gpt-5", 50, 50 },        { "gpt-5-mini", 25, 25 },
        { "gpt-4.1", 50, 50 },     { "gpt-4.1-mini", 25, 25 }, { "gpt-4.1-nano", 25, 25 },
        { "o3", 50, 50 },          { "o4-mini", 25, 25 },      { "gpt-4o", 50, 50 },
        { "gpt-4o-mini", 25, 25 }, { "o3-mini", 25, 25 },      { "o1", 25, 50 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const struct catalog_model *m = find(defaults, rows[i].model, "");
        const struct catalog_sku *s = catalog_find_sku(m, STR("ProvisionedManaged"));

        assert_int_equal(s->capacity_minimum, rows[i].minimum);
        assert_int_equal(s->capacity_step, rows[i].step);
        s = catalog_find_sku(m, STR("DataZoneProvisionedManaged"));
        assert_int_equal(s->capacity_minimum, 15);
        assert_int_equal(s->capacity_step, 5);
    }
}

static void test_capabilities_as_azure_shows_them(void **state)
{
    const struct catalog_model *m = find(defaults, "gpt-35-turbo", "0301");

    (void)state;
    assert_int_equal(m->capability_count, 2);
    assert_string_equal(m->capabilities[0].key, "completion");
    assert_string_equal(m->capabilities[0].value, "true");
    assert_string_equal(m->capabilities[1].key, "chatCompletion");
    m = find(defaults, "gpt-35-turbo", "0613");
    assert_int_equal(m->capability_count, 1);
    assert_string_equal(m->capabilities[0].key, "chatCompletion");
    m = find(defaults, "text-embedding-ada-002", "1");
    assert_int_equal(m->capability_count, 2);
    assert_string_equal(capability(m, "embeddings"), "true");
    assert_string_equal(capability(m, "embeddingsMaxInputs"), "1");
    m = find(defaults, "text-embedding-ada-002", "2");
    assert_string_equal(capability(m, "embeddingsMaxInputs"), "2048");
}

static void test_labels_quotas_and_dates(void **state)
{
    (void)state;
    assert_string_equal(find(defaults, "gpt-35-turbo", "0125")->label, "gpt-35-turbo");
    assert_string_equal(find(defaults, "gpt-4o", "2024-08-06")->label, "gpt-4o-2024-08-06");
    assert_string_equal(find(defaults, "gpt-4", "turbo-2024-04-09")->label,
                        "gpt-4-turbo-2024-04-09");
    assert_string_equal(
        catalog_find_sku(find(defaults, "gpt-4o", ""), STR("globalstandard"))->usage_name,
        "OpenAI.GlobalStandard.gpt-4o");
    assert_string_equal(
        catalog_find_sku(find(defaults, "gpt-4o", ""), STR("ProvisionedManaged"))->usage_name,
        "OpenAI.ProvisionedManaged");
    assert_int_equal(find(defaults, "gpt-4o", "2024-08-06")->deprecation_inference_ms,
                     at("2026-10-01"));
    assert_int_equal(find(defaults, "gpt-5", "")->deprecation_inference_ms, at("2027-02-06"));
    assert_int_equal(find(defaults, "gpt-4", "1106-Preview")->status, LIFECYCLE_PREVIEW);
}

/* Each fact that stands twice in the catalog is the same in both places. */
static void test_models_that_older_api_versions_do_not_know(void **state)
{
    const struct catalog_model *m;
    struct error err;
    struct catalog *c =
        catalog_parse(STR("extends: default\nmodels:\n  - name: gpt-4o\n    versions:\n"
                          "      - { version: 2024-11-20, first_api_version: "
                          "2024-10-21 }\n"),
                      "f.yaml", &err);

    (void)state;
    assert_non_null(c);
    m = catalog_find_model(c, STR("OpenAI"), STR("o3-mini"), STR_NONE);
    assert_string_equal(m->first_api_version, "2024-12-01-preview");
    assert_int_equal(m->first_api_date, 20241201);
    m = catalog_find_model(c, STR("OpenAI"), STR("gpt-4o"), STR("2024-11-20"));
    assert_string_equal(m->first_api_version, "2024-10-21");
    assert_int_equal(m->first_api_date, 20241021);
    m = catalog_find_model(c, STR("OpenAI"), STR("gpt-4o"), STR("2024-08-06"));
    assert_null(m->first_api_version);
    assert_int_equal(m->first_api_date, 0);
    catalog_unref(c);
}

static void test_each_version_agrees_with_itself(void **state)
{
    unsigned i, k, others;

    (void)state;
    for (i = 0; i < defaults->model_count; i++) {
        const struct catalog_model *m = &defaults->models[i];
        const char *context = capability(m, "maxContextToken");
        const char *output = capability(m, "maxOutputToken");

        assert_true(!context || strtoul(context, NULL, 10) == m->context_tokens);
        assert_true(!output || strtoul(output, NULL, 10) == m->output_tokens);
        assert_true(!(m->operations & MODEL_EMBEDDINGS) == !capability(m, "embeddings"));
        assert_true(!(m->operations & MODEL_CHAT) == !capability(m, "chatCompletion"));
        assert_true(m->created_ms && m->created_ms < m->deprecation_inference_ms);
        assert_non_null(m->engine);
        for (others = 0, k = 0; k < defaults->model_count; k++)
            others += !strcmp(defaults->models[k].name, m->name) &&
                      defaults->models[k].is_default_version;
        assert_int_equal(others, 1);
    }
}

/* -- Looking up ------------------------------------------------------------------------------ */

static void test_models_are_found_in_any_case(void **state)
{
    (void)state;
    assert_ptr_equal(find(defaults, "GPT-4O", ""), find(defaults, "gpt-4o", "2024-11-20"));
    assert_ptr_equal(catalog_find_model(defaults, STR("openai"), STR("gpt-4"), STR("1106-PREVIEW")),
                     find(defaults, "gpt-4", "1106-Preview"));
    assert_ptr_equal(catalog_find_model(defaults, STR_NONE, STR("gpt-4"), STR("0613")),
                     find(defaults, "gpt-4", "0613"));
    assert_null(catalog_find_model(defaults, STR("Meta"), STR("gpt-4"), STR("0613")));
    assert_null(catalog_find_model(defaults, STR("OpenAI"), STR("gpt-4"), STR("0614")));
    assert_null(catalog_find_model(defaults, STR("OpenAI"), STR("gpt-"), STR_NONE));
    assert_null(catalog_find_sku(find(defaults, "gpt-4", "0613"), STR("DataZoneStandard")));
}

static void test_locations_are_found_by_either_name(void **state)
{
    static const char *const names[] = { "eastus2", "EastUS2", "East US 2", "EAST US 2" };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(names); i++) {
        const struct catalog_location *l = catalog_find_location(defaults, str_from(names[i]));

        assert_non_null(l);
        assert_string_equal(l->name, "eastus2");
        assert_string_equal(l->display_name, "East US 2");
    }
    assert_null(catalog_find_location(defaults, STR("eastus22")));
    assert_null(catalog_find_location(defaults, STR("eastus\0zz")));
    assert_null(catalog_find_location(defaults, STR("east")));
    assert_null(catalog_find_location(defaults, STR("east-us")));
    assert_null(catalog_find_location(defaults, STR_NONE));
}

/* The name of a location is its display name without blanks, so that one search does for both. */
static void test_display_names_lead_to_their_location(void **state)
{
    unsigned i;

    (void)state;
    assert_true(defaults->location_count >= 40);
    for (i = 0; i < defaults->location_count; i++)
        assert_ptr_equal(
            catalog_find_location(defaults, str_from(defaults->locations[i].display_name)),
            &defaults->locations[i]);
}

static void test_overrides(void **state)
{
    struct catalog *c = parse("extends: default\n"
                              "deployments:\n"
                              "  - { account: 'dev-*', deployment: flaky, sim: { seed: 9 } }\n"
                              "  - { deployment: 'FLAKY*', engine: sim }\n");
    const struct catalog_model *m = find(c, "gpt-4", "");
    const struct catalog_engine *e;

    (void)state;
    e = catalog_engine_for(c, m, STR("Dev-1"), STR("Flaky"));
    assert_int_equal(e->kind, ENGINE_SIM);
    assert_int_equal(e->sim.seed, 9);
    assert_ptr_equal(e, catalog_find_engine(c, str_from(e->name)));
    assert_string_equal(catalog_engine_for(c, m, STR("prod"), STR("flaky-2"))->name, "sim");
    assert_string_equal(catalog_engine_for(c, m, STR("prod"), STR("steady"))->name, "tiny");
    catalog_unref(c);
}

/* -- Files ----------------------------------------------------------------------------------- */

static void test_one_engine_replaced(void **state)
{
    struct catalog *c = parse("extends: default\n"
                              "engines:\n"
                              "  - name: Tiny\n"
                              "    kind: llama\n"
                              "    llama: { model: /models/qwen.gguf }\n");
    const struct catalog_engine *e = find(c, "gpt-4o", "")->engine;

    (void)state;
    assert_string_equal(e->llama.model, "/models/qwen.gguf");
    assert_int_equal(e->llama.parallel, 4);
    assert_int_equal(c->engine_count, defaults->engine_count);
    assert_int_equal(c->model_count, defaults->model_count);
    assert_int_equal(c->location_count, defaults->location_count);
    assert_string_equal(find(c, "text-embedding-ada-002", "")->engine->llama.model, "embedded");
    catalog_unref(c);
}

static void test_models_are_changed_by_field(void **state)
{
    struct catalog *c = parse("extends: default\n"
                              "engines:\n"
                              "  - { name: vllm, upstream: { url: 'http://gpu1:8000/v1' } }\n"
                              "default_engines: { embeddings: sim }\n"
                              "models:\n"
                              "  - name: gpt-4o\n"
                              "    engine: vllm\n"
                              "    default_version: 2025-05-05\n"
                              "    versions:\n"
                              "      - { version: 2024-05-13, retires: 2031-01-01 }\n"
                              "      - { version: 2025-05-05, output_tokens: 777 }\n"
                              "  - name: mine\n"
                              "    operations: [chat]\n"
                              "    skus: [{ name: Standard }]\n"
                              "    versions: [{ version: 1 }]\n"
                              "locations:\n"
                              "  - { name: eastus, display_name: Here }\n"
                              "  - { name: cellar }\n");
    const struct catalog_model *changed = find(c, "gpt-4o", "2024-05-13");

    (void)state;
    assert_int_equal(c->model_count, defaults->model_count + 2);
    assert_string_equal(changed->engine->name, "vllm");
    assert_int_equal(changed->deprecation_inference_ms, at("2031-01-01"));
    assert_int_equal(changed->output_tokens, 4096);
    assert_int_equal(changed->sku_count, 6);
    assert_string_equal(find(c, "gpt-4o", "")->version, "2025-05-05");
    assert_int_equal(find(c, "gpt-4o", "")->output_tokens, 777);
    assert_int_equal(find(c, "gpt-4o", "")->context_tokens, 128000);
    assert_false(find(c, "gpt-4o", "2024-11-20")->is_default_version);
    assert_true(find(c, "mine", "1")->is_default_version);
    assert_string_equal(find(c, "mine", "1")->label, "mine");
    assert_string_equal(find(c, "mine", "1")->engine->name, "tiny");
    assert_string_equal(find(c, "text-embedding-3-small", "")->engine->name, "sim");
    assert_string_equal(catalog_find_location(c, STR("East US"))->display_name, "Here");
    assert_string_equal(catalog_find_location(c, STR("cellar"))->display_name, "cellar");
    catalog_unref(c);
}

static void test_a_whole_upstream(void **state)
{
    struct catalog *c =
        parse("engines:\n"
              "  - name: up\n"
              "    upstream:\n"
              "      api: azure\n"
              "      model: gpt4o-eastus\n"
              "      ca_file: /etc/ca.pem\n"
              "      addresses:\n"
              "        - { url: 'https://a.openai.azure.com', api_key_env: A_KEY, weight: 3 }\n"
              "        - { url: 'http+unix:///run/x.sock:/v1', api_key_file: /run/key }\n"
              "        - { url: 'http://[::1]:8000' }\n"
              "      first_byte_timeout_ms: 1000\n"
              "      stream_usage: false\n"
              "      cost: { input_per_million: 0.15, output_per_million: 10, per_day: 12.5 }\n");
    const struct catalog_upstream *u = &c->engines[0].upstream;

    (void)state;
    assert_int_equal(u->api, UPSTREAM_AZURE);
    assert_string_equal(u->api_version, "2024-10-21");
    assert_string_equal(u->model, "gpt4o-eastus");
    assert_string_equal(u->ca_file, "/etc/ca.pem");
    assert_int_equal(u->address_count, 3);
    assert_string_equal(u->addresses[0].api_key_env, "A_KEY");
    assert_int_equal(u->addresses[0].weight, 3);
    assert_null(u->addresses[1].api_key_env);
    assert_string_equal(u->addresses[1].api_key_file, "/run/key");
    assert_int_equal(u->addresses[1].weight, 1);
    assert_int_equal(u->first_byte_timeout_ms, 1000);
    assert_int_equal(u->connect_timeout_ms, 5000);
    assert_false(u->stream_usage);
    assert_int_equal(u->cost->input_per_million, 150000);
    assert_int_equal(u->cost->cached_per_million, 150000);
    assert_int_equal(u->cost->output_per_million, 10000000);
    assert_int_equal(u->cost->per_day, 12500000);
    assert_int_equal(c->location_count, defaults->location_count);
    catalog_unref(c);
}

static void test_upstreams_cost_nothing_unless_said(void **state)
{
    struct catalog *c =
        parse("engines:\n"
              "  - { name: a, upstream: { url: 'http://h' } }\n"
              "  - { name: b, upstream: { url: 'http://h', cost: { input_per_million: 4, "
              "cached_input_per_million: 1, output_per_million: 0 } } }\n");

    (void)state;
    assert_null(c->engines[0].upstream.cost);
    assert_int_equal(c->engines[1].upstream.cost->cached_per_million, 1000000);
    assert_true(c->engines[1].upstream.cost->per_day == UINT64_MAX);
    catalog_unref(c);
}

static void test_a_sim_with_faults(void **state)
{
    struct catalog *c = parse("engines:\n"
                              "  - name: s\n"
                              "    sim:\n"
                              "      seed: 18446744073709551615\n"
                              "      jitter: 0.5\n"
                              "      fault: { kind: cut, after_tokens: 5, rate: .25 }\n");
    const struct catalog_sim *s = &c->engines[0].sim;

    (void)state;
    assert_true(s->seed == UINT64_MAX);
    assert_true(s->jitter == 0.5);
    assert_int_equal(s->fault.kind, SIM_FAULT_CUT);
    assert_int_equal(s->fault.after_tokens, 5);
    assert_true(s->fault.rate == 0.25);
    catalog_unref(c);
}

static void test_a_model_without_skus_gets_the_usual_ones(void **state)
{
    const struct catalog_model *m;
    struct catalog *c;
    struct error err;

    (void)state;
    c = catalog_parse(STR("engines: [ { name: e, sim: {} } ]\n"
                          "models:\n  - name: m\n    operations: [chat]\n    engine: e\n"
                          "    versions: [ { version: \"1\" } ]\n"),
                      "f.yaml", &err);
    assert_non_null(c);
    m = catalog_find_model(c, STR("OpenAI"), STR("m"), STR_NONE);
    assert_non_null(m);
    assert_int_equal(m->sku_count, 2);
    assert_string_equal(m->skus[0].name, "Standard");
    assert_string_equal(m->skus[0].usage_name, "OpenAI.Standard.m");
    assert_string_equal(m->skus[1].name, "GlobalStandard");
    assert_int_equal(m->skus[1].capacity_default, 10);
    catalog_unref(c);
}

static void test_load_reads_a_file(void **state)
{
    char path[] = "/tmp/lazuli-catalog-XXXXXX";
    int fd = mkstemp(path);
    struct catalog *c;
    struct error err;

    (void)state;
    assert_true(fd >= 0);
    assert_true(write(fd, "extends: default\n", 17) == 17);
    c = catalog_load(path, &err);
    assert_non_null(c);
    assert_int_equal(c->model_count, defaults->model_count);
    catalog_unref(c);
    assert_int_equal(ftruncate(fd, YAML_FILE_BYTES_MAX + 1), 0);
    assert_null(catalog_load(path, &err));
    assert_non_null(strstr(err.text, "larger than 1048576 bytes"));
    close(fd);
    unlink(path);
    assert_null(catalog_load(path, &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    assert_non_null(strstr(err.text, path));
    assert_null(catalog_load("/tmp", &err));
}

/* Writes a catalog with that GGUF into the folder, and loads it. */
static struct catalog *load_with_model(const char *folder, const char *model, struct error *err)
{
    char path[100];
    FILE *f;

    snprintf(path, sizeof(path), "%s/catalog.yaml", folder);
    f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f, "extends: default\nengines:\n  - name: own\n    llama:\n      model: %s\n", model);
    assert_int_equal(fclose(f), 0);
    return catalog_load(path, err);
}

static void test_load_finds_its_ggufs(void **state)
{
    char folder[] = "/tmp/lazuli-catalog-XXXXXX", model[100], text[300];
    struct catalog *c;
    struct error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(model, sizeof(model), "%s/own.gguf", folder);
    assert_null(load_with_model(folder, "own.gguf", &err));
    assert_int_equal(err.code, ERROR_CONFIG);
    snprintf(
        text, sizeof(text),
        "%s/catalog.yaml:5: engines[own].llama.model: cannot read %s: No such file or directory",
        folder, model);
    assert_string_equal(err.text, text);
    assert_null(load_with_model(folder, folder, &err));
    assert_non_null(strstr(err.text, "is no file"));

    assert_int_equal(close(creat(model, 0600)), 0);
    c = load_with_model(folder, "own.gguf", &err); /* wherever the tests run */
    assert_non_null(c);
    assert_string_equal(catalog_find_engine(c, STR("own"))->llama.model, model);
    catalog_unref(c);
    c = load_with_model(folder, model, &err);
    assert_non_null(c);
    assert_string_equal(catalog_find_engine(c, STR("own"))->llama.model, model);
    catalog_unref(c);

    unlink(model);
    snprintf(text, sizeof(text), "%s/catalog.yaml", folder);
    unlink(text);
    rmdir(folder);
}

static void test_references_keep_it_alive(void **state)
{
    struct catalog *c = parse("extends: default\n");

    (void)state;
    assert_ptr_equal(catalog_ref(c), c);
    catalog_unref(c);
    assert_non_null(catalog_find_model(c, STR("OpenAI"), STR("gpt-4"), STR_NONE));
    catalog_unref(c);
    catalog_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walkthroughs_can_be_followed),
        cmocka_unit_test(test_whatever_can_be_provisioned_has_a_figure),
        cmocka_unit_test(test_provisioned_minima_are_azures),
        cmocka_unit_test(test_capabilities_as_azure_shows_them),
        cmocka_unit_test(test_labels_quotas_and_dates),
        cmocka_unit_test(test_models_that_older_api_versions_do_not_know),
        cmocka_unit_test(test_each_version_agrees_with_itself),
        cmocka_unit_test(test_models_are_found_in_any_case),
        cmocka_unit_test(test_locations_are_found_by_either_name),
        cmocka_unit_test(test_display_names_lead_to_their_location),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_one_engine_replaced),
        cmocka_unit_test(test_models_are_changed_by_field),
        cmocka_unit_test(test_a_whole_upstream),
        cmocka_unit_test(test_upstreams_cost_nothing_unless_said),
        cmocka_unit_test(test_a_sim_with_faults),
        cmocka_unit_test(test_a_model_without_skus_gets_the_usual_ones),
        cmocka_unit_test(test_load_reads_a_file),
        cmocka_unit_test(test_load_finds_its_ggufs),
        cmocka_unit_test(test_references_keep_it_alive),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
