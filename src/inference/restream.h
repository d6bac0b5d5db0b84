/*
 * A whole answer where a stream was asked for: a server that does not stream says it so, and the
 * client, which reads events only, would find nothing in it. It goes out as a stream of one event.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_RESTREAM_H
#define INFERENCE_RESTREAM_H

#include "inference/exchange.h"

/* The event that says what the answer says, in the engine's shape, in the exchange's arena for
 * asking. */
struct str restream_event(struct exchange *x, yyjson_doc *answer);

#endif
