/*
 * What failed, by cause, status and text, with the request ids of the first of each kind. Bounded: what
 * is beyond so many kinds is counted as one.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_FAILURES_H
#define LOAD_FAILURES_H

#include "load/outcome.h"

#define FAILURE_KINDS_MAX 32
#define FAILURE_IDS_MAX 3
#define FAILURE_TEXT_BYTES 200

/* Texts that differ in words with digits only are of one kind, which keeps the first. */
struct failure_kind {
    enum load_cause cause;
    int status;
    char text[FAILURE_TEXT_BYTES];
    uint64_t count;
    unsigned id_count;
    char ids[FAILURE_IDS_MAX][LOAD_REQUEST_ID_BYTES];
};

/* All zero: empty. */
struct load_failures {
    unsigned count;
    struct failure_kind kinds[FAILURE_KINDS_MAX];
    uint64_t others; /* of further kinds */
};

void load_failures_add(struct load_failures *f, const struct load_outcome *o);
/* "connection refused or not possible" */
const char *load_cause_text(enum load_cause cause);
/* "connect", for programs. */
const char *load_cause_name(enum load_cause cause);

#endif
