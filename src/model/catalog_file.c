/* SPDX-License-Identifier: MIT */
#include "model/catalog_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "base/memory.h"
#include "model/catalog.h"
#include "model/yaml_file.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define STRICT (OPTIONAL | CYAML_FLAG_STRICT)
#define TEXT_MAX 4096

#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, OPTIONAL, type, member, 1, TEXT_MAX)
#define WHOLE(key, type, member) CYAML_FIELD_UINT_PTR(key, OPTIONAL, type, member)
#define NUMBER(key, type, member) CYAML_FIELD_FLOAT_PTR(key, OPTIONAL, type, member)
#define TRUTH(key, type, member) WORD(key, type, member, yaml_truths)
#define WORD(key, type, member, words) \
    CYAML_FIELD_ENUM_PTR(key, STRICT, type, member, words, ARRAY_LEN(words))
#define WORDS(key, type, member, words) \
    CYAML_FIELD_FLAGS_PTR(key, STRICT, type, member, words, ARRAY_LEN(words))
#define LIST(key, type, member, entry, max) \
    CYAML_FIELD_SEQUENCE(key, OPTIONAL, type, member, &(entry), 0, max)
#define PART(key, type, member, fields) CYAML_FIELD_MAPPING_PTR(key, OPTIONAL, type, member, fields)

/* clang-format off */
static const cyaml_strval_t engine_kinds[] = {
    { "llama", ENGINE_LLAMA }, { "upstream", ENGINE_UPSTREAM }, { "sim", ENGINE_SIM },
};
static const cyaml_strval_t upstream_apis[] = {
    { "openai", UPSTREAM_OPENAI }, { "azure", UPSTREAM_AZURE },
};
static const cyaml_strval_t fault_kinds[] = {
    { "none", SIM_FAULT_NONE }, { "status", SIM_FAULT_STATUS }, { "stall", SIM_FAULT_STALL },
    { "cut", SIM_FAULT_CUT }, { "malformed", SIM_FAULT_MALFORMED },
};
static const cyaml_strval_t statuses[] = {
    { "preview", LIFECYCLE_PREVIEW }, { "generally-available", LIFECYCLE_GENERALLY_AVAILABLE },
};
static const cyaml_strval_t operations[] = {
    { "chat", MODEL_CHAT }, { "completion", MODEL_COMPLETION }, { "embeddings", MODEL_EMBEDDINGS },
};

static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

static const cyaml_schema_field_t fault_fields[] = {
    WORD("kind", struct file_fault, kind, fault_kinds),
    WHOLE("status", struct file_fault, status),
    WHOLE("retry_after_ms", struct file_fault, retry_after_ms),
    WHOLE("after_tokens", struct file_fault, after_tokens),
    NUMBER("rate", struct file_fault, rate),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t sim_fields[] = {
    WHOLE("seed", struct file_sim, seed),
    NUMBER("first_token_ms", struct file_sim, first_token_ms),
    NUMBER("per_prompt_token_ms", struct file_sim, per_prompt_token_ms),
    NUMBER("tokens_per_second", struct file_sim, tokens_per_second),
    NUMBER("jitter", struct file_sim, jitter),
    WHOLE("answer_tokens", struct file_sim, answer_tokens),
    WHOLE("embedding_dimensions", struct file_sim, embedding_dimensions),
    PART("fault", struct file_sim, fault, fault_fields),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t address_fields[] = {
    TEXT("url", struct file_address, url),
    TEXT("api_key_env", struct file_address, api_key_env),
    TEXT("api_key_file", struct file_address, api_key_file),
    WHOLE("weight", struct file_address, weight),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t address = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_address, address_fields),
};

static const cyaml_schema_field_t cost_fields[] = {
    NUMBER("input_per_million", struct file_cost, input_per_million),
    NUMBER("cached_input_per_million", struct file_cost, cached_input_per_million),
    NUMBER("output_per_million", struct file_cost, output_per_million),
    NUMBER("per_day", struct file_cost, per_day),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t upstream_fields[] = {
    WORD("api", struct file_upstream, api, upstream_apis),
    TEXT("api_version", struct file_upstream, api_version),
    TEXT("model", struct file_upstream, model),
    TEXT("ca_file", struct file_upstream, ca_file),
    TEXT("url", struct file_upstream, url),
    TEXT("api_key_env", struct file_upstream, api_key_env),
    TEXT("api_key_file", struct file_upstream, api_key_file),
    LIST("addresses", struct file_upstream, addresses, address, 100),
    WHOLE("connect_timeout_ms", struct file_upstream, connect_timeout_ms),
    WHOLE("first_byte_timeout_ms", struct file_upstream, first_byte_timeout_ms),
    WHOLE("idle_timeout_ms", struct file_upstream, idle_timeout_ms),
    TEXT("health_path", struct file_upstream, health_path),
    WHOLE("health_interval_ms", struct file_upstream, health_interval_ms),
    TRUTH("stream_usage", struct file_upstream, stream_usage),
    PART("cost", struct file_upstream, cost, cost_fields),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t llama_fields[] = {
    TEXT("model", struct file_llama, model),
    TRUTH("embeddings", struct file_llama, embeddings),
    WHOLE("context_tokens", struct file_llama, context_tokens),
    WHOLE("parallel", struct file_llama, parallel),
    WHOLE("threads", struct file_llama, threads),
    WHOLE("gpu_layers", struct file_llama, gpu_layers),
    TRUTH("load_at_start", struct file_llama, load_at_start),
    WHOLE("idle_unload_s", struct file_llama, idle_unload_s),
    WHOLE("load_timeout_ms", struct file_llama, load_timeout_ms),
    WHOLE("ready_timeout_ms", struct file_llama, ready_timeout_ms),
    WHOLE("first_byte_timeout_ms", struct file_llama, first_byte_timeout_ms),
    WHOLE("idle_timeout_ms", struct file_llama, idle_timeout_ms),
    WHOLE("health_interval_ms", struct file_llama, health_interval_ms),
    WHOLE("health_timeout_ms", struct file_llama, health_timeout_ms),
    WHOLE("health_failures", struct file_llama, health_failures),
    LIST("arguments", struct file_llama, arguments, text, 200),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t engine_fields[] = {
    TEXT("name", struct file_engine, name),
    WORD("kind", struct file_engine, kind, engine_kinds),
    PART("llama", struct file_engine, llama, llama_fields),
    PART("upstream", struct file_engine, upstream, upstream_fields),
    PART("sim", struct file_engine, sim, sim_fields),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t engine = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_engine, engine_fields),
};

static const cyaml_schema_field_t default_engine_fields[] = {
    TEXT("chat", struct file_default_engines, chat),
    TEXT("completion", struct file_default_engines, completion),
    TEXT("embeddings", struct file_default_engines, embeddings),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t location_fields[] = {
    TEXT("name", struct file_location, name),
    TEXT("display_name", struct file_location, display_name),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t location = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_location, location_fields),
};

static const cyaml_schema_field_t sku_fields[] = {
    TEXT("name", struct file_sku, name),
    TEXT("usage_name", struct file_sku, usage_name),
    WHOLE("minimum", struct file_sku, minimum),
    WHOLE("maximum", struct file_sku, maximum),
    WHOLE("step", struct file_sku, step),
    WHOLE("default", struct file_sku, capacity),
    TEXT("retires", struct file_sku, retires),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t sku = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_sku, sku_fields),
};

static const cyaml_schema_field_t ptu_fields[] = {
    WHOLE("input_tokens_per_minute", struct file_ptu, input_tokens_per_minute),
    WHOLE("output_ratio", struct file_ptu, output_ratio),
    WHOLE("burst_seconds", struct file_ptu, burst_seconds),
    CYAML_FIELD_END
};

#define FACTS(type)                                                        \
    TEXT("engine", type, facts.engine),                                    \
    TEXT("label", type, facts.label),                                      \
    TEXT("description", type, facts.description),                          \
    WORD("status", type, facts.status, statuses),                          \
    TEXT("created", type, facts.created),                                  \
    TEXT("deprecates", type, facts.deprecates),                            \
    TEXT("retires", type, facts.retires),                                  \
    TEXT("fine_tune_retires", type, facts.fine_tune_retires),              \
    TEXT("first_api_version", type, facts.first_api_version),              \
    WORDS("operations", type, facts.operations, operations),               \
    LIST("capabilities", type, facts.capabilities, text, 50),              \
    LIST("skus", type, facts.skus, sku, 20),                               \
    WHOLE("context_tokens", type, facts.context_tokens),                   \
    WHOLE("output_tokens", type, facts.output_tokens),                     \
    WHOLE("embedding_dimensions", type, facts.embedding_dimensions),       \
    TRUTH("can_shorten_embeddings", type, facts.can_shorten_embeddings),   \
    TRUTH("is_reasoning", type, facts.is_reasoning),                       \
    WHOLE("tokens_per_unit", type, facts.tokens_per_unit),                 \
    WHOLE("requests_per_unit", type, facts.requests_per_unit),             \
    PART("ptu", type, facts.ptu, ptu_fields)

static const cyaml_schema_field_t version_fields[] = {
    TEXT("version", struct file_version, version),
    FACTS(struct file_version),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t version = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_version, version_fields),
};

static const cyaml_schema_field_t model_fields[] = {
    TEXT("name", struct file_model, name),
    TEXT("format", struct file_model, format),
    TEXT("default_version", struct file_model, default_version),
    FACTS(struct file_model),
    LIST("versions", struct file_model, versions, version, 1000),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t model = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_model, model_fields),
};

static const cyaml_schema_field_t deployment_fields[] = {
    TEXT("account", struct file_deployment, account),
    TEXT("deployment", struct file_deployment, deployment),
    TEXT("engine", struct file_deployment, engine),
    PART("sim", struct file_deployment, sim, sim_fields),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t deployment = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_deployment, deployment_fields),
};

static const cyaml_schema_field_t quota_fields[] = {
    TEXT("usage", struct file_quota, usage),
    TEXT("location", struct file_quota, location),
    TEXT("subscription", struct file_quota, subscription),
    WHOLE("limit", struct file_quota, limit),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t quota = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_quota, quota_fields),
};

static const cyaml_schema_field_t catalog_fields[] = {
    TEXT("extends", struct catalog_file, extends),
    LIST("engines", struct catalog_file, engines, engine, 1000),
    PART("default_engines", struct catalog_file, default_engines, default_engine_fields),
    LIST("locations", struct catalog_file, locations, location, 1000),
    LIST("models", struct catalog_file, models, model, 1000),
    LIST("deployments", struct catalog_file, deployments, deployment, 1000),
    LIST("quotas", struct catalog_file, quotas, quota, 1000),
    CYAML_FIELD_END
};
/* clang-format on */

const cyaml_schema_value_t catalog_file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct catalog_file, catalog_fields),
};

/* -- One over the other ----------------------------------------------------------------------- */

/* cyaml's own data: a field is a pointer, and for a list a count beside it. */
static void *field_get(const cyaml_schema_field_t *field, const void *data)
{
    void *pointer;

    memcpy(&pointer, (const char *)data + field->data_offset, sizeof(pointer));
    return pointer;
}

static void swap_bytes(void *base, void *over, size_t offset, size_t size)
{
    char aside[sizeof(struct file_engine)];

    assert(size <= sizeof(aside));
    memcpy(aside, (char *)base + offset, size);
    memcpy((char *)base + offset, (char *)over + offset, size);
    memcpy((char *)over + offset, aside, size);
}

static void lay_fields(const cyaml_schema_field_t *fields, void *base, void *over)
{
    const cyaml_schema_field_t *field;

    for (field = fields; field->key; field++) {
        if (!field_get(field, over))
            continue;
        swap_bytes(base, over, field->data_offset, sizeof(void *));
        if (field->value.type == CYAML_SEQUENCE)
            swap_bytes(base, over, field->count_offset, field->count_size);
    }
}

/* The entries' first member is their name. */
static const char *name_of(const void *entry)
{
    const char *name;

    memcpy(&name, entry, sizeof(name));
    return name ? name : "";
}

static void *list_find(void *list, unsigned count, size_t size, const char *name)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        char *entry = (char *)list + i * size;

        if (!strcasecmp(name_of(entry), name))
            return entry;
    }
    return NULL;
}

/* The list `base`, grown by those entries of `over` that it has no name for. */
static void *lay_list(void *base, unsigned *base_count, void *over, unsigned over_count,
                      size_t size, void (*lay)(void *base, void *over))
{
    unsigned i;

    for (i = 0; i < over_count; i++) {
        char *entry = (char *)over + i * size;
        void *known = list_find(base, *base_count, size, name_of(entry));

        if (known) {
            lay(known, entry);
            continue;
        }
        base = memory_realloc(base, (*base_count + 1) * size);
        memcpy((char *)base + (*base_count)++ * size, entry, size);
        memset(entry, 0, size);
    }
    return base;
}

static void lay_engine(void *base, void *over)
{
    swap_bytes(base, over, 0, sizeof(struct file_engine));
}

static void lay_location(void *base, void *over)
{
    lay_fields(location_fields, base, over);
}

static void lay_version(void *base, void *over)
{
    lay_fields(version_fields, base, over);
}

static void lay_model(void *base, void *over)
{
    struct file_model *b = base, *o = over;
    struct file_version *versions = o->versions;
    unsigned count = o->versions_count;

    o->versions = NULL; /* not to be taken as one field */
    o->versions_count = 0;
    lay_fields(model_fields, b, o);
    o->versions = versions;
    o->versions_count = count;
    b->versions =
        lay_list(b->versions, &b->versions_count, versions, count, sizeof(*versions), lay_version);
}

/* Those of `over` come first: it is the first that counts. Returns the list, which is all of
 * base's now. */
static void *lay_before(void *base, unsigned *base_count, void *over, unsigned over_count,
                        size_t size)
{
    char *all = memory_realloc(over, (over_count + *base_count) * size);

    if (*base_count)
        memcpy(all + over_count * size, base, *base_count * size);
    free(base);
    *base_count += over_count;
    return all;
}

void catalog_file_merge(struct catalog_file *base, struct catalog_file *over)
{
    base->engines = lay_list(base->engines, &base->engines_count, over->engines,
                             over->engines_count, sizeof(*base->engines), lay_engine);
    base->locations = lay_list(base->locations, &base->locations_count, over->locations,
                               over->locations_count, sizeof(*base->locations), lay_location);
    base->models = lay_list(base->models, &base->models_count, over->models, over->models_count,
                            sizeof(*base->models), lay_model);
    if (base->default_engines && over->default_engines)
        lay_fields(default_engine_fields, base->default_engines, over->default_engines);
    else if (over->default_engines)
        swap_bytes(base, over, offsetof(struct catalog_file, default_engines), sizeof(void *));
    base->deployments = lay_before(base->deployments, &base->deployments_count, over->deployments,
                                   over->deployments_count, sizeof(*base->deployments));
    over->deployments = NULL;
    over->deployments_count = 0;
    base->quotas = lay_before(base->quotas, &base->quotas_count, over->quotas, over->quotas_count,
                              sizeof(*base->quotas));
    over->quotas = NULL;
    over->quotas_count = 0;
}

void catalog_file_take_locations(struct catalog_file *to, struct catalog_file *from)
{
    swap_bytes(to, from, offsetof(struct catalog_file, locations), sizeof(void *));
    swap_bytes(to, from, offsetof(struct catalog_file, locations_count), sizeof(unsigned));
}

struct file_facts catalog_file_facts(const struct file_model *m, const struct file_version *v)
{
    const size_t start = offsetof(struct file_version, facts);
    struct file_version out = { .facts = m->facts };
    const cyaml_schema_field_t *field;

    for (field = version_fields; field->key; field++) {
        if (field->data_offset < start || !field_get(field, v))
            continue;
        memcpy((char *)&out + field->data_offset, (const char *)v + field->data_offset,
               sizeof(void *));
        if (field->value.type == CYAML_SEQUENCE)
            memcpy((char *)&out + field->count_offset, (const char *)v + field->count_offset,
                   field->count_size);
    }
    return out.facts;
}
