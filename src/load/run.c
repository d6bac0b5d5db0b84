/*
 * DESIGN. One loop on one thread. A client is free or has one request; free ones are in a list. Whenever
 * one becomes free and whenever the pacer says that a request is due, start_due gives requests to free
 * clients as the schedule has them. At a rate with all clients at work, nothing is due for the pacer: the
 * next outcome starts what is late.
 * SPDX-License-Identifier: MIT
 */
#include "load/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "load/client.h"
#include "load/line.h"
#include "load/pacer.h"
#include "load/report.h"
#include "load/say.h"
#include "load/schedule.h"
#include "load/stats.h"
#include "load/view.h"

#define TICK_MS 1000
#define SIGNAL_COUNT 2
#define ARRIVALS_SEED 20231019 /* two runs have the same arrivals */
/* Of failed calls, in a second; the summary counts all. */
#define FAILURES_SAID_MAX 5
/* Azure's tool warns from there on. */
#define LAG_SAID_US ((uint64_t)1000000)
#define LAG_SAID_EACH_US ((uint64_t)10000000)
#define LOG_DEPLOYMENT_BYTES 128 /* of a file's name, which may have 255 */
/* With no rate, who finds nobody there asks again after so long, twice that the next time. */
#define HOLD_FIRST_US ((uint64_t)10000)
#define HOLD_MAX_US ((uint64_t)1000000)

struct run {
    const struct load_options *options;
    struct arena *arena;
    struct load_target target;
    struct prompts prompts;
    struct load_context context;
    struct load_stats stats;
    struct load_schedule schedule;
    struct load_client **clients;
    struct load_client *free;
    unsigned in_flight;
    uint64_t full_until_us; /* when last all clients were at work */
    uint64_t hold_us, hold_until_us;
    uint64_t lag_said_us;
    uint64_t drains_since_us;
    unsigned failures_said; /* in this second */
    struct loop *loop;
    struct pacer pacer;
    uv_timer_t tick;
    uv_signal_t signals[SIGNAL_COUNT];
    struct say say;
    struct load_view view;
    FILE *copy; /* of the lines */
    time_t started;
    uint64_t ended_us;
    bool is_draining, has_ended, is_forced;
};

/* -- What is told ------------------------------------------------------------------------------ */

static void write_line(const struct run *r, FILE *out, const struct load_snapshot *s)
{
    time_t now = time(NULL);

    if (r->options->is_jsonl)
        line_write_json(out, s, now);
    else
        line_write_human(out, s, now);
    fflush(out);
}

static void tell(struct run *r, uint64_t now_us)
{
    struct load_snapshot snapshot;

    load_stats_snapshot(&r->stats, now_us, &snapshot);
    if (r->copy)
        write_line(r, r->copy, &snapshot);
    if (r->options->is_live && !r->has_ended)
        view_draw(&r->view, &snapshot, &r->stats);
    else
        write_line(r, stdout, &snapshot);
}

static void make_room(void *data)
{
    view_clear(data);
}

/* "call failed: apim-request-id=ID 500: TEXT", as Azure's tool has it; what has no such status is told
 * by its cause. */
static void say_failure(struct run *r, const struct load_outcome *o)
{
    const char *cause = "";
    char status[16] = "";

    if (o->result != LOAD_FAILED || r->failures_said++ >= FAILURES_SAID_MAX)
        return;
    if (o->cause != LOAD_CAUSE_STATUS)
        cause = load_cause_text(o->cause);
    if (o->status)
        snprintf(status, sizeof(status), " %d:", o->status);
    say_warning(&r->say, "call failed:%s%s%s %s%s%s", *o->request_id ? " apim-request-id=" : "",
                o->request_id, status, cause, *cause && *o->text ? ": " : "", o->text);
}

static void say_lag(struct run *r, uint64_t planned_us, uint64_t now_us)
{
    if (now_us - planned_us < LAG_SAID_US ||
        (r->lag_said_us && now_us - r->lag_said_us < LAG_SAID_EACH_US))
        return;
    r->lag_said_us = now_us;
    say_warning(&r->say,
                "falling behind committed rate by %.3fs, consider increasing number of clients.",
                (double)(now_us - planned_us) / 1e6);
}

/* -- The end ----------------------------------------------------------------------------------- */

static void on_http_closed(void *data)
{
    struct run *r = data;

    loop_stop(r->loop);
}

static void end(struct run *r)
{
    r->has_ended = true;
    r->ended_us = clock_monotonic_us();
    for (unsigned i = 0; i < r->options->clients; i++)
        load_client_close(r->clients[i]);
    http_client_close(r->context.http, on_http_closed, r);
    pacer_close(&r->pacer);
    uv_close((uv_handle_t *)&r->tick, NULL);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static void end_if_over(struct run *r, uint64_t now_us)
{
    if (r->has_ended || !load_schedule_is_over(&r->schedule, now_us))
        return;
    if (!r->is_draining) {
        r->is_draining = true;
        r->drains_since_us = now_us;
        r->stats.not_started = load_schedule_behind(&r->schedule, now_us);
        if (r->in_flight)
            say_info(&r->say, "waiting for %u requests to drain", r->in_flight);
    }
    if (!r->in_flight)
        end(r);
}

/* -- The load ---------------------------------------------------------------------------------- */

static void start_due(struct run *r)
{
    uint64_t now_us = clock_monotonic_us(), planned_us, next_us;

    while (r->free && now_us >= r->hold_until_us &&
           load_schedule_take(&r->schedule, now_us, &planned_us)) {
        struct load_client *c = r->free;
        bool has_waited = r->options->rate_rpm > 0 && planned_us < r->full_until_us;

        r->free = *load_client_next(c);
        r->in_flight++;
        load_stats_start(&r->stats, planned_us, now_us, has_waited);
        if (has_waited)
            say_lag(r, planned_us, now_us);
        load_client_start(c, planned_us);
    }
    end_if_over(r, now_us);
    if (r->has_ended)
        return;
    next_us = r->free ? load_schedule_next_us(&r->schedule, now_us) : SCHEDULE_NEVER;
    if (next_us < r->hold_until_us)
        next_us = r->hold_until_us;
    if (now_us < r->schedule.end_us && r->schedule.end_us < next_us)
        next_us = r->schedule.end_us;
    pacer_arm(&r->pacer, next_us);
}

static void on_due(void *data)
{
    start_due(data);
}

/* A loop of clients without pause would only burn the processor where nobody answers. */
static void hold(struct run *r, const struct load_outcome *o)
{
    if (o->status || r->options->rate_rpm > 0) {
        r->hold_us = r->hold_until_us = 0;
        return;
    }
    r->hold_us = r->hold_us ? 2 * r->hold_us : HOLD_FIRST_US;
    if (r->hold_us > HOLD_MAX_US)
        r->hold_us = HOLD_MAX_US;
    r->hold_until_us = o->end_us + r->hold_us;
}

static void on_outcome(void *data, struct load_client *c, const struct load_outcome *o)
{
    struct run *r = data;

    if (!r->free)
        r->full_until_us = o->end_us;
    *load_client_next(c) = r->free;
    r->free = c;
    r->in_flight--;
    load_stats_end(&r->stats, o);
    say_failure(r, o);
    hold(r, o);
    start_due(r);
}

static void stop(struct run *r)
{
    r->schedule.is_stopped = true;
    end_if_over(r, clock_monotonic_us());
}

static void abort_all(struct run *r)
{
    r->stats.aborted = r->in_flight;
    end(r);
}

/* An answer may go on for ever, a few bytes at a time. */
static void end_if_drained_too_long(struct run *r, uint64_t now_us)
{
    if (!r->is_draining || (double)(now_us - r->drains_since_us) < r->options->drain_s * 1e6)
        return;
    say_warning(&r->say, "%u requests have not ended in %g s more, leaving them", r->in_flight,
                r->options->drain_s);
    abort_all(r);
}

static void on_tick(uv_timer_t *tick)
{
    struct run *r = tick->data;
    uint64_t now_us = clock_monotonic_us();

    r->failures_said = 0;
    tell(r, now_us);
    end_if_drained_too_long(r, now_us);
    if (r->has_ended)
        return;
    if (ferror(stdout) && !r->schedule.is_stopped) {
        say_warning(&r->say, "standard output is gone, draining");
        stop(r);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *r = handle->data;

    (void)number;
    if (r->has_ended)
        return;
    if (!r->schedule.is_stopped) {
        say_warning(&r->say, "got terminate signal, draining. signal again to exit immediately.");
        stop(r);
        return;
    }
    say_info(&r->say, "forcing program exit");
    r->is_forced = true;
    abort_all(r);
}

/* -- The beginning ----------------------------------------------------------------------------- */

static bool make_prompts(struct run *r, struct error *err)
{
    const struct load_options *o = r->options;

    prompts_init(&r->prompts, r->arena, r->target.model);
    if (o->replay_path) {
        say_info(&r->say, "replaying messages from %s", o->replay_path);
        return prompts_replay(&r->prompts, o, err);
    }
    if (o->max_tokens)
        say_info(&r->say, "using shape profile %s: context tokens: %llu, max tokens: %llu",
                 load_shape_name(o->shape), (unsigned long long)o->context_tokens,
                 (unsigned long long)o->max_tokens);
    else
        say_info(&r->say, "using shape profile %s: context tokens: %llu, max tokens: None",
                 load_shape_name(o->shape), (unsigned long long)o->context_tokens);
    say_info(&r->say, "warming up prompt cache");
    return prompts_generate(&r->prompts, o, err);
}

static void on_completion_tokens(void *data)
{
    struct run *r = data;

    say_info(&r->say, "the model takes max_completion_tokens in place of max_tokens");
}

static void start_loop(struct run *r)
{
    static const int numbers[SIGNAL_COUNT] = { SIGINT, SIGTERM };
    struct http_client_options http;

    http_client_options_default(&http);
    http.idle_max = r->options->clients;
    r->context = (struct load_context){
        .options = r->options,
        .target = &r->target,
        .prompts = &r->prompts,
        .loop = r->loop,
        .http = http_client_new(r->loop, &http),
        .on_outcome = on_outcome,
        .on_completion_tokens = on_completion_tokens,
        .data = r,
    };
    random_bytes(&r->context.random, sizeof(r->context.random));
    r->context.random |= 1;
    uv_timer_init(loop_uv(r->loop), &r->tick);
    r->tick.data = r;
    uv_timer_start(&r->tick, on_tick, TICK_MS, TICK_MS);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop_uv(r->loop), &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
}

static void start_clients(struct run *r)
{
    r->clients = memory_alloc_array(r->options->clients, sizeof(struct load_client *));
    for (unsigned i = 0; i < r->options->clients; i++) {
        struct load_client *c = load_client_new(&r->context);

        r->clients[i] = c;
        *load_client_next(c) = r->free;
        r->free = c;
    }
}

/* The file's name tells what was run, as that of Azure's tool does. */
static bool open_copy(struct run *r, struct error *err)
{
    const struct load_options *o = r->options;
    char time_text[LINE_TIME_BYTES], deployment[LOG_DEPLOYMENT_BYTES], rate[32] = "none";
    struct str name;

    if (!o->log_save_dir)
        return true;
    if (o->rate_rpm > 0)
        snprintf(rate, sizeof(rate), "%.0f", o->rate_rpm);
    line_time(time_text, r->started);
    for (char *at = time_text; *at; at++) {
        if (*at == ' ' || *at == ':')
            *at = '-';
    }
    str_show(str_from(o->deployment), deployment, sizeof(deployment));
    for (char *at = deployment; *at; at++) {
        if (*at == '/') /* of a model's name, as "meta-llama/Llama-3.1-8B" */
            *at = '-';
    }
    name = arena_printf(r->arena, "%s/%s_%s_shape-%s_clients=%u_rate=%s.log", o->log_save_dir,
                        time_text, deployment, load_shape_name(o->shape), o->clients, rate);
    if (mkdir(o->log_save_dir, 0777) && errno != EEXIST)
        return error_set(err, ERROR_IO, "--log-save-dir %s: %s", o->log_save_dir, strerror(errno));
    r->copy = r->say.copy = fopen(name.data, "w");
    return r->copy ||
           error_set(err, ERROR_IO, "--log-save-dir: %s: %s", name.data, strerror(errno));
}

static void go(struct run *r)
{
    uint64_t now_us;

    say_info(&r->say, "starting load...");
    now_us = clock_monotonic_us();
    load_stats_init(&r->stats, r->options->window_s, now_us);
    load_schedule_init(&r->schedule, now_us, r->options->rate_rpm, r->options->requests,
                       r->options->duration_s, r->options->ends_with_both);
    if (r->options->is_random)
        load_schedule_randomize(&r->schedule, ARRIVALS_SEED);
    start_loop(r);
    start_clients(r);
    start_due(r);
    loop_run(r->loop);
    make_room(&r->view);
    tell(r, r->ended_us);
    say_info(&r->say, "finished load test");
}

static bool report(struct run *r, struct error *err)
{
    struct load_facts facts = { .options = r->options,
                                .stats = &r->stats,
                                .started = r->started,
                                .run_s = (double)(r->ended_us - r->stats.start_us) / 1e6 };
    bool ok = true;

    load_summary_write(stderr, &facts);
    for (unsigned i = 0; i < r->options->report_count && ok; i++)
        ok = load_report_save(r->options->reports[i], &facts, err);
    if (r->copy && (ferror(r->copy) || fflush(r->copy)) && ok)
        ok = error_set(err, ERROR_IO, "the log below --log-save-dir cannot be written");
    return ok;
}

static enum load_end end_of(const struct run *r)
{
    if (r->is_forced)
        return LOAD_END_FORCED;
    return r->stats.totals.done ? LOAD_END_DONE : LOAD_END_NOTHING;
}

bool load_run(const struct load_options *o, enum load_end *how, struct error *err)
{
    struct run r = { .options = o,
                     .arena = arena_new(NULL),
                     .loop = loop_new(),
                     .say = { .out = stderr },
                     .view = { .out = stdout, .options = o },
                     .started = time(NULL) };
    bool ok;

    arena_keep_secret(r.arena);
    if (o->is_live) {
        r.say.make_room = make_room;
        r.say.data = &r.view;
    }
    ok = load_target_init(&r.target, o, r.arena, err) && open_copy(&r, err) &&
         make_prompts(&r, err) && pacer_open(&r.pacer, r.loop, on_due, &r, err);
    if (ok) {
        go(&r);
        ok = report(&r, err);
        *how = end_of(&r);
        load_stats_done(&r.stats);
        free(r.clients);
    } else {
        loop_stop(r.loop);
        loop_run(r.loop);
    }
    if (r.copy)
        fclose(r.copy);
    loop_free(r.loop);
    load_target_done(&r.target);
    arena_free(r.arena);
    return ok;
}
