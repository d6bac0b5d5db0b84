/* SPDX-License-Identifier: MIT */
#include "engine/supervisor.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"

#define LINE_BYTES_MAX 1024
#define ERROR_BYTES 160
/* What a process wrote before it ended is waited for that long: a grandchild may hold the pipe. */
#define LAST_WORDS_MS 200
#define PROBE_MAX_MS 1000

/* One run of the process; freed when both handles are closed. */
struct run {
    uv_process_t process;
    uv_pipe_t output;
    struct supervisor *owner; /* NULL: nobody is interested any more */
    unsigned open_handles;
    bool is_process_open; /* libuv knows of it */
    bool has_exited;
    bool is_output_closed;
    int64_t exit_status;
    int signal;
    size_t line_len;
    char line[LINE_BYTES_MAX];
    char space[4096];         /* for reading */
    char reason[ERROR_BYTES]; /* of a failure: the last line that may be one */
};

struct supervisor {
    struct loop *loop;
    struct supervisor_limits limits;
    struct supervisor_events events;
    void *data;
    enum supervisor_state state;
    struct run *run;  /* NULL: none */
    uv_timer_t timer; /* the next step: probe, back-off, SIGKILL, last words */
    uint64_t started_ms;
    uint64_t ready_ms;
    uint64_t probed_ms; /* READY, SILENT: the last time */
    unsigned silences;  /* probes in a row without an answer */
    uint64_t backoff_ms;
    uint64_t retry_ms;      /* FAILED: no start before */
    unsigned failures;      /* in a row */
    bool is_restart_wanted; /* DRAINING: start again */
    bool is_timed_out;
    bool is_hung;
    bool is_closing;
    void (*on_closed)(void *data);
    void *on_closed_data;
};

void supervisor_limits_default(struct supervisor_limits *limits)
{
    *limits = (struct supervisor_limits){
        .backoff_first_ms = 500,
        .backoff_max_ms = 30000,
        .well_ms = 60000,
        .load_max_ms = 15 * 60000,
        .probe_ms = 50,
        .kill_after_ms = 5000,
        .silences_max = 3,
    };
}

static void on_timer(uv_timer_t *timer);
static void finish_run(struct supervisor *s);

static void arm(struct supervisor *s, uint64_t after_ms)
{
    uv_timer_start(&s->timer, on_timer, after_ms, 0);
}

static void set_state(struct supervisor *s, enum supervisor_state state, const char *error)
{
    s->state = state;
    if (!s->is_closing)
        s->events.on_state(s->data, state, error);
}

/* -- Output -------------------------------------------------------------------------------- */

static void end_line(struct run *run)
{
    struct str line = str_of(run->line, run->line_len);

    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len && run->owner && !run->owner->is_closing) {
        line = run->owner->events.on_line(run->owner->data, line);
        if (line.len)
            snprintf(run->reason, sizeof(run->reason), "%.*s", STR_ARGS(line));
    }
    run->line_len = 0;
}

static void take_output(struct run *run, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == '\n')
            end_line(run);
        else if (run->line_len < sizeof(run->line))
            run->line[run->line_len++] = bytes.data[i];
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;

    if (--run->open_handles == 0)
        free(run);
}

/* Nobody waits for it any more. */
static void drop_run(struct run *run)
{
    run->owner = NULL;
    if (!run->is_output_closed)
        uv_close((uv_handle_t *)&run->output, on_handle_closed);
    run->is_output_closed = true;
    if (run->is_process_open)
        uv_close((uv_handle_t *)&run->process, on_handle_closed);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *space)
{
    struct run *run = handle->data;

    (void)suggested;
    *space = uv_buf_init(run->space, sizeof(run->space));
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *space)
{
    struct run *run = stream->data;

    if (len > 0) {
        take_output(run, str_of(space->base, (size_t)len));
        return;
    }
    if (len == 0)
        return;
    end_line(run);
    run->is_output_closed = true;
    uv_close((uv_handle_t *)stream, on_handle_closed);
    if (run->has_exited && run->owner)
        finish_run(run->owner);
}

/* -- Start --------------------------------------------------------------------------------- */

static void on_exit_of(uv_process_t *process, int64_t exit_status, int signal)
{
    struct run *run = process->data;

    run->has_exited = true;
    run->exit_status = exit_status;
    run->signal = signal;
    if (!run->owner)
        return;
    if (run->is_output_closed)
        finish_run(run->owner);
    else
        arm(run->owner, LAST_WORDS_MS);
}

static bool is_hidden(const struct supervisor_command *command, const char *variable)
{
    for (const char **hidden = command->hidden; hidden && *hidden; hidden++) {
        if (str_starts_with(str_from(variable), str_from(*hidden)))
            return true;
    }
    return false;
}

static char **make_environment(struct arena *a, const struct supervisor_command *command)
{
    extern char **environ;
    size_t own = 0, more = 0, count = 0;
    char **list;

    while (environ[own])
        own++;
    while (command->environment && command->environment[more])
        more++;
    list = ARENA_ARRAY(a, char *, own + more + 1);
    for (size_t i = 0; i < own; i++) {
        if (!is_hidden(command, environ[i]))
            list[count++] = environ[i];
    }
    for (size_t i = 0; i < more; i++)
        list[count++] = arena_text(a, str_from(command->environment[i]));
    return list;
}

static int spawn(struct supervisor *s, struct run *run, struct arena *a,
                 const struct supervisor_command *command)
{
    uv_process_options_t options = { 0 };
    uv_stdio_container_t stdio[3] = { { .flags = UV_IGNORE } };
    uv_file ends[2];
    int rc = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);

    if (rc)
        return rc;
    rc = uv_pipe_open(&run->output, ends[0]);
    assert(rc == 0); /* it is a pipe */
    for (int i = 1; i <= 2; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = ends[1];
    }
    options.file = command->argv[0];
    options.args = (char **)(uintptr_t)command->argv; /* libuv does not write there */
    options.env = make_environment(a, command);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.flags = UV_PROCESS_DETACHED; /* a session of its own */
    options.exit_cb = on_exit_of;
    run->is_process_open = true; /* also after a failure */
    run->open_handles++;
    rc = uv_spawn(loop_uv(s->loop), &run->process, &options);
    close(ends[1]);
    return rc;
}

bool supervisor_is_up(const struct supervisor *s)
{
    return s->state == SUPERVISOR_READY || s->state == SUPERVISOR_SILENT;
}

/* The process could not be started, or has ended without being asked to. */
static void fail(struct supervisor *s, const char *error)
{
    bool was_ready = supervisor_is_up(s);
    uint64_t now = loop_now_ms(s->loop), wait = s->limits.backoff_max_ms;

    if (was_ready && now - s->ready_ms >= s->limits.well_ms)
        s->failures = 0;
    if (s->failures < 16 && s->limits.backoff_first_ms << s->failures < wait)
        wait = s->limits.backoff_first_ms << s->failures;
    s->failures++;
    s->backoff_ms = wait;
    s->retry_ms = now + wait;
    if (was_ready || s->limits.keep_up)
        arm(s, wait);
    else
        uv_timer_stop(&s->timer);
    set_state(s, was_ready ? SUPERVISOR_RESTARTING : SUPERVISOR_FAILED, error);
}

static void start(struct supervisor *s)
{
    struct arena *a = arena_new(loop_arenas(s->loop));
    struct supervisor_command command = { 0 };
    struct run *run;
    struct error err;
    char text[ERROR_BYTES];
    int rc;

    s->is_timed_out = s->is_hung = false;
    if (!s->events.prepare(s->data, a, &command, &err)) {
        arena_free(a);
        fail(s, err.text);
        return;
    }
    run = memory_alloc(sizeof(*run));
    run->owner = s;
    run->open_handles = 1;
    uv_pipe_init(loop_uv(s->loop), &run->output, 0);
    run->output.data = run;
    rc = spawn(s, run, a, &command);
    run->process.data = run;
    snprintf(text, sizeof(text), "cannot start %s: %s", command.argv[0], rc ? uv_strerror(rc) : "");
    arena_free(a);
    if (rc) {
        drop_run(run);
        fail(s, text);
        return;
    }
    uv_read_start((uv_stream_t *)&run->output, on_space, on_output);
    s->run = run;
    s->started_ms = loop_now_ms(s->loop);
    arm(s, s->limits.probe_ms);
    set_state(s, SUPERVISOR_STARTING, NULL);
}

/* -- End ----------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *timer)
{
    struct supervisor *s = timer->data;
    void (*on_closed)(void *data) = s->on_closed;
    void *data = s->on_closed_data;

    free(s);
    on_closed(data);
}

static void stopped(struct supervisor *s)
{
    uv_timer_stop(&s->timer);
    set_state(s, SUPERVISOR_STOPPED, NULL);
    if (s->is_closing)
        uv_close((uv_handle_t *)&s->timer, on_timer_closed);
    else if (s->is_restart_wanted)
        start(s);
    s->is_restart_wanted = false;
}

static void describe_exit(const struct supervisor *s, const struct run *run, char *text,
                          size_t size)
{
    const char *quote = run->reason[0] ? ": " : "";

    if (s->is_timed_out)
        snprintf(text, size, "not ready after %llu ms%s%s",
                 (unsigned long long)s->limits.load_max_ms, quote, run->reason);
    else if (s->is_hung)
        snprintf(text, size, "hung: no answer to %u probes in a row%s%s", s->silences, quote,
                 run->reason);
    else if (run->signal)
        snprintf(text, size, "ended by signal %d%s%s", run->signal, quote, run->reason);
    else
        snprintf(text, size, "ended with code %lld%s%s", (long long)run->exit_status, quote,
                 run->reason);
}

/* It has exited and said its last words. */
static void finish_run(struct supervisor *s)
{
    struct run *run = s->run;
    char text[ERROR_BYTES + 64];

    describe_exit(s, run, text, sizeof(text));
    s->run = NULL;
    drop_run(run);
    if (s->state == SUPERVISOR_DRAINING)
        stopped(s);
    else
        fail(s, text);
}

/* To the process and those it has started; it leads their group. */
static void send_signal(struct supervisor *s, int signal)
{
    if (s->run && !s->run->has_exited)
        kill(-s->run->process.pid, signal);
}

/* -- Time ---------------------------------------------------------------------------------- */

static void probe(struct supervisor *s)
{
    if (loop_now_ms(s->loop) - s->started_ms >= s->limits.load_max_ms) {
        s->is_timed_out = true;
        send_signal(s, SIGKILL);
        return;
    }
    s->events.probe(s->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct supervisor *s = timer->data;

    if (s->run && s->run->has_exited) {
        finish_run(s);
        return;
    }
    switch (s->state) {
    case SUPERVISOR_STARTING:
    case SUPERVISOR_LOADING:
        probe(s);
        break;
    case SUPERVISOR_DRAINING:
        send_signal(s, SIGKILL);
        break;
    case SUPERVISOR_RESTARTING:
    case SUPERVISOR_FAILED:
        start(s);
        break;
    case SUPERVISOR_READY:
    case SUPERVISOR_SILENT:
        s->probed_ms = loop_now_ms(s->loop);
        s->events.probe(s->data);
        break;
    case SUPERVISOR_STOPPED:
        break;
    }
}

/* What has taken long will take long: waits an eighth of the time so far. */
static uint64_t next_probe_ms(const struct supervisor *s)
{
    uint64_t wait = (loop_now_ms(s->loop) - s->started_ms) / 8;

    if (wait < s->limits.probe_ms)
        return s->limits.probe_ms;
    return wait < PROBE_MAX_MS ? wait : PROBE_MAX_MS;
}

static void watch_from(struct supervisor *s, uint64_t since_ms)
{
    uint64_t now = loop_now_ms(s->loop), at = since_ms + s->limits.watch_ms;

    if (s->limits.watch_ms)
        arm(s, at > now ? at - now : 0);
    else
        uv_timer_stop(&s->timer);
}

/* One that was ready has been probed. */
static void note_answer(struct supervisor *s, bool has_answered)
{
    s->silences = has_answered ? 0 : s->silences + 1;
    if (has_answered != (s->state == SUPERVISOR_READY))
        set_state(s, has_answered ? SUPERVISOR_READY : SUPERVISOR_SILENT, NULL);
    if (s->silences < s->limits.silences_max) {
        watch_from(s, s->probed_ms);
        return;
    }
    s->is_hung = true;
    send_signal(s, SIGKILL);
}

void supervisor_probed(struct supervisor *s, enum supervisor_answer answer)
{
    if (s->is_closing || !s->run || s->run->has_exited)
        return;
    if (supervisor_is_up(s)) {
        note_answer(s, answer != SUPERVISOR_NO_ANSWER);
        return;
    }
    if (s->state != SUPERVISOR_STARTING && s->state != SUPERVISOR_LOADING)
        return;
    if (answer == SUPERVISOR_IS_READY) {
        s->ready_ms = loop_now_ms(s->loop);
        s->silences = 0;
        s->run->reason[0] = '\0'; /* what went wrong on the way is no reason to end later */
        watch_from(s, s->ready_ms);
        set_state(s, SUPERVISOR_READY, NULL);
        return;
    }
    arm(s, next_probe_ms(s));
    if (answer == SUPERVISOR_IS_LOADING && s->state == SUPERVISOR_STARTING)
        set_state(s, SUPERVISOR_LOADING, NULL);
}

/* -- Interface ----------------------------------------------------------------------------- */

struct supervisor *supervisor_new(struct loop *l, const struct supervisor_limits *limits,
                                  const struct supervisor_events *events, void *data)
{
    struct supervisor *s = memory_alloc(sizeof(*s));

    s->loop = l;
    s->limits = *limits;
    s->events = *events;
    s->data = data;
    uv_timer_init(loop_uv(l), &s->timer);
    s->timer.data = s;
    return s;
}

void supervisor_start(struct supervisor *s)
{
    assert(!s->is_closing);
    if (s->state == SUPERVISOR_DRAINING)
        s->is_restart_wanted = true;
    else if (s->state == SUPERVISOR_STOPPED ||
             (s->state == SUPERVISOR_FAILED && loop_now_ms(s->loop) >= s->retry_ms))
        start(s);
}

void supervisor_stop(struct supervisor *s)
{
    s->is_restart_wanted = false;
    if (s->state == SUPERVISOR_STOPPED || s->state == SUPERVISOR_DRAINING)
        return;
    if (!s->run) {
        stopped(s);
        return;
    }
    send_signal(s, SIGTERM);
    if (!s->run->has_exited)
        arm(s, s->limits.kill_after_ms);
    set_state(s, SUPERVISOR_DRAINING, NULL);
}

void supervisor_close(struct supervisor *s, void (*on_done)(void *data), void *data)
{
    assert(!s->is_closing);
    s->is_closing = true;
    s->on_closed = on_done;
    s->on_closed_data = data;
    s->is_restart_wanted = false;
    if (s->state == SUPERVISOR_STOPPED)
        stopped(s);
    else
        supervisor_stop(s);
}

enum supervisor_state supervisor_state(const struct supervisor *s)
{
    return s->state;
}

int supervisor_pid(const struct supervisor *s)
{
    return s->run ? s->run->process.pid : 0;
}

uint64_t supervisor_backoff_ms(const struct supervisor *s)
{
    return s->backoff_ms;
}
