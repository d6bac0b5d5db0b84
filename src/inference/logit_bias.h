/*
 * `logit_bias` of a chat or a completion: {"TOKEN": BIAS, ...}, whose names no table can know.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_LOGIT_BIAS_H
#define INFERENCE_LOGIT_BIAS_H

#include "inference/exchange.h"

/* Of a request (its root) that its table let pass: every name is a token's number, every value from
 * -100 to 100. */
MUST_CHECK bool logit_bias_check(yyjson_val *root, struct error *err);

#endif
