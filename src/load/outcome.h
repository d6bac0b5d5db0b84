/*
 * What became of one request of the load, told once, when it has ended.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_OUTCOME_H
#define LOAD_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_REQUEST_ID_BYTES 64

enum load_result { LOAD_DONE, LOAD_THROTTLED, LOAD_FAILED };

/* Why it failed; the names are in failures.c. */
enum load_cause {
    LOAD_CAUSE_CONNECT, /* refused, no route, name not found */
    LOAD_CAUSE_TLS,
    LOAD_CAUSE_CONNECT_TIMEOUT,
    LOAD_CAUSE_NO_ANSWER, /* no head in time */
    LOAD_CAUSE_STALLED,   /* no further byte in time */
    LOAD_CAUSE_CLOSED,    /* before there was an answer */
    LOAD_CAUSE_CUT,       /* a stream without its [DONE], or a body that breaks off */
    LOAD_CAUSE_NOT_HTTP,
    LOAD_CAUSE_GARBAGE, /* 200, but no answer of a model */
    LOAD_CAUSE_ERROR_EVENT,
    LOAD_CAUSE_STATUS, /* any status but 200 and 429 */
    LOAD_CAUSE_THROTTLED,
    LOAD_CAUSE_COUNT,
};

/* Times are those of clock_monotonic_us. */
struct load_outcome {
    enum load_result result;
    enum load_cause cause;   /* unless done */
    int status;              /* of the last answer; 0: none */
    const char *text;        /* what it said of its failure; lent */
    const char *request_id;  /* apim-request-id; "" when there was none; lent */
    uint64_t planned_us;     /* when it was to start; with no rate, when it did */
    uint64_t start_us;       /* the first attempt */
    uint64_t first_us;       /* first token; 0: there was none, or nothing is streamed */
    uint64_t last_us;        /* last token */
    uint64_t end_us;         /* the answer was whole */
    unsigned context_tokens; /* as the answer tells, else as estimated */
    unsigned generated_tokens;
    double utilization;       /* in percent; < 0: not said */
    unsigned throttled_tries; /* attempts that were answered by 429 and made again */
};

#endif
