/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/catalog_build.h"

#define TIME_MS_MAX (24 * 3600 * 1000.0) /* no time-out and no delay is longer than a day */
#define TOKENS_MAX 10000000
#define DIMENSIONS_MAX 65536
/* Of a million tokens, and of a day: what the counters have room for (model/budget.h). */
#define PRICE_MAX 10000
#define BUDGET_MAX 1e6

/* Where the fields that are being read stand: "engines[tiny]" or "deployments[0]". */
struct place {
    struct catalog_builder *b;
    char path[128];
};

static bool fail(const struct place *p, const char *field, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool fail(const struct place *p, const char *field, const char *format, ...)
{
    char path[YAML_PATH_MAX], text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s%s%s", p->path, field[0] ? "." : "", field);
    return yaml_file_error(p->b->source, p->b->err, path, "%s", text);
}

static bool is_between(const struct place *p, const char *field, double value, double low,
                       double high)
{
    if (value >= low && value <= high)
        return true;
    return fail(p, field, "expected %g to %g, got %g", low, high, value);
}

/* -- llama ------------------------------------------------------------------------------------ */

/* The path from where the file stands. What is found missing here would else be found by a call. */
static bool find_model(const struct place *p, const char *given, const char **model)
{
    struct arena *a = p->b->arena;
    struct stat found;

    *model = catalog_copy(p->b, given);
    if (!p->b->folder || strcmp(given, "embedded") == 0)
        return true;
    if (given[0] != '/')
        *model = arena_printf(a, "%s/%s", p->b->folder, given).data;
    if (faccessat(AT_FDCWD, *model, R_OK, AT_EACCESS) < 0 || stat(*model, &found) < 0)
        return fail(p, "llama.model", "cannot read %s: %s", *model, strerror(errno));
    return S_ISREG(found.st_mode) || fail(p, "llama.model", "%s is no file", *model);
}

static bool read_llama(const struct place *p, const struct file_llama *in,
                       struct catalog_llama *out)
{
    unsigned i;

    if (!in->model)
        return fail(p, "llama.model", "the path of a GGUF is missing");
    *out = (struct catalog_llama){
        .embeddings = catalog_or_word(in->embeddings, false),
        .context_tokens = catalog_or(in->context_tokens, 0),
        .parallel = catalog_or(in->parallel, 4),
        .threads = catalog_or(in->threads, 0),
        .gpu_layers = catalog_or(in->gpu_layers, 0),
        .load_at_start = catalog_or_word(in->load_at_start, false),
        .idle_unload_s = catalog_or_u64(in->idle_unload_s, 0),
        .load_timeout_ms = catalog_or_u64(in->load_timeout_ms, 900000),
        .ready_timeout_ms = catalog_or_u64(in->ready_timeout_ms, 120000),
        .first_byte_timeout_ms = catalog_or_u64(in->first_byte_timeout_ms, 600000),
        .idle_timeout_ms = catalog_or_u64(in->idle_timeout_ms, 300000),
        .health_interval_ms = catalog_or_u64(in->health_interval_ms, 5000),
        .health_timeout_ms = catalog_or_u64(in->health_timeout_ms, 5000),
        .health_failures = catalog_or(in->health_failures, 3),
        .arguments = ARENA_ARRAY(p->b->arena, const char *, in->arguments_count),
        .argument_count = in->arguments_count,
    };
    for (i = 0; i < in->arguments_count; i++)
        out->arguments[i] = catalog_copy(p->b, in->arguments[i]);
    return find_model(p, in->model, &out->model) &&
           is_between(p, "llama.context_tokens", out->context_tokens, 0, TOKENS_MAX) &&
           is_between(p, "llama.parallel", out->parallel, 1, 1024) &&
           is_between(p, "llama.threads", out->threads, 0, 4096) &&
           is_between(p, "llama.gpu_layers", out->gpu_layers, 0, 10000) &&
           is_between(p, "llama.idle_unload_s", (double)out->idle_unload_s, 0, 366 * 86400.0) &&
           is_between(p, "llama.load_timeout_ms", (double)out->load_timeout_ms, 1, TIME_MS_MAX) &&
           is_between(p, "llama.ready_timeout_ms", (double)out->ready_timeout_ms, 1, TIME_MS_MAX) &&
           is_between(p, "llama.first_byte_timeout_ms", (double)out->first_byte_timeout_ms, 1,
                      TIME_MS_MAX) &&
           is_between(p, "llama.idle_timeout_ms", (double)out->idle_timeout_ms, 1, TIME_MS_MAX) &&
           is_between(p, "llama.health_interval_ms", (double)out->health_interval_ms, 0,
                      TIME_MS_MAX) &&
           is_between(p, "llama.health_timeout_ms", (double)out->health_timeout_ms, 1,
                      TIME_MS_MAX) &&
           is_between(p, "llama.health_failures", out->health_failures, 1, 1000);
}

/* -- upstream --------------------------------------------------------------------------------- */

static bool is_port(struct str s)
{
    uint64_t port;

    return str_to_u64(s, 65535, &port) && port > 0;
}

/* "host", "host:port" or "[v6]:port", without a user name. */
static bool is_authority(struct str s)
{
    size_t end;

    if (str_starts_with(s, STR("["))) {
        end = str_find_char(s, ']');
        if (end == SIZE_MAX || end < 2)
            return false;
        s = str_slice(s, end + 1, s.len);
        return !s.len || (s.data[0] == ':' && is_port(str_slice(s, 1, s.len)));
    }
    end = str_find_char(s, ':');
    if (end == SIZE_MAX)
        end = s.len;
    else if (!is_port(str_slice(s, end + 1, s.len)))
        return false;
    return end > 0;
}

/* http, https, or HTTP over a Unix socket: http+unix:///path/of.sock[:/path/of/url]. */
static bool is_base_url(struct str s)
{
    static const struct str tcp[] = { { "http://", 7 }, { "https://", 8 } };
    struct str rest, part;
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7f || strchr("?#@\"<>\\", s.data[i]))
            return false;
    }
    if (str_starts_with(s, STR("http+unix://"))) {
        rest = str_slice(s, 12, s.len);
        i = str_find(rest, STR(":/"));
        return rest.len > 1 && rest.data[0] == '/' && (i == SIZE_MAX || i > 1) &&
               !str_ends_with(rest, STR(":"));
    }
    for (i = 0; i < ARRAY_LEN(tcp); i++) {
        rest = str_slice(s, tcp[i].len, s.len);
        if (str_starts_with(s, tcp[i]))
            return rest.len && str_split(&rest, '/', &part) && is_authority(part);
    }
    return false;
}

static bool read_address(const struct place *p, const char *field, const struct file_address *in,
                         struct catalog_address *out)
{
    if (!in->url)
        return fail(p, field, "the url is missing");
    if (!is_base_url(str_from(in->url)))
        return fail(p, field,
                    "'%s' is no base URL: http://HOST[:PORT][/PATH], https://..., or "
                    "http+unix:///PATH/OF/SOCKET[:/PATH]",
                    in->url);
    if (in->api_key_env && in->api_key_file)
        return fail(p, field, "api_key_env and api_key_file are both given");
    *out = (struct catalog_address){
        .url = catalog_copy(p->b, in->url),
        .api_key_env = catalog_copy(p->b, in->api_key_env),
        .api_key_file = catalog_copy(p->b, in->api_key_file),
        .weight = catalog_or(in->weight, 1),
    };
    return is_between(p, field, out->weight, 1, 1000);
}

static bool read_addresses(const struct place *p, const struct file_upstream *in,
                           struct catalog_upstream *out)
{
    struct file_address only = { in->url, in->api_key_env, in->api_key_file, NULL };
    char field[64];
    unsigned i;

    if (in->addresses_count && (in->url || in->api_key_env || in->api_key_file))
        return fail(p, "upstream.addresses", "give either these or one url with its key");
    out->address_count = in->addresses_count ? in->addresses_count : 1;
    out->addresses = ARENA_ARRAY(p->b->arena, struct catalog_address, out->address_count);
    if (!in->addresses_count)
        return read_address(p, "upstream.url", &only, &out->addresses[0]);
    for (i = 0; i < in->addresses_count; i++) {
        snprintf(field, sizeof(field), "upstream.addresses[%u]", i);
        if (!read_address(p, field, &in->addresses[i], &out->addresses[i]))
            return false;
    }
    return true;
}

/* In millionths. */
static bool read_money(const struct place *p, const char *field, double value, double most,
                       uint64_t *out)
{
    if (!is_between(p, field, value, 0, most))
        return false;
    *out = (uint64_t)(value * 1e6 + 0.5);
    return true;
}

/* What is left out costs as if it were free, so that only what has a natural default may be. */
static bool read_cost(const struct place *p, const struct file_cost *in,
                      const struct catalog_cost **out)
{
    struct catalog_cost *cost = ARENA_NEW(p->b->arena, struct catalog_cost);

    *out = cost;
    cost->per_day = UINT64_MAX;
    if (!in->input_per_million)
        return fail(p, "upstream.cost.input_per_million", "the price is missing");
    if (!in->output_per_million)
        return fail(p, "upstream.cost.output_per_million", "the price is missing");
    return read_money(p, "upstream.cost.input_per_million", *in->input_per_million, PRICE_MAX,
                      &cost->input_per_million) &&
           read_money(p, "upstream.cost.cached_input_per_million",
                      catalog_or_number(in->cached_input_per_million, *in->input_per_million),
                      PRICE_MAX, &cost->cached_per_million) &&
           read_money(p, "upstream.cost.output_per_million", *in->output_per_million, PRICE_MAX,
                      &cost->output_per_million) &&
           (!in->per_day ||
            read_money(p, "upstream.cost.per_day", *in->per_day, BUDGET_MAX, &cost->per_day));
}

static bool read_upstream(const struct place *p, const struct file_upstream *in,
                          struct catalog_upstream *out)
{
    *out = (struct catalog_upstream){
        .api = (enum upstream_api)catalog_or_word(in->api, UPSTREAM_OPENAI),
        .api_version = catalog_copy(p->b, in->api_version ? in->api_version : "2024-10-21"),
        .model = catalog_copy(p->b, in->model),
        .ca_file = catalog_copy(p->b, in->ca_file),
        .connect_timeout_ms = catalog_or_u64(in->connect_timeout_ms, 5000),
        .first_byte_timeout_ms = catalog_or_u64(in->first_byte_timeout_ms, 120000),
        .idle_timeout_ms = catalog_or_u64(in->idle_timeout_ms, 60000),
        .health_path = catalog_copy(p->b, in->health_path),
        .health_interval_ms = catalog_or_u64(in->health_interval_ms, 5000),
        .stream_usage = catalog_or_word(in->stream_usage, true),
    };
    if (in->health_path && in->health_path[0] != '/')
        return fail(p, "upstream.health_path", "expected a path that begins with '/'");
    return is_between(p, "upstream.connect_timeout_ms", (double)out->connect_timeout_ms, 1,
                      TIME_MS_MAX) &&
           is_between(p, "upstream.first_byte_timeout_ms", (double)out->first_byte_timeout_ms, 1,
                      TIME_MS_MAX) &&
           is_between(p, "upstream.idle_timeout_ms", (double)out->idle_timeout_ms, 1,
                      TIME_MS_MAX) &&
           is_between(p, "upstream.health_interval_ms", (double)out->health_interval_ms, 100,
                      TIME_MS_MAX) &&
           read_addresses(p, in, out) && (!in->cost || read_cost(p, in->cost, &out->cost));
}

/* -- sim -------------------------------------------------------------------------------------- */

static bool read_fault(const struct place *p, const struct file_fault *in, struct sim_fault *out)
{
    *out = (struct sim_fault){
        .kind = (enum sim_fault_kind)catalog_or_word(in->kind, SIM_FAULT_NONE),
        .status = catalog_or(in->status, 500),
        .retry_after_ms = catalog_or_u64(in->retry_after_ms, 0),
        .after_tokens = catalog_or(in->after_tokens, 0),
        .rate = catalog_or_number(in->rate, 1),
    };
    return is_between(p, "sim.fault.status", out->status, 400, 599) &&
           is_between(p, "sim.fault.retry_after_ms", (double)out->retry_after_ms, 0, TIME_MS_MAX) &&
           is_between(p, "sim.fault.after_tokens", out->after_tokens, 0, TOKENS_MAX) &&
           is_between(p, "sim.fault.rate", out->rate, 0, 1);
}

static bool read_sim(const struct place *p, const struct file_sim *in, struct catalog_sim *out)
{
    static const struct file_fault no_fault;

    *out = (struct catalog_sim){
        .seed = catalog_or_u64(in->seed, 1),
        .first_token_ms = catalog_or_number(in->first_token_ms, 0),
        .per_prompt_token_ms = catalog_or_number(in->per_prompt_token_ms, 0),
        .tokens_per_second = catalog_or_number(in->tokens_per_second, 0),
        .jitter = catalog_or_number(in->jitter, 0),
        .answer_tokens = catalog_or(in->answer_tokens, 32),
        .embedding_dimensions = catalog_or(in->embedding_dimensions, 1536),
    };
    return is_between(p, "sim.first_token_ms", out->first_token_ms, 0, TIME_MS_MAX) &&
           is_between(p, "sim.per_prompt_token_ms", out->per_prompt_token_ms, 0, TIME_MS_MAX) &&
           is_between(p, "sim.tokens_per_second", out->tokens_per_second, 0, 1e9) &&
           is_between(p, "sim.jitter", out->jitter, 0, 1) &&
           is_between(p, "sim.answer_tokens", out->answer_tokens, 1, TOKENS_MAX) &&
           is_between(p, "sim.embedding_dimensions", out->embedding_dimensions, 1,
                      DIMENSIONS_MAX) &&
           read_fault(p, in->fault ? in->fault : &no_fault, &out->fault);
}

/* -- Engines and overrides -------------------------------------------------------------------- */

static bool read_engine(struct catalog_builder *b, const struct file_engine *in,
                        struct catalog_engine *out)
{
    struct place p = { .b = b };
    enum engine_kind given;

    snprintf(p.path, sizeof(p.path), "engines[%s]", in->name);
    if (!!in->llama + !!in->upstream + !!in->sim != 1)
        return fail(&p, "", "expected one of llama, upstream and sim");
    given = in->llama ? ENGINE_LLAMA : in->upstream ? ENGINE_UPSTREAM : ENGINE_SIM;
    if (in->kind && *in->kind != (int)given)
        return fail(&p, "kind", "this is not the kind of the part that is given");
    out->name = catalog_copy(b, in->name);
    out->kind = given;
    if (in->llama)
        return read_llama(&p, in->llama, &out->llama);
    if (in->upstream)
        return read_upstream(&p, in->upstream, &out->upstream);
    return read_sim(&p, in->sim, &out->sim);
}

bool catalog_build_engines(struct catalog_builder *b)
{
    unsigned i;

    /* Room for those of the overrides, too: engines are pointed at, and must not move. */
    b->out->engines = ARENA_ARRAY(b->arena, struct catalog_engine,
                                  b->in->engines_count + b->in->deployments_count);
    for (i = 0; i < b->in->engines_count; i++) {
        if (!read_engine(b, &b->in->engines[i], &b->out->engines[i]))
            return false;
        b->out->engine_count++;
    }
    return true;
}

static bool read_override(struct catalog_builder *b, unsigned number, struct catalog_override *out)
{
    const struct file_deployment *in = &b->in->deployments[number];
    struct catalog_engine *own;
    struct place p = { .b = b };

    snprintf(p.path, sizeof(p.path), "deployments[%u]", number);
    if (!in->deployment)
        return fail(&p, "deployment", "the name or pattern of a deployment is missing");
    if (!in->engine == !in->sim)
        return fail(&p, "", "expected one of engine and sim");
    out->account = catalog_copy(b, in->account ? in->account : "*");
    out->deployment = catalog_copy(b, in->deployment);
    if (in->engine) {
        out->engine = catalog_find_engine(b->out, str_from(in->engine));
        return out->engine || fail(&p, "engine", "there is no engine '%s'", in->engine);
    }
    own = &b->out->engines[b->out->engine_count++];
    own->name = catalog_copy(b, p.path);
    own->kind = ENGINE_SIM;
    out->engine = own;
    return read_sim(&p, in->sim, &own->sim);
}

bool catalog_build_overrides(struct catalog_builder *b)
{
    unsigned i;

    b->out->overrides = ARENA_ARRAY(b->arena, struct catalog_override, b->in->deployments_count);
    b->out->override_count = b->in->deployments_count;
    for (i = 0; i < b->in->deployments_count; i++) {
        if (!read_override(b, i, &b->out->overrides[i]))
            return false;
    }
    return true;
}
