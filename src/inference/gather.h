/*
 * An answer put together from the events of a stream, for a client that wants the whole at once. From
 * llama-server, answers are streamed (llama_request.h): only so it notices by the next token that
 * nobody waits any more. What it answers as a whole it looks up from after a second without news of
 * any task; while other tasks stream, that is never, and it goes on to the end. It also tells the
 * usage of every choice only when it streams, and else of the first one.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_GATHER_H
#define INFERENCE_GATHER_H

#include "inference/exchange.h"

/* Takes an event of a chat or a completion in; false when it is not understood. What is kept of it is
 * in the request's arena. */
MUST_CHECK bool gather_event(struct exchange *x, struct arena *scratch, yyjson_doc *event);
/* The answer, as JSON in the shape of one that was not streamed; false when some choice has not
 * come to its end. */
MUST_CHECK bool gather_finish(struct exchange *x, struct str *answer);

#endif
