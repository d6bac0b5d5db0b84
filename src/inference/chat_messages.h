/*
 * What the tables of chat_fields.h cannot say of a chat's messages and tools: the order of tool calls
 * and their results, who must say something, what the parts need of an engine, and how long it all is.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_CHAT_MESSAGES_H
#define INFERENCE_CHAT_MESSAGES_H

#include "inference/exchange.h"

/* Both take a request (its root) that its table let pass, and add to facts: prompt_chars, features. */
MUST_CHECK bool chat_messages_check(struct request_facts *facts, yyjson_val *root,
                                    struct error *err);
MUST_CHECK bool chat_tools_check(struct request_facts *facts, yyjson_val *root, struct error *err);

/* Some text in the messages has the word "json", in any case: json_object asks for that. */
bool chat_messages_mention_json(yyjson_val *messages);

#endif
