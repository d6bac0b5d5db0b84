/*
 * `stream` and `stream_options` of a request: the same for every operation that streams.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_STREAM_OPTIONS_H
#define INFERENCE_STREAM_OPTIONS_H

#include "inference/fields.h"

extern const struct fields stream_options_fields;

/* Fills facts->stream and facts->include_usage from the request's root, which its table let pass. */
MUST_CHECK bool stream_options_check(struct request_facts *facts, yyjson_val *root,
                                     struct error *err);

#endif
