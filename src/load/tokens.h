/*
 * How many tokens a text has, guessed: no tokenizer is asked. A token is about four characters of English.
 * SPDX-License-Identifier: MIT
 */
#ifndef LOAD_TOKENS_H
#define LOAD_TOKENS_H

#include <stdint.h>

#include "base/json.h"
#include "base/str.h"

/* What each message takes besides its texts, and what primes the answer, as OpenAI counts for chat. */
#define TOKENS_A_MESSAGE 3
#define TOKENS_OF_PRIMING 3

uint64_t tokens_of_text(struct str text);
/* Of an array of chat messages: their texts (role, name, content, text parts of it). Calls of tools,
 * images and other objects are not counted. */
uint64_t tokens_of_messages(yyjson_val *messages);

#endif
