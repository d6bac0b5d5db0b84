/*
 * What a server wrote, looked at as a client does that takes nothing for granted: whatever is not
 * HTTP ends the process.
 * SPDX-License-Identifier: MIT
 */
#ifndef TEST_REPLY_CHECK_H
#define TEST_REPLY_CHECK_H

#include <stdbool.h>

#include "base/str.h"

struct reply {
    int status;
    bool is_chunked, has_length;
    size_t length;
    unsigned id; /* x-ms-client-request-id, which is a number here; 0: it has none */
};

/* Take the head, then the body, off *rest; false when it is not whole. */
bool reply_check_head(struct str *rest, struct reply *r);
/* `is_head`: of a HEAD, which has none. */
bool reply_check_body(struct str *rest, const struct reply *r, bool is_head);

#endif
