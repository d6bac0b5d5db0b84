/*
 * What waits for a person, or must not be used twice: device codes, and authorization codes that have
 * been redeemed. Kept in the store until it expires, so that it outlives a restart.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_PENDING_H
#define ENTRA_PENDING_H

#include "base/json.h"
#include "entra/call.h"

enum pending_kind {
    PENDING_DEVICE_CODE,
    PENDING_REDEEMED_CODE, /* an authorization code */
};

/* Makes it, or replaces its body. Those of the kind that have expired go, after a second
 * or so. ERROR_OAUTH_REQUEST when there are too many for a new one. */
MUST_CHECK bool pending_put(struct entra_call *c, enum pending_kind kind, struct str id,
                            yyjson_mut_val *body, int64_t expires_at_ms, struct error *err);
/* *body is NULL when there is none, or it has expired. */
MUST_CHECK bool pending_get(struct entra_call *c, enum pending_kind kind, struct str id,
                            yyjson_val **body, struct error *err);
MUST_CHECK bool pending_delete(struct entra_call *c, enum pending_kind kind, struct str id,
                               struct error *err);

#endif
