/*
 * When an engine wants to be asked again, as its answer says so: by "retry-after-ms", Azure's, or by
 * "Retry-After" (RFC 9110, 10.2.3), which is a number of seconds or a date.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENGINE_RETRY_AFTER_H
#define ENGINE_RETRY_AFTER_H

#include "net/http_headers.h"

/* Whatever an engine says, we ask it again after that long. */
#define RETRY_AFTER_HELD_MAX_MS ((uint64_t)10 * 60 * 1000)
/* A client is told no more than a day, the longest that Azure says: some sleep as they are told. */
#define RETRY_AFTER_TOLD_MAX_MS ((uint64_t)24 * 3600 * 1000)
#define RETRY_AFTER_UNSAID UINT64_MAX

/* Each of them RETRY_AFTER_UNSAID when it is not there, no number and no date, or a date that is
 * past. */
struct retry_after {
    uint64_t azure_ms; /* by retry-after-ms */
    uint64_t http_ms;  /* by Retry-After */
};

/* What is too large to count is a very long time. */
struct retry_after retry_after_read(const struct http_headers *headers, int64_t wall_now_ms);
/* As retry_after_read, of an answer that has just come. A date in it is by the clock of the server
 * that sent it: it is compared with the machine's own, not with the service's (base/clock.h), which
 * may have been moved. */
struct retry_after retry_after_read_now(const struct http_headers *headers);

/* How long we leave the engine alone, in milliseconds; the more exact of the two counts. 0: it did
 * not say. */
uint64_t retry_after_hold_ms(const struct retry_after *r);

#endif
