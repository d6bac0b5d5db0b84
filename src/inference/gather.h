/*
 * An answer put together from the events of a stream. llama-server tells the usage of the first
 * choice only when it answers as a whole, and of every choice when it streams: so what has several
 * choices is streamed from it, also for a client that wants the whole at once (llama_request.h).
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_GATHER_H
#define INFERENCE_GATHER_H

#include "inference/exchange.h"

/* Takes an event of a chat or a completion in; false when it is not understood. Everything is in
 * the request's arena. */
MUST_CHECK bool gather_event(struct exchange *x, yyjson_doc *event);
/* The answer, as JSON in the shape of one that was not streamed; false when some choice has not
 * come to its end. */
MUST_CHECK bool gather_finish(struct exchange *x, struct str *answer);

#endif
