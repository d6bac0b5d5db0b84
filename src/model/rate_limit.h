/*
 * The limits of a deployment of the Standard family (Azure's documentation of quota, "Understanding
 * rate limits"): tokens by the minute, requests by a short period.
 *
 * - A request is counted when it arrives, with an estimate of its tokens. Nothing is given back
 *   when it turns out smaller, and what is refused counts as well: who keeps on calling stays out.
 * - It is refused when, itself included, a count is above its limit. The limits are exact: of
 *   requests that come at the same time, as many pass as fit.
 * - What could never pass, being larger than the whole limit, counts as a request and as no tokens:
 *   it would only shut out others.
 * - What a limit of requests refuses, counts as no tokens: nothing is done for it.
 *
 * A pure function of (counters, limits, tokens, now); any thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_RATE_LIMIT_H
#define MODEL_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/rate_window.h"

struct rate_limits {
    uint64_t tokens_per_minute;   /* 0: not limited */
    uint64_t requests_per_period; /* 0: not limited */
    int64_t period_ms;            /* of requests */
};

/* On a cache line each: every request writes to both. */
struct rate_counters {
    _Alignas(64) struct rate_window requests;
    _Alignas(64) struct rate_window tokens;
};

/* What of these counts was refused, in the same windows: written by refusals alone, so that a request
 * that passes pays nothing for it. Of what is refused at one moment by several threads, each may see
 * the others as admitted or as refused. */
struct rate_refusals {
    _Alignas(64) struct rate_window requests; /* for a limit */
    struct rate_window invalid;               /* requests, for what they asked */
    struct rate_window tokens;
};

enum rate_verdict { RATE_ADMITTED, RATE_TOO_MANY_REQUESTS, RATE_TOO_MANY_TOKENS };

struct rate_decision {
    enum rate_verdict verdict;
    bool is_hopeless; /* too many tokens for the whole limit: no retry ever passes */
    struct rate_use requests, tokens;
    int64_t retry_at_ms; /* of what was refused: when the count is 0 again */
};

struct rate_decision rate_limit_admit(struct rate_counters *c, const struct rate_limits *limits,
                                      int64_t now_ms, uint64_t tokens);
/* Counts a request that is refused for what it asks (400): Azure counts those, too. */
void rate_limit_count_invalid(struct rate_counters *c, struct rate_refusals *r,
                              const struct rate_limits *limits, int64_t now_ms);
/* The same of one that was admitted: from now on it counts so. False: it is too late to take its tokens
 * back, since their minute is over. */
bool rate_limit_make_invalid(struct rate_counters *c, struct rate_refusals *r,
                             const struct rate_limits *limits, const struct rate_decision *d,
                             int64_t now_ms, uint64_t tokens);
/* What filled the windows of a refused request, that one left out. */
struct rate_filling {
    uint64_t requests_admitted, requests_refused, requests_invalid;
    uint64_t tokens_admitted, tokens_refused;
    uint64_t tokens_counted; /* of the refused one */
};
/* Once for each decision to refuse. `tokens`: what it was asked for. */
struct rate_filling rate_limit_note_refused(struct rate_refusals *r,
                                            const struct rate_limits *limits,
                                            const struct rate_decision *d, uint64_t tokens);
/* When the same request fits if nothing else comes before: of a decision to refuse, not a hopeless
 * one. Later than retry_at_ms where both limits are in its way. */
int64_t rate_limit_fits_at_ms(const struct rate_limits *limits, const struct rate_decision *d,
                              uint64_t tokens);
/* What is used now, without adding to it. */
struct rate_decision rate_limit_look(const struct rate_counters *c,
                                     const struct rate_limits *limits, int64_t now_ms);

#endif
