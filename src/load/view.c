/* SPDX-License-Identifier: MIT */
#include "load/view.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN 20
#define LINE_BYTES 512
#define BAR_COLUMNS 30
#define SPARKS_MAX 60
#define SPARK_LEVELS 8

static unsigned columns_of(const struct load_view *v)
{
    struct winsize size;

    if (ioctl(fileno(v->out), TIOCGWINSZ, &size) || size.ws_col < COLUMNS_MIN)
        return COLUMNS_DEFAULT;
    return size.ws_col;
}

/* A line, cut to the terminal's width: one that went on in the next would not be drawn over. Only
 * `columns` counts characters; what is beyond ASCII takes one each. */
static void put_line(struct load_view *v, const char *text)
{
    unsigned columns = columns_of(v), column = 0;

    for (; *text; text++) {
        if (((unsigned char)*text & 0xC0) != 0x80 && ++column >= columns)
            break;
        putc(*text, v->out);
    }
    fputs("\x1b[K\n", v->out);
    v->lines++;
}

void view_clear(struct load_view *v)
{
    if (v->lines)
        fprintf(v->out, "\x1b[%uA\x1b[J", v->lines);
    v->lines = 0;
}

static void put_head(struct load_view *v, const struct load_snapshot *s)
{
    const struct load_options *o = v->options;
    unsigned run_s = (unsigned)s->run_s, all_s = (unsigned)o->duration_s;
    char text[LINE_BYTES], of[32] = "", rate[48] = "as fast as they can";

    if (all_s)
        snprintf(of, sizeof(of), " of %u:%02u", all_s / 60, all_s % 60);
    if (o->rate_rpm > 0)
        snprintf(rate, sizeof(rate), "%g requests/min", o->rate_rpm);
    snprintf(text, sizeof(text), "lazuli bench load  %s at %s  %u:%02u%s", o->deployment,
             o->endpoint, run_s / 60, run_s % 60, of);
    put_line(v, text);
    snprintf(text, sizeof(text), "  %u clients, %s, the last %g s:", o->clients, rate, o->window_s);
    put_line(v, text);
}

static void put_counts(struct load_view *v, const struct load_snapshot *s,
                       const struct load_stats *stats)
{
    char text[LINE_BYTES];

    snprintf(text, sizeof(text),
             "  requests/min %-10.1f tokens/min %-10.0f (prompts %.0f, answers %.0f)", s->rpm,
             s->context_tpm + s->generated_tpm, s->context_tpm, s->generated_tpm);
    put_line(v, text);
    snprintf(
        text, sizeof(text),
        "  completed %-10llu processing %-8llu failures %-8llu throttled %-8llu held back %llu",
        (unsigned long long)s->completed, (unsigned long long)s->processing,
        (unsigned long long)s->failed, (unsigned long long)s->throttled,
        (unsigned long long)stats->held_count);
    put_line(v, text);
}

static void put_latency(struct load_view *v, const char *name, const struct load_latency *l)
{
    char text[LINE_BYTES];

    if (l->count)
        snprintf(text, sizeof(text), "  %-5s %9.4f %9.4f %9.4f %9.4f", name, l->average, l->p50,
                 l->p95, l->p99);
    else
        snprintf(text, sizeof(text), "  %-5s %9s %9s %9s %9s", name, "n/a", "n/a", "n/a", "n/a");
    put_line(v, text);
}

static void put_utilization(struct load_view *v, const struct load_latency *u)
{
    unsigned full = (unsigned)(u->average / 100 * BAR_COLUMNS + 0.5);
    char text[LINE_BYTES], bar[BAR_COLUMNS + 1];

    if (!u->count)
        return;
    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', full < BAR_COLUMNS ? full : BAR_COLUMNS);
    bar[BAR_COLUMNS] = '\0';
    snprintf(text, sizeof(text), "  util  %5.1f%% [%s] 95th %.0f%%", u->average, bar, u->p95);
    put_line(v, text);
}

/* Requests done in each interval so far, the last ones. The one that is under way is left out. */
static void put_sparks(struct load_view *v, const struct load_series *s)
{
    static const char *const sparks[SPARK_LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    unsigned count = s->count ? s->count - 1 : 0,
             first = count > SPARKS_MAX ? count - SPARKS_MAX : 0;
    char text[LINE_BYTES];
    uint64_t most = 1;
    size_t len;

    if (!count)
        return;
    for (unsigned i = first; i < count; i++) {
        if (s->points[i]->done > most)
            most = s->points[i]->done;
    }
    len = (size_t)snprintf(text, sizeof(text), "  done  ");
    for (unsigned i = first; i < count; i++) {
        const char *spark = sparks[s->points[i]->done * (SPARK_LEVELS - 1) / most];

        memcpy(text + len, spark, strlen(spark) + 1);
        len += strlen(spark);
    }
    put_line(v, text);
}

void view_draw(struct load_view *v, const struct load_snapshot *s, const struct load_stats *stats)
{
    view_clear(v);
    put_head(v, s);
    put_counts(v, s, stats);
    put_line(v, "  seconds     avg       p50       p95       p99");
    put_latency(v, "ttft", &s->ttft);
    put_latency(v, "tbt", &s->tbt);
    put_latency(v, "e2e", &s->e2e);
    put_utilization(v, &s->utilization);
    put_sparks(v, &stats->series);
    fflush(v->out);
}
