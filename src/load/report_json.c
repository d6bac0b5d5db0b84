/*
 * The report for programs.
 * SPDX-License-Identifier: MIT
 */
#include "base/format.h"
#include "base/json.h"
#include "load/report.h"

#define VERSION 1

struct writer {
    struct arena *arena;
    yyjson_mut_doc *doc;
};

static void set_count(struct writer *w, yyjson_mut_val *object, const char *key, uint64_t count)
{
    json_set(w->doc, object, key, yyjson_mut_uint(w->doc, count));
}

/* To the microsecond, where it is seconds. */
static void set_real(struct writer *w, yyjson_mut_val *object, const char *key, double value)
{
    json_set(w->doc, object, key,
             yyjson_mut_real(w->doc, (double)(int64_t)(value * 1e6 + 0.5) / 1e6));
}

static void set_text(struct writer *w, yyjson_mut_val *object, const char *key, const char *text)
{
    json_set_str(w->doc, object, key, str_from(text));
}

static void set_options(struct writer *w, yyjson_mut_val *root, const struct load_options *o)
{
    yyjson_mut_val *object = json_set_object(w->doc, root, "options");

    set_text(w, object, "api_base_endpoint", o->endpoint);
    set_text(w, object, "deployment", o->deployment);
    set_text(w, object, "api_version", o->api_version);
    set_count(w, object, "clients", o->clients);
    set_count(w, object, "requests", o->requests);
    set_real(w, object, "duration", o->duration_s);
    set_text(w, object, "run_end_condition_mode", o->ends_with_both ? "and" : "or");
    set_real(w, object, "rate", o->rate_rpm);
    set_text(w, object, "arrivals", o->is_random ? "poisson" : "even");
    set_real(w, object, "aggregation_window", o->window_s);
    if (o->replay_path) {
        set_text(w, object, "replay_path", o->replay_path);
    } else {
        set_text(w, object, "shape_profile", load_shape_name(o->shape));
        set_count(w, object, "context_tokens", o->context_tokens);
    }
    set_count(w, object, "max_tokens", o->max_tokens);
    set_count(w, object, "completions", o->completions);
    set_text(w, object, "retry", o->retries ? "exponential" : "none");
    json_set_bool(w->doc, object, "stream", o->streams);
    json_set_bool(w->doc, object, "prevent_server_caching", o->prevents_caching);
}

static void set_totals(struct writer *w, yyjson_mut_val *root, const struct load_facts *f)
{
    const struct load_stats *s = f->stats;
    const struct load_sums *sums = &s->totals;
    yyjson_mut_val *object = json_set_object(w->doc, root, "totals");

    set_count(w, object, "completed", load_sums_ended(sums));
    set_count(w, object, "done", sums->done);
    set_count(w, object, "failures", sums->failed + sums->throttled);
    set_count(w, object, "throttled", sums->throttled);
    set_count(w, object, "throttled_tries", sums->throttled_tries);
    set_count(w, object, "held_back", s->held_count);
    set_real(w, object, "held_back_max_seconds", (double)s->held_max_us / 1e6);
    set_count(w, object, "late", s->late_count);
    set_real(w, object, "late_max_seconds", (double)s->late_max_us / 1e6);
    set_count(w, object, "not_started", s->not_started);
    set_count(w, object, "aborted", s->aborted);
    set_count(w, object, "context_tokens", sums->context_tokens);
    set_count(w, object, "generated_tokens", sums->generated_tokens);
    set_real(w, object, "rpm", load_per_minute(f, sums->done));
    set_real(w, object, "tpm", load_per_minute(f, sums->context_tokens + sums->generated_tokens));
    if (sums->utilization.count) {
        set_real(w, object, "utilization_avg", load_sums_utilization(sums));
        set_real(w, object, "utilization_max", (double)sums->utilization.max / 10);
    }
}

static void set_latency(struct writer *w, yyjson_mut_val *parent, const char *key,
                        const struct histogram *h)
{
    yyjson_mut_val *object = json_set_object(w->doc, parent, key);

    set_count(w, object, "count", h->count);
    if (!h->count)
        return;
    set_real(w, object, "avg", histogram_average(h) / 1e6);
    set_real(w, object, "min", (double)h->min / 1e6);
    for (unsigned i = 0; i < LOAD_PERCENTILE_COUNT; i++)
        set_real(w, object, load_percentile_names[i],
                 histogram_percentile(h, load_percentiles[i]) / 1e6);
    set_real(w, object, "max", (double)h->max / 1e6);
}

static void set_failures(struct writer *w, yyjson_mut_val *root, const struct load_failures *f)
{
    yyjson_mut_val *list = yyjson_mut_arr(w->doc);

    json_set(w->doc, root, "failures", list);
    for (unsigned i = 0; i < f->count; i++) {
        const struct failure_kind *k = &f->kinds[i];
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(w->doc, list);
        yyjson_mut_val *ids = yyjson_mut_arr(w->doc);

        set_text(w, object, "cause", load_cause_name(k->cause));
        if (k->status)
            set_count(w, object, "status", (uint64_t)k->status);
        set_text(w, object, "text", k->text);
        set_count(w, object, "count", k->count);
        for (unsigned j = 0; j < k->id_count; j++)
            yyjson_mut_arr_add_strcpy(w->doc, ids, k->ids[j]);
        json_set(w->doc, object, "apim_request_ids", ids);
    }
    if (f->others)
        set_count(w, root, "failures_of_other_kinds", f->others);
}

static void set_series(struct writer *w, yyjson_mut_val *root, const struct load_series *s)
{
    yyjson_mut_val *object = json_set_object(w->doc, root, "series");
    yyjson_mut_val *points = yyjson_mut_arr(w->doc);

    set_real(w, object, "interval_seconds", (double)s->interval_us / 1e6);
    json_set(w->doc, object, "points", points);
    for (unsigned i = 0; i < s->count; i++) {
        const struct load_sums *p = s->points[i];
        yyjson_mut_val *point = yyjson_mut_arr_add_obj(w->doc, points);

        set_count(w, point, "done", p->done);
        set_count(w, point, "failed", p->failed);
        set_count(w, point, "throttled", p->throttled);
        set_count(w, point, "context_tokens", p->context_tokens);
        set_count(w, point, "generated_tokens", p->generated_tokens);
        if (p->utilization.count)
            set_real(w, point, "utilization_avg", load_sums_utilization(p));
        set_latency(w, point, "ttft", &p->ttft);
        set_latency(w, point, "e2e", &p->e2e);
        set_latency(w, point, "e2e_corrected", &p->e2e_corrected);
    }
}

void load_report_write_json(FILE *out, const struct load_facts *f)
{
    struct writer w = { .arena = arena_new(NULL) };
    struct load_latency_row rows[LOAD_LATENCY_COUNT];
    yyjson_mut_val *root, *latency;
    struct str text;

    w.doc = json_new(w.arena);
    root = yyjson_mut_obj(w.doc);
    set_count(&w, root, "version", VERSION);
    set_text(&w, root, "tool", "lazuli " LAZULI_VERSION);
    json_set_str(w.doc, root, "started", format_time_seconds(w.arena, (int64_t)f->started * 1000));
    set_real(&w, root, "run_seconds", f->run_s);
    set_options(&w, root, f->options);
    set_totals(&w, root, f);
    latency = json_set_object(w.doc, root, "latency_seconds");
    load_latency_rows(f, rows);
    for (unsigned i = 0; i < LOAD_LATENCY_COUNT; i++)
        set_latency(&w, latency, rows[i].name, rows[i].histogram);
    set_failures(&w, root, &f->stats->failures);
    set_series(&w, root, &f->stats->series);
    text = json_write_mut(w.arena, root);
    fwrite(text.data, 1, text.len, out);
    putc('\n', out);
    arena_free(w.arena);
}
