/*
 * What `prompt` of a completion and `input` of embeddings have in common: a text, several, one list
 * of token ids, or several.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_PROMPTS_H
#define INFERENCE_PROMPTS_H

#include "inference/exchange.h"

/* Counts them into facts->prompts, their characters and tokens into prompt_chars and prompt_tokens,
 * and notes that token ids are needed. `name` is the member's, for errors; `max` the most prompts
 * there may be. An absent value is one prompt. */
MUST_CHECK bool prompts_check(struct request_facts *facts, yyjson_val *prompts, const char *name,
                              size_t max, struct error *err);

/* Adds the characters of a string of the request's document to prompt_chars; nothing of another value. */
void prompts_count_text(struct request_facts *facts, yyjson_val *text);

#endif
