/*
 * What ADMIT and SETTLE do to the counters of a deployment; exchange_admit itself is a phase.
 * SPDX-License-Identifier: MIT
 */
#ifndef INFERENCE_ADMIT_H
#define INFERENCE_ADMIT_H

#include "inference/exchange.h"

/* A request that is refused for what it asks (400) counts as a request all the same: Azure's
 * documentation of quota. The deployment is known; once for an exchange. */
void admit_count_refused(struct exchange *x);

/* The request has ended: what it really took is put right where the limit's rules say so, once. */
void admit_settle(struct exchange *x);

/* Answers that are generated for it, which the estimate takes as one each. */
uint64_t admit_answers(const struct exchange *x);

/* In refusal.c: the 429 that says why the request was not admitted, and when to come again; fills
 * x->retry as well, and notes it for who asks about it by the request's id. */
void refusal_set(struct exchange *x, struct error *err);
/* The 403 for what would cost more than its engine may in a day. */
void refusal_set_budget(struct exchange *x, struct error *err);
/* The same words for an engine that refused so; `seconds`: when to come again. */
void refusal_set_rate_limit(struct exchange *x, const char *what, struct str seconds,
                            struct error *err);

#endif
