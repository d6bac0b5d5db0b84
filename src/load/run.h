/*
 * A load from its beginning to its end: the clients, the schedule, what is told each second, the signals,
 * and the reports.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "load/options.h"

enum load_end {
    LOAD_END_DONE,    /* something was answered as it should be */
    LOAD_END_NOTHING, /* nothing was */
    LOAD_END_FORCED,  /* a second signal */
};

/* Lines go to standard output, everything else to standard error. SIGINT and SIGTERM let what is under
 * way come to its end, for as long as the options say; a second one does not. False when it could not
 * begin, or a report could not be written. */
MUST_CHECK bool load_run(const struct load_options *o, enum load_end *end, struct error *err);

#endif
