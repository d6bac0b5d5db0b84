/*
 * What there is to say of the last refusals (429) for deployments' limits, found by the request's id: a
 * ring of bounded size, in which a new refusal takes the place of the oldest one. Names are copied, so that
 * nothing of the directory is kept alive.
 *
 * One log for all loops, behind a mutex that only refusals and those who ask about them take. Any
 * thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef MODEL_REFUSAL_LOG_H
#define MODEL_REFUSAL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/format.h"
#include "base/str.h"
#include "model/rate_limit.h"

/* Refusals that are remembered: about 4 MiB when there have been so many. */
#define REFUSAL_LOG_MAX 4096
/* More than an account's ARM id has; nobody asks about a longer one. */
#define REFUSAL_KEY_MAX 512
#define REFUSAL_NAME_MAX 72

/* Which limit it was. */
enum refusal_limit { REFUSAL_REQUESTS, REFUSAL_TOKENS, REFUSAL_THROUGHPUT };

/* A count against a limit of the Standard family. */
struct refusal_window {
    uint64_t limit;    /* 0: not limited */
    uint64_t per_unit; /* a minute, of the SKU's capacity */
    int64_t starts_ms, ends_ms;
    uint64_t admitted, refused; /* in the window, before this request */
    uint64_t invalid;           /* requests that were refused for what they asked (400) */
    uint64_t counted;           /* of this request; 0 where it was not counted here */
};

/* The bucket of the Provisioned family, in input tokens. */
struct refusal_throughput {
    uint64_t per_minute, per_unit; /* what drains */
    uint64_t burst_s;              /* at 100 % it takes so long */
    uint64_t permille;             /* utilization */
    uint64_t this_minute;          /* work that ended in the clock's minute so far, */
    uint64_t last_minute;          /* and in the one before */
    uint64_t in_flight;            /* requests, */
    uint64_t work_in_flight;       /* and what these were taken for */
};

/* What the request was counted for: prompt + answers x answer x output_ratio. */
struct refusal_estimate {
    uint64_t total;
    uint64_t prompt_chars; /* four make a token */
    uint64_t given_tokens; /* of prompts given as tokens */
    uint64_t prompt;       /* tokens of both */
    uint64_t answer;       /* tokens of one answer */
    bool is_answer_asked;  /* by max_tokens; else that is what is taken for it */
    uint64_t answers;      /* n, or best_of */
    unsigned output_ratio; /* 1 for the Standard family */
};

struct refusal {
    char id[GUID_TEXT_LEN + 1];
    int64_t at_ms;
    char account_key[REFUSAL_KEY_MAX]; /* lower-cased ARM id */
    char account[REFUSAL_NAME_MAX], deployment[REFUSAL_NAME_MAX];
    char model[REFUSAL_NAME_MAX], version[REFUSAL_NAME_MAX], sku[REFUSAL_NAME_MAX];
    const char *operation; /* a literal */
    unsigned capacity;
    enum refusal_limit limit;
    bool is_provisioned;
    struct refusal_window requests, tokens; /* of the Standard family */
    struct refusal_throughput throughput;   /* of the Provisioned one */
    struct refusal_estimate estimate;
    bool is_hopeless;    /* larger than the whole limit: no retry ever passes */
    int64_t retry_at_ms; /* else: from then on it fits, if nothing else comes before */
};

/* Copies a name; one that is too long is cut. `to` has `size` bytes. */
void refusal_copy_name(char *to, size_t size, struct str name);

/* Of a hopeless one: the capacity that would do; 0: none is known. */
uint64_t refusal_capacity_needed(const struct refusal *r);
/* And the max_tokens that would do with the capacity that there is; 0: the prompt alone is too much. */
uint64_t refusal_max_tokens_that_fits(const struct refusal *r);

struct refusal_log;

struct refusal_log *refusal_log_new(size_t max);
/* NULL is fine. */
void refusal_log_free(struct refusal_log *l);
void refusal_log_add(struct refusal_log *l, const struct refusal *r);
/* A copy; false when there is none of that id, or none any more. The case of the id does not count. */
MUST_CHECK bool refusal_log_find(struct refusal_log *l, struct str id, struct refusal *found);

#endif
