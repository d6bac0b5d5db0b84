/*
 * lazuli calc: how much capacity a model needs for given workloads, from the catalog's figures alone;
 * no service need run.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/json.h"
#include "cli/command.h"
#include "model/calc.h"
#include "model/sku.h"

/* By these names the calculator of Azure's portal knows them. */
#define WORKLOAD_FORM "CALLS,PROMPT,RESPONSE[,CACHE]"

/* What is asked. */
struct question {
    const char *catalog_file; /* NULL: the built-in one */
    const char *model, *version, *sku;
    struct calc_workload workloads[CALC_WORKLOADS_MAX];
    size_t workload_count;
    int output;
};

enum { OUTPUT_TABLE, OUTPUT_JSON };

/* One SKU's answer. */
struct answer {
    const struct catalog_sku *sku;
    struct calc_estimate estimate;
};

/* -- Options ---------------------------------------------------------------------------------- */

/* "50", "50%" or "12.5%". */
static bool read_percent(struct str text, double *share)
{
    char number[16], *end;
    double value;

    if (str_ends_with(text, STR("%")))
        text = str_slice(text, 0, text.len - 1);
    if (!text.len || text.len >= sizeof(number) ||
        strspn(str_show(text, number, sizeof(number)), "0123456789.") != text.len)
        return false;
    value = strtod(number, &end);
    *share = value / 100;
    return !*end && value <= 100;
}

static bool read_workload(const char *text, struct calc_workload *w)
{
    struct str rest = str_from(text), part;
    uint64_t *const counts[] = { &w->calls_per_minute, &w->prompt_tokens, &w->output_tokens };

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        if (!str_split(&rest, ',', &part) ||
            !str_to_u64(str_trim(part), CALC_NUMBER_MAX, counts[i]))
            return false;
    }
    w->cache_rate = 0;
    return !str_split(&rest, ',', &part) ||
           (!rest.data && read_percent(str_trim(part), &w->cache_rate));
}

static bool add_workload(void *filled, const char *text, struct error *err)
{
    struct question *q = filled;

    if (q->workload_count == CALC_WORKLOADS_MAX)
        return error_set(err, ERROR_CONFIG, "more than %d workloads", CALC_WORKLOADS_MAX);
    if (!read_workload(text, &q->workloads[q->workload_count++]))
        return error_set(err, ERROR_CONFIG,
                         "--workload: '%s' is not " WORKLOAD_FORM
                         ": calls a minute at the peak, tokens of a prompt, tokens of a response "
                         "(whole numbers up to %" PRIu64
                         "), and how many percent of a prompt's tokens are cached",
                         text, CALC_NUMBER_MAX);
    return true;
}

#define AT(member) .offset = offsetof(struct question, member)

/* --model-name and --sku-name are az's words. */
static const struct option_row option_rows[] = {
    { "model", .kind = OPTION_TEXT, AT(model) },
    { "model-name", .kind = OPTION_TEXT, AT(model) },
    { "model-version", .kind = OPTION_TEXT, AT(version) },
    { "sku", .kind = OPTION_TEXT, AT(sku) },
    { "sku-name", .kind = OPTION_TEXT, AT(sku) },
    { "catalog", .kind = OPTION_TEXT, AT(catalog_file) },
    { "workload", 'w', OPTION_EACH, .take = add_workload },
    { "output", 'o', OPTION_CHOICE, AT(output), .choices = "table|json" },
};

static bool read_options(int argc, char **argv, struct question *q, struct error *err)
{
    static const struct option_table options = { .rows = option_rows,
                                                 .count = ARRAY_LEN(option_rows) };

    if (!options_read(&options, argc, argv, q, NULL, err))
        return false;
    if (!q->model)
        return error_set(err, ERROR_CONFIG, "--model is missing");
    return q->workload_count || error_set(err, ERROR_CONFIG, "--workload is missing");
}

/* -- Table ------------------------------------------------------------------------------------ */

static const char *grouped(struct arena *a, double value)
{
    return format_grouped(a, arena_printf(a, "%.0f", value)).data;
}

static bool is_provisioned(const struct catalog_sku *s)
{
    return sku_family(str_from(s->name)) == SKU_PROVISIONED;
}

static void print_workloads(struct arena *a, const struct question *q, const struct calc_load *load)
{
    printf("%-10s  %12s  %13s  %15s  %6s\n", "Workload", "Calls/min", "Prompt tokens",
           "Response tokens", "Cached");
    for (size_t i = 0; i < q->workload_count; i++) {
        const struct calc_workload *w = &q->workloads[i];

        printf("%-10zu  %12s  %13s  %15s  %5g%%\n", i + 1, grouped(a, (double)w->calls_per_minute),
               grouped(a, (double)w->prompt_tokens), grouped(a, (double)w->output_tokens),
               w->cache_rate * 100);
    }
    printf("\nTotal: %s calls/min, %s tokens/min", grouped(a, load->calls_per_minute),
           grouped(a, load->input_tokens_per_minute + load->output_tokens_per_minute));
    printf(" (%s of prompts, %s of responses)\n\n", grouped(a, load->input_tokens_per_minute),
           grouped(a, load->output_tokens_per_minute));
}

static void print_answer(struct arena *a, const struct answer *x)
{
    const struct calc_estimate *e = &x->estimate;
    const char *unit = is_provisioned(x->sku) ? "PTU" : "units";

    if (!e->capacity) {
        printf("%-26s  %10.2f  more than the %s %s that a deployment may have\n", x->sku->name,
               e->needed, grouped(a, x->sku->capacity_maximum), unit);
        return;
    }
    printf("%-26s  %10.2f  %10s  %-5s  %10.1f%%  %15s  %13s  %s\n", x->sku->name, e->needed,
           grouped(a, (double)e->capacity), unit, e->utilization * 100,
           grouped(a, e->tokens_per_minute),
           e->requests_per_minute ? grouped(a, (double)e->requests_per_minute) : "-",
           e->is_bound_by_requests ? "requests" : "tokens");
}

static void print_table(struct arena *a, const struct question *q, const struct catalog_model *m,
                        const struct calc_load *load, const struct answer *answers, size_t count)
{
    printf("Model: %s, version %s", m->name, m->version);
    if (m->ptu_tokens_per_minute)
        printf("; a PTU comes to %s input tokens/min, a response token counts for %u",
               grouped(a, m->ptu_tokens_per_minute), m->ptu_output_ratio);
    printf("\n\n");
    print_workloads(a, q, load);
    printf("%-26s  %10s  %10s  %-5s  %11s  %15s  %13s  %s\n", "SKU", "Needed", "Capacity", "",
           "Utilization", "Tokens/min", "Requests/min", "Bound by");
    for (size_t i = 0; i < count; i++)
        print_answer(a, &answers[i]);
}

/* -- JSON ------------------------------------------------------------------------------------- */

static void set_real(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double value)
{
    json_set(doc, object, key, yyjson_mut_real(doc, value));
}

/* By the names of calculateModelCapacity, as far as it has them. */
static yyjson_mut_val *render_workload(yyjson_mut_doc *doc, const struct calc_workload *w)
{
    yyjson_mut_val *item = yyjson_mut_obj(doc), *parameters = yyjson_mut_obj(doc);

    json_set_int(doc, item, "requestPerMinute", (int64_t)w->calls_per_minute);
    json_set_int(doc, parameters, "avgPromptTokens", (int64_t)w->prompt_tokens);
    json_set_int(doc, parameters, "avgGeneratedTokens", (int64_t)w->output_tokens);
    set_real(doc, parameters, "cacheRate", w->cache_rate);
    json_set(doc, item, "requestParameters", parameters);
    return item;
}

/* null: no capacity suffices, or requests are not limited. */
static yyjson_mut_val *render_answer(yyjson_mut_doc *doc, const struct answer *x)
{
    const struct calc_estimate *e = &x->estimate;
    yyjson_mut_val *item = yyjson_mut_obj(doc), *capacity = yyjson_mut_obj(doc);

    json_set_str(doc, item, "skuName", str_from(x->sku->name));
    set_real(doc, capacity, "value", e->needed);
    json_set(doc, capacity, "deployableValue",
             e->capacity ? yyjson_mut_uint(doc, e->capacity) : yyjson_mut_null(doc));
    json_set(doc, item, "estimatedCapacity", capacity);
    json_set_str(doc, item, "unit", is_provisioned(x->sku) ? STR("PTU") : STR("capacity"));
    json_set_int(doc, item, "minimum", x->sku->capacity_minimum);
    json_set_int(doc, item, "step", x->sku->capacity_step);
    set_real(doc, item, "countedTokensPerMinute", e->counted_per_minute);
    set_real(doc, item, "tokensPerMinute", e->tokens_per_minute);
    json_set(doc, item, "requestsPerMinute",
             e->requests_per_minute ? yyjson_mut_uint(doc, e->requests_per_minute)
                                    : yyjson_mut_null(doc));
    set_real(doc, item, "utilization", e->utilization);
    json_set_str(doc, item, "boundBy", e->is_bound_by_requests ? STR("requests") : STR("tokens"));
    return item;
}

static void print_json(struct arena *a, const struct question *q, const struct catalog_model *m,
                       const struct calc_load *load, const struct answer *answers, size_t count)
{
    yyjson_mut_doc *doc = json_new(a);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *model = yyjson_mut_obj(doc);
    yyjson_mut_val *workloads = yyjson_mut_arr(doc), *estimates = yyjson_mut_arr(doc);
    yyjson_mut_val *total = yyjson_mut_obj(doc);

    json_set_str(doc, model, "format", str_from(m->format));
    json_set_str(doc, model, "name", str_from(m->name));
    json_set_str(doc, model, "version", str_from(m->version));
    json_set(doc, root, "model", model);
    for (size_t i = 0; i < q->workload_count; i++)
        yyjson_mut_arr_append(workloads, render_workload(doc, &q->workloads[i]));
    json_set(doc, root, "workloads", workloads);
    set_real(doc, total, "requestsPerMinute", load->calls_per_minute);
    set_real(doc, total, "inputTokensPerMinute", load->input_tokens_per_minute);
    set_real(doc, total, "outputTokensPerMinute", load->output_tokens_per_minute);
    set_real(doc, total, "cachedTokensPerMinute", load->cached_tokens_per_minute);
    json_set(doc, root, "total", total);
    for (size_t i = 0; i < count; i++)
        yyjson_mut_arr_append(estimates, render_answer(doc, &answers[i]));
    json_set(doc, root, "estimates", estimates);
    printf("%s\n", json_write_mut(a, root).data);
}

/* -- Running ---------------------------------------------------------------------------------- */

static const struct catalog_model *find_model(const struct catalog *c, const struct question *q,
                                              struct error *err)
{
    struct str version = str_from(q->version);
    const struct catalog_model *m = catalog_find_model(c, STR_NONE, str_from(q->model), version);

    if (!m)
        error_set(err, ERROR_CONFIG, "the catalog has no model '%s'%s%s", q->model,
                  q->version ? " of version " : "", q->version ? q->version : "");
    return m;
}

/* The SKU asked for, or all that can be estimated. */
static bool find_answers(struct arena *a, const struct question *q, const struct catalog_model *m,
                         const struct calc_load *load, struct answer **answers, size_t *count,
                         struct error *err)
{
    struct str wanted = str_from(q->sku);

    *answers = ARENA_ARRAY(a, struct answer, m->sku_count);
    *count = 0;
    for (unsigned i = 0; i < m->sku_count; i++) {
        struct answer *x = &(*answers)[*count];

        x->sku = &m->skus[i];
        if (wanted.len && !str_equal_nocase(str_from(x->sku->name), wanted))
            continue;
        if (calc_estimate(m, x->sku, load, &x->estimate, err))
            ++*count;
        else if (wanted.len)
            return false;
    }
    if (*count)
        return true;
    return wanted.len ? error_set(err, ERROR_CONFIG, "the model '%s' %s has no SKU '%s'", m->name,
                                  m->version, q->sku)
                      : error_set(err, ERROR_CONFIG, "no SKU of the model '%s' %s can be estimated",
                                  m->name, m->version);
}

static int answer(struct arena *a, const struct question *q, const struct catalog *c)
{
    struct calc_load load = calc_load(q->workloads, q->workload_count);
    const struct catalog_model *m;
    struct answer *answers;
    struct error err;
    size_t count;

    m = find_model(c, q, &err);
    if (!m || !find_answers(a, q, m, &load, &answers, &count, &err))
        return command_fail(&err, EXIT_USAGE);
    if (q->output == OUTPUT_JSON)
        print_json(a, q, m, &load, answers, count);
    else
        print_table(a, q, m, &load, answers, count);
    return 0;
}

static int run(int argc, char **argv)
{
    struct question *q;
    struct catalog *c;
    struct arena *a;
    struct error err;
    int status;

    a = arena_new(NULL);
    q = ARENA_NEW(a, struct question);
    c = NULL;
    if (read_options(argc, argv, q, &err))
        c = q->catalog_file ? catalog_load(q->catalog_file, &err)
                            : catalog_parse(catalog_default_text(), "the built-in catalog", &err);
    status = c ? answer(a, q, c) : command_fail(&err, EXIT_USAGE);
    catalog_unref(c);
    arena_free(a);
    return status;
}

const struct command command_calc = {
    .name = "calc",
    .arguments = "--model NAME [--model-version VERSION] [--sku NAME] --workload " WORKLOAD_FORM
                 " ... [--catalog FILE] [--output table|json]",
    .help =
        "estimate the capacity (PTUs, TPM) that workloads need: peak calls a minute, tokens of a "
        "prompt and of a response, percent cached",
    .run = run,
    .prints = true,
};
