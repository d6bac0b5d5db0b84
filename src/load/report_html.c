/*
 * The report for people: one page of tables and charts, which needs no other file and runs no script.
 * SPDX-License-Identifier: MIT
 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "load/chart.h"
#include "load/line.h"
#include "load/report.h"

static const char style[] =
    ":root{color-scheme:light dark;--fg:#1b1f24;--dim:#667;--bg:#fff;--grid:#ddd;"
    "--c0:#0f6cbd;--c1:#c05a00;--c2:#1a7f37;--c3:#8250df}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6e6e6;--dim:#99a;--bg:#16181d;--grid:#3a3d44;"
    "--c0:#62abf5;--c1:#f0934a;--c2:#56c271;--c3:#b592f5}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:62rem;"
    "margin:2rem auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}\n"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
    "vertical-align:top}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}tr+tr{border-top:1px solid "
    "var(--grid)}\n"
    ".big{display:flex;flex-wrap:wrap;gap:1rem 2.5rem}.big b{display:block;font-size:1.6rem}\n"
    "figure{margin:1.5rem 0}figcaption{font-weight:600}small,.note{color:var(--dim);"
    "font-weight:400}\n"
    "svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--dim)}text.y{text-anchor:end}"
    "text.x{text-anchor:middle}\n"
    ".grid{stroke:var(--grid)}polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}"
    ".tip{fill:transparent}.tip:hover{fill:var(--grid);fill-opacity:.4}\n"
    ".key{font-weight:400;margin-left:1rem}.key::before{content:'';display:inline-block;width:.8em;"
    "height:.8em;margin-right:.3em;background:currentColor}\n"
    "polyline.l0{stroke:var(--c0)}polyline.l1{stroke:var(--c1)}polyline.l2{stroke:var(--c2)}"
    "polyline.l3{stroke:var(--c3)}\n"
    "circle.l0{fill:var(--c0)}circle.l1{fill:var(--c1)}circle.l2{fill:var(--c2)}"
    "circle.l3{fill:var(--c3)}\n"
    ".key.l0{color:var(--c0)}.key.l1{color:var(--c1)}.key.l2{color:var(--c2)}"
    ".key.l3{color:var(--c3)}\n";

/* -- Tables ------------------------------------------------------------------------------------ */

static void write_big(FILE *out, const char *name, double value, int decimals, const char *unit)
{
    fprintf(out, "<div><b>%.*f%s</b>%s</div>\n", decimals, value, unit, name);
}

static void write_totals(FILE *out, const struct load_facts *f)
{
    const struct load_sums *s = &f->stats->totals;

    fputs("<div class=\"big\">\n", out);
    write_big(out, "requests a minute", load_per_minute(f, s->done), 1, "");
    write_big(out, "tokens a minute", load_per_minute(f, s->context_tokens + s->generated_tokens),
              0, "");
    if (s->ttft.count)
        write_big(out, "to the first token, 95th", histogram_percentile(&s->ttft, 0.95) / 1e6, 3,
                  " s");
    if (s->e2e.count)
        write_big(out, "end to end, 95th", histogram_percentile(&s->e2e, 0.95) / 1e6, 3, " s");
    if (s->utilization.count)
        write_big(out, "utilization", load_sums_utilization(s), 1, "%");
    write_big(out, "failures", (double)s->failed, 0, "");
    write_big(out, "throttled", (double)s->throttled, 0, "");
    fputs("</div>\n", out);
}

static void write_row(FILE *out, const char *name, const char *text)
{
    fprintf(out, "<tr><th>%s</th><td>", name);
    html_write(out, text);
    fputs("</td></tr>\n", out);
}

static void write_number_row(FILE *out, const char *name, double value, const char *unit)
{
    fprintf(out, "<tr><th>%s</th><td>%g %s</td></tr>\n", name, value, unit);
}

static void write_setup(FILE *out, const struct load_facts *f)
{
    const struct load_options *o = f->options;

    fputs("<h2>What was asked for</h2>\n<table>\n", out);
    write_row(out, "endpoint", o->endpoint);
    write_row(out, "deployment", o->deployment);
    write_row(out, "api-version", o->api_version);
    write_number_row(out, "clients", o->clients, "");
    if (o->rate_rpm > 0)
        write_number_row(out, "rate", o->rate_rpm,
                         o->is_random ? "requests a minute, at random times (Poisson)"
                                      : "requests a minute, at even times");
    else
        write_row(out, "rate", "as fast as the clients can");
    write_row(out, "retry", o->retries ? "exponential" : "none");
    if (o->replay_path)
        write_row(out, "messages", o->replay_path);
    else
        write_row(out, "shape profile", load_shape_name(o->shape));
    if (!o->replay_path)
        write_number_row(out, "context tokens", (double)o->context_tokens, "");
    if (o->max_tokens)
        write_number_row(out, "max tokens", (double)o->max_tokens, "");
    write_row(out, "answers", o->streams ? "streamed" : "whole");
    fputs("</table>\n", out);
}

static void write_cell(FILE *out, double microseconds)
{
    fprintf(out, "<td class=\"n\">%.4f</td>", microseconds / 1e6);
}

static void write_latencies(FILE *out, const struct load_facts *f)
{
    struct load_latency_row rows[LOAD_LATENCY_COUNT];

    fputs("<h2>Latency <small>in seconds, of the whole run</small></h2>\n<table>\n"
          "<tr><th></th><th class=\"n\">requests</th><th class=\"n\">average</th>",
          out);
    for (unsigned i = 0; i < LOAD_PERCENTILE_COUNT; i++)
        fprintf(out, "<th class=\"n\">%s</th>", load_percentile_names[i]);
    fputs("<th class=\"n\">max</th></tr>\n", out);
    load_latency_rows(f, rows);
    for (unsigned i = 0; i < LOAD_LATENCY_COUNT; i++) {
        const struct histogram *h = rows[i].histogram;

        if (!rows[i].is_told)
            continue;
        fprintf(out, "<tr><th>%s</th><td class=\"n\">%llu</td>", rows[i].title,
                (unsigned long long)h->count);
        write_cell(out, histogram_average(h));
        for (unsigned j = 0; j < LOAD_PERCENTILE_COUNT; j++)
            write_cell(out, histogram_percentile(h, load_percentiles[j]));
        write_cell(out, (double)h->max);
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
    fputs(
        f->options->rate_rpm > 0
            ? "<p class=\"note\">From the planned time: what a caller who comes at the given rate "
              "waits, also behind a service that has fallen behind (coordinated omission).</p>\n"
            : "<p class=\"note\">No rate was given: each client waited for its answer before it "
              "asked again, so that a slow service was asked less. Give a rate to see what "
              "callers of their own pace wait.</p>\n",
        out);
}

static void write_failures(FILE *out, const struct load_facts *f)
{
    const struct load_failures *failures = &f->stats->failures;

    if (!failures->count)
        return;
    fputs(
        "<h2>Failures</h2>\n<table>\n<tr><th class=\"n\">requests</th><th>cause</th><th>status</th>"
        "<th>text</th><th>apim-request-id</th></tr>\n",
        out);
    for (unsigned i = 0; i < failures->count; i++) {
        const struct failure_kind *k = &failures->kinds[i];

        fprintf(out, "<tr><td class=\"n\">%llu</td><td>%s</td><td>", (unsigned long long)k->count,
                load_cause_text(k->cause));
        if (k->status)
            fprintf(out, "%d", k->status);
        fputs("</td><td>", out);
        html_write(out, k->text);
        fputs("</td><td>", out);
        for (unsigned j = 0; j < k->id_count; j++) {
            fputs(j ? "<br/>" : "", out);
            html_write(out, k->ids[j]);
        }
        fputs("</td></tr>\n", out);
    }
    if (failures->others)
        fprintf(out, "<tr><td class=\"n\">%llu</td><td>of other kinds</td></tr>\n",
                (unsigned long long)failures->others);
    fputs("</table>\n", out);
}

/* -- Charts ------------------------------------------------------------------------------------ */

/* The last interval is shorter; a rate of much less than half of one says nothing. */
static unsigned whole_points(const struct load_facts *f)
{
    const struct load_series *s = &f->stats->series;
    double interval_s = (double)s->interval_us / 1e6;

    if (s->count > 1 && f->run_s < interval_s * (s->count - 1) + interval_s / 2)
        return s->count - 1;
    return s->count;
}

static double per_minute(const struct load_series *s, uint64_t count)
{
    return (double)count * 60e6 / (double)s->interval_us;
}

static double percentile_s(const struct histogram *h, double part)
{
    return h->count ? histogram_percentile(h, part) / 1e6 : NAN;
}

/* What a line of a chart shows of each point. */
struct line_plan {
    const char *name;
    enum { LINE_PER_MINUTE, LINE_PERCENTILE, LINE_UTILIZATION } kind;
    size_t offset; /* in struct load_sums, of the count or the histogram */
    double part;   /* of a percentile */
};

#define PER_MINUTE(name, member)                                     \
    {                                                                \
        name, LINE_PER_MINUTE, offsetof(struct load_sums, member), 0 \
    }
#define PERCENTILE(name, member, part)                                    \
    {                                                                     \
        name, LINE_PERCENTILE, offsetof(struct load_sums, member), (part) \
    }

static double value_of(const struct load_series *s, const struct load_sums *p,
                       const struct line_plan *line)
{
    const void *at = (const char *)p + line->offset;

    switch (line->kind) {
    case LINE_PER_MINUTE:
        return per_minute(s, *(const uint64_t *)at);
    case LINE_PERCENTILE:
        return percentile_s(at, line->part);
    case LINE_UTILIZATION:
        return p->utilization.count ? load_sums_utilization(p) : NAN;
    }
    return NAN;
}

struct chart_plan {
    const char *title, *unit;
    unsigned line_count;
    struct line_plan lines[CHART_LINES_MAX];
};

static void write_chart(FILE *out, const struct load_facts *f, const struct chart_plan *plan)
{
    const struct load_series *s = &f->stats->series;
    struct chart c = { .title = plan->title,
                       .unit = plan->unit,
                       .count = whole_points(f),
                       .x_step = (double)s->interval_us / 1e6,
                       .line_count = plan->line_count };
    double *values = memory_alloc_array((size_t)CHART_LINES_MAX * c.count + 1, sizeof(*values));

    for (unsigned line = 0; line < c.line_count; line++) {
        double *at = values + (size_t)line * c.count;

        c.names[line] = plan->lines[line].name;
        c.values[line] = at;
        for (unsigned i = 0; i < c.count; i++)
            at[i] = value_of(s, s->points[i], &plan->lines[line]);
    }
    chart_write(out, &c);
    free(values);
}

static void write_percentiles(FILE *out, const struct load_facts *f)
{
    static const double parts[] = {
        0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1
    };
    static const char *const names[] = { "10%", "25%",   "50%",   "75%",    "90%", "95%",
                                         "99%", "99.5%", "99.9%", "99.99%", "max" };
    const struct load_sums *s = &f->stats->totals;
    double values[3][ARRAY_LEN(parts)];
    struct chart c = { .title = "Latency by percentile",
                       .unit = "s",
                       .count = ARRAY_LEN(parts),
                       .x_names = names,
                       .line_count = f->options->rate_rpm > 0 ? 3 : 2,
                       .names = { "end to end", "first token",
                                  "end to end, from the planned time" },
                       .values = { values[0], values[1], values[2] } };

    for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
        values[0][i] = percentile_s(&s->e2e, parts[i]);
        values[1][i] = percentile_s(&s->ttft, parts[i]);
        values[2][i] = percentile_s(&s->e2e_corrected, parts[i]);
    }
    chart_write(out, &c);
}

static void write_charts(FILE *out, const struct load_facts *f)
{
    static const struct chart_plan
        throughput = { "Requests",
                       "a minute",
                       4,
                       { PER_MINUTE("done", done), PER_MINUTE("failed", failed),
                         PER_MINUTE("throttled", throttled),
                         PER_MINUTE("tried again", throttled_tries) } },
        tokens = { "Tokens",
                   "a minute",
                   2,
                   { PER_MINUTE("answers", generated_tokens),
                     PER_MINUTE("prompts", context_tokens) } },
        e2e = { "End to end",
                "s",
                4,
                { PERCENTILE("p50", e2e, 0.5), PERCENTILE("p95", e2e, 0.95),
                  PERCENTILE("p99", e2e, 0.99),
                  PERCENTILE("p95 from the planned time", e2e_corrected, 0.95) } },
        ttft = { "Time to first token",
                 "s",
                 3,
                 { PERCENTILE("p50", ttft, 0.5), PERCENTILE("p95", ttft, 0.95),
                   PERCENTILE("p99", ttft, 0.99) } },
        utilization = {
            "Utilization of the deployment", "%", 1, { { "average", LINE_UTILIZATION, 0, 0 } }
        };
    const struct load_sums *totals = &f->stats->totals;

    fputs("<h2>Over time</h2>\n", out);
    write_chart(out, f, &throughput);
    write_chart(out, f, &tokens);
    if (totals->e2e.count)
        write_chart(out, f, &e2e);
    if (totals->ttft.count)
        write_chart(out, f, &ttft);
    if (totals->utilization.count)
        write_chart(out, f, &utilization);
    if (!totals->e2e.count)
        return;
    fputs("<h2>Distribution</h2>\n", out);
    write_percentiles(out, f);
}

void load_report_write_html(FILE *out, const struct load_facts *f)
{
    char time_text[LINE_TIME_BYTES];

    line_time(time_text, f->started);
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>Load of ",
          out);
    html_write(out, f->options->deployment);
    fprintf(out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1>Load of ", style);
    html_write(out, f->options->deployment);
    fprintf(out, "</h1>\n<p class=\"note\">%s, %.1f s, %llu requests; lazuli bench %s</p>\n",
            time_text, f->run_s, (unsigned long long)load_sums_ended(&f->stats->totals),
            LAZULI_VERSION);
    write_totals(out, f);
    load_notes_write(out, f, "<p>", "</p>\n");
    write_latencies(out, f);
    write_failures(out, f);
    write_charts(out, f);
    write_setup(out, f);
    fputs("</body></html>\n", out);
}
