/*
 * Why llama-server refuses a request, said of the field that is at fault, as Azure says it. What it
 * says itself names none, and tells of templates and parsers, which are no concern of the client's.
 * Measured with llama.cpp build 11669.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_LLAMA_ERROR_H
#define INFERENCE_LLAMA_ERROR_H

#include "inference/exchange.h"

/* Fills *err from the `error` of a 400 or of an event; false: it is not known what it means. Of an
 * upstream, which may be a llama-server, too, only what no other says is looked at. */
MUST_CHECK bool llama_error_read(const struct exchange *x, yyjson_val *error, struct error *err);
/* As llama_error_read, from a 500: true where it is the request that is at fault. */
MUST_CHECK bool llama_error_read_failure(const struct exchange *x, yyjson_val *error,
                                         struct error *err);
/* The prompt, or one of them, has so many tokens, and the model no room for it and the answer. */
void llama_error_context(const struct exchange *x, uint64_t context, uint64_t prompt,
                         struct error *err);

#endif
