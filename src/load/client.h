/*
 * One client of the load: it makes one request at a time, tries again what was throttled if it is told
 * to, and tells what became of it.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include "load/options.h"
#include "load/outcome.h"
#include "load/prompts.h"
#include "load/target.h"
#include "net/http_client.h"

struct load_client;

/* What all clients share; it outlives them. */
struct load_context {
    const struct load_options *options;
    const struct load_target *target;
    const struct prompts *prompts;
    struct loop *loop;
    struct http_client *http;
    uint64_t last_stamp_us;
    uint64_t random;              /* of the back-off */
    size_t next_prompt;           /* in turn */
    bool wants_completion_tokens; /* the model takes max_completion_tokens, and no max_tokens */
    /* It has said so, of the first request. */
    void (*on_completion_tokens)(void *data);
    /* The request has ended; the client is free. Called out of the loop only. */
    void (*on_outcome)(void *data, struct load_client *c, const struct load_outcome *o);
    void *data;
};

struct load_client *load_client_new(struct load_context *context);
/* `planned_us`: see struct load_outcome. */
void load_client_start(struct load_client *c, uint64_t planned_us);
/* Ends what is under way, which tells nothing more, and goes in the loop's next turns. */
void load_client_close(struct load_client *c);
/* A list of the owner's. */
struct load_client **load_client_next(struct load_client *c);

/* "87%", in percent; < 0 when it is none. */
double load_utilization(struct str header);
/* How long to wait before the next attempt, after so many that were throttled and after so long:
 * SCHEDULE_NEVER when there is to be none. `asked_ms`: what the service asked for; RETRY_AFTER_UNSAID.
 * As Azure's tool: what was asked for, else exponential back-off with full jitter; 60 s in all. */
uint64_t load_retry_us(uint64_t asked_ms, unsigned tries, uint64_t elapsed_us, uint64_t *random);

#endif
