/*
 * The data plane: chat, completions, embeddings and model lists, on the dated surface
 * (/openai/deployments/{deployment}/...?api-version=) and on /openai/v1/. Each request is an
 * exchange that walks named phases; see inference/exchange.h.
 *
 * `struct inference` belongs to one worker loop; its functions are called on that loop, with the
 * request's own events, by whoever routes requests.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_INFERENCE_H
#define INFERENCE_INFERENCE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/engine.h"
#include "identity/token_cache.h"
#include "model/directory.h"
#include "model/refusal_log.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "telemetry/metrics.h"

struct inference;

struct inference_options {
    struct loop *loop;
    const struct clock *clock;
    struct directory_box *directory;
    struct engine_client *engines;
    const struct key_hash *key_hash;
    struct token_cache *tokens; /* this worker's */
    struct metrics_shard *metrics;
    struct refusal_log *refusals; /* all workers' */
    /* Is it a token of the control plane? ARM's, or the administrator's. */
    bool (*authenticate)(void *data, struct http_request *r, struct str token,
                         struct principal *who, struct error *err);
    void *authenticate_data;
    /* "example.com" when accounts are found by host NAME.openai.example.com; else empty. */
    struct str data_domain;
    /* By which clients reach the service as a whole; may be empty. */
    struct str own_host;
    struct str trusted_proxies; /* as http_forwarded_client takes them */
    /* As address_ranges_hold takes them: who is there comes by an account's private endpoint. */
    struct str private_networks;
    /* Faults by request header are obeyed (a development server). */
    bool allow_faults;
    /* Deployments' limits refuse; else they only count. */
    bool rate_limits;
    /* A deployment of the Standard family is charged what the engine used, not the estimate. */
    bool charge_usage;
    /* Azure's own reply where ours says more: a deployment whose model has retired. */
    bool strict_errors;
};

struct inference *inference_new(const struct inference_options *options);
/* When no exchange is left. */
void inference_free(struct inference *i);

/* The path is one of the data plane's. */
bool inference_matches(struct str path);

void inference_on_head(struct inference *i, struct http_request *r);
void inference_on_body(struct http_request *r);
void inference_on_body_part(struct http_request *r, struct str body, size_t content_length);
void inference_on_drain(struct http_request *r);
void inference_on_wake(struct http_request *r);
void inference_on_gone(struct http_request *r);
/* The service ends: the client is told that its engine does not go on. */
void inference_on_time_up(struct http_request *r);

/* The reply to an error that the HTTP server found before a handler saw the request. */
struct str inference_render_error(struct http_request *r, const struct error *err,
                                  struct http_headers *headers);

#endif
