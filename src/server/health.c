/* SPDX-License-Identifier: MIT */
#include "server/health.h"

#include "base/format.h"
#include "base/json.h"

#define METRICS_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* Of the workers, and four of each engine. */
#define GAUGES_MAX 1024

struct page {
    struct str path;
    void (*reply)(struct worker *w, struct http_request *r);
};

static void reply(struct http_request *r, int status, struct str type, struct str body)
{
    struct http_headers h = { .items = ARENA_ARRAY(r->arena, struct http_header, 2), .count = 2 };

    h.items[0] = (struct http_header){ STR("content-type"), type };
    h.items[1] = (struct http_header){ STR("cache-control"), STR("no-store") };
    http_reply(r, status, &h, body);
}

static void reply_healthz(struct worker *w, struct http_request *r)
{
    (void)w;
    reply(r, 200, STR("text/plain; charset=utf-8"), STR("ok\n"));
}

static const char *state_word(enum engine_state state)
{
    static const char *const words[] = {
        [ENGINE_STOPPED] = "stopped",
        [ENGINE_STARTING] = "starting",
        [ENGINE_READY] = "ready",
        [ENGINE_FAILED] = "failed",
    };

    return words[state];
}

/* Engines that load on first use may be stopped; one that shall be loaded at the start must have
 * come up before traffic is sent here. */
static bool is_awaited(const struct catalog_engine *e, const struct engine_status *status)
{
    return e->kind == ENGINE_LLAMA && e->llama.load_at_start && status->state != ENGINE_READY;
}

static void reply_readyz(struct worker *w, struct http_request *r)
{
    const struct worker_shared *shared = worker_get_shared(w);
    struct directory *d = directory_box_get(shared->directory);
    const struct catalog *c = directory_catalog(d);
    bool is_draining = atomic_load(&shared->is_draining), is_ready = !is_draining;
    yyjson_mut_doc *doc = json_new(r->arena);
    yyjson_mut_val *root = yyjson_mut_obj(doc), *engines = yyjson_mut_obj(doc);

    for (unsigned i = 0; i < c->engine_count; i++) {
        const struct catalog_engine *e = &c->engines[i];
        struct engine_status status;

        if (!engines_status(shared->engines, str_from(e->name), &status))
            continue;
        is_ready = is_ready && !is_awaited(e, &status);
        json_set_str(doc, engines, e->name, str_from(state_word(status.state)));
    }
    json_set_str(doc, root, "status",
                 is_ready      ? STR("ready")
                 : is_draining ? STR("draining")
                               : STR("starting"));
    json_set(doc, root, "engines", engines);
    reply(r, is_ready ? 200 : 503, STR("application/json"), json_write_mut(r->arena, root));
    directory_unref(d);
}

struct gauges {
    struct metrics_gauge *items;
    size_t count;
};

static void add_gauge(struct gauges *g, const char *name, const char *type, const char *labels,
                      double value, const char *help)
{
    if (g->count < GAUGES_MAX)
        g->items[g->count++] = (struct metrics_gauge){ name, help, type, labels, value };
}

static void add_worker_gauges(struct gauges *g, const struct worker_shared *shared)
{
    struct worker_stats sum = { 0 };

    for (unsigned i = 0; i < shared->worker_count; i++) {
        struct worker_stats s = worker_stats(shared->workers[i]);

        sum.connections_accepted += s.connections_accepted;
        sum.connections_refused += s.connections_refused;
        sum.connections_open += s.connections_open;
        sum.requests_active += s.requests_active;
    }
    add_gauge(g, "lazuli_connections_accepted_total", "counter", NULL,
              (double)sum.connections_accepted, "Connections that clients made.");
    add_gauge(g, "lazuli_connections_refused_total", "counter", NULL,
              (double)sum.connections_refused, "Connections closed for being one too many.");
    add_gauge(g, "lazuli_connections_open", "gauge", NULL, (double)sum.connections_open,
              "Connections of clients.");
    add_gauge(g, "lazuli_requests_in_flight", "gauge", NULL, (double)sum.requests_active,
              "Requests that are being answered.");
}

struct engine_row {
    const char *labels;
    struct engine_status status;
};

static void add_engine_gauges(struct gauges *g, const struct engine_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_ready", "gauge", rows[i].labels,
                  rows[i].status.state == ENGINE_READY, "The engine can answer.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_restarts_total", "counter", rows[i].labels,
                  rows[i].status.restarts, "Starts after a crash.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_in_flight", "gauge", rows[i].labels, rows[i].status.in_flight,
                  "Calls that the engine is answering.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_addresses_up", "gauge", rows[i].labels,
                  rows[i].status.addresses_up, "Addresses that take calls.");
}

static void on_text_sent(void *data)
{
    buf_done(data);
}

static void reply_metrics(struct worker *w, struct http_request *r)
{
    const struct worker_shared *shared = worker_get_shared(w);
    struct directory *d = directory_box_get(shared->directory);
    const struct catalog *c = directory_catalog(d);
    struct gauges g = { ARENA_ARRAY(r->arena, struct metrics_gauge, GAUGES_MAX), 0 };
    struct engine_row *rows = ARENA_ARRAY(r->arena, struct engine_row, c->engine_count + 1);
    struct buf *text = ARENA_NEW(r->arena, struct buf);
    unsigned count = 0;

    for (unsigned i = 0; i < c->engine_count; i++) {
        if (!engines_status(shared->engines, str_from(c->engines[i].name), &rows[count].status))
            continue;
        rows[count++].labels = arena_printf(r->arena, "engine=\"%s\"", c->engines[i].name).data;
    }
    add_worker_gauges(&g, shared);
    add_engine_gauges(&g, rows, count);
    directory_unref(d);
    buf_init(text, METRICS_BYTES_MAX);
    arena_defer(r->arena, on_text_sent, text);
    if (!metrics_write(shared->metrics, g.items, g.count, text))
        reply(r, 500, STR("text/plain; charset=utf-8"), STR("the metrics are too large\n"));
    else
        reply(r, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(text));
}

static const struct page pages[] = {
    { { "/healthz", 8 }, reply_healthz },
    { { "/readyz", 7 }, reply_readyz },
    { { "/metrics", 8 }, reply_metrics },
};

static const struct page *page_of(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (str_equal(path, pages[i].path))
            return &pages[i];
    }
    return NULL;
}

bool health_matches(struct str path)
{
    return page_of(path) != NULL;
}

static void reply_error(struct http_request *r, enum error_code code)
{
    struct http_headers headers;
    struct error err;
    struct str body;

    error_set(&err, code, NULL);
    body = inference_render_error(r, &err, &headers);
    http_reply(r, error_info(code)->status, &headers, body);
}

void health_on_head(struct worker *w, struct http_request *r)
{
    if (r->method == HTTP_GET || r->method == HTTP_HEAD)
        page_of(r->path)->reply(w, r);
    else
        reply_error(r, ERROR_METHOD);
}

void health_on_unknown_path(struct worker *w, struct http_request *r)
{
    (void)w;
    reply_error(r, ERROR_NOT_FOUND);
}
