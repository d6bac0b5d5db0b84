/*
 * Metrics in Prometheus' text form. Each worker records into a shard of its own, whose lock nobody
 * else wants but a scrape; a scrape adds the shards up. Names, types and help are one table in
 * metrics.c.
 * SPDX-License-Identifier: MIT
 */
#ifndef TELEMETRY_METRICS_H
#define TELEMETRY_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct metrics;
struct metrics_shard;

struct metrics *metrics_new(unsigned shards);
/* No shard is in use any more. */
void metrics_free(struct metrics *m);
struct metrics_shard *metrics_shard(struct metrics *m, unsigned index);

/* One request of the data plane, when it has ended. */
struct metrics_request {
    struct str account;    /* empty when none was found */
    struct str deployment; /* empty when none was found: such requests share one series */
    const char *operation; /* "ChatCompletions_Create"; static */
    int status;
    bool streamed;
    bool is_spillover; /* another deployment was called, and could not take it */
    uint64_t duration_us;
    uint64_t first_byte_us; /* from the start to the answer's first byte; 0: there was none */
    uint64_t prompt_tokens;
    uint64_t completion_tokens;
};
void metrics_record_request(struct metrics_shard *s, const struct metrics_request *r);

/* Series of what `is_gone` (called without a lock, on names as they were recorded) go once nothing has
 * been recorded into them for that long, so that each scraper has seen them to their end: deployments
 * come and go for as long as the service runs, and only so many series have room. Whether anything has
 * been, is noticed from one call to the next. Any thread. */
#define METRICS_KEPT_MS ((int64_t)15 * 60 * 1000)
typedef bool metrics_is_gone(void *data, struct str account, struct str deployment);
void metrics_forget(struct metrics *m, int64_t now_ms, metrics_is_gone *is_gone, void *data);

/* Values that are looked up when a scrape asks, by whoever owns them. */
struct metrics_gauge {
    const char *name; /* "lazuli_connections_open" */
    const char *help;
    const char *type;   /* "gauge" or "counter" */
    const char *labels; /* "engine=\"tiny\"", or NULL */
    double value;
};

/* Appends the whole exposition, gauges last (consecutive ones of one name share its header). False
 * when `out` is full. Any thread. */
MUST_CHECK bool metrics_write(struct metrics *m, const struct metrics_gauge *gauges,
                              size_t gauge_count, struct buf *out);

#endif
