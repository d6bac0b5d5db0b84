/* SPDX-License-Identifier: MIT */
/*
 * The process behind a llama engine, on the control loop. The supervisor's states as the engine
 * shows them:
 *
 *   STOPPED, DRAINING             ENGINE_STOPPED    a call wakes it
 *   STARTING, LOADING, RESTARTING ENGINE_STARTING   calls wait
 *   READY                         ENGINE_READY
 *   SILENT                        ENGINE_STARTING   calls wait: it answers again, or is restarted
 *   FAILED                        ENGINE_FAILED     calls fail until the back-off is over
 *
 * One that replaces another with the same name is STARTING, too, until that one has ended.
 *
 * Unloading an idle engine: the state is set first and the calls are counted then, while a call
 * counts itself first and looks at the state then: one of the two always sees the other.
 */
#include "engine/llama.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "engine/llama_command.h"
#include "engine/pid_file.h"

/* While it loads. */
#define PROBE_TIMEOUT_MS 2000
/* Chat templates, the longest part of it, take some ten kilobytes. */
#define PROPERTIES_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* Names of engines are kept that far in file names. */
#define NAME_KEPT 24

/* -- Probing ------------------------------------------------------------------------------- */

static void on_probe_head(void *data, int status, const struct http_headers *headers)
{
    struct llama *l = data;

    (void)headers;
    l->probe_status = status;
}

static void end_probe(struct llama *l, int status)
{
    /* Once it is up, any sign of life will do: its threads may all be busy. */
    bool is_alive =
        supervisor_is_up(l->supervisor) && (status || atomic_load(&l->heard_ms) >= l->probed_ms);

    l->probe = NULL;
    supervisor_probed(l->supervisor, status == 200 || is_alive ? SUPERVISOR_IS_READY
                                     : status == 503           ? SUPERVISOR_IS_LOADING
                                                               : SUPERVISOR_NO_ANSWER);
}

static void on_probe_failure(void *data, enum http_failure failure, const char *text)
{
    (void)failure;
    (void)text;
    end_probe(data, 0);
}

static void send_probe(struct llama *l, struct str path, const struct http_client_events *events)
{
    static struct http_header close_header[] = { { STR("Connection"), STR("close") } };
    uint64_t limit_ms = supervisor_is_up(l->supervisor)
                            ? l->engine->settings->llama.health_timeout_ms
                            : PROBE_TIMEOUT_MS;
    const struct http_client_request request = {
        .address = &l->address,
        .method = HTTP_GET,
        .path = path,
        .host = STR("localhost"),
        .headers = { .items = close_header, .count = 1 },
        .connect_timeout_ms = limit_ms,
        .head_timeout_ms = limit_ms,
        .idle_timeout_ms = limit_ms,
    };

    l->probe_status = 0;
    l->probed_ms = clock_monotonic_ms();
    l->probe = http_client_send(l->engine->owner->http, &request, events, l);
}

/* llama-server leaves out of the prompt, without a word, what the chat template has no place for:
 * what it does not say that the model can do, the model cannot. False: it does not say. */
static bool read_properties(struct llama *l, struct arena *a, unsigned *lacks, unsigned *context)
{
    struct error ignored;
    yyjson_doc *doc =
        l->has_all_properties ? json_parse(a, buf_str(&l->properties), &ignored) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *tools = json_at(root, "chat_template_caps.supports_tools");

    *lacks = 0;
    if (!yyjson_is_true(tools))
        *lacks |= ENGINE_TOOLS | ENGINE_PARALLEL_TOOLS;
    if (!yyjson_is_true(json_at(root, "modalities.vision")))
        *lacks |= ENGINE_IMAGES;
    *context = (unsigned)yyjson_get_uint(json_at(root, "default_generation_settings.n_ctx"));
    return yyjson_is_bool(tools);
}

static void on_properties_body(void *data, struct str bytes)
{
    struct llama *l = data;

    l->has_all_properties = l->has_all_properties && buf_append(&l->properties, bytes);
}

/* Any answer will do for being ready: without one of use, calls that need nothing of it go on. */
static void on_properties_end(void *data)
{
    struct llama *l = data;
    struct arena *a = arena_new(NULL);
    unsigned lacks, context;

    if (!read_properties(l, a, &lacks, &context))
        log_warn("llama_properties_unknown", "engine=%s status=%d", l->engine->settings->name,
                 l->probe_status);
    atomic_store(&l->engine->lacks, lacks);
    atomic_store(&l->engine->context_tokens, context);
    arena_free(a);
    buf_done(&l->properties);
    end_probe(l, l->probe_status == 503 ? 503 : 200);
}

/* GET /health says that the model is loaded; before calls are sent, it is asked what it can do. */
static void ask_properties(struct llama *l)
{
    static const struct http_client_events events = { on_probe_head, on_properties_body,
                                                      on_properties_end, on_probe_failure };

    buf_done(&l->properties);
    buf_init(&l->properties, PROPERTIES_BYTES_MAX);
    l->has_all_properties = true;
    send_probe(l, STR("/props"), &events);
}

static void on_health_body(void *data, struct str bytes)
{
    (void)data;
    (void)bytes;
}

static void on_health_end(void *data)
{
    struct llama *l = data;

    if (l->probe_status == 200 && !supervisor_is_up(l->supervisor))
        ask_properties(l);
    else
        end_probe(l, l->probe_status);
}

static void probe(void *data)
{
    static const struct http_client_events events = { on_probe_head, on_health_body, on_health_end,
                                                      on_probe_failure };

    send_probe(data, STR("/health"), &events);
}

static void cancel_probe(struct llama *l)
{
    if (l->probe)
        http_client_cancel(l->probe);
    l->probe = NULL;
}

/* -- The process --------------------------------------------------------------------------- */

static size_t list_key_variables(const struct catalog *c, const char **names)
{
    size_t count = 0;

    for (unsigned i = 0; i < c->engine_count; i++) {
        const struct catalog_upstream *u = &c->engines[i].upstream;

        for (unsigned j = 0; j < u->address_count; j++) {
            if (!u->addresses[j].api_key_env)
                continue;
            if (names)
                names[count] = u->addresses[j].api_key_env;
            count++;
        }
    }
    return count;
}

/* Where our environment holds the keys of upstreams: by its own catalog, and, when that is not the
 * newest any more, by the others' */
static const char **key_variables(const struct engine *own, struct arena *a)
{
    size_t count = list_key_variables(own->catalog, NULL);
    struct engine *e;
    const char **names;

    TAILQ_FOREACH(e, &own->owner->list, link)
    count += e->catalog != own->catalog ? list_key_variables(e->catalog, NULL) : 0;
    names = ARENA_ARRAY(a, const char *, count + 1);
    count = list_key_variables(own->catalog, names);
    TAILQ_FOREACH(e, &own->owner->list, link)
    count += e->catalog != own->catalog ? list_key_variables(e->catalog, names + count) : 0;
    return names;
}

static bool prepare(void *data, struct arena *a, struct supervisor_command *command,
                    struct error *err)
{
    struct llama *l = data;
    const struct llama_command_options options = {
        .settings = &l->engine->settings->llama,
        .llama_server = l->engine->owner->llama_server,
        .embedded_model = l->engine->owner->embedded_model,
        .socket = l->socket_path,
        .secrets = key_variables(l->engine, a),
        .is_verbose = log_is_on(LOG_DEBUG),
    };

    unlink(l->socket_path); /* llama-server does not bind where a file is */
    return llama_command(a, &options, command, err);
}

/* The letter in "0.00.123.456 E text"; ' ' when the line is not of llama-server's log. */
static char level_of(struct str line)
{
    size_t blank = str_find_char(line, ' ');
    struct str level = str_slice(line, blank, 3);

    return level.len == 3 && level.data[2] == ' ' && str_is_alnum_or(str_slice(line, 0, blank), ".")
               ? level.data[1]
               : ' ';
}

/* What it logs as an error, but for the last one, which only says that there was one. Or what
 * those say who do not use its log: the options, the loader, the shell, C++, ggml, setpriv. */
static bool is_error_line(struct str line)
{
    static const struct str marks[] = {
        { "error", 5 },  { "terminate called", 16 }, { "what():", 7 },  { "GGML_ASSERT", 11 },
        { "denied", 6 }, { "not found", 9 },         { "setpriv:", 8 },
    };
    char level = level_of(line);

    if (level != ' ')
        return level == 'E' && str_find(line, STR("exiting due to")) == SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (str_find(line, marks[i]) != SIZE_MAX)
            return true;
    }
    return false;
}

/* "got exception: {"error":...}" quotes the request that it could not serve. */
static struct str without_requests(struct str line)
{
    const struct str mark = STR("got exception");
    size_t at = str_find(line, mark);

    return at == SIZE_MAX ? line : str_slice(line, 0, at + mark.len);
}

static struct str on_line(void *data, struct str line)
{
    struct llama *l = data;

    line = without_requests(line);
    if (is_error_line(line)) {
        log_warn("llama_log", "engine=%s %.*s", l->engine->settings->name, STR_ARGS(line));
        return line;
    }
    log_debug("llama_log", "engine=%s %.*s", l->engine->settings->name, STR_ARGS(line));
    return STR_NONE;
}

static void on_started(struct llama *l)
{
    int pid = supervisor_pid(l->supervisor);
    struct error err;

    l->engine->pid = pid;
    log_info("llama_starting", "engine=%s pid=%d", l->engine->settings->name, pid);
    if (!pid_file_write(l->pid_path, pid, l->socket_path, &err))
        log_warn("pid_file_failed", "engine=%s error=\"%s\"", l->engine->settings->name, err.text);
}

static void on_gone(struct llama *l)
{
    cancel_probe(l);
    l->engine->pid = 0;
    unlink(l->pid_path);
    unlink(l->socket_path);
}

static void show_failure(struct llama *l, const char *error)
{
    engine_set_error(l->engine, "%s", error);
    l->retry_ms = clock_monotonic_ms() + supervisor_backoff_ms(l->supervisor);
}

static void on_state(void *data, enum supervisor_state state, const char *error)
{
    struct llama *l = data;
    struct engine *e = l->engine;
    enum engine_state shown = ENGINE_STOPPED;

    switch (state) {
    case SUPERVISOR_STARTING:
        on_started(l);
        shown = ENGINE_STARTING;
        break;
    case SUPERVISOR_LOADING:
        shown = ENGINE_STARTING;
        break;
    case SUPERVISOR_READY:
        log_info("llama_ready", "engine=%s pid=%d", e->settings->name, (int)e->pid);
        atomic_store(&l->is_given_up, false);
        shown = ENGINE_READY;
        break;
    case SUPERVISOR_SILENT:
        log_warn("llama_silent", "engine=%s pid=%d", e->settings->name, (int)e->pid);
        atomic_store(&l->is_given_up, true);
        shown = ENGINE_STARTING;
        break;
    case SUPERVISOR_RESTARTING:
        on_gone(l);
        show_failure(l, error);
        e->restarts++;
        shown = ENGINE_STARTING;
        break;
    case SUPERVISOR_FAILED:
        on_gone(l);
        show_failure(l, error);
        l->failures++;
        shown = ENGINE_FAILED;
        break;
    case SUPERVISOR_DRAINING:
        break;
    case SUPERVISOR_STOPPED:
        log_info("llama_stopped", "engine=%s", e->settings->name);
        on_gone(l);
        break;
    }
    engine_set_state(e, shown);
}

static void on_idle_timer(uv_timer_t *timer)
{
    struct llama *l = timer->data;
    struct engine *e = l->engine;
    uint64_t idle_ms = e->settings->llama.idle_unload_s * 1000;

    if (supervisor_state(l->supervisor) != SUPERVISOR_READY || e->in_flight ||
        clock_monotonic_ms() - e->used_ms < idle_ms)
        return;
    atomic_store(&e->state, ENGINE_STOPPED);
    if (e->in_flight) {
        engine_set_state(e, ENGINE_READY);
        return;
    }
    log_info("llama_unloading", "engine=%s", e->settings->name);
    supervisor_stop(l->supervisor);
}

/* -- Driver -------------------------------------------------------------------------------- */

/* File names tell an operator which engine it is: what is unusual in a name becomes '_'. */
static void set_paths(struct llama *l, const struct run_folder *folder)
{
    static _Atomic unsigned count;
    char name[NAME_KEPT + 1], path[PATH_MAX];
    unsigned number = atomic_fetch_add(&count, 1);

    snprintf(name, sizeof(name), "%s", l->engine->settings->name);
    for (char *p = name; *p; p++) {
        if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') && (*p < '0' || *p > '9') && *p != '-')
            *p = '_';
    }
    snprintf(path, sizeof(path), "%s/%s-%u.sock", folder->sockets, name, number);
    l->socket_path = memory_dup_text(path);
    snprintf(path, sizeof(path), "%s/%s-%u.pid", folder->path, name, number);
    l->pid_path = memory_dup_text(path);
    l->address = (struct stream_address){ .unix_path = l->socket_path };
}

/* Two processes with the model need twice its memory, which may not be there. */
static void start(struct llama *l)
{
    if (!l->supervisor)
        return;
    if (engine_has_predecessor(l->engine))
        engine_set_state(l->engine, ENGINE_STARTING);
    else
        supervisor_start(l->supervisor);
}

static void llama_open(struct engine *e)
{
    static const struct supervisor_events events = { prepare, probe, on_state, on_line };
    struct llama *l = memory_alloc(sizeof(*l));
    struct supervisor_limits limits;
    uint64_t idle_ms = e->settings->llama.idle_unload_s * 1000;

    e->own = l;
    l->engine = e;
    l->places = llama_command_places(&e->settings->llama);
    uv_timer_init(loop_uv(e->owner->loop), &l->timer);
    l->timer.data = l;
    l->open_parts = 1;
    if (!e->owner->run_folder.path) {
        engine_set_error(e, "%s", e->owner->run_folder_error);
        l->retry_ms = UINT64_MAX;
        engine_set_state(e, ENGINE_FAILED);
        return;
    }
    set_paths(l, &e->owner->run_folder);
    supervisor_limits_default(&limits);
    limits.keep_up = e->settings->llama.load_at_start;
    limits.load_max_ms = e->settings->llama.load_timeout_ms;
    limits.watch_ms = e->settings->llama.health_interval_ms;
    limits.silences_max = e->settings->llama.health_failures;
    l->supervisor = supervisor_new(e->owner->loop, &limits, &events, l);
    l->open_parts = 2;
    if (idle_ms)
        uv_timer_start(&l->timer, on_idle_timer, idle_ms / 4 + 100, idle_ms / 4 + 100);
    if (e->settings->llama.load_at_start)
        start(l);
}

static void part_closed(struct llama *l)
{
    if (--l->open_parts == 0)
        engine_closed(l->engine);
}

static void on_timer_closed(uv_handle_t *timer)
{
    part_closed(timer->data);
}

static void on_supervisor_closed(void *data)
{
    struct llama *l = data;

    l->supervisor = NULL;
    on_gone(l);
    part_closed(l);
}

static void llama_close(struct engine *e)
{
    struct llama *l = e->own;

    cancel_probe(l);
    engine_set_state(e, ENGINE_STOPPED);
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
    if (l->supervisor)
        supervisor_close(l->supervisor, on_supervisor_closed, l);
}

static void llama_release(struct engine *e)
{
    struct llama *l = e->own;

    free(l->socket_path);
    free(l->pid_path);
    buf_done(&l->properties);
    free(l);
}

static void llama_wake(struct engine *e)
{
    start(e->own);
}

/* What is in flight on the one before was let go on; here calls may have come and gone. */
static void llama_take_over(struct engine *e)
{
    struct llama *l = e->own;

    if (!l->supervisor || supervisor_state(l->supervisor) != SUPERVISOR_STOPPED)
        return;
    if (e->settings->llama.load_at_start || e->in_flight)
        start(l);
    else
        engine_set_state(e, ENGINE_STOPPED);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct llama *l = timer->data;

    log_warn("llama_calls_cut", "engine=%s calls=%u", l->engine->settings->name,
             (unsigned)l->engine->in_flight);
    atomic_store(&l->is_given_up, true);
    engine_close(l->engine);
}

static void llama_make_room(struct engine *e, uint64_t grace_ms)
{
    struct llama *l = e->own;

    if (!l->is_making_room)
        uv_timer_start(&l->timer, on_grace_over, grace_ms, 0);
    l->is_making_room = true;
}

const struct engine_driver engine_llama_driver = {
    .call_size = sizeof(struct llama_call),
    .open = llama_open,
    .close = llama_close,
    .release = llama_release,
    .wake = llama_wake,
    .make_room = llama_make_room,
    .take_over = llama_take_over,
    .start = llama_call_start,
    .cancel = llama_call_cancel,
    .pause = llama_call_pause,
    .resume = llama_call_resume,
    .look_again = llama_call_look_again,
};
