/*
 * The messages and tools of a chat request: roles, content parts, the order of tool calls and their
 * results, what they need of an engine, and how long they are.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_CHAT_MESSAGES_H
#define INFERENCE_CHAT_MESSAGES_H

#include "inference/exchange.h"

/* Both add to facts: prompt_chars, features. `root` is the request. */
MUST_CHECK bool chat_messages_check(struct request_facts *facts, yyjson_val *root,
                                    struct error *err);
MUST_CHECK bool chat_tools_check(struct request_facts *facts, yyjson_val *root, struct error *err);

/* Some text in the messages has the word "json", in any case: json_object asks for that. */
bool chat_messages_mention_json(yyjson_val *messages);

#endif
