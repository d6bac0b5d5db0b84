/* SPDX-License-Identifier: MIT */
#include "server/scrape.h"

#include "model/budget.h"
#include "server/page.h"

#define METRICS_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define GAUGES_OF_WORKERS 4
#define GAUGES_OF_DIRECTORY 1
#define GAUGES_OF_AN_ENGINE 6
/* Provisioned deployments that have a gauge: as many as there are series of requests. */
#define UTILIZATIONS_MAX 4000

struct gauges {
    struct metrics_gauge *items;
    size_t count;
};

static void add_gauge(struct gauges *g, const char *name, const char *type, const char *labels,
                      double value, const char *help)
{
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
    const struct catalog_cost *cost; /* NULL: it costs nothing */
    struct engine_status status;
};

static void add_engine_gauges(struct gauges *g, const struct engine_row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_ready", "gauge", rows[i].labels,
                  rows[i].status.state == ENGINE_READY, "The engine can answer.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_restarts_total", "counter", rows[i].labels,
                  rows[i].status.restarts, "Starts after a crash or a hang.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_in_flight", "gauge", rows[i].labels, rows[i].status.in_flight,
                  "Calls that the engine is answering.");
    for (unsigned i = 0; i < count; i++)
        add_gauge(g, "lazuli_engine_addresses_up", "gauge", rows[i].labels,
                  rows[i].status.addresses_up, "Addresses that take calls.");
}

static bool is_gone(void *data, struct str account, struct str deployment)
{
    return account.len && !directory_has(data, account, deployment);
}

/* In whole units of money, as the catalog has it. */
static void add_cost_gauges(struct gauges *g, const struct engine_row *rows, unsigned count,
                            int64_t now_ms)
{
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].cost)
            add_gauge(g, "lazuli_engine_cost_today", "gauge", rows[i].labels,
                      (double)budget_spent(rows[i].status.spending, now_ms) / 1e6,
                      "Money that calls have cost since 0:00 UTC, or may when they have ended.");
    }
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].cost && rows[i].cost->per_day != UINT64_MAX)
            add_gauge(g, "lazuli_engine_cost_per_day_max", "gauge", rows[i].labels,
                      (double)rows[i].cost->per_day / 1e6, "Money that a day's calls may cost.");
    }
}

/* The provisioned deployments. */
struct utilizations {
    struct directory_visitor visitor;
    struct gauges *gauges;
    struct arena *arena;
    int64_t now_ms;
    unsigned count; /* found so far */
    bool is_only_counting;
};

/* Azure's ProvisionedManagedUtilization: units consumed by units deployed, in one-minute increments. */
static void visit_deployment(struct directory_visitor *v, const struct directory_account *a,
                             const struct directory_deployment *d)
{
    struct utilizations *u = CONTAINER_OF(v, struct utilizations, visitor);
    double work;

    if (!d->ptu.tokens_per_minute || u->count == UTILIZATIONS_MAX)
        return;
    u->count++;
    if (u->is_only_counting)
        return;
    work = (double)minute_meter_last(&d->counters->work, u->now_ms);
    add_gauge(u->gauges, "lazuli_provisioned_managed_utilization_percent", "gauge",
              arena_printf(u->arena, "account=\"%.*s\",deployment=\"%.*s\"", STR_ARGS(a->name),
                           STR_ARGS(d->name))
                  .data,
              100 * work / (double)d->ptu.tokens_per_minute,
              "Throughput units that the last whole minute's work took, of those deployed.");
}

static void on_text_sent(void *data)
{
    buf_done(data);
}

void scrape_reply(struct worker *w, struct http_request *r)
{
    const struct worker_shared *shared = worker_get_shared(w);
    struct directory *d = directory_box_get(shared->directory);
    const struct catalog *c = directory_catalog(d);
    size_t gauges_max =
        GAUGES_OF_WORKERS + GAUGES_OF_DIRECTORY + GAUGES_OF_AN_ENGINE * (size_t)c->engine_count;
    struct utilizations u = {
        .visitor = { visit_deployment },
        .arena = r->arena,
        .now_ms = clock_now_ms(shared->clock),
        .is_only_counting = true,
    };
    struct gauges g;
    struct engine_row *rows = ARENA_ARRAY(r->arena, struct engine_row, c->engine_count + 1);
    struct buf *text = ARENA_NEW(r->arena, struct buf);
    unsigned count = 0;

    directory_each_deployment(d, &u.visitor);
    g = (struct gauges){ ARENA_ARRAY(r->arena, struct metrics_gauge, gauges_max + u.count), 0 };
    u = (struct utilizations){ u.visitor, &g, r->arena, u.now_ms, 0, false };
    for (unsigned i = 0; i < c->engine_count; i++) {
        if (!engines_status(shared->engines, str_from(c->engines[i].name), &rows[count].status))
            continue;
        rows[count].cost = c->engines[i].upstream.cost;
        rows[count++].labels = arena_printf(r->arena, "engine=\"%s\"", c->engines[i].name).data;
    }
    add_worker_gauges(&g, shared);
    add_gauge(&g, "lazuli_accounts", "gauge", NULL, (double)directory_count(d),
              "Accounts that can be called.");
    add_engine_gauges(&g, rows, count);
    add_cost_gauges(&g, rows, count, u.now_ms);
    directory_each_deployment(d, &u.visitor);
    metrics_forget(shared->metrics, clock_now_ms(shared->clock), is_gone, d);
    directory_unref(d);
    buf_init(text, METRICS_BYTES_MAX);
    arena_defer(r->arena, on_text_sent, text);
    if (!metrics_write(shared->metrics, g.items, g.count, text))
        page_reply(r, 500, STR("text/plain; charset=utf-8"), STR("the metrics are too large\n"));
    else
        page_reply(r, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(text));
}
