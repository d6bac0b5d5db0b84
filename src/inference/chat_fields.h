/*
 * What a chat request may hold, member by member down to the parts of a message: Azure's inference
 * specification 2024-08-01-preview (tests/specs/inference/), and what newer versions, OpenAI's own
 * specification and the SDKs that follow it have besides.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_CHAT_FIELDS_H
#define INFERENCE_CHAT_FIELDS_H

#include "inference/stream_options.h"

extern const struct fields chat_fields;

#endif
