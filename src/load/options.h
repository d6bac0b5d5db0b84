/*
 * What a load is made of: the options of `lazuli bench load`, checked. Names and defaults are those of
 * Azure's benchmark tool (Azure/azure-openai-benchmark) where it has the option.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_REPORTS_MAX 4
#define LOAD_UNSET (-1e9) /* of a number that goes into requests only when given */

enum load_shape {
    LOAD_SHAPE_BALANCED,
    LOAD_SHAPE_CONTEXT,
    LOAD_SHAPE_GENERATION,
    LOAD_SHAPE_CUSTOM
};

struct load_options {
    /* whom to call */
    const char *endpoint; /* base URL */
    const char *deployment;
    const char *api_version;
    const char *key;   /* NULL where a token is used */
    const char *token; /* of Entra ID, or NULL */
    const char *ca_file;
    /* how much, how fast, how long */
    unsigned clients;
    uint64_t requests;   /* 0: until told to stop */
    double duration_s;   /* 0: until told to stop */
    bool ends_with_both; /* requests and duration; else with the first of them */
    bool is_random;      /* planned times as of a Poisson process; else even */
    double rate_rpm;     /* 0: as fast as the clients can */
    bool retries;        /* what was throttled, with back-off */
    double timeout_s;    /* without a byte */
    double drain_s;      /* at the end, for what is under way */
    /* what is asked for */
    enum load_shape shape;
    uint64_t context_tokens, max_tokens; /* 0: not given */
    const char *replay_path;             /* NULL: generated */
    bool prevents_caching;
    uint64_t completions;
    double frequency_penalty, presence_penalty, temperature, top_p; /* LOAD_UNSET: not given */
    bool streams;
    bool includes_usage; /* asks for the usage at the end of a stream */
    /* what is told */
    double window_s;
    bool is_jsonl;
    bool is_live; /* a view that is drawn over again; else lines */
    const char *log_save_dir;
    const char *reports[LOAD_REPORTS_MAX];
    unsigned report_count;
};

/* "balanced", ... */
const char *load_shape_name(enum load_shape shape);
/* Puts the profile's numbers in place of those that were given; a custom one keeps them. */
void load_shape_apply(struct load_options *o);

#endif
