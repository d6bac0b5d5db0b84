/*
 * What an engine says when it refuses or breaks, in Azure's terms.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_ENGINE_ERROR_H
#define INFERENCE_ENGINE_ERROR_H

#include "inference/exchange.h"

/* An answer whose status is not 200. Simulated and upstream refusals that concern the caller pass
 * through with their status and body; those that concern lazuli (its credential, its
 * configuration) become 500, llama-server's become Azure's words. */
enum phase engine_error_reply(struct exchange *x, struct str body);

/* What came is no answer to the request: sets the exchange's error, unless it says already what is
 * wrong. */
void engine_error_not_understood(struct exchange *x);

/* An event of a stream that is an error: fills *err and returns true. */
bool engine_error_of_event(struct exchange *x, yyjson_doc *event, struct error *err);

/* The answer calls no tool, although tool_choice says that it must. */
void engine_error_no_call(struct exchange *x, struct error *err);

/* The stream broke: the text of the event that ends it. */
void engine_error_in_stream(struct exchange *x, struct error *err);

#endif
