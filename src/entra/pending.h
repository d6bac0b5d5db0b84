/*
 * What waits for a person, or must not be used twice: device codes, and authorization codes that have
 * been redeemed. Kept in the store until it expires, so that it outlives a restart.
 * SPDX-License-Identifier: MIT
 */
#ifndef ENTRA_PENDING_H
#define ENTRA_PENDING_H

#include "base/json.h"
#include "entra/call.h"

/* Makes it, or replaces its body. With a new one, those of the kind that have expired go;
 * ERROR_OAUTH_REQUEST when there are too many. */
MUST_CHECK bool pending_put(struct entra_call *c, const char *kind, struct str id,
                            yyjson_mut_val *body, int64_t expires_at_ms, struct error *err);
/* *body is NULL when there is none, or it has expired. */
MUST_CHECK bool pending_get(struct entra_call *c, const char *kind, struct str id,
                            yyjson_val **body, struct error *err);
MUST_CHECK bool pending_delete(struct entra_call *c, const char *kind, struct str id,
                               struct error *err);

#endif
