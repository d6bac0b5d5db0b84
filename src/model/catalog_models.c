/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <strings.h>

#include "base/format.h"
#include "model/catalog_build.h"
#include "model/sku.h"

/* Azure's largest deployments: 1,000,000 units of 1,000 tokens a minute; 100,000 PTU. */
#define STANDARD_CAPACITY_MAX 1000000
#define PROVISIONED_CAPACITY_MAX 100000
#define VERSIONS_MAX 5000
#define BURST_SECONDS_MAX 60

/* The version that is being read. */
struct place {
    struct catalog_builder *b;
    const struct file_model *model;
    const struct file_version *version;
};

static bool fail(const struct place *p, const char *field, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Names the version's own field, or its model's where the version leaves it to that. */
static bool fail(const struct place *p, const char *field, const char *format, ...)
{
    char path[YAML_PATH_MAX], models_path[YAML_PATH_MAX], text[300];
    const struct yaml_file *f = p->b->source;
    bool is_models;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(models_path, sizeof(models_path), "models[%s].%s", p->model->name, field);
    snprintf(path, sizeof(path), "models[%s].versions[%s].%s", p->model->name, p->version->version,
             field);
    is_models = !yaml_file_has(f, path) && yaml_file_has(f, models_path);
    return yaml_file_error(f, p->b->err, is_models ? models_path : path, "%s", text);
}

/* A date or a time; 0 when it is not given. */
static bool read_time(const struct place *p, const char *field, const char *text, int64_t *out)
{
    *out = 0;
    if (!text || format_parse_time(str_from(text), out))
        return true;
    return fail(p, field, "'%s' is no date (2027-04-15) or time (2027-04-15T00:00:00Z)", text);
}

/* "2024-10-21" or "2024-12-01-preview". */
static bool read_api_version(const struct place *p, const char *text, struct catalog_model *out)
{
    struct str version = str_from(text), day = str_slice(version, 0, 10);
    int64_t time_ms;
    uint64_t year, month, date;

    if (!text)
        return true;
    if ((version.len != 10 && !str_equal(str_slice(version, 10, SIZE_MAX), STR("-preview"))) ||
        !format_parse_time(day, &time_ms) || !str_to_u64(str_slice(day, 0, 4), 9999, &year) ||
        !str_to_u64(str_slice(day, 5, 2), 12, &month) ||
        !str_to_u64(str_slice(day, 8, 2), 31, &date))
        return fail(p, "first_api_version", "'%s' is no version (2024-12-01-preview)", text);
    out->first_api_version = catalog_copy(p->b, text);
    out->first_api_date = (unsigned)(year * 10000 + month * 100 + date);
    return true;
}

/* -- SKUs ------------------------------------------------------------------------------------- */

static struct catalog_sku sku_defaults(const char *name)
{
    struct catalog_sku s = {
        .capacity_minimum = 1,
        .capacity_maximum = STANDARD_CAPACITY_MAX,
        .capacity_step = 1,
    };

    if (sku_family(str_from(name)) == SKU_PROVISIONED) {
        bool is_regional = !strcasecmp(name, "ProvisionedManaged");

        s.capacity_minimum = is_regional ? 50 : 15;
        s.capacity_step = is_regional ? 50 : 5;
        s.capacity_maximum = PROVISIONED_CAPACITY_MAX;
    }
    return s;
}

/* Ten units, as the portal offers, where that is a capacity; else the least. */
static unsigned default_capacity(const struct catalog_sku *s, const struct file_sku *in)
{
    if (in->capacity)
        return *in->capacity;
    return sku_capacity_fits(s, 10) ? 10 : s->capacity_minimum;
}

/* "OpenAI.Standard.gpt-4o"; provisioned throughput has one quota for all models. */
static const char *usage_name(struct catalog_builder *b, const struct file_model *m,
                              const struct file_sku *in)
{
    if (in->usage_name)
        return catalog_copy(b, in->usage_name);
    if (sku_family(str_from(in->name)) == SKU_PROVISIONED)
        return arena_printf(b->arena, "OpenAI.%s", in->name).data;
    return arena_printf(b->arena, "OpenAI.%s.%s", in->name, m->name).data;
}

static bool read_sku(const struct place *p, const struct file_sku *in, struct catalog_sku *out)
{
    char field[128];

    snprintf(field, sizeof(field), "skus[%s]", in->name);
    if (sku_family(str_from(in->name)) == SKU_UNKNOWN)
        return fail(p, field, "there is no SKU '%s'", in->name);
    *out = sku_defaults(in->name);
    out->name = catalog_copy(p->b, in->name);
    out->usage_name = usage_name(p->b, p->model, in);
    out->capacity_minimum = catalog_or(in->minimum, out->capacity_minimum);
    out->capacity_maximum = catalog_or(in->maximum, out->capacity_maximum);
    out->capacity_step = catalog_or(in->step, out->capacity_step);
    if (out->capacity_minimum < 1 || out->capacity_minimum > out->capacity_maximum)
        return fail(p, field, "expected 1 <= minimum <= maximum, got %u and %u",
                    out->capacity_minimum, out->capacity_maximum);
    if (out->capacity_maximum > STANDARD_CAPACITY_MAX)
        return fail(p, field, "expected a maximum up to %d", STANDARD_CAPACITY_MAX);
    if (out->capacity_step < 1)
        return fail(p, field, "expected a step of 1 or more");
    out->capacity_default = default_capacity(out, in);
    if (!sku_capacity_fits(out, out->capacity_default))
        return fail(p, field, "the default %u is not minimum + n x step up to the maximum",
                    out->capacity_default);
    return read_time(p, field, in->retires, &out->deprecation_ms);
}

static bool read_skus(const struct place *p, const struct file_facts *in, struct catalog_model *out)
{
    /* A model of one's own that names none can be deployed as most of Azure's can. */
    static char standard[] = "Standard", global_standard[] = "GlobalStandard";
    static const struct file_sku usual[] = { { .name = standard }, { .name = global_standard } };
    const struct file_sku *skus = in->skus_count ? in->skus : usual;
    unsigned count = in->skus_count ? in->skus_count : ARRAY_LEN(usual);

    out->skus = ARENA_ARRAY(p->b->arena, struct catalog_sku, count);
    out->sku_count = count;
    for (unsigned i = 0; i < count; i++) {
        if (!read_sku(p, &skus[i], &out->skus[i]))
            return false;
    }
    return true;
}

/* -- Models ----------------------------------------------------------------------------------- */

/* "chatCompletion" stands for "chatCompletion=true". */
static void read_capabilities(struct catalog_builder *b, const struct file_facts *in,
                              struct catalog_model *out)
{
    unsigned i;

    out->capabilities = ARENA_ARRAY(b->arena, struct catalog_capability, in->capabilities_count);
    out->capability_count = in->capabilities_count;
    for (i = 0; i < in->capabilities_count; i++) {
        struct str rest = str_from(in->capabilities[i]), key = STR_NONE;

        str_split(&rest, '=', &key);
        out->capabilities[i].key = arena_text(b->arena, key);
        out->capabilities[i].value = arena_text(b->arena, rest.data ? rest : STR("true"));
    }
}

/* As the service labels its answers: "gpt-4o-2024-08-06", but "gpt-35-turbo". */
static const char *default_label(struct catalog_builder *b, const struct file_model *m,
                                 const char *version)
{
    int64_t time_ms;

    if (format_parse_time(str_from(version), &time_ms))
        return arena_printf(b->arena, "%s-%s", m->name, version).data;
    return catalog_copy(b, m->name);
}

static bool read_limits(const struct place *p, const struct file_facts *in,
                        struct catalog_model *out)
{
    out->context_tokens = catalog_or(in->context_tokens, 8192);
    out->output_tokens = catalog_or(in->output_tokens, out->context_tokens);
    out->embedding_dimensions = catalog_or(in->embedding_dimensions, 0);
    out->can_shorten_embeddings = catalog_or_word(in->can_shorten_embeddings, false);
    out->is_reasoning = catalog_or_word(in->is_reasoning, false);
    out->tokens_per_unit = catalog_or(in->tokens_per_unit, 1000);
    out->requests_per_unit = catalog_or(in->requests_per_unit, 6);
    if (out->context_tokens < 1 || out->context_tokens > 10000000)
        return fail(p, "context_tokens", "expected 1 to 10000000");
    if (out->output_tokens < 1 || out->output_tokens > out->context_tokens)
        return fail(p, "output_tokens", "expected 1 to context_tokens");
    if ((out->operations & MODEL_EMBEDDINGS) && !out->embedding_dimensions)
        return fail(p, "embedding_dimensions", "an embedding model needs this");
    if (out->embedding_dimensions > 65536)
        return fail(p, "embedding_dimensions", "expected up to 65536");
    if (out->tokens_per_unit < 1 || out->tokens_per_unit > 1000000)
        return fail(p, "tokens_per_unit", "expected 1 to 1000000");
    if (out->requests_per_unit < 1 || out->requests_per_unit > 1000000)
        return fail(p, "requests_per_unit", "expected 1 to 1000000");
    return true;
}

/* What a throughput unit comes to. The burst is a minute by default, the grain of Azure's metric of
 * utilization, and no longer, or that metric would not show it. */
static bool read_ptu(const struct place *p, const struct file_ptu *in, struct catalog_model *out)
{
    out->ptu_output_ratio = 1;
    out->ptu_burst_ms = BURST_SECONDS_MAX * 1000;
    if (!in)
        return true;
    if (!in->input_tokens_per_minute)
        return fail(p, "ptu", "input_tokens_per_minute is missing");
    out->ptu_tokens_per_minute = *in->input_tokens_per_minute;
    out->ptu_output_ratio = catalog_or(in->output_ratio, 1);
    if (out->ptu_tokens_per_minute < 1 || out->ptu_tokens_per_minute > 100000000)
        return fail(p, "ptu.input_tokens_per_minute", "expected 1 to 100000000");
    if (out->ptu_output_ratio < 1 || out->ptu_output_ratio > 1000)
        return fail(p, "ptu.output_ratio", "expected 1 to 1000");
    if (catalog_or(in->burst_seconds, 1) < 1 ||
        catalog_or(in->burst_seconds, 1) > BURST_SECONDS_MAX)
        return fail(p, "ptu.burst_seconds", "expected 1 to 60");
    out->ptu_burst_ms = catalog_or(in->burst_seconds, BURST_SECONDS_MAX) * 1000;
    return true;
}

/* The engine that default_engines names for what the model does first. */
static bool find_default_engine(const struct place *p, struct catalog_model *out)
{
    static const struct file_default_engines none;
    const struct file_default_engines *in = p->b->in->default_engines;
    const char *path = "default_engines.embeddings", *name;

    if (!in)
        in = &none;
    name = in->embeddings;
    if (out->operations & MODEL_CHAT) {
        path = "default_engines.chat";
        name = in->chat;
    } else if (out->operations & MODEL_COMPLETION) {
        path = "default_engines.completion";
        name = in->completion;
    }
    if (!name)
        return fail(p, "engine", "no engine is given, and there is no %s", path);
    out->engine = catalog_find_engine(p->b->out, str_from(name));
    return out->engine ||
           yaml_file_error(p->b->source, p->b->err, path, "there is no engine '%s'", name);
}

/* llama-server makes either text or embeddings. */
static bool find_engine(const struct place *p, const struct file_facts *in,
                        struct catalog_model *out)
{
    bool embeds = out->operations & MODEL_EMBEDDINGS;

    if (in->engine) {
        out->engine = catalog_find_engine(p->b->out, str_from(in->engine));
        if (!out->engine)
            return fail(p, "engine", "there is no engine '%s'", in->engine);
    } else if (!find_default_engine(p, out)) {
        return false;
    }
    if (out->engine->kind != ENGINE_LLAMA)
        return true;
    if (embeds && (out->operations & ~(unsigned)MODEL_EMBEDDINGS))
        return fail(p, "operations", "a llama engine makes either text or embeddings");
    if (embeds != out->engine->llama.embeddings)
        return fail(p, "engine", "the engine '%s' makes %s", out->engine->name,
                    embeds ? "text; with `embeddings: true` it makes embeddings"
                           : "embeddings, not text");
    return true;
}

static bool read_times(const struct place *p, const struct file_facts *in,
                       struct catalog_model *out)
{
    return read_time(p, "created", in->created, &out->created_ms) &&
           read_time(p, "deprecates", in->deprecates, &out->deprecation_start_ms) &&
           read_time(p, "retires", in->retires, &out->deprecation_inference_ms) &&
           read_time(p, "fine_tune_retires", in->fine_tune_retires, &out->deprecation_fine_tune_ms);
}

static bool read_version(const struct place *p, struct catalog_model *out)
{
    struct file_facts in = catalog_file_facts(p->model, p->version);
    struct catalog_builder *b = p->b;

    out->format = catalog_copy(b, p->model->format ? p->model->format : "OpenAI");
    out->name = catalog_copy(b, p->model->name);
    out->version = catalog_copy(b, p->version->version);
    out->label =
        in.label ? catalog_copy(b, in.label) : default_label(b, p->model, p->version->version);
    out->description = catalog_copy(b, in.description);
    out->status = (enum lifecycle_status)catalog_or_word(in.status, LIFECYCLE_GENERALLY_AVAILABLE);
    out->operations = catalog_or(in.operations, 0);
    if (!out->operations)
        return fail(p, "operations", "expected a list of chat, completion, embeddings");
    read_capabilities(b, &in, out);
    return read_times(p, &in, out) && read_api_version(p, in.first_api_version, out) &&
           read_limits(p, &in, out) && read_ptu(p, in.ptu, out) && read_skus(p, &in, out) &&
           find_engine(p, &in, out);
}

static bool mark_default(struct catalog_builder *b, const struct file_model *m,
                         struct catalog_model *first)
{
    char path[YAML_PATH_MAX];
    unsigned i;

    snprintf(path, sizeof(path), "models[%s].default_version", m->name);
    if (!m->default_version && m->versions_count > 1)
        return yaml_file_error(b->source, b->err, path,
                               "there are several versions: say which is the default");
    for (i = 0; i < m->versions_count; i++) {
        if (!m->default_version || !strcasecmp(m->default_version, first[i].version)) {
            first[i].is_default_version = true;
            return true;
        }
    }
    return yaml_file_error(b->source, b->err, path, "there is no version '%s'", m->default_version);
}

static bool read_model(struct catalog_builder *b, const struct file_model *m)
{
    struct catalog_model *first = &b->out->models[b->out->model_count];
    struct place p = { .b = b, .model = m };
    char path[YAML_PATH_MAX];
    unsigned i;

    snprintf(path, sizeof(path), "models[%s]", m->name);
    if (!m->versions_count)
        return yaml_file_error(b->source, b->err, path, "the versions are missing");
    for (i = 0; i < m->versions_count; i++) {
        p.version = &m->versions[i];
        if (!read_version(&p, &first[i]))
            return false;
        b->out->model_count++;
    }
    return mark_default(b, m, first);
}

bool catalog_build_models(struct catalog_builder *b)
{
    size_t count = 0;
    unsigned i;

    for (i = 0; i < b->in->models_count; i++)
        count += b->in->models[i].versions_count;
    if (count > VERSIONS_MAX)
        return yaml_file_error(b->source, b->err, "models", "more than %d versions in all",
                               VERSIONS_MAX);
    b->out->models = ARENA_ARRAY(b->arena, struct catalog_model, count);
    for (i = 0; i < b->in->models_count; i++) {
        if (!read_model(b, &b->in->models[i]))
            return false;
    }
    return true;
}

/* -- Locations -------------------------------------------------------------------------------- */

bool catalog_build_locations(struct catalog_builder *b)
{
    unsigned i;

    b->out->locations = ARENA_ARRAY(b->arena, struct catalog_location, b->in->locations_count);
    b->out->location_count = b->in->locations_count;
    for (i = 0; i < b->in->locations_count; i++) {
        const struct file_location *in = &b->in->locations[i];
        char path[YAML_PATH_MAX];

        if (strspn(in->name, "abcdefghijklmnopqrstuvwxyz0123456789") != strlen(in->name)) {
            snprintf(path, sizeof(path), "locations[%s].name", in->name);
            return yaml_file_error(b->source, b->err, path,
                                   "expected lower-case letters and digits only");
        }
        b->out->locations[i].name = catalog_copy(b, in->name);
        b->out->locations[i].display_name =
            catalog_copy(b, in->display_name ? in->display_name : in->name);
    }
    return true;
}
