/* SPDX-License-Identifier: MIT */
#include "load/line.h"

#include <string.h>

#include "base/macros.h"

#define SECONDS_DECIMALS 3

void line_time(char out[LINE_TIME_BYTES], time_t now)
{
    struct tm local;

    localtime_r(&now, &local);
    if (!strftime(out, LINE_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &local))
        out[0] = '\0'; /* a year of five digits */
}

void line_number(char out[LINE_NUMBER_BYTES], double value, int decimals)
{
    size_t len;

    snprintf(out, LINE_NUMBER_BYTES, "%.*f", decimals > 0 ? decimals : 1,
             decimals > 0 ? value : (double)(int64_t)(value + 0.5));
    len = strlen(out);
    while (len > 2 && out[len - 1] == '0' && out[len - 2] != '.')
        out[--len] = '\0';
}

struct cell {
    char text[LINE_NUMBER_BYTES];
};

/* "n/a" where there are too few samples. */
static struct cell cell_of(double value, int decimals, bool is_there, const char *unit)
{
    struct cell c;

    if (!is_there) {
        strcpy(c.text, "n/a");
        return c;
    }
    line_number(c.text, value, decimals);
    strncat(c.text, unit, sizeof(c.text) - strlen(c.text) - 1);
    return c;
}

/* All cells of a line. A 95th percentile takes two samples. */
struct cells {
    struct cell rpm, context, generated, total;
    struct cell ttft[2], tbt[2], e2e[2], utilization[2];
};

static void fill(struct cell pair[2], const struct load_latency *l, int decimals, const char *unit)
{
    pair[0] = cell_of(l->average, decimals, l->count > 0, unit);
    pair[1] = cell_of(l->p95, decimals, l->count > 1, unit);
}

static void fill_cells(struct cells *c, const struct load_snapshot *s)
{
    double context = (double)(uint64_t)(s->context_tpm + 0.5);
    double generated = (double)(uint64_t)(s->generated_tpm + 0.5);

    c->rpm = cell_of(s->rpm, 1, s->done, "");
    c->context = cell_of(context, 0, s->done, "");
    c->generated = cell_of(generated, 0, s->done, "");
    c->total = cell_of(context + generated, 0, true, "");
    if (!s->done)
        strcpy(c->total.text, "0"); /* a whole number, there */
    fill(c->ttft, &s->ttft, SECONDS_DECIMALS, "");
    fill(c->tbt, &s->tbt, SECONDS_DECIMALS, "");
    fill(c->e2e, &s->e2e, SECONDS_DECIMALS, "");
    fill(c->utilization, &s->utilization, 1, "%");
}

void line_write_human(FILE *out, const struct load_snapshot *s, time_t now)
{
    char time_text[LINE_TIME_BYTES];
    struct cells c;

    fill_cells(&c, s);
    line_time(time_text, now);
    fprintf(
        out,
        "%s rpm: %-5s processing: %-4llu completed: %-5llu failures: %-4llu throttled: %-4llu "
        "requests: %-5llu tpm: %-6s ttft_avg: %-6s ttft_95th: %-6s tbt_avg: %-6s tbt_95th: %-6s "
        "e2e_avg: %-6s e2e_95th: %-6s util_avg: %-6s util_95th: %-6s\n",
        time_text, c.rpm.text, (unsigned long long)s->processing, (unsigned long long)s->completed,
        (unsigned long long)s->failed, (unsigned long long)s->throttled,
        (unsigned long long)s->completed, c.total.text, c.ttft[0].text, c.ttft[1].text,
        c.tbt[0].text, c.tbt[1].text, c.e2e[0].text, c.e2e[1].text, c.utilization[0].text,
        c.utilization[1].text);
}

/* A number, or "n/a" in quotes. */
static void write_value(FILE *out, const char *before, const struct cell *c, bool is_text)
{
    bool is_quoted = is_text || strcmp(c->text, "n/a") == 0;

    fprintf(out, is_quoted ? "%s\"%s\"" : "%s%s", before, c->text);
}

static void write_pair(FILE *out, const char *name, const struct cell pair[2], bool is_text)
{
    fprintf(out, ", \"%s\": {", name);
    write_value(out, "\"avg\": ", &pair[0], is_text);
    write_value(out, ", \"95th\": ", &pair[1], is_text);
    putc('}', out);
}

void line_write_json(FILE *out, const struct load_snapshot *s, time_t now)
{
    char time_text[LINE_TIME_BYTES];
    struct cells c;

    fill_cells(&c, s);
    line_time(time_text, now);
    fprintf(out, "{\"run_seconds\": %llu, \"timestamp\": \"%s\"",
            (unsigned long long)(s->run_s + 0.5), time_text);
    write_value(out, ", \"rpm\": ", &c.rpm, false);
    fprintf(out,
            ", \"processing\": %llu, \"completed\": %llu, \"failures\": %llu, \"throttled\": %llu, "
            "\"requests\": %llu",
            (unsigned long long)s->processing, (unsigned long long)s->completed,
            (unsigned long long)s->failed, (unsigned long long)s->throttled,
            (unsigned long long)s->completed);
    write_value(out, ", \"tpm\": {\"context\": ", &c.context, false);
    write_value(out, ", \"gen\": ", &c.generated, false);
    write_value(out, ", \"total\": ", &c.total, false);
    putc('}', out);
    write_pair(out, "e2e", c.e2e, false);
    write_pair(out, "ttft", c.ttft, false);
    write_pair(out, "tbt", c.tbt, false);
    write_pair(out, "util", c.utilization, true);
    fputs("}\n", out);
}
