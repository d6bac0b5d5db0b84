/*
 * catalog.yaml as it is written: one struct for each kind of mapping in it, with its libcyaml
 * schema. NULL (or a count of 0) says "not given". What each key means, its default and its unit
 * are in docs/catalog.md; a test holds the two together.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_CATALOG_FILE_H
#define MODEL_CATALOG_FILE_H

#include <cyaml/cyaml.h>
#include <stdint.h>

struct file_fault {
    int *kind; /* enum sim_fault_kind */
    unsigned *status;
    uint64_t *retry_after_ms;
    unsigned *after_tokens;
    double *rate;
};

struct file_sim {
    uint64_t *seed;
    double *first_token_ms, *per_prompt_token_ms, *tokens_per_second, *jitter;
    unsigned *answer_tokens, *embedding_dimensions;
    struct file_fault *fault;
};

struct file_address {
    char *url, *api_key_env, *api_key_file;
    unsigned *weight;
};

struct file_cost {
    double *input_per_million, *cached_input_per_million, *output_per_million, *per_day;
};

struct file_upstream {
    int *api; /* enum upstream_api */
    char *api_version, *model, *ca_file;
    char *url, *api_key_env, *api_key_file; /* in place of a list of one address */
    struct file_address *addresses;
    unsigned addresses_count;
    uint64_t *connect_timeout_ms, *first_byte_timeout_ms, *idle_timeout_ms;
    char *health_path;
    uint64_t *health_interval_ms;
    int *stream_usage;
    struct file_cost *cost;
};

struct file_llama {
    char *model;
    int *embeddings;
    unsigned *context_tokens, *parallel, *threads, *gpu_layers;
    int *load_at_start;
    uint64_t *idle_unload_s, *load_timeout_ms, *ready_timeout_ms;
    uint64_t *first_byte_timeout_ms, *idle_timeout_ms, *health_interval_ms, *health_timeout_ms;
    unsigned *health_failures;
    char **arguments;
    unsigned arguments_count;
};

struct file_engine {
    char *name;
    int *kind; /* enum engine_kind */
    struct file_llama *llama;
    struct file_upstream *upstream;
    struct file_sim *sim;
};

struct file_default_engines {
    char *chat, *completion, *embeddings;
};

struct file_location {
    char *name, *display_name;
};

struct file_sku {
    char *name, *usage_name;
    unsigned *minimum, *maximum, *step, *capacity; /* capacity: when none is asked for */
    char *retires;
};

struct file_ptu {
    unsigned *input_tokens_per_minute, *output_ratio, *burst_seconds;
};

/* What a model says of all its versions, or a version of itself. */
struct file_facts {
    char *engine, *label, *description;
    int *status; /* enum lifecycle_status */
    char *created, *deprecates, *retires, *fine_tune_retires;
    char *first_api_version;
    unsigned *operations; /* enum model_operation */
    char **capabilities;
    unsigned capabilities_count;
    struct file_sku *skus;
    unsigned skus_count;
    unsigned *context_tokens, *output_tokens, *embedding_dimensions;
    int *can_shorten_embeddings, *is_reasoning;
    unsigned *tokens_per_unit, *requests_per_unit;
    struct file_ptu *ptu;
};

struct file_version {
    char *version;
    struct file_facts facts;
};

struct file_model {
    char *name, *format, *default_version;
    struct file_version *versions;
    unsigned versions_count;
    struct file_facts facts;
};

struct file_deployment {
    char *account, *deployment, *engine;
    struct file_sim *sim;
};

struct file_quota {
    char *usage, *location, *subscription;
    unsigned *limit;
};

struct catalog_file {
    char *extends; /* "default" */
    struct file_engine *engines;
    unsigned engines_count;
    struct file_default_engines *default_engines;
    struct file_location *locations;
    unsigned locations_count;
    struct file_model *models;
    unsigned models_count;
    struct file_deployment *deployments;
    unsigned deployments_count;
    struct file_quota *quotas;
    unsigned quotas_count;
};

/* Of a struct catalog_file. */
extern const cyaml_schema_value_t catalog_file_schema;

/* Lays `over` over `base`. Models, their versions, and locations are found by name, and what
 * `over` gives of them replaces what `base` has; engines of the same name are replaced whole;
 * deployments and quotas come before those of `base`. Both stay fit for cyaml_free: what was replaced is in
 * `over` afterwards. */
void catalog_file_merge(struct catalog_file *base, struct catalog_file *over);
/* Moves the locations of `from` to a file that has none. */
void catalog_file_take_locations(struct catalog_file *to, struct catalog_file *from);
/* Lays what a version says over what its model says of all: `out` borrows from both. */
struct file_facts catalog_file_facts(const struct file_model *m, const struct file_version *v);

#endif
