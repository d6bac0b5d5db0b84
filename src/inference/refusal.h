/*
 * What is said to a request for which its deployment, or the engine behind it, has no room.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_REFUSAL_H
#define INFERENCE_REFUSAL_H

#include "inference/exchange.h"

/* The 429 that says why ADMIT did not let the request in, and when to come again; fills x->retry as
 * well, and notes it for who asks about it by the request's id (model/refusal_log.h). */
void refusal_set(struct exchange *x, struct error *err);
/* The same words for an engine that refused so; `seconds`: when to come again. */
void refusal_set_rate_limit(struct exchange *x, const char *what, struct str seconds,
                            struct error *err);
/* The 403 for what would cost more than its engine may in a day. */
void refusal_set_budget(struct exchange *x, struct error *err);

#endif
