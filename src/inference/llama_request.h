/*
 * Where llama-server understands a request otherwise than Azure does, the request is put so that it
 * does what Azure's would: a missing max_tokens of a completion means 16, not "until the context is
 * full"; logprobs without alternatives must ask for one (it is cut off again); a named tool is that
 * tool alone, required; a refusal among the messages is what the assistant said; answers are
 * streamed, for the reasons in gather.h, but for one choice with logprobs: a stream lacks those of
 * tokens that are held back while they may begin a stop sequence, and of a chat with tools has none.
 * Measured with llama.cpp build 11669.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_LLAMA_REQUEST_H
#define INFERENCE_LLAMA_REQUEST_H

#include "inference/exchange.h"

/* A request that its operation let pass asks for no more than its llama-server, if it is for one, can
 * do. */
MUST_CHECK bool llama_request_check(const struct exchange *x, struct error *err);
/* It is for a llama-server that streams what the client wants whole: facts.is_gathered. */
bool llama_request_must_gather(const struct exchange *x);

/* The request has one of these; then it is written anew, and adapt changes the copy. Once facts are
 * complete, and for a llama-server only. */
bool llama_request_differs(const struct exchange *x);
void llama_request_adapt(const struct exchange *x, yyjson_mut_doc *doc, yyjson_mut_val *root);

#endif
