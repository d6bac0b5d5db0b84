/* SPDX-License-Identifier: MIT */
#include "load/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/str.h"

const double load_percentiles[LOAD_PERCENTILE_COUNT] = { 0.5, 0.9, 0.95, 0.99, 0.999 };
const char *const load_percentile_names[LOAD_PERCENTILE_COUNT] = { "p50", "p90", "p95", "p99",
                                                                   "p99.9" };

void load_latency_rows(const struct load_facts *f, struct load_latency_row rows[LOAD_LATENCY_COUNT])
{
    const struct load_sums *s = &f->stats->totals;
    bool has_plan = f->options->rate_rpm > 0;
    const struct load_latency_row all[LOAD_LATENCY_COUNT] = {
        { "ttft", "time to first token", &s->ttft, true },
        { "ttft_corrected", "the same from the planned time", &s->ttft_corrected, has_plan },
        { "tbt", "time between tokens", &s->tbt, true },
        { "e2e", "end to end", &s->e2e, true },
        { "e2e_corrected", "the same from the planned time", &s->e2e_corrected, has_plan },
    };

    memcpy(rows, all, sizeof(all));
    for (unsigned i = 0; i < LOAD_LATENCY_COUNT; i++)
        rows[i].is_told = rows[i].is_told && rows[i].histogram->count;
}

double load_per_minute(const struct load_facts *f, uint64_t count)
{
    return f->run_s > 0 ? 60 * (double)count / f->run_s : 0;
}

/* -- Notes ------------------------------------------------------------------------------------- */

/* Shorter by a tenth, as Azure's tool has it: a service looks faster than with longer answers. */
static bool has_short_answers(const struct load_facts *f, double *average)
{
    const struct load_sums *s = &f->stats->totals;

    if (!s->done || !f->options->max_tokens)
        return false;
    *average = (double)s->generated_tokens / (double)s->done;
    return *average < 0.9 * (double)f->options->max_tokens;
}

void load_notes_write(FILE *out, const struct load_facts *f, const char *before, const char *after)
{
    const struct load_stats *s = f->stats;
    double average;

    if (s->totals.throttled_tries)
        fprintf(out, "%sthrottled: %" PRIu64 " answers of 429 were tried again%s", before,
                s->totals.throttled_tries, after);
    if (s->held_count)
        fprintf(out,
                "%sheld back: %" PRIu64 " requests waited for a free client, %.3f s at most: with "
                "more clients the rate would have been kept%s",
                before, s->held_count, (double)s->held_max_us / 1e6, after);
    if (s->late_count)
        fprintf(out,
                "%slate: %" PRIu64 " requests started more than 10 ms late, %.3f s at most, since "
                "the machine that made the load had no processor for them%s",
                before, s->late_count, (double)s->late_max_us / 1e6, after);
    if (s->not_started)
        fprintf(out, "%snot started: %" PRIu64 " requests that were planned before the end%s",
                before, s->not_started, after);
    if (s->aborted)
        fprintf(out, "%saborted: %" PRIu64 " requests that were under way%s", before, s->aborted,
                after);
    if (has_short_answers(f, &average))
        fprintf(out,
                "%sshort answers: %.0f tokens on average, of %" PRIu64 " asked for: with longer "
                "ones there would be fewer requests a minute, and each would take longer%s",
                before, average, f->options->max_tokens, after);
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
    load_latency_rows(f, rows);
    for (unsigned i = 0; i < LOAD_LATENCY_COUNT; i++) {
        const struct histogram *h = rows[i].histogram;

        if (!rows[i].is_told)
            continue;
        fprintf(out, "%-16s %9.4f", rows[i].name, histogram_average(h) / 1e6);
        for (unsigned j = 0; j < LOAD_PERCENTILE_COUNT; j++)
            fprintf(out, " %9.4f", histogram_percentile(h, load_percentiles[j]) / 1e6);
        fprintf(out, " %9.4f\n", (double)h->max / 1e6);
    }
}

static void write_failures(FILE *out, const struct load_failures *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        const struct failure_kind *k = &f->kinds[i];

        fprintf(out, "%9" PRIu64 "  %s", k->count, load_cause_text(k->cause));
        if (k->status)
            fprintf(out, " %d", k->status);
        if (*k->text)
            fprintf(out, ": %s", k->text);
        for (unsigned j = 0; j < k->id_count; j++)
            fprintf(out, "%s%s", j ? ", " : " (apim-request-id ", k->ids[j]);
        fputs(k->id_count ? ")\n" : "\n", out);
    }
    if (f->others)
        fprintf(out, "%9" PRIu64 "  of other kinds\n", f->others);
}

void load_summary_write(FILE *out, const struct load_facts *f)
{
    const struct load_sums *s = &f->stats->totals;

    fprintf(out,
            "\n%" PRIu64 " requests in %.1f s: %" PRIu64 " done, %" PRIu64 " failed, %" PRIu64
            " throttled\n",
            load_sums_ended(s), f->run_s, s->done, s->failed, s->throttled);
    fprintf(out, "%.1f requests and %.0f tokens a minute (prompts %.0f, answers %.0f)\n",
            load_per_minute(f, s->done),
            load_per_minute(f, s->context_tokens + s->generated_tokens),
            load_per_minute(f, s->context_tokens), load_per_minute(f, s->generated_tokens));
    if (s->utilization.count)
        fprintf(out, "utilization of the deployment: %.1f%%, %.1f%% at most\n",
                load_sums_utilization(s), (double)s->utilization.max / 10);
    if (s->e2e.count)
        write_latencies(out, f);
    load_notes_write(out, f, "", "\n");
    write_failures(out, &f->stats->failures);
}
