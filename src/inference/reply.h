/*
 * Replies of the data plane: the headers that every answer carries, and errors in their envelopes.
 * This is the only place where an error becomes JSON.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_REPLY_H
#define INFERENCE_REPLY_H

#include "inference/exchange.h"

#define REPLY_JSON STR("application/json")
#define REPLY_EVENTS STR("text/event-stream; charset=utf-8")

/* The headers of an answer of this content type, in the exchange's arena for asking: not after
 * exchange_forget_request. */
struct http_headers reply_headers(struct exchange *x, struct str content_type);

/* An error's body in its envelope, in the arena. */
struct str reply_error_body(struct arena *a, const struct error *err);
/* Reason phrase where Azure's differs from HTTP's ("PermissionDenied"), else NULL. */
const char *reply_error_phrase(const struct error *err);

#endif
