/* SPDX-License-Identifier: MIT */
/*
 * An upstream's addresses, on the control loop: read from the settings, then asked for their
 * health at each interval where a health path is configured. Keys are read when the engine is
 * made; a reload makes a new engine when a key file says something else.
 */
#include "engine/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#define KEY_BYTES_MAX 4096
#define PROBE_TIMEOUT_MAX_MS 5000

/* -- Keys ---------------------------------------------------------------------------------- */

static bool is_key(struct str key)
{
    return key.len > 0 && str_is_visible(key);
}

/* The file's first line, without blanks. */
static bool read_key_file(struct arena *a, const char *file, struct str *key, struct error *err)
{
    char text[KEY_BYTES_MAX + 1];
    struct str rest, line = STR_NONE;
    const char *why;
    int fd = file_open(file, &why);
    ssize_t len;

    if (fd < 0)
        return error_set(err, ERROR_CONFIG, "cannot read the key file %s: %s", file, why);
    len = file_read(fd, text, sizeof(text));
    close(fd);
    if (len < 0)
        return error_set(err, ERROR_CONFIG, "cannot read the key file %s", file);
    rest = str_of(text, (size_t)len);
    if (!str_split(&rest, '\n', &line) || len > KEY_BYTES_MAX)
        line = STR_NONE;
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    *key = arena_copy(a, str_trim(line));
    explicit_bzero(text, sizeof(text));
    return is_key(*key) || error_set(err, ERROR_CONFIG, "the key file %s holds no key", file);
}

/* STR_NONE in *key when the address has none. */
static bool read_key(struct arena *a, const struct catalog_address *settings, struct str *key,
                     struct error *err)
{
    const char *value;

    *key = STR_NONE;
    if (settings->api_key_file)
        return read_key_file(a, settings->api_key_file, key, err);
    if (!settings->api_key_env)
        return true;
    value = getenv(settings->api_key_env);
    *key = arena_copy(a, str_trim(str_from(value)));
    return is_key(*key) || error_set(err, ERROR_CONFIG, "the environment variable %s holds no key",
                                     settings->api_key_env);
}

/* -- Settings ------------------------------------------------------------------------------ */

#define CONTENT_LINE STR("Content-Type: application/json\r\n")

/* The key holds no control character, so that it ends no line. */
static bool set_lines(struct upstream *u, struct upstream_address *address,
                      const struct catalog_address *settings, struct error *err)
{
    bool is_azure = u->engine->settings->upstream.api == UPSTREAM_AZURE;
    struct str key;

    if (!read_key(u->arena, settings, &key, err))
        return false;
    address->lines =
        arena_join(u->arena,
                   (struct str[]){ CONTENT_LINE, STR("User-Agent: lazuli/" LAZULI_VERSION "\r\n"),
                                   !key.len   ? STR_NONE
                                   : is_azure ? STR("api-key: ")
                                              : STR("Authorization: Bearer "),
                                   key, key.len ? STR("\r\n") : STR_NONE },
                   5);
    address->probe_lines = str_slice(address->lines, CONTENT_LINE.len, SIZE_MAX);
    return true;
}

static bool set_address(struct upstream *u, unsigned index, struct error *err)
{
    const struct catalog_address *settings = &u->engine->settings->upstream.addresses[index];
    struct upstream_address *address = &u->addresses[index];
    const char *why;

    address->owner = u;
    address->index = index;
    if (!url_parse(u->arena, str_from(settings->url), &address->url, &why))
        return error_set_target(err, ERROR_CONFIG, "url", "the url of an address %s", why);
    if (!set_lines(u, address, settings, err))
        return false;
    if (address->url.is_tls && !u->tls) {
        u->tls = tls_context_new_client(u->engine->settings->upstream.ca_file, err);
        if (!u->tls)
            return false;
    }
    address->stream = (struct stream_address){
        .unix_path = address->url.unix_path,
        .host = address->url.host,
        .port = address->url.port,
        .tls = address->url.is_tls ? u->tls : NULL,
        .tls_server_name = address->url.is_tls ? address->url.host : NULL,
    };
    return true;
}

static bool set_addresses(struct upstream *u, struct error *err)
{
    const struct catalog_upstream *settings = &u->engine->settings->upstream;
    unsigned count = settings->address_count;
    struct balancer_address *weights;

    if (!count)
        return error_set(err, ERROR_CONFIG, "it has no addresses");
    u->addresses = ARENA_ARRAY(u->arena, struct upstream_address, count);
    weights = ARENA_ARRAY(u->arena, struct balancer_address, count);
    for (unsigned i = 0; i < count; i++) {
        weights[i].weight = settings->addresses[i].weight;
        if (!set_address(u, i, err))
            return false;
    }
    balancer_init(&u->balancer, weights, count);
    u->address_count = count;
    return true;
}

/* -- Active health checks ------------------------------------------------------------------ */

static void end_probe(struct upstream_address *address, const char *problem)
{
    struct upstream *u = address->owner;
    bool was_up = !u->balancer.addresses[address->index].is_down;

    address->probe = NULL;
    balancer_set_down(&u->balancer, address->index, problem != NULL);
    if (was_up && problem)
        log_warn("upstream_down", "engine=%s address=%u error=\"%s\"", u->engine->settings->name,
                 address->index, problem);
    else if (!was_up && !problem)
        log_info("upstream_up", "engine=%s address=%u", u->engine->settings->name, address->index);
}

static void on_probe_head(void *data, int status, const struct http_headers *headers)
{
    struct upstream_address *address = data;

    (void)headers;
    address->probe_status = status;
}

static void on_probe_body(void *data, struct str bytes)
{
    (void)data;
    (void)bytes;
}

static void on_probe_end(void *data)
{
    struct upstream_address *address = data;
    char problem[32];

    snprintf(problem, sizeof(problem), "status %d", address->probe_status);
    end_probe(address, address->probe_status / 100 == 2 ? NULL : problem);
}

static void on_probe_failure(void *data, enum http_failure failure, const char *text)
{
    (void)failure;
    end_probe(data, text);
}

static void probe(struct upstream_address *address)
{
    static const struct http_client_events events = { on_probe_head, on_probe_body, on_probe_end,
                                                      on_probe_failure };
    struct upstream *u = address->owner;
    const struct catalog_upstream *settings = &u->engine->settings->upstream;
    uint64_t limit_ms = settings->health_interval_ms < PROBE_TIMEOUT_MAX_MS
                            ? settings->health_interval_ms
                            : PROBE_TIMEOUT_MAX_MS;
    const struct http_client_request request = {
        .address = &address->stream,
        .method = HTTP_GET,
        .path = str_from(settings->health_path),
        .host = address->url.authority,
        .headers = { .lines = address->probe_lines },
        .connect_timeout_ms = limit_ms,
        .head_timeout_ms = limit_ms,
        .idle_timeout_ms = limit_ms,
    };

    if (address->probe) /* of the last round: still within its limits */
        return;
    address->probe_status = 0;
    address->probe = http_client_send(u->engine->owner->http, &request, &events, address);
}

static void on_timer(uv_timer_t *timer)
{
    struct upstream *u = timer->data;

    for (unsigned i = 0; i < u->address_count; i++)
        probe(&u->addresses[i]);
}

/* -- Driver -------------------------------------------------------------------------------- */

static void upstream_open(struct engine *e)
{
    struct upstream *u = memory_alloc(sizeof(*u));
    const struct catalog_upstream *settings = &e->settings->upstream;
    struct error err;

    e->own = u;
    u->engine = e;
    u->arena = arena_new(NULL);
    arena_keep_secret(u->arena);
    uv_timer_init(loop_uv(e->owner->loop), &u->timer);
    u->timer.data = u;
    if (!set_addresses(u, &err)) {
        engine_set_error(e, "%s", err.text);
        engine_set_state(e, ENGINE_FAILED);
        return;
    }
    if (settings->health_path)
        uv_timer_start(&u->timer, on_timer, 0, settings->health_interval_ms);
    engine_set_state(e, ENGINE_READY);
}

static void on_timer_closed(uv_handle_t *timer)
{
    struct upstream *u = timer->data;

    engine_closed(u->engine);
}

static void upstream_close(struct engine *e)
{
    struct upstream *u = e->own;

    for (unsigned i = 0; i < u->address_count; i++) {
        if (u->addresses[i].probe)
            http_client_cancel(u->addresses[i].probe);
        u->addresses[i].probe = NULL;
    }
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}

static void upstream_release(struct engine *e)
{
    struct upstream *u = e->own;

    if (u->tls)
        tls_context_unref(u->tls);
    arena_free(u->arena);
    free(u);
}

/* Keys that were rotated in their files or variables since. */
static bool upstream_is_current(struct engine *e)
{
    struct upstream now = { .engine = e, .arena = arena_new(NULL) };
    const struct upstream *u = e->own;
    bool is_current = u->address_count > 0;
    struct error err;

    arena_keep_secret(now.arena);
    for (unsigned i = 0; i < u->address_count && is_current; i++) {
        struct upstream_address address = { 0 };

        /* A key that cannot be read just now does not take a working engine away. */
        if (set_lines(&now, &address, &e->settings->upstream.addresses[i], &err))
            is_current = str_equal(address.lines, u->addresses[i].lines);
        else
            log_warn("upstream_key_unreadable", "engine=%s error=\"%s\"", e->settings->name,
                     err.text);
    }
    arena_free(now.arena);
    return is_current;
}

static void upstream_fill_status(struct engine *e, struct engine_status *status)
{
    const struct upstream *u = e->own;

    status->addresses = e->settings->upstream.address_count;
    for (unsigned i = 0; i < u->address_count; i++)
        status->addresses_up += balancer_is_up(&u->balancer, i);
    if (status->state == ENGINE_READY && !status->addresses_up) {
        status->state = ENGINE_FAILED;
        snprintf(status->last_error, sizeof(status->last_error), "none of its addresses is up");
    }
}

const struct engine_driver engine_upstream_driver = {
    .call_size = sizeof(struct upstream_call),
    .open = upstream_open,
    .close = upstream_close,
    .release = upstream_release,
    .is_current = upstream_is_current,
    .fill_status = upstream_fill_status,
    .start = upstream_call_start,
    .cancel = upstream_call_cancel,
    .pause = upstream_call_pause,
    .resume = upstream_call_resume,
    .look_again = upstream_call_look_again,
};
