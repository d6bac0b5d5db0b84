/* SPDX-License-Identifier: MIT */
#include "load/report.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

const double load_percentiles[LOAD_PERCENTILE_COUNT] = { 0.5, 0.9, 0.95, 0.99, 0.999 };
const char *const load_percentile_names[LOAD_PERCENTILE_COUNT] = { "p50", "p90", "p95", "p99",
                                                                   "p99.9" };

void load_latency_rows(const struct load_stats *s, struct load_latency_row rows[LOAD_LATENCY_COUNT])
{
    const struct load_latency_row all[LOAD_LATENCY_COUNT] = {
        { "ttft", "time to first token", &s->ttft, false },
        { "ttft_corrected", "the same from the planned time", &s->ttft_corrected, true },
        { "tbt", "time between tokens", &s->tbt, false },
        { "e2e", "end to end", &s->e2e, false },
        { "e2e_corrected", "the same from the planned time", &s->e2e_corrected, true },
    };

    memcpy(rows, all, sizeof(all));
}

bool load_has_short_answers(const struct load_facts *f, double *average)
{
    uint64_t done = f->stats->completed - f->stats->failed;

    if (!done || !f->options->max_tokens)
        return false;
    *average = (double)f->stats->generated_tokens / (double)done;
    return *average < 0.9 * (double)f->options->max_tokens;
}

/* -- Files ------------------------------------------------------------------------------------- */

static bool is_json(const char *path)
{
    return str_ends_with(str_from(path), STR(".json"));
}

bool load_report_is_name(const char *path)
{
    return is_json(path) || str_ends_with(str_from(path), STR(".html"));
}

bool load_report_save(const char *path, const struct load_facts *f, struct error *err)
{
    FILE *out = fopen(path, "w");
    bool ok = out;

    if (ok) {
        if (is_json(path))
            load_report_write_json(out, f);
        else
            load_report_write_html(out, f);
        ok = !ferror(out);
        ok = fclose(out) == 0 && ok;
    }
    return ok || error_set(err, ERROR_IO, "%s cannot be written: %s", path, strerror(errno));
}

/* -- The summary ------------------------------------------------------------------------------- */

static void write_latencies(FILE *out, const struct load_facts *f)
{
    struct load_latency_row rows[LOAD_LATENCY_COUNT];

    fprintf(out, "%-16s %9s", "seconds", "avg");
    for (unsigned i = 0; i < LOAD_PERCENTILE_COUNT; i++)
        fprintf(out, " %9s", load_percentile_names[i]);
    fprintf(out, " %9s\n", "max");
    load_latency_rows(f->stats, rows);
    for (unsigned i = 0; i < LOAD_LATENCY_COUNT; i++) {
        const struct histogram *h = rows[i].histogram;

        if (!h->count || (rows[i].is_corrected && f->options->rate_rpm <= 0))
            continue;
        fprintf(out, "%-16s %9.4f", rows[i].name, histogram_average(h) / 1e6);
        for (unsigned j = 0; j < LOAD_PERCENTILE_COUNT; j++)
            fprintf(out, " %9.4f", histogram_percentile(h, load_percentiles[j]) / 1e6);
        fprintf(out, " %9.4f\n", (double)h->max / 1e6);
    }
}

static void write_held(FILE *out, const struct load_facts *f)
{
    const struct load_stats *s = f->stats;

    if (s->held_count)
        fprintf(out,
                "held back: %llu requests waited for a free client, %.3f s at most: with more "
                "--clients the rate would have been kept\n",
                (unsigned long long)s->held_count, (double)s->held_max_us / 1e6);
    if (s->late_count)
        fprintf(out,
                "late: %llu requests started more than 10 ms late, %.3f s at most, since this "
                "machine had no processor for them\n",
                (unsigned long long)s->late_count, (double)s->late_max_us / 1e6);
    if (s->not_started)
        fprintf(out, "not started: %llu requests that were planned before the end\n",
                (unsigned long long)s->not_started);
    if (s->aborted)
        fprintf(out, "aborted: %llu requests that were under way\n",
                (unsigned long long)s->aborted);
}

static void write_failures(FILE *out, const struct load_failures *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        const struct failure_kind *k = &f->kinds[i];

        fprintf(out, "%9llu  %s", (unsigned long long)k->count, load_cause_text(k->cause));
        if (k->status)
            fprintf(out, " %d", k->status);
        if (*k->text)
            fprintf(out, ": %s", k->text);
        for (unsigned j = 0; j < k->id_count; j++)
            fprintf(out, "%s%s", j ? ", " : " (apim-request-id ", k->ids[j]);
        fputs(k->id_count ? ")\n" : "\n", out);
    }
    if (f->others)
        fprintf(out, "%9llu  of other kinds\n", (unsigned long long)f->others);
}

void load_summary_write(FILE *out, const struct load_facts *f)
{
    const struct load_stats *s = f->stats;
    double minutes = f->run_s / 60, average;

    fprintf(out, "\n%llu requests in %.1f s: %llu done, %llu failed, %llu throttled",
            (unsigned long long)s->completed, f->run_s,
            (unsigned long long)(s->completed - s->failed),
            (unsigned long long)(s->failed - s->throttled), (unsigned long long)s->throttled);
    if (s->throttled_tries)
        fprintf(out, "; %llu answers of 429 were tried again",
                (unsigned long long)s->throttled_tries);
    fprintf(out, "\n%.1f requests and %.0f tokens a minute (prompts %.0f, answers %.0f)\n",
            (double)(s->completed - s->failed) / minutes,
            (double)(s->context_tokens + s->generated_tokens) / minutes,
            (double)s->context_tokens / minutes, (double)s->generated_tokens / minutes);
    if (s->utilization_count)
        fprintf(out, "utilization of the deployment: %.1f%%, %.1f%% at most\n",
                s->utilization_sum / (double)s->utilization_count, s->utilization_max);
    if (s->e2e.count)
        write_latencies(out, f);
    write_held(out, f);
    if (load_has_short_answers(f, &average))
        fprintf(out,
                "short answers: %.0f tokens on average, of %llu asked for: with longer ones there "
                "would be fewer requests a minute, and each would take longer\n",
                average, (unsigned long long)f->options->max_tokens);
    write_failures(out, &s->failures);
}
