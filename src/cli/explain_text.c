/* SPDX-License-Identifier: MIT */
#include "cli/explain_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/format.h"

/* Where the text goes, and what it is about. */
struct report {
    FILE *out;
    struct arena *arena;
    yyjson_val *root;
};

/* ---- values ---- */

static uint64_t number(const struct report *r, const char *path)
{
    return yyjson_get_uint(json_at(r->root, path));
}

static const char *text(const struct report *r, const char *path)
{
    char *shown = arena_text(r->arena, json_str(json_at(r->root, path)));

    str_mask_controls(shown, strlen(shown));
    return shown;
}

static int64_t time_ms(const struct report *r, const char *path)
{
    int64_t ms;

    return format_parse_time(json_str(json_at(r->root, path)), &ms) ? ms : 0;
}

/* "2026-11-29 18:20:10.123" */
static const char *date(const struct report *r, const char *path)
{
    struct str t = format_time(r->arena, time_ms(r, path));

    return arena_printf(r->arena, "%.10s %.12s", t.data, t.data + 11).data;
}

static const char *time_of_day(const struct report *r, const char *path)
{
    return date(r, path) + 11;
}

static const char *grouped(const struct report *r, const char *path)
{
    struct str digits = format_decimal(r->arena, (int64_t)number(r, path));

    return format_grouped(r->arena, digits).data;
}

static void label(const struct report *r, const char *name)
{
    fprintf(r->out, "  %-12s ", name);
}

/* ---- the limit ---- */

static void print_requests(const struct report *r)
{
    label(r, "limit");
    fprintf(r->out, "requests: %s in %s s (%s a minute for each unit of capacity)\n",
            grouped(r, "requests.limit"), grouped(r, "requests.period_s"),
            grouped(r, "requests.per_unit_and_minute"));
    label(r, "window");
    fprintf(r->out, "%s to %s UTC\n", time_of_day(r, "requests.window.start"),
            time_of_day(r, "requests.window.end"));
    label(r, "filled by");
    fprintf(r->out, "%s admitted, %s refused for a limit (429), %s refused as invalid (400)\n",
            grouped(r, "requests.admitted_before"), grouped(r, "requests.refused_before"),
            grouped(r, "requests.invalid_before"));
}

static void print_tokens(const struct report *r)
{
    label(r, "limit");
    fprintf(r->out, "tokens: %s a minute (%s for each unit of capacity)\n",
            grouped(r, "tokens.limit"), grouped(r, "tokens.per_unit_and_minute"));
    label(r, "window");
    fprintf(r->out, "%s to %s UTC\n", time_of_day(r, "tokens.window.start"),
            time_of_day(r, "tokens.window.end"));
    label(r, "filled by");
    fprintf(r->out, "%s tokens of requests admitted, %s of requests refused\n",
            grouped(r, "tokens.admitted_before"), grouped(r, "tokens.refused_before"));
}

static void print_throughput(const struct report *r)
{
    label(r, "limit");
    fprintf(r->out,
            "utilization: 100 %% (%s s of the drain); %s input tokens drain in a minute (%s for "
            "each PTU)\n",
            grouped(r, "throughput.burst_s"), grouped(r, "throughput.drain_per_minute"),
            grouped(r, "throughput.per_unit_and_minute"));
    label(r, "level");
    fprintf(r->out, "%.1f %% when it came, %s requests in flight\n",
            yyjson_get_num(json_at(r->root, "throughput.level_percent")),
            grouped(r, "throughput.requests_in_flight"));
    label(r, "filled by");
    fprintf(r->out,
            "%s input tokens that requests in flight are taken for; of those that ended, %s in the "
            "clock's minute so far, %s in the one before\n",
            grouped(r, "throughput.work_in_flight"), grouped(r, "throughput.work_this_minute"),
            grouped(r, "throughput.work_last_minute"));
}

static void print_limit(const struct report *r)
{
    struct str by = json_str(json_at(r->root, "refused_by"));

    if (str_equal(by, STR("requests")))
        print_requests(r);
    else if (str_equal(by, STR("tokens")))
        print_tokens(r);
    else
        print_throughput(r);
}

/* ---- the request ---- */

static void print_estimate(const struct report *r)
{
    bool is_work = number(r, "estimate.answer.ratio") > 1;
    uint64_t given = number(r, "estimate.prompt.given_tokens");

    label(r, "estimate");
    fprintf(r->out, "%s %s = prompt %s (%s characters, four to a token",
            grouped(r, "estimate.total"), is_work ? "input tokens" : "tokens",
            grouped(r, "estimate.prompt.tokens"), grouped(r, "estimate.prompt.characters"));
    if (given)
        fprintf(r->out, ", and %s tokens as such", grouped(r, "estimate.prompt.given_tokens"));
    fputc(')', r->out);
    if (number(r, "estimate.answer.count"))
        fprintf(r->out, " + %s x answer %s (%s)", grouped(r, "estimate.answer.count"),
                grouped(r, "estimate.answer.tokens"),
                yyjson_get_bool(json_at(r->root, "estimate.answer.is_asked"))
                    ? "max_tokens"
                    : "the request does not say");
    if (is_work)
        fprintf(r->out, " x %s input tokens", grouped(r, "estimate.answer.ratio"));
    fputc('\n', r->out);
}

static void print_needed(const struct report *r)
{
    uint64_t capacity = number(r, "needed.capacity"), tokens = number(r, "needed.max_tokens");

    label(r, "retry");
    fputs("never passes: the request alone is above the whole limit\n", r->out);
    label(r, "needed");
    if (capacity)
        fprintf(r->out, "a capacity of %s, or ", grouped(r, "needed.capacity"));
    if (tokens)
        fprintf(r->out, "max_tokens of at most %s\n", grouped(r, "needed.max_tokens"));
    else
        fputs("a shorter prompt\n", r->out);
}

static void print_retry(const struct report *r)
{
    int64_t past_ms = time_ms(r, "now") - time_ms(r, "retry.at");

    if (!yyjson_is_obj(json_at(r->root, "retry"))) {
        print_needed(r);
        return;
    }
    label(r, "retry");
    if (yyjson_get_bool(json_at(r->root, "retry.has_passed")))
        fprintf(r->out, "would have passed from %s UTC on, %.1f s ago", date(r, "retry.at"),
                (double)past_ms / 1000);
    else
        fprintf(r->out, "passes from %s UTC on, in %.1f s", date(r, "retry.at"),
                (double)number(r, "retry.in_ms") / 1000);
    fputs(", if nothing else comes before\n", r->out);
}

void explain_print_text(FILE *out, struct arena *a, yyjson_val *refusal)
{
    const struct report report = { out, a, refusal }, *r = &report;
    double age_s = (double)(time_ms(r, "now") - time_ms(r, "time")) / 1000;

    fprintf(out, "%s\n", text(r, "id"));
    label(r, "refused");
    fprintf(out, "%s UTC, %.1f s ago: %s\n", date(r, "time"), age_s, text(r, "operation"));
    label(r, "deployment");
    fprintf(out, "%s of account %s: %s %s, %s, capacity %s\n", text(r, "deployment"),
            text(r, "account"), text(r, "model"), text(r, "model_version"), text(r, "sku"),
            grouped(r, "capacity"));
    print_limit(r);
    print_estimate(r);
    print_retry(r);
}
