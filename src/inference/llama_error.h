/*
 * Why llama-server refuses a request, said of the field that is at fault, as Azure says it. What it
 * says itself names none, and tells of templates and parsers, which are no concern of the client's.
 * Measured with llama.cpp build 11669.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_LLAMA_ERROR_H
#define INFERENCE_LLAMA_ERROR_H

#include "inference/exchange.h"

/* Fills *err from the text of a 400; false: it is not known what it means. */
bool llama_error_read(const struct exchange *x, struct str message, struct error *err);

#endif
